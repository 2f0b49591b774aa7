//! What the auth service is spared: a cap, a circuit, keys that cannot be.

#[cfg(target_arch = "wasm32")]
use wasm_bindgen_test::wasm_bindgen_test as test;

use super::{READER, SEARCH_RUNS, Shell, answer, denied, reason, seen, status, valid, with_key};

const OPEN_CIRCUITS: &str = "mlflow_authz_open_circuits";

#[test]
fn no_more_callouts_are_open_than_are_allowed() {
    let mut shell = Shell::with_service(r#", "max_in_flight": 2"#, "");
    shell.exchange(&with_key("K0", SEARCH_RUNS), &valid(READER));
    let first = shell.waiting(0, "K1", SEARCH_RUNS);
    let _ = shell.waiting(0, "K2", SEARCH_RUNS);
    let (_, next) = shell.headers(&with_key("K3", SEARCH_RUNS));
    assert_eq!(
        seen(&next),
        denied(503, "TEMPORARILY_UNAVAILABLE", "overloaded")
    );
    let retry_after = ("retry-after", "15".to_owned());
    assert!(answer(&next).headers.contains(&retry_after));
    // Those who need no callout of their own are served.
    assert_eq!(shell.post(0, "K0", SEARCH_RUNS), "allowed");
    assert_eq!(shell.post(0, "K1", SEARCH_RUNS), "ask");
    assert_eq!(shell.asked, 3);
    shell.reply(&valid(READER));
    assert_eq!(shell.outcome(first), "allowed");
    assert_eq!(shell.post(0, "K3", SEARCH_RUNS), "ask");
}

#[test]
fn above_the_cap_a_stale_principal_is_served() {
    let mut shell = Shell::with_service(r#", "max_in_flight": 1"#, "");
    shell.exchange(&with_key("K0", SEARCH_RUNS), &valid(READER));
    shell.later(60_000);
    let _ = shell.waiting(0, "K1", SEARCH_RUNS);
    let (_, next) = shell.headers(&with_key("K0", SEARCH_RUNS));
    assert_eq!(reason(&next), "allowed");
    assert!(next.decision().unwrap().stale);
}

fn broken(failures: u32) -> Shell {
    let breaker = r#", "breaker": {"failures": 3, "open_for": "5s"}"#;
    let mut shell = Shell::with_service(breaker, "");
    shell.exchange(&with_key("warm", SEARCH_RUNS), &valid(READER));
    for number in 0..failures {
        let key = format!("K{number}");
        shell.exchange(&with_key(&key, SEARCH_RUNS), &status(500, true));
    }
    shell
}

#[test]
fn consecutive_failures_open_the_circuit_and_a_probe_closes_it() {
    let mut shell = broken(2);
    assert_eq!(shell.counted(OPEN_CIRCUITS), 0);
    shell.exchange(&with_key("K3", SEARCH_RUNS), &status(500, true));
    assert_eq!(shell.counted(OPEN_CIRCUITS), 1);
    let asked = shell.asked;
    shell.later(4_999);
    let (_, next) = shell.headers(&with_key("K4", SEARCH_RUNS));
    assert_eq!(
        seen(&next),
        denied(503, "TEMPORARILY_UNAVAILABLE", "auth_unavailable")
    );
    assert_eq!(shell.post(0, "warm", SEARCH_RUNS), "allowed");
    assert_eq!(shell.asked, asked);
    shell.later(1);
    let probe = shell.waiting(0, "K4", SEARCH_RUNS);
    assert_eq!(shell.post(0, "K5", SEARCH_RUNS), "auth_unavailable");
    shell.reply(&status(401, true));
    assert_eq!(shell.outcome(probe), "key_invalid");
    assert_eq!(shell.counted(OPEN_CIRCUITS), 0);
    assert_eq!(shell.post(0, "K5", SEARCH_RUNS), "ask");
}

#[test]
fn a_probe_that_fails_opens_the_circuit_again() {
    let mut shell = broken(3);
    shell.later(5_000);
    let probe = shell.waiting(0, "K4", SEARCH_RUNS);
    shell.gone(probe);
    shell.reply(&status(500, true));
    assert_eq!(shell.counted(OPEN_CIRCUITS), 1);
    shell.later(4_999);
    assert_eq!(shell.post(0, "K5", SEARCH_RUNS), "auth_unavailable");
    shell.later(1);
    assert_eq!(shell.post(0, "K5", SEARCH_RUNS), "ask");
}

/// A probe without an end must not keep the circuit open for good.
#[test]
fn a_lost_probe_is_followed_by_another() {
    let mut shell = broken(3);
    shell.later(5_000);
    let probe = shell.waiting(0, "K4", SEARCH_RUNS);
    shell.later(2_050);
    shell.tick(0);
    assert_eq!(shell.outcome(probe), "auth_unavailable");
    shell.later(5_000);
    assert_eq!(shell.post(0, "K5", SEARCH_RUNS), "ask");
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

/// One key that the service stumbles over must not take the service from all others.
#[test]
fn replies_outside_the_contract_do_not_open_the_circuit() {
    for reply in [status(404, true), status(200, true), status(418, true)] {
        let mut shell = broken(2);
        for _ in 0..10 {
            let next = shell.exchange(&with_key("odd", SEARCH_RUNS), &reply);
            assert_eq!(reason(&next), "auth_unavailable", "{reply:?}");
        }
        assert_eq!(shell.counted(OPEN_CIRCUITS), 0, "{reply:?}");
        assert_eq!(shell.post(0, "K9", SEARCH_RUNS), "ask");
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
