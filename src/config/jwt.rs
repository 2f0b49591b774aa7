//! Access tokens that Envoy's `jwt_authn` filter has verified: where their claims stand, and what makes that invalid.

use serde::Deserialize;
use serde::de::{Deserializer, Error};

#[cfg(feature = "schema")]
use super::schema;
use super::{ConfigError, overrides};
use crate::pointer::Pointers;

/// Access tokens (JWT) that a `jwt_authn` filter before this one has verified. The filter reads the claims that it left,
/// by JSON Pointers, and never the token itself.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct Jwt {
    /// Under which key `jwt_authn` puts the claims: its `payload_in_metadata`. Istio writes `payload` (before 1.24 the
    /// issuer), Envoy Gateway the provider's name (before 1.2 the issuer). One key, or a list of them; claims under two of
    /// them are two tokens, and the request is refused.
    #[serde(default = "default_metadata_key", deserialize_with = "metadata_key")]
    #[cfg_attr(feature = "schema", schemars(schema_with = "schema::metadata_key"))]
    pub metadata_key: Vec<String>,
    /// The user: text, or a whole number.
    #[serde(default = "subject")]
    #[cfg_attr(feature = "schema", schemars(schema_with = "schema::subject"))]
    pub user_id: Pointers,
    /// What names the caller in records, in `enforce_percent` and in the revocation of keys. It must stay the same from
    /// token to token, so not `/jti`.
    #[serde(default = "subject")]
    #[cfg_attr(feature = "schema", schemars(schema_with = "schema::subject"))]
    pub key_id: Pointers,
    /// Scopes: a list of texts, or one text with spaces between them.
    #[serde(default = "default_scopes")]
    #[cfg_attr(feature = "schema", schemars(schema_with = "schema::token_scopes"))]
    pub scopes: Pointers,
    /// Name-scoped grants, `[{"scope", "names": […]}]`. Default: nowhere.
    #[serde(default)]
    #[cfg_attr(feature = "schema", schemars(schema_with = "schema::no_pointers"))]
    pub grants: Pointers,
    /// Roles: a list of texts.
    #[serde(default = "default_roles")]
    #[cfg_attr(feature = "schema", schemars(schema_with = "schema::token_roles"))]
    pub roles: Pointers,
    /// Whether everything is granted: `true` or `false`. Default: nowhere. Name only a claim that users cannot set.
    #[serde(default)]
    #[cfg_attr(feature = "schema", schemars(schema_with = "schema::no_pointers"))]
    pub is_admin: Pointers,
}

/// What Istio writes.
const PAYLOAD: &str = "payload";

pub(super) const SUBJECT: &[&str] = &["/sub"];
pub(super) const SCOPES: &[&str] = &["/scope", "/scp"];
pub(super) const ROLES: &[&str] = &["/roles", "/realm_access/roles", "/groups"];

fn default_metadata_key() -> Vec<String> {
    vec![PAYLOAD.to_owned()]
}

fn subject() -> Pointers {
    SUBJECT.iter().copied().collect()
}

fn default_scopes() -> Pointers {
    SCOPES.iter().copied().collect()
}

fn default_roles() -> Pointers {
    ROLES.iter().copied().collect()
}

fn metadata_key<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<String>, D::Error> {
    let keys = overrides::one_or_many(deserializer, |key| {
        // A zero byte would end the key where the host reads it.
        let is_key = !key.is_empty() && !key.contains('\0');
        is_key.then(|| key.to_owned()).ok_or_else(|| {
            format!("{key:?} is no key of metadata; write the payload_in_metadata of jwt_authn")
        })
    })?;
    let keys = keys.unwrap_or_default();
    let duplicated = keys.iter().enumerate().find(|(index, key)| {
        let mut earlier = keys.iter().take(*index);
        earlier.any(|it| it == *key)
    });
    match duplicated {
        Some((_, key)) => Err(D::Error::custom(format!(
            "{key:?} is duplicated; write it once"
        ))),
        None => Ok(keys),
    }
}

impl Jwt {
    fn all(&self) -> [(&'static str, &Pointers); 6] {
        [
            ("user_id", &self.user_id),
            ("key_id", &self.key_id),
            ("scopes", &self.scopes),
            ("grants", &self.grants),
            ("roles", &self.roles),
            ("is_admin", &self.is_admin),
        ]
    }
}

/// Checks what the host cannot be asked for: it ends a name at a zero byte, and passes over an empty one at the end.
pub(super) fn validate(jwt: &Jwt) -> Result<(), ConfigError> {
    for (field, pointers) in jwt.all() {
        let is_unreadable = |token: &str| token.is_empty() || token.contains('\0');
        let found = pointers
            .iter()
            .find(|pointer| pointer.tokens().any(is_unreadable));
        if let Some(pointer) = found {
            return Err(ConfigError::field(
                format!("jwt.{field}"),
                format!(
                    "{:?} has an empty name, or one with a zero byte, which Envoy cannot look up; write another claim",
                    pointer.as_str()
                ),
            ));
        }
    }
    Ok(())
}
