//! The plugin configuration: schema, defaults, and errors that name the field.
//!
//! Pure parsing. The filter and `mlflow-authz check` read a configuration with [`Config::parse`] and
//! nothing else, so what one accepts the other accepts.

mod address;
mod audit;
mod auth_service;
mod cache;
mod defaults;
mod derived;
mod error;
mod fields;
mod hosts;
mod identity_headers;
mod jwt;
mod keys;
mod mtls;
mod overrides;
mod replacements;
mod revocation;
#[cfg(feature = "schema")]
mod schema;
mod validate;
mod words;
mod workspaces;

#[cfg(test)]
pub(crate) mod tests;

use std::collections::BTreeMap;

use crate::catalog::PublicGroup;
use crate::json;
use crate::pattern::Pattern;
use crate::permission::Permission;

pub use audit::{AccessLog, Audit};
pub use auth_service::{
    Audience, AuthService, Breaker, FieldName, KeyIn, Method, Places, Protocol,
};
pub use cache::Cache;
pub use error::{ConfigError, expected_in_words};
pub use fields::{HeaderField, SecretHeader};
pub use identity_headers::IdentityHeaders;
pub use jwt::Jwt;
pub use keys::{ConfiguredKey, KeyHash};
pub use mtls::{Mtls, PeerName, PeerRights};
pub use overrides::{Match, Override};
pub use revocation::Revocation;
pub use workspaces::Workspaces;

/// The plugin configuration of the mlflow-authz filter.
#[derive(Debug, Clone)]
#[cfg_attr(
    feature = "schema",
    derive(schemars::JsonSchema),
    schemars(deny_unknown_fields)
)]
pub struct Config {
    /// Version of this schema; only 1 exists.
    #[cfg_attr(
        feature = "schema",
        schemars(default = "defaults::version", schema_with = "schema::version")
    )]
    pub version: u64,
    /// Whether denials are answered.
    #[cfg_attr(feature = "schema", schemars(default))]
    pub mode: Mode,
    /// Share of callers, by key id, for whom denials are answered, in percent. Callers without a key id count
    /// as the last percent.
    #[cfg_attr(
        feature = "schema",
        schemars(default = "defaults::enforce_percent", schema_with = "schema::percent")
    )]
    pub enforce_percent: u64,
    /// Ordered exceptions: of those that match a request, the first that has a setting decides it.
    #[cfg_attr(feature = "schema", schemars(default, extend("default" = [])))]
    pub overrides: Vec<Override>,
    /// Paths at which MLflow's root is served; the longest match wins.
    #[cfg_attr(feature = "schema", schemars(schema_with = "schema::mounts"))]
    pub mounts: Vec<String>,
    /// What happens to a request whose path is outside every mount.
    #[cfg_attr(feature = "schema", schemars(default))]
    pub outside: Outside,
    /// Hosts at which MLflow is served, for a gateway that serves other applications too: patterns with `*` and `?`,
    /// without port or trailing dot, in any case. A request to another host is forwarded without a decision. Absent:
    /// every host is MLflow's. A host that can be read in more than one way always is.
    #[cfg_attr(feature = "schema", schemars(default, schema_with = "schema::hosts"))]
    pub hosts: Option<Vec<Pattern>>,
    /// API keys that the configuration lists by their digests. They are looked up first, without a callout; any other key
    /// is the auth service's to validate, if there is one. At least one of `keys`, `jwt`, `mtls` and `auth_service` is
    /// required.
    #[cfg_attr(feature = "schema", schemars(default, extend("default" = [])))]
    pub keys: Vec<ConfiguredKey>,
    /// Access tokens (JWT) that Envoy's `jwt_authn` has verified. Absent: a JWT is treated as an API key.
    #[cfg_attr(feature = "schema", schemars(default, with = "Jwt"))]
    pub jwt: Option<Jwt>,
    /// Client certificates that the listener has verified, for requests with neither a key nor a verified token. Absent:
    /// client certificates are ignored.
    #[cfg_attr(feature = "schema", schemars(default, with = "Mtls"))]
    pub mtls: Option<Mtls>,
    /// The auth service, which validates keys. Absent: only those of `keys` are valid.
    #[cfg_attr(feature = "schema", schemars(default, with = "AuthService"))]
    pub auth_service: Option<AuthService>,
    /// What is cached of keys.
    #[cfg_attr(feature = "schema", schemars(default))]
    pub cache: Cache,
    /// The poll for revoked keys. Absent: no poll, and a revoked key works until its cache entry expires.
    #[cfg_attr(feature = "schema", schemars(default, with = "Revocation"))]
    pub revocation: Option<Revocation>,
    /// Where a request may present its key.
    #[cfg_attr(
        feature = "schema",
        schemars(default = "defaults::credentials", schema_with = "schema::credentials")
    )]
    pub credentials: Vec<CredentialKind>,
    /// The pattern of all keys of the auth service (`*`: any characters, `?`: one; for example `hk_live_*`). Other keys
    /// are refused without a callout, unless `keys` has them.
    #[cfg_attr(
        feature = "schema",
        schemars(default, schema_with = "schema::key_pattern")
    )]
    pub key_pattern: Option<Pattern>,
    /// Whether upstream receives the caller's credential.
    #[cfg_attr(feature = "schema", schemars(default = "defaults::yes"))]
    pub forward_credential: bool,
    /// Names of the verified headers that upstream receives.
    #[cfg_attr(feature = "schema", schemars(default))]
    pub identity_headers: IdentityHeaders,
    /// Scopes and what they grant; each replaces the default scope of the same name. `"searches": false` refuses searches
    /// to keys that have the scope limited to names.
    #[cfg_attr(feature = "schema", schemars(default, extend("default" = {})))]
    pub scopes: BTreeMap<String, Scope>,
    /// Roles and what they grant; there is no default table.
    #[cfg_attr(feature = "schema", schemars(default, extend("default" = {})))]
    pub roles: BTreeMap<String, Vec<Permission>>,
    /// Workspaces of MLflow, and whether scopes and keys can be limited to them.
    #[cfg_attr(feature = "schema", schemars(default))]
    pub workspaces: Workspaces,
    /// Groups of endpoints that need no key: `health` (`/health`, `/version`, server info), `ui` (the page and its
    /// static files).
    #[cfg_attr(feature = "schema", schemars(default = "defaults::public"))]
    pub public: Vec<PublicGroup>,
    /// What a request to `/graphql` needs.
    #[cfg_attr(feature = "schema", schemars(default))]
    pub graphql: GraphQl,
    /// Whether request bodies are read.
    #[cfg_attr(feature = "schema", schemars(default))]
    pub bodies: Bodies,
    /// The largest body that is read, in bytes; a larger one is 413. Set it to at most the listener's
    /// `per_connection_buffer_limit_bytes` and, for HTTP/2, its `initial_stream_window_size`.
    #[cfg_attr(
        feature = "schema",
        schemars(
            default = "defaults::body_limit",
            schema_with = "schema::positive_number"
        )
    )]
    pub body_limit: u64,
    /// What is recorded in the audit log and the access log.
    #[cfg_attr(feature = "schema", schemars(default))]
    pub audit: Audit,
    /// Whether `GET {mount}/.well-known/mlflow-authz/whoami` tells callers what their key may do.
    #[cfg_attr(feature = "schema", schemars(default = "defaults::yes"))]
    pub whoami: bool,
    /// A page that tells callers how to get a scope; every 401 and 403 message ends with it.
    #[cfg_attr(
        feature = "schema",
        schemars(default, schema_with = "schema::help_url")
    )]
    pub help_url: Option<String>,
}

json::object!(Config, start: Self::start(), required: ["mounts"], {
    "version" => version: fields::version,
    "mode" => mode,
    "enforce_percent" => enforce_percent: fields::percent,
    "overrides" => overrides: json::list,
    "mounts" => mounts,
    "outside" => outside,
    "hosts" => hosts: hosts::some,
    "keys" => keys: json::list,
    "jwt" => jwt: json::some,
    "mtls" => mtls: json::some,
    "auth_service" => auth_service: json::some,
    "cache" => cache: json::read_object,
    "revocation" => revocation: json::some,
    "credentials" => credentials,
    "key_pattern" => key_pattern: fields::some_pattern,
    "forward_credential" => forward_credential,
    "identity_headers" => identity_headers: json::read_object,
    "scopes" => scopes: fields::scopes,
    "roles" => roles: fields::roles,
    "workspaces" => workspaces: json::read_object,
    "public" => public: fields::public_groups,
    "graphql" => graphql,
    "bodies" => bodies,
    "body_limit" => body_limit: fields::whole_number,
    "audit" => audit: json::read_object,
    "whoami" => whoami,
    "help_url" => help_url,
});

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
    /// Never: a scope limited to names does not cover a name in a body.
    #[default]
    Ignore,
    /// Where a scope limited to names decides. Needs Envoy 1.39 and `allow_on_headers_stop_iteration` on the filter.
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

impl Config {
    /// What it is where nothing is written.
    fn start() -> Self {
        Self {
            version: defaults::version(),
            mode: Mode::default(),
            enforce_percent: defaults::enforce_percent(),
            overrides: Vec::new(),
            mounts: Vec::new(),
            outside: Outside::default(),
            hosts: None,
            keys: Vec::new(),
            jwt: None,
            mtls: None,
            auth_service: None,
            cache: Cache::default(),
            revocation: None,
            credentials: defaults::credentials(),
            key_pattern: None,
            forward_credential: defaults::yes(),
            identity_headers: IdentityHeaders::default(),
            scopes: BTreeMap::new(),
            roles: BTreeMap::new(),
            workspaces: Workspaces::default(),
            public: defaults::public(),
            graphql: GraphQl::default(),
            bodies: Bodies::default(),
            body_limit: defaults::body_limit(),
            audit: Audit::default(),
            whoami: defaults::yes(),
            help_url: None,
        }
    }

    /// Reads a plugin configuration as Envoy hands it over.
    ///
    /// # Errors
    /// Text that is not JSON, a field that is unknown, of the wrong type, out of range, or whose feature
    /// is not built: each names the field.
    pub fn parse(text: &[u8]) -> Result<Self, ConfigError> {
        if text.trim_ascii_start().first() != Some(&b'{') {
            return Err(ConfigError::NotAnObject);
        }
        let mut config: Self = json::read_text(text)?;
        validate::validate(&mut config)?;
        Ok(config)
    }
}
