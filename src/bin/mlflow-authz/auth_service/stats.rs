//! What the stand-in was asked, and what it answered.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use axum::http::StatusCode;
use serde::Serialize;

use super::contract::Validation;

/// Counters of the validations since the start or the last reset.
#[derive(Debug, Default)]
pub struct Stats(Mutex<Counters>);

#[derive(Debug, Default)]
struct Counters {
    shown: Shown,
    /// Rises with every reset, so that a validation from before one leaves no trace after it.
    epoch: u64,
}

/// The counters as `GET /stats` shows them.
#[derive(Debug, Default, Clone, Serialize)]
pub struct Shown {
    /// Validations that arrived, whatever became of them.
    validations: u64,
    /// Replies by the status they began with. A client that leaves before its reply is in none.
    by_status: BTreeMap<u16, u64>,
    /// Validations that arrived and are not answered yet. A reset keeps it: it is true of now.
    in_flight: u64,
    /// The last validation whose body could be read.
    #[serde(skip_serializing_if = "Option::is_none")]
    last: Option<Validation>,
}

impl Stats {
    /// Counts a validation that has just arrived.
    pub fn arrive(self: &Arc<Self>) -> Arrival {
        let mut counters = self.lock();
        counters.shown.validations += 1;
        counters.shown.in_flight += 1;
        Arrival {
            stats: Arc::clone(self),
            epoch: counters.epoch,
        }
    }

    /// The counters now.
    pub fn show(&self) -> Shown {
        self.lock().shown.clone()
    }

    /// Back to zero, but for what is in flight.
    pub fn reset(&self) -> Shown {
        let mut counters = self.lock();
        counters.epoch += 1;
        counters.shown = Shown {
            in_flight: counters.shown.in_flight,
            ..Shown::default()
        };
        counters.shown.clone()
    }

    fn lock(&self) -> MutexGuard<'_, Counters> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// One validation in flight. It ends when this is dropped, which is also what happens when the
/// client goes away.
#[derive(Debug)]
pub struct Arrival {
    stats: Arc<Stats>,
    epoch: u64,
}

impl Arrival {
    /// Notes what was asked.
    pub fn asked(&self, validation: &Validation) {
        self.count(|shown| shown.last = Some(validation.clone()));
    }

    /// Notes the status of the reply.
    pub fn answered(&self, status: StatusCode) {
        self.count(|shown| *shown.by_status.entry(status.as_u16()).or_default() += 1);
    }

    fn count(&self, note: impl FnOnce(&mut Shown)) {
        let mut counters = self.stats.lock();
        if counters.epoch == self.epoch {
            note(&mut counters.shown);
        }
    }
}

impl Drop for Arrival {
    fn drop(&mut self) {
        let shown = &mut self.stats.lock().shown;
        shown.in_flight = shown.in_flight.saturating_sub(1);
    }
}
