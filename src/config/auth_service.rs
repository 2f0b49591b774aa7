//! The configuration of the auth service: where it is, how it is asked, and when it is not.

use std::time::Duration;

#[cfg(feature = "schema")]
use super::schema;
use super::{SecretHeader, defaults, fields};
use crate::json;

mod checks;
mod places;
mod spoken;

pub(super) use checks::{callout_path, check, is_written};
pub use places::Places;
pub use spoken::{Audience, FieldName, KeyIn, Method, Protocol};

/// The auth service, which validates keys.
#[derive(Debug, Clone)]
#[cfg_attr(
    feature = "schema",
    derive(schemars::JsonSchema),
    schemars(deny_unknown_fields)
)]
pub struct AuthService {
    /// Name of the Envoy cluster. Under Istio it is `outbound|443||host`.
    #[cfg_attr(feature = "schema", schemars(schema_with = "schema::cluster"))]
    pub cluster: String,
    /// `:authority` of the callout. Default: the cluster's name, or the host at the end of an Istio name.
    #[cfg_attr(feature = "schema", schemars(default))]
    pub authority: String,
    /// Path that validates a key. Required with `"protocol": "introspection"`.
    #[cfg_attr(
        feature = "schema",
        schemars(default = "defaults::auth_path", schema_with = "schema::callout_path")
    )]
    pub path: String,
    /// What the service speaks.
    #[cfg_attr(feature = "schema", schemars(default))]
    pub protocol: Protocol,
    /// The method of a lookup. `GET` has no body: neither `json:` nor `form:` in `key_in`, no `send_client_ip`, no
    /// `service_id`.
    #[cfg_attr(feature = "schema", schemars(default))]
    pub method: Method,
    /// Where the caller's key is in a lookup (ignored with introspection): `bearer` (`Authorization: Bearer`), `header:NAME` (the whole value),
    /// `json:FIELD` (in the JSON body, beside `service_id`) or `form:FIELD` (the body is a form, with `service_id` as
    /// another parameter).
    #[cfg_attr(feature = "schema", schemars(default, schema_with = "schema::key_in"))]
    pub key_in: KeyIn,
    /// Headers, `name: value`, that are sent with each lookup, such as the filter's own credential. It stands here in plain
    /// text: Envoy's `credential_injector`, as an upstream filter of the cluster, can keep it in a file.
    #[cfg_attr(feature = "schema", schemars(default, extend("default" = [])))]
    pub headers: Vec<SecretHeader>,
    /// The audience of tokens for MLflow: `aud` must contain it. Required with `"protocol": "introspection"`, and only
    /// there; `null` says that the endpoint checks it.
    #[cfg_attr(
        feature = "schema",
        schemars(default, schema_with = "schema::audience")
    )]
    pub audience: Audience,
    /// Where to read values in a reply of another shape than the protocol's. With it, `grants`, `roles` and `is_admin` are read
    /// only where it names them.
    #[cfg_attr(feature = "schema", schemars(default, with = "Places"))]
    pub reply: Option<Places>,
    /// The name that MLflow has at the auth service, sent with each lookup that has a body of the protocol `keys`.
    #[cfg_attr(feature = "schema", schemars(default = "defaults::service_id"))]
    pub service_id: String,
    /// How long a callout may take; at least one millisecond.
    #[cfg_attr(
        feature = "schema",
        schemars(default = "defaults::timeout", schema_with = "schema::duration")
    )]
    pub timeout: Duration,
    /// How long a lookup may delay a request that will not be refused whatever the answer (shadow mode); at most
    /// `timeout`.
    #[cfg_attr(
        feature = "schema",
        schemars(default = "defaults::shadow_timeout", schema_with = "schema::duration")
    )]
    pub shadow_timeout: Duration,
    /// Whether the caller's address is sent with each lookup; keys are then cached per address.
    #[cfg_attr(feature = "schema", schemars(default))]
    pub send_client_ip: bool,
    /// `Retry-After` of a 503, in whole seconds.
    #[cfg_attr(
        feature = "schema",
        schemars(default = "defaults::retry_after", schema_with = "schema::duration")
    )]
    pub unavailable_retry_after: Duration,
    /// The limit of open callouts for keys in one VM (one per Envoy worker), at least 2. A quarter is reserved for keys
    /// that were validated before; background callouts use at most half.
    #[cfg_attr(
        feature = "schema",
        schemars(
            default = "defaults::max_in_flight",
            schema_with = "schema::at_least_two"
        )
    )]
    pub max_in_flight: u64,
    /// Whether one client address (IPv6: one /64) gets at most half of the callouts for keys that were never validated,
    /// and a circuit breaker of its own. Set `false` if all clients have one address, that of a load balancer.
    #[cfg_attr(feature = "schema", schemars(default = "defaults::yes"))]
    pub per_address_limit: bool,
    /// The circuit breaker: when callouts stop after failures, and for how long.
    #[cfg_attr(feature = "schema", schemars(default))]
    pub breaker: Breaker,
}

json::object!(AuthService, start: Self::start(), required: ["cluster"], {
    "cluster" => cluster,
    "authority" => authority,
    "path" => path,
    "protocol" => protocol,
    "method" => method,
    "key_in" => key_in,
    "headers" => headers,
    "audience" => audience,
    "reply" => reply: json::some,
    "service_id" => service_id,
    "timeout" => timeout: fields::duration,
    "shadow_timeout" => shadow_timeout: fields::duration,
    "send_client_ip" => send_client_ip,
    "unavailable_retry_after" => unavailable_retry_after: fields::duration,
    "max_in_flight" => max_in_flight: fields::whole_number,
    "per_address_limit" => per_address_limit,
    "breaker" => breaker: json::read_object,
});

impl AuthService {
    fn start() -> Self {
        Self {
            cluster: String::new(),
            authority: String::new(),
            path: defaults::auth_path(),
            protocol: Protocol::default(),
            method: Method::default(),
            key_in: KeyIn::default(),
            headers: Vec::new(),
            audience: Audience::default(),
            reply: None,
            service_id: defaults::service_id(),
            timeout: defaults::timeout(),
            shadow_timeout: defaults::shadow_timeout(),
            send_client_ip: false,
            unavailable_retry_after: defaults::retry_after(),
            max_in_flight: defaults::max_in_flight(),
            per_address_limit: defaults::yes(),
            breaker: Breaker::default(),
        }
    }
}

/// The circuit breaker of one VM.
#[derive(Debug, Clone)]
#[cfg_attr(
    feature = "schema",
    derive(schemars::JsonSchema),
    schemars(deny_unknown_fields, default)
)]
pub struct Breaker {
    /// How many different keys must fail in a row to open a circuit breaker: that of the auth service by keys validated
    /// before (at least 2), that of a client address by other keys. A key counts once.
    #[cfg_attr(feature = "schema", schemars(schema_with = "schema::positive_number"))]
    pub failures: u64,
    /// How long an open circuit breaker stops callouts before one callout probes the service.
    #[cfg_attr(feature = "schema", schemars(schema_with = "schema::duration"))]
    pub open_for: Duration,
}

json::object!(Breaker, start: Self::default(), required: [], {
    "failures" => failures: fields::whole_number,
    "open_for" => open_for: fields::duration,
});

impl Default for Breaker {
    fn default() -> Self {
        Self {
            failures: 5,
            open_for: Duration::from_secs(5),
        }
    }
}
