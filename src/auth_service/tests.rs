#[cfg(target_arch = "wasm32")]
use wasm_bindgen_test::wasm_bindgen_test as test;

use super::{AuthServiceClient, ContractError, Failure, MAX_BODY_BYTES, Reply, Verdict};
use crate::config::{Config, CredentialKind};
use crate::credential::{ApiKey, extract};
use crate::principals::Principal;
use crate::request::RequestHead;

fn client(auth_service: &str) -> AuthServiceClient {
    let text = format!(r#"{{"auth_service": {auth_service}}}"#);
    AuthServiceClient::new(Config::parse(text.as_bytes()).unwrap().auth_service)
}

fn key(text: &str) -> ApiKey {
    let headers: [(&[u8], &[u8]); 1] = [(b"x-api-key", text.as_bytes())];
    let head = RequestHead {
        headers: &headers,
        client_address: None,
    };
    extract(&head, None, &[CredentialKind::XApiKey]).unwrap()
}

fn answered(status: u16, from_service: bool, body: &[u8]) -> Verdict {
    Reply::Response {
        status,
        from_service,
        retry_after: None,
        body,
    }
    .verdict()
}

fn principal(body: &str) -> Principal {
    match answered(200, true, body.as_bytes()) {
        Verdict::Valid(principal) => principal,
        other => panic!("{body}: {other:?}"),
    }
}

fn contract_error(body: &[u8]) -> ContractError {
    match answered(200, true, body) {
        Verdict::Unavailable(Failure::Contract(error)) => error,
        other => panic!("{}: {other:?}", body.escape_ascii()),
    }
}

fn words(words: &[&str]) -> Vec<String> {
    words.iter().map(|word| (*word).to_owned()).collect()
}

#[test]
fn the_question() {
    let service = client(
        r#"{"cluster": "c", "authority": "auth.internal", "path": "/v", "service_id": "m\"f", "timeout": "250ms"}"#,
    );
    let callout = service.ask(&key("K1"), Some("10.0.0.1"));
    assert_eq!(callout.cluster, "c");
    assert_eq!(callout.timeout.as_millis(), 250);
    let headers: Vec<(&str, &str)> = callout
        .headers
        .iter()
        .map(|(name, value)| (*name, value.as_str()))
        .collect();
    let expected = [
        (":method", "POST"),
        (":path", "/v"),
        (":authority", "auth.internal"),
        ("authorization", "Bearer K1"),
        ("content-type", "application/json"),
        ("accept", "application/json"),
    ];
    assert_eq!(headers, expected);
    assert_eq!(callout.body, br#"{"service_id":"m\"f"}"#);
}

#[test]
fn the_address_goes_along_where_configured() {
    let service = client(r#"{"cluster": "c", "send_client_ip": true}"#);
    for (address, body) in [
        (
            Some("10.0.0.1"),
            r#"{"service_id":"mlflow","client_ip":"10.0.0.1"}"#,
        ),
        (
            Some("::1\""),
            r#"{"service_id":"mlflow","client_ip":"::1\""}"#,
        ),
        (None, r#"{"service_id":"mlflow"}"#),
    ] {
        assert_eq!(
            service.ask(&key("K1"), address).body,
            body.as_bytes(),
            "{address:?}"
        );
    }
}

#[test]
fn debug_hides_the_key_of_a_callout() {
    let callout = client(r#"{"cluster": "auth"}"#).ask(&key("hk_live_secret"), None);
    assert_eq!(format!("{callout:?}"), "Callout(auth, hidden)");
    assert!(!format!("{:#?}", Some(callout)).contains("secret"));
}

#[test]
fn digests_differ_where_principals_may() {
    let plain = r#"{"cluster": "c"}"#;
    let with_ip = r#"{"cluster": "c", "send_client_ip": true}"#;
    let digest = |config: &str, text: &str, address| client(config).digest(&key(text), address);
    let base = digest(plain, "K1", None);
    assert_eq!(
        digest(plain, "K1", Some("10.0.0.1")),
        base,
        "the address is not sent"
    );
    for (config, text, address) in [
        (plain, "K2", None),
        (plain, "k1", None),
        (with_ip, "K1", None),
        (with_ip, "K1", Some("10.0.0.1")),
        (with_ip, "K1", Some("10.0.0.2")),
        (with_ip, "K110.0.0.1", None),
        (r#"{"cluster": "d"}"#, "K1", None),
        (r#"{"cluster": "c", "path": "/v"}"#, "K1", None),
        (r#"{"cluster": "c", "authority": "d"}"#, "K1", None),
        (r#"{"cluster": "c", "service_id": "d"}"#, "K1", None),
    ] {
        assert_ne!(
            digest(config, text, address),
            base,
            "{config} {text} {address:?}"
        );
    }
    let sent = |address| digest(with_ip, "K1", Some(address));
    assert_ne!(sent("10.0.0.1"), sent("10.0.0.2"));
    assert_ne!(sent("1"), digest(with_ip, "K11", None));
    assert_eq!(sent("10.0.0.1"), sent("10.0.0.1"));
}

#[test]
fn retry_after_of_a_503_is_rounded_up() {
    for (configured, seconds) in [("15s", 15), ("1ms", 1), ("1500ms", 2), ("24h", 86_400)] {
        let config = format!(r#"{{"cluster": "c", "unavailable_retry_after": "{configured}"}}"#);
        assert_eq!(
            client(&config).unavailable_retry_after(),
            seconds,
            "{configured}"
        );
    }
}

#[test]
fn statuses() {
    use Failure::{Status, Timeout, UnexpectedStatus, Unreachable};
    use Verdict::{Invalid, Refused, Unavailable};
    for (status, from_service, expected, outcome) in [
        (401, true, Invalid, "invalid"),
        (403, true, Refused, "refused"),
        (500, true, Unavailable(Status(500)), "error"),
        (503, true, Unavailable(Status(503)), "error"),
        (504, true, Unavailable(Status(504)), "error"),
        (504, false, Unavailable(Timeout), "timeout"),
        (503, false, Unavailable(Unreachable), "unreachable"),
        (502, false, Unavailable(Status(502)), "error"),
        (599, true, Unavailable(Status(599)), "error"),
        (
            0,
            true,
            Unavailable(UnexpectedStatus(0)),
            "unexpected_status",
        ),
        (
            100,
            true,
            Unavailable(UnexpectedStatus(100)),
            "unexpected_status",
        ),
        (
            201,
            true,
            Unavailable(UnexpectedStatus(201)),
            "unexpected_status",
        ),
        (
            204,
            true,
            Unavailable(UnexpectedStatus(204)),
            "unexpected_status",
        ),
        (
            302,
            true,
            Unavailable(UnexpectedStatus(302)),
            "unexpected_status",
        ),
        (
            400,
            true,
            Unavailable(UnexpectedStatus(400)),
            "unexpected_status",
        ),
        (
            404,
            true,
            Unavailable(UnexpectedStatus(404)),
            "unexpected_status",
        ),
    ] {
        // A body that would be good on a 200 changes nothing.
        let verdict = answered(
            status,
            from_service,
            br#"{"scopes": ["admin"], "is_admin": true}"#,
        );
        assert_eq!(verdict, expected, "{status} {from_service}");
        assert_eq!(verdict.outcome(), outcome, "{status} {from_service}");
    }
    assert_eq!(Reply::Reset.verdict(), Unavailable(Failure::Reset));
    assert_eq!(Reply::NotSent.verdict(), Unavailable(Failure::NotSent));
    assert_eq!(answered(200, true, br#"{"scopes": []}"#).outcome(), "valid");
}

#[test]
fn an_operator_is_called_only_for_what_will_not_pass() {
    let contract = Failure::Contract(ContractError::NotJson);
    for (failure, calls) in [
        (Failure::Timeout, false),
        (Failure::Unreachable, false),
        (Failure::Reset, false),
        (Failure::Status(500), false),
        (Failure::UnexpectedStatus(404), true),
        (contract, true),
        (Failure::NotSent, true),
    ] {
        assert_eq!(failure.is_misconfiguration(), calls, "{failure}");
    }
}

#[test]
fn retry_after_of_a_429() {
    for (value, seconds) in [
        (None, None),
        (Some("7"), Some(7)),
        (Some(" 7 "), Some(7)),
        (Some("0"), Some(0)),
        (Some("60"), Some(60)),
        (Some("61"), Some(60)),
        (Some("99999999999999999999999"), Some(60)),
        (Some(""), None),
        (Some("-1"), None),
        (Some("+5"), None),
        (Some("1.5"), None),
        (Some("1, 2"), None),
        (Some("Fri, 31 Dec 1999 23:59:59 GMT"), None),
        (Some("١"), None),
    ] {
        let retry_after = value.map(str::as_bytes);
        let reply = Reply::Response {
            status: 429,
            from_service: true,
            retry_after,
            body: b"",
        };
        assert_eq!(
            reply.verdict(),
            Verdict::RateLimited {
                retry_after: seconds
            },
            "{value:?}"
        );
    }
    let retry_after = Some(b"\xff\xfe".as_slice());
    let reply = Reply::Response {
        status: 429,
        from_service: true,
        retry_after,
        body: b"",
    };
    assert_eq!(reply.verdict(), Verdict::RateLimited { retry_after: None });
}

#[test]
fn a_full_reply() {
    let read = principal(
        r#" {"user_id": "u1", "key_id": "key_1", "service_id": "mlflow", "scopes": ["a", "b", "a", ""],
             "roles": ["r"], "is_admin": true, "rate_limit_per_hour": 1e3, "email": null,
             "user": {"id": "u2", "email": "e", "roles": ["s"], "is_admin": false}, "new": [{}]} "#,
    );
    let expected = Principal {
        user_id: Some("u1".to_owned()),
        key_id: Some("key_1".to_owned()),
        scopes: words(&["a", "b", "a", ""]),
        roles: words(&["r"]),
        is_admin: true,
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

/// The error names the field and what was expected; the value, here always SECRET, stays out.
#[test]
fn fields_outside_the_contract_are_named_and_their_values_are_not() {
    for (body, field, problem) in [
        (r#"{"user_id": "SECRET"}"#, "scopes", "is missing"),
        (r#"{}"#, "scopes", "is missing"),
        (r#"{"scopes": null}"#, "scopes", "expected a sequence"),
        (r#"{"scopes": "SECRET"}"#, "scopes", "expected a sequence"),
        (
            r#"{"scopes": "SECRET, expected SECRET at line 1"}"#,
            "scopes",
            "expected a sequence",
        ),
        (
            r#"{"scopes": {"SECRET": 1}}"#,
            "scopes",
            "expected a sequence",
        ),
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
            "expected a sequence",
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
            "stands there twice",
        ),
        (
            r#"{"is_admin": false, "is_admin": true, "scopes": []}"#,
            "is_admin",
            "stands there twice",
        ),
        (
            r#"["u", [], true]"#,
            "(the whole body)",
            "expected an object",
        ),
        (" \n[]", "(the whole body)", "expected an object"),
    ] {
        let error = contract_error(body.as_bytes());
        let expected = ContractError::Field {
            field: field.to_owned(),
            problem: problem.to_owned(),
        };
        assert_eq!(error, expected, "{body}");
        let shown = format!("{} {error:?}", Failure::Contract(error.clone()));
        assert!(
            shown.contains(field) && !shown.contains("SECRET"),
            "{shown}"
        );
    }
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
    let nested = "[".repeat(60_000);
    let scopes = contract_error(format!(r#"{{"scopes": {nested}"#).as_bytes());
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
        Verdict::Valid(_)
    ));
    assert_eq!(contract_error(&padded(65_537)), ContractError::TooLarge);
    assert_eq!(MAX_BODY_BYTES, 65_536);
}
