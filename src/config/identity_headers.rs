//! The headers that tell upstream who the caller is.

use super::HeaderField;
use crate::json;

/// Names of the verified headers that upstream receives.
#[derive(Debug, Clone)]
#[cfg_attr(
    feature = "schema",
    derive(schemars::JsonSchema),
    schemars(deny_unknown_fields, default)
)]
pub struct IdentityHeaders {
    /// Carries the principal's user id.
    pub user_id: HeaderField,
    /// Carries the key's id.
    pub key_id: HeaderField,
    /// Carries the key's scopes, separated by spaces (RFC 6749 section 3.3).
    pub scopes: HeaderField,
}

json::object!(IdentityHeaders, start: Self::default(), required: [], {
    "user_id" => user_id,
    "key_id" => key_id,
    "scopes" => scopes,
});

impl Default for IdentityHeaders {
    fn default() -> Self {
        Self {
            user_id: HeaderField::from_static("x-mlflow-authz-user"),
            key_id: HeaderField::from_static("x-mlflow-authz-key"),
            scopes: HeaderField::from_static("x-mlflow-authz-scopes"),
        }
    }
}
