//! One request as the proxy sees it: its headers, whether it is held, and what became of it. It records
//! what the module did wrong and decides nothing.

use std::collections::{BTreeMap, VecDeque};

use crate::clock::Clock;
use crate::pairs::Pair;

/// A request to be opened.
#[derive(Debug, Clone, Default)]
pub struct Request {
    /// Headers with pseudo-headers.
    pub headers: Vec<Pair>,
    /// Whether body or trailers follow the headers.
    pub more_follows: bool,
    /// The stream is deleted as soon as it is answered or reset, from within the host's callback.
    pub hasty: bool,
    /// Properties that are there from the start, by path, a zero byte between names.
    pub properties: BTreeMap<Vec<u8>, Vec<u8>>,
    /// What filters before the module have left, by the filter's name.
    pub metadata: serde_json::Value,
}

/// A response that the module made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Answer {
    /// HTTP status.
    pub status: u32,
    /// Response code details.
    pub details: String,
    /// Headers without `:status`.
    pub headers: Vec<Pair>,
    /// Body.
    pub body: Vec<u8>,
}

/// What became of a request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    /// Went upstream with these headers.
    Forwarded(Vec<Pair>),
    /// The module answered.
    Answered(Answer),
    /// The module reset the stream.
    Reset,
}

/// A part of the request behind its headers.
#[derive(Debug, Clone)]
pub(crate) enum Part {
    Body { bytes: Vec<u8>, end: bool },
    Trailers(Vec<Pair>),
}

/// A stream context of the host.
#[derive(Debug)]
pub struct Stream {
    /// Its root context.
    pub root: u32,
    /// The request's headers as they are now.
    pub headers: Vec<Pair>,
    /// The request's trailers as they are now.
    pub trailers: Vec<Pair>,
    /// Properties by path, parts separated by a zero byte.
    pub properties: BTreeMap<Vec<u8>, Vec<u8>>,
    /// What filters before the module have left, by the filter's name.
    pub metadata: serde_json::Value,
    /// `None` as long as nothing has.
    pub outcome: Option<Outcome>,
    /// When the headers arrived.
    pub opened_at: Clock,
    /// When something became of the request.
    pub decided_at: Option<Clock>,
    /// What the filter sees of the body.
    pub body: Vec<u8>,
    pub(crate) hasty: bool,
    /// Envoy: trailers can be read from their callback until they go on.
    pub(crate) trailers_readable: bool,
    /// Whether the header callback has returned `Pause` and nothing has let the request go on.
    pub(crate) paused: bool,
    /// Envoy: headers can be read from the header callback until the request goes on.
    pub(crate) readable: bool,
    /// Parts that have arrived but not reached the filter.
    pub(crate) queued: VecDeque<Part>,
}

impl Stream {
    pub(crate) fn new(root: u32, request: Request, opened_at: Clock) -> Self {
        Self {
            root,
            headers: request.headers,
            trailers: Vec::new(),
            properties: request.properties,
            metadata: request.metadata,
            outcome: None,
            opened_at,
            decided_at: None,
            body: Vec::new(),
            hasty: request.hasty,
            trailers_readable: false,
            paused: false,
            readable: true,
            queued: VecDeque::new(),
        }
    }

    /// Whether it waits for the module to decide.
    pub const fn waits(&self) -> bool {
        self.outcome.is_none()
    }

    /// Sends the request on.
    pub(crate) fn forward(&mut self, now: Clock) {
        self.paused = false;
        self.readable = false;
        self.decide(Outcome::Forwarded(self.headers.clone()), now);
    }

    pub(crate) fn decide(&mut self, outcome: Outcome, now: Clock) {
        self.outcome = Some(outcome);
        self.decided_at = Some(now);
    }
}
