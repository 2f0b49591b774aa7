use std::time::Duration;

use super::{Breaker, MOST_REMEMBERED};
use crate::auth_service::KeyDigest;
use crate::config;
use crate::principals::fixtures::digest;

const NOW: Duration = Duration::from_secs(1_000_000);

fn after(milliseconds: u64) -> Duration {
    NOW + Duration::from_millis(milliseconds)
}

fn key(number: u32) -> KeyDigest {
    digest(&format!("K{number}"))
}

fn breaker() -> Breaker {
    Breaker::new(config::Breaker {
        failures: 3,
        open_for: Duration::from_secs(5),
    })
}

fn open() -> Breaker {
    let mut breaker = breaker();
    for number in 0..3 {
        breaker.failed(key(number), NOW);
    }
    breaker
}

#[test]
fn failures_of_several_keys_in_a_row_open_the_circuit() {
    let mut breaker = breaker();
    for number in 0..2 {
        breaker.failed(key(number), NOW);
        assert!(breaker.admit(key(9), NOW));
    }
    breaker.succeeded();
    for number in 0..3 {
        assert!(!breaker.is_open() && breaker.admit(key(9), NOW), "{number}");
        breaker.failed(key(number), NOW);
    }
    assert!(breaker.is_open() && !breaker.admit(key(9), NOW));
}

#[test]
fn a_key_counts_once() {
    let mut breaker = breaker();
    for second in 0..1_000 {
        breaker.failed(key(second % 2), after(u64::from(second) * 1_000));
        assert!(!breaker.is_open(), "{second}");
    }
    breaker.failed(key(2), after(1_000_000));
    assert!(breaker.is_open());
}

#[test]
fn memory_of_the_keys_is_bounded() {
    let mut breaker = Breaker::new(config::Breaker {
        failures: 1_000_000,
        open_for: Duration::from_secs(5),
    });
    for number in 0..1_000 {
        breaker.failed(key(number), NOW);
    }
    assert_eq!(breaker.counted.len(), MOST_REMEMBERED);
    assert!(!breaker.is_open());
}

#[test]
fn one_probe_at_a_time_closes_or_reopens_it() {
    let mut breaker = open();
    assert!(!breaker.admit(key(9), after(4_999)));
    assert!(breaker.admit(key(9), after(5_000)));
    assert!(
        !breaker.admit(key(8), after(5_000)) && !breaker.admit(key(8), after(60_000)),
        "one probe"
    );
    breaker.failed(key(9), after(5_100));
    assert!(!breaker.admit(key(8), after(10_099)));
    assert!(breaker.admit(key(8), after(10_100)));
    breaker.succeeded();
    assert!(!breaker.is_open());
    assert!(breaker.admit(key(8), after(10_100)) && breaker.admit(key(7), after(10_100)));
}

#[test]
fn late_failures_do_not_keep_it_open_longer() {
    let mut breaker = open();
    breaker.failed(key(0), after(4_000));
    breaker.failed(key(7), after(4_000));
    assert!(breaker.admit(key(9), after(5_000)));
    // Nor do they end another's probe.
    breaker.failed(key(7), after(5_100));
    assert!(!breaker.admit(key(8), after(5_100)) && !breaker.admit(key(8), after(60_000)));
}

#[test]
fn a_probe_that_is_not_made_is_to_be_had_again() {
    let mut breaker = open();
    assert!(breaker.admit(key(9), after(5_000)));
    breaker.withdraw(key(8));
    assert!(!breaker.admit(key(8), after(5_000)), "another's");
    breaker.withdraw(key(9));
    assert!(breaker.admit(key(8), after(5_000)));
}

#[test]
fn a_clock_that_jumps_back_does_not_keep_it_open() {
    assert!(open().admit(key(9), Duration::ZERO));
}
