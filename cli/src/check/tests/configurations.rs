//! Rules about a plugin configuration.

use super::{codes, findings};

#[test]
fn mounts_are_paths_to_mlflows_root() {
    for (mount, expected) in [
        ("/api/mlflow", &[][..]),
        ("/api/2.0/mlflow", &["mount-of-api mounts[0]"]),
        ("/models/ajax-api/2.0/mlflow", &["mount-of-api mounts[0]"]),
        ("/api/2.0", &["mount-of-api mounts[0]"]),
        ("/api/2.01", &[]),
        ("/mlflow/*", &["regex-pattern mounts[0]"]),
        ("/mlflow/.*", &["regex-pattern mounts[0]"]),
        ("/(a)", &["regex-pattern mounts[0]"]),
    ] {
        let text = format!(r#"{{"auth_service":{{"cluster":"c"}},"mounts":[{mount:?}]}}"#);
        assert_eq!(codes(&text), expected, "{mount}");
    }
}

fn with(more: &str) -> String {
    format!("{{\"auth_service\": {{\"cluster\": \"c\"}}, \"mounts\": [\"/\"]{more}}}")
}

#[test]
fn what_is_found() {
    for (more, expected) in [
        ("", &[][..]),
        (r#","scopes":{"a":["run:read"]}"#, &[]),
        // Scopes and roles that grant nothing; a default scope is switched off that way.
        (r#","scopes":{"a":[]}"#, &["grants-nothing scopes.a"]),
        (r#","scopes":{"read":[],"model:write":[],"admin":[]}"#, &[]),
        (r#","roles":{"read":[]}"#, &["grants-nothing roles.read"]),
        // Permissions that no operation needs.
        (
            r#","scopes":{"a":["webhook:read","webhook:admin"]}"#,
            &["permission-unused scopes.a[0]"],
        ),
        (r#","scopes":{"a":["run:*","*:use","*:*"]}"#, &[]),
        (
            r#","roles":{"a":["run:read","run:promote"]}"#,
            &["permission-unused roles.a[1]"],
        ),
        (
            r#","scopes":{"a":{"permissions":["run:promote"]}}"#,
            &["permission-unused scopes.a.permissions[0]"],
        ),
        // Scopes that take the place of a limited one.
        (
            r#","scopes":{"model:write:acme":["run:read"]}"#,
            &["scope-shadows scopes.model:write:acme"],
        ),
        (
            r#","scopes":{"x:y":["run:read"],"x:y:z:w":["run:read"]}"#,
            &["scope-shadows scopes.x:y:z:w"],
        ),
        (
            r#","scopes":{"read:users":["run:read"],"registry:admin":["*:*"]}"#,
            &[],
        ),
        (r#","roles":{"model:write:acme":["run:read"]}"#, &[]),
        // Overrides.
        (
            r#","overrides":[{"match":{"access":"delete"},"mode":"enforce"},{"mode":"shadow"}]"#,
            &[],
        ),
        (
            r#","overrides":[{"mode":"shadow"},{"match":{"access":"delete"},"mode":"enforce"}]"#,
            &["override-unused overrides[1]"],
        ),
        (
            r#","overrides":[{"enforce_percent":5},{"match":{"access":"delete"},"mode":"enforce"}]"#,
            &[],
        ),
        (
            r#","overrides":[{"match":{"object":"webhook","access":"promote"},"mode":"shadow"}]"#,
            &["override-unused overrides[0].match"],
        ),
        (
            r#","overrides":[{"match":{"host":"a"},"mode":"shadow"},{"match":{"host":"b"},"mode":"enforce"}]"#,
            &["override-by-host overrides[0].match.host"],
        ),
        (
            r#","overrides":[{"scopes":{"a":["run:promote"]}}]"#,
            &["permission-unused overrides[0].scopes.a[0]"],
        ),
        // Names that nobody carries.
        (
            r#","scopes":{"":["run:read"]}"#,
            &["scope-unusable scopes."],
        ),
        (
            r#","scopes":{"a b":["run:read"]}"#,
            &["scope-unusable scopes.a b"],
        ),
        (
            r#","scopes":{" a":["run:read"]}"#,
            &["scope-unusable scopes. a"],
        ),
        (
            r#","scopes":{"acme-*":["run:read"]}"#,
            &["scope-unusable scopes.acme-*"],
        ),
        (
            r#","roles":{"a,b":["run:read"]}"#,
            &["scope-unusable roles.a,b"],
        ),
        (
            r#","roles":{"team-?":["run:read"]}"#,
            &["scope-unusable roles.team-?"],
        ),
        // Limited grants, and bodies that are not read.
        (
            r#","scopes":{"a":{"permissions":["run:read"],"searches":false}}"#,
            &["limited-without-bodies scopes.a.searches"],
        ),
        (
            r#","scopes":{"a":{"permissions":["run:read"],"searches":true}}"#,
            &[],
        ),
        (
            r#","bodies":"inspect","scopes":{"a":{"permissions":["run:read"],"searches":false}}"#,
            &[],
        ),
        // Rights of revoked keys in an outage.
        (
            r#","cache":{"stale_if_error":"1h"}"#,
            &["stale-without-revocation cache.stale_if_error"],
        ),
        (r#","cache":{"stale_if_error":"5m"}"#, &[]),
        (
            r#","cache":{"stale_if_error":"1h"},"revocation":{"path":"/r"}"#,
            &[],
        ),
        (
            r#","credentials":["bearer","query"]"#,
            &["key-in-query credentials"],
        ),
        // Patterns are no regular expressions, and mounts no patterns.
        (
            r#","key_pattern":"^hk_[a-z]+$""#,
            &["regex-pattern key_pattern"],
        ),
        (r#","key_pattern":"hk_.*""#, &["regex-pattern key_pattern"]),
        (r#","key_pattern":"hk_live_????_*""#, &[]),
        (r#","key_pattern":"v1.*""#, &[]),
        (
            r#","hosts":["mlflow.internal",".*.internal"]"#,
            &["regex-pattern hosts[1]"],
        ),
        (r#","hosts":["*.internal"]"#, &[]),
        (
            r#","roles":{"team-(a|b)":["run:read"]}"#,
            &["regex-pattern roles.team-(a|b)"],
        ),
        (
            r#","scopes":{"^read$":["run:read"]}"#,
            &["regex-pattern scopes.^read$"],
        ),
        (
            r#","overrides":[{"match":{"host":".*.a"},"mode":"shadow"}]"#,
            &[
                "regex-pattern overrides[0].match.host",
                "override-by-host overrides[0].match.host",
            ],
        ),
        // Another name, or a dot behind it, is not under an override by host.
        (
            r#","mode":"shadow","overrides":[{"match":{"host":"a"},"mode":"enforce"}]"#,
            &["override-by-host overrides[0].match.host"],
        ),
        (
            r#","enforce_percent":5,"overrides":[{"match":{"host":"a"},"enforce_percent":100}]"#,
            &["override-by-host overrides[0].match.host"],
        ),
        (
            r#","overrides":[{"match":{"host":"a","access":"delete"},"mode":"enforce"},{"mode":"shadow"}]"#,
            &["override-by-host overrides[0].match.host"],
        ),
        (
            r#","overrides":[{"match":{"host":"a"},"scopes":{"read":["run:read"]}}]"#,
            &["override-by-host overrides[0].match.host"],
        ),
        (
            r#","mode":"shadow","overrides":[{"match":{"host":"a","access":"delete"},"mode":"enforce"},{"match":{"access":"delete"},"mode":"enforce"}]"#,
            &[],
        ),
        (
            r#","forward_credential":true,"public":["ui"],"graphql":"deny""#,
            &[],
        ),
    ] {
        assert_eq!(codes(&with(more)), expected, "{more}");
    }
}

/// The parser's own errors: each names the field, what is wrong and what to do.
#[test]
fn what_the_filter_refuses_is_an_error() {
    for (text, path, problem, remedy) in [
        (
            "mounts: [/]",
            "",
            "does not start with `{`",
            "give the plugin configuration itself",
        ),
        ("", "", "does not start with `{`", "starting with {"),
        ("[]", "", "does not start with `{`", "starting with {"),
        ("{\"mounts\": [", "", "not JSON", "correct the JSON"),
        ("{\"mounts\": [],}", "", "not JSON", "trailing commas"),
        ("{}", "", "is missing; write the paths", "correct mounts"),
        (
            r#"{"mounts":["/"]}"#,
            "",
            "auth_service: is missing; write ",
            "reference",
        ),
        (
            r#"{"auth_service":{"cluster":"c","tiemout":"2s"},"mounts":["/"]}"#,
            "auth_service.tiemout",
            "unknown field; did you mean `timeout`?",
            "write timeout, or remove the field",
        ),
        (
            r#"{"auth_service":{"cluster":"c"},"mounts":["/"],"qqqqqqqqqqqqqqqqqqqq":1}"#,
            "qqqqqqqqqqqqqqqqqqqq",
            "unknown field",
            "remove it",
        ),
        (
            r#"{"auth_service":{"cluster":"c"},"mounts":["/"],"scopes":{"a":["run:read","artefact:read"]}}"#,
            "scopes.a[1]",
            "\"artefact\" is not an object",
            "correct scopes.a[1]",
        ),
        (
            r#"{"auth_service":{"cluster":"c"},"mounts":["/"],"bodies":5}"#,
            "bodies",
            "must be one of \"ignore\", \"inspect\"",
            "correct bodies",
        ),
        (
            r#"{"auth_service":{"cluster":"c"},"mounts":["/"],"credentials":["a\nb\u001b[2J"]}"#,
            "credentials[0]",
            "",
            "correct credentials[0]",
        ),
    ] {
        let found = findings(&[("f", text)]);
        let [finding] = found.as_slice() else {
            panic!("{text}: {found:?}")
        };
        assert_eq!(
            (finding.code, finding.spot.path.as_str()),
            ("config-refused", path),
            "{text}"
        );
        assert_eq!(finding.severity.to_string(), "error");
        assert!(
            finding.problem.contains(problem),
            "{text}: {}",
            finding.problem
        );
        assert!(
            finding.remedy.contains(remedy),
            "{text}: {}",
            finding.remedy
        );
        let line = format!("{}{}", finding.problem, finding.remedy);
        assert!(!line.contains(char::is_control), "{line:?}");
    }
}

#[test]
fn findings_say_the_line() {
    let text = "{\n \"auth_service\": {\"cluster\": \"c\"}, \"mounts\": [\"/\"],\n \"scopes\": {\n  \"a\": [\"run:read\",\n   \"run:promote\"]\n }\n}";
    let lines: Vec<u64> = findings(&[("f", text)])
        .iter()
        .map(|finding| finding.spot.line)
        .collect();
    assert_eq!(lines, [5]);
}
