//! What a verified token's claims grant, and when that ends.

use super::super::keys::{POLLS, poll};
use super::super::{CREATE_RUN, Next, Shell, answer, denied, edits, reason, seen, valid};
use super::{CLAIMS, JWT, lookups, post, verified};
use crate::token::GivenFacts;
use crate::upstream::HeaderEdit;

#[test]
fn a_token_ends_while_it_is_used() {
    let mut shell = verified(JWT, CLAIMS);
    for (later, expected) in [
        (0, "allowed"),
        (3_599_999, "allowed"),
        (1, "key_invalid"),
        (1000, "key_invalid"),
    ] {
        shell.later(later);
        assert_eq!(reason(&post(&mut shell, &[])), expected, "{later}");
    }
    assert_eq!(
        (lookups(&shell, "valid"), lookups(&shell, "expired")),
        (2, 2)
    );
}

#[test]
fn claims_that_name_nobody_are_refused_and_told_to_the_operator() {
    let mut shell = verified(
        JWT,
        r#"{"sub": ["secret"], "scope": "mlflow:admin", "exp": 1003600}"#,
    );
    let next = post(&mut shell, &[]);
    assert_eq!(seen(&next), denied(401, "UNAUTHENTICATED", "key_invalid"));
    assert_eq!(lookups(&shell, "unreadable"), 1);
    let [line] = shell.outbox.errors.as_slice() else {
        panic!("{:?}", shell.outbox.errors)
    };
    assert!(
        line.starts_with("jwt: a verified token is refused: its claim /sub is neither"),
        "{line}"
    );
    assert!(!line.contains("secret"), "{line}");
}

#[test]
fn claims_that_grant_nothing_are_told_once_a_minute() {
    let mut shell = verified(
        JWT,
        r#"{"sub": "alice", "permissions": ["secret"], "exp": 2000000}"#,
    );
    for later in [0, 1000, 58_999, 1] {
        shell.later(later);
        assert_eq!(reason(&post(&mut shell, &[])), "scope_missing");
    }
    assert_eq!(shell.outbox.errors.len(), 2, "{:?}", shell.outbox.errors);
    assert!(
        shell
            .outbox
            .errors
            .iter()
            .all(|line| !line.contains("secret") && !line.contains("alice"))
    );
}

#[test]
fn bare_words_of_a_token_grant_only_where_the_configuration_names_them() {
    for word in ["read", "write", "admin", "full_access"] {
        let claims = CLAIMS.replace("tracking:write", word);
        let mut shell = verified(JWT, &claims);
        assert_eq!(reason(&post(&mut shell, &[])), "scope_missing", "{word}");
        let named = format!(r#"{JWT}, "scopes": {{"{word}": ["run:write"]}}"#);
        let mut shell = verified(&named, &claims);
        assert_eq!(reason(&post(&mut shell, &[])), "allowed", "{word}");
    }
}

#[test]
fn roles_grants_and_administrators_by_claims() {
    let fields =
        r#""jwt": {"grants": "/grants", "is_admin": "/admin"}, "roles": {"lead": ["run:write"]}"#;
    let model = r#"/api/2.0/mlflow/registered-models/get?name=fraud-1"#;
    for (claims, write, read) in [
        (
            r#"{"sub": "a", "realm_access": {"roles": ["lead"]}}"#,
            "allowed",
            "scope_missing",
        ),
        (r#"{"sub": "a", "admin": true}"#, "allowed", "allowed"),
        (
            r#"{"sub": "a", "admin": "true"}"#,
            "scope_missing",
            "scope_missing",
        ),
        (
            r#"{"sub": "a", "grants": [{"scope": "model:read", "names": ["fraud-*"]}]}"#,
            "scope_missing",
            "allowed",
        ),
        (
            r#"{"sub": "a", "grants": [{"scope": "model:read", "names": ["other-*"]}]}"#,
            "scope_missing",
            "name_not_granted",
        ),
        (
            r#"{"sub": "a", "scope": "model:read:fraud-*"}"#,
            "scope_missing",
            "allowed",
        ),
    ] {
        let mut shell = verified(fields, claims);
        assert_eq!(reason(&post(&mut shell, &[])), write, "{claims}");
        let get = shell.anonymous("GET", model);
        assert_eq!(reason(&get), read, "{claims}");
    }
}

#[test]
fn shares_and_shadow_go_by_the_key_id_of_the_token() {
    let enforced = |sub: &str, percent: u32| {
        let claims = format!(r#"{{"sub": "{sub}", "scope": "model:read"}}"#);
        let mut shell = verified(&format!(r#"{JWT}, "enforce_percent": {percent}"#), &claims);
        let next = post(&mut shell, &[]);
        matches!(next, Next::Answer(..))
    };
    let share = (0..200)
        .filter(|number| enforced(&format!("user-{number}"), 30))
        .count();
    assert!((30..90).contains(&share), "{share}");
    for number in 0..20 {
        let sub = format!("user-{number}");
        assert_eq!(enforced(&sub, 30), enforced(&sub, 30), "{sub}");
    }
    let mut shell = verified(
        &format!(r#"{JWT}, "mode": "shadow""#),
        &CLAIMS.replace("tracking:write", "model:read"),
    );
    let next = post(&mut shell, &[]);
    assert_eq!(reason(&next), "scope_missing");
    assert!(edits(&next).contains(&HeaderEdit::Add("x-mlflow-authz-user", "alice")));
}

#[test]
fn whoami_says_who_says_so() {
    let mut shell = verified(JWT, CLAIMS);
    let next = shell.anonymous("GET", "/.well-known/mlflow-authz/whoami");
    let body: serde_json::Value = serde_json::from_str(&answer(&next).body).unwrap();
    assert_eq!(body["identity"], "jwt");
    assert_eq!(body["key_id"], "alice");
}

#[test]
fn a_revoked_id_is_that_of_no_token_any_more() {
    let fields = format!(r#"{JWT}, "auth_service": {{"cluster": "auth"}}{POLLS}"#);
    for (key_ids, expected, revoked) in [
        (r#"["bob", "unheard-of"]"#, "allowed", 0),
        (r#"["bob", "alice"]"#, "key_invalid", 1),
    ] {
        let mut shell = verified(&fields, CLAIMS);
        assert_eq!(reason(&post(&mut shell, &[])), "allowed");
        poll(
            &mut shell,
            &format!(r#"{{"key_ids": {key_ids}, "next": "c1"}}"#),
        );
        assert_eq!(reason(&post(&mut shell, &[])), expected, "{key_ids}");
        assert_eq!(lookups(&shell, "revoked"), revoked, "{key_ids}");
    }
}

/// A worker that has not ticked yet reads what its neighbour polled, before it lets a token in.
#[test]
fn a_new_worker_knows_of_revoked_ids_at_once() {
    let fields = format!(r#"{JWT}, "auth_service": {{"cluster": "auth"}}{POLLS}"#);
    let mut shell = Shell::of(2, &fields);
    shell.given = Some(
        GivenFacts::default()
            .with_claims("payload", CLAIMS.as_bytes())
            .unwrap(),
    );
    shell.tick(0);
    shell.reply(&valid(r#"{"key_ids": ["alice"], "next": "c1"}"#));
    let (_, next) = shell.headers_at(
        1,
        &[(b":method", b"POST"), (b":path", CREATE_RUN.as_bytes())],
    );
    assert_eq!(reason(&next), "key_invalid");
}
