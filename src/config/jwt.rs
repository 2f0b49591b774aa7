//! Access tokens that Envoy's `jwt_authn` filter has verified: where their claims stand, and what makes that invalid.

use serde::de::Error as _;

#[cfg(feature = "schema")]
use super::schema;
use super::{ConfigError, defaults, fields, overrides};
use crate::json::{self, Part};
use crate::pointer::Pointers;

/// Access tokens (JWT) that a `jwt_authn` filter before this one has verified. The filter reads the claims that
/// `jwt_authn` leaves in Envoy's metadata, never the token itself. JSON Pointers name the claims.
#[derive(Debug, Clone, PartialEq, Eq)]
#[cfg_attr(
    feature = "schema",
    derive(schemars::JsonSchema),
    schemars(deny_unknown_fields, default)
)]
pub struct Jwt {
    /// The key of Envoy's metadata under which `jwt_authn` leaves the claims, its `payload_in_metadata`. Istio writes `payload` (before 1.24 the
    /// issuer), Envoy Gateway the provider's name (before 1.2 the issuer). One key, or a list of them; claims under two of
    /// them are two tokens, and the request is refused.
    #[cfg_attr(feature = "schema", schemars(schema_with = "schema::metadata_key"))]
    pub metadata_key: Vec<String>,
    /// The user: a string or a whole number.
    #[cfg_attr(feature = "schema", schemars(schema_with = "schema::subject"))]
    pub user_id: Pointers,
    /// The caller's id in records, in `enforce_percent` and in the revocation of keys: a string or a whole number. It must
    /// be the same in each token of a caller, so not `/jti`. A caller without one cannot be revoked.
    #[cfg_attr(feature = "schema", schemars(schema_with = "schema::subject"))]
    pub key_id: Pointers,
    /// Scopes: a list of strings, or one string with spaces between them.
    #[cfg_attr(feature = "schema", schemars(schema_with = "schema::token_scopes"))]
    pub scopes: Pointers,
    /// Grants limited to names or workspaces, `[{"scope", "names": […], "workspaces": […]}]`. Default: none.
    #[cfg_attr(feature = "schema", schemars(schema_with = "schema::no_pointers"))]
    pub grants: Pointers,
    /// Roles: a list of strings.
    #[cfg_attr(feature = "schema", schemars(schema_with = "schema::token_roles"))]
    pub roles: Pointers,
    /// Whether everything is granted: `true` or `false`. Default: none. Name only a claim that users cannot set.
    #[cfg_attr(feature = "schema", schemars(schema_with = "schema::no_pointers"))]
    pub is_admin: Pointers,
    /// The workspaces that the caller's rights are limited to: a list of patterns. A claim that is null, or of another
    /// type, is an empty list. If a place is named here or in `workspace` and the token has neither claim, the caller
    /// has no right in any workspace, unless `is_admin` is true. Default: none; with `workspaces.enabled`
    /// `/workspaces`, where an absent claim is no limit. `[]` reads no claim.
    #[cfg_attr(
        feature = "schema",
        schemars(schema_with = "schema::claims_without_default")
    )]
    pub workspaces: Option<Pointers>,
    /// The workspace that the caller is pinned to: that of its requests without the header `X-MLFLOW-WORKSPACE`.
    /// Without `workspaces`, the caller's rights are also limited to it. Default: none; with `workspaces.enabled`
    /// `/workspace`, where an absent claim is no limit. `[]` reads no claim.
    #[cfg_attr(
        feature = "schema",
        schemars(schema_with = "schema::claims_without_default")
    )]
    pub workspace: Option<Pointers>,
}

impl Default for Jwt {
    fn default() -> Self {
        let places = |texts: &[&'static str]| texts.iter().copied().collect();
        Self {
            metadata_key: vec![defaults::METADATA_KEY.to_owned()],
            user_id: places(defaults::TOKEN_SUBJECT),
            key_id: places(defaults::TOKEN_SUBJECT),
            scopes: places(defaults::TOKEN_SCOPES),
            grants: places(&[]),
            roles: places(defaults::TOKEN_ROLES),
            is_admin: places(&[]),
            workspaces: None,
            workspace: None,
        }
    }
}

json::object!(Jwt, start: Self::default(), required: [], {
    "user_id" => user_id,
    "key_id" => key_id,
    "scopes" => scopes,
    "grants" => grants,
    "roles" => roles,
    "is_admin" => is_admin,
    "workspaces" => workspaces: fields::some,
    "workspace" => workspace: fields::some,
    "metadata_key" => metadata_key: metadata_keys,
});

fn metadata_keys(value: Part<'_, '_>) -> Result<Vec<String>, json::Error> {
    let keys = overrides::one_or_many(value, |key| {
        // A zero byte would end the key where the host reads it.
        let is_key = !key.is_empty() && !key.contains('\0');
        is_key.then(|| key.to_owned()).ok_or_else(|| {
            format!("{key:?} is not a metadata key; write the payload_in_metadata of jwt_authn")
        })
    })?;
    let keys = keys.unwrap_or_default();
    let duplicated = keys.iter().enumerate().find(|(index, key)| {
        let mut earlier = keys.iter().take(*index);
        earlier.any(|it| it == *key)
    });
    match duplicated {
        Some((_, key)) => Err(json::Error::custom(format!(
            "{key:?} is duplicated; write it once"
        ))),
        None => Ok(keys),
    }
}

impl Jwt {
    /// In the order of the fields.
    fn places(&self) -> [Option<&Pointers>; 8] {
        [
            Some(&self.user_id),
            Some(&self.key_id),
            Some(&self.scopes),
            Some(&self.grants),
            Some(&self.roles),
            Some(&self.is_admin),
            self.workspaces.as_ref(),
            self.workspace.as_ref(),
        ]
    }
}

/// Checks what the host cannot be asked for: it ends a name at a zero byte, and passes over an empty one at the end.
pub(super) fn validate(jwt: &Jwt) -> Result<(), ConfigError> {
    for (field, pointers) in <Jwt as json::Object>::NAMES.iter().zip(jwt.places()) {
        let is_unreadable = |token: &str| token.is_empty() || token.contains('\0');
        let found = pointers
            .into_iter()
            .flat_map(Pointers::iter)
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
