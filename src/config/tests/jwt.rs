//! Verified tokens.

use super::{error, mounted, parse};
use crate::config::{Config, ConfigError, Jwt};
use crate::pointer::Pointers;

fn jwt(json: &str) -> Result<Config, ConfigError> {
    parse(&mounted(&format!(r#""jwt": {json}"#)))
}

fn texts(pointers: &Pointers) -> Vec<&str> {
    pointers.iter().map(|it| it.as_str()).collect()
}

fn places(jwt: &Jwt) -> [Vec<&str>; 8] {
    let Jwt {
        metadata_key: _,
        user_id,
        key_id,
        scopes,
        grants,
        roles,
        is_admin,
        workspaces,
        workspace,
    } = jwt;
    let [user_id, key_id, scopes, grants, roles, is_admin] =
        [user_id, key_id, scopes, grants, roles, is_admin].map(texts);
    let [workspaces, workspace] =
        [workspaces, workspace].map(|it| it.as_ref().map(texts).unwrap_or_default());
    [
        user_id, key_id, scopes, grants, roles, is_admin, workspaces, workspace,
    ]
}

#[test]
fn defaults() {
    let config = jwt("{}").unwrap();
    assert!(config.auth_service.is_none() && config.keys.is_empty() && config.mtls.is_none());
    let jwt = config.jwt.unwrap();
    assert_eq!(jwt.metadata_key, ["payload"]);
    let expected: [&[&str]; 8] = [
        &["/sub"],
        &["/sub"],
        &["/scope", "/scp"],
        &[],
        &["/roles", "/realm_access/roles", "/groups"],
        &[],
        &[],
        &[],
    ];
    assert_eq!(places(&jwt), expected);
    assert_eq!((jwt.workspaces, jwt.workspace), (None, None));
}

#[test]
fn every_field() {
    let config = jwt(
        r#"{"metadata_key": ["payload", "https://issuer"], "user_id": "/email", "key_id": ["/azp", "/sub"],
            "scopes": [], "grants": "/g", "roles": "/r", "is_admin": ["/a"], "workspaces": "/w", "workspace": ["/p", "/q"]}"#,
    );
    let jwt = config.unwrap().jwt.unwrap();
    assert_eq!(jwt.metadata_key, ["payload", "https://issuer"]);
    let expected: [&[&str]; 8] = [
        &["/email"],
        &["/azp", "/sub"],
        &[],
        &["/g"],
        &["/r"],
        &["/a"],
        &["/w"],
        &["/p", "/q"],
    ];
    assert_eq!(places(&jwt), expected);
}

#[test]
fn errors_name_the_field() {
    for (json, start) in [
        ("null", "jwt: must be "),
        ("true", "jwt: must be "),
        (r#"{"metadata_key": []}"#, "jwt.metadata_key: is empty"),
        (
            r#"{"metadata_key": ""}"#,
            r#"jwt.metadata_key: "" is not a metadata key; write "#,
        ),
        (
            r#"{"metadata_key": "a\u0000b"}"#,
            r#"jwt.metadata_key: "a\0b" is not a metadata key"#,
        ),
        (
            r#"{"metadata_key": ["a", "a"]}"#,
            r#"jwt.metadata_key: "a" is duplicated; write it once"#,
        ),
        (r#"{"metadata_key": 5}"#, "jwt.metadata_key: must be "),
        (
            r#"{"user_id": "sub"}"#,
            r#"jwt.user_id: "sub" must be a JSON Pointer"#,
        ),
        (r#"{"user_id": null}"#, "jwt.user_id: must be "),
        (
            r#"{"key_id": "/"}"#,
            r#"jwt.key_id: "/" has an empty name, or one with a zero byte"#,
        ),
        (
            r#"{"scopes": ["/a", "/b//c"]}"#,
            r#"jwt.scopes: "/b//c" has an empty name"#,
        ),
        (r#"{"roles": "/a\u0000b"}"#, "jwt.roles: "),
        (
            r#"{"is_admin": "/a/"}"#,
            r#"jwt.is_admin: "/a/" has an empty name"#,
        ),
        (
            r#"{"grants": "/a/"}"#,
            r#"jwt.grants: "/a/" has an empty name"#,
        ),
        (
            r#"{"issuer": "https://idp"}"#,
            "jwt.issuer: unknown field; remove it: Envoy's jwt_authn verifies tokens",
        ),
        (
            r#"{"jwks_uri": "https://idp"}"#,
            "jwt.jwks_uri: unknown field; remove it: Envoy's jwt_authn",
        ),
        (
            r#"{"payload_in_metadata": "p"}"#,
            "jwt.payload_in_metadata: unknown field; write `metadata_key`",
        ),
        (
            r#"{"scope": "/s"}"#,
            "jwt.scope: unknown field; write `scopes`",
        ),
        (
            r#"{"workspaces": "/w/"}"#,
            r#"jwt.workspaces: "/w/" has an empty name"#,
        ),
        (
            r#"{"expires_at": "/exp"}"#,
            "jwt.expires_at: unknown field; remove it",
        ),
        (
            r#"{"user_id": "/a", "user_id": "/b"}"#,
            "jwt.user_id: is duplicated",
        ),
    ] {
        let shown = error(jwt(json));
        assert!(shown.starts_with(start), "{start}: {shown}");
    }
}
