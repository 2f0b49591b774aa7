//! Lookups that are under way in this VM: at most one per key, with all who wait for it.
//!
//! Owns the order in which they are due, and the budgets of callouts. It knows nothing of what comes of a lookup.

use std::collections::{BTreeSet, HashMap, VecDeque};
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

/// How many lookups by other VMs one tick looks at: each costs a read of shared data. How many there are is bounded by
/// the callouts of all other VMs, and callers may keep them open.
const MOST_LOOKS: usize = 32;

/// A lookup of a key.
#[derive(Debug)]
pub(super) struct InFlightLookup {
    /// Those who wait. Some may be gone.
    pub(super) waiters: VecDeque<StreamId>,
    /// When this VM began to wait.
    pub(super) started_at: Timestamp,
    pub(super) asker: Asker,
    /// Its place in [`InFlight::turns`].
    turn: u64,
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
    /// The digest of the key without an address, to find the key in what the service answers.
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
    /// The same, the one that was looked at longest ago first. A count and no time: clocks jump.
    turns: BTreeSet<(u64, KeyDigest)>,
    last_turn: u64,
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
            turns: BTreeSet::new(),
            last_turn: 0,
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

    /// Those that a tick has to look at: a callout that takes longer than this, a claim to be renewed, and lookups by
    /// other VMs, [`MOST_LOOKS`] of them in turn.
    pub(super) fn due(&mut self, longest: Duration, now: Timestamp) -> Vec<KeyDigest> {
        let late = self.own.passed(longest, now);
        let lapsing = self.claimed.passed(RENEWAL, now);
        let mut due: Vec<KeyDigest> = late.chain(lapsing).collect();
        let turns = self.turns.iter().take(MOST_LOOKS);
        let looked_at: Vec<KeyDigest> = turns.map(|(_, digest)| *digest).collect();
        for digest in &looked_at {
            // Puts it last.
            if let Some(lookup) = self.take(*digest) {
                self.put(*digest, lookup);
            }
        }
        due.extend(looked_at);
        due
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
            turn: 0,
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

    fn put(&mut self, digest: KeyDigest, mut lookup: InFlightLookup) {
        match lookup.asker {
            Asker::Own(own) => {
                self.callouts.insert(own.callout, digest);
                self.budgets.open(own.account);
                self.own.insert(lookup.started_at, digest);
                if own.claim.is_some() {
                    self.claimed.insert(own.renewed_at, digest);
                }
            }
            Asker::Other | Asker::Nobody { .. } => {
                self.watched.insert(lookup.started_at, digest);
                self.last_turn += 1;
                lookup.turn = self.last_turn;
                self.turns.insert((lookup.turn, digest));
            }
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
            Asker::Other | Asker::Nobody { .. } => {
                self.watched.remove(lookup.started_at, digest);
                self.turns.remove(&(lookup.turn, digest));
            }
        }
        Some(lookup)
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;
    use std::time::Duration;

    use super::{Asker, Budgets, InFlight, MOST_LOOKS};
    use crate::principals::fixtures::digest;

    const NOW: Duration = Duration::from_secs(1_000_000);

    fn watching(keys: usize) -> InFlight {
        let mut in_flight = InFlight::new(Budgets::new(64, true));
        for number in 0..keys {
            in_flight.set_asker(digest(&format!("K{number}")), Asker::Other, NOW);
        }
        in_flight
    }

    /// A caller may keep many lookups of other VMs open: no tick looks at them all, and none is passed over.
    #[test]
    fn lookups_by_others_are_looked_at_in_turn() {
        let rounds = 4;
        let mut in_flight = watching(rounds * MOST_LOOKS);
        for _ in 0..3 {
            let mut seen = HashSet::new();
            for _ in 0..rounds {
                // A clock that jumps back changes nothing.
                let due = in_flight.due(Duration::from_secs(2), NOW - Duration::from_secs(9));
                assert_eq!(due.len(), MOST_LOOKS);
                seen.extend(due.iter().map(|digest| *digest.as_bytes()));
            }
            assert_eq!(seen.len(), rounds * MOST_LOOKS);
        }
    }

    #[test]
    fn what_is_closed_is_looked_at_no_more() {
        let mut in_flight = watching(3);
        in_flight.close(digest("K1"));
        in_flight.change_asker(digest("K2"), Asker::Nobody { alone: false });
        for _ in 0..3 {
            assert_eq!(in_flight.due(Duration::from_secs(2), NOW).len(), 2);
        }
        in_flight.close(digest("K0"));
        in_flight.close(digest("K2"));
        assert!(in_flight.due(Duration::from_secs(2), NOW).is_empty());
        assert!(in_flight.turns.is_empty() && in_flight.watched.is_empty());
    }
}
