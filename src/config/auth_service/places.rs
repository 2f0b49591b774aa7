//! Where things stand in a reply.

use crate::config::fields;
#[cfg(feature = "schema")]
use crate::config::schema;
use crate::json;
use crate::pointer::Pointers;

/// Where values are in a reply: JSON Pointers (RFC 6901), one or a list of which the first counts that has a value.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
#[cfg_attr(
    feature = "schema",
    derive(schemars::JsonSchema),
    schemars(deny_unknown_fields, default)
)]
pub struct Places {
    /// Whether the key is valid: `true` or `false`. One of these places must have a value, and all that have one must say
    /// `true`.
    #[cfg_attr(feature = "schema", schemars(schema_with = "schema::pointers"))]
    pub valid: Option<Pointers>,
    /// The user. Default: as the protocol says.
    #[cfg_attr(feature = "schema", schemars(schema_with = "schema::pointers"))]
    pub user_id: Option<Pointers>,
    /// The key's public name. Default: as the protocol says.
    #[cfg_attr(feature = "schema", schemars(schema_with = "schema::pointers"))]
    pub key_id: Option<Pointers>,
    /// Scopes: a list of strings, or one string with spaces between them. Default: as the protocol says.
    #[cfg_attr(feature = "schema", schemars(schema_with = "schema::pointers"))]
    pub scopes: Option<Pointers>,
    /// Grants limited to names or workspaces, `[{"scope", "names": […], "workspaces": […]}]`. Default: none.
    #[cfg_attr(feature = "schema", schemars(schema_with = "schema::pointers"))]
    pub grants: Option<Pointers>,
    /// Roles: a list of strings. Default: none.
    #[cfg_attr(feature = "schema", schemars(schema_with = "schema::pointers"))]
    pub roles: Option<Pointers>,
    /// Whether everything is granted: `true` or `false`. Default: none.
    #[cfg_attr(feature = "schema", schemars(schema_with = "schema::pointers"))]
    pub is_admin: Option<Pointers>,
    /// When the key expires: RFC 3339 or seconds since 1970. The earliest of these places counts.
    #[cfg_attr(feature = "schema", schemars(schema_with = "schema::pointers"))]
    pub expires_at: Option<Pointers>,
    /// The workspaces that the key's rights are limited to: a list of patterns. If a place is named here or in
    /// `workspace` and the reply has neither value, the key has no right in any workspace, unless `is_admin` is true.
    /// Default: as the protocol says, where an absent value is no limit; `[]` reads no value.
    #[cfg_attr(feature = "schema", schemars(schema_with = "schema::pointers"))]
    pub workspaces: Option<Pointers>,
    /// The workspace that the key is pinned to: that of its requests without the header `X-MLFLOW-WORKSPACE`. Without
    /// `workspaces`, the key's rights are also limited to it. Default: as the protocol says, where an absent value is
    /// no limit; `[]` reads no value.
    #[cfg_attr(feature = "schema", schemars(schema_with = "schema::pointers"))]
    pub workspace: Option<Pointers>,
}

impl Places {
    /// All of them by their names.
    pub fn all(&self) -> impl Iterator<Item = (&'static str, Option<&Pointers>)> {
        let all = [
            &self.valid,
            &self.user_id,
            &self.key_id,
            &self.scopes,
            &self.grants,
            &self.roles,
            &self.is_admin,
            &self.expires_at,
            &self.workspaces,
            &self.workspace,
        ];
        <Self as json::Object>::NAMES
            .iter()
            .copied()
            .zip(all.map(Option::as_ref))
    }
}

json::object!(Places, start: Self::default(), required: [], {
    "valid" => valid: fields::some,
    "user_id" => user_id: fields::some,
    "key_id" => key_id: fields::some,
    "scopes" => scopes: fields::some,
    "grants" => grants: fields::some,
    "roles" => roles: fields::some,
    "is_admin" => is_admin: fields::some,
    "expires_at" => expires_at: fields::some,
    "workspaces" => workspaces: fields::some,
    "workspace" => workspace: fields::some,
});
