//! How the VM that polls for revoked keys tells the others: a ring of batches in the data that VMs share.
//!
//! One VM polls at a time: whoever first finds the next poll due. A VM that was away for longer than the ring
//! remembers, or that is new, believes no word from before the oldest batch it can read.

#[cfg(test)]
mod tests;

use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::Timestamp;
use crate::auth_service::{Cursor, KeyId};
use crate::json;
use crate::shared_data::{SharedData, reserve, update};

const LAYOUT: u8 = 1;

/// How far the clock of a VM that looked at it a moment ago may be behind another's.
const SKEW: Duration = Duration::from_millis(250);

/// Batches kept.
pub const RING: u64 = 16;

/// Revoked keys, as one poll told of them.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Batch {
    sequence: u64,
    /// The keys were revoked then or before.
    pub at: Timestamp,
    /// Their ids; `None` for any key.
    pub key_ids: Option<Vec<KeyId>>,
}

/// What a VM finds in the log.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct News {
    /// What was added since it last looked, oldest first.
    pub batches: Vec<Batch>,
    /// Batches were overwritten before this VM saw them: any key may have been revoked then or before.
    pub missed_until: Option<Timestamp>,
}

#[derive(Debug, Default, Clone, Serialize, Deserialize)]
struct Head {
    /// Of the last batch; 0 before the first.
    sequence: u64,
    cursor: Option<Cursor>,
    /// When the log was begun: after a loss it is another.
    #[serde(default)]
    began: Timestamp,
}

/// The log of one auth service, as one VM has read it.
#[derive(Debug)]
pub struct RevocationLog {
    prefix: String,
    seen: u64,
    began: Timestamp,
}

impl RevocationLog {
    /// The log of the auth service with this fingerprint, nothing of it read.
    pub fn new(fingerprint: &str) -> Self {
        Self {
            prefix: format!("mlflow_authz/{LAYOUT}/revoked/{fingerprint}"),
            seen: 0,
            began: Timestamp::ZERO,
        }
    }

    /// What was added since this VM last looked.
    pub fn news(&mut self, shared: &dyn SharedData, now: Timestamp) -> News {
        let Head {
            sequence, began, ..
        } = self.head(shared);
        if sequence < self.seen || began != self.began {
            self.began = began;
            // The data was lost; whoever polls next fills it again.
            self.seen = 0;
        }
        let oldest = sequence.saturating_sub(RING) + 1;
        let first = oldest.max(self.seen + 1);
        let mut news = News::default();
        for wanted in first..=sequence {
            match self.batch(shared, wanted) {
                Some(batch) if batch.sequence == wanted => news.batches.push(batch),
                // Overwritten while this VM reads: what took its place is newer.
                Some(newer) if newer.sequence > wanted => {
                    news.missed_until = news.missed_until.max(Some(newer.at));
                }
                _ => news.missed_until = news.missed_until.max(Some(now)),
            }
        }
        if first > self.seen + 1 {
            let oldest_at = news.batches.first().map(|batch| batch.at);
            news.missed_until = news.missed_until.max(oldest_at);
        }
        self.seen = sequence;
        news
    }

    /// Where the last poll ended.
    pub fn cursor(&self, shared: &dyn SharedData) -> Option<Cursor> {
        self.head(shared).cursor
    }

    /// Makes all names of the log, before callers with many keys fill a store that is bounded. Returns whether they are
    /// there.
    pub fn reserve(&self, shared: &dyn SharedData) -> bool {
        let batches = (0..RING).map(|sequence| self.batch_name(sequence));
        let mut names = batches.chain(["head", "due"].map(|leaf| self.name(leaf)));
        names.all(|name| reserve(shared, &name))
    }

    /// Adds what a poll told, and where it ended. A list that the host does not take is told as a revocation of any key.
    /// Returns whether the other VMs can know.
    pub fn append(
        &self,
        shared: &dyn SharedData,
        key_ids: Option<&[KeyId]>,
        cursor: Option<&Cursor>,
        now: Timestamp,
    ) -> bool {
        let news = key_ids.is_none_or(|ids| !ids.is_empty());
        let mut written = true;
        let settled = update(shared, &self.name("head"), |current| {
            let head: Head = json::read(current).unwrap_or_default();
            let mut next = Head {
                sequence: head.sequence,
                cursor: cursor.cloned(),
                began: if head.sequence == 0 && head.cursor.is_none() {
                    now
                } else {
                    head.began
                },
            };
            if news {
                next.sequence += 1;
                let mut batch = Batch {
                    sequence: next.sequence,
                    at: now,
                    key_ids: key_ids.map(<[KeyId]>::to_vec),
                };
                written = self.write(shared, &batch);
                if !written {
                    batch.key_ids = None;
                    written = self.write(shared, &batch);
                }
                if !written {
                    return None;
                }
            }
            serde_json::to_vec(&next).ok()
        });
        settled && written
    }

    fn write(&self, shared: &dyn SharedData, batch: &Batch) -> bool {
        let name = self.batch_name(batch.sequence);
        update(shared, &name, |_| serde_json::to_vec(batch).ok())
    }

    /// Whether this VM is to poll now; then no other is until `again`.
    pub fn take_poll(&self, shared: &dyn SharedData, now: Timestamp, again: Duration) -> bool {
        let next = now.saturating_add(again);
        let mut taken = false;
        let settled = update(shared, &self.name("due"), |current| {
            let due: Option<Timestamp> = json::read(current).ok();
            // One that is farther away than any could be was left by a clock that jumped back.
            taken = due.is_none_or(|due| due <= now || due > next.saturating_add(SKEW));
            taken.then(|| serde_json::to_vec(&next).ok()).flatten()
        });
        settled && taken
    }

    /// Says when the next poll is due, once the outcome of the last one is known.
    pub fn set_due(&self, shared: &dyn SharedData, at: Timestamp) {
        update(shared, &self.name("due"), |_| serde_json::to_vec(&at).ok());
    }

    fn head(&self, shared: &dyn SharedData) -> Head {
        shared
            .get(&self.name("head"))
            .and_then(|(value, _)| json::read(&value).ok())
            .unwrap_or_default()
    }

    fn batch(&self, shared: &dyn SharedData, sequence: u64) -> Option<Batch> {
        let (value, _) = shared.get(&self.batch_name(sequence))?;
        json::read(&value).ok()
    }

    fn batch_name(&self, sequence: u64) -> String {
        self.name(&format!("batch/{}", sequence % RING))
    }

    fn name(&self, leaf: &str) -> String {
        format!("{}/{leaf}", self.prefix)
    }
}
