//! The plugin configuration: schema, defaults, and errors that name the field.
//!
//! Pure parsing. The filter and `mlflow-authz check` read a configuration with [`Config::parse`] and
//! nothing else, so what one accepts the other accepts.

mod address;
mod audit;
mod auth_service;
mod defaults;
mod derived;
mod error;
mod fields;
mod hosts;
mod jwt;
mod keys;
mod mtls;
mod overrides;
mod replacements;
#[cfg(feature = "schema")]
mod schema;
mod validate;
mod words;
mod workspaces;

#[cfg(test)]
pub(crate) mod tests;

use std::collections::BTreeMap;
use std::time::Duration;

use serde::Deserialize;

use crate::catalog::PublicGroup;
use crate::json;
use crate::pattern::Pattern;
use crate::permission::Permission;

pub use audit::{AccessLog, Audit};
pub use auth_service::{
    Audience, AuthService, Breaker, FieldName, KeyIn, Method, Places, Protocol,
};
pub use error::{ConfigError, expected_in_words};
pub use fields::{HeaderField, SecretHeader};
pub use jwt::Jwt;
pub use keys::{ConfiguredKey, KeyHash};
pub use mtls::{Mtls, PeerName, PeerRights};
pub use overrides::{Match, Override};
pub use workspaces::Workspaces;

/// The plugin configuration of the mlflow-authz filter.
#[derive(Debug, Clone, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct Config {
    /// Version of this schema; only 1 exists.
    #[serde(default = "defaults::version", deserialize_with = "fields::version")]
    #[cfg_attr(feature = "schema", schemars(schema_with = "schema::version"))]
    pub version: u64,
    /// Whether denials are answered.
    #[serde(default)]
    pub mode: Mode,
    /// Share of callers, by key id, for whom denials are answered, in percent. Callers without a key id count
    /// as the last percent.
    #[serde(
        default = "defaults::enforce_percent",
        deserialize_with = "fields::percent"
    )]
    #[cfg_attr(feature = "schema", schemars(schema_with = "schema::percent"))]
    pub enforce_percent: u64,
    /// Ordered exceptions: of those that match a request, the first that has a setting decides it.
    #[serde(default)]
    #[cfg_attr(feature = "schema", schemars(extend("default" = [])))]
    pub overrides: Vec<Override>,
    /// Paths at which MLflow's root is served; the longest match wins.
    #[cfg_attr(feature = "schema", schemars(schema_with = "schema::mounts"))]
    pub mounts: Vec<String>,
    /// What happens to a request whose path is outside every mount.
    #[serde(default)]
    pub outside: Outside,
    /// Hosts at which MLflow is served, for a gateway that serves other applications too: patterns with `*` and `?`,
    /// without port or trailing dot, in any case. A request to another host is forwarded without a decision. Absent:
    /// every host is MLflow's. A host that can be read in more than one way always is.
    #[serde(default, deserialize_with = "hosts::some")]
    #[cfg_attr(feature = "schema", schemars(schema_with = "schema::hosts"))]
    pub hosts: Option<Vec<Pattern>>,
    /// API keys that the configuration lists by their digests. They are looked up first, without a callout; any other key
    /// is the auth service's to validate, if there is one. At least one of `keys`, `jwt`, `mtls` and `auth_service` is
    /// required.
    #[serde(default)]
    #[cfg_attr(feature = "schema", schemars(extend("default" = [])))]
    pub keys: Vec<ConfiguredKey>,
    /// Access tokens (JWT) that Envoy's `jwt_authn` has verified. Absent: a JWT is treated as an API key.
    #[serde(default, deserialize_with = "fields::some")]
    #[cfg_attr(feature = "schema", schemars(with = "Jwt"))]
    pub jwt: Option<Jwt>,
    /// Client certificates that the listener has verified, for requests with neither a key nor a verified token. Absent:
    /// client certificates are ignored.
    #[serde(default, deserialize_with = "fields::some")]
    #[cfg_attr(feature = "schema", schemars(with = "Mtls"))]
    pub mtls: Option<Mtls>,
    /// The auth service, which validates keys. Absent: only those of `keys` are valid.
    #[serde(default, deserialize_with = "fields::some")]
    #[cfg_attr(feature = "schema", schemars(with = "AuthService"))]
    pub auth_service: Option<AuthService>,
    /// What is cached of keys.
    #[serde(default)]
    pub cache: Cache,
    /// The poll for revoked keys. Absent: no poll, and a revoked key works until its cache entry expires.
    #[serde(default, deserialize_with = "fields::some")]
    #[cfg_attr(feature = "schema", schemars(with = "Revocation"))]
    pub revocation: Option<Revocation>,
    /// Where a request may present its key.
    #[serde(default = "defaults::credentials")]
    #[cfg_attr(feature = "schema", schemars(schema_with = "schema::credentials"))]
    pub credentials: Vec<CredentialKind>,
    /// The pattern of all keys of the auth service (`*`: any characters, `?`: one; for example `hk_live_*`). Other keys
    /// are refused without a callout, unless `keys` has them.
    #[serde(default, deserialize_with = "fields::some_pattern")]
    #[cfg_attr(feature = "schema", schemars(schema_with = "schema::key_pattern"))]
    pub key_pattern: Option<Pattern>,
    /// Whether upstream receives the caller's credential.
    #[serde(default = "defaults::yes")]
    pub forward_credential: bool,
    /// Names of the verified headers that upstream receives.
    #[serde(default)]
    pub identity_headers: IdentityHeaders,
    /// Scopes and what they grant; each replaces the default scope of the same name. `"searches": false` refuses searches
    /// to keys that have the scope limited to names.
    #[serde(default, deserialize_with = "json::unique_map")]
    #[cfg_attr(feature = "schema", schemars(extend("default" = {})))]
    pub scopes: BTreeMap<String, Scope>,
    /// Roles and what they grant; there is no default table.
    #[serde(default, deserialize_with = "json::unique_map")]
    #[cfg_attr(feature = "schema", schemars(extend("default" = {})))]
    pub roles: BTreeMap<String, Vec<Permission>>,
    /// Workspaces of MLflow, and whether keys can be limited to them.
    #[serde(default)]
    pub workspaces: Workspaces,
    /// Groups of endpoints that need no key: `health` (`/health`, `/version`, server info), `ui` (the page and its
    /// static files).
    #[serde(
        default = "defaults::public",
        deserialize_with = "fields::public_groups"
    )]
    pub public: Vec<PublicGroup>,
    /// What a request to `/graphql` needs.
    #[serde(default)]
    pub graphql: GraphQl,
    /// Whether request bodies are read.
    #[serde(default)]
    pub bodies: Bodies,
    /// The largest body that is read, in bytes; a larger one is 413. Set it to at most the listener's
    /// `per_connection_buffer_limit_bytes` and, for HTTP/2, its `initial_stream_window_size`.
    #[serde(
        default = "defaults::body_limit",
        deserialize_with = "fields::whole_number"
    )]
    #[cfg_attr(feature = "schema", schemars(schema_with = "schema::positive_number"))]
    pub body_limit: u64,
    /// What is recorded in the audit log and the access log.
    #[serde(default)]
    pub audit: Audit,
    /// Whether `GET {mount}/.well-known/mlflow-authz/whoami` tells callers what their key may do.
    #[serde(default = "defaults::yes")]
    pub whoami: bool,
    /// A page that tells callers how to get a scope; every 401 and 403 message ends with it.
    #[serde(default)]
    #[cfg_attr(feature = "schema", schemars(schema_with = "schema::help_url"))]
    pub help_url: Option<String>,
}

/// What a scope grants.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Scope {
    /// Its permissions.
    pub permissions: Vec<Permission>,
    /// Whether the scope limited to names still searches and lists, which shows all names.
    pub searches: bool,
}

/// Whether denials are answered or only recorded.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema, serde::Serialize))]
#[cfg_attr(feature = "schema", serde(rename_all = "kebab-case"))]
pub enum Mode {
    /// Denials are answered.
    #[default]
    Enforce,
    /// Nothing is refused; what would be refused is recorded.
    Shadow,
}

impl Mode {
    /// The word used in configuration and records.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Enforce => "enforce",
            Self::Shadow => "shadow",
        }
    }
}

/// What happens to a request whose path is outside every mount.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema, serde::Serialize))]
#[cfg_attr(feature = "schema", serde(rename_all = "kebab-case"))]
pub enum Outside {
    /// 403 `outside_mounts`.
    #[default]
    Refuse,
    /// Forwarded without a decision.
    Forward,
}

/// What `/graphql` counts as.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema, serde::Serialize))]
#[cfg_attr(feature = "schema", serde(rename_all = "kebab-case"))]
pub enum GraphQl {
    /// Read on experiment, run, registered_model, model_version, dataset and artifact: one answer can contain all of them.
    #[default]
    Read,
    /// Refused for everybody.
    Deny,
}

/// Whether request bodies are read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema, serde::Serialize))]
#[cfg_attr(feature = "schema", serde(rename_all = "kebab-case"))]
pub enum Bodies {
    /// Never: a name-scoped grant does not cover a name in a body.
    #[default]
    Ignore,
    /// Where a name-scoped grant decides. Needs Envoy 1.39 and `allow_on_headers_stop_iteration` on the filter.
    Inspect,
}

/// Where a request may present its key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema, serde::Serialize))]
#[cfg_attr(feature = "schema", serde(rename_all = "kebab-case"))]
pub enum CredentialKind {
    /// `Authorization: Bearer <key>` and `Authorization: ApiKey <key>`.
    Bearer,
    /// `X-API-Key: <key>`.
    XApiKey,
    /// `Authorization: Basic`: the password is the key, or the user name when the password is empty.
    Basic,
    /// `?api_key=<key>`, removed from what upstream receives.
    Query,
}

/// What is cached of keys, per VM and in the data that the VMs share.
#[derive(Debug, Clone, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields, default)]
pub struct Cache {
    /// The most principals that one VM caches, and as many refused keys in a store of their own.
    #[serde(deserialize_with = "fields::whole_number")]
    #[cfg_attr(feature = "schema", schemars(schema_with = "schema::positive_number"))]
    pub capacity: u64,
    /// How long a principal is served without another lookup, counted from its lookup. Entries expire up to a tenth
    /// sooner, so that proxies do not look up in step.
    #[serde(deserialize_with = "fields::duration")]
    #[cfg_attr(feature = "schema", schemars(schema_with = "schema::duration"))]
    pub ttl: Duration,
    /// How long a refused key is refused without another lookup; `"0s"` looks it up each time.
    #[serde(deserialize_with = "fields::duration_or_zero")]
    #[cfg_attr(feature = "schema", schemars(schema_with = "schema::duration_or_zero"))]
    pub negative_ttl: Duration,
    /// How long after its `ttl` a principal is still served while the auth service is unavailable; `"0s"`
    /// never serves one.
    #[serde(deserialize_with = "fields::duration_or_zero")]
    #[cfg_attr(feature = "schema", schemars(schema_with = "schema::duration_or_zero"))]
    pub stale_if_error: Duration,
    /// Slots for principals, and as many for lookups and refusals, in the data that the VMs of a proxy share; 0
    /// shares nothing.
    #[serde(deserialize_with = "fields::whole_number")]
    #[cfg_attr(feature = "schema", schemars(schema_with = "schema::slots"))]
    pub shared_slots: u64,
}

/// The poll for revoked keys.
#[derive(Debug, Clone, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct Revocation {
    /// Path on the auth service that lists revoked key ids.
    #[cfg_attr(feature = "schema", schemars(schema_with = "schema::callout_path"))]
    pub path: String,
    /// How often one VM of the proxy polls; at least `"100ms"`.
    #[serde(default = "defaults::every", deserialize_with = "fields::duration")]
    #[cfg_attr(feature = "schema", schemars(schema_with = "schema::duration"))]
    pub every: Duration,
    /// A header, `name: value`, that is sent with each poll.
    #[serde(default)]
    pub credential_header: Option<SecretHeader>,
}

impl Default for Cache {
    fn default() -> Self {
        Self {
            capacity: 10_000,
            ttl: Duration::from_secs(60),
            negative_ttl: Duration::from_secs(5),
            stale_if_error: Duration::from_secs(300),
            shared_slots: 4096,
        }
    }
}

/// Names of the verified headers that upstream receives.
#[derive(Debug, Clone, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields, default)]
pub struct IdentityHeaders {
    /// Carries the principal's user id.
    pub user_id: HeaderField,
    /// Carries the key's id.
    pub key_id: HeaderField,
    /// Carries the key's scopes, separated by spaces (RFC 6749 section 3.3).
    pub scopes: HeaderField,
}

impl Default for IdentityHeaders {
    fn default() -> Self {
        Self {
            user_id: HeaderField::from_static("x-mlflow-authz-user"),
            key_id: HeaderField::from_static("x-mlflow-authz-key"),
            scopes: HeaderField::from_static("x-mlflow-authz-scopes"),
        }
    }
}

impl Config {
    /// Reads a plugin configuration as Envoy hands it over.
    ///
    /// # Errors
    /// Text that is not JSON, a field that is unknown, of the wrong type, out of range, or whose feature
    /// is not built: each names the field.
    pub fn parse(text: &[u8]) -> Result<Self, ConfigError> {
        if text.trim_ascii_start().first() != Some(&b'{') {
            return Err(ConfigError::NotAnObject);
        }
        let mut config: Self = json::read(text)?;
        validate::validate(&mut config)?;
        Ok(config)
    }
}
