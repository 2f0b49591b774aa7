//! How findings are told.

use super::super::input::File;
use super::super::{check, report, rules};
use super::sample;

fn file(name: &str, text: &str) -> File {
    File::read(name.into(), text.as_bytes().to_vec()).unwrap()
}

fn text(files: &[File]) -> String {
    let mut out = Vec::new();
    report::text(&mut out, files, &check(files)).unwrap();
    String::from_utf8(out).unwrap()
}

#[test]
fn a_good_configuration_is_summed_up() {
    let good = file(
        "f.json",
        r#"{"auth_service":{"cluster":"outbound|443||auth.internal"},"mounts":["/api/mlflow","/"],"roles":{"r":["*:*"]}}"#,
    );
    assert_eq!(
        text(&[good]),
        "f.json: ok: mode enforce, mounts /api/mlflow /, auth service outbound|443||auth.internal at \
         auth.internal/api/v1/keys/validate, scopes configured: 0, roles configured: 1\n"
    );
    assert_eq!(
        text(&[file("envoy.yaml", &sample(&[]))]),
        "envoy.yaml: ok\n"
    );
}

#[test]
fn a_finding_is_a_line() {
    let bad = file(
        "f.json",
        "{\"auth_service\": {\"cluster\": \"c\"}, \"mounts\": [\"/\"],\n\"scopes\": {\"a\": [\"webhook:read\"], \"b\": []}}",
    );
    assert_eq!(
        text(&[bad]),
        "f.json:2: warning[permission-unused]: scopes.a[0]: no operation of MLflow needs webhook:read; remove it, or \
         take what the operations need: webhook:admin\n\
         f.json:2: warning[grants-nothing]: scopes.b: grants nothing; list permissions, or remove it: a name that no \
         table knows grants nothing either\n\
         f.json: 2 warnings: mode enforce, mounts /, auth service c at c/api/v1/keys/validate, scopes \
         configured: 2, roles configured: 0\n"
    );
}

#[test]
fn json_has_the_same() {
    let files = [file(
        "f.json",
        "{\"auth_service\": {\"cluster\": \"c\"}, \"mounts\": [\"/\"], \"x\": 1}",
    )];
    let mut out = Vec::new();
    report::json(&mut out, &files, &check(&files)).unwrap();
    let report: serde_json::Value = serde_json::from_slice(&out).unwrap();
    assert_eq!(
        (&report["errors"], &report["warnings"]),
        (&1.into(), &0.into())
    );
    let finding = &report["findings"][0];
    for (field, value) in [
        ("severity", "error"),
        ("code", "config-refused"),
        ("file", "f.json"),
        ("path", "x"),
    ] {
        assert_eq!(finding[field], value, "{field}");
    }
    assert_eq!(finding["line"], 1);
}

/// What a file holds under `revocation` is never told, however broken the file is.
#[test]
fn secrets_are_not_told() {
    const SECRET: &str = "hk_live_very_secret";
    for broken in [
        format!(
            "{{\"auth_service\": {{\"cluster\": \"c\"}}, \"revocation\": {{\"path\": \"/r\", \"credential_header\": \"{SECRET}\"}}}}"
        ),
        format!("{{\"auth_service\": {{\"cluster\": \"c\"}}, \"revocation\": \"{SECRET}\"}}"),
        format!("{{\"revocation\": {{\"credential_header\": \"x: {SECRET}\" \"path\""),
    ] {
        let told = text(&[file("f.json", &broken)]);
        assert!(
            told.contains("error[") && !told.contains("very_secret"),
            "{told}"
        );
    }
    let yaml = format!("a: [1\nb: \"{SECRET}\nc: {{");
    let error = File::read("f.yaml".into(), yaml.into_bytes())
        .unwrap_err()
        .to_string();
    assert!(
        error.contains("neither JSON nor YAML") && !error.contains("very_secret"),
        "{error}"
    );
}

/// Envoy drops a key with this tag, and what stands behind it counts.
#[test]
fn a_key_that_envoy_drops_is_not_read() {
    for (yaml, line) in [
        ("a: 1\n!ignore b: 2\nb: 3\n", Some(2)),
        ("a: { !ignore b: 2, b: 3 }", Some(1)),
        ("a: {!ignore b: 2, b: 3}", Some(1)),
        ("a: 1\n&anchor !ignore b: 2\n", Some(2)),
        ("a: 1\n!<!ignore> b: 2\n", Some(2)),
        ("%TAG !e! !ign\n---\n!e!ore b: 2\n", Some(1)),
        ("a: 1 # !ignore b\n", None),
        ("a: '!ignored'\n", None),
    ] {
        let read = File::read("f.yaml".into(), yaml.as_bytes().to_vec());
        let refused = read.err().map(|error| error.to_string());
        let found = refused
            .as_deref()
            .and_then(|it| it.strip_prefix("f.yaml:")?.split(':').next()?.parse().ok());
        assert_eq!(found, line, "{yaml}: {refused:?}");
    }
}

#[test]
fn every_rule_has_a_code_of_its_own() {
    let mut codes: Vec<&str> = rules::ALL.iter().map(|rule| rule.code).collect();
    codes.sort_unstable();
    codes.dedup();
    assert_eq!(codes.len(), rules::ALL.len());
}

/// What is told names what it is about: no word is missing.
#[test]
fn nothing_is_empty() {
    for broken in [
        "{}",
        "",
        "[]",
        "null",
        r#"{"": 1}"#,
        r#"{"auth_service": {}}"#,
        r#"{"auth_service": {"": 1}}"#,
        r#"{"auth_service": {"cluster": ""}}"#,
        r#"{"mounts": ["/"], "auth_service": {"cluster": "c"}, "scopes": {"": []}}"#,
        r#"{"mounts": ["/"], "auth_service": {"cluster": "c"}, "scopes": {"": [""]}}"#,
        r#"{"mounts": [""], "auth_service": {"cluster": "c"}}"#,
        r#"{"mounts": ["/"], "auth_service": {"cluster": "c"}, "overrides": [{}]}"#,
        r#"{"mounts": ["/"], "auth_service": {"cluster": "c"}, "credentials": [""]}"#,
        r#"{"mounts": ["/"], "auth_service": {"cluster": "c"}, "key_pattern": ""}"#,
        "static_resources: {}",
        "static_resources: { listeners: [{}], clusters: [{}] }",
        "apiVersion: v1\nkind: List\nitems: []",
    ] {
        let told = text(&[file("f.json", broken)]);
        for empty in [
            "correct ;",
            "  ",
            ": :",
            ": ;",
            "; ;",
            "``",
            " ,",
            "write ,",
            "is called ;",
        ] {
            assert!(!told.contains(empty), "{broken}: {empty:?} in {told}");
        }
    }
    let unnamed = sample(&[
        (
            "          - name: envoy.filters.http.router\n            typed_config:\n",
            "          - typed_config:\n",
        ),
        (
            "          - name: mlflow_authz\n            typed_config:\n",
            "          - typed_config:\n",
        ),
    ]);
    let told = text(&[file("f", &unnamed)]);
    assert!(!told.contains("  ") && !told.contains(" ,"), "{told}");
}
