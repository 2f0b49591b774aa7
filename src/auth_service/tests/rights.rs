//! Whether a 200 gives any rights at all.

#[cfg(target_arch = "wasm32")]
use wasm_bindgen_test::wasm_bindgen_test as test;

use super::answered;
use super::bodies::{contract_error, principal};
use crate::auth_service::{Failure, Verdict};
use crate::principal::Principal;

#[test]
fn a_200_that_says_that_the_key_is_not_valid_is_a_401() {
    for body in [
        r#"{"valid": false}"#,
        r#"{"active": false, "scopes": ["admin"], "is_admin": true}"#,
        r#"{"is_valid": false, "scopes": "SECRET"}"#,
        r#"{"valid": false, "valid": true, "scopes": []}"#,
        r#"{"scopes": [], "revoked": true}"#,
        r#"{"scopes": [], "status": "expired"}"#,
        r#"{"scopes": [], "user": {"enabled": false}}"#,
    ] {
        assert_eq!(
            answered(200, true, body.as_bytes()),
            Verdict::Invalid,
            "{body}"
        );
    }
    for (body, field) in [
        (r#"{"valid": "SECRET", "scopes": []}"#, "valid"),
        (r#"{"active": null, "scopes": ["admin"]}"#, "active"),
        (
            r#"{"valid": true, "user": {"active": 0}, "scopes": []}"#,
            "user.active",
        ),
    ] {
        let error = contract_error(body.as_bytes());
        let failure = Failure::Contract(error.clone());
        assert!(
            failure.ends_kept_rights() && failure.is_misconfiguration(),
            "{body}"
        );
        let text = error.to_string();
        assert!(
            text.starts_with(&format!("field {field}: ")) && !text.contains("SECRET"),
            "{text}"
        );
    }
    assert_eq!(
        principal(r#"{"valid": true, "scopes": []}"#),
        Principal::default()
    );
}

#[test]
fn an_admin_needs_no_scopes_and_everybody_else_does() {
    for body in [
        r#"{"is_admin": true}"#,
        r#"{"is_admin": true, "scopes": null}"#,
        r#"{"user": {"is_admin": true}}"#,
    ] {
        let read = principal(body);
        assert_eq!((read.is_admin, read.scopes), (true, Vec::new()), "{body}");
    }
    for (body, received) in [
        ("{}", "the reply has no fields"),
        (r#"{"scopes": null}"#, "the reply has: scopes"),
        (
            r#"{"user_id": "SECRET", "permissions": ["SECRET"]}"#,
            "the reply has: user_id, permissions",
        ),
        (
            r#"{"is_admin": false, "roles": ["ops"]}"#,
            "the reply has: is_admin, roles",
        ),
        (
            r#"{"is_admin": false, "user": {"is_admin": true}}"#,
            "the reply has: is_admin, user",
        ),
        (
            r#"{"grants": [{"scope": "model:read", "names": ["SECRET"]}]}"#,
            "the reply has: grants",
        ),
    ] {
        let text = contract_error(body.as_bytes()).to_string();
        let expected =
            format!("field scopes: is missing or null, and is_admin is not true; {received}");
        assert_eq!(text, expected, "{body}");
    }
}
