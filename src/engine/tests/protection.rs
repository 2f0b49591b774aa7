//! What the auth service is spared: a cap, circuits, keys that have just failed or cannot be.

use super::{READER, SEARCH_RUNS, Shell, answer, denied, reason, seen, status, valid, with_key};
use crate::auth_service::Reply;

const OPEN_CIRCUITS: &str = "mlflow_authz_open_circuits";

fn looked_up(result: &str) -> String {
    format!("mlflow_authz_cache_lookups.result=.={result};.;")
}

#[test]
fn no_more_callouts_are_open_than_are_allowed() {
    let mut shell = Shell::with_service(r#", "max_in_flight": 3, "per_address_limit": false"#, "");
    shell.exchange(&with_key("K0", SEARCH_RUNS), &valid(READER));
    let first = shell.waiting(0, "K1", SEARCH_RUNS);
    let _ = shell.waiting(0, "K2", SEARCH_RUNS);
    let (_, next) = shell.headers(&with_key("K3", SEARCH_RUNS));
    assert_eq!(
        seen(&next),
        denied(503, "TEMPORARILY_UNAVAILABLE", "overloaded")
    );
    let retry_after = ("retry-after", "15".into());
    assert!(answer(&next).headers.contains(&retry_after));
    assert_eq!(shell.counted(&looked_up("max_in_flight")), 1);
    // Those who need no callout of their own are served.
    assert_eq!(shell.post(0, "K0", SEARCH_RUNS), "allowed");
    assert_eq!(shell.post(0, "K1", SEARCH_RUNS), "ask");
    assert_eq!(shell.asked, 3);
    shell.reply(&valid(READER));
    assert_eq!(shell.outcome(first), "allowed");
    assert_eq!(shell.post(0, "K3", SEARCH_RUNS), "ask");
}

#[test]
fn above_the_cap_a_known_key_has_a_callout_of_its_own_and_no_stale_rights() {
    let mut shell = Shell::with_service(r#", "max_in_flight": 2"#, "");
    for key in ["K0", "K1"] {
        shell.exchange(&with_key(key, SEARCH_RUNS), &valid(READER));
    }
    shell.later(60_000);
    let _ = shell.waiting(0, "new", SEARCH_RUNS);
    let known = shell.waiting(0, "K0", SEARCH_RUNS);
    for _ in 0..10 {
        assert_eq!(shell.post(0, "K1", SEARCH_RUNS), "overloaded");
    }
    // An overload is no outage either, for those who come after it.
    let (worker, callout, _) = shell.open.pop().unwrap();
    shell.reply_to(worker, callout, &status(401, true));
    assert_eq!(shell.outcome(known), "key_invalid");
    let known = shell.waiting(0, "K1", SEARCH_RUNS);
    let (worker, callout, _) = shell.open.pop().unwrap();
    shell.reply_to(worker, callout, &valid(READER));
    assert_eq!(shell.outcome(known), "allowed");
    assert_eq!(shell.counted("mlflow_authz_stale_served"), 0);
    assert_eq!(shell.counted(OPEN_CIRCUITS), 0);
}

/// A shell that knows so many keys, `warm0` and on, all of them past their time.
fn lapsed(count: u32, service: &str) -> Shell {
    let mut shell = Shell::with_service(service, "");
    for number in 0..count {
        let key = format!("warm{number}");
        shell.exchange(&with_key(&key, SEARCH_RUNS), &valid(READER));
    }
    shell.later(60_000);
    shell
}

const BREAKER: &str = r#", "breaker": {"failures": 3, "open_for": "5s"}"#;

/// So many known keys have failed; `warm9` has not been asked about.
fn broken(failures: u32) -> Shell {
    let mut shell = lapsed(10, BREAKER);
    for number in 0..failures {
        let key = format!("warm{number}");
        let next = shell.exchange(&with_key(&key, SEARCH_RUNS), &status(500, true));
        assert!(next.decision().unwrap().stale, "its own lookup failed");
    }
    shell
}

#[test]
fn failures_of_several_known_keys_open_the_circuit_and_a_probe_closes_it() {
    let mut shell = broken(2);
    assert_eq!(shell.counted(OPEN_CIRCUITS), 0);
    shell.exchange(&with_key("warm2", SEARCH_RUNS), &status(500, true));
    assert_eq!(shell.counted(OPEN_CIRCUITS), 1);
    let asked = shell.asked;
    shell.later(4_999);
    let (_, next) = shell.headers(&with_key("new", SEARCH_RUNS));
    assert_eq!(
        seen(&next),
        denied(503, "TEMPORARILY_UNAVAILABLE", "auth_unavailable")
    );
    assert_eq!(shell.counted(&looked_up("circuit")), 1);
    // Known keys keep their rights without being asked about.
    let (_, next) = shell.headers(&with_key("warm9", SEARCH_RUNS));
    assert!(next.decision().unwrap().stale);
    assert_eq!(shell.asked, asked);
    shell.later(1);
    // The next of them is the probe, and its owner does not wait.
    assert_eq!(shell.post(0, "warm8", SEARCH_RUNS), "allowed");
    assert_eq!(shell.post(0, "warm7", SEARCH_RUNS), "allowed");
    assert_eq!(shell.asked, asked + 1);
    shell.reply(&status(401, true));
    assert_eq!(shell.counted(OPEN_CIRCUITS), 0);
    assert_eq!(shell.post(0, "warm8", SEARCH_RUNS), "key_invalid");
    assert_eq!(shell.post(0, "warm6", SEARCH_RUNS), "ask");
}

#[test]
fn a_probe_that_fails_opens_the_circuit_again() {
    let mut shell = broken(3);
    shell.later(5_000);
    let asked = shell.asked;
    assert_eq!(shell.post(0, "warm9", SEARCH_RUNS), "allowed");
    shell.reply(&status(500, true));
    assert_eq!(shell.counted(OPEN_CIRCUITS), 1);
    shell.later(4_999);
    assert_eq!(shell.post(0, "warm8", SEARCH_RUNS), "allowed");
    assert_eq!(shell.asked, asked + 1);
    shell.later(1);
    assert_eq!(shell.post(0, "warm7", SEARCH_RUNS), "allowed");
    assert_eq!(shell.asked, asked + 2);
}

/// New keys probe too, so that the service is found again where no known key is in use; theirs that fail keep
/// nobody else from trying.
#[test]
fn a_new_key_probes_an_open_circuit_for_its_address_only() {
    let mut shell = broken(3);
    shell.later(5_000);
    shell.client = Some("192.0.2.1");
    let first = shell.waiting(0, "new1", SEARCH_RUNS);
    assert_eq!(shell.post(0, "new2", SEARCH_RUNS), "auth_unavailable");
    shell.client = Some("192.0.2.2");
    let second = shell.waiting(0, "new3", SEARCH_RUNS);
    shell.reply(&status(504, false));
    assert_eq!(shell.outcome(first), "auth_unavailable");
    assert_eq!(shell.counted(OPEN_CIRCUITS), 1);
    shell.reply(&status(401, true));
    assert_eq!(shell.outcome(second), "key_invalid");
    assert_eq!(shell.counted(OPEN_CIRCUITS), 0);
}

/// A probe without an end must not keep the circuit open for good.
#[test]
fn a_lost_probe_is_followed_by_another() {
    let mut shell = broken(3);
    shell.later(5_000);
    let asked = shell.asked;
    assert_eq!(shell.post(0, "warm9", SEARCH_RUNS), "allowed");
    shell.later(2_050);
    shell.tick(0);
    shell.later(5_000);
    assert_eq!(shell.post(0, "warm8", SEARCH_RUNS), "allowed");
    assert_eq!(shell.asked, asked + 2);
}

#[test]
fn a_probe_that_finds_another_worker_asking_is_not_lost() {
    let breaker = r#", "breaker": {"failures": 1, "open_for": "5s"}"#;
    let mut shell = Shell::with_workers(2, breaker, "");
    let _ = shell.waiting(0, "K1", SEARCH_RUNS);
    shell.reply(&status(500, true));
    shell.later(5_000);
    // The other worker asks; this one watches it, and its probe is still to be had.
    let _ = shell.waiting(1, "K2", SEARCH_RUNS);
    let watching = shell.waiting(0, "K2", SEARCH_RUNS);
    assert_eq!(shell.post(0, "K3", SEARCH_RUNS), "ask");
    shell.gone(watching);
}

#[test]
fn a_known_keys_probe_that_finds_another_worker_asking_is_not_lost() {
    let mut shell = Shell::with_workers(2, BREAKER, "");
    for number in 0..10 {
        let key = format!("warm{number}");
        shell.exchange(&with_key(&key, SEARCH_RUNS), &valid(READER));
    }
    shell.later(60_000);
    for number in 0..3 {
        let key = format!("warm{number}");
        shell.exchange(&with_key(&key, SEARCH_RUNS), &status(500, true));
    }
    shell.later(5_000);
    let _ = shell.waiting(1, "warm9", SEARCH_RUNS);
    let asked = shell.asked;
    assert_eq!(shell.post(0, "warm9", SEARCH_RUNS), "allowed");
    assert_eq!(shell.asked, asked, "the other worker asks");
    assert_eq!(shell.post(0, "warm8", SEARCH_RUNS), "allowed");
    assert_eq!(shell.asked, asked + 1, "the probe is still to be had");
}

#[test]
fn one_known_key_says_nothing_about_the_service_whatever_is_configured() {
    let mut shell = lapsed(2, r#", "breaker": {"failures": 1, "open_for": "5s"}"#);
    shell.exchange(&with_key("warm0", SEARCH_RUNS), &status(500, true));
    assert_eq!(shell.counted(OPEN_CIRCUITS), 0);
    let next = shell.exchange(&with_key("warm1", SEARCH_RUNS), &status(401, true));
    assert_eq!(reason(&next), "key_invalid");
}

/// Nor does a circuit that is open for less than a second make a probe of it.
#[test]
fn a_key_that_has_just_failed_is_no_probe() {
    let breaker = r#", "breaker": {"failures": 2, "open_for": "100ms"}"#;
    let mut shell = lapsed(2, breaker);
    for number in 0..2 {
        let key = format!("warm{number}");
        shell.exchange(&with_key(&key, SEARCH_RUNS), &status(500, true));
    }
    assert_eq!(shell.counted(OPEN_CIRCUITS), 1);
    shell.later(100);
    let next = shell.exchange(&with_key("new1", SEARCH_RUNS), &status(500, true));
    assert_eq!(reason(&next), "auth_unavailable");
    shell.later(100);
    let asked = shell.asked;
    assert_eq!(shell.post(0, "new1", SEARCH_RUNS), "auth_unavailable");
    assert_eq!(shell.post(0, "warm0", SEARCH_RUNS), "allowed");
    assert_eq!(shell.asked, asked, "neither is asked about");
    assert_eq!(shell.post(0, "new2", SEARCH_RUNS), "ask");
}

/// A new configuration, or a limit, says nothing about the key: no reason to keep stale rights.
#[test]
fn waiters_that_are_given_up_get_no_stale_rights() {
    let mut shell = lapsed(1, "");
    let waiting = shell.waiting(0, "warm0", SEARCH_RUNS);
    let now = shell.now;
    shell.engine().abandon(now);
    shell.empty_outbox(0);
    assert_eq!(shell.outcome(waiting), "auth_unavailable");

    let mut shell = Shell::with_workers(2, r#", "max_in_flight": 2"#, "");
    for key in ["K0", "K1", "K2"] {
        let asks = shell.waiting(1, key, SEARCH_RUNS);
        shell.reply(&valid(READER));
        assert_eq!(shell.outcome(asks), "allowed");
    }
    shell.later(60_000);
    let _ = shell.waiting(0, "K0", SEARCH_RUNS);
    let watching = shell.waiting(1, "K0", SEARCH_RUNS);
    for key in ["K1", "K2"] {
        let _ = shell.waiting(1, key, SEARCH_RUNS);
    }
    // Worker 0 is gone with its callout, and worker 1 may have no more than it has.
    for _ in 0..30 {
        shell.later(10);
        shell.tick(1);
    }
    assert_eq!(shell.outcome(watching), "overloaded");
    assert_eq!(shell.counted("mlflow_authz_stale_served"), 0);
}

/// One key that the service stumbles over must not take the service from all others.
#[test]
fn replies_outside_the_contract_do_not_open_the_circuit() {
    for reply in [status(404, true), status(200, true), status(418, true)] {
        let mut shell = lapsed(10, BREAKER);
        for number in 0..10 {
            let key = format!("warm{number}");
            let next = shell.exchange(&with_key(&key, SEARCH_RUNS), &reply);
            assert!(next.decision().unwrap().stale, "{reply:?}");
            let key = format!("new{number}");
            let next = shell.exchange(&with_key(&key, SEARCH_RUNS), &reply);
            assert_eq!(reason(&next), "auth_unavailable", "{reply:?}");
        }
        assert_eq!(shell.counted(OPEN_CIRCUITS), 0, "{reply:?}");
        assert_eq!(shell.post(0, "another", SEARCH_RUNS), "ask");
    }
}

#[test]
fn a_key_that_has_just_failed_is_not_asked_about() {
    for reply in [
        status(500, true),
        status(503, false),
        status(404, true),
        Reply::Reset,
    ] {
        let mut shell = lapsed(1, "");
        for key in ["new", "warm0"] {
            let expected = if key == "new" {
                "auth_unavailable"
            } else {
                "allowed"
            };
            shell.exchange(&with_key(key, SEARCH_RUNS), &reply);
            let asked = shell.asked;
            for _ in 0..5 {
                assert_eq!(shell.post(0, key, SEARCH_RUNS), expected, "{key} {reply:?}");
            }
            assert_eq!(shell.asked, asked, "{key} {reply:?}");
            shell.later(1_000);
            let _ = shell.post(0, key, SEARCH_RUNS);
            assert_eq!(shell.asked, asked + 1, "{key} {reply:?}");
            shell.reply(&reply);
        }
        assert_eq!(shell.counted(&looked_up("just_failed")), 5);
    }
}

#[test]
fn background_questions_leave_room_for_those_who_wait() {
    let mut shell = Shell::with_service(r#", "max_in_flight": 4"#, "");
    for number in 0..8 {
        shell.exchange(
            &with_key(&format!("K{number}"), SEARCH_RUNS),
            &valid(READER),
        );
    }
    shell.later(50_000);
    for number in 0..8 {
        assert_eq!(shell.post(0, &format!("K{number}"), SEARCH_RUNS), "allowed");
    }
    assert_eq!(shell.open.len(), 2);
    assert_eq!(shell.post(0, "cold", SEARCH_RUNS), "ask");
}

#[test]
fn an_open_circuit_is_taken_back_with_its_engine() {
    let mut shell = broken(3);
    shell.engine().retire();
    shell.empty_outbox(0);
    assert_eq!(shell.counted(OPEN_CIRCUITS), 0);
}

#[test]
fn keys_that_cannot_be_are_refused_without_a_callout() {
    let mut shell = Shell::new(r#", "key_pattern": "hk_live_????*""#);
    for (key, expected) in [
        ("hk_live_abcd", "ask"),
        ("hk_live_abc", "credential_malformed"),
        ("hk_test_abcd", "credential_malformed"),
        ("HK_LIVE_abcd", "credential_malformed"),
        ("xhk_live_abcd", "credential_malformed"),
    ] {
        assert_eq!(shell.post(0, key, SEARCH_RUNS), expected, "{key}");
    }
    assert_eq!(shell.asked, 1);
}
