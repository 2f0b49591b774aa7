//! Revoked key ids of one VM: a word about a key from before its revocation is no longer believed.

#[cfg(test)]
mod tests;

use std::num::NonZeroUsize;

use lru::LruCache;

use super::Timestamp;
use crate::auth_service::KeyId;
use crate::bounded::bounded;

/// Ids remembered at most.
const CAPACITY: NonZeroUsize = NonZeroUsize::new(10_000).unwrap();

/// Bounded: where it overflows, no word about any key from before the forgotten revocation is believed.
#[derive(Debug)]
pub struct Revoked {
    ids: LruCache<String, Timestamp>,
    /// No word from then or before counts.
    watermark: Option<Timestamp>,
}

impl Default for Revoked {
    fn default() -> Self {
        Self {
            ids: bounded(CAPACITY),
            watermark: None,
        }
    }
}

impl Revoked {
    /// These keys were revoked, at this time or before.
    pub fn add(&mut self, key_ids: &[KeyId], at: Timestamp) {
        for key_id in key_ids {
            let at = at.max(self.ids.peek(key_id.as_str()).copied().unwrap_or_default());
            let pushed_out = self.ids.push(key_id.as_str().to_owned(), at);
            if let Some((id, forgotten)) = pushed_out
                && id != key_id.as_str()
            {
                self.add_all(forgotten);
            }
        }
    }

    /// Any key may have been revoked, at this time or before.
    pub fn add_all(&mut self, at: Timestamp) {
        self.watermark = self.watermark.max(Some(at));
    }

    /// Whether a key may have been revoked since the auth service was asked about it. A key without an id
    /// cannot be told from others.
    pub fn covers(&self, key_id: Option<&str>, asked_at: Timestamp) -> bool {
        let any = self.watermark.is_some_and(|at| asked_at <= at);
        any || self.names(key_id, asked_at)
    }

    /// Whether it is known that this key was revoked since then.
    pub fn names(&self, key_id: Option<&str>, asked_at: Timestamp) -> bool {
        key_id
            .and_then(|id| self.ids.peek(id))
            .is_some_and(|at| asked_at <= *at)
    }
}
