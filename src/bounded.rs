//! Stores that forget what was used least recently.

use std::hash::Hash;
use std::num::NonZeroUsize;

use lru::LruCache;

/// A store that grows with use: a fresh VM does not pay for its capacity.
pub(crate) fn bounded<K: Hash + Eq, V>(capacity: NonZeroUsize) -> LruCache<K, V> {
    let mut entries = LruCache::unbounded();
    entries.resize(capacity);
    entries
}
