//! Principals past their time: served while the auth service is unavailable, and asked about ahead of it.

use super::{CREATE_RUN, READER, SEARCH_RUNS, Shell, WRITER, reason, status, valid, with_key};
use crate::auth_service::Reply;

const TIMES: &str = r#", "cache": {"ttl": "60s", "stale_if_error": "5m"}"#;

/// A key that was valid a moment ago.
fn warm(more: &str) -> Shell {
    let mut shell = Shell::new(more);
    let next = shell.exchange(&with_key("K1", SEARCH_RUNS), &valid(READER));
    assert_eq!(reason(&next), "allowed");
    shell
}

#[test]
fn a_valid_key_keeps_its_rights_and_no_more_while_the_service_is_down() {
    for down in [
        status(500, true),
        status(503, false),
        status(504, false),
        status(404, true),
        Reply::Reset,
        Reply::NotSent,
    ] {
        let mut shell = warm(TIMES);
        shell.later(60_000);
        let next = shell.exchange(&with_key("K1", SEARCH_RUNS), &down);
        assert_eq!(reason(&next), "allowed", "{down:?}");
        assert!(next.decision().unwrap().stale);
        let next = shell.exchange(&with_key("K1", CREATE_RUN), &down);
        assert_eq!(reason(&next), "scope_missing");
        assert!(next.decision().unwrap().stale);
        // Another key has no rights to keep.
        let next = shell.exchange(&with_key("K2", SEARCH_RUNS), &down);
        assert_eq!(reason(&next), "auth_unavailable");
        assert!(!next.decision().unwrap().stale);
        assert_eq!(shell.counted("mlflow_authz_stale_served"), 2);
    }
}

#[test]
fn rights_are_kept_for_the_configured_time_only() {
    const EXPIRES: &str = r#"{"scopes": ["model:read"], "expires_at": 1000100}"#;
    for (cache, body, after, expected) in [
        (r#""stale_if_error": "5m""#, READER, 350_000, "allowed"),
        (
            r#""stale_if_error": "5m""#,
            READER,
            360_000,
            "auth_unavailable",
        ),
        (r#""stale_if_error": "10s""#, READER, 63_000, "allowed"),
        (
            r#""stale_if_error": "10s""#,
            READER,
            70_000,
            "auth_unavailable",
        ),
        (
            r#""stale_if_error": "0s""#,
            READER,
            60_000,
            "auth_unavailable",
        ),
        // The key itself has expired.
        (r#""stale_if_error": "5m""#, EXPIRES, 99_999, "allowed"),
        (
            r#""stale_if_error": "5m""#,
            EXPIRES,
            100_000,
            "auth_unavailable",
        ),
    ] {
        let mut shell = Shell::new(&format!(r#", "cache": {{"ttl": "60s", {cache}}}"#));
        shell.exchange(&with_key("K1", SEARCH_RUNS), &valid(body));
        shell.later(after);
        let next = shell.exchange(&with_key("K1", SEARCH_RUNS), &status(500, true));
        assert_eq!(reason(&next), expected, "{cache} {after}");
    }
}

#[test]
fn a_refusal_ends_stale_rights_at_once() {
    for refusal in [401, 403] {
        let mut shell = warm(TIMES);
        shell.later(60_000);
        shell.exchange(&with_key("K1", SEARCH_RUNS), &status(refusal, true));
        shell.later(6_000);
        let next = shell.exchange(&with_key("K1", SEARCH_RUNS), &status(500, true));
        assert_eq!(reason(&next), "auth_unavailable");
    }
}

/// What a 200 says against a key counts as much as a 401, also for one that was good before.
#[test]
fn a_200_that_says_that_the_key_is_dead_ends_all_its_rights() {
    for (body, expected) in [
        (r#"{"valid": false, "scopes": ["admin"]}"#, "key_invalid"),
        (r#"{"active": false}"#, "key_invalid"),
        (
            r#"{"scopes": ["model:read"], "revoked": true}"#,
            "key_invalid",
        ),
        // Long past, and the very moment of the question.
        (
            r#"{"scopes": ["model:read"], "expires_at": -1}"#,
            "key_invalid",
        ),
        (
            r#"{"scopes": ["model:read"], "expires_at": 1000060}"#,
            "key_invalid",
        ),
        (
            r#"{"scopes": ["model:read"], "valid": "false"}"#,
            "auth_unavailable",
        ),
        (
            r#"{"scopes": ["model:read"], "active": null}"#,
            "auth_unavailable",
        ),
    ] {
        // A new key, one that is asked about again, and one that is refreshed in the background.
        for (known, after) in [(false, 60_000), (true, 60_000), (true, 53_000)] {
            let mut shell = Shell::new(TIMES);
            if known {
                shell.exchange(&with_key("K1", SEARCH_RUNS), &valid(READER));
            }
            shell.later(after);
            let next = shell.exchange(&with_key("K1", SEARCH_RUNS), &valid(body));
            if after == 53_000 {
                assert_eq!(reason(&next), "allowed", "{body}");
                shell.later(7_000);
                shell.reply(&valid(body));
            } else {
                assert_eq!(reason(&next), expected, "{body} {known}");
            }
            // The negative answer is remembered, and nothing is left that could be served in an outage.
            if expected == "key_invalid" {
                let (_, next) = shell.headers(&with_key("K1", SEARCH_RUNS));
                let is_remembered = after != 53_000;
                let expected = if is_remembered { expected } else { "ask" };
                assert_eq!(reason(&next), expected, "{body} {known} {after}");
            }
            shell.later(6_000);
            let next = shell.exchange(&with_key("K1", SEARCH_RUNS), &status(500, true));
            assert_eq!(reason(&next), "auth_unavailable", "{body} {known} {after}");
        }
    }
}

#[test]
fn a_limited_rate_is_no_outage() {
    let mut shell = warm(TIMES);
    shell.later(60_000);
    let next = shell.exchange(&with_key("K1", SEARCH_RUNS), &status(429, true));
    assert_eq!(reason(&next), "rate_limited");
}

#[test]
fn after_one_failure_the_owner_of_a_stale_principal_does_not_wait_again() {
    let mut shell = warm(TIMES);
    shell.later(60_000);
    shell.exchange(&with_key("K1", SEARCH_RUNS), &status(504, false));
    let asked = shell.asked;
    shell.later(1_000);
    assert_eq!(shell.post(0, "K1", SEARCH_RUNS), "allowed");
    // It was asked about again, in the background, once.
    assert_eq!(shell.post(0, "K1", SEARCH_RUNS), "allowed");
    assert_eq!(shell.asked, asked + 1);
    shell.reply(&valid(WRITER));
    let (_, next) = shell.headers(&with_key("K1", CREATE_RUN));
    assert_eq!(reason(&next), "allowed");
    assert!(!next.decision().unwrap().stale);
}

#[test]
fn a_failure_of_long_ago_says_nothing_about_now() {
    let mut shell = warm(TIMES);
    shell.later(60_000);
    shell.exchange(&with_key("K1", SEARCH_RUNS), &status(504, false));
    shell.later(10_001);
    assert_eq!(shell.post(0, "K1", SEARCH_RUNS), "ask");
}

#[test]
fn a_busy_keys_owner_never_waits() {
    let mut shell = warm(TIMES);
    let mut waited = 0;
    for _ in 0..600 {
        shell.later(1_000);
        let (stream, next) = shell.headers(&with_key("K1", SEARCH_RUNS));
        if reason(&next) == "ask" {
            waited += 1;
        }
        if !shell.open.is_empty() {
            shell.later(100);
            shell.reply(&valid(READER));
        }
        assert!(reason(&next) == "allowed" || shell.outcome(stream) == "allowed");
    }
    assert_eq!(waited, 0);
    // 660 s in lives of 54 to 60 s, of which the last fifth is not used.
    assert!((11..=16).contains(&shell.asked), "{}", shell.asked);
}

#[test]
fn a_background_question_that_fails_is_not_asked_at_once_again() {
    let mut shell = warm(TIMES);
    shell.later(50_000);
    for _ in 0..3 {
        assert_eq!(shell.post(0, "K1", SEARCH_RUNS), "allowed");
    }
    assert_eq!(shell.asked, 2);
    shell.reply(&status(500, true));
    for (milliseconds, asked) in [(0, 2), (999, 2), (1, 3)] {
        shell.later(milliseconds);
        assert_eq!(shell.post(0, "K1", SEARCH_RUNS), "allowed");
        assert_eq!(shell.asked, asked, "+{milliseconds}");
    }
}

#[test]
fn while_the_service_cannot_be_understood_stale_owners_do_not_wait_and_it_is_not_flooded() {
    let mut shell = warm(TIMES);
    shell.later(60_000);
    shell.exchange(&with_key("K1", SEARCH_RUNS), &status(404, true));
    let asked = shell.asked;
    for _ in 0..5 {
        shell.later(100);
        assert_eq!(shell.post(0, "K1", SEARCH_RUNS), "allowed");
    }
    assert_eq!(shell.asked, asked, "not at once again");
    shell.later(500);
    assert_eq!(shell.post(0, "K1", SEARCH_RUNS), "allowed");
    assert_eq!(shell.asked, asked + 1);
}
