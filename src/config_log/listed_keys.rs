//! The keys that a configuration lists, as far as another is compared with it: their public names, who may do everything,
//! and a digest of the rest. It holds no digest of a key.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

use crate::config::ConfiguredKey;

/// The keys by their public names.
pub type ListedKeys = BTreeMap<String, ListedKey>;

/// All keys of one name.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ListedKey {
    /// Of everything in their entries.
    digest: u64,
    /// Whether one of them may do everything.
    pub is_admin: bool,
}

/// What became of the keys of one name.
#[derive(Debug, Serialize)]
pub struct KeyChanged<'a> {
    /// The name, or its beginning.
    pub key_id: &'a str,
    change: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    is_admin: Option<bool>,
}

/// Those of a configuration.
pub fn of(keys: &[ConfiguredKey]) -> ListedKeys {
    let mut listed = ListedKeys::new();
    for key in keys {
        let entry = listed.entry(key.key_id.clone()).or_default();
        entry.digest = digest(entry.digest, key);
        entry.is_admin |= key.is_admin;
    }
    listed
}

impl<'a> KeyChanged<'a> {
    /// `None` where nothing did.
    pub fn between(
        key_id: &'a str,
        old: Option<&ListedKey>,
        new: Option<&ListedKey>,
    ) -> Option<Self> {
        let change = match (old, new) {
            (None, Some(_)) => "added",
            (Some(_), None) => "removed",
            (Some(old), Some(new)) if old != new => "changed",
            _ => return None,
        };
        let is_admin = |key: Option<&ListedKey>| key.is_some_and(|key| key.is_admin);
        Some(Self {
            key_id,
            change,
            is_admin: (is_admin(old) != is_admin(new)).then_some(is_admin(new)),
        })
    }
}

/// Lengths before texts, so that no two entries feed the same bytes.
fn digest(before: u64, key: &ConfiguredKey) -> u64 {
    let mut hash = Sha256::new().chain_update(before.to_be_bytes());
    let mut text = |text: &str| {
        hash.update((text.len() as u64).to_be_bytes());
        hash.update(text);
    };
    text(&key.sha256.to_string());
    text(key.user_id.as_deref().unwrap_or_default());
    for words in [&key.scopes, &key.roles] {
        text(&words.len().to_string());
        words.iter().for_each(|word| text(word));
    }
    // Only where it says something: the digests of other keys stay those of before.
    if key.workspaces.is_some() || key.workspace.is_some() {
        let workspaces = key.workspaces.as_deref();
        text(&workspaces.map_or("all".to_owned(), |it| it.len().to_string()));
        workspaces.into_iter().flatten().for_each(|it| text(it));
        text(key.workspace.as_deref().unwrap_or_default());
    }
    let ends = key.expires_at.map(|at| at.as_nanos().to_string());
    text(&ends.unwrap_or_default());
    hash.update([u8::from(key.is_admin)]);
    let digest = hash.finalize();
    digest.first_chunk().map_or(0, |it| u64::from_be_bytes(*it))
}
