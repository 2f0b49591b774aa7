//! Keys that the configuration lists: who they are, when they end, and that nobody is asked about them.

use std::fmt::Write as _;

use sha2::{Digest as _, Sha256};

use super::{
    CREATE_RUN, READER, SEARCH_RUNS, Shell, denied, edits, reason, seen, status, valid, with_key,
};
use crate::principal::IdentitySource;
use crate::upstream::HeaderEdit;

const KEY: &str = "mk_0123456789abcdef";
const OTHER: &str = "mk_fedcba9876543210";

fn sha256(key: &str) -> String {
    Sha256::digest(key.as_bytes())
        .iter()
        .fold(String::new(), |mut text, byte| {
            let _ = write!(text, "{byte:02x}");
            text
        })
}

/// An entry, with further fields that begin with a comma.
fn entry(key: &str, key_id: &str, more: &str) -> String {
    format!(
        r#"{{"sha256": "{}", "key_id": "{key_id}"{more}}}"#,
        sha256(key)
    )
}

fn keys(entries: &[String]) -> String {
    format!(r#""keys": [{}]"#, entries.join(","))
}

fn writer(key: &str) -> String {
    entry(
        key,
        "ci",
        r#", "user_id": "ci-bot", "scopes": ["tracking:write"]"#,
    )
}

/// With an auth service beside the keys.
fn beside(entries: &[String], more: &str) -> Shell {
    Shell::new(&format!(", {}{more}", keys(entries)))
}

fn lookups(shell: &Shell, result: &str) -> i64 {
    shell.counted(&format!(
        "mlflow_authz_identity_lookups.identity=.=keys;.;result=.={result};.;"
    ))
}

#[test]
fn a_key_has_the_rights_of_its_entry_without_a_callout() {
    let mut shell = Shell::of(1, &keys(&[writer(KEY)]));
    let (_, next) = shell.headers(&with_key(KEY, CREATE_RUN));
    let decision = next.decision().unwrap();
    assert_eq!(
        (decision.reason.as_str(), decision.stale),
        ("allowed", false)
    );
    assert_eq!(decision.identity, Some(IdentitySource::Keys));
    let edits = edits(&next);
    for expected in [
        HeaderEdit::Add("x-mlflow-authz-user", "ci-bot"),
        HeaderEdit::Add("x-mlflow-authz-key", "ci"),
        HeaderEdit::Add("x-mlflow-authz-scopes", "tracking:write"),
    ] {
        assert!(edits.contains(&expected), "{edits:?}");
    }
    let delete = shell.post(0, KEY, "/api/2.0/mlflow/registered-models/create");
    assert_eq!(delete, "scope_missing");
    assert_eq!((shell.asked, lookups(&shell, "valid")), (0, 2));
    assert_eq!(shell.engine().tick_period(super::NOW), None);
}

#[test]
fn an_unknown_key_is_nobodys_without_an_auth_service() {
    let mut shell = Shell::of(1, &keys(&[writer(KEY)]));
    for key in [OTHER, "mk_", &KEY[1..], &KEY.to_uppercase(), &sha256(KEY)] {
        let (_, next) = shell.headers(&with_key(key, SEARCH_RUNS));
        assert_eq!(
            seen(&next),
            denied(401, "UNAUTHENTICATED", "key_invalid"),
            "{key}"
        );
        assert!(next.decision().unwrap().principal.is_none());
    }
    assert_eq!(shell.asked, 0);
}

#[test]
fn other_keys_are_the_auth_services() {
    let mut shell = beside(&[writer(KEY)], "");
    assert_eq!(shell.post(0, KEY, CREATE_RUN), "allowed");
    assert_eq!(shell.asked, 0);
    let next = shell.exchange(&with_key(OTHER, CREATE_RUN), &valid(READER));
    assert_eq!(reason(&next), "scope_missing");
    assert_eq!(
        next.decision().unwrap().identity,
        Some(IdentitySource::AuthService)
    );
    assert_eq!(shell.asked, 1);
    let next = shell.exchange(&with_key("mk_unknown", CREATE_RUN), &status(401, true));
    assert_eq!(reason(&next), "key_invalid");
}

#[test]
fn an_expired_entry_falls_through_to_nobody() {
    // NOW is 1,000,000 s: the 12th of January 1970, 13:46:40.
    let until = |at: &str| {
        entry(
            KEY,
            "ci",
            &format!(r#", "scopes": ["model:read"], "expires_at": "{at}""#),
        )
    };
    for (at, expected) in [
        ("1970-01-12T13:46:41Z", "allowed"),
        ("1970-01-12T13:46:40.001Z", "allowed"),
        ("1970-01-12T13:46:40Z", "key_invalid"),
        ("1970-01-12T13:46:39Z", "key_invalid"),
    ] {
        let mut shell = beside(&[until(at)], "");
        assert_eq!(shell.post(0, KEY, SEARCH_RUNS), expected, "{at}");
        assert_eq!(shell.asked, 0, "{at}");
    }
    let mut shell = beside(&[until("1970-01-12T13:46:41Z")], "");
    assert_eq!(shell.post(0, KEY, SEARCH_RUNS), "allowed");
    shell.later(1000);
    assert_eq!(shell.post(0, KEY, SEARCH_RUNS), "key_invalid");
    assert_eq!((shell.asked, lookups(&shell, "expired")), (0, 1));
}

#[test]
fn key_pattern_is_about_keys_of_the_auth_service() {
    let mut shell = beside(&[writer(KEY)], r#", "key_pattern": "hk_*""#);
    assert_eq!(shell.post(0, KEY, CREATE_RUN), "allowed");
    assert_eq!(shell.post(0, OTHER, CREATE_RUN), "credential_malformed");
    assert_eq!(shell.asked, 0);
    assert_eq!(shell.post(0, "hk_1", CREATE_RUN), "ask");
}

#[test]
fn a_key_is_found_wherever_credentials_may_stand() {
    let text = format!(
        r#"{}, "credentials": ["bearer", "basic", "query"]"#,
        keys(&[writer(KEY)])
    );
    let mut shell = Shell::of(1, &text);
    let bearer = format!("Bearer {KEY}");
    let basic = "Basic dTpta18wMTIzNDU2Nzg5YWJjZGVm"; // u:KEY
    for header in [bearer.as_str(), basic] {
        let (_, next) = shell.headers(&[
            (b":method", b"POST"),
            (b":path", CREATE_RUN.as_bytes()),
            (b"authorization", header.as_bytes()),
        ]);
        assert_eq!(reason(&next), "allowed", "{header}");
    }
    let target = format!("{CREATE_RUN}?api_key={KEY}");
    let (_, next) = shell.headers(&[(b":method", b"POST"), (b":path", target.as_bytes())]);
    assert_eq!(reason(&next), "allowed");
    // Two keys that differ are nobody's, whichever is listed.
    let (_, next) = shell.headers(&[
        (b":method", b"POST"),
        (b":path", target.as_bytes()),
        (b"authorization", b"Bearer mk_other"),
    ]);
    assert_eq!(reason(&next), "credential_ambiguous");
}

#[test]
fn roles_names_and_admins_count_as_for_any_principal() {
    let entries = [
        entry("mk_role", "a", r#", "roles": ["trainer"]"#),
        entry("mk_admin", "b", r#", "is_admin": true"#),
        entry("mk_names", "c", r#", "scopes": ["model:write:fraud-*"]"#),
        entry("mk_nothing", "d", ""),
    ];
    let mut shell = Shell::of(
        1,
        &format!(
            r#"{}, "roles": {{"trainer": ["run:write"]}}"#,
            keys(&entries)
        ),
    );
    for (key, path, expected) in [
        ("mk_role", CREATE_RUN, "allowed"),
        (
            "mk_role",
            "/api/2.0/mlflow/registered-models/create",
            "scope_missing",
        ),
        ("mk_admin", "/api/2.0/mlflow/users/create", "allowed"),
        ("mk_nothing", SEARCH_RUNS, "scope_missing"),
    ] {
        assert_eq!(shell.post(0, key, path), expected, "{key} {path}");
    }
    for (name, expected) in [("fraud-eu", "allowed"), ("other", "name_not_granted")] {
        let target = format!("/api/2.0/mlflow/registered-models/get?name={name}");
        let (_, next) = shell.headers(&[
            (b":method", b"GET"),
            (b":path", target.as_bytes()),
            (b"x-api-key", b"mk_names"),
        ]);
        assert_eq!(reason(&next), expected, "{name}");
    }
}

#[test]
fn shares_and_shadow_go_by_the_key_id() {
    let text = format!(
        r#"{}, "enforce_percent": 0"#,
        keys(&[entry(KEY, "ci", r#", "scopes": ["model:read"]"#)])
    );
    let mut shell = Shell::of(1, &text);
    let (_, next) = shell.headers(&with_key(KEY, CREATE_RUN));
    assert!(matches!(next, super::Next::Forward(..)), "{next:?}");
    assert_eq!(reason(&next), "scope_missing");
}

pub(super) const POLLS: &str = r#", "revocation": {"path": "/revoked", "every": "10s"}"#;

pub(super) fn poll(shell: &mut Shell, body: &str) {
    shell.tick_all();
    assert_eq!(shell.open.len(), 1);
    shell.reply(&valid(body));
    shell.later(10_000);
    shell.tick_all();
    shell.open.clear();
}

#[test]
fn a_revoked_key_stays_revoked_on_every_worker() {
    let entries = [
        writer(KEY),
        entry(OTHER, "other", r#", "scopes": ["tracking:write"]"#),
    ];
    let mut shell = Shell::with_workers(2, "", &format!(", {}{POLLS}", keys(&entries)));
    assert_eq!(shell.post(0, KEY, CREATE_RUN), "allowed");
    poll(
        &mut shell,
        r#"{"key_ids": ["ci", "unheard-of"], "next": "c1"}"#,
    );
    for worker in 0..2 {
        assert_eq!(
            shell.post(worker, KEY, CREATE_RUN),
            "key_invalid",
            "{worker}"
        );
        assert_eq!(shell.post(worker, OTHER, CREATE_RUN), "allowed", "{worker}");
    }
    shell.later(86_400_000);
    assert_eq!(shell.post(0, KEY, CREATE_RUN), "key_invalid");
    assert_eq!(lookups(&shell, "revoked"), 3);
    // Nobody is asked about it.
    assert_eq!(shell.open.len(), 0);
}

/// A worker that has not ticked yet reads what its neighbour polled, before it lets a key in.
#[test]
fn a_new_worker_knows_of_revoked_keys_at_once() {
    let mut shell = Shell::with_workers(2, "", &format!(", {}{POLLS}", keys(&[writer(KEY)])));
    shell.tick(0);
    shell.reply(&valid(r#"{"key_ids": ["ci"], "next": "c1"}"#));
    assert_eq!(shell.post(1, KEY, CREATE_RUN), "key_invalid");
}

/// The log of lists is short, and a service may have many.
#[test]
fn a_worker_that_missed_lists_knows_of_revoked_keys() {
    let other = entry(OTHER, "other", r#", "scopes": ["tracking:write"]"#);
    let keys = keys(&[writer(KEY), other]);
    let mut shell = Shell::with_workers(3, "", &format!(", {keys}{POLLS}"));
    // It has looked, and then does not tick while the lists come.
    assert_eq!(shell.post(1, KEY, CREATE_RUN), "allowed");
    for number in 0..40 {
        let id = if number == 0 {
            "ci".to_owned()
        } else {
            number.to_string()
        };
        shell.tick(0);
        shell.reply(&valid(&format!(
            r#"{{"key_ids": ["{id}"], "next": "c{number}"}}"#
        )));
        shell.later(10_000);
    }
    shell.tick(1);
    // The last was not there at all.
    for worker in 0..3 {
        assert_eq!(
            shell.post(worker, KEY, CREATE_RUN),
            "key_invalid",
            "{worker}"
        );
        assert_eq!(shell.post(worker, OTHER, CREATE_RUN), "allowed", "{worker}");
    }
}

/// "Any key may have been revoked" makes keys of the auth service be looked up again; there is nobody to ask about these.
#[test]
fn an_expired_cursor_ends_no_key_of_the_configuration() {
    let mut shell = Shell::with_workers(1, "", &format!(", {}{POLLS}", keys(&[writer(KEY)])));
    shell.tick(0);
    shell.reply(&status(410, true));
    assert_eq!(shell.post(0, KEY, CREATE_RUN), "allowed");
}
