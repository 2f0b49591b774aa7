//! Lookups that are under way in this VM: at most one per key, with all who wait for it.
//!
//! Owns the order in which they are due, and the budgets of callouts. It knows nothing of what comes of a lookup.

use std::collections::{HashMap, VecDeque};
use std::time::Duration;

use super::budgets::{Account, Budgets};
use crate::auth_service::KeyDigest;
use crate::by_age::ByAge;
use crate::principal::Timestamp;
use crate::principals::claims::{LEASE, Mine};
use crate::shell::{CalloutId, StreamId};

/// How often a claim is renewed.
const RENEWAL: Duration = LEASE.checked_div(5).unwrap();

/// How often a tick comes while lookups are in flight, at least.
const WATCH: Duration = Duration::from_millis(50);

/// How often a tick comes while another VM calls out: at first, and for how long; then.
const EAGER_WATCH: Duration = Duration::from_millis(1);
const EAGER_FOR: Duration = Duration::from_millis(20);
const PATIENT_WATCH: Duration = Duration::from_millis(5);

/// A lookup of a key.
#[derive(Debug)]
pub(super) struct InFlightLookup {
    /// Those who wait. Some may be gone.
    pub(super) waiters: VecDeque<StreamId>,
    /// When this VM began to wait.
    pub(super) started_at: Timestamp,
    pub(super) asker: Asker,
}

/// Who calls out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Asker {
    /// This VM.
    Own(OwnLookup),
    /// Another VM; what comes of it is read from shared data.
    Other,
    /// Nobody any more. The next waiter that is woken brings the key, and this VM calls out.
    Nobody {
        /// Whether it does so whoever else does: what another VM was told could not be read, or cannot be
        /// watched.
        alone: bool,
    },
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct OwnLookup {
    pub(super) callout: CalloutId,
    /// To find the key in what the service answers.
    pub(super) key: KeyDigest,
    /// The length of the key in bytes.
    pub(super) key_length: usize,
    /// On whose account it is.
    pub(super) account: Account,
    pub(super) asked_at: Timestamp,
    pub(super) claim: Option<Mine>,
    pub(super) renewed_at: Timestamp,
}

/// The lookups in flight.
#[derive(Debug)]
pub(super) struct InFlight {
    by_key: HashMap<KeyDigest, InFlightLookup>,
    callouts: HashMap<CalloutId, KeyDigest>,
    budgets: Budgets,
    /// Those for which this VM calls out, by when they began.
    own: ByAge<KeyDigest>,
    /// Those whose claim is to be renewed, by when it was.
    claimed: ByAge<KeyDigest>,
    /// All others, by when they began.
    watched: ByAge<KeyDigest>,
}

impl InFlight {
    pub(super) fn new(budgets: Budgets) -> Self {
        Self {
            by_key: HashMap::new(),
            callouts: HashMap::new(),
            budgets,
            own: ByAge::default(),
            claimed: ByAge::default(),
            watched: ByAge::default(),
        }
    }

    /// Who may have how many callouts, and has.
    pub(super) const fn budgets(&self) -> &Budgets {
        &self.budgets
    }

    /// Whether no callout about a key is open.
    pub(super) fn is_idle(&self) -> bool {
        self.callouts.is_empty()
    }

    pub(super) fn contains(&self, digest: KeyDigest) -> bool {
        self.by_key.contains_key(&digest)
    }

    pub(super) fn get(&self, digest: KeyDigest) -> Option<&InFlightLookup> {
        self.by_key.get(&digest)
    }

    /// All that are open.
    pub(super) fn keys(&self) -> Vec<KeyDigest> {
        self.by_key.keys().copied().collect()
    }

    /// Those that a tick has to look at: a callout that takes longer than this, a claim to be renewed, a
    /// lookup by another VM.
    pub(super) fn due(&self, longest: Duration, now: Timestamp) -> Vec<KeyDigest> {
        let late = self.own.passed(longest, now);
        let lapsing = self.claimed.passed(RENEWAL, now);
        late.chain(lapsing).chain(self.watched.iter()).collect()
    }

    /// How often a tick is to come; `None` while no lookup is in flight.
    pub(super) fn tick_period(&self, now: Timestamp) -> Option<Duration> {
        if let Some(latest) = self.watched.latest() {
            let is_new = now.saturating_sub(latest) < EAGER_FOR;
            return Some(if is_new { EAGER_WATCH } else { PATIENT_WATCH });
        }
        (!self.own.is_empty()).then_some(WATCH)
    }

    /// This stream also waits for the key's lookup, which must be in flight.
    pub(super) fn join(&mut self, digest: KeyDigest, stream: StreamId) {
        if let Some(lookup) = self.by_key.get_mut(&digest) {
            lookup.waiters.push_back(stream);
        }
    }

    /// The first who waits, by `is_waiting`. Those before are forgotten: nobody is looked at twice.
    pub(super) fn first_waiter(
        &mut self,
        digest: KeyDigest,
        is_waiting: impl Fn(StreamId) -> bool,
    ) -> Option<StreamId> {
        let waiters = &mut self.by_key.get_mut(&digest)?.waiters;
        while let Some(first) = waiters.front().copied() {
            if is_waiting(first) {
                return Some(first);
            }
            waiters.pop_front();
        }
        None
    }

    /// Begins a lookup, or changes who calls out for it.
    pub(super) fn set_asker(&mut self, digest: KeyDigest, asker: Asker, now: Timestamp) {
        let lookup = self.take(digest).unwrap_or_else(|| InFlightLookup {
            waiters: VecDeque::new(),
            started_at: now,
            asker,
        });
        self.put(digest, InFlightLookup { asker, ..lookup });
    }

    /// Changes who calls out, where a lookup is in flight.
    pub(super) fn change_asker(&mut self, digest: KeyDigest, asker: Asker) {
        if let Some(lookup) = self.take(digest) {
            self.put(digest, InFlightLookup { asker, ..lookup });
        }
    }

    /// A lookup cannot have begun later than now: a clock that jumped back must not make anybody wait until
    /// it has caught up.
    pub(super) fn begun_by(&mut self, digest: KeyDigest, now: Timestamp) {
        if self
            .get(digest)
            .is_some_and(|lookup| lookup.started_at > now)
            && let Some(lookup) = self.take(digest)
        {
            self.put(
                digest,
                InFlightLookup {
                    started_at: now,
                    ..lookup
                },
            );
        }
    }

    /// The lookup that a callout of this VM is for, and its key.
    pub(super) fn own(&self, callout: CalloutId) -> Option<(KeyDigest, OwnLookup)> {
        let digest = *self.callouts.get(&callout)?;
        match self.get(digest)?.asker {
            Asker::Own(own) => Some((digest, own)),
            Asker::Other | Asker::Nobody { .. } => None,
        }
    }

    /// Closes a own.
    pub(super) fn close(&mut self, digest: KeyDigest) -> Option<InFlightLookup> {
        self.take(digest)
    }

    fn put(&mut self, digest: KeyDigest, lookup: InFlightLookup) {
        match lookup.asker {
            Asker::Own(own) => {
                self.callouts.insert(own.callout, digest);
                self.budgets.open(own.account);
                self.own.insert(lookup.started_at, digest);
                if own.claim.is_some() {
                    self.claimed.insert(own.renewed_at, digest);
                }
            }
            Asker::Other | Asker::Nobody { .. } => self.watched.insert(lookup.started_at, digest),
        }
        self.by_key.insert(digest, lookup);
    }

    fn take(&mut self, digest: KeyDigest) -> Option<InFlightLookup> {
        let lookup = self.by_key.remove(&digest)?;
        match lookup.asker {
            Asker::Own(own) => {
                self.callouts.remove(&own.callout);
                self.budgets.close(own.account);
                self.own.remove(lookup.started_at, digest);
                self.claimed.remove(own.renewed_at, digest);
            }
            Asker::Other | Asker::Nobody { .. } => self.watched.remove(lookup.started_at, digest),
        }
        Some(lookup)
    }
}
