//! The poll for revoked keys, and the secret it may carry.

use super::{error, with};
use crate::config::{Config, ConfigError};

fn credential_header(json: &str) -> Result<Config, ConfigError> {
    with(&format!(
        r#""revocation": {{"path": "/r", "credential_header": {json}}}"#
    ))
}

#[test]
fn values_out_of_range_name_the_field() {
    for (result, field) in [
        (with(r#""revocation": null"#), "revocation: "),
        (with(r#""revocation": "/r""#), "revocation: "),
        (with(r#""revocation": ["/r", "1s"]"#), "revocation: "),
        (
            with(r#""revocation": {}"#),
            "revocation.path: is missing; write ",
        ),
        (with(r#""revocation": {"path": ""}"#), "revocation.path: "),
        (with(r#""revocation": {"path": "r"}"#), "revocation.path: "),
        (
            with(r#""revocation": {"path": "/a b"}"#),
            "revocation.path: ",
        ),
        (with(r#""revocation": {"path": "/é"}"#), "revocation.path: "),
        (
            with(r#""revocation": {"path": "/r?since=1"}"#),
            "revocation.path: must not have a query or fragment",
        ),
        (
            with(r##""revocation": {"path": "/r#top"}"##),
            "revocation.path: must not have a query or fragment",
        ),
        (
            with(r#""revocation": {"path": "/r", "every": "99ms"}"#),
            "revocation.every: must be at least 100ms",
        ),
        (
            with(r#""revocation": {"path": "/r", "every": "0s"}"#),
            "revocation.every: ",
        ),
        (
            with(r#""revocation": {"path": "/r", "every": "25h"}"#),
            "revocation.every: ",
        ),
        (
            with(r#""revocation": {"path": "/r", "every": 10}"#),
            "revocation.every: ",
        ),
        (
            with(r#""revocation": {"path": "/r", "x-token: hush": 1}"#),
            "revocation: has an unknown field, whose name is not shown",
        ),
        (
            credential_header(r#""Cache-Control: x""#),
            "revocation.credential_header: cache-control is a header that",
        ),
        (
            credential_header(r#""content_length: 5""#),
            "revocation.credential_header: content_length is a header that",
        ),
    ] {
        let shown = error(result);
        assert!(shown.starts_with(field), "{field}: {shown}");
        assert!(!shown.starts_with("accepted"), "{shown}");
    }
    assert!(with(r#""revocation": {"path": "/r", "every": "100ms"}"#).is_ok());
}

#[test]
fn a_credential_header_is_a_name_and_a_value() {
    for (json, expected) in [
        (r#""X-Token: hush""#, ("x-token", "hush")),
        (r#""x-token:hush""#, ("x-token", "hush")),
        (
            r#"" Authorization :  Bearer a:b== ""#,
            ("authorization", "Bearer a:b=="),
        ),
    ] {
        let config = credential_header(json).unwrap();
        let header = config.revocation.unwrap().credential_header.unwrap();
        assert_eq!((header.name(), header.expose()), expected, "{json}");
    }
    let none = credential_header("null").unwrap().revocation.unwrap();
    assert_eq!(none.credential_header, None);
}

#[test]
fn the_secret_of_a_header_is_in_no_error() {
    for json in [
        r#""hush""#,
        r#""x-token hush""#,
        r#"": hush""#,
        r#"":path: hush""#,
        r#""x token: hush""#,
        r#""hush\u00e9: x""#,
        r#""x-token: hush\r\nx-other: hush""#,
        r#""x-token: hush\u0000""#,
        r#""x-token: hush\u00e9""#,
        r#""x-token: hush\thush""#,
        r#""hush:""#,
        r#""hush: ""#,
        r#""""#,
        "7077",
        "true",
        r#"["hush", "hush"]"#,
        r#"{"hush": "hush"}"#,
        r#"{"name": "x-token", "value": "hush"}"#,
    ] {
        let result = credential_header(json);
        let debug = format!("{result:?}");
        let shown = error(result);
        assert!(
            shown.starts_with("revocation.credential_header: "),
            "{json}: {shown}"
        );
        for secret in ["hush", "7077"] {
            assert!(
                !shown.contains(secret) && !debug.contains(secret),
                "{json}: {shown}"
            );
        }
    }
}

#[test]
fn the_secret_of_a_header_is_in_no_error_about_another_field() {
    let secret = r#""credential_header": "x-token: hush""#;
    for text in [
        format!(r#""revocation": {{"path": "r", {secret}}}"#),
        format!(r#""revocation": {{"path": "/r", "every": "1ms", {secret}}}"#),
        format!(r#""revocation": {{{secret}}}"#),
        r#""revocation": "x-token: hush""#.to_owned(),
        r#""revocation": ["x-token: hush"]"#.to_owned(),
        r#""revocation": {"path": {"x-token: hush": "hush"}}"#.to_owned(),
        format!(r#""revocation": {{"path": "/r", {secret}, {secret}}}"#),
        format!(r#""revocation": {{"path": "/r", {secret}, "x": 1}}"#),
        format!(r#""revocation": {{"path": "/r", {secret}}}, "mounts": []"#),
        format!(r#""revocation": {{"path": "/r", {secret}}}}} x"#),
        format!(r#""revocation": {{"path": "/r", {secret} "#),
        secret.to_owned(),
    ] {
        let result = with(&text);
        assert!(result.is_err(), "{text}");
        assert!(!error(result).contains("hush"), "{text}");
    }
}

#[test]
fn debug_hides_the_secret() {
    let config = credential_header(r#""x-token: hush""#).unwrap();
    for shown in [format!("{config:?}"), format!("{config:#?}")] {
        assert!(shown.contains("x-token: hidden"), "{shown}");
        assert!(!shown.contains("hush"), "{shown}");
    }
}
