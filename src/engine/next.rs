//! What a shell does with a request after an event.

use crate::decision::Decision;
use crate::denial::Answer;
use crate::upstream::HeaderEdits;

/// What a shell does after an event.
#[derive(Debug)]
pub enum Next {
    /// Apply the edits and let the request go on.
    Forward(Decision, HeaderEdits),
    /// Answer in MLflow's error format.
    Answer(Decision, Answer),
    /// Hold the request until the outbox names its stream, then report with [`crate::Engine::on_woken`].
    Wait,
    /// Hold the request, read its body to the end, and report with [`crate::Engine::on_body`].
    ReadBody {
        /// The most bytes that are looked at. A body of more is reported as soon as it has more.
        limit: usize,
    },
}

impl Next {
    /// The decision, once there is one.
    pub fn decision(&self) -> Option<&Decision> {
        match self {
            Self::Forward(decision, _) | Self::Answer(decision, _) => Some(decision),
            Self::Wait | Self::ReadBody { .. } => None,
        }
    }
}
