//! Revoked keys, as the poll tells of them.

use super::{READER, SEARCH_RUNS, Shell, WRITER, reason, status, valid, with_key};
use crate::auth_service::Callout;

const POLLS: &str = r#", "revocation": {"path": "/revoked", "every": "10s"}"#;

fn is_poll(callout: &Callout) -> bool {
    callout
        .headers
        .iter()
        .any(|(name, value)| name == ":method" && value == "GET")
}

fn path(callout: &Callout) -> &str {
    let found = callout.headers.iter().find(|(name, _)| name == ":path");
    found.map(|(_, value)| &**value).unwrap()
}

/// Two workers that know two keys, and have polled once.
fn polled() -> Shell {
    let mut shell = Shell::with_workers(2, "", POLLS);
    shell.tick_all();
    assert_eq!(shell.open.len(), 1, "one poller");
    assert!(is_poll(&shell.open[0].2));
    assert_eq!(path(&shell.open[0].2), "/revoked");
    shell.reply(&valid(r#"{"key_ids": [], "next": "c1"}"#));
    shell.exchange(&with_key("K1", SEARCH_RUNS), &valid(READER));
    shell.exchange(&with_key("K2", SEARCH_RUNS), &valid(WRITER));
    for key in ["K1", "K2"] {
        assert_eq!(shell.post(1, key, SEARCH_RUNS), "allowed");
    }
    shell
}

/// The next poll brings this.
fn poll(shell: &mut Shell, body: &str) {
    shell.later(10_000);
    shell.tick_all();
    assert_eq!(shell.open.len(), 1);
    shell.reply(&valid(body));
    shell.later(1);
    shell.tick_all();
}

#[test]
fn a_revoked_key_is_forgotten_on_every_worker() {
    let mut shell = polled();
    shell.later(9_998);
    shell.tick_all();
    assert!(shell.open.is_empty(), "not before its time");
    shell.later(2);
    shell.tick_all();
    assert_eq!(path(&shell.open[0].2), "/revoked?since=c1");
    shell.reply(&valid(r#"{"key_ids": ["key_1"], "next": "c2"}"#));
    shell.tick_all();
    for worker in 0..2 {
        assert_eq!(shell.post(worker, "K1", SEARCH_RUNS), "ask", "{worker}");
        assert_eq!(shell.post(worker, "K2", SEARCH_RUNS), "allowed", "{worker}");
    }
    assert_eq!(shell.counted("mlflow_authz_revoked_principals"), 2);
    assert_eq!(
        shell.counted("mlflow_authz_revocation_polls.outcome=.=list;.;"),
        2
    );
}

#[test]
fn what_the_service_said_before_the_revocation_is_not_believed_after_it() {
    let mut shell = polled();
    shell.later(50_000);
    shell.tick_all();
    assert_eq!(shell.open.len(), 1);
    // Asked in the background before the revocation, answered after it.
    assert_eq!(shell.post(0, "K1", SEARCH_RUNS), "allowed");
    let (worker, id, _) = shell.open.remove(1);
    shell.later(5);
    shell.reply(&valid(r#"{"key_ids": ["key_1"], "next": "c2"}"#));
    shell.reply_to(worker, id, &valid(READER));
    assert_eq!(shell.post(0, "K1", SEARCH_RUNS), "ask");
}

#[test]
fn a_revoked_key_is_not_served_stale() {
    let mut shell = polled();
    shell.later(40_000);
    poll(&mut shell, r#"{"key_ids": ["key_1"], "next": "c2"}"#);
    shell.later(20_000);
    let next = shell.exchange(&with_key("K1", SEARCH_RUNS), &status(500, true));
    assert_eq!(reason(&next), "auth_unavailable");
}

#[test]
fn a_key_that_is_valid_again_works_again() {
    let mut shell = polled();
    poll(&mut shell, r#"{"key_ids": ["key_1"], "next": "c2"}"#);
    shell.later(1);
    let next = shell.exchange(&with_key("K1", SEARCH_RUNS), &valid(READER));
    assert_eq!(reason(&next), "allowed");
    assert_eq!(shell.post(1, "K1", SEARCH_RUNS), "allowed");
}

#[test]
fn a_worker_that_was_not_there_learns_of_earlier_revocations_first() {
    let mut shell = polled();
    poll(&mut shell, r#"{"key_ids": ["key_2"], "next": "c2"}"#);
    let mut fresh = Shell::new(POLLS);
    shell.workers[1] = fresh.workers.remove(0);
    // It has not ticked, and finds what its neighbour was told before.
    assert_eq!(shell.post(1, "K2", SEARCH_RUNS), "ask");
    assert_eq!(shell.post(1, "K1", SEARCH_RUNS), "allowed");
}

#[test]
fn a_cursor_that_the_service_forgot_makes_all_be_asked_about_again() {
    let mut shell = polled();
    shell.later(10_000);
    shell.tick_all();
    shell.reply(&status(410, true));
    shell.tick_all();
    for worker in 0..2 {
        for key in ["K1", "K2"] {
            assert_eq!(
                shell.post(worker, key, SEARCH_RUNS),
                "ask",
                "{worker} {key}"
            );
        }
    }
    let asked_for = shell.open.iter().find(|(_, _, callout)| is_poll(callout));
    assert_eq!(
        path(&asked_for.unwrap().2),
        "/revoked",
        "from the start, at once"
    );
}

#[test]
fn a_list_that_goes_on_is_asked_for_at_once() {
    let mut shell = polled();
    poll(
        &mut shell,
        r#"{"key_ids": ["key_9"], "next": "c2", "more": true}"#,
    );
    assert_eq!(path(&shell.open[0].2), "/revoked?since=c2");
}

#[test]
fn a_poll_that_fails_changes_nothing_and_is_told() {
    for (code, outcome) in [
        (500, "error"),
        (404, "unexpected_status"),
        (401, "unexpected_status"),
    ] {
        let mut shell = polled();
        shell.later(10_000);
        shell.tick_all();
        shell.reply(&status(code, true));
        for worker in 0..2 {
            assert_eq!(shell.post(worker, "K1", SEARCH_RUNS), "allowed");
        }
        let name = format!("mlflow_authz_revocation_polls.outcome=.={outcome};.;");
        assert_eq!(shell.counted(&name), 1);
        assert!(
            shell
                .outbox
                .errors
                .last()
                .unwrap()
                .starts_with("revocation_unavailable: ")
        );
        // The next one goes on where the last good one ended.
        shell.later(10_000);
        shell.tick_all();
        assert_eq!(path(&shell.open[0].2), "/revoked?since=c1");
    }
}

#[test]
fn a_poller_that_dies_is_replaced() {
    let mut shell = polled();
    shell.later(10_000);
    shell.tick(0);
    assert_eq!(shell.open.len(), 1);
    shell.later(9_999);
    shell.tick(1);
    assert_eq!(shell.open.len(), 1);
    shell.later(1);
    shell.tick(1);
    assert_eq!(shell.open.len(), 2);
    assert_eq!(shell.open[1].0, 1);
}

#[test]
fn polls_may_be_more_frequent_than_a_callout_may_take() {
    let mut shell = Shell::with_service(
        r#", "timeout": "5s""#,
        r#", "revocation": {"path": "/revoked", "every": "500ms"}"#,
    );
    for number in 0..20 {
        shell.tick(0);
        assert_eq!(shell.open.len(), 1, "{number}");
        shell.reply(&valid(r#"{"key_ids": [], "next": "c1"}"#));
        shell.later(500);
    }
    // One that is open is not followed by another until it must have ended.
    shell.tick(0);
    shell.later(5_000);
    shell.tick(0);
    assert_eq!(shell.open.len(), 1);
    shell.later(50);
    shell.tick(0);
    assert_eq!(shell.open.len(), 2);
}

#[test]
fn a_valid_key_is_not_called_invalid_because_a_cursor_was_forgotten() {
    let mut shell = Shell::new(POLLS);
    shell.tick(0);
    let stream = shell.waiting(0, "K1", SEARCH_RUNS);
    shell.reply(&status(410, true));
    // Asked before that, and answered after it: what it says may be no longer true.
    shell.reply(&valid(READER));
    assert_eq!(shell.outcome(stream), "auth_unavailable");
    shell.later(1);
    let next = shell.exchange(&with_key("K1", SEARCH_RUNS), &valid(READER));
    assert_eq!(reason(&next), "allowed");
}

/// The service names the key while its own word of it is on the way: it is not valid, whatever is said.
#[test]
fn a_key_that_is_revoked_while_it_is_asked_about_is_not_valid() {
    let mut shell = Shell::new(POLLS);
    shell.tick(0);
    let stream = shell.waiting(0, "K1", SEARCH_RUNS);
    shell.later(10);
    // The poll was sent first.
    shell.reply(&valid(r#"{"key_ids": ["key_1"], "next": "c1"}"#));
    shell.reply(&valid(READER));
    assert_eq!(shell.outcome(stream), "key_invalid");
}
