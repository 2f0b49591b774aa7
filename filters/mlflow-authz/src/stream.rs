//! One request: feeds its events to the engine and does what the engine says.
//!
//! Until there is a decision, headers, body and trailers are all held back, so that nothing leaves under
//! either setting of `allow_on_headers_stop_iteration`. Whatever the host does not let the filter do ends
//! in a refusal.

use std::time::Duration;

use mlflow_authz::audit::HostFacts;
use mlflow_authz::auth_service::{Callout, MAX_BODY_BYTES, Reply};
use mlflow_authz::denial::Answer;
use mlflow_authz::identity::HeaderEdit;
use mlflow_authz::{Decision, Engine, Next, RequestHead, StreamId};
use proxy_wasm::traits::{Context, HttpContext};
use proxy_wasm::types::Action;

use crate::host::{self, Buffer, HeaderMap, HostError};
use crate::metrics;
use crate::root::SharedEngine;

/// The filter state that the access log reads as `wasm.mlflow_authz`.
const ACCESS_LOG_PROPERTY: &str = "mlflow_authz";

/// The answer when the filter itself cannot go on; the log says why.
const BROKEN_BODY: &str = r#"{"error_code":"TEMPORARILY_UNAVAILABLE","message":"The authorization filter could not decide about this request. Retry later.","reason":"auth_unavailable"}"#;

/// The HTTP context of one request.
pub struct Stream {
    id: StreamId,
    engine: Option<SharedEngine>,
    state: State,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    Undecided,
    /// Waits for the reply to this callout.
    Asked(u32),
    Forwarded,
    Answered,
}

/// Why the filter could not decide.
enum Broken {
    NoConfiguration,
    EngineBusy,
    Host(HostError),
}

impl From<HostError> for Broken {
    fn from(error: HostError) -> Self {
        Self::Host(error)
    }
}

impl std::fmt::Display for Broken {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::NoConfiguration => f.write_str("no configuration is in force"),
            Self::EngineBusy => f.write_str("the engine is already handling an event"),
            Self::Host(error) => error.fmt(f),
        }
    }
}

impl Stream {
    /// A stream that nothing is known of yet.
    pub const fn new(context_id: u32, engine: Option<SharedEngine>) -> Self {
        Self {
            id: StreamId(context_id),
            engine,
            state: State::Undecided,
        }
    }

    /// Feeds one event to the engine and does what it says; refuses where that fails.
    fn on_event(
        &mut self,
        event: impl FnOnce(&mut Engine, StreamId, Duration, &RequestHead<'_>) -> Option<Next>,
    ) {
        if let Err(broken) = self.try_event(event) {
            log::error!("request refused: {broken}");
            self.refuse();
        }
    }

    fn try_event(
        &mut self,
        event: impl FnOnce(&mut Engine, StreamId, Duration, &RequestHead<'_>) -> Option<Next>,
    ) -> Result<(), Broken> {
        let shared = self.engine.clone().ok_or(Broken::NoConfiguration)?;
        let mut engine = shared.try_borrow_mut().map_err(|_| Broken::EngineBusy)?;
        let now = host::now()?;
        let pairs = host::header_pairs(HeaderMap::Request)?;
        let headers = pairs.pairs()?;
        let sends_address = engine.config().auth_service.send_client_ip;
        let client = if sends_address {
            client_address()
        } else {
            None
        };
        let head = RequestHead {
            headers: &headers,
            client_address: client.as_deref(),
        };
        let mut next = event(&mut engine, self.id, now, &head);
        // A callout that the host would not send is a reply too; it never asks again.
        while let Some(step) = next.take() {
            next = match step {
                Next::Ask(callout) => match self.dispatch(&callout) {
                    Ok(()) => None,
                    Err(()) => engine.on_auth_reply(self.id, now, &Reply::NotSent, &head),
                },
                Next::Forward(decision, edits) => {
                    self.record(&mut engine, now, &decision, &head);
                    self.forward(&edits)?;
                    None
                }
                Next::Answer(decision, answer) => {
                    self.record(&mut engine, now, &decision, &head);
                    self.answer(&decision, &answer)?;
                    None
                }
            };
        }
        metrics::flush(&mut engine);
        Ok(())
    }

    fn dispatch(&mut self, callout: &Callout) -> Result<(), ()> {
        let headers = callout
            .headers
            .iter()
            .map(|(name, value)| (*name, value.as_str()))
            .collect();
        let sent = self.dispatch_http_call(
            &callout.cluster,
            headers,
            Some(&callout.body),
            Vec::new(),
            callout.timeout,
        );
        self.state = State::Asked(sent.map_err(|_| ())?);
        Ok(())
    }

    /// Leaves the decision in the access log and the audit log. Neither decides about the request.
    fn record(
        &self,
        engine: &mut Engine,
        now: Duration,
        decision: &Decision,
        head: &RequestHead<'_>,
    ) {
        if decision.mount.is_some() {
            let field = engine.access_log_field(decision);
            if let Err(error) = host::set_property(ACCESS_LOG_PROPERTY, &field) {
                log::warn!("access log: {error}");
            }
        }
        if engine.wants_audit(decision) {
            let facts = HostFacts {
                route: text_property(&["xds", "route_name"]),
                client: client_address(),
            };
            if let Some(record) = engine.audit_record(now, decision, head, facts) {
                log::warn!("{record}");
            }
        }
    }

    fn forward(&mut self, edits: &[HeaderEdit]) -> Result<(), HostError> {
        for edit in edits {
            match edit {
                HeaderEdit::Remove(name) => host::remove_request_header(name)?,
                HeaderEdit::Set(name, value) => host::set_request_header(name, value)?,
            }
        }
        if matches!(self.state, State::Asked(_)) {
            host::continue_request()?;
        }
        self.state = State::Forwarded;
        Ok(())
    }

    fn answer(&mut self, decision: &Decision, answer: &Answer) -> Result<(), HostError> {
        let headers: Vec<(&str, &str)> = answer
            .headers
            .iter()
            .map(|(name, value)| (*name, value.as_str()))
            .collect();
        let details = format!("mlflow_authz_{}", decision.reason.as_str());
        host::send_local_response(answer.status, &details, &headers, &answer.body)?;
        self.state = State::Answered;
        Ok(())
    }

    /// The refusal that needs nothing but the host. Where even that fails, the stream is reset.
    fn refuse(&mut self) {
        if self.state == State::Answered {
            return;
        }
        self.state = State::Answered;
        let headers = [("content-type", "application/json")];
        if host::send_local_response(503, "mlflow_authz_broken", &headers, BROKEN_BODY).is_err()
            && let Err(error) = host::close_request()
        {
            log::error!("request held: {error}");
        }
    }

    fn action(&self) -> Action {
        if self.state == State::Forwarded {
            Action::Continue
        } else {
            Action::Pause
        }
    }
}

impl Drop for Stream {
    fn drop(&mut self) {
        if let Some(mut engine) = self
            .engine
            .as_ref()
            .and_then(|engine| engine.try_borrow_mut().ok())
        {
            engine.on_stream_gone(self.id);
        }
    }
}

impl HttpContext for Stream {
    fn on_http_request_headers(&mut self, _: usize, _: bool) -> Action {
        // A second header block for the same stream (1xx is upstream's) would be a host's mistake.
        if self.state == State::Undecided {
            self.on_event(|engine, id, now, head| Some(engine.on_request_headers(id, now, head)));
        }
        self.action()
    }

    fn on_http_request_body(&mut self, _: usize, _: bool) -> Action {
        self.action()
    }

    fn on_http_request_trailers(&mut self, _: usize) -> Action {
        self.action()
    }
}

impl Context for Stream {
    fn on_http_call_response(&mut self, token: u32, num_headers: usize, _: usize, _: usize) {
        if self.state != State::Asked(token) {
            return;
        }
        match CalloutReply::read(num_headers) {
            Ok(received) => self.on_event(|engine, id, now, head| {
                engine.on_auth_reply(id, now, &received.reply(), head)
            }),
            Err(error) => {
                log::error!("request refused: {error}");
                self.refuse();
            }
        }
    }
}

/// A callout's reply, read from the host.
struct CalloutReply {
    headers: host::HeaderPairs,
    body: Vec<u8>,
    arrived: bool,
}

impl CalloutReply {
    fn read(num_headers: usize) -> Result<Self, HostError> {
        // Zero headers: the connection was reset in the middle of the response.
        let arrived = num_headers > 0;
        let headers = host::header_pairs(HeaderMap::CalloutReply)?;
        let body = host::buffer(Buffer::CalloutReply, MAX_BODY_BYTES + 1)?;
        Ok(Self {
            headers,
            body,
            arrived,
        })
    }

    fn reply(&self) -> Reply<'_> {
        let Some(headers) = self.arrived.then(|| self.headers.pairs().ok()).flatten() else {
            return Reply::Reset;
        };
        let find = |wanted: &[u8]| {
            headers
                .iter()
                .find(|(name, _)| *name == wanted)
                .map(|(_, value)| *value)
        };
        let status =
            find(b":status").and_then(|value| std::str::from_utf8(value).ok()?.parse().ok());
        let Some(status) = status else {
            return Reply::Reset;
        };
        Reply::Response {
            status,
            from_service: find(b"x-envoy-upstream-service-time").is_some(),
            retry_after: find(b"retry-after"),
            body: &self.body,
        }
    }
}

fn text_property(path: &[&str]) -> Option<String> {
    host::property(path).and_then(|bytes| String::from_utf8(bytes).ok())
}

/// `source.address` without its port: `192.0.2.1:4711`, `[2001:db8::1]:4711`.
fn client_address() -> Option<String> {
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
