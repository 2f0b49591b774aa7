use std::time::Duration;

use super::{A_STATUS, BAD, GOOD, Kind, NAMES, NESTED, OF_A_PERSON, Overview};
use crate::auth_service::lifetime::{A_TIME, Lifetime};
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
        (r#"{"data": {"key": {"active": 1}}}"#, "data.key.active"),
        (r#"{"status": {"name": "revoked"}}"#, "status"),
        (r#"{"status": {}}"#, "status"),
        (r#"{"status": "in review"}"#, "status"),
        (r#"{"status": ""}"#, "status"),
        (r#"{"status": 0}"#, "status"),
        (r#"{"state": "half-open"}"#, "state"),
        (r#"{"user": {"status": "odd"}}"#, "user.status"),
        (r#"{"expires_in": "30d"}"#, "expires_in"),
        (r#"{"expires_in": 1e300}"#, "expires_in"),
        (r#"{"exp": 1577836800000}"#, "exp"),
        (r#"{"key": {"expiresAt": "never"}}"#, "key.expiresAt"),
        (r#"{"nbf": "soon"}"#, "nbf"),
        (r#"{"not_after": {}}"#, "not_after"),
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
        r#"{"status": "OK", "error": null, "errors": []}"#,
        r#"{"status": true, "error": "", "revoked_at": null, "expires_at": null, "nbf": null}"#,
        r#"{"error": false, "errors": {}, "expires_in": null}"#,
        r#"{"error": 0, "error_count": 3}"#,
        r#"{"message": "valid: false", "validated": false, "key": "valid", "token": null}"#,
        r#"{"key_id": "k", "key": {"id": "invalid"}, "data": [], "result": "ok"}"#,
        r#"{"user": {"state": "California"}}"#,
        r#"{"other": {"valid": false}}"#,
        r#"{"expired_keys_found_so_far_in_this_period": true}"#,
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

/// Every name of the table, in the spellings that services use, at the top and in every object that is looked into.
#[test]
fn every_name_is_heard() {
    let past = Duration::from_secs(1_577_836_800);
    for (kind, names) in NAMES {
        let (value, no) = match kind {
            Kind::TrueWhenValid => ("false", None),
            Kind::FalseWhenValid => ("true", None),
            Kind::EndedAt => (r#""0001-01-01T00:00:00Z""#, None),
            Kind::Error => (r#""invalid_token""#, None),
            Kind::Status => (r#""revoked""#, None),
            Kind::ExpiresIn => ("-5", None),
            Kind::Expiry => (
                "1577836800",
                Some(Lifetime {
                    expires_at: Some(past),
                    ..Lifetime::default()
                }),
            ),
            Kind::NotBefore => (
                r#""2020-01-01T00:00:00Z""#,
                Some(Lifetime {
                    not_before: Some(past),
                    ..Lifetime::default()
                }),
            ),
        };
        for name in *names {
            for spelled in [
                (*name).to_owned(),
                name.to_uppercase(),
                format!("is_{name}"),
                format!("key_{name}"),
                format!("isKey{name}"),
                format!("token-{name}"),
                format!("api_key_{name}"),
            ] {
                let field = format!(r#"{{"{spelled}": {value}}}"#);
                let nested = NESTED
                    .iter()
                    .filter(|outer| **outer != "user" || !OF_A_PERSON.contains(name))
                    .map(|outer| format!(r#"{{"{outer}": {field}}}"#));
                for body in nested.chain([field.clone()]) {
                    let read = overview(&body);
                    assert_eq!(read.is_refused, no.is_none(), "{body}");
                    assert_eq!(read.lifetime, no.unwrap_or_default(), "{body}");
                    assert_eq!(read.unclear, None, "{body}");
                }
            }
        }
    }
}

#[test]
fn a_status_is_one_of_the_known_words() {
    for (words, is_refused) in [(GOOD, false), (BAD, true)] {
        for word in words {
            for spelled in [(*word).to_owned(), word.to_uppercase(), format!(" {word} ")] {
                let read = overview(&format!(r#"{{"status": "{spelled}"}}"#));
                assert_eq!(
                    (read.is_refused, read.unclear),
                    (is_refused, None),
                    "{spelled}"
                );
            }
        }
    }
    for (status, is_refused) in [
        ("200", false),
        ("403", true),
        ("true", false),
        ("false", true),
    ] {
        let read = overview(&format!(r#"{{"status": {status}}}"#));
        assert_eq!(
            (read.is_refused, read.unclear),
            (is_refused, None),
            "{status}"
        );
    }
    for spelled in ["not active", "in-active", "Not_Found", "expired token"] {
        let read = overview(&format!(r#"{{"status": "{spelled}"}}"#));
        assert!(read.is_refused, "{spelled}");
    }
    // The line for the operator says which words are taken.
    for word in GOOD {
        assert!(A_STATUS.contains(word), "{word}");
    }
}

#[test]
fn the_shortest_of_several_limits_holds() {
    let secs = |seconds| Some(Duration::from_secs(seconds));
    for (body, expires_at, expires_in, not_before) in [
        (
            r#"{"exp": 9, "expiresAt": 5, "key": {"expiry": 7}}"#,
            secs(5),
            None,
            None,
        ),
        (r#"{"exp": 5, "exp": 9}"#, secs(5), None, None),
        (
            r#"{"data": {"expires_at": 3}, "expires_at": 4}"#,
            secs(3),
            None,
            None,
        ),
        (
            r#"{"expires_in": 60, "token": {"expires_in": 30.0}}"#,
            None,
            secs(30),
            None,
        ),
        (
            r#"{"nbf": 4, "not_before": 6, "nbf": null}"#,
            None,
            None,
            secs(6),
        ),
    ] {
        let expected = Lifetime {
            max_age: None,
            expires_at,
            expires_in,
            not_before,
        };
        assert_eq!(overview(body).lifetime, expected, "{body}");
    }
}

#[test]
fn objects_are_looked_into_to_a_depth() {
    for (body, is_refused) in [
        (r#"{"user": {"user": {"valid": false}}}"#, true),
        (r#"{"data": {"result": {"key": {"valid": false}}}}"#, true),
        (
            r#"{"data": {"data": {"data": {"data": {"valid": false}}}}}"#,
            false,
        ),
    ] {
        assert_eq!(overview(body).is_refused, is_refused, "{body}");
    }
    assert_eq!(overview(r#"{"exp": "x"}"#).unclear.unwrap().1, A_TIME);
}
