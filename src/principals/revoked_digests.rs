//! Ids of revoked callers whom nobody is asked about again, for VMs that did not read the log while it held them.
//!
//! Digests under a fixed number of names in the data that VMs share. Each name holds the last ones that fell to it.

#[cfg(test)]
mod tests;

use sha2::{Digest as _, Sha256};

use crate::auth_service::KeyId;
use crate::shared_data::{SharedData, reserve, update};

const LAYOUT: u8 = 1;

const SLOTS: u8 = 64;

/// Digests of one slot: with [`SLOTS`] and their length, 512 KiB in all.
const MOST: usize = 512;

const LENGTH: usize = 16;

/// The first half of the SHA-256 of an id.
pub type IdDigest = [u8; LENGTH];

/// Of an id.
pub fn digest(id: &str) -> IdDigest {
    let mut digest = [0; LENGTH];
    let whole = Sha256::digest(id.as_bytes());
    for (to, from) in digest.iter_mut().zip(whole) {
        *to = from;
    }
    digest
}

/// The digests that belong to the log of one auth service.
#[derive(Debug)]
pub struct RevokedDigests {
    prefix: String,
}

impl RevokedDigests {
    /// Those of the auth service with this fingerprint.
    pub fn new(fingerprint: &str) -> Self {
        Self {
            prefix: format!("mlflow_authz/{LAYOUT}/revoked/{fingerprint}/ids"),
        }
    }

    /// Makes all names, before callers with many keys fill a store that is bounded. Returns whether they are there.
    pub fn reserve(&self, shared: &dyn SharedData) -> bool {
        (0..SLOTS).all(|slot| reserve(shared, &self.name(slot)))
    }

    /// These were revoked.
    pub fn add(&self, shared: &dyn SharedData, key_ids: &[KeyId]) {
        let digests = key_ids.iter().map(|it| digest(it.as_str()));
        let digests: Vec<IdDigest> = digests.collect();
        for slot in 0..SLOTS {
            let of_slot = |digest: &&IdDigest| digest.first().is_some_and(|it| it % SLOTS == slot);
            let mut new = digests.iter().filter(of_slot).peekable();
            if new.peek().is_none() {
                continue;
            }
            update(shared, &self.name(slot), |current| {
                with_digests(current, new.clone())
            });
        }
    }

    /// All that are known.
    pub fn all(&self, shared: &dyn SharedData) -> Vec<IdDigest> {
        let slots = (0..SLOTS).filter_map(|slot| shared.get(&self.name(slot)));
        slots
            .flat_map(|(value, _)| read(&value).collect::<Vec<_>>())
            .collect()
    }

    fn name(&self, slot: u8) -> String {
        format!("{}/{slot}", self.prefix)
    }
}

/// What is cut short at the end is no digest.
fn read(value: &[u8]) -> impl Iterator<Item = IdDigest> {
    value.as_chunks().0.iter().copied()
}

fn with_digests<'d>(current: &[u8], new: impl Iterator<Item = &'d IdDigest>) -> Option<Vec<u8>> {
    let mut digests: Vec<IdDigest> = read(current).collect();
    let before = digests.len();
    for digest in new {
        if !digests.contains(digest) {
            digests.push(*digest);
        }
    }
    if digests.len() == before {
        return None;
    }
    let oldest = digests.len().saturating_sub(MOST);
    Some(digests.into_iter().skip(oldest).flatten().collect())
}
