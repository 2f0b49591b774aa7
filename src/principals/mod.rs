//! Who a key belongs to, as far as this VM knows.
//!
//! The positive LRU with its TTL. It holds digests and principals, never keys, and decides nothing:
//! scopes are read anew on each request.

#[cfg(test)]
mod tests;

use std::num::NonZeroUsize;
use std::sync::Arc;
use std::time::Duration;

use lru::LruCache;

use crate::auth_service::KeyDigest;
use crate::config::Cache;

/// Time since the UNIX epoch, as the host's clock tells it.
pub type Timestamp = Duration;

/// Whom the auth service says a key belongs to.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Principal {
    /// The user.
    pub user_id: Option<String>,
    /// The key's public name.
    pub key_id: Option<String>,
    /// The key's scopes, as the service gave them.
    pub scopes: Vec<String>,
    /// The user's roles.
    pub roles: Vec<String>,
    /// Whether everything is granted.
    pub is_admin: bool,
}

/// The cache.
#[derive(Debug)]
pub struct Principals {
    entries: LruCache<KeyDigest, Entry>,
    ttl: Duration,
}

#[derive(Debug)]
struct Entry {
    principal: Arc<Principal>,
    stored_at: Timestamp,
}

impl Principals {
    /// An empty cache.
    pub fn new(config: &Cache) -> Self {
        let capacity = usize::try_from(config.capacity)
            .ok()
            .and_then(NonZeroUsize::new);
        // Grows with use: a fresh VM does not pay for its capacity.
        let mut entries = LruCache::unbounded();
        entries.resize(capacity.unwrap_or(NonZeroUsize::MIN));
        Self {
            entries,
            ttl: config.ttl,
        }
    }

    /// The principal of a key, while it is fresh. An entry from the future, left by a clock that jumped
    /// back, is not.
    pub fn fresh(&mut self, digest: KeyDigest, now: Timestamp) -> Option<Arc<Principal>> {
        let entry = self.entries.get(&digest)?;
        let age = now.checked_sub(entry.stored_at)?;
        (age < self.ttl).then(|| Arc::clone(&entry.principal))
    }

    /// Keeps a principal that the auth service has just confirmed.
    pub fn store(&mut self, digest: KeyDigest, principal: Arc<Principal>, now: Timestamp) {
        self.entries.push(
            digest,
            Entry {
                principal,
                stored_at: now,
            },
        );
    }

    /// Forgets a key that the auth service no longer accepts.
    pub fn evict(&mut self, digest: KeyDigest) {
        self.entries.pop(&digest);
    }

    /// How many principals are kept.
    pub fn len(&self) -> usize {
        self.entries.len()
    }

    /// Whether none is kept.
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }
}
