//! What was revoked, in order, for whoever polls.
//!
//! A cursor is a place in that order: the id of this run of the process and how many revocations lie
//! before the place. A place of another run, or one from which some revocation is no longer remembered,
//! is gone: whoever holds it has missed something and cannot know what.
//!
//! A key id in the list says that its keys were revoked at that place, not that they still are: `PUT
//! /keys` may have brought one back.

use std::collections::VecDeque;
use std::fmt;
use std::sync::{Mutex, MutexGuard, PoisonError};

use axum::http::{HeaderMap, HeaderName, HeaderValue};
use serde::Serialize;

/// Key ids a reply has at most.
pub const PAGE: usize = 1_000;

/// Key ids remembered at most.
pub const REMEMBERED: usize = 100_000;

/// A reply to a poll.
#[derive(Debug, Serialize)]
pub struct Page {
    /// What was revoked from the cursor on, oldest first.
    key_ids: Vec<String>,
    /// The cursor where this ends.
    next: String,
    /// Whether there is more already.
    more: bool,
}

/// Why there is nothing to tell from a cursor on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CursorError {
    /// No run of this service gives out such a text.
    Malformed,
    /// It is a place of another run.
    OtherRun,
    /// It is a place from which something was forgotten.
    Forgotten,
}

impl fmt::Display for CursorError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Malformed => "since: not a cursor of this service",
            Self::OtherRun => "since: a cursor of another run of this service; poll without it",
            Self::Forgotten => "since: older than what is remembered; poll without it",
        })
    }
}

impl std::error::Error for CursorError {}

/// A place in the order.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Cursor {
    run: u64,
    /// How many revocations of the run lie before it.
    place: u64,
}

impl fmt::Display for Cursor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:016x}-{}", self.run, self.place)
    }
}

impl Cursor {
    fn parse(text: &str) -> Option<Self> {
        let (run, place) = text.split_once('-')?;
        let cursor = Self {
            run: u64::from_str_radix(run, 16).ok()?,
            place: place.parse().ok()?,
        };
        // Each place has one text.
        (cursor.to_string() == text).then_some(cursor)
    }
}

/// The revocations of this run, the latest of them remembered.
#[derive(Debug)]
pub struct Revocations {
    run: u64,
    remembered: usize,
    log: Mutex<Log>,
}

#[derive(Debug, Default)]
struct Log {
    /// How many were forgotten: the place of the first that is not.
    forgotten: u64,
    key_ids: VecDeque<String>,
}

impl Revocations {
    /// None yet, in a run of its own; so many are remembered.
    pub fn remembering(remembered: usize) -> Self {
        Self {
            run: fastrand::Rng::new().u64(..),
            remembered,
            log: Mutex::default(),
        }
    }

    /// Notes a revocation. The keys must be invalid by now: whoever polls may ask about them at once.
    pub fn note(&self, key_id: String) {
        let mut log = self.lock();
        log.key_ids.push_back(key_id);
        if log.key_ids.len() > self.remembered {
            log.key_ids.pop_front();
            log.forgotten += 1;
        }
    }

    /// A page from `since` on, or from the oldest that is remembered.
    ///
    /// # Errors
    ///
    /// A cursor that is none, or is gone.
    pub fn page(&self, since: Option<&str>) -> Result<Page, CursorError> {
        let log = self.lock();
        let skipped = match since {
            Some(cursor) => {
                let cursor = Cursor::parse(cursor).ok_or(CursorError::Malformed)?;
                if cursor.run != self.run {
                    return Err(CursorError::OtherRun);
                }
                let skipped = cursor.place.checked_sub(log.forgotten);
                usize::try_from(skipped.ok_or(CursorError::Forgotten)?).unwrap_or(usize::MAX)
            }
            None => 0,
        };
        let rest = log.key_ids.len().checked_sub(skipped);
        // A place this run has not come to.
        let rest = rest.ok_or(CursorError::Malformed)?;
        let key_ids: Vec<_> = log
            .key_ids
            .iter()
            .skip(skipped)
            .take(PAGE)
            .cloned()
            .collect();
        let next = Cursor {
            run: self.run,
            place: log.forgotten + (skipped + key_ids.len()) as u64,
        };
        Ok(Page {
            more: rest > key_ids.len(),
            next: next.to_string(),
            key_ids,
        })
    }

    fn lock(&self) -> MutexGuard<'_, Log> {
        self.log.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The header that whoever polls must send.
pub struct Credential {
    name: HeaderName,
    value: HeaderValue,
}

impl Credential {
    /// Reads `name: value`.
    pub fn parse(text: &str) -> Option<Self> {
        let (name, value) = text.split_once(':')?;
        let value = value.trim();
        let name = HeaderName::from_bytes(name.as_bytes()).ok()?;
        let value = HeaderValue::from_str(value).ok()?;
        (!value.is_empty()).then_some(Self { name, value })
    }

    /// Whether a request has that header, once, with that value.
    pub fn is_in(&self, headers: &HeaderMap) -> bool {
        let mut values = headers.get_all(&self.name).iter();
        values.next() == Some(&self.value) && values.next().is_none()
    }
}
