//! Keys whose own lookup has failed: not asked about again at once.
//!
//! Known keys and new ones have a store each, both bounded, so that invented keys push out no known one.

use std::num::NonZeroUsize;
use std::time::Duration;

use lru::LruCache;

use crate::auth_service::KeyDigest;
use crate::bounded::bounded;
use crate::principal::Timestamp;

/// How long a key is not asked about after its lookup failed.
const PAUSE: Duration = Duration::from_secs(1);

/// Keys remembered at most, in each store.
const CAPACITY: NonZeroUsize = NonZeroUsize::new(4096).unwrap();

#[derive(Debug)]
pub(super) struct Failures {
    known: LruCache<KeyDigest, Timestamp>,
    new: LruCache<KeyDigest, Timestamp>,
}

impl Default for Failures {
    fn default() -> Self {
        Self {
            known: bounded(CAPACITY),
            new: bounded(CAPACITY),
        }
    }
}

impl Failures {
    /// The service gave no usable answer about a key.
    pub(super) fn failed(&mut self, digest: KeyDigest, is_known: bool, now: Timestamp) {
        self.succeeded(digest);
        let store = if is_known {
            &mut self.known
        } else {
            &mut self.new
        };
        store.push(digest, now);
    }

    /// It gave one.
    pub(super) fn succeeded(&mut self, digest: KeyDigest) {
        self.known.pop(&digest);
        self.new.pop(&digest);
    }

    /// Another VM was told something by a lookup that began then; an earlier failure is out of date.
    pub(super) fn succeeded_at(&mut self, digest: KeyDigest, asked_at: Timestamp) {
        let at = self.known.peek(&digest).or_else(|| self.new.peek(&digest));
        if at.is_some_and(|at| *at <= asked_at) {
            self.succeeded(digest);
        }
    }

    /// Whether it is too early to ask about the key again.
    pub(super) fn holds_back(&self, digest: KeyDigest, now: Timestamp) -> bool {
        self.failed_within(digest, PAUSE, now)
    }

    /// Whether the last lookup of the key failed, less than so long ago. A failure from the future, left by a
    /// clock that jumped back, counts no more.
    pub(super) fn failed_within(&self, digest: KeyDigest, time: Duration, now: Timestamp) -> bool {
        let at = self.known.peek(&digest).or_else(|| self.new.peek(&digest));
        at.and_then(|at| now.checked_sub(*at))
            .is_some_and(|age| age < time)
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::{CAPACITY, Failures};
    use crate::principals::fixtures::digest;

    const NOW: Duration = Duration::from_secs(1_000_000);

    #[test]
    fn a_failure_is_remembered_for_its_time() {
        let mut failures = Failures::default();
        failures.failed(digest("K1"), true, NOW);
        for (milliseconds, expected) in [(0, true), (999, true), (1_000, false)] {
            let now = NOW + Duration::from_millis(milliseconds);
            assert_eq!(
                failures.holds_back(digest("K1"), now),
                expected,
                "{milliseconds}"
            );
        }
        assert!(!failures.holds_back(digest("K1"), NOW - Duration::from_millis(1)));
        assert!(!failures.holds_back(digest("K2"), NOW));
        for (asked_at, expected) in [(NOW - Duration::from_secs(1), true), (NOW, false)] {
            failures.succeeded_at(digest("K1"), asked_at);
            assert_eq!(failures.holds_back(digest("K1"), NOW), expected);
        }
        failures.failed(digest("K1"), true, NOW);
        failures.succeeded(digest("K1"));
        assert!(!failures.holds_back(digest("K1"), NOW));
    }

    #[test]
    fn new_keys_are_bounded_and_push_out_no_known_one() {
        let mut failures = Failures::default();
        failures.failed(digest("known"), true, NOW);
        for number in 0..=CAPACITY.get() {
            failures.failed(digest(&format!("new{number}")), false, NOW);
        }
        assert_eq!(failures.new.len(), CAPACITY.get());
        assert!(failures.holds_back(digest("known"), NOW));
        assert!(!failures.holds_back(digest("new0"), NOW));
    }
}
