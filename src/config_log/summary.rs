//! What of a configuration is compared.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

use super::fingerprint::Fingerprint;
use super::listed_keys::{self, ListedKeys};
use crate::json;
use crate::policy::Policy;
use crate::rules::Rules;

/// Fields that a line tells with their values, and not only by name.
const TOLD_IN_FULL: &[&str] = &["mode", "enforce_percent", "scopes", "roles"];

/// The most bytes of grants that are kept for the next comparison.
const MOST_GRANTS: usize = 256 * 1024;

/// The most bytes of keys that are.
const MOST_KEYS: usize = 128 * 1024;

/// Permissions by scope or role, in words: another release of the module may number them otherwise.
pub type Grants = BTreeMap<String, Granted>;

/// What a scope or role grants.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Granted {
    /// Its permissions.
    pub permissions: Vec<String>,
    /// Whether it searches where it is limited to names.
    pub searches: bool,
}

/// A configuration, as far as another is compared with it. It holds no value but those of grants, mode and share:
/// of every other field only a digest.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Summary {
    /// As in the metric `config_info`.
    pub hash: String,
    /// `enforce` or `shadow`.
    pub mode: String,
    /// The share for whom denials are answered.
    pub enforce_percent: u64,
    /// The scope table in force; `None` where it was too large to be kept.
    pub scopes: Option<Grants>,
    /// The roles; `None` where they were too large to be kept.
    pub roles: Option<Grants>,
    /// The keys that it lists; `None` where they were too many to be kept, or another release kept them.
    #[serde(default)]
    pub keys: Option<ListedKeys>,
    /// A digest of each field's value; objects field by field.
    pub fields: BTreeMap<String, u64>,
}

impl Summary {
    /// Of a configuration and the text that it was parsed from.
    pub fn of(rules: &Rules, text: &[u8]) -> Self {
        let config = rules.config();
        let policy = rules.enforcement().base_policy();
        Self {
            hash: config_hash_digits(text),
            mode: config.mode.as_str().to_owned(),
            enforce_percent: config.enforce_percent,
            scopes: Some(scopes_of(policy)),
            roles: Some(granted(policy.roles().map(|(name, held)| {
                let permissions = held.iter().map(ToString::to_string).collect();
                (name.to_owned(), permissions, true)
            }))),
            keys: Some(listed_keys::of(&config.keys)),
            fields: fields_of(text),
        }
    }

    /// What holds without any configuration.
    pub fn of_defaults() -> Self {
        Self {
            hash: String::new(),
            mode: String::new(),
            enforce_percent: 0,
            scopes: Some(scopes_of(&Policy::of_defaults())),
            roles: Some(Grants::new()),
            keys: Some(ListedKeys::new()),
            fields: BTreeMap::new(),
        }
    }

    /// The same, small enough to be kept.
    pub fn bounded(&self) -> Self {
        let size = |grants: &Option<Grants>| serde_json::to_vec(grants).map_or(0, |it| it.len());
        let fits = size(&self.scopes) + size(&self.roles) <= MOST_GRANTS;
        let keys_fit = serde_json::to_vec(&self.keys).map_or(0, |it| it.len()) <= MOST_KEYS;
        let kept = |grants: &Option<Grants>| grants.as_ref().filter(|_| fits).cloned();
        Self {
            hash: self.hash.clone(),
            mode: self.mode.clone(),
            enforce_percent: self.enforce_percent,
            scopes: kept(&self.scopes),
            roles: kept(&self.roles),
            keys: self.keys.as_ref().filter(|_| keys_fit).cloned(),
            fields: self.fields.clone(),
        }
    }
}

fn scopes_of(policy: &Policy) -> Grants {
    granted(policy.scopes().map(|name| {
        let held = policy.permissions_of_scope(name);
        let permissions = held.iter().map(ToString::to_string).collect();
        (name.to_owned(), permissions, policy.searches(name))
    }))
}

/// Not collected, which sorts: a sort is a large part of a module.
fn granted(entries: impl Iterator<Item = (String, Vec<String>, bool)>) -> Grants {
    let mut grants = Grants::new();
    for (name, permissions, searches) in entries {
        let granted = Granted {
            permissions,
            searches,
        };
        grants.insert(name, granted);
    }
    grants
}

/// Every field that the text gives, `cache.ttl` for those of objects.
fn fields_of(text: &[u8]) -> BTreeMap<String, u64> {
    let mut fields = BTreeMap::new();
    let whole: Fingerprint = json::read(text).unwrap_or_default();
    for (name, value) in whole.fields {
        if TOLD_IN_FULL.contains(&name.as_str()) {
            continue;
        }
        if value.is_object {
            let inner = value.fields.into_iter();
            fields.extend(inner.map(|(field, it)| (format!("{name}.{field}"), it.digest)));
        } else {
            fields.insert(name, value.digest);
        }
    }
    fields
}

/// The hash by which metrics and lines name a configuration: the first 8 digits of the SHA-256 of its text.
pub fn config_hash(text: &[u8]) -> [u8; 4] {
    let digest = Sha256::digest(text);
    digest.first_chunk().copied().unwrap_or_default()
}

/// The same as the metric `config_info` shows it.
pub fn config_hash_digits(text: &[u8]) -> String {
    format!("{:08x}", u32::from_be_bytes(config_hash(text)))
}
