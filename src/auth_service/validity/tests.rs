#[cfg(target_arch = "wasm32")]
use wasm_bindgen_test::wasm_bindgen_test as test;

use super::Overview;
use crate::json;

fn overview(body: &str) -> Overview {
    json::read(body.as_bytes()).unwrap()
}

#[test]
fn what_says_that_a_key_is_not_valid_is_heard_wherever_it_stands() {
    for body in [
        r#"{"valid": false}"#,
        r#"{"valid": false, "scopes": ["admin"], "is_admin": true}"#,
        r#"{"active": false, "scopes": 7}"#,
        r#"{"is_valid": false}"#,
        r#"{"isValid": false}"#,
        r#"{"IsActive": false}"#,
        r#"{"VALID": false}"#,
        r#"{"enabled": false}"#,
        r#"{"revoked": true}"#,
        r#"{"is_revoked": true}"#,
        r#"{"expired": true}"#,
        r#"{"disabled": true}"#,
        r#"{"status": "revoked"}"#,
        r#"{"status": " Expired "}"#,
        r#"{"state": "DISABLED"}"#,
        r#"{"valid": false, "valid": true}"#,
        r#"{"valid": true, "valid": false}"#,
        r#"{"valid": "x", "active": false}"#,
        r#"{"v\u0061lid": false}"#,
        r#"{"user": {"valid": false}}"#,
        r#"{"user": {"is_active": false}, "valid": true}"#,
        r#"{"user": {}, "user": {"status": "suspended"}}"#,
    ] {
        assert!(overview(body).is_refused, "{body}");
    }
}

#[test]
fn what_does_not_say_whether_a_key_is_valid_is_named() {
    for (body, field) in [
        (r#"{"valid": "false"}"#, "valid"),
        (r#"{"valid": "true"}"#, "valid"),
        (r#"{"valid": 0}"#, "valid"),
        (r#"{"valid": 1}"#, "valid"),
        (r#"{"valid": 1.5}"#, "valid"),
        (r#"{"valid": -1}"#, "valid"),
        (r#"{"valid": null}"#, "valid"),
        (r#"{"valid": []}"#, "valid"),
        (r#"{"valid": {"valid": true}}"#, "valid"),
        (r#"{"active": null, "valid": true}"#, "active"),
        (r#"{"isEnabled": "yes"}"#, "isEnabled"),
        (r#"{"revoked": "2024-01-01T00:00:00Z"}"#, "revoked"),
        (r#"{"revoked": 0}"#, "revoked"),
        (r#"{"expired": ""}"#, "expired"),
        (r#"{"valid": null, "valid": true}"#, "valid"),
        (r#"{"user": {"active": 1}}"#, "user.active"),
    ] {
        let read = overview(body);
        assert!(!read.is_refused, "{body}");
        assert_eq!(read.unclear.unwrap().0, field, "{body}");
    }
}

#[test]
fn other_replies_say_nothing_against_the_key() {
    for body in [
        "{}",
        r#"{"valid": true, "active": true, "revoked": false, "expired": null, "status": "active"}"#,
        r#"{"status": 200, "state": null}"#,
        r#"{"status": {"revoked": true}}"#,
        r#"{"message": "valid: false", "key": {"valid": false}, "validated": false}"#,
        r#"{"user": {"user": {"valid": false}}}"#,
        r#"{"user": null}"#,
        r#"{"user": "valid"}"#,
        r#"{"user": [{"valid": false}]}"#,
        "[]",
        "null",
        r#""valid""#,
        "1",
        "-1",
        "1.5",
        "false",
    ] {
        let Overview {
            is_refused,
            unclear,
            ..
        } = overview(body);
        assert_eq!((is_refused, unclear), (false, None), "{body}");
    }
    assert_eq!(
        overview(r#"{"a": 1, "valid": true}"#).fields,
        ["a", "valid"]
    );
}
