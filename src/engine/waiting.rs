//! Streams that are held: for an answer about their key, or for their body.

use std::collections::HashMap;

use super::judge::{Known, Reading};
use super::next::StreamId;
use super::since::Since;
use crate::auth_service::KeyDigest;
use crate::config::Config;
use crate::decision::Decision;
use crate::principal::Timestamp;

use super::{judge, shadow};

/// A stream that waits for an answer about its key.
#[derive(Debug)]
pub(super) struct Waiting {
    pub(super) digest: KeyDigest,
    /// The decision as far as it could be made.
    pub(super) undecided: Decision,
    pub(super) since: Timestamp,
    /// What came of the question, once it is known.
    pub(super) told: Option<Told>,
}

/// What came of the question about a stream's key.
#[derive(Debug)]
pub(super) enum Told {
    Known(Known),
    Denied(Decision),
}

/// Streams that wait for an answer.
#[derive(Debug, Default)]
pub(super) struct WaitingStreams {
    by_stream: HashMap<StreamId, Waiting>,
    /// Those that are let through whatever the answer, and have none yet.
    shadowed: Since<StreamId>,
}

impl WaitingStreams {
    pub(super) fn len(&self) -> usize {
        self.by_stream.len()
    }

    pub(super) fn get(&self, stream: StreamId) -> Option<&Waiting> {
        self.by_stream.get(&stream)
    }

    pub(super) fn insert(&mut self, stream: StreamId, waiting: Waiting) {
        self.remove(stream);
        if waiting.is_shadowed() {
            self.shadowed.insert(waiting.since, stream);
        }
        self.by_stream.insert(stream, waiting);
    }

    pub(super) fn remove(&mut self, stream: StreamId) -> Option<Waiting> {
        // Most streams never waited.
        if self.by_stream.is_empty() {
            return None;
        }
        let waiting = self.by_stream.remove(&stream)?;
        if waiting.is_shadowed() {
            self.shadowed.remove(waiting.since, stream);
        }
        Some(waiting)
    }

    /// Those that are let through whatever the answer.
    pub(super) const fn shadowed(&self) -> &Since<StreamId> {
        &self.shadowed
    }
}

impl Waiting {
    fn is_shadowed(&self) -> bool {
        self.told.is_none() && !self.undecided.terms.can_enforce()
    }
}

/// Streams whose body is read.
#[derive(Debug, Default)]
pub(super) struct ReadingStreams {
    by_stream: HashMap<StreamId, Reading>,
    enforced: Since<StreamId>,
    shadowed: Since<StreamId>,
}

impl ReadingStreams {
    pub(super) fn is_empty(&self) -> bool {
        self.by_stream.is_empty()
    }

    pub(super) fn has_shadowed(&self) -> bool {
        !self.shadowed.is_empty()
    }

    pub(super) fn get(&self, stream: StreamId) -> Option<&Reading> {
        self.by_stream.get(&stream)
    }

    pub(super) fn insert(&mut self, stream: StreamId, reading: Reading) {
        self.remove(stream);
        let since = reading.since;
        self.order_of(&reading).insert(since, stream);
        self.by_stream.insert(stream, reading);
    }

    pub(super) fn remove(&mut self, stream: StreamId) -> Option<Reading> {
        if self.by_stream.is_empty() {
            return None;
        }
        let reading = self.by_stream.remove(&stream)?;
        let since = reading.since;
        self.order_of(&reading).remove(since, stream);
        Some(reading)
    }

    /// Those whose body has not come in time.
    pub(super) fn late(&self, now: Timestamp, config: &Config) -> impl Iterator<Item = StreamId> {
        let enforced = self.enforced.passed(judge::BODY_WAIT, now);
        enforced.chain(self.shadowed.passed(shadow::patience(config), now))
    }

    fn order_of(&mut self, reading: &Reading) -> &mut Since<StreamId> {
        if reading.undecided.terms.can_enforce() {
            &mut self.enforced
        } else {
            &mut self.shadowed
        }
    }
}
