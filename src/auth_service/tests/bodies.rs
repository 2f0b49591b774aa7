//! What the body of a 200 says.

use std::time::Duration;

use super::answered;
use crate::auth_service::{
    Contract, ContractError, Failure, Lifetime, MAX_BODY_BYTES, Reply, Verdict,
};
use crate::principal::Principal;

pub(super) fn principal(body: &str) -> Principal {
    match answered(200, true, body.as_bytes()) {
        Verdict::Valid(principal, lifetime) => {
            assert_eq!(lifetime, Lifetime::default(), "{body}");
            principal
        }
        other => panic!("{body}: {other:?}"),
    }
}

pub(super) fn contract_error(body: &[u8]) -> ContractError {
    match answered(200, true, body) {
        Verdict::Unavailable(Failure::Contract(error)) => error,
        other => panic!("{}: {other:?}", body.escape_ascii()),
    }
}

fn words(words: &[&str]) -> Vec<String> {
    words.iter().map(|word| (*word).to_owned()).collect()
}

#[test]
fn a_full_reply() {
    let read = principal(
        r#" {"user_id": "u1", "key_id": "key_1", "service_id": "mlflow", "scopes": ["a", "b", "a", ""],
             "roles": ["r"], "is_admin": true, "rate_limit_per_hour": 1e3, "email": null,
             "user": {"id": "u2", "email": "e", "roles": ["s"], "is_admin": false}, "new": [{}]} "#,
    );
    let expected = Principal {
        grants: Vec::new(),
        user_id: Some("u1".to_owned()),
        key_id: Some("key_1".to_owned()),
        scopes: words(&["a", "b", "a", ""]),
        roles: words(&["r"]),
        is_admin: true,
        has_foreign_words: false,
        workspaces: None,
        workspace: None,
    };
    assert_eq!(read, expected);
}

#[test]
fn every_field_but_scopes_may_be_absent_or_null() {
    let nobody = Principal::default();
    assert_eq!(principal(r#"{"scopes": []}"#), nobody);
    let nulls = r#"{"scopes": [], "user_id": null, "key_id": null, "roles": null, "is_admin": null, "user": null}"#;
    assert_eq!(principal(nulls), nobody);
    let nulls = r#"{"scopes": [], "user": {"id": null, "roles": null, "is_admin": null}}"#;
    assert_eq!(principal(nulls), nobody);
}

#[test]
fn the_user_object_fills_in() {
    for (body, user, roles, is_admin) in [
        (
            r#"{"scopes": [], "user": {"id": "u", "roles": ["r"], "is_admin": true}}"#,
            "u",
            vec!["r"],
            true,
        ),
        (
            r#"{"scopes": [], "user_id": null, "roles": null, "user": {"id": "u", "roles": ["r"]}}"#,
            "u",
            vec!["r"],
            false,
        ),
        (
            r#"{"scopes": [], "user_id": "t", "roles": [], "is_admin": false,
                "user": {"id": "u", "roles": ["r"], "is_admin": true}}"#,
            "t",
            vec![],
            false,
        ),
        (
            r#"{"scopes": [], "user_id": 42, "user": {"id": "u"}}"#,
            "42",
            vec![],
            false,
        ),
        (r#"{"scopes": [], "user": {"id": -7}}"#, "-7", vec![], false),
    ] {
        let read = principal(body);
        let found = (read.user_id.as_deref(), read.roles, read.is_admin);
        assert_eq!(found, (Some(user), words(&roles), is_admin), "{body}");
    }
}

/// How each is spelled is tested in `lifetime`.
#[test]
fn the_service_limits_how_long_its_answer_is_used() {
    for (cache_control, expires_at, max_age, expires) in [
        (None, "", None, None),
        (None, r#", "expires_at": null"#, None, None),
        (Some("private, max-age=30"), "", Some(30), None),
        (Some("no-store"), "", Some(0), None),
        (Some("private"), "", None, None),
        (None, r#", "expires_at": 1700000000"#, None, Some(T)),
        (None, r#", "expires_at": 1700000000.0"#, None, Some(T)),
        (
            None,
            r#", "expires_at": "2023-11-14T22:13:20Z""#,
            None,
            Some(T),
        ),
        (
            Some("max-age=5"),
            r#", "expires_at": "2023-11-14T23:13:20+01:00""#,
            Some(5),
            Some(T),
        ),
        // Long past: it is for the cache to see.
        (None, r#", "expires_at": -1"#, None, Some(0)),
    ] {
        let body = format!(r#"{{"scopes": []{expires_at}}}"#);
        let reply = Reply::Response {
            status: 200,
            from_service: true,
            retry_after: None,
            cache_control: cache_control.map(str::as_bytes),
            body: body.as_bytes(),
        };
        let expected = Lifetime {
            max_age: max_age.map(Duration::from_secs),
            expires_at: expires.map(Duration::from_secs),
            ..Lifetime::default()
        };
        let verdict = reply.verdict(&Contract::default());
        assert_eq!(
            verdict,
            Verdict::Valid(Principal::default(), expected),
            "{cache_control:?} {body}"
        );
    }
}

const T: u64 = 1_700_000_000;

const AN_EXPIRY: &str = "expected an RFC 3339 time or seconds (not milliseconds) since the UNIX epoch, before the year 10000";

/// The error names the field and what was expected; the value, here always SECRET, stays out.
#[test]
fn fields_outside_the_contract_are_named_and_their_values_are_not() {
    for (body, field, problem) in [
        (r#"{"scopes": "SECRET"}"#, "scopes", "expected a list"),
        (
            r#"{"scopes": "SECRET, expected SECRET at line 1"}"#,
            "scopes",
            "expected a list",
        ),
        (r#"{"scopes": {"SECRET": 1}}"#, "scopes", "expected a list"),
        (r#"{"scopes": ["a", 1]}"#, "scopes[1]", "expected a string"),
        (r#"{"scopes": [null]}"#, "scopes[0]", "expected a string"),
        (
            r#"{"scopes": [["SECRET"]]}"#,
            "scopes[0]",
            "expected a string",
        ),
        (
            r#"{"scopes": [], "is_admin": "SECRET"}"#,
            "is_admin",
            "expected a boolean",
        ),
        (
            r#"{"scopes": [], "is_admin": 1}"#,
            "is_admin",
            "expected a boolean",
        ),
        (
            r#"{"scopes": [], "roles": "SECRET"}"#,
            "roles",
            "expected a list",
        ),
        (
            r#"{"scopes": [], "roles": [true]}"#,
            "roles[0]",
            "expected a string",
        ),
        (
            r#"{"scopes": [], "user_id": 1.5}"#,
            "user_id",
            "expected a string or a whole number",
        ),
        (
            r#"{"scopes": [], "key_id": ["SECRET"]}"#,
            "key_id",
            "expected a string or a whole number",
        ),
        (
            r#"{"scopes": [], "key_id": true}"#,
            "key_id",
            "expected a string or a whole number",
        ),
        (
            r#"{"scopes": [], "user": {"is_admin": "SECRET"}}"#,
            "user.is_admin",
            "expected a boolean",
        ),
        (
            r#"{"scopes": [], "user": {"roles": [0]}}"#,
            "user.roles[0]",
            "expected a string",
        ),
        (
            r#"{"scopes": [], "scopes": ["SECRET"]}"#,
            "scopes",
            "is duplicated",
        ),
        (
            r#"{"is_admin": false, "is_admin": true, "scopes": []}"#,
            "is_admin",
            "is duplicated",
        ),
        (
            r#"["u", [], true]"#,
            "(the whole body)",
            "expected an object",
        ),
        (" \n[]", "(the whole body)", "expected an object"),
        // serde would read an array into a struct, field by field.
        (
            r#"{"scopes": [], "user": ["SECRET", [], true]}"#,
            "user",
            "expected an object",
        ),
        (
            r#"{"scopes": [], "user": "SECRET"}"#,
            "user",
            "expected an object",
        ),
        (
            r#"{"scopes": [], "user": {"is_admin": false, "is_admin": true}}"#,
            "user.is_admin",
            "is duplicated",
        ),
    ] {
        let problem = problem.to_owned();
        let expected = |field| ContractError::Field { field, problem };
        assert_named(body, field, expected);
    }
}

/// A time that cannot be read may have been a limit.
#[test]
fn times_that_cannot_be_read_are_named_and_their_values_are_not() {
    for value in [
        r#""SECRET""#,
        r#""""#,
        r#"true"#,
        r#"{"SECRET": 1}"#,
        r#"1e300"#,
        // 2020 in milliseconds, and the second after the last that counts.
        r#"1577836800000"#,
        r#"1577836800000.0"#,
        r#"253402300800"#,
        r#""1577836800""#,
        r#""9999-12-31T23:59:59-01:00""#,
    ] {
        let body = format!(r#"{{"scopes": [], "expires_at": {value}}}"#);
        let problem = AN_EXPIRY;
        let expected = |field| ContractError::Validity { field, problem };
        assert_named(&body, "expires_at", expected);
    }
}

fn assert_named(body: &str, field: &str, expected: impl FnOnce(String) -> ContractError) {
    let error = contract_error(body.as_bytes());
    assert_eq!(error, expected(field.to_owned()), "{body}");
    let shown = format!("{} {error:?}", Failure::Contract(error.clone()));
    assert!(
        shown.contains(field) && !shown.contains("SECRET"),
        "{shown}"
    );
}

#[test]
fn what_is_not_an_object_is_refused() {
    for body in ["\"SECRET\"", "42", "null", "true"] {
        let error = contract_error(body.as_bytes());
        let ContractError::Field { field, .. } = &error else {
            panic!("{body}: {error:?}")
        };
        assert_eq!(field, "(the whole body)", "{body}");
        assert!(!error.to_string().contains("SECRET"), "{error}");
    }
}

#[test]
fn what_is_not_json_is_refused() {
    let deep = |opening: &str| format!(r#"{{"scopes": [], "x": {}"#, opening.repeat(10_000));
    let mut bodies: Vec<Vec<u8>> = [
        "",
        " ",
        "<html>SECRET</html>",
        "{",
        r#"{"scopes": []"#,
        r#"{"scopes": [],}"#,
        r#"{"scopes": []} x"#,
        r#"{"scopes": []}{"scopes": ["admin"]}"#,
        r#"{"scopes": NaN}"#,
        r#"{"scopes": [], "is_admin": Infinity}"#,
        r#"{"scopes": [], "key_id": 1e999}"#,
        r#"{scopes: []}"#,
        "{'scopes': []}",
        "\u{feff}{\"scopes\": []}",
        r#"{"scopes": ["\ud800"]}"#,
        r#"{"scopes": [], "\ud800": 1}"#,
        // Read no further than its first name.
        r#"{"scopes": [], "error": {"a": 1, "\ud800": 1}}"#,
    ]
    .map(|text| text.as_bytes().to_vec())
    .into();
    bodies.extend([deep("["), deep("{\"a\":")].map(String::into_bytes));
    bodies.push(b"{\"scopes\": [\"\xff\xfe\"]}".to_vec());
    bodies.push(vec![0xff; 100]);
    for body in bodies {
        let shown: String = body.escape_ascii().to_string().chars().take(60).collect();
        assert_eq!(contract_error(&body), ContractError::NotJson, "{shown}");
    }
}

#[test]
fn deep_nesting_where_a_value_is_read_is_refused_too() {
    let nested = format!("{}{}", "[".repeat(30_000), "]".repeat(30_000));
    let scopes = contract_error(format!(r#"{{"scopes": {nested}}}"#).as_bytes());
    assert_eq!(scopes.to_string(), "field scopes[0]: expected a string");
    assert!(matches!(
        contract_error(nested.as_bytes()),
        ContractError::Field { .. }
    ));
}

#[test]
fn bodies_end_at_64_kib() {
    let padded = |length: usize| {
        let mut body = br#"{"scopes": ["read"]}"#.to_vec();
        body.resize(length, b' ');
        body
    };
    assert!(matches!(
        answered(200, true, &padded(65_536)),
        Verdict::Valid(..)
    ));
    assert_eq!(contract_error(&padded(65_537)), ContractError::TooLarge);
    assert_eq!(MAX_BODY_BYTES, 65_536);
}

#[test]
fn a_key_has_at_most_a_thousand_scopes_and_roles() {
    let names = |count: usize| format!("[{}]", vec!["\"s\""; count].join(","));
    assert_eq!(
        principal(&format!(r#"{{"scopes": {}}}"#, names(1000)))
            .scopes
            .len(),
        1000
    );
    for (body, field) in [
        (format!(r#"{{"scopes": {}}}"#, names(1001)), "scopes"),
        (
            format!(r#"{{"scopes": [], "user": {{"roles": {}}}}}"#, names(1001)),
            "roles",
        ),
    ] {
        let text = contract_error(body.as_bytes()).to_string();
        assert_eq!(text, format!("field {field}: holds more than 1000 names"));
    }
}
