//! Requests that are let through whatever the answer wait for it only a little: what they are decided with
//! then is what could not be known in time. The question itself goes on.

use std::time::Duration;

use super::Engine;
use super::next::StreamId;
use super::settle::Outcome;
use crate::config::Config;
use crate::decision::Reason;
use crate::principal::Timestamp;

/// How often a tick comes while such requests wait: what their wait can be longer by.
const SHADOW_WATCH: Duration = Duration::from_millis(25);

/// How long such a request waits.
pub(super) fn patience(config: &Config) -> Duration {
    let service = &config.auth_service;
    service.shadow_timeout.min(service.timeout)
}

impl Engine {
    /// Wakes the requests that have waited long enough.
    pub(super) fn tend_shadowed(&mut self, now: Timestamp) {
        let patience = patience(&self.config);
        let due: Vec<StreamId> = self.waiting.shadowed().passed(patience, now).collect();
        for stream in due {
            let Some(mut waiting) = self.waiting.remove(stream) else {
                continue;
            };
            let stale = self.kept(waiting.digest, now);
            let unavailable = Outcome::HeldBack(Reason::AuthUnavailable);
            waiting.told = Some(self.told(waiting.undecided.clone(), &unavailable, stale.as_ref()));
            self.waiting.insert(stream, waiting);
            self.outbox.wake.push(stream);
        }
    }

    /// How often to look at them, while there are any.
    pub(super) fn shadow_watch(&self) -> Option<Duration> {
        let waits = !self.waiting.shadowed().is_empty() || self.reading.has_shadowed();
        waits.then_some(SHADOW_WATCH)
    }
}
