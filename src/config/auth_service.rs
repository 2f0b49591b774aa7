//! The configuration of the auth service: where it is, how it is asked, and when it is not.

use std::time::Duration;

use serde::Deserialize;

#[cfg(feature = "schema")]
use super::schema;
use super::{SecretHeader, defaults, fields};

mod checks;
mod places;
mod spoken;

pub(super) use checks::{callout_path, check, is_written};
pub use places::Places;
pub use spoken::{Audience, FieldName, KeyIn, Method, Protocol};

/// The auth service, which validates keys.
#[derive(Debug, Clone, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct AuthService {
    /// Name of the Envoy cluster. Under Istio it is `outbound|443||host`.
    #[cfg_attr(feature = "schema", schemars(schema_with = "schema::cluster"))]
    pub cluster: String,
    /// `:authority` of the callout. Default: the cluster's name, or the host at the end of an Istio name.
    #[serde(default)]
    pub authority: String,
    /// Path that validates a key. Required with `"protocol": "introspection"`.
    #[serde(default = "defaults::auth_path")]
    #[cfg_attr(feature = "schema", schemars(schema_with = "schema::callout_path"))]
    pub path: String,
    /// What the service speaks.
    #[serde(default)]
    pub protocol: Protocol,
    /// The method of a lookup. `GET` has no body: neither `json:` nor `form:` in `key_in`, no `send_client_ip`, no
    /// `service_id`.
    #[serde(default)]
    pub method: Method,
    /// Where the caller's key is in a lookup (ignored with introspection): `bearer` (`Authorization: Bearer`), `header:NAME` (the whole value),
    /// `json:FIELD` (in the JSON body, beside `service_id`) or `form:FIELD` (the body is a form, with `service_id` as
    /// another parameter).
    #[serde(default)]
    #[cfg_attr(feature = "schema", schemars(schema_with = "schema::key_in"))]
    pub key_in: KeyIn,
    /// Headers, `name: value`, that are sent with each lookup, such as the filter's own credential. It stands here in plain
    /// text: Envoy's `credential_injector`, as an upstream filter of the cluster, can keep it in a file.
    #[serde(default)]
    #[cfg_attr(feature = "schema", schemars(extend("default" = [])))]
    pub headers: Vec<SecretHeader>,
    /// The audience of tokens for MLflow: `aud` must contain it. Required with `"protocol": "introspection"`, and only
    /// there; `null` says that the endpoint checks it.
    #[serde(default)]
    #[cfg_attr(feature = "schema", schemars(schema_with = "schema::audience"))]
    pub audience: Audience,
    /// Where to read values in a reply of another shape than the protocol's. With it, `grants`, `roles` and `is_admin` are read
    /// only where it names them.
    #[serde(default, deserialize_with = "fields::some")]
    #[cfg_attr(feature = "schema", schemars(with = "Places"))]
    pub reply: Option<Places>,
    /// The name that MLflow has at the auth service, sent with each lookup that has a body of the protocol `keys`.
    #[serde(default = "defaults::service_id")]
    pub service_id: String,
    /// How long a callout may take; at least one millisecond.
    #[serde(default = "defaults::timeout", deserialize_with = "fields::duration")]
    #[cfg_attr(feature = "schema", schemars(schema_with = "schema::duration"))]
    pub timeout: Duration,
    /// How long a lookup may delay a request that will not be refused whatever the answer (shadow mode); at most
    /// `timeout`.
    #[serde(
        default = "defaults::shadow_timeout",
        deserialize_with = "fields::duration"
    )]
    #[cfg_attr(feature = "schema", schemars(schema_with = "schema::duration"))]
    pub shadow_timeout: Duration,
    /// Whether the caller's address is sent with each lookup; keys are then cached per address.
    #[serde(default)]
    pub send_client_ip: bool,
    /// `Retry-After` of a 503, in whole seconds.
    #[serde(
        default = "defaults::retry_after",
        deserialize_with = "fields::duration"
    )]
    #[cfg_attr(feature = "schema", schemars(schema_with = "schema::duration"))]
    pub unavailable_retry_after: Duration,
    /// The limit of open callouts for keys in one VM (one per Envoy worker), at least 2. A quarter is reserved for keys
    /// that were validated before; background callouts use at most half.
    #[serde(
        default = "defaults::max_in_flight",
        deserialize_with = "fields::whole_number"
    )]
    #[cfg_attr(feature = "schema", schemars(schema_with = "schema::at_least_two"))]
    pub max_in_flight: u64,
    /// Whether one client address (IPv6: one /64) gets at most half of the callouts for keys that were never validated,
    /// and a circuit breaker of its own. Set `false` if all clients have one address, that of a load balancer.
    #[serde(default = "defaults::yes")]
    pub per_address_limit: bool,
    /// The circuit breaker: when callouts stop after failures, and for how long.
    #[serde(default)]
    pub breaker: Breaker,
}

/// The circuit breaker of one VM.
#[derive(Debug, Clone, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields, default)]
pub struct Breaker {
    /// How many different keys must fail in a row to open a circuit breaker: that of the auth service by keys validated
    /// before (at least 2), that of a client address by other keys. A key counts once.
    #[serde(deserialize_with = "fields::whole_number")]
    #[cfg_attr(feature = "schema", schemars(schema_with = "schema::positive_number"))]
    pub failures: u64,
    /// How long an open circuit breaker stops callouts before one callout probes the service.
    #[serde(deserialize_with = "fields::duration")]
    #[cfg_attr(feature = "schema", schemars(schema_with = "schema::duration"))]
    pub open_for: Duration,
}

impl Default for Breaker {
    fn default() -> Self {
        Self {
            failures: 5,
            open_for: Duration::from_secs(5),
        }
    }
}
