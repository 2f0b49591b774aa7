//! The circuit breaker: stops callouts to the auth service after failures of several keys, and probes to resume them.
//!
//! Counts outcomes of callouts and says whether another may be made. A key counts once, however often the
//! service fails for it. It knows the circuit of this VM only.

#[cfg(test)]
mod tests;

use std::collections::VecDeque;

use super::KeyDigest;
use crate::config;
use crate::principal::Timestamp;

/// Keys that are remembered as counted. If more fail without a success between, one may count twice.
const MOST_REMEMBERED: usize = 64;

/// Closed until the configured number of keys has failed in a row; then open for `open_for`; then one callout at a time
/// probes.
#[derive(Debug)]
pub struct Breaker {
    config: config::Breaker,
    failures: u64,
    /// The keys that were counted last.
    counted: VecDeque<KeyDigest>,
    open_since: Option<Timestamp>,
    probe: Option<KeyDigest>,
}

impl Breaker {
    /// A closed circuit.
    pub const fn new(config: config::Breaker) -> Self {
        Self {
            config,
            failures: 0,
            counted: VecDeque::new(),
            open_since: None,
            probe: None,
        }
    }

    /// Whether a callout about a key may be made now. One that may under an open circuit is its probe: no
    /// other may until its outcome is known.
    pub fn admit(&mut self, digest: KeyDigest, now: Timestamp) -> bool {
        !self.is_open() || (self.has_rested(now) && self.admit_probe(digest))
    }

    /// Whether a callout may be made as a probe, whatever the state: one at a time.
    pub fn admit_probe(&mut self, digest: KeyDigest) -> bool {
        if self.probe.is_some() {
            return false;
        }
        self.probe = Some(digest);
        true
    }

    /// The callout that was just admitted is not made after all.
    pub fn withdraw(&mut self, digest: KeyDigest) {
        self.probe.take_if(|probe| *probe == digest);
    }

    /// The service gave an answer, whatever it says of the key.
    pub fn succeeded(&mut self) {
        self.failures = 0;
        self.counted.clear();
        self.open_since = None;
        self.probe = None;
    }

    /// The service gave none for this key. A callout that was made before the circuit opened, and is not its
    /// probe, changes nothing more.
    pub fn failed(&mut self, digest: KeyDigest, now: Timestamp) {
        if self.probe.take_if(|probe| *probe == digest).is_some() && self.is_open() {
            self.open_since = Some(now);
        }
        if !self.counted.contains(&digest) {
            self.failures = self.failures.saturating_add(1);
            self.counted.truncate(MOST_REMEMBERED - 1);
            self.counted.push_front(digest);
        }
        if !self.is_open() && self.failures >= self.config.failures {
            self.open_since = Some(now);
        }
    }

    /// Whether callouts are held back.
    pub const fn is_open(&self) -> bool {
        self.open_since.is_some()
    }

    /// Whether an open circuit is ready for a probe. A clock that jumped back must not keep it open.
    pub fn has_rested(&self, now: Timestamp) -> bool {
        self.open_since.is_some_and(|since| {
            now.checked_sub(since)
                .is_none_or(|rested| rested >= self.config.open_for)
        })
    }
}
