//! Carries the engine's metrics to the host, defining each on its first use. Owns the host's ids of metrics; what is
//! counted is the engine's business.

use std::cell::RefCell;
use std::collections::HashMap;

use foldhash::fast::FixedState;
use mlflow_authz::Outbox;
use mlflow_authz::metrics::{Change, Kind, Metric};

use crate::host::{self, HostError, MetricKind};

thread_local! {
    /// Ids are the VM's: every root context finds the same metric under the same name.
    /// The hasher is a quick one: there are as many metrics as the catalog and the words of this crate make, and
    /// nobody outside can choose another.
    static IDS: RefCell<HashMap<Metric, u32, FixedState>> = RefCell::default();
    /// Metrics that could not be changed. A host may bound how many there are, and each request would log a line.
    static TOLD: RefCell<HashMap<Metric, u32, FixedState>> = RefCell::default();
}

/// Takes lines and metrics out of the outbox, to the host.
pub fn flush(outbox: &mut Outbox) {
    for error in outbox.errors.drain(..) {
        log::error!("{error}");
    }
    for (metric, change) in outbox.metrics.drain(..) {
        // A metric that cannot be changed never decides about a request.
        if let Err(error) = apply(metric, change)
            && TOLD
                .with_borrow_mut(|told| told.insert(metric, 0))
                .is_none()
        {
            log::warn!("metric {}: {error}", metric.name());
        }
    }
}

fn apply(metric: Metric, change: Change) -> Result<(), HostError> {
    let id = id_of(metric)?;
    match change {
        Change::Add(offset) => host::increment_metric(id, offset),
        Change::Record(value) => host::record_metric(id, value),
    }
}

fn id_of(metric: Metric) -> Result<u32, HostError> {
    if let Some(id) = IDS.with_borrow(|ids| ids.get(&metric).copied()) {
        return Ok(id);
    }
    let kind = match metric.kind() {
        Kind::Counter => MetricKind::Counter,
        Kind::Gauge => MetricKind::Gauge,
        Kind::Histogram => MetricKind::Histogram,
    };
    let id = host::define_metric(kind, &metric.name())?;
    IDS.with_borrow_mut(|ids| ids.insert(metric, id));
    Ok(id)
}
