//! One request as the host holds it: forwarded, answered or refused exactly once.
//!
//! Owns what has become of the request and what has come of its body. It does not know why; `plugin` does. What is done
//! here is done to the effective context, which must be the request's own.

use std::cell::{Cell, OnceCell};
use std::rc::Rc;

use mlflow_authz::denial::Answer;
use mlflow_authz::upstream::{HeaderEdit, HeaderEdits};
use mlflow_authz::{Decision, HostFacts, Property, StreamId};

use crate::host::{self, HeaderMap, HostError};

/// The answer when the filter itself cannot go on; the log says why.
const BROKEN_BODY: &str = r#"{"error_code":"TEMPORARILY_UNAVAILABLE","message":"The authorization filter could not decide about this request. Retry later.","reason":"auth_unavailable"}"#;

/// A request, shared by its stream and by the plugin while it is held.
#[derive(Clone)]
pub struct Request(Rc<Shared>);

struct Shared {
    id: StreamId,
    state: Cell<State>,
    has_headers: Cell<bool>,
    /// Whether one of the request's own callbacks is running: what that returns lets it go on.
    in_callback: Cell<bool>,
    body: Cell<Body>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    Undecided,
    /// Its body is needed; no more than so many bytes.
    Reading(usize),
    Forwarded {
        /// Whether it is for MLflow, as far as is known.
        mounted: bool,
    },
    Answered,
}

/// What has come of the body, held back by the host.
#[derive(Debug, Clone, Copy, Default)]
struct Body {
    size: usize,
    ended: bool,
}

impl Request {
    /// A request that nothing is known of yet.
    pub fn new(id: StreamId) -> Self {
        Self(Rc::new(Shared {
            id,
            state: Cell::new(State::Undecided),
            has_headers: Cell::default(),
            in_callback: Cell::default(),
            body: Cell::default(),
        }))
    }

    /// Its stream.
    pub fn id(&self) -> StreamId {
        self.0.id
    }

    /// Whether nothing was decided yet.
    pub fn is_undecided(&self) -> bool {
        matches!(self.0.state.get(), State::Undecided | State::Reading(_))
    }

    /// Whether it goes on.
    pub fn is_forwarded(&self) -> bool {
        matches!(self.0.state.get(), State::Forwarded { .. })
    }

    /// Whether it was answered in the server's place, or ended.
    pub fn is_answered(&self) -> bool {
        self.0.state.get() == State::Answered
    }

    /// Headers have come. Returns whether they are the first.
    pub fn headers_came(&self) -> bool {
        !self.0.has_headers.replace(true)
    }

    /// Runs one of the request's own callbacks.
    pub fn in_callback(&self, callback: impl FnOnce()) {
        self.0.in_callback.set(true);
        callback();
        self.0.in_callback.set(false);
    }

    /// So much of the body has come.
    pub fn body_came(&self, size: usize, ended: bool) {
        let ended = ended || self.0.body.get().ended;
        self.0.body.set(Body { size, ended });
    }

    /// No more of the body will come.
    pub fn body_ended(&self) {
        let Body { size, .. } = self.0.body.get();
        self.body_came(size, true);
    }

    /// Its body is needed.
    pub fn read(&self, limit: usize) {
        if self.is_undecided() {
            self.0.state.set(State::Reading(limit));
        }
    }

    /// How many bytes of the body are to be looked at, once all that is needed has come.
    pub fn readable(&self) -> Option<usize> {
        let State::Reading(limit) = self.0.state.get() else {
            return None;
        };
        let Body { size, ended } = self.0.body.get();
        (ended || size > limit).then(|| size.min(limit.saturating_add(1)))
    }

    /// Whether it may be for MLflow, as far as is known.
    pub fn may_be_mounted(&self) -> bool {
        self.0.state.get() != State::Forwarded { mounted: false }
    }

    /// Lets it go on, with its headers edited.
    pub fn forward(&self, decision: &Decision, edits: &HeaderEdits) -> Result<(), HostError> {
        if !self.is_undecided() {
            return Ok(());
        }
        for edit in edits.iter() {
            match edit {
                HeaderEdit::Remove(name) => host::remove_header(HeaderMap::Request, name)?,
                HeaderEdit::Set(name, value) => host::set_request_header(name, value)?,
                HeaderEdit::Add(name, value) => host::add_request_header(name, value)?,
            }
        }
        if !self.0.in_callback.get() {
            host::continue_request()?;
        }
        let mounted = decision.mount.is_some();
        self.0.state.set(State::Forwarded { mounted });
        Ok(())
    }

    /// Answers it in the server's place.
    pub fn answer(&self, decision: &Decision, answer: &Answer) -> Result<(), HostError> {
        if !self.is_undecided() {
            return Ok(());
        }
        let headers: Vec<(&str, &str)> = answer
            .headers
            .iter()
            .map(|(name, value)| (*name, &**value))
            .collect();
        let details = format!("mlflow_authz_{}", decision.reason.as_str());
        host::send_local_response(answer.status, &details, &headers, &answer.body)?;
        self.0.state.set(State::Answered);
        Ok(())
    }

    /// Ends it, whether it went on already or not.
    pub fn abort(&self) {
        if self.is_undecided() {
            return self.refuse();
        }
        self.0.state.set(State::Answered);
        if let Err(error) = host::close_request() {
            log::error!("request held: {error}");
        }
    }

    /// The refusal that needs nothing but the host. Where even that fails, the stream is reset.
    pub fn refuse(&self) {
        if !self.is_undecided() {
            return;
        }
        self.0.state.set(State::Answered);
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

/// What the host knows of the request that is the effective context, each fact read once and when it is asked for.
#[derive(Debug, Default)]
pub struct LazyFacts {
    client_address: OnceCell<Option<String>>,
}

impl HostFacts for LazyFacts {
    fn client_address(&self) -> Option<&str> {
        self.client_address.get_or_init(client_address).as_deref()
    }

    fn property(&self, path: &str) -> Property {
        host::any_property(path).unwrap_or_else(|error| {
            log::error!("{error}");
            Property::Failed
        })
    }
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
