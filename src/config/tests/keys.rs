//! Keys that the configuration lists.

use std::time::Duration;

use super::{error, mounted, parse, with};
use crate::config::{Config, ConfigError};

const HASH: &str = "8e2f1b0c7a6d5e4f3a2b1c0d9e8f7a6b5c4d3e2f1a0b9c8d7e6f5a4b3c2d1e0f";

fn keys(json: &str) -> Result<Config, ConfigError> {
    parse(&mounted(&format!(r#""keys": {json}"#)))
}

fn entry(more: &str) -> Result<Config, ConfigError> {
    keys(&format!(
        r#"[{{"sha256": "{HASH}", "key_id": "ci"{more}}}]"#
    ))
}

#[test]
fn an_entry_has_defaults_that_grant_nothing() {
    let config = entry("").unwrap();
    assert!(config.auth_service.is_none());
    let [key] = config.keys.as_slice() else {
        panic!("{:?}", config.keys)
    };
    assert_eq!((key.key_id.as_str(), &key.user_id), ("ci", &None));
    assert!(key.scopes.is_empty() && key.roles.is_empty() && !key.is_admin);
    assert_eq!(key.expires_at, None);
}

#[test]
fn an_entry_with_every_field() {
    let upper = HASH.to_uppercase();
    let config = keys(&format!(
        r#"[{{"sha256": "{upper}", "key_id": "ci", "user_id": "ci-bot", "scopes": ["model:write"], "roles": ["r"],
             "is_admin": true, "expires_at": "2027-01-31T00:00:00Z"}}]"#
    ))
    .unwrap();
    let [key] = config.keys.as_slice() else {
        panic!("{:?}", config.keys)
    };
    assert_eq!(key.sha256.to_string(), HASH);
    assert_eq!(key.user_id.as_deref(), Some("ci-bot"));
    assert_eq!(
        (key.scopes.as_slice(), key.roles.as_slice()),
        (&["model:write".to_owned()][..], &["r".to_owned()][..])
    );
    assert!(key.is_admin);
    assert_eq!(key.expires_at, Some(Duration::from_secs(1_801_353_600)));
}

#[test]
fn the_keys_of_an_auth_service_may_stand_beside_them() {
    let config = with(&format!(
        r#""keys": [{{"sha256": "{HASH}", "key_id": "ci"}}], "key_pattern": "hk_*""#
    ));
    let config = config.unwrap();
    assert!(config.auth_service.is_some() && config.keys.len() == 1);
}

#[test]
fn one_source_is_needed() {
    for fields in [r#""version": 1"#, r#""keys": []"#] {
        let shown = error(parse(&mounted(fields)));
        assert!(
            shown.starts_with(
                "auth_service: is missing, and so are \"keys\", \"jwt\" and \"mtls\": nothing identifies callers; write "
            ),
            "{shown}"
        );
    }
}

#[test]
fn what_is_about_the_auth_service_needs_one() {
    for (more, field) in [
        (r#""key_pattern": "mk_*""#, "key_pattern"),
        (r#""revocation": {"path": "/r"}"#, "revocation"),
    ] {
        let shown = error(parse(&mounted(&format!(
            r#""keys": [{{"sha256": "{HASH}", "key_id": "ci"}}], {more}"#
        ))));
        assert!(
            shown.starts_with(&format!(
                "{field}: needs an auth service, and none is configured; write "
            )),
            "{shown}"
        );
    }
}

#[test]
fn errors_name_the_field_and_never_the_value() {
    let other = HASH.replace('8', "9");
    for (result, start) in [
        (keys("{}"), "keys: must be a list"),
        (keys(r#""mk_secret""#), "keys: must be a list"),
        (keys(r#"["mk_secret"]"#), "keys[0]: must be "),
        (keys("null"), "keys: must be a list"),
        (keys(r#"[{"key_id": "ci"}]"#), "keys[0].sha256: is missing"),
        (
            keys(&format!(r#"[{{"sha256": "{HASH}"}}]"#)),
            "keys[0].key_id: is missing",
        ),
        (
            keys(r#"[{"sha256": "mk_secret", "key_id": "ci"}]"#),
            "keys[0].sha256: must be the SHA-256 of the key in 64 hexadecimal digits; write what `mlflow-authz key digest` prints",
        ),
        (
            keys(&format!(
                r#"[{{"sha256": "{}g", "key_id": "ci"}}]"#,
                HASH.get(1..).unwrap()
            )),
            "keys[0].sha256: must be the SHA-256",
        ),
        (
            keys(&format!(
                r#"[{{"sha256": "+{}", "key_id": "ci"}}]"#,
                HASH.get(1..).unwrap()
            )),
            "keys[0].sha256: must be the SHA-256",
        ),
        (
            keys(&format!(r#"[{{"sha256": "{HASH}00", "key_id": "ci"}}]"#)),
            "keys[0].sha256: must be the SHA-256",
        ),
        (
            keys(r#"[{"sha256": 5, "key_id": "ci"}]"#),
            "keys[0].sha256: must be text in quotes",
        ),
        (
            keys(&format!(
                r#"[{{"sha256": "{other}", "key_id": "a"}}, {{"sha256": "{HASH}", "key_id": "b"}}, {{"sha256": "{}", "key_id": "c"}}]"#,
                other.to_uppercase()
            )),
            "keys[2].sha256: is also the digest of keys[0]; write each key once",
        ),
        (
            keys(&format!(r#"[{{"sha256": "{HASH}", "key_id": " "}}]"#)),
            "keys[0].key_id: is empty",
        ),
        (
            keys(
                r#"[{"sha256": "524eedbaa9834655b68e39a8f15ff4611f7a2926ca30cd5953b01f645c0e916b", "key_id": "mk_secret"}]"#,
            ),
            "keys[0].key_id: is a key itself; write a public name",
        ),
        // Whatever is shown of an entry is compared with every key.
        (
            keys(&format!(
                r#"[{{"sha256": "{HASH}", "key_id": "ci", "scopes": ["a", "mk_secret"]}},
                    {{"sha256": "524eedbaa9834655b68e39a8f15ff4611f7a2926ca30cd5953b01f645c0e916b", "key_id": "k"}}]"#
            )),
            "keys[0].scopes[1]: is a key itself; write a public name",
        ),
        (
            keys(
                r#"[{"sha256": "524eedbaa9834655b68e39a8f15ff4611f7a2926ca30cd5953b01f645c0e916b", "key_id": "ci", "roles": ["mk_secret"]}]"#,
            ),
            "keys[0].roles[0]: is a key itself; write a public name",
        ),
        (entry(r#", "scopes": [" "]"#), "keys[0].scopes[0]: is empty"),
        (
            keys(r#"[{"mk_secret": {"key_id": "ci"}}]"#),
            "keys[0]: has an unknown field, whose name is not shown",
        ),
        (
            entry(r#", "mk_secret": true"#),
            "keys[0]: has an unknown field, whose name is not shown",
        ),
        (entry(r#", "user_id": """#), "keys[0].user_id: is empty"),
        (entry(r#", "user_id": null"#), "keys[0].user_id: "),
        (
            entry(r#", "scopes": "mk_secret""#),
            "keys[0].scopes: must be a list",
        ),
        (
            entry(r#", "is_admin": "mk_secret""#),
            "keys[0].is_admin: must be true or false",
        ),
        (
            entry(r#", "expires_at": "mk_secret""#),
            "keys[0].expires_at: must be an RFC 3339 time in UTC; write ",
        ),
        (
            entry(r#", "expires_at": "2027-01-31T00:00:00+01:00""#),
            "keys[0].expires_at: must be an RFC 3339 time",
        ),
        (
            entry(r#", "expires_at": "2027-01-31""#),
            "keys[0].expires_at: must be an RFC 3339 time",
        ),
        (
            entry(r#", "expires_at": 1801353600"#),
            "keys[0].expires_at: must be text in quotes",
        ),
        (
            entry(r#", "expires_at": null"#),
            "keys[0].expires_at: must be text in quotes",
        ),
        (
            entry(r#", "workspace": "Acme""#),
            r#"keys[0].workspace: is not the name of a workspace"#,
        ),
        (
            entry(r#", "workspace": "acme-*""#),
            r#"keys[0].workspace: is not the name of a workspace"#,
        ),
        (
            entry(r#", "workspaces": ["acme", "a/b"]"#),
            r#"keys[0].workspaces[1]: is not a pattern of workspaces"#,
        ),
        (
            entry(r#", "workspaces": "acme""#),
            "keys[0].workspaces: must be a list",
        ),
        (
            entry(r#", "workspaces": null"#),
            "keys[0].workspaces: must be a list",
        ),
        (
            entry(r#", "workspaces": ["acme-*"], "workspace": "beta""#),
            r#"keys[0].workspace: is not in `workspaces`"#,
        ),
        (
            entry(r#", "key": "mk_secret""#),
            "keys[0].key: unknown field; write `sha256`",
        ),
        (
            entry(r#", "is_admin": true, "is_admin": false"#),
            "keys[0].is_admin: is duplicated",
        ),
    ] {
        let shown = error(result);
        assert!(shown.starts_with(start), "{start}: {shown}");
        assert!(
            !shown.contains("mk_secret") && !shown.contains(HASH),
            "{shown}"
        );
    }
}

#[test]
fn a_configuration_in_a_log_has_no_digest() {
    let shown = format!("{:?}", entry("").unwrap());
    assert!(shown.contains("sha256(hidden)"), "{shown}");
    assert!(
        !shown.contains(HASH.get(..8).unwrap()) && !shown.contains("142, 47"),
        "{shown}"
    );
}
