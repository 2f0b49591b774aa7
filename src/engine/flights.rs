//! Questions about keys that are open on this VM: at most one per key, with all who wait for it.

use std::collections::HashMap;

use super::outbox::CalloutId;
use crate::auth_service::KeyDigest;
use crate::decision::StreamId;
use crate::principals::Timestamp;
use crate::principals::claims::Mine;

/// A question about a key.
#[derive(Debug)]
pub(super) struct Flight {
    /// Those who wait. Some may be gone.
    pub(super) waiters: Vec<StreamId>,
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
    pub(super) asked_at: Timestamp,
    pub(super) claim: Option<Mine>,
    pub(super) renewed_at: Timestamp,
}

/// The open questions.
#[derive(Debug, Default)]
pub(super) struct Flights {
    by_key: HashMap<KeyDigest, Flight>,
    callouts: HashMap<CalloutId, KeyDigest>,
    last_callout: u64,
}

impl Flights {
    /// How many callouts about keys are open.
    pub(super) fn callouts(&self) -> u64 {
        self.callouts.len() as u64
    }

    pub(super) fn contains(&self, digest: KeyDigest) -> bool {
        self.by_key.contains_key(&digest)
    }

    pub(super) fn get_mut(&mut self, digest: KeyDigest) -> Option<&mut Flight> {
        self.by_key.get_mut(&digest)
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = (KeyDigest, &Flight)> {
        self.by_key.iter().map(|(digest, flight)| (*digest, flight))
    }

    pub(super) fn keys(&self) -> Vec<KeyDigest> {
        self.by_key.keys().copied().collect()
    }

    /// A name that no callout has had.
    pub(super) fn next_callout(&mut self) -> CalloutId {
        self.last_callout += 1;
        CalloutId(self.last_callout)
    }

    /// Who waits for the key's question, which must be open, now also waits for this.
    pub(super) fn join(&mut self, digest: KeyDigest, stream: StreamId) {
        if let Some(flight) = self.by_key.get_mut(&digest) {
            flight.waiters.push(stream);
        }
    }

    /// Opens a question, or changes who asks it.
    pub(super) fn set_asker(&mut self, digest: KeyDigest, asker: Asker, now: Timestamp) {
        if let Asker::Own(question) = asker {
            self.callouts.insert(question.callout, digest);
        }
        let flight = self.by_key.entry(digest).or_insert(Flight {
            waiters: Vec::new(),
            started_at: now,
            asker,
        });
        flight.asker = asker;
    }

    /// The key that a callout asks about.
    pub(super) fn key_of(&self, callout: CalloutId) -> Option<KeyDigest> {
        self.callouts.get(&callout).copied()
    }

    /// Closes a question.
    pub(super) fn close(&mut self, digest: KeyDigest) -> Option<Flight> {
        let flight = self.by_key.remove(&digest)?;
        if let Asker::Own(question) = flight.asker {
            self.callouts.remove(&question.callout);
        }
        Some(flight)
    }
}
