//! What surrounds a body: method, query, content type, encodings, lengths.

use super::{CREATE, JSON, post, request, send};
use crate::request::Header;

const BODY: &[u8] = br#"{"name":"acme-a"}"#;
const LENGTH: Header<'static> = (b"content-length", b"17");
const DELETE: &str = "/api/2.0/mlflow/registered-models/delete";
const UPDATE: &str = "/api/2.0/mlflow/registered-models/update";

fn accepted(method: &str, target: &str, headers: &[Header<'_>]) -> bool {
    let found = request(method, target, headers, BODY);
    let names_acme = |demands: &Vec<String>| demands[0].ends_with(" acme-a");
    assert!(found.as_ref().is_ok_and(names_acme) || found.is_err());
    found.is_ok()
}

/// MLflow checks it for `POST` and `PUT` only; here it counts for all.
#[test]
fn there_is_one_content_type_and_it_is_json() {
    for (method, target) in [("POST", CREATE), ("PATCH", UPDATE), ("DELETE", DELETE)] {
        for (value, expected) in [
            (&b"application/json"[..], true),
            (b"application/json; charset=utf-8", true),
            (b"application/json;charset=UTF-8", true),
            (b"application/json; charset=\"utf-8\"", true),
            (b"Application/JSON", true),
            (b"", false),
            (b"application/json; charset=latin-1", false),
            (b"application/json; charset=utf-16", false),
            (b"application/json; charset=utf-8; x=y", false),
            (b"application/json; x", false),
            (b"application/json, application/json", false),
            (b"application/json, text/plain", false),
            (b"application/jsonx", false),
            (b"application/vnd.api+json", false),
            (b"text/json", false),
            (b"text/plain", false),
            (b"application/x-www-form-urlencoded", false),
            (b"multipart/form-data; boundary=application/json", false),
            (b"application/json\xff", false),
            (b"\xff\xfe", false),
        ] {
            let found = accepted(method, target, &[LENGTH, (b"content-type", value)]);
            assert_eq!(found, expected, "{method} {}", value.escape_ascii());
        }
        assert!(!accepted(method, target, &[LENGTH]), "absent");
        for other in [
            JSON,
            (b"content-type", b"text/plain"),
            (b"content_type", b"application/json"),
        ] {
            assert!(!accepted(method, target, &[LENGTH, JSON, other]), "twice");
            assert!(!accepted(method, target, &[LENGTH, other, JSON]), "twice");
        }
    }
}

#[test]
fn a_body_is_not_encoded() {
    for (name, value, expected) in [
        (&b"transfer-encoding"[..], &b"chunked"[..], true),
        (b"transfer-encoding", b"gzip, chunked", false),
        (b"transfer-encoding", b"identity", false),
        (b"transfer-encoding", b"gzip", false),
        (b"transfer-encoding", b"Chunked", false),
        (b"transfer-encoding", b" chunked", false),
        (b"transfer-encoding", b"chunked, chunked", false),
        (b"transfer-encoding", b"xchunked", false),
        (b"transfer-encoding", b"", false),
        (b"transfer_encoding", b"gzip", false),
        (b"content-encoding", b"gzip", false),
        (b"content-encoding", b"identity", false),
        (b"content-encoding", b"", false),
        (b"content_encoding", b"gzip", false),
        (b"content-transfer-encoding", b"base64", true),
        (b"expect", b"100-continue", true),
    ] {
        let found = accepted("POST", CREATE, &[JSON, (name, value)]);
        let shown = (
            name.escape_ascii().to_string(),
            value.escape_ascii().to_string(),
        );
        assert_eq!(found, expected, "{shown:?}");
    }
    let chunked: Header<'_> = (b"transfer-encoding", b"chunked");
    let gzip: Header<'_> = (b"transfer-encoding", b"gzip");
    assert!(!accepted("POST", CREATE, &[JSON, chunked, gzip]));
    assert!(!accepted("POST", CREATE, &[JSON, gzip, chunked]));
}

#[test]
fn a_body_is_as_long_as_it_says() {
    for (values, expected) in [
        (&[][..], true),
        (&["17"], true),
        (&["16"], false),
        (&["18"], false),
        (&["0"], false),
        (&["017"], true),
        (&["+17"], false),
        (&["-17"], false),
        (&[" 17"], false),
        (&["17 "], false),
        (&["1_7"], false),
        (&["0x11"], false),
        (&["17.0"], false),
        (&[""], false),
        (&["17,17"], false),
        (&["99999999999999999999999"], false),
        (&["17", "17"], false),
        (&["17", "18"], false),
        (&["18", "17"], false),
    ] {
        let mut headers: Vec<Header<'_>> = vec![JSON];
        headers.extend(
            values
                .iter()
                .map(|value| (&b"content-length"[..], value.as_bytes())),
        );
        assert_eq!(accepted("POST", CREATE, &headers), expected, "{values:?}");
    }
    assert!(!accepted(
        "POST",
        CREATE,
        &[JSON, (b"content_length", b"18")]
    ));
    assert!(!accepted(
        "POST",
        CREATE,
        &[JSON, LENGTH, (b"content_length", b"17")]
    ));
    assert!(!accepted(
        "POST",
        CREATE,
        &[JSON, (b"content-length", b"\xd9\xa1\xd9\xa7")]
    ));
}

#[test]
fn a_body_has_no_query_beside_it() {
    for (method, target) in [("POST", CREATE), ("PATCH", UPDATE), ("DELETE", DELETE)] {
        for (query, expected) in [
            ("", true),
            ("?", true),
            ("?name=acme-a", false),
            ("?name=globex-b", false),
            ("?x=1", false),
            ("?&", false),
            ("?=", false),
            ("??", false),
        ] {
            let target = format!("{target}{query}");
            assert_eq!(
                accepted(method, &target, &[JSON, LENGTH]),
                expected,
                "{method} {target}"
            );
        }
    }
    // The list of versions is the one that may be asked for either way.
    let latest = "/api/2.0/mlflow/registered-models/get-latest-versions";
    let body = br#"{"name": "acme-a", "stages": ["None"]}"#;
    assert_eq!(
        post(latest, body),
        Ok(vec!["model_version:read acme-a".to_owned()])
    );
    assert!(post(&format!("{latest}?name=acme-a"), body).is_err());
    let read = request(
        "GET",
        &format!("{latest}?name=acme-a&stages=None"),
        &[],
        b"",
    );
    assert_eq!(read, Ok(vec!["model_version:read acme-a".to_owned()]));
}

#[test]
fn an_empty_body_names_nothing() {
    for (method, target) in [("POST", CREATE), ("PATCH", UPDATE), ("DELETE", DELETE)] {
        for body in [&b""[..], b" ", b"{}", b"null", b"\"\""] {
            assert!(
                send(method, target, body).is_err(),
                "{method} {}",
                body.escape_ascii()
            );
        }
        assert!(request(method, target, &[JSON], b"").is_err());
        assert!(request(method, target, &[], b"").is_err());
    }
}
