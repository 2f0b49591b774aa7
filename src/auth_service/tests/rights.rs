//! Whether a 200 gives any rights at all.

use super::bodies::{contract_error, principal};
use super::{answered, reply};
use crate::auth_service::{Contract, Failure, Verdict};
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

/// Not an outage: the key has no rights. An operator is told, since it is most likely another shape of reply.
#[test]
fn a_reply_without_scopes_is_one_without_rights() {
    let read = |body: &str| {
        let reply = reply(200, body.as_bytes());
        let (verdict, mut remark) = reply.read(&Contract::default());
        if let Some(remark) = &mut remark {
            remark.hide(|text| text == "hk_live_secret");
        }
        (verdict, remark.map(|remark| remark.to_string()))
    };
    for body in [
        r#"{"scopes": []}"#,
        r#"{"is_admin": true}"#,
        r#"{"is_admin": true, "scopes": null}"#,
        r#"{"user": {"is_admin": true}}"#,
        r#"{"roles": ["ops"]}"#,
        r#"{"grants": [{"scope": "model:read", "names": ["a"]}]}"#,
    ] {
        let (verdict, remark) = read(body);
        assert!(matches!(verdict, Verdict::Valid(..)), "{body}");
        assert_eq!(remark, None, "{body}");
    }
    for (body, received) in [
        ("{}", "the reply has no fields"),
        (r#"{"scopes": null}"#, "the reply has: scopes"),
        (
            r#"{"user_id": "SECRET", "permissions": ["SECRET"]}"#,
            "the reply has: user_id, permissions",
        ),
        (
            r#"{"is_admin": false, "user": {"is_admin": true}}"#,
            "the reply has: is_admin, user",
        ),
        (
            r#"{"hk_live_secret": 1, "roles": []}"#,
            "the reply has: roles and 1 more",
        ),
    ] {
        let (verdict, remark) = read(body);
        let Verdict::Valid(principal, _) = verdict else {
            panic!("{body}: {verdict:?}");
        };
        assert!(principal.scopes.is_empty() && !principal.is_admin, "{body}");
        let remark = remark.unwrap();
        assert!(remark.ends_with(received), "{remark}");
        assert!(!remark.contains("SECRET"), "{remark}");
    }
}
