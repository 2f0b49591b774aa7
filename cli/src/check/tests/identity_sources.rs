//! What is found about who says who callers are: keys of the configuration, the auth service's credential.

use super::{codes, findings};

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
            r#","workspace":"acme""#,
            &["config-refused keys[0].workspace"],
        ),
    ] {
        assert_eq!(codes(&keys(more)), expected, "{more}");
    }
}

#[test]
fn nothing_says_who_callers_are() {
    assert_eq!(codes(r#"{"mounts": ["/"]}"#), ["config-refused"]);
}
