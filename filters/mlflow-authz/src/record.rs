//! What a decision leaves in the access log and the audit log. It decides nothing: the engine says whether either is
//! to have it, and writes the record.

use std::cell::Cell;
use std::time::Duration;

use mlflow_authz::{Decision, Engine, RequestHead};

use crate::{host, request};

/// The filter state that the access log reads as `wasm.mlflow_authz`.
const ACCESS_LOG_PROPERTY: &str = "mlflow_authz";

thread_local! {
    /// Whether it was told that the host takes no property: each request would log a line.
    static TOLD: Cell<bool> = const { Cell::new(false) };
}

/// Leaves the decision in both, as far as they are to have it.
pub fn record(engine: &mut Engine, now: Duration, decision: &Decision, head: &RequestHead<'_>) {
    if let Some(field) = engine.access_log_field(decision)
        && let Err(error) = host::set_property(ACCESS_LOG_PROPERTY, field)
        && !TOLD.replace(true)
    {
        log::warn!("access log: {error}");
    }
    if engine.wants_audit(decision) {
        let route = || request::text_property(&["xds", "route_name"]);
        if let Some(record) = engine.audit_record(now, decision, head, route) {
            log::warn!("{record}");
        }
    }
}
