//! Client certificates.

use super::{error, mounted, parse};
use crate::config::{Config, ConfigError, PeerName, PeerRights};

fn mtls(json: &str) -> Result<Config, ConfigError> {
    parse(&mounted(&format!(r#""mtls": {json}"#)))
}

#[test]
fn an_entry_grants_nothing_by_default() {
    let config = mtls(r#"{"by": "uri_san", "principals": {"spiffe://c/*": {}}}"#).unwrap();
    assert!(config.auth_service.is_none() && config.keys.is_empty() && config.jwt.is_none());
    let mtls = config.mtls.unwrap();
    assert_eq!(mtls.by, PeerName::UriSan);
    assert_eq!(
        mtls.principals.get("spiffe://c/*"),
        Some(&PeerRights::default())
    );
    assert!(!PeerRights::default().is_admin);
}

#[test]
fn every_field() {
    for (word, by) in [
        ("uri_san", PeerName::UriSan),
        ("dns_san", PeerName::DnsSan),
        ("subject", PeerName::Subject),
    ] {
        let config = mtls(&format!(
            r#"{{"by": "{word}", "principals": {{"a": {{"scopes": ["model:write"], "roles": ["r"], "is_admin": true}}}}}}"#
        ));
        let mtls = config.unwrap().mtls.unwrap();
        assert_eq!((mtls.by, by.as_str()), (by, word));
        let rights = mtls.principals.get("a").unwrap();
        assert_eq!(rights.scopes, ["model:write"]);
        assert_eq!((rights.roles.len(), rights.is_admin), (1, true));
    }
}

#[test]
fn errors_name_the_field() {
    let entry = |fields: &str| format!(r#"{{"by": "uri_san", "principals": {{"a": {fields}}}}}"#);
    for (json, start) in [
        ("null".to_owned(), "mtls: must be "),
        ("{}".to_owned(), "mtls.by: is missing; write \"uri_san\""),
        (
            r#"{"by": "uri_san"}"#.to_owned(),
            "mtls.principals: is missing; write ",
        ),
        (
            r#"{"by": "san", "principals": {"a": {}}}"#.to_owned(),
            "mtls.by: must be one of \"uri_san\", \"dns_san\", \"subject\"",
        ),
        (
            r#"{"by": "uri_san", "principals": {}}"#.to_owned(),
            "mtls.principals: is empty, so every certificate is refused; write ",
        ),
        (
            r#"{"by": "uri_san", "principals": []}"#.to_owned(),
            "mtls.principals: must be an object",
        ),
        (
            r#"{"by": "uri_san", "principals": {" ": {}}}"#.to_owned(),
            "mtls.principals: has an empty name",
        ),
        (
            r#"{"by": "uri_san", "principals": {"a": {}, "a": {}}}"#.to_owned(),
            "mtls.principals: \"a\" is duplicated",
        ),
        (
            r#"{"by": "dns_san", "principals": {"A.example": {}}}"#.to_owned(),
            "mtls.principals: \"A.example\" must be in lower case",
        ),
        (entry("null"), "mtls.principals.a: must be "),
        (
            entry(r#"{"scopes": "x"}"#),
            "mtls.principals.a.scopes: must be a list",
        ),
        (
            entry(r#"{"is_admin": "yes"}"#),
            "mtls.principals.a.is_admin: must be true or false",
        ),
        (
            entry(r#"{"user_id": "u"}"#),
            "mtls.principals.a.user_id: unknown field",
        ),
        (
            entry(r#"{"workspace": ""}"#),
            r#"mtls.principals.a.workspace: is not the name of a workspace"#,
        ),
        (
            entry(r#"{"workspaces": [""]}"#),
            r#"mtls.principals.a.workspaces[0]: is not a pattern of workspaces"#,
        ),
        (
            entry(r#"{"grants": []}"#),
            "mtls.principals.a.grants: unknown field",
        ),
        (
            r#"{"by": "uri_san", "trusted_ca": "x", "principals": {"a": {}}}"#.to_owned(),
            "mtls.trusted_ca: unknown field; remove it",
        ),
    ] {
        let shown = error(mtls(&json));
        assert!(shown.starts_with(start), "{start}: {shown}");
    }
}
