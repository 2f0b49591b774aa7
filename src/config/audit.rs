//! What is left of a decision in logs.

use super::fields;
#[cfg(feature = "schema")]
use super::schema;
use crate::json;

/// What is recorded in the audit log and the access log. The audit log always has denials, up to the limit.
#[derive(Debug, Clone)]
#[cfg_attr(
    feature = "schema",
    derive(schemars::JsonSchema),
    schemars(deny_unknown_fields, default)
)]
pub struct Audit {
    /// Whether allowed requests are recorded too.
    pub allows: bool,
    /// The most records per second and VM; the others are counted.
    #[cfg_attr(feature = "schema", schemars(schema_with = "schema::positive_number"))]
    pub max_per_second: u64,
    /// Which decisions the access log can read as `%FILTER_STATE(wasm.mlflow_authz:PLAIN)%`. It costs CPU time
    /// whether it is read or not.
    pub access_log: AccessLog,
}

json::object!(Audit, start: Self::default(), required: [], {
    "allows" => allows,
    "max_per_second" => max_per_second: fields::whole_number,
    "access_log" => access_log,
});

impl Default for Audit {
    fn default() -> Self {
        Self {
            allows: false,
            max_per_second: 100,
            access_log: AccessLog::default(),
        }
    }
}

/// Which decisions the access log has.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema, serde::Serialize))]
#[cfg_attr(feature = "schema", serde(rename_all = "kebab-case"))]
pub enum AccessLog {
    /// All decisions on requests inside a mount.
    #[default]
    All,
    /// Denials, answered or not.
    Denials,
    /// None.
    None,
}
