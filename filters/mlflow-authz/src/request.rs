//! One request as the host holds it: forwarded, answered or refused exactly once.
//!
//! What is done here is done to the effective context, which must be the request's own.

use std::cell::Cell;
use std::rc::Rc;

use mlflow_authz::denial::Answer;
use mlflow_authz::identity::HeaderEdit;
use mlflow_authz::{Decision, StreamId};

use crate::host::{self, HostError};

/// The answer when the filter itself cannot go on; the log says why.
const BROKEN_BODY: &str = r#"{"error_code":"TEMPORARILY_UNAVAILABLE","message":"The authorization filter could not decide about this request. Retry later.","reason":"auth_unavailable"}"#;

/// A request, shared by its stream and by the plugin while it is held.
#[derive(Clone)]
pub struct Request {
    id: StreamId,
    state: Rc<Cell<State>>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    Undecided,
    /// Paused: its own callback has returned without a decision.
    Held,
    Forwarded,
    Answered,
}

impl Request {
    /// A request that nothing is known of yet.
    pub fn new(id: StreamId) -> Self {
        Self {
            id,
            state: Rc::new(Cell::new(State::Undecided)),
        }
    }

    /// Its stream.
    pub const fn id(&self) -> StreamId {
        self.id
    }

    /// Whether nothing was decided in its own callback.
    pub fn is_undecided(&self) -> bool {
        self.state.get() == State::Undecided
    }

    /// Whether nothing was decided yet.
    pub fn is_waiting(&self) -> bool {
        matches!(self.state.get(), State::Undecided | State::Held)
    }

    /// Whether it goes on.
    pub fn is_forwarded(&self) -> bool {
        self.state.get() == State::Forwarded
    }

    /// Its callback returns without a decision.
    pub fn hold(&self) {
        self.state.set(State::Held);
    }

    /// Lets it go on, with its headers edited.
    pub fn forward(&self, edits: &[HeaderEdit]) -> Result<(), HostError> {
        if !self.is_waiting() {
            return Ok(());
        }
        for edit in edits {
            match edit {
                HeaderEdit::Remove(name) => host::remove_request_header(name)?,
                HeaderEdit::Set(name, value) => host::set_request_header(name, value)?,
            }
        }
        if self.state.get() == State::Held {
            host::continue_request()?;
        }
        self.state.set(State::Forwarded);
        Ok(())
    }

    /// Answers it in the server's place.
    pub fn answer(&self, decision: &Decision, answer: &Answer) -> Result<(), HostError> {
        if !self.is_waiting() {
            return Ok(());
        }
        let headers: Vec<(&str, &str)> = answer
            .headers
            .iter()
            .map(|(name, value)| (*name, value.as_str()))
            .collect();
        let details = format!("mlflow_authz_{}", decision.reason.as_str());
        host::send_local_response(answer.status, &details, &headers, &answer.body)?;
        self.state.set(State::Answered);
        Ok(())
    }

    /// The refusal that needs nothing but the host. Where even that fails, the stream is reset.
    pub fn refuse(&self) {
        if !self.is_waiting() {
            return;
        }
        self.state.set(State::Answered);
        let headers = [("content-type", "application/json")];
        if host::send_local_response(503, "mlflow_authz_broken", &headers, BROKEN_BODY).is_err()
            && let Err(error) = host::close_request()
        {
            log::error!("request held: {error}");
        }
    }
}

/// A property of the request, if it is UTF-8.
pub fn text_property(path: &[&str]) -> Option<String> {
    host::property(path).and_then(|bytes| String::from_utf8(bytes).ok())
}

/// `source.address` without its port: `192.0.2.1:4711`, `[2001:db8::1]:4711`.
pub fn client_address() -> Option<String> {
    let address = text_property(&["source", "address"])?;
    let host = address
        .rsplit_once(':')
        .map_or(address.as_str(), |(host, _)| host);
    Some(
        host.trim_start_matches('[')
            .trim_end_matches(']')
            .to_owned(),
    )
}
