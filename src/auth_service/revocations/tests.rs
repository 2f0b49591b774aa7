use std::time::Duration;

use super::{Cursor, MAX_KEY_IDS, RevocationClient, Revocations};
use crate::auth_service::{
    Callout, ContractError, Failure, KeyId, MAX_BODY_BYTES, NoConnection, Reply,
};
use crate::config::Config;
use crate::config::tests::mounted;

fn client(revocation: &str) -> Option<RevocationClient> {
    let text = mounted(&format!(
        r#""auth_service": {{"cluster": "c", "authority": "auth.internal", "timeout": "250ms"}}{revocation}"#
    ));
    RevocationClient::new(&Config::parse(text.as_bytes()).unwrap())
}

fn headers(callout: &Callout) -> Vec<(&str, &str)> {
    callout
        .headers
        .iter()
        .map(|(name, value)| (&**name, &**value))
        .collect()
}

fn cursor(text: &str) -> Cursor {
    Cursor::try_from(text.to_owned()).unwrap()
}

fn answered(status: u16, from_service: bool, body: &[u8]) -> Revocations {
    Reply::Response {
        status,
        from_service,
        retry_after: None,
        cache_control: None,
        body,
    }
    .revocations()
}

fn list(body: &str) -> (Vec<String>, String, bool) {
    match answered(200, true, body.as_bytes()) {
        Revocations::List {
            key_ids,
            next,
            more,
        } => {
            let ids = key_ids.iter().map(KeyId::as_str).map(str::to_owned);
            (ids.collect(), next.0, more)
        }
        other => panic!("{body}: {other:?}"),
    }
}

fn contract_error(body: &[u8]) -> ContractError {
    match answered(200, true, body) {
        Revocations::Unavailable(Failure::Contract(error)) => error,
        other => panic!("{}: {other:?}", body.escape_ascii()),
    }
}

#[test]
fn without_the_field_nothing_is_polled() {
    assert!(client("").is_none());
}

#[test]
fn the_question() {
    for (since, path) in [
        (None, "/revoked"),
        (Some("c-1._~Z9"), "/revoked?since=c-1._~Z9"),
    ] {
        let client = client(r#", "revocation": {"path": "/revoked", "every": "7s"}"#).unwrap();
        assert_eq!(client.every(), Duration::from_secs(7));
        let callout = client.poll(since.map(cursor).as_ref());
        let expected = [
            (":method", "GET"),
            (":path", path),
            (":authority", "auth.internal"),
            ("accept", "application/json"),
            ("cache-control", "no-cache, no-store"),
            ("pragma", "no-cache"),
        ];
        assert_eq!(headers(&callout), expected);
        assert_eq!(callout.cluster, "c");
        assert_eq!(callout.timeout, Duration::from_millis(250));
        assert!(callout.body.is_empty());
    }
}

#[test]
fn the_credential_goes_along_and_is_never_shown() {
    let client = client(
        r#", "revocation": {"path": "/r", "credential_header": "Authorization: Bearer hush=:"}"#,
    )
    .unwrap();
    for since in [None, Some(cursor("c"))] {
        let callout = client.poll(since.as_ref());
        let sent = headers(&callout).pop();
        assert_eq!(sent, Some(("authorization", "Bearer hush=:")));
        assert_eq!(callout.headers.len(), 7);
        let shown = format!("{callout:?} {callout:#?} {client:?} {client:#?}");
        assert!(!shown.contains("hush"), "{shown}");
    }
}

#[test]
fn lists_of_revoked_keys() {
    for (body, ids, next, more) in [
        (
            r#"{"key_ids": [], "next": "c", "more": false}"#,
            &[][..],
            "c",
            false,
        ),
        (
            r#" {"key_ids": ["a", 42, -1, "a", ""], "next": "0", "more": true, "new": [{}]} "#,
            &["a", "42", "-1", "a", ""],
            "0",
            true,
        ),
        (
            r#"{"next": "A-z.9_~", "key_ids": ["\u00e9"]}"#,
            &["é"],
            "A-z.9_~",
            false,
        ),
    ] {
        let expected = ids.iter().map(|id| (*id).to_owned()).collect();
        assert_eq!(list(body), (expected, next.to_owned(), more), "{body}");
    }
}

/// The error names the field; the value, here always SECRET, stays out.
#[test]
fn fields_outside_the_contract_are_named_and_their_values_are_not() {
    const A_CURSOR: &str =
        "is not a cursor: 1 to 256 letters, digits, hyphens, dots, underscores or tildes";
    for (body, field, problem) in [
        (r#"{}"#, "key_ids", "is missing"),
        (r#"{"next": "c"}"#, "key_ids", "is missing"),
        (r#"{"key_ids": []}"#, "next", "is missing"),
        (
            r#"{"key_ids": null, "next": "c"}"#,
            "key_ids",
            "expected a list",
        ),
        (
            r#"{"key_ids": "SECRET", "next": "c"}"#,
            "key_ids",
            "expected a list",
        ),
        (
            r#"{"key_ids": ["a", {"SECRET": 1}], "next": "c"}"#,
            "key_ids[1]",
            "expected a string or a whole number",
        ),
        (
            r#"{"key_ids": [1.5], "next": "c"}"#,
            "key_ids[0]",
            "expected a string or a whole number",
        ),
        (
            r#"{"key_ids": [null], "next": "c"}"#,
            "key_ids[0]",
            "expected a string or a whole number",
        ),
        (
            r#"{"key_ids": [], "next": null}"#,
            "next",
            "expected a string",
        ),
        (r#"{"key_ids": [], "next": 7}"#, "next", "expected a string"),
        (r#"{"key_ids": [], "next": ""}"#, "next", A_CURSOR),
        (r#"{"key_ids": [], "next": "SECRET&x=1"}"#, "next", A_CURSOR),
        (
            r#"{"key_ids": [], "next": "c", "more": "SECRET"}"#,
            "more",
            "expected a boolean",
        ),
        (
            r#"{"key_ids": [], "next": "c", "more": null}"#,
            "more",
            "expected a boolean",
        ),
        (
            r#"{"key_ids": [], "next": "c", "next": "SECRET"}"#,
            "next",
            "is duplicated",
        ),
        (
            r#"[["SECRET"], "c", true]"#,
            "(the whole body)",
            "expected an object",
        ),
        ("\"SECRET\"", "(the whole body)", "expected an object"),
    ] {
        let error = contract_error(body.as_bytes());
        let expected = ContractError::Field {
            field: field.to_owned(),
            problem: problem.to_owned(),
        };
        assert_eq!(error, expected, "{body}");
        let shown = format!("{} {error:?}", Failure::Contract(error.clone()));
        assert!(!shown.contains("SECRET"), "{shown}");
    }
}

#[test]
fn cursors_are_what_a_query_can_hold() {
    let long = "c".repeat(256);
    for (text, good) in [
        ("c", true),
        ("1700000000.5", true),
        ("aZ09-._~", true),
        (long.as_str(), true),
        ("", false),
        (&"c".repeat(257), false),
        ("a b", false),
        ("a%20", false),
        ("a&b", false),
        ("a=b", false),
        ("a+b", false),
        ("a/b", false),
        ("a#b", false),
        ("a?b", false),
        ("a\r\nb", false),
        ("a\u{0}", false),
        ("é", false),
    ] {
        let body = serde_json::json!({"key_ids": [], "next": text}).to_string();
        let answer = answered(200, true, body.as_bytes());
        assert_eq!(matches!(answer, Revocations::List { .. }), good, "{text:?}");
        // What VMs tell each other is checked, too.
        let read = serde_json::from_value::<Cursor>(text.into());
        assert_eq!(read.is_ok(), good, "{text:?}");
        if let Ok(cursor) = read {
            assert_eq!(serde_json::to_value(&cursor).unwrap(), text);
        }
    }
}

#[test]
fn a_list_ends_at_a_thousand_ids() {
    let body = |count| {
        let ids: Vec<String> = (0..count).map(|id| format!("key_{id}")).collect();
        serde_json::json!({"key_ids": ids, "next": "c"}).to_string()
    };
    assert_eq!(list(&body(MAX_KEY_IDS)).0.len(), 1000);
    let text = contract_error(body(MAX_KEY_IDS + 1).as_bytes()).to_string();
    assert_eq!(text, "field key_ids: holds more than 1000 ids");
}

#[test]
fn bodies_end_at_64_kib() {
    let padded = |length: usize| {
        let mut body = br#"{"key_ids": [], "next": "c"}"#.to_vec();
        body.resize(length, b' ');
        body
    };
    let largest = answered(200, true, &padded(MAX_BODY_BYTES));
    assert!(matches!(largest, Revocations::List { .. }));
    let larger = contract_error(&padded(MAX_BODY_BYTES + 1));
    assert_eq!(larger, ContractError::TooLarge);
}

#[test]
fn what_is_not_json_is_refused() {
    for body in [
        &b""[..],
        b" ",
        b"<html>",
        b"{",
        br#"{"key_ids": [], "next": "c",}"#,
        br#"{"key_ids": [], "next": "c"} x"#,
        b"\xff\xfe",
        b"{\"key_ids\": [], \"next\": \"\xff\"}",
    ] {
        let error = contract_error(body);
        assert_eq!(error, ContractError::NotJson, "{}", body.escape_ascii());
    }
}

#[test]
fn statuses() {
    use Failure::{Status, Timeout, UnexpectedStatus, Unreachable};
    use Revocations::{Forgotten, Unavailable};
    for (status, from_service, expected, outcome) in [
        (410, true, Forgotten, "forgotten"),
        (500, true, Unavailable(Status(500)), "error"),
        (503, true, Unavailable(Status(503)), "error"),
        (504, true, Unavailable(Status(504)), "error"),
        (504, false, Unavailable(Timeout), "timeout"),
        (
            503,
            false,
            Unavailable(Unreachable(NoConnection::Unknown)),
            "unreachable",
        ),
    ] {
        // A body that would be good on a 200 changes nothing.
        let read = answered(status, from_service, br#"{"key_ids": [], "next": "c"}"#);
        assert_eq!(read, expected, "{status} {from_service}");
        assert_eq!(read.outcome(), outcome, "{status} {from_service}");
    }
    for status in [0, 201, 204, 304, 400, 401, 403, 404, 429] {
        let read = answered(status, true, br#"{"key_ids": [], "next": "c"}"#);
        let failure = UnexpectedStatus(status);
        assert!(failure.is_misconfiguration());
        assert_eq!(read, Unavailable(failure));
        assert_eq!(read.outcome(), "unexpected_status");
    }
    assert_eq!(Reply::Reset.revocations(), Unavailable(Failure::Reset));
    assert_eq!(Reply::NotSent.revocations(), Unavailable(Failure::NotSent));
    let good = answered(200, true, br#"{"key_ids": [], "next": "c"}"#);
    assert_eq!(good.outcome(), "list");
}
