//! Requests that are held: until their caller is looked up, or until their body has come.
//!
//! Owns them and the order in which they are due. It decides nothing, and knows of a caller only what a lookup says.

use std::collections::HashMap;
use std::time::Duration;

use crate::auth_service::KeyDigest;
use crate::by_age::ByAge;
use crate::config::Config;
use crate::lookup::{Known, Lookup};
use crate::pending::Pending;
use crate::principal::Timestamp;
use crate::shell::StreamId;

/// How long a body that is to be read may keep everybody waiting.
pub(super) const BODY_WAIT: Duration = Duration::from_secs(5);

/// How often a tick comes while bodies are read.
const BODY_WATCH: Duration = Duration::from_millis(500);

/// How often a tick comes while requests wait that are let through whatever comes: what their wait can be longer by.
const SHADOW_WATCH: Duration = Duration::from_millis(25);

/// A request that waits for the lookup of its key.
#[derive(Debug)]
pub(super) struct Waiting {
    pub(super) digest: KeyDigest,
    pub(super) pending: Pending,
    pub(super) since: Timestamp,
    /// What came of the lookup, once it is known.
    pub(super) told: Option<Lookup>,
}

impl Waiting {
    /// Whether it is let through whatever comes, and has not been told.
    fn is_shadowed(&self) -> bool {
        self.told.is_none() && !self.pending.terms.can_enforce()
    }
}

/// A request whose body is read.
#[derive(Debug)]
pub(super) struct Reading {
    pub(super) pending: Pending,
    pub(super) known: Known,
    pub(super) since: Timestamp,
}

/// The requests that are held.
#[derive(Debug)]
pub(super) struct Held {
    waiting: HashMap<StreamId, Waiting>,
    reading: HashMap<StreamId, Reading>,
    /// Those that wait for a lookup and are let through whatever comes.
    waiting_in_shadow: ByAge<StreamId>,
    reading_in_shadow: ByAge<StreamId>,
    reading_enforced: ByAge<StreamId>,
    /// How long a request waits that is let through whatever comes.
    shadow_patience: Duration,
    /// Whether no body is waited for any more.
    is_abandoned: bool,
}

impl Held {
    pub(super) fn new(config: &Config) -> Self {
        let service = config.auth_service.as_ref();
        Self {
            waiting: HashMap::new(),
            reading: HashMap::new(),
            waiting_in_shadow: ByAge::default(),
            reading_in_shadow: ByAge::default(),
            reading_enforced: ByAge::default(),
            shadow_patience: service.map_or(Duration::ZERO, |it| it.shadow_timeout.min(it.timeout)),
            is_abandoned: false,
        }
    }

    /// How many wait for a lookup.
    pub(super) fn waiting_streams(&self) -> usize {
        self.waiting.len()
    }

    pub(super) fn waiting(&self, stream: StreamId) -> Option<&Waiting> {
        self.waiting.get(&stream)
    }

    /// Whether a stream waits for the lookup of this key.
    pub(super) fn waits_for(&self, stream: StreamId, digest: KeyDigest) -> bool {
        let waiting = self.waiting.get(&stream);
        waiting.is_some_and(|waiting| waiting.digest == digest)
    }

    pub(super) fn wait(&mut self, stream: StreamId, waiting: Waiting) {
        self.take_waiting(stream);
        if waiting.is_shadowed() {
            self.waiting_in_shadow.insert(waiting.since, stream);
        }
        self.waiting.insert(stream, waiting);
    }

    pub(super) fn take_waiting(&mut self, stream: StreamId) -> Option<Waiting> {
        // Most streams never waited.
        if self.waiting.is_empty() {
            return None;
        }
        let waiting = self.waiting.remove(&stream)?;
        if waiting.is_shadowed() {
            self.waiting_in_shadow.remove(waiting.since, stream);
        }
        Some(waiting)
    }

    /// Tells a stream what came of the lookup that it waits for; whether it had not been told.
    pub(super) fn tell(&mut self, stream: StreamId, digest: KeyDigest, lookup: &Lookup) -> bool {
        let Some(waiting) = self.waiting.get_mut(&stream) else {
            return false;
        };
        if waiting.digest != digest || waiting.told.is_some() {
            return false;
        }
        if waiting.is_shadowed() {
            self.waiting_in_shadow.remove(waiting.since, stream);
        }
        waiting.told = Some(lookup.clone());
        true
    }

    /// Those that are let through whatever comes, and have waited long enough, with their keys.
    pub(super) fn out_of_patience(&self, now: Timestamp) -> Vec<(StreamId, KeyDigest)> {
        let due = self.waiting_in_shadow.passed(self.shadow_patience, now);
        due.filter_map(|stream| Some((stream, self.waiting.get(&stream)?.digest)))
            .collect()
    }

    pub(super) fn is_reading(&self, stream: StreamId) -> bool {
        self.reading.contains_key(&stream)
    }

    pub(super) fn read(&mut self, stream: StreamId, reading: Reading) {
        self.take_reading(stream);
        let since = reading.since;
        self.order_of(&reading).insert(since, stream);
        self.reading.insert(stream, reading);
    }

    pub(super) fn take_reading(&mut self, stream: StreamId) -> Option<Reading> {
        if self.reading.is_empty() {
            return None;
        }
        let reading = self.reading.remove(&stream)?;
        let since = reading.since;
        self.order_of(&reading).remove(since, stream);
        Some(reading)
    }

    /// No body is waited for any more. Returns those that are to be told.
    pub(super) fn abandon_bodies(&mut self) -> impl Iterator<Item = StreamId> {
        self.is_abandoned = true;
        self.reading.keys().copied()
    }

    /// Whether no body is waited for any more.
    pub(super) const fn is_abandoned(&self) -> bool {
        self.is_abandoned
    }

    /// Whether a body has not come in time. A clock that jumped back must not make anybody wait until it has caught up.
    pub(super) fn is_late(&self, stream: StreamId, now: Timestamp) -> bool {
        let Some(reading) = self.reading.get(&stream) else {
            return false;
        };
        let patience = if reading.pending.terms.can_enforce() {
            BODY_WAIT
        } else {
            self.shadow_patience
        };
        let age = now.checked_sub(reading.since);
        age.is_none_or(|age| age >= patience)
    }

    /// Those whose body has not come in time.
    pub(super) fn late(&self, now: Timestamp) -> impl Iterator<Item = StreamId> {
        let enforced = self.reading_enforced.passed(BODY_WAIT, now);
        enforced.chain(self.reading_in_shadow.passed(self.shadow_patience, now))
    }

    /// How often a tick is to come; `None` while there is nothing to tend.
    pub(super) fn tick_period(&self) -> Option<Duration> {
        if !self.waiting_in_shadow.is_empty() || !self.reading_in_shadow.is_empty() {
            return Some(SHADOW_WATCH);
        }
        (!self.reading_enforced.is_empty()).then_some(BODY_WATCH)
    }

    fn order_of(&mut self, reading: &Reading) -> &mut ByAge<StreamId> {
        if reading.pending.terms.can_enforce() {
            &mut self.reading_enforced
        } else {
            &mut self.reading_in_shadow
        }
    }
}
