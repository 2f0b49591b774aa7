//! The circuit breaker: leaves the auth service alone after consecutive failures, and probes to return.
//!
//! Counts outcomes of callouts and says whether another may be made. One per VM; it shares nothing.

#[cfg(test)]
mod tests;

use crate::config;
use crate::principals::Timestamp;

/// Closed until so many failures in a row; then open for a while; then one callout at a time probes.
#[derive(Debug)]
pub struct Breaker {
    config: config::Breaker,
    failures: u64,
    last_failure: Option<Timestamp>,
    open_since: Option<Timestamp>,
    probing: bool,
}

impl Breaker {
    /// A closed circuit.
    pub const fn new(config: config::Breaker) -> Self {
        Self {
            config,
            failures: 0,
            last_failure: None,
            open_since: None,
            probing: false,
        }
    }

    /// Whether a callout may be made now. One that may under an open circuit is its probe: no other may
    /// until its outcome is known.
    pub fn admit(&mut self, now: Timestamp) -> bool {
        let Some(since) = self.open_since else {
            return true;
        };
        // A clock that jumped back must not keep the circuit open.
        let rested = now
            .checked_sub(since)
            .is_none_or(|rested| rested >= self.config.open_for);
        if self.probing || !rested {
            return false;
        }
        self.probing = true;
        true
    }

    /// The callout that was just admitted is not made after all.
    pub fn withdraw(&mut self) {
        self.probing = false;
    }

    /// The service gave an answer that can be used, whatever it says of the key.
    pub fn succeeded(&mut self) {
        self.failures = 0;
        self.last_failure = None;
        self.open_since = None;
        self.probing = false;
    }

    /// The service is there, but what it answered cannot be used: it is suspected, and not left alone.
    pub fn stumbled(&mut self, now: Timestamp) {
        self.succeeded();
        self.last_failure = Some(now);
    }

    /// The service gave none. A callout that was made before the circuit opened changes nothing more.
    pub fn failed(&mut self, now: Timestamp) {
        self.failures = self.failures.saturating_add(1);
        self.last_failure = Some(now);
        if self.open_since.is_none() && self.failures >= self.config.failures || self.probing {
            self.open_since = Some(now);
            self.probing = false;
        }
    }

    /// Whether callouts are held back.
    pub const fn is_open(&self) -> bool {
        self.open_since.is_some()
    }

    /// Whether the service is likely to be down: its last outcome is a failure, and a recent one.
    pub fn suspects(&self, now: Timestamp) -> bool {
        self.last_failure.is_some_and(|at| {
            now.checked_sub(at)
                .is_some_and(|age| age <= self.config.open_for.saturating_mul(2))
        })
    }
}
