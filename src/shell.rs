//! What a shell and the engine tell each other beside requests and decisions: names, the clock, effects.

use crate::auth_service::Callout;
use crate::metrics::{Change, Metric};
use crate::principal::Timestamp;
use crate::shared_data::SharedData;

/// Names a stream to its shell. The engine never looks into it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct StreamId(pub u32);

/// Names a callout to the shell.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct CalloutId(pub u64);

/// What the host tells with each event.
#[derive(Clone, Copy)]
pub struct HostContext<'a> {
    /// Its clock.
    pub now: Timestamp,
    /// What the VMs of a proxy share.
    pub shared: &'a dyn SharedData,
}

/// What an event leaves for the shell to carry out beside [`crate::Next`]. To be emptied after each event; what the
/// shell does with it may leave more.
#[derive(Debug, Default)]
pub struct Outbox {
    /// Metrics to change.
    pub metrics: Vec<(Metric, Change)>,
    /// Lines for the operator, at error level.
    pub errors: Vec<String>,
    /// Callouts to send. None of them belongs to a stream: each goes on when its stream is gone. Their
    /// replies are reported with [`crate::Engine::on_callout_reply`].
    pub callouts: Vec<(CalloutId, Callout)>,
    /// Streams to report with [`crate::Engine::on_woken`].
    pub wake: Vec<StreamId>,
}

impl Outbox {
    /// Whether there is nothing to do.
    pub fn is_empty(&self) -> bool {
        self.metrics.is_empty()
            && self.errors.is_empty()
            && self.callouts.is_empty()
            && self.wake.is_empty()
    }
}
