//! What is cached of keys, and for how long.

use std::time::Duration;

use super::fields;
#[cfg(feature = "schema")]
use super::schema;
use crate::json;

/// What is cached of keys, per VM and in the data that the VMs share.
#[derive(Debug, Clone)]
#[cfg_attr(
    feature = "schema",
    derive(schemars::JsonSchema),
    schemars(deny_unknown_fields, default)
)]
pub struct Cache {
    /// The most principals that one VM caches, and as many refused keys in a store of their own.
    #[cfg_attr(feature = "schema", schemars(schema_with = "schema::positive_number"))]
    pub capacity: u64,
    /// How long a principal is served without another lookup, counted from its lookup. Entries expire up to a tenth
    /// sooner, so that proxies do not look up in step.
    #[cfg_attr(feature = "schema", schemars(schema_with = "schema::duration"))]
    pub ttl: Duration,
    /// How long a refused key is refused without another lookup; `"0s"` looks it up each time.
    #[cfg_attr(feature = "schema", schemars(schema_with = "schema::duration_or_zero"))]
    pub negative_ttl: Duration,
    /// How long after its `ttl` a principal is still served while the auth service is unavailable; `"0s"`
    /// never serves one.
    #[cfg_attr(feature = "schema", schemars(schema_with = "schema::duration_or_zero"))]
    pub stale_if_error: Duration,
    /// Slots for principals, and as many for lookups and refusals, in the data that the VMs of a proxy share; 0
    /// shares nothing.
    #[cfg_attr(feature = "schema", schemars(schema_with = "schema::slots"))]
    pub shared_slots: u64,
}

json::object!(Cache, start: Self::default(), required: [], {
    "capacity" => capacity: fields::whole_number,
    "ttl" => ttl: fields::duration,
    "negative_ttl" => negative_ttl: fields::duration_or_zero,
    "stale_if_error" => stale_if_error: fields::duration_or_zero,
    "shared_slots" => shared_slots: fields::whole_number,
});

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
