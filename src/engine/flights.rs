//! Questions about keys that are open on this VM: at most one per key, with all who wait for it.

use std::collections::{HashMap, VecDeque};
use std::time::Duration;

use super::budgets::{Account, Budgets};
use super::next::StreamId;
use super::outbox::CalloutId;
use super::since::Since;
use crate::auth_service::KeyDigest;
use crate::principal::Timestamp;
use crate::principals::claims::{LEASE, Mine};

/// How often a claim is renewed.
const RENEWAL: Duration = LEASE.checked_div(5).unwrap();

/// How often a tick comes while questions are open, at least.
const WATCH: Duration = Duration::from_millis(50);

/// How often a tick comes while another VM asks: at first, and for how long; then.
const EAGER_WATCH: Duration = Duration::from_millis(1);
const EAGER_FOR: Duration = Duration::from_millis(20);
const PATIENT_WATCH: Duration = Duration::from_millis(5);

/// A question about a key.
#[derive(Debug)]
pub(super) struct Flight {
    /// Those who wait. Some may be gone.
    pub(super) waiters: VecDeque<StreamId>,
    /// When this VM began to wait.
    pub(super) started_at: Timestamp,
    pub(super) asker: Asker,
}

/// Who asks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Asker {
    /// This VM.
    Own(OwnQuestion),
    /// Another VM; what comes of it is read from shared data.
    Other,
    /// Nobody any more. The next waiter that is woken brings the key, and this VM asks.
    Nobody {
        /// Whether it asks whoever else does: what another VM was told could not be read, or cannot be
        /// watched.
        alone: bool,
    },
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct OwnQuestion {
    pub(super) callout: CalloutId,
    /// To find the key in what the service answers.
    pub(super) key: KeyDigest,
    /// On whose account it is.
    pub(super) account: Account,
    pub(super) asked_at: Timestamp,
    pub(super) claim: Option<Mine>,
    pub(super) renewed_at: Timestamp,
}

/// The open questions.
#[derive(Debug)]
pub(super) struct Flights {
    by_key: HashMap<KeyDigest, Flight>,
    callouts: HashMap<CalloutId, KeyDigest>,
    budgets: Budgets,
    /// Those that this VM asks, by when they began.
    own: Since<KeyDigest>,
    /// Those whose claim is to be renewed, by when it was.
    claimed: Since<KeyDigest>,
    /// All others, by when they began.
    watched: Since<KeyDigest>,
    last_callout: u64,
}

impl Flights {
    pub(super) fn new(budgets: Budgets) -> Self {
        Self {
            by_key: HashMap::new(),
            callouts: HashMap::new(),
            budgets,
            own: Since::default(),
            claimed: Since::default(),
            watched: Since::default(),
            last_callout: 0,
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

    pub(super) fn get(&self, digest: KeyDigest) -> Option<&Flight> {
        self.by_key.get(&digest)
    }

    /// All that are open.
    pub(super) fn keys(&self) -> Vec<KeyDigest> {
        self.by_key.keys().copied().collect()
    }

    /// Those that a tick has to look at: a callout that takes longer than this, a claim to be renewed, a
    /// question of another VM.
    pub(super) fn due(&self, longest: Duration, now: Timestamp) -> Vec<KeyDigest> {
        let late = self.own.passed(longest, now);
        let lapsing = self.claimed.passed(RENEWAL, now);
        late.chain(lapsing).chain(self.watched.iter()).collect()
    }

    /// How often a tick is to come; `None` while no question is open.
    pub(super) fn tick_period(&self, now: Timestamp) -> Option<Duration> {
        if let Some(latest) = self.watched.latest() {
            let is_new = now.saturating_sub(latest) < EAGER_FOR;
            return Some(if is_new { EAGER_WATCH } else { PATIENT_WATCH });
        }
        (!self.own.is_empty()).then_some(WATCH)
    }

    /// A new callout's name.
    pub(super) const fn next_callout(&mut self) -> CalloutId {
        self.last_callout += 1;
        CalloutId(self.last_callout)
    }

    /// Who waits for the key's question, which must be open, now also waits for this.
    pub(super) fn join(&mut self, digest: KeyDigest, stream: StreamId) {
        if let Some(flight) = self.by_key.get_mut(&digest) {
            flight.waiters.push_back(stream);
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

    /// Opens a question, or changes who asks it.
    pub(super) fn set_asker(&mut self, digest: KeyDigest, asker: Asker, now: Timestamp) {
        let flight = self.take(digest).unwrap_or_else(|| Flight {
            waiters: VecDeque::new(),
            started_at: now,
            asker,
        });
        self.put(digest, Flight { asker, ..flight });
    }

    /// Changes who asks, where a question is open.
    pub(super) fn change_asker(&mut self, digest: KeyDigest, asker: Asker) {
        if let Some(flight) = self.take(digest) {
            self.put(digest, Flight { asker, ..flight });
        }
    }

    /// A question cannot have begun later than now: a clock that jumped back must not make anybody wait until
    /// it has caught up.
    pub(super) fn begun_by(&mut self, digest: KeyDigest, now: Timestamp) {
        if self
            .get(digest)
            .is_some_and(|flight| flight.started_at > now)
            && let Some(flight) = self.take(digest)
        {
            self.put(
                digest,
                Flight {
                    started_at: now,
                    ..flight
                },
            );
        }
    }

    /// The key that a callout asks about.
    pub(super) fn key_of(&self, callout: CalloutId) -> Option<KeyDigest> {
        self.callouts.get(&callout).copied()
    }

    /// Closes a question.
    pub(super) fn close(&mut self, digest: KeyDigest) -> Option<Flight> {
        self.take(digest)
    }

    fn put(&mut self, digest: KeyDigest, flight: Flight) {
        match flight.asker {
            Asker::Own(question) => {
                self.callouts.insert(question.callout, digest);
                self.budgets.open(question.account);
                self.own.insert(flight.started_at, digest);
                if question.claim.is_some() {
                    self.claimed.insert(question.renewed_at, digest);
                }
            }
            Asker::Other | Asker::Nobody { .. } => self.watched.insert(flight.started_at, digest),
        }
        self.by_key.insert(digest, flight);
    }

    fn take(&mut self, digest: KeyDigest) -> Option<Flight> {
        let flight = self.by_key.remove(&digest)?;
        match flight.asker {
            Asker::Own(question) => {
                self.callouts.remove(&question.callout);
                self.budgets.close(question.account);
                self.own.remove(flight.started_at, digest);
                self.claimed.remove(question.renewed_at, digest);
            }
            Asker::Other | Asker::Nobody { .. } => self.watched.remove(flight.started_at, digest),
        }
        Some(flight)
    }
}
