//! Keys that are valid by their prefix.

use serde_json::json;

use super::{KEY, StandIn};

fn stand_in() -> StandIn {
    let keys = json!({"keys": [
        {"key": KEY, "user_id": "u1", "scopes": ["model:read"]},
        {"key": "load_file", "key_id": "key_7", "user_id": "u7"},
        {"key": "load_broken", "key_id": "key_broken", "status": 502},
    ]});
    let scopes = "model:read,run:write";
    StandIn::start(
        &keys,
        &["--any-key-prefix", "load_", "--any-key-scopes", scopes],
    )
}

#[test]
fn a_key_with_the_prefix_is_valid() {
    let stand_in = stand_in();
    for rest in ["1", "0001", "a_b-c.d~", r#""\{}"#, "load_1", ""] {
        let reply = stand_in.validate(&["load_", rest].concat());
        let due = json!({
            "user_id": format!("user_{rest}"), "key_id": format!("key_{rest}"),
            "scopes": ["model:read", "run:write"],
        });
        assert_eq!((reply.status, reply.json()), (200, due), "{rest}");
    }
    for key in [
        "load",
        "LOAD_1",
        "xload_1",
        "load_a b",
        "load_a\tb",
        "load_é",
        "loud_1",
    ] {
        assert_eq!(stand_in.validate(key).status, 401, "{key}");
    }
    assert_eq!(StandIn::with_flags(&[]).validate("load_1").status, 401);
}

#[test]
fn the_file_comes_first() {
    let stand_in = stand_in();
    let in_the_file = json!({"key_id": "key_7", "user_id": "u7"});
    assert_eq!(stand_in.validate("load_file").json(), in_the_file);
    assert_eq!(stand_in.validate("load_broken").status, 502);
    assert_eq!(stand_in.validate(KEY).status, 200);
}

#[test]
fn load_keys_can_be_revoked() {
    let stand_in = stand_in();
    let status = |key| stand_in.validate(key).status;
    assert_eq!(
        stand_in.revoke("key_1").json(),
        json!({"key_id": "key_1", "keys": 1})
    );
    assert_eq!((status("load_1"), status("load_11")), (401, 200));
    assert_eq!(stand_in.revoke("key_1").status, 404);

    // In the file it has another id.
    assert_eq!(stand_in.revoke("key_file").status, 404);
    assert_eq!(status("load_file"), 200);
    // Of the file, and a load key with the same id.
    assert_eq!(stand_in.revoke("key_7").json()["keys"], json!(2));
    assert_eq!((status("load_file"), status("load_7")), (401, 401));
    // One that is in the file and would be a load key with the same id.
    assert_eq!(stand_in.revoke("key_broken").json()["keys"], json!(1));
    assert_eq!(status("load_broken"), 401);

    for unknown in ["key", "user_1", "load_1", "key_a%20b", "key_%C3%A9"] {
        assert_eq!(stand_in.revoke(unknown).status, 404, "{unknown}");
    }
    let told = stand_in.poll(None).json()["key_ids"].clone();
    assert_eq!(told, json!(["key_1", "key_7", "key_broken"]));

    stand_in.put_keys(&json!({"keys": [{"key": "load_1", "key_id": "key_1"}]}));
    assert_eq!(status("load_1"), 200);
}
