//! Keys that change at run time.

use serde_json::{Value, json};

use super::{KEY, StandIn};

fn revoked(stand_in: &StandIn) -> Value {
    stand_in.poll(None).json()["key_ids"].clone()
}

#[test]
fn put_adds_and_replaces() {
    let stand_in = StandIn::with_flags(&[]);
    let keys = json!({"keys": [
        {"key": KEY, "user_id": "u1", "scopes": ["model:write"]},
        {"key": "hk_live_new", "key_id": "key_new", "status": 429, "retry_after": 3},
    ]});
    let put = stand_in.put_keys(&keys);
    assert_eq!(
        (put.status, put.json()),
        (200, json!({"added": 1, "replaced": 1}))
    );
    let replaced = json!({"user_id": "u1", "scopes": ["model:write"]});
    assert_eq!(stand_in.validate(KEY).json(), replaced);
    let limited = stand_in.validate("hk_live_new");
    assert_eq!(
        (limited.status, limited.header("retry-after")),
        (429, Some("3"))
    );
    assert_eq!(revoked(&stand_in), json!([]));

    // What a body does not name stays.
    let put = stand_in.put_keys(&json!({"keys": []}));
    assert_eq!(put.json(), json!({"added": 0, "replaced": 0}));
    assert_eq!(stand_in.validate(KEY).status, 200);
}

#[test]
fn a_wrong_body_is_400_names_the_field_and_changes_nothing() {
    let stand_in = StandIn::with_flags(&[]);
    let cases = [
        (json!([]), "the body has no field keys"),
        (
            json!({"keys": {"hk_live_secret": 1}}),
            "the body: keys is not a list",
        ),
        (
            json!({"keys": [{"key": "hk_live_secret"}, {"kye": "hk_live_secret"}]}),
            "the body: keys[1] has no field key",
        ),
        (
            json!({"keys": [{"key": "hk_live_secret"}, {"key": "hk_live_secret"}]}),
            "the body: keys[1].key is the same as keys[0].key",
        ),
        (
            json!({"keys": [{"key": "hk_live_secret"}, {"key": "b", "status": "hk_live_secret"}]}),
            "the body: keys[1].status is not",
        ),
        (
            json!({"keys": [{"key": "hk_live_secret", "cache_control": 7}]}),
            "the body: keys[0].cache_control is not",
        ),
    ];
    for (body, said) in &cases {
        let reply = stand_in.put_keys(body);
        assert_eq!(reply.status, 400, "{body}");
        let error = reply.json()["error"].as_str().unwrap().to_owned();
        assert!(error.starts_with(said), "{body}: {error}");
        assert!(!error.contains("secret"), "{body}: {error}");
    }
    let not_json = stand_in.request("PUT", "/keys", "", "hk_live_secret");
    assert_eq!(not_json.status, 400);
    let error = not_json.json()["error"].to_string();
    assert!(
        error.contains("the body is not JSON: ") && !error.contains("secret"),
        "{error}"
    );
    assert_eq!(stand_in.validate("hk_live_secret").status, 401);
}

#[test]
fn a_body_of_many_keys_is_taken() {
    let stand_in = StandIn::with_flags(&[]);
    let keys: Vec<_> = (0..40_000)
        .map(|n| json!({"key": format!("hk_live_{n}"), "scopes": ["model:read", "run:write"]}))
        .collect();
    let put = stand_in.put_keys(&json!({ "keys": keys }));
    assert_eq!(put.json(), json!({"added": 40_000, "replaced": 0}));
    assert_eq!(stand_in.validate("hk_live_39999").status, 200);
}

#[test]
fn a_revoked_key_is_invalid_from_then_on() {
    let keys = json!({"keys": [
        {"key": "hk_live_1", "key_id": "key_1"}, {"key": "hk_live_2", "key_id": "key_2"},
        {"key": "hk_live_twin", "key_id": "key_2"}, {"key": "hk_live_odd", "key_id": "a/b c?é"},
        {"key": "hk_live_nameless"}, {"key": "hk_live_number", "key_id": 7},
    ]});
    let stand_in = StandIn::start(&keys, &[]);
    let statuses = || {
        let keys = ["1", "2", "twin", "odd", "nameless", "number"];
        keys.map(|key| stand_in.validate(&format!("hk_live_{key}")).status)
    };
    assert_eq!(statuses(), [200; 6]);

    let done = stand_in.revoke("key_1");
    assert_eq!(
        (done.status, done.json()),
        (200, json!({"key_id": "key_1", "keys": 1}))
    );
    assert_eq!(statuses(), [401, 200, 200, 200, 200, 200]);
    // Every key with the id.
    assert_eq!(stand_in.revoke("key_2").json()["keys"], json!(2));
    assert_eq!(statuses(), [401, 401, 401, 200, 200, 200]);
    assert_eq!(stand_in.revoke("a%2Fb%20c%3F%C3%A9").status, 200);
    assert_eq!(statuses(), [401, 401, 401, 401, 200, 200]);

    for unknown in ["key_1", "key_3", "KEY_1", "7", "hk_live_nameless", "load_1"] {
        let reply = stand_in.revoke(unknown);
        assert_eq!(reply.status, 404, "{unknown}");
        assert!(reply.json()["error"].is_string());
    }
    assert_eq!(stand_in.revoke("%FF").status, 400);
    assert_eq!(revoked(&stand_in), json!(["key_1", "key_2", "a/b c?é"]));
}

#[test]
fn a_reply_held_back_knows_of_the_revocation() {
    let keys = json!({"keys": [{"key": KEY, "key_id": "key_1"}]});
    let stand_in = StandIn::start(&keys, &["--delay", "300ms"]);
    let body = r#"{"service_id":"mlflow"}"#;
    let held = stand_in.send("POST", super::PATH, &super::bearer(KEY), body);
    while stand_in.stats()["in_flight"] != json!(1) {}
    assert_eq!(stand_in.revoke("key_1").status, 200);
    assert_eq!(super::Reply::read(held).status, 401);
}

#[test]
fn put_brings_a_revoked_key_back() {
    let entry = json!({"keys": [{"key": KEY, "key_id": "key_1"}]});
    let stand_in = StandIn::start(&entry, &[]);
    for _ in 0..2 {
        assert_eq!(stand_in.revoke("key_1").status, 200);
        assert_eq!(stand_in.validate(KEY).status, 401);
        assert_eq!(stand_in.put_keys(&entry).json()["added"], json!(1));
        assert_eq!(stand_in.validate(KEY).status, 200);
    }
    // Both times are told; neither is taken back.
    assert_eq!(revoked(&stand_in), json!(["key_1", "key_1"]));
}
