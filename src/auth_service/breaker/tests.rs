use std::time::Duration;

#[cfg(target_arch = "wasm32")]
use wasm_bindgen_test::wasm_bindgen_test as test;

use super::Breaker;
use crate::config;

const NOW: Duration = Duration::from_secs(1_000_000);

fn after(milliseconds: u64) -> Duration {
    NOW + Duration::from_millis(milliseconds)
}

fn breaker() -> Breaker {
    Breaker::new(config::Breaker {
        failures: 3,
        open_for: Duration::from_secs(5),
    })
}

fn open() -> Breaker {
    let mut breaker = breaker();
    for _ in 0..3 {
        breaker.failed(NOW);
    }
    breaker
}

#[test]
fn consecutive_failures_open_the_circuit() {
    let mut breaker = breaker();
    for _ in 0..2 {
        breaker.failed(NOW);
        assert!(breaker.admit(NOW));
    }
    breaker.succeeded();
    for failures in 1..=3 {
        assert!(!breaker.is_open() && breaker.admit(NOW), "{failures}");
        breaker.failed(NOW);
    }
    assert!(breaker.is_open() && !breaker.admit(NOW));
}

#[test]
fn one_probe_at_a_time_closes_or_reopens_it() {
    let mut breaker = open();
    assert!(!breaker.admit(after(4_999)));
    assert!(breaker.admit(after(5_000)));
    assert!(
        !breaker.admit(after(5_000)) && !breaker.admit(after(60_000)),
        "one probe"
    );
    breaker.failed(after(5_100));
    assert!(!breaker.admit(after(10_099)));
    assert!(breaker.admit(after(10_100)));
    breaker.succeeded();
    assert!(!breaker.is_open() && breaker.admit(after(10_100)) && breaker.admit(after(10_100)));
}

#[test]
fn late_failures_do_not_keep_it_open_longer() {
    let mut breaker = open();
    breaker.failed(after(4_000));
    assert!(breaker.admit(after(5_000)));
}

#[test]
fn a_clock_that_jumps_back_does_not_keep_it_open() {
    let mut breaker = open();
    assert!(breaker.admit(Duration::ZERO));
}

#[test]
fn suspicion_ends_with_a_success_or_by_itself() {
    let mut breaker = breaker();
    assert!(!breaker.suspects(NOW));
    breaker.failed(NOW);
    for (milliseconds, expected) in [(0, true), (10_000, true), (10_001, false)] {
        assert_eq!(
            breaker.suspects(after(milliseconds)),
            expected,
            "{milliseconds}"
        );
    }
    assert!(!breaker.suspects(NOW - Duration::from_millis(1)));
    breaker.succeeded();
    assert!(!breaker.suspects(NOW));
}

#[test]
fn a_stumble_is_suspicious_and_opens_nothing() {
    let mut breaker = breaker();
    for _ in 0..10 {
        breaker.stumbled(NOW);
    }
    assert!(breaker.suspects(NOW) && !breaker.is_open() && breaker.admit(NOW));
    let mut probed = open();
    assert!(probed.admit(after(5_000)));
    probed.stumbled(after(5_000));
    assert!(!probed.is_open());
}
