//! The filter's engine about one request at a time, with the auth service and the body played for it.

use mlflow_authz::auth_service::Reply;
use mlflow_authz::denial::Answer;
use mlflow_authz::{Decision, Engine, Moment, Next, RequestHead, StreamId};

use crate::error::CliError;

/// Every stream ends before the next begins.
const STREAM: StreamId = StreamId(0);

/// What the engine came to.
pub struct Played {
    pub decision: Decision,
    /// The filter's own answer; `None` when the request is forwarded.
    pub answer: Option<Answer>,
    /// Whether it wanted the body.
    pub read_body: bool,
}

/// Decides about a request. If the engine asks who the caller is, the auth service says `said`. `None` when the
/// engine asks for what is not played, see [`at_a_loss`].
pub fn play(
    engine: &mut Engine,
    moment: &Moment<'_>,
    head: &RequestHead<'_>,
    said: impl FnOnce() -> Vec<u8>,
    body: &[u8],
) -> Option<Played> {
    let mut next = engine.on_request_headers(STREAM, moment, head);
    if matches!(next, Next::Wait) {
        let said = said();
        let reply = Reply::Response {
            status: 200,
            from_service: true,
            retry_after: None,
            cache_control: None,
            body: &said,
        };
        for (callout, _) in engine.take_outbox().callouts {
            engine.on_callout_reply(callout, moment, &reply);
        }
        next = engine.on_woken(STREAM, moment, head)?;
    }
    let read_body = matches!(next, Next::ReadBody { .. });
    if read_body {
        next = engine.on_body(STREAM, head, body)?;
    }
    // Metrics and lines for an operator: nobody reads them here.
    drop(engine.take_outbox());
    let (decision, answer) = match next {
        Next::Forward(decision, _) => (decision, None),
        Next::Answer(decision, answer) => (decision, Some(answer)),
        Next::Wait | Next::ReadBody { .. } => return None,
    };
    Some(Played {
        decision,
        answer,
        read_body,
    })
}

/// An engine that asks for what is not played: a fault of this program, to be reported with `what` was decided about.
pub fn at_a_loss(what: &str) -> CliError {
    CliError::new(
        "the engine came to no decision",
        format!("report this as a fault of mlflow-authz, with the {what}"),
    )
}
