//! The poll for revoked keys: what is asked, and how often.

use std::time::Duration;

#[cfg(feature = "schema")]
use super::schema;
use super::{SecretHeader, defaults, fields};
use crate::json;

/// The poll for revoked keys.
#[derive(Debug, Clone)]
#[cfg_attr(
    feature = "schema",
    derive(schemars::JsonSchema),
    schemars(deny_unknown_fields)
)]
pub struct Revocation {
    /// Path on the auth service that lists revoked key ids.
    #[cfg_attr(feature = "schema", schemars(schema_with = "schema::callout_path"))]
    pub path: String,
    /// How often one VM of the proxy polls; at least `"100ms"`.
    #[cfg_attr(
        feature = "schema",
        schemars(default = "defaults::every", schema_with = "schema::duration")
    )]
    pub every: Duration,
    /// A header, `name: value`, that is sent with each poll.
    #[cfg_attr(feature = "schema", schemars(default))]
    pub credential_header: Option<SecretHeader>,
}

json::object!(Revocation, start: Self::start(), required: ["path"], {
    "path" => path,
    "every" => every: fields::duration,
    "credential_header" => credential_header,
});

impl Revocation {
    fn start() -> Self {
        Self {
            path: String::new(),
            every: defaults::every(),
            credential_header: None,
        }
    }
}
