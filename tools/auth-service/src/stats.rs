//! What the stand-in was asked, and what it answered.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use axum::http::{HeaderMap, HeaderValue, StatusCode};
use serde::Serialize;

use super::contract::Validation;
use super::key_counts::{self, KeyCounts};

/// What tells the trace of a validation: W3C Trace Context, and Envoy's own.
const TRACE_HEADERS: [&str; 3] = ["traceparent", "tracestate", "x-request-id"];

/// Counters of what arrived since the start or the last reset.
#[derive(Debug)]
pub struct Stats(Mutex<Counters>);

#[derive(Debug)]
struct Counters {
    shown: Shown,
    keys: KeyCounts,
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
    /// The trace headers of the last validation that arrived, by name; several of one name as one list.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    last_trace: BTreeMap<&'static str, String>,
    /// Validations by the key id of their key, for keys of the file or of `PUT /keys`.
    by_key_id: BTreeMap<String, u64>,
    /// Different keys asked about, good or bad.
    distinct_keys: usize,
    /// Whether there were more, which the two counts beside this leave out.
    distinct_keys_full: bool,
    /// The largest number of validations of one key.
    most_per_key: u64,
    /// Polls of the revocations that arrived, whatever became of them.
    revocation_polls: u64,
}

impl Default for Stats {
    fn default() -> Self {
        Self::with_key_limit(key_counts::LIMIT)
    }
}

impl Stats {
    /// Counts up to so many different keys.
    pub fn with_key_limit(limit: usize) -> Self {
        Self(Mutex::new(Counters {
            shown: Shown::default(),
            keys: KeyCounts::new(limit),
            epoch: 0,
        }))
    }

    /// Counts a validation that has just arrived, of a key that may have an id.
    pub fn arrive(self: &Arc<Self>, key: Option<&str>, key_id: Option<&str>) -> Arrival {
        let mut counters = self.lock();
        counters.shown.validations += 1;
        counters.shown.in_flight += 1;
        if let Some(key) = key {
            counters.keys.count(key);
        }
        if let Some(key_id) = key_id {
            let by_key_id = &mut counters.shown.by_key_id;
            match by_key_id.get_mut(key_id) {
                Some(count) => *count += 1,
                None => {
                    by_key_id.insert(key_id.to_owned(), 1);
                }
            }
        }
        Arrival {
            stats: Arc::clone(self),
            epoch: counters.epoch,
        }
    }

    /// Counts a poll of the revocations.
    pub fn poll(&self) {
        self.lock().shown.revocation_polls += 1;
    }

    /// The counters now.
    pub fn show(&self) -> Shown {
        let counters = self.lock();
        Shown {
            distinct_keys: counters.keys.distinct(),
            distinct_keys_full: counters.keys.full(),
            most_per_key: counters.keys.most(),
            ..counters.shown.clone()
        }
    }

    /// Back to zero, but for what is in flight.
    pub fn reset(&self) -> Shown {
        let mut counters = self.lock();
        counters.epoch += 1;
        counters.keys = counters.keys.cleared();
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
    /// Notes which trace it belongs to.
    pub fn traced(&self, headers: &HeaderMap) {
        let trace = TRACE_HEADERS.map(|name| {
            let values: Vec<_> = headers.get_all(name).iter().collect();
            let text = |value: &HeaderValue| String::from_utf8_lossy(value.as_bytes()).into_owned();
            (!values.is_empty()).then(|| {
                (
                    name,
                    values.into_iter().map(text).collect::<Vec<_>>().join(","),
                )
            })
        });
        self.count(|shown| shown.last_trace = trace.into_iter().flatten().collect());
    }

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
