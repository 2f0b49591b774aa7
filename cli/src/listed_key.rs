//! A key that the configuration lists, named by what is public of it: its `key_id`, or its digest.

use std::time::SystemTime;

use mlflow_authz::config::KeyHash;
use mlflow_authz::configured_keys::{ConfiguredKeys, Entry};
use mlflow_authz::lookup::{Lookup, LookupFailure};
use mlflow_authz::principal::{Refusal, Timestamp};

/// How a key is named.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum KeyName {
    /// By its public name.
    KeyId(String),
    /// By its digest.
    Sha256(KeyHash),
}

/// Why nobody can say which entry is meant.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NoEntry {
    /// No entry has this name.
    Missing,
    /// Several have, with different rights.
    Several,
}

impl KeyName {
    /// What the filter makes of the key: who presents it, or that it has expired.
    ///
    /// # Errors
    ///
    /// See [`NoEntry`].
    pub fn look_up(&self, keys: &ConfiguredKeys) -> Result<Lookup, NoEntry> {
        let now = now();
        match self {
            Self::Sha256(sha256) => {
                let entry = keys.find_digest(*sha256).ok_or(NoEntry::Missing)?;
                Ok(known(entry, now))
            }
            Self::KeyId(key_id) => of_key_id(keys, key_id, now),
        }
    }
}

fn known(entry: &Entry, now: Timestamp) -> Lookup {
    if entry.has_expired(now) {
        return Err(LookupFailure::Refused(Refusal::Invalid));
    }
    Ok(entry.known())
}

/// While a key is being replaced two entries have its name: an expired one does not count beside one that works.
fn of_key_id(keys: &ConfiguredKeys, key_id: &str, now: Timestamp) -> Result<Lookup, NoEntry> {
    let entries = || keys.of_key_id(key_id);
    let mut working = entries().filter(|entry| !entry.has_expired(now));
    let Some(first) = working.next() else {
        let expired = entries().next().ok_or(NoEntry::Missing)?;
        return Ok(known(expired, now));
    };
    if working.any(|entry| entry.principal != first.principal) {
        return Err(NoEntry::Several);
    }
    Ok(known(first, now))
}

/// By this machine's clock.
pub fn now() -> Timestamp {
    let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH);
    now.unwrap_or_default()
}
