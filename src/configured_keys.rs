//! The keys of the configuration, compiled: a key's digest finds its principal.
//!
//! It knows no clock: whether an entry has expired is for whoever asks to say.

use std::collections::HashMap;
use std::sync::Arc;

use crate::config::{ConfiguredKey, KeyHash};
use crate::credential::ApiKey;
use crate::lookup::Known;
use crate::principal::{IdentitySource, Principal, Timestamp};
use crate::upstream::IdentityValues;

/// Keys by their digests: a thousand cost what one costs.
#[derive(Default)]
pub struct ConfiguredKeys(HashMap<KeyHash, Entry>);

impl std::fmt::Debug for ConfiguredKeys {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "ConfiguredKeys({})", self.0.len())
    }
}

/// Whom a key belongs to.
#[derive(Debug)]
pub struct Entry {
    /// The principal.
    pub principal: Arc<Principal>,
    /// What upstream is told of it.
    pub values: Arc<IdentityValues>,
    /// When its rights end.
    pub expires_at: Option<Timestamp>,
}

impl ConfiguredKeys {
    /// Compiles the entries of a configuration.
    pub fn new(keys: &[ConfiguredKey]) -> Self {
        let entries = keys.iter().map(|key| (key.sha256, entry(key)));
        Self(entries.collect())
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The entry of a key. Without entries the key is not hashed.
    pub fn find(&self, key: &ApiKey<'_>) -> Option<&Entry> {
        if self.is_empty() {
            return None;
        }
        self.find_digest(KeyHash::of(key.expose()))
    }

    /// The entry of a key of which only the digest is known.
    pub fn find_digest(&self, sha256: KeyHash) -> Option<&Entry> {
        self.0.get(&sha256)
    }

    /// The entries of one public name: several where a key is being replaced.
    pub fn of_key_id<'a>(&'a self, key_id: &'a str) -> impl Iterator<Item = &'a Entry> {
        let is_it = move |entry: &&Entry| entry.principal.key_id.as_deref() == Some(key_id);
        self.0.values().filter(is_it)
    }

    /// Whether an entry has this public name.
    pub fn has_key_id(&self, key_id: &str) -> bool {
        self.of_key_id(key_id).next().is_some()
    }
}

impl Entry {
    /// Who presents its key.
    pub fn known(&self) -> Known {
        Known {
            values: Some(Arc::clone(&self.values)),
            ..Known::fresh(Arc::clone(&self.principal), IdentitySource::Keys)
        }
    }

    /// Whether its rights have ended.
    pub fn has_expired(&self, now: Timestamp) -> bool {
        self.expires_at.is_some_and(|at| at <= now)
    }
}

fn entry(key: &ConfiguredKey) -> Entry {
    let principal = Principal {
        user_id: key.user_id.clone(),
        key_id: Some(key.key_id.clone()),
        scopes: key.scopes.clone(),
        roles: key.roles.clone(),
        is_admin: key.is_admin,
        ..Principal::default()
    };
    let principal = principal.within(key.workspaces.clone(), key.workspace.clone());
    Entry {
        values: IdentityValues::of(&principal).into(),
        principal: principal.into(),
        expires_at: key.expires_at,
    }
}
