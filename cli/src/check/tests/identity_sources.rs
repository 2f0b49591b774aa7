//! What is found about who says who callers are: keys of the configuration, the auth service's credential.

use super::{codes, findings};
use crate::check::plugin;

/// Envoy's admin interface shows a plugin configuration to whoever reaches it.
#[test]
fn a_secret_in_plain_text_is_found_and_not_repeated() {
    let service = |more: &str| {
        format!(
            r#"{{"auth_service": {{"cluster": "c", "key_in": "json:key"{more}}}, "mounts": ["/"]}}"#
        )
    };
    for (headers, expected) in [
        ("", &[][..]),
        (r#", "headers": []"#, &[]),
        (r#", "headers": ["x-tenant: SECRET"]"#, &[]),
        (
            r#", "headers": ["x-tenant: a", "X-Service-Token: SECRET"]"#,
            &["secret-in-plain-text auth_service.headers[1]"],
        ),
        (
            r#", "headers": ["authorization: Basic SECRET"]"#,
            &["secret-in-plain-text auth_service.headers[0]"],
        ),
        (
            r#", "headers": ["x-service: Bearer SECRET", "x-pass: SECRET", "X-Session: SECRET"]"#,
            &[
                "secret-in-plain-text auth_service.headers[0]",
                "secret-in-plain-text auth_service.headers[1]",
                "secret-in-plain-text auth_service.headers[2]",
            ],
        ),
        (
            r#", "path": "/v?tenant=a&Token=SECRET""#,
            &["secret-in-plain-text auth_service.path"],
        ),
        (r#", "path": "/v?tenant=a""#, &[]),
        (
            r#"}, "revocation": {"path": "/r", "credential_header": "x-poll: SECRET""#,
            &["secret-in-plain-text revocation.credential_header"],
        ),
    ] {
        let text = service(headers);
        assert_eq!(codes(&text), expected, "{headers}");
        let said = format!(
            "{:?}",
            findings(&[("f", &text)])
                .iter()
                .map(|it| &it.problem)
                .collect::<Vec<_>>()
        );
        assert!(!said.contains("SECRET"), "{said}");
    }
}

#[test]
fn a_summary_shows_no_query_of_the_auth_service() {
    let text = r#"{"mounts": ["/"], "auth_service": {"cluster": "c", "path": "/v?token=SECRET"}}"#;
    let config = mlflow_authz::Config::parse(text.as_bytes()).unwrap();
    let summary = plugin::summary(&config);
    assert!(summary.contains(" at c/v, "), "{summary}");
}

/// A field that is null is not there for the finding, which names what is around it.
#[test]
fn a_path_is_told_once() {
    for (text, spot, problem) in [
        (
            keys(r#","expires_at":null"#),
            "keys[0]",
            "expires_at: must be text in quotes",
        ),
        (
            r#"{"mounts": ["/"], "auth_service": {"cluster": "c", "reply": {"scopes": null}}}"#.to_owned(),
            "auth_service.reply",
            "scopes: must be ",
        ),
        (
            r#"{"mounts": ["/"], "auth_service": {"cluster": "c", "reply": null}}"#.to_owned(),
            "auth_service",
            "reply: must be ",
        ),
        (
            r#"{"mounts": ["/"], "auth_service": {"cluster": "c", "path": "/i", "protocol": "introspection", "audience": ""}}"#
                .to_owned(),
            "auth_service.audience",
            "is empty",
        ),
        (
            r#"{"mounts": ["/"], "auth_service": {"cluster": "c", "path": "/i", "protocol": "introspection", "audience": ["a"]}}"#
                .to_owned(),
            "auth_service.audience",
            "must be ",
        ),
    ] {
        let found = findings(&[("f", &text)]);
        let [one] = found.as_slice() else {
            panic!("{text}: {:?}", found.iter().map(|it| &it.problem).collect::<Vec<_>>());
        };
        assert_eq!(one.spot.path, spot, "{text}");
        assert!(one.problem.starts_with(problem), "{}", one.problem);
    }
}

/// Entries of `keys`, with further fields that begin with a comma.
fn keys(more: &str) -> String {
    let digest = "8e2f1b0c7a6d5e4f3a2b1c0d9e8f7a6b5c4d3e2f1a0b9c8d7e6f5a4b3c2d1e0f";
    format!(r#"{{"mounts": ["/"], "keys": [{{"sha256": "{digest}", "key_id": "ci"{more}}}]}}"#)
}

#[test]
fn keys_that_have_ended_or_grant_nothing() {
    for (more, expected) in [
        (r#","scopes":["model:read","model:write:fraud-*"]"#, &[][..]),
        (r#","is_admin":true"#, &[]),
        (
            r#","scopes":["model:read"],"expires_at":"9000-01-01T00:00:00Z""#,
            &[],
        ),
        (
            r#","scopes":["model:read"],"expires_at":"2020-01-01T00:00:00Z""#,
            &["key-expired keys[0].expires_at"],
        ),
        ("", &["key-without-rights keys[0]"]),
        (
            r#","scopes":["model:reed"],"roles":["lead"]"#,
            &[
                "key-without-rights keys[0].scopes",
                "key-without-rights keys[0].roles",
            ],
        ),
        (
            r#","workspace":"Acme""#,
            &["config-refused keys[0].workspace"],
        ),
        (
            r#","workspace":"acme""#,
            &["key-without-rights keys[0]", "workspaces-disabled keys[0]"],
        ),
    ] {
        assert_eq!(codes(&keys(more)), expected, "{more}");
    }
}

#[test]
fn certificates_that_grant_nothing() {
    for (rights, expected) in [
        (r#"{"scopes":["model:read"]}"#, &[][..]),
        (r#"{"is_admin":true}"#, &[]),
        ("{}", &["key-without-rights mtls.principals.a"]),
        (
            r#"{"scopes":["model:reed"]}"#,
            &["key-without-rights mtls.principals.a.scopes"],
        ),
    ] {
        let text = format!(
            r#"{{"mounts": ["/"], "mtls": {{"by": "uri_san", "principals": {{"a": {rights}}}}}}}"#
        );
        assert_eq!(codes(&text), expected, "{rights}");
    }
}

#[test]
fn a_summary_names_each_source_of_identities() {
    let text = r#"{"mounts": ["/"], "jwt": {"metadata_key": ["payload", "idp"]},
        "mtls": {"by": "dns_san", "principals": {"a.test": {"is_admin": true}}}}"#;
    let config = mlflow_authz::Config::parse(text.as_bytes()).unwrap();
    let summary = plugin::summary(&config);
    let sources = ", jwt with claims under payload or idp, mtls by dns_san, principals: 1, ";
    assert!(summary.contains(sources), "{summary}");
}

#[test]
fn settings_without_effect() {
    let introspection =
        r#""cluster": "c", "path": "/i", "protocol": "introspection", "audience": null"#;
    for (service, more, expected) in [
        (
            introspection,
            r#""key_in": "bearer""#,
            &["setting-unused auth_service.key_in"][..],
        ),
        (
            introspection,
            r#""service_id": "mlflow""#,
            &["setting-unused auth_service.service_id"],
        ),
        (introspection, r#""method": "POST""#, &[]),
        (
            r#""cluster": "c""#,
            r#""key_in": "bearer", "service_id": "mlflow""#,
            &[],
        ),
        (
            r#""cluster": "c""#,
            r#""method": "GET", "service_id": "mlflow""#,
            &["setting-unused auth_service.service_id"],
        ),
        (r#""cluster": "c""#, r#""method": "GET""#, &[]),
    ] {
        let text = format!(r#"{{"mounts": ["/"], "auth_service": {{{service}, {more}}}}}"#);
        assert_eq!(codes(&text), expected, "{text}");
    }
    let cached = r#"{"mounts": ["/"], "jwt": {}, "cache": {"ttl": "1s"}}"#;
    assert_eq!(codes(cached), ["setting-unused cache"]);
}

#[test]
fn callers_without_an_id() {
    for (key_id, expected) in [
        ("[]", &["jwt-key-id jwt.key_id"][..]),
        (r#""/sub""#, &[]),
        (r#"["/azp", "/sub"]"#, &[]),
    ] {
        let text = format!(r#"{{"mounts": ["/"], "jwt": {{"key_id": {key_id}}}}}"#);
        assert_eq!(codes(&text), expected, "{key_id}");
    }
}

/// It stands in the documents in the place of a digest: no key has it.
#[test]
fn a_digest_of_zeros_is_a_placeholder() {
    let zeros = "0".repeat(64);
    let text = format!(
        r#"{{"mounts": ["/"], "keys": [{{"sha256": "{zeros}", "key_id": "ci", "scopes": ["model:read"]}}]}}"#
    );
    let found = findings(&[("f", &text)]);
    let [one] = found.as_slice() else {
        panic!(
            "{:?}",
            found.iter().map(|it| &it.problem).collect::<Vec<_>>()
        );
    };
    assert_eq!(one.spot.path, "keys[0].sha256");
    assert!(one.problem.contains("no key has it"), "{}", one.problem);
}

#[test]
fn nothing_says_who_callers_are() {
    assert_eq!(codes(r#"{"mounts": ["/"]}"#), ["config-refused"]);
}
