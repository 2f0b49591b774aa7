//! Keys that the configuration lists by their digests: what an entry holds, and what makes one invalid.
//!
//! Nothing of an entry's value goes into an error: where a digest is expected, somebody may have written the key.

use std::collections::BTreeMap;
use std::time::SystemTime;

use serde::de::{Deserialize, Deserializer, Error};
use sha2::{Digest as _, Sha256};

use super::{ConfigError, fields, workspaces};
use crate::json;
use crate::principal::Timestamp;

/// A key that needs no auth service.
#[derive(Debug, Clone)]
#[cfg_attr(
    feature = "schema",
    derive(schemars::JsonSchema),
    schemars(deny_unknown_fields)
)]
pub struct ConfiguredKey {
    /// The SHA-256 of the key in hexadecimal digits, as `mlflow-authz key digest` prints it.
    pub sha256: KeyHash,
    /// The key's public name, for records, messages and the revocation of keys. Entries with the same `key_id` are one
    /// caller, whose key is being replaced.
    #[cfg_attr(
        feature = "schema",
        schemars(schema_with = "super::schema::public_name")
    )]
    pub key_id: String,
    /// The user the key belongs to.
    #[cfg_attr(
        feature = "schema",
        schemars(default, schema_with = "super::schema::public_name")
    )]
    pub user_id: Option<String>,
    /// The key's scopes; `model:write:fraud-*` is limited to names, `acme/model:write` to a workspace.
    #[cfg_attr(feature = "schema", schemars(default))]
    pub scopes: Vec<String>,
    /// The key's roles.
    #[cfg_attr(feature = "schema", schemars(default))]
    pub roles: Vec<String>,
    /// Whether the key may do everything.
    #[cfg_attr(feature = "schema", schemars(default))]
    pub is_admin: bool,
    /// Patterns of the workspaces that the key's rights are limited to. An empty list grants nothing. Absent: not
    /// limited to workspaces, unless `workspace` is there.
    #[cfg_attr(
        feature = "schema",
        schemars(default, schema_with = "super::schema::workspace_patterns")
    )]
    pub workspaces: Option<Vec<String>>,
    /// The workspace that the key is pinned to: that of its requests without the header `X-MLFLOW-WORKSPACE`. Without
    /// `workspaces`, the key's rights are also limited to it.
    #[cfg_attr(
        feature = "schema",
        schemars(default, schema_with = "super::schema::workspace")
    )]
    pub workspace: Option<String>,
    /// When the key stops working: an RFC 3339 time in UTC. Absent: never.
    #[cfg_attr(
        feature = "schema",
        schemars(default, schema_with = "super::schema::utc_time")
    )]
    pub expires_at: Option<Timestamp>,
}

json::object!(ConfiguredKey, start: Self::start(), required: ["sha256", "key_id"], {
    "sha256" => sha256,
    "key_id" => key_id,
    "user_id" => user_id: fields::some,
    "scopes" => scopes,
    "roles" => roles,
    "is_admin" => is_admin,
    "workspaces" => workspaces: fields::some,
    "workspace" => workspace: fields::some,
    "expires_at" => expires_at: expires_at,
});

impl ConfiguredKey {
    fn start() -> Self {
        Self {
            sha256: KeyHash([0; 32]),
            key_id: String::new(),
            user_id: None,
            scopes: Vec::new(),
            roles: Vec::new(),
            is_admin: false,
            workspaces: None,
            workspace: None,
            expires_at: None,
        }
    }
}

/// The SHA-256 of a key.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct KeyHash([u8; 32]);

impl KeyHash {
    /// Of a key.
    pub fn of(key: &str) -> Self {
        Self(Sha256::digest(key.as_bytes()).into())
    }

    /// Reads 64 hexadecimal digits.
    pub fn parse(text: &str) -> Option<Self> {
        let digits = text.as_bytes();
        let mut bytes = [0; 32];
        if digits.len() != 2 * bytes.len() {
            return None;
        }
        let value = |digit: u8| char::from(digit).to_digit(16);
        for (byte, &[high, low]) in bytes.iter_mut().zip(digits.as_chunks().0) {
            *byte = u8::try_from(value(high)? * 16 + value(low)?).ok()?;
        }
        Some(Self(bytes))
    }
}

/// As the configuration has it.
impl std::fmt::Display for KeyHash {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl std::fmt::Debug for KeyHash {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("sha256(hidden)")
    }
}

impl<'de> Deserialize<'de> for KeyHash {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        Self::parse(&text).ok_or_else(|| {
            D::Error::custom(
                "must be the SHA-256 of the key in 64 hexadecimal digits; write what `mlflow-authz key digest` prints",
            )
        })
    }
}

fn expires_at<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Timestamp>, D::Error> {
    let text = String::deserialize(deserializer)?;
    let time = humantime::parse_rfc3339(&text).map_err(|_| {
        D::Error::custom(
            "must be an RFC 3339 time in UTC; write one such as \"2027-01-31T00:00:00Z\"",
        )
    })?;
    let since_epoch = time.duration_since(SystemTime::UNIX_EPOCH);
    Ok(Some(since_epoch.unwrap_or_default()))
}

/// Checks what single entries cannot say.
pub(super) fn validate(keys: &[ConfiguredKey]) -> Result<(), ConfigError> {
    // Not collected, which sorts: a sort is a large part of a module.
    let mut digests = BTreeMap::new();
    for (index, key) in keys.iter().enumerate() {
        if let Some(earlier) = digests.insert(key.sha256, index) {
            return Err(ConfigError::field(
                format!("keys[{index}].sha256"),
                format!("is also the digest of keys[{earlier}]; write each key once"),
            ));
        }
    }
    for (index, key) in keys.iter().enumerate() {
        workspaces::validate(
            &format!("keys[{index}]"),
            key.workspaces.as_deref(),
            key.workspace.as_deref(),
        )?;
        let field = |name: &str| format!("keys[{index}].{name}");
        let ids = [
            ("key_id", Some(&key.key_id)),
            ("user_id", key.user_id.as_ref()),
        ];
        let ids = ids.map(|(name, id)| id.map(|id| (name.to_owned(), id)));
        let shown = ids.into_iter().flatten();
        let shown = shown.chain(named("scopes", &key.scopes));
        let shown = shown.chain(named("roles", &key.roles));
        let workspaces = key.workspaces.as_deref().unwrap_or_default();
        let shown = shown.chain(named("workspaces", workspaces));
        for (name, text) in shown {
            let problem = if text.trim().is_empty() {
                "is empty"
            } else if digests.contains_key(&KeyHash::of(text)) {
                "is a key itself"
            } else {
                continue;
            };
            return Err(ConfigError::field(
                field(&name),
                format!("{problem}; write a public name, which records and messages show"),
            ));
        }
    }
    Ok(())
}

/// Each word with its place in the entry.
fn named<'a>(
    list: &'static str,
    words: &'a [String],
) -> impl Iterator<Item = (String, &'a String)> {
    let words = words.iter().enumerate();
    words.map(move |(place, word)| (format!("{list}[{place}]"), word))
}
