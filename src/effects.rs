//! What the parts of the engine do to the outside: metrics, callouts, streams to wake, lines for the operator.
//!
//! Owns the outbox until the shell takes it, the numbers of callouts, and how many lines an operator gets. It knows
//! nothing of what the effects are about.

use crate::auth_service::Callout;
use crate::metrics::{Change, Metric};
use crate::per_second::PerSecond;
use crate::principal::Timestamp;
use crate::printable::printable;
use crate::shell::{CalloutId, Outbox};

/// Lines for the operator, per second and VM.
const OPERATOR_LINES_PER_SECOND: u64 = 1;

#[derive(Debug)]
pub(crate) struct Effects {
    pub(crate) outbox: Outbox,
    operator_lines: PerSecond,
    last_callout: u64,
}

impl Default for Effects {
    fn default() -> Self {
        Self {
            outbox: Outbox::default(),
            operator_lines: PerSecond::new(OPERATOR_LINES_PER_SECOND),
            last_callout: 0,
        }
    }
}

impl Effects {
    /// Counts one.
    pub(crate) fn count(&mut self, metric: Metric) {
        self.change(metric, Change::Add(1));
    }

    pub(crate) fn change(&mut self, metric: Metric, change: Change) {
        self.outbox.metrics.push((metric, change));
    }

    /// Changes a gauge that all VMs share, unless the difference is none.
    pub(crate) fn shift(&mut self, metric: Metric, difference: i64) {
        if difference != 0 {
            self.change(metric, Change::Add(difference));
        }
    }

    pub(crate) fn call_out(&mut self, callout: Callout) -> CalloutId {
        self.last_callout += 1;
        let id = CalloutId(self.last_callout);
        self.outbox.callouts.push((id, callout));
        id
    }

    /// A line for the operator, unless this second has had its own. Whether there is one.
    pub(crate) fn tell_operator(&mut self, text: &str, now: Timestamp) -> bool {
        let Some(left_out) = self.operator_lines.admit(now) else {
            return false;
        };
        let more = if left_out > 0 {
            format!(" ({left_out} more lines left out)")
        } else {
            String::new()
        };
        self.outbox
            .errors
            .push(format!("{}{more}", printable(text)));
        true
    }
}
