//! Digests of the keys that came last, so that a key that comes again is not put through SHA-256 again: that took a fifth
//! of the filter's own instructions for a cached request.
//!
//! A key is recognized by 128 bits of SipHash-2-4 (Aumasson and Bernstein, "SipHash: a fast short-input PRF", 2012) under a
//! secret that each VM draws for itself and that never leaves it. To be taken for another caller, one must present a text
//! whose hash is that of the other's key: without the secret each try succeeds with 2⁻¹²⁸ for each key that is
//! remembered. That two keys of one's own share a slot may show in how long an answer takes; it says nothing of another's
//! key. Keys are not kept. Digests and the secret stay in the VM's memory until another key takes the slot or the
//! configuration is replaced. What is shared between VMs has names by SHA-256.

#[cfg(test)]
mod tests;

use std::hash::{BuildHasher, Hasher, RandomState};

use siphasher::sip128::{Hasher128, SipHasher24};

use crate::auth_service::KeyDigest;

/// How many keys are remembered at most; two that share a slot drive each other out. 64 bytes each.
const SLOTS: usize = 1024;

/// Knows digests by the keys' hashes.
pub(super) struct SeenKeys {
    secret: SipHasher24,
    slots: Vec<Option<(u128, KeyDigest)>>,
}

impl SeenKeys {
    pub(super) fn new() -> Self {
        // Hashes under the host's randomness (WASI's `random_get`), which has no other way out of the standard library.
        let random = RandomState::new();
        Self {
            secret: SipHasher24::new_with_keys(random.hash_one(0_u64), random.hash_one(1_u64)),
            slots: vec![None; SLOTS],
        }
    }

    /// The digest of a key that comes from an address, computed unless it is known.
    pub(super) fn digest(
        &mut self,
        key: &str,
        address: Option<&str>,
        compute: impl FnOnce() -> KeyDigest,
    ) -> KeyDigest {
        let hash = self.hash(key, address.unwrap_or_default());
        let slot = usize::try_from(hash % SLOTS as u128).unwrap_or_default();
        match self.slots.get_mut(slot) {
            Some(Some((known, digest))) if *known == hash => *digest,
            Some(slot) => slot.insert((hash, compute())).1,
            None => compute(),
        }
    }

    /// The key's length tells where the key ends and the address begins.
    fn hash(&self, key: &str, address: &str) -> u128 {
        let mut hasher = self.secret;
        hasher.write_u64(key.len() as u64);
        hasher.write(key.as_bytes());
        hasher.write(address.as_bytes());
        hasher.finish128().as_u128()
    }
}

impl std::fmt::Debug for SeenKeys {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("SeenKeys(hidden)")
    }
}
