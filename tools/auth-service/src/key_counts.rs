//! How often each key was asked about, without the keys.

use std::collections::HashMap;
use std::collections::hash_map::RandomState;
use std::hash::BuildHasher;

/// Different keys counted at most: some 70 MB.
pub const LIMIT: usize = 2_000_000;

/// Callouts by a digest of the key: 64 bits of a hash seeded by chance, so that two of [`LIMIT`] keys are
/// taken for one in one run of ten million, and nothing here tells a key.
#[derive(Debug)]
pub struct KeyCounts {
    limit: usize,
    digest: RandomState,
    counts: HashMap<u64, u64>,
    most: u64,
    full: bool,
}

impl KeyCounts {
    /// Counts up to `limit` different keys.
    pub fn new(limit: usize) -> Self {
        Self {
            limit,
            digest: RandomState::new(),
            counts: HashMap::new(),
            most: 0,
            full: false,
        }
    }

    /// Counts a callout.
    pub fn count(&mut self, key: &str) {
        let digest = self.digest.hash_one(key);
        if self.counts.len() >= self.limit && !self.counts.contains_key(&digest) {
            self.full = true;
            return;
        }
        let count = self.counts.entry(digest).or_default();
        *count += 1;
        self.most = self.most.max(*count);
    }

    /// None counted any more.
    pub fn cleared(&self) -> Self {
        Self::new(self.limit)
    }

    /// How many different keys were counted.
    pub fn distinct(&self) -> usize {
        self.counts.len()
    }

    /// The largest number of callouts for one of them.
    pub fn most(&self) -> u64 {
        self.most
    }

    /// Whether there were keys beyond the limit, which nothing here counts.
    pub fn full(&self) -> bool {
        self.full
    }
}
