//! Introspection as RFC 7662 has it.

use serde_json::{Value, json};

use super::{Reply, StandIn};

const PATH: &str = "/oauth2/introspect";
const OWN: &str = "authorization: Basic eA==\r\n";
const FORM: &str = "content-type: application/x-www-form-urlencoded\r\n";

fn stand_in() -> StandIn {
    let keys = json!({"keys": [
        {"key": "t1", "user_id": "u1", "key_id": "c1", "scopes": ["model:read", "openid"], "aud": "mlflow", "exp": 4_102_444_800_u64},
        {"key": "a+b&c=%", "scopes": "as it is"},
        {"key": "off", "status": 401},
        {"key": "odd", "active": "yes"},
        {"key": "limited", "status": 429, "retry_after": 7},
    ]});
    StandIn::start(
        &keys,
        &[
            "--introspection-path",
            PATH,
            "--introspection-credential",
            "authorization: Basic eA==",
        ],
    )
}

fn ask(stand_in: &StandIn, headers: &str, body: &str) -> Reply {
    stand_in.request("POST", PATH, headers, body)
}

#[test]
fn a_token_is_active_or_it_is_not() {
    let stand_in = stand_in();
    let active = json!({"active": true, "sub": "u1", "client_id": "c1", "scope": "model:read openid", "aud": "mlflow", "exp": 4_102_444_800_u64});
    let inactive = json!({"active": false});
    for (body, expected) in [
        ("token=t1&token_type_hint=access_token", active.clone()),
        ("token_type_hint=refresh_token&token=t%31", active),
        (
            "token=a%2Bb%26c%3D%25",
            json!({"active": true, "scope": "as it is"}),
        ),
        ("token=off", inactive.clone()),
        ("token=unknown", inactive.clone()),
        ("token=a+b", inactive),
        ("token=odd", json!({"active": "yes"})),
    ] {
        let reply = ask(&stand_in, &[OWN, FORM].concat(), body);
        assert_eq!((reply.status, reply.json()), (200, expected), "{body}");
    }
    let limited = ask(&stand_in, &[OWN, FORM].concat(), "token=limited");
    assert_eq!(
        (limited.status, limited.header("retry-after")),
        (429, Some("7"))
    );
    let stats = stand_in.stats();
    assert_eq!(stats["validations"], 8);
    assert_eq!(stats["by_key_id"]["c1"], 2);
}

#[test]
fn what_is_no_request_of_the_rfc_is_refused() {
    let stand_in = stand_in();
    let json_type = "content-type: application/json\r\n";
    for (headers, body, status, error) in [
        (FORM, "token=t1", 401, "invalid_client"),
        (
            "authorization: Basic eB==\r\ncontent-type: application/x-www-form-urlencoded\r\n",
            "token=t1",
            401,
            "invalid_client",
        ),
        (
            "authorization: Bearer t1\r\ncontent-type: application/x-www-form-urlencoded\r\n",
            "token=t1",
            401,
            "invalid_client",
        ),
        (&[OWN, FORM].concat(), "", 400, "invalid_request"),
        (&[OWN, FORM].concat(), "token=", 400, "invalid_request"),
        (
            &[OWN, FORM].concat(),
            "token=t1&token=t1",
            400,
            "invalid_request",
        ),
        (
            &[OWN, FORM].concat(),
            "token=t1&service_id=mlflow",
            400,
            "invalid_request",
        ),
        (&[OWN, FORM].concat(), "token=%4", 400, "invalid_request"),
        (
            &[OWN, json_type].concat(),
            r#"{"token": "t1"}"#,
            400,
            "invalid_request",
        ),
        (OWN, "token=t1", 400, "invalid_request"),
    ] {
        let reply = ask(&stand_in, headers, body);
        let said: Value = reply.json();
        assert_eq!(
            (reply.status, &said["error"]),
            (status, &json!(error)),
            "{headers} {body}"
        );
        assert_eq!(reply.header("www-authenticate").is_some(), status == 401);
    }
    assert_eq!(stand_in.request("GET", PATH, OWN, "").status, 405);
    // Nowhere, unless it is asked for.
    let plain = StandIn::with_flags(&[]);
    assert_eq!(ask(&plain, &[OWN, FORM].concat(), "token=t1").status, 404);
}
