//! What failed lately, and so is not asked about: the auth service, new keys of an address, a single key.
//!
//! Owns circuits and failures. It knows no principal, and not how many callouts are open.

use std::time::Duration;

use super::budgets::Account;
use super::circuits::{Circuits, OpenCircuit};
use super::failures::Failures;
use crate::auth_service::{Failure, KeyDigest};
use crate::config::Breaker;
use crate::principal::Timestamp;

#[derive(Debug)]
pub(super) struct Health {
    circuits: Circuits,
    failures: Failures,
    /// For how long a key's failure lets rights past their time count.
    lately: Duration,
}

impl Health {
    pub(super) fn new(config: &Breaker) -> Self {
        Self {
            circuits: Circuits::new(config),
            failures: Failures::default(),
            lately: config.open_for.saturating_mul(2),
        }
    }

    /// Whether the circuit of the service is open.
    pub(super) const fn is_open(&self) -> bool {
        self.circuits.is_open()
    }

    /// Whether stale rights count without a lookup: the service failed for this very key, or its circuit is open.
    pub(super) fn lets_stale_rights_count(&self, digest: KeyDigest, now: Timestamp) -> bool {
        self.circuits.is_open()
            || self.holds_back(digest, now)
            || self.failures.failed_within(digest, self.lately, now)
    }

    /// Whether it is too early to ask about the key again.
    pub(super) fn holds_back(&self, digest: KeyDigest, now: Timestamp) -> bool {
        self.failures.holds_back(digest, now)
    }

    /// Whether a callout may be made.
    pub(super) fn admit(
        &mut self,
        account: Account,
        digest: KeyDigest,
        now: Timestamp,
    ) -> Result<(), OpenCircuit> {
        self.circuits.admit(account, digest, now)
    }

    /// The callout that was just admitted is not made after all.
    pub(super) fn withdraw(&mut self, account: Account, digest: KeyDigest) {
        self.circuits.withdraw(account, digest);
    }

    /// This VM's callout has brought an answer that can be used.
    pub(super) fn succeeded(&mut self, account: Account, digest: KeyDigest) {
        self.failures.succeeded(digest);
        self.circuits.succeeded(account);
    }

    /// This VM's callout has brought none.
    pub(super) fn failed(
        &mut self,
        account: Account,
        digest: KeyDigest,
        failure: &Failure,
        now: Timestamp,
    ) {
        self.failures.failed(digest, account == Account::Known, now);
        // What it answers outside its contract shows that it is there.
        if failure.is_outage() {
            self.circuits.failed(account, digest, now);
        } else {
            self.circuits.succeeded(account);
        }
    }

    /// Another VM's lookup of the key has failed.
    pub(super) fn neighbour_failed(&mut self, digest: KeyDigest, is_known: bool, now: Timestamp) {
        self.failures.failed(digest, is_known, now);
    }

    /// Some VM was told something by a lookup that began then; an earlier failure is out of date.
    pub(super) fn succeeded_at(&mut self, digest: KeyDigest, asked_at: Timestamp) {
        self.failures.succeeded_at(digest, asked_at);
    }
}
