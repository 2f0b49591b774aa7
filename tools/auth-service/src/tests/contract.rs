//! What a validation gets where no fault is ordered.

use serde_json::json;

use super::{KEY, PATH, StandIn, bearer};

#[test]
fn a_known_key_gets_its_entry_and_nothing_else() {
    let whole = json!({
        "user_id": "u1", "key_id": "key_1", "service_id": "mlflow", "scopes": ["model:read"],
        "roles": ["viewer"], "is_admin": false, "rate_limit_per_hour": 1000, "email": "u1@example",
    });
    let odd =
        json!({"scopes": null, "roles": 7, "user": {"id": "u2"}, "surprise": [1, {"a": null}]});
    let mut keys = Vec::new();
    for (key, reply) in [("hk_live_whole", &whole), ("hk_live_odd", &odd)] {
        let mut entry = reply.clone();
        entry["key"] = json!(key);
        keys.push(entry);
    }
    keys.push(json!({"key": "hk_live_bare"}));
    let stand_in = StandIn::start(&json!({"keys": keys}), &[]);

    let bare = json!({});
    for (key, reply) in [
        ("hk_live_whole", &whole),
        ("hk_live_odd", &odd),
        ("hk_live_bare", &bare),
    ] {
        let answer = stand_in.validate(key);
        assert_eq!(answer.status, 200, "{key}");
        assert_eq!(&answer.json(), reply, "{key}");
    }
}

#[test]
fn no_key_or_an_unknown_one_is_401() {
    let stand_in = StandIn::with_flags(&[]);
    let twice = [bearer(KEY), bearer(KEY)].concat();
    let cases = [
        ("", "no header"),
        ("authorization: Bearer hk_live_unknown\r\n", "unknown"),
        ("authorization: Bearer \r\n", "empty"),
        ("authorization: Bearer\r\n", "scheme alone"),
        ("authorization: hk_live_contributor\r\n", "no scheme"),
        (
            "authorization: Basic hk_live_contributor\r\n",
            "another scheme",
        ),
        (
            "authorization: Bearer HK_LIVE_CONTRIBUTOR\r\n",
            "another case",
        ),
        (
            "authorization: Bearer hk_live_contributor,x\r\n",
            "a longer one",
        ),
        ("x-api-key: hk_live_contributor\r\n", "another header"),
        (&twice, "two headers"),
    ];
    for (headers, case) in cases {
        let answer = stand_in.request("POST", PATH, headers, r#"{"service_id":"mlflow"}"#);
        assert_eq!(answer.status, 401, "{case}");
        assert!(answer.json()["error"].is_string(), "{case}");
        assert!(!String::from_utf8_lossy(&answer.body).contains("hk_live"));
    }
}

#[test]
fn the_scheme_has_no_case() {
    let stand_in = StandIn::with_flags(&[]);
    let headers = format!("authorization: bearer {KEY}\r\n");
    let answer = stand_in.request("POST", PATH, &headers, r#"{"service_id":"mlflow"}"#);
    assert_eq!(answer.status, 200);
}

#[test]
fn an_entry_orders_its_status_and_retry_after() {
    let keys = json!({"keys": [
        {"key": "refused", "status": 403, "scopes": ["*"]},
        {"key": "limited", "status": 429, "retry_after": 7},
        {"key": "dated", "status": 429, "retry_after": "Wed, 21 Oct 2026 07:28:00 GMT"},
        {"key": "broken", "status": 502},
        {"key": "gone", "status": 204},
    ]});
    let stand_in = StandIn::start(&keys, &[]);
    let cases = [
        ("refused", 403, None),
        ("limited", 429, Some("7")),
        ("dated", 429, Some("Wed, 21 Oct 2026 07:28:00 GMT")),
        ("broken", 502, None),
        ("gone", 204, None),
    ];
    for (key, status, retry_after) in cases {
        let answer = stand_in.validate(key);
        assert_eq!(answer.status, status, "{key}");
        assert_eq!(answer.header("retry-after"), retry_after, "{key}");
        assert_eq!(answer.end, None, "{key}");
        if status != 204 {
            assert!(answer.json()["error"].is_string(), "{key}");
        }
    }
}

#[test]
fn lifetimes_are_handed_on() {
    let stamp = "2026-10-21T07:28:00Z";
    let keys = json!({"keys": [
        {"key": "text", "expires_at": stamp, "cache_control": "max-age=30, private"},
        {"key": "number", "expires_at": 1792567680.5},
        {"key": "zero", "expires_at": 0, "cache_control": "no-store"},
        {"key": "odd", "expires_at": {"at": null}, "cache_control": ""},
        {"key": "none"},
        {"key": "refused", "status": 403, "expires_at": 1, "cache_control": "max-age=30"},
    ]});
    let stand_in = StandIn::start(&keys, &[]);
    let cases = [
        (
            "text",
            json!({"expires_at": stamp}),
            Some("max-age=30, private"),
        ),
        ("number", json!({"expires_at": 1792567680.5}), None),
        ("zero", json!({"expires_at": 0}), Some("no-store")),
        ("odd", json!({"expires_at": {"at": null}}), Some("")),
        ("none", json!({}), None),
    ];
    for (key, reply, cache_control) in cases {
        let answer = stand_in.validate(key);
        assert_eq!((answer.status, answer.json()), (200, reply), "{key}");
        assert_eq!(answer.header("cache-control"), cache_control, "{key}");
    }
    let refused = stand_in.validate("refused");
    assert_eq!(
        (refused.status, refused.header("cache-control")),
        (403, None)
    );
    assert_eq!(refused.json().get("expires_at"), None);
}

#[test]
fn a_body_outside_the_contract_is_400() {
    let stand_in = StandIn::with_flags(&[]);
    let long = format!(r#"{{"service_id":"{}"}}"#, "x".repeat(70_000));
    let cases = [
        ("", "not a JSON object"),
        ("service_id=mlflow", "not a JSON object"),
        ("[\"mlflow\"]", "not a JSON object"),
        ("{}", "missing field `service_id`"),
        (r#"{"service_id":7}"#, "service_id: "),
        (r#"{"service_id":null}"#, "service_id: "),
        (r#"{"service_id":"mlflow","client_ip":null}"#, "client_ip: "),
        (
            r#"{"service_id":"mlflow","clientip":"::1"}"#,
            "unknown field `clientip`",
        ),
        (r#"{"service_id":"mlflow"} x"#, "not a JSON object"),
        (&long, "cannot be read"),
    ];
    for (body, named) in cases {
        let answer = stand_in.request("POST", PATH, &bearer(KEY), body);
        assert_eq!(answer.status, 400, "{named}");
        let error = answer.json()["error"].to_string();
        assert!(error.contains(named), "{named}: {error}");
    }
}

#[test]
fn the_path_is_the_ordered_one() {
    let stand_in = StandIn::with_flags(&["--path", "/check"]);
    let ask = |method, path| {
        let answer = stand_in.request(method, path, &bearer(KEY), r#"{"service_id":"mlflow"}"#);
        answer.status
    };
    assert_eq!(ask("POST", "/check"), 200);
    assert_eq!(ask("POST", "/check?x=1"), 200);
    assert_eq!(ask("POST", "/check/"), 404);
    assert_eq!(ask("POST", PATH), 404);
    assert_eq!(ask("GET", "/check"), 405);
}
