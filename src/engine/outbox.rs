//! What an event leaves for the shell to carry out beside [`crate::Next`].

use super::next::StreamId;
use crate::auth_service::Callout;
use crate::metrics::{Change, Metric};

/// Names a callout to the shell.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct CalloutId(pub u64);

/// To be emptied after each event; what the shell does with it may leave more.
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
