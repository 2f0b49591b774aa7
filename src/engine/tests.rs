//! The engine as a shell drives it: headers in, a callout or a decision out.

mod attacks;
mod cache;
mod certificates;
mod classification;
mod edits;
mod in_flight;
mod introspection;
mod keys;
mod name_scoped;
mod needs;
mod outside;
mod protection;
mod replies;
mod revocation;
mod seen;
mod shadow;
mod stale;
mod tokens;
mod whoami;
mod workers;
mod workspaces;

use std::collections::HashMap;
use std::time::Duration;

use super::{CalloutId, Engine, HostContext, Outbox};
use crate::auth_service::tests::reply;
use crate::auth_service::{Callout, Reply};
use crate::config::Config;
use crate::config::tests::mounted;
use crate::denial::Answer;
use crate::engine::{Next, StreamId};
use crate::request::{HostFacts, RequestHead};
use crate::shared_data::LocalData;
use crate::token::GivenFacts;
use crate::upstream::HeaderEdit;

const NOW: Duration = Duration::from_secs(1_000_000);
const CREATE_RUN: &str = "/api/2.0/mlflow/runs/create";
const SEARCH_RUNS: &str = "/api/2.0/mlflow/runs/search";
const READER: &str = r#"{"user_id": "u1", "key_id": "key_1", "scopes": ["model:read"]}"#;
const WRITER: &str = r#"{"user_id": "u2", "key_id": "key_2", "scopes": ["tracking:write"]}"#;

type OwnedHeaders = Vec<(Vec<u8>, Vec<u8>)>;

/// The engines of a proxy's workers, their clock and what they share, and what is under way.
struct Shell {
    workers: Vec<Engine>,
    shared: LocalData,
    now: Duration,
    client: Option<&'static str>,
    /// What the host knows of every request, where that is more than the client's address.
    given: Option<GivenFacts<'static>>,
    streams: u32,
    /// Requests that are not decided, with their worker and headers.
    requests: HashMap<StreamId, (usize, OwnedHeaders)>,
    /// Requests that were woken and decided.
    decided: HashMap<StreamId, Next>,
    /// Callouts that have no reply, oldest first.
    open: Vec<(usize, CalloutId, Callout)>,
    /// Callouts so far.
    asked: u32,
    outbox: Outbox,
}

impl Shell {
    fn new(more: &str) -> Self {
        Self::with_service("", more)
    }

    fn with_service(service: &str, more: &str) -> Self {
        Self::with_workers(1, service, more)
    }

    fn with_workers(workers: usize, service: &str, more: &str) -> Self {
        Self::of(
            workers,
            &format!(r#""auth_service": {{"cluster": "auth"{service}}}{more}"#),
        )
    }

    fn of(workers: usize, fields: &str) -> Self {
        let text = mounted(fields);
        let engine = |_| {
            let mut engine = Engine::new(Config::parse(text.as_bytes()).unwrap(), text.as_bytes());
            engine.enter_force();
            engine
        };
        Self {
            workers: (0..workers).map(engine).collect(),
            shared: LocalData::default(),
            now: NOW,
            client: None,
            given: None,
            streams: 0,
            requests: HashMap::new(),
            decided: HashMap::new(),
            open: Vec::new(),
            asked: 0,
            outbox: Outbox::default(),
        }
    }

    fn facts<'a>(
        given: &'a Option<GivenFacts<'static>>,
        client: &'a Option<&'static str>,
    ) -> Option<&'a dyn HostFacts> {
        let client = client.as_ref().map(|client| client as &dyn HostFacts);
        given.as_ref().map(|given| given as _).or(client)
    }

    fn engine(&mut self) -> &mut Engine {
        &mut self.workers[0]
    }

    fn headers(&mut self, headers: &[(&[u8], &[u8])]) -> (StreamId, Next) {
        self.headers_at(0, headers)
    }

    fn headers_at(&mut self, worker: usize, headers: &[(&[u8], &[u8])]) -> (StreamId, Next) {
        self.streams += 1;
        let stream = StreamId(self.streams);
        let head = RequestHead {
            headers,
            facts: Self::facts(&self.given, &self.client),
        };
        let context = HostContext {
            now: self.now,
            shared: &self.shared,
        };
        let next = self.workers[worker].on_request_headers(stream, &context, &head);
        if matches!(next, Next::Wait | Next::ReadBody { .. }) {
            let owned = headers.iter().map(|(n, v)| (n.to_vec(), v.to_vec()));
            self.requests.insert(stream, (worker, owned.collect()));
        }
        self.empty_outbox(worker);
        (stream, next)
    }

    /// A request that is to wait, `POST` with a key.
    fn waiting(&mut self, worker: usize, key: &str, path: &str) -> StreamId {
        let (stream, next) = self.headers_at(worker, &with_key(key, path));
        assert!(matches!(next, Next::Wait), "{next:?}");
        stream
    }

    /// A `POST` with a key: the reason of its decision, or `ask`.
    fn post(&mut self, worker: usize, key: &str, path: &str) -> &'static str {
        reason(&self.headers_at(worker, &with_key(key, path)).1)
    }

    /// A request whose callout, if there is one, is answered with `reply`.
    fn exchange(&mut self, headers: &[(&[u8], &[u8])], reply: &Reply<'_>) -> Next {
        let (stream, next) = self.headers(headers);
        if !matches!(next, Next::Wait) {
            return next;
        }
        let (worker, callout, _) = self.open.pop().expect("a callout");
        self.reply_to(worker, callout, reply);
        self.decided.remove(&stream).expect("the stream was woken")
    }

    /// The oldest open callout is answered.
    fn reply(&mut self, reply: &Reply<'_>) {
        let (worker, callout, _) = self.open.remove(0);
        self.reply_to(worker, callout, reply);
    }

    fn reply_to(&mut self, worker: usize, callout: CalloutId, reply: &Reply<'_>) {
        let context = HostContext {
            now: self.now,
            shared: &self.shared,
        };
        self.workers[worker].on_callout_reply(callout, &context, reply);
        self.empty_outbox(worker);
    }

    fn tick(&mut self, worker: usize) {
        let context = HostContext {
            now: self.now,
            shared: &self.shared,
        };
        self.workers[worker].on_tick(&context);
        self.empty_outbox(worker);
    }

    fn tick_all(&mut self) {
        for worker in 0..self.workers.len() {
            self.tick(worker);
        }
    }

    fn later(&mut self, milliseconds: u64) {
        self.now += Duration::from_millis(milliseconds);
    }

    fn gone(&mut self, stream: StreamId) {
        let (worker, _) = self.requests.remove(&stream).expect("the stream waits");
        self.workers[worker].on_stream_gone(stream);
    }

    /// The reason of the decision about a request that waited; `ask` while it still does.
    fn outcome(&self, stream: StreamId) -> &'static str {
        self.decided.get(&stream).map_or("ask", reason)
    }

    fn empty_outbox(&mut self, worker: usize) {
        loop {
            let outbox = self.workers[worker].take_outbox();
            if outbox.is_empty() {
                return;
            }
            self.outbox.metrics.extend(outbox.metrics);
            self.outbox.errors.extend(outbox.errors);
            self.asked += u32::try_from(outbox.callouts.len()).unwrap();
            let callouts = outbox.callouts.into_iter();
            self.open
                .extend(callouts.map(|(id, callout)| (worker, id, callout)));
            for stream in outbox.wake {
                self.wake(stream);
            }
        }
    }

    fn wake(&mut self, stream: StreamId) {
        let Some((worker, headers)) = self.requests.get(&stream) else {
            return;
        };
        let borrowed: Vec<(&[u8], &[u8])> = headers
            .iter()
            .map(|(name, value)| (name.as_slice(), value.as_slice()))
            .collect();
        let head = RequestHead {
            headers: &borrowed,
            facts: Self::facts(&self.given, &self.client),
        };
        let context = HostContext {
            now: self.now,
            shared: &self.shared,
        };
        let next = self.workers[*worker].on_woken(stream, &context, &head);
        let next = next.expect("a stream that is woken waits");
        if !matches!(next, Next::Wait | Next::ReadBody { .. }) {
            self.requests.remove(&stream);
            let earlier = self.decided.insert(stream, next);
            assert!(earlier.is_none(), "a request is decided once");
        }
    }

    /// The body of a request that is held for it, or its beginning. `None` when it is not asked for.
    fn body(&mut self, stream: StreamId, body: &[u8]) -> Option<Next> {
        let (worker, headers) = self.requests.get(&stream).expect("the stream is held");
        let (worker, headers) = (*worker, headers.clone());
        let borrowed: Vec<(&[u8], &[u8])> = headers
            .iter()
            .map(|(name, value)| (name.as_slice(), value.as_slice()))
            .collect();
        let head = RequestHead {
            headers: &borrowed,
            facts: Self::facts(&self.given, &self.client),
        };
        let next = self.workers[worker].on_body(stream, &head, body)?;
        self.requests.remove(&stream);
        self.empty_outbox(worker);
        Some(next)
    }

    /// A request with `K1`, of which the service says `body`.
    fn request(&mut self, method: &str, path: &str, body: &str) -> Next {
        let headers: [(&[u8], &[u8]); 3] = [
            (b":method", method.as_bytes()),
            (b":path", path.as_bytes()),
            (b"authorization", b"Bearer K1"),
        ];
        self.exchange(&headers, &valid(body))
    }

    /// A request without a key.
    fn anonymous(&mut self, method: &str, path: &str) -> Next {
        self.headers(&[(b":method", method.as_bytes()), (b":path", path.as_bytes())])
            .1
    }

    /// What was counted under a name, and how often or how much.
    fn counted(&self, name: &str) -> i64 {
        let changes = self
            .outbox
            .metrics
            .iter()
            .filter(|(metric, _)| metric.name() == name);
        changes
            .map(|(_, change)| match change {
                super::Change::Add(by) => *by,
                super::Change::Record(value) => i64::try_from(*value).unwrap(),
            })
            .sum()
    }
}

fn with_key<'a>(key: &'a str, path: &'a str) -> [(&'a [u8], &'a [u8]); 3] {
    [
        (b":method", b"POST"),
        (b":path", path.as_bytes()),
        (b"x-api-key", key.as_bytes()),
    ]
}

fn valid(body: &str) -> Reply<'_> {
    reply(200, body.as_bytes())
}

fn status(status: u16, from_service: bool) -> Reply<'static> {
    Reply::Response {
        status,
        from_service,
        retry_after: None,
        cache_control: None,
        body: b"hk_live_secret",
    }
}

/// The reason of a decision; `ask` where there is none yet.
fn reason(next: &Next) -> &'static str {
    next.decision()
        .map_or("ask", |decision| decision.reason.as_str())
}

fn answer(next: &Next) -> &Answer {
    match next {
        Next::Answer(_, answer) => answer,
        other => panic!("no answer: {other:?}"),
    }
}

fn edits(next: &Next) -> Vec<HeaderEdit<'_>> {
    match next {
        Next::Forward(_, edits) => edits.iter().collect(),
        other => panic!("not forwarded: {other:?}"),
    }
}

/// What a denied caller sees: status, error code, reason.
fn seen(next: &Next) -> (u16, String, String) {
    let answer = answer(next);
    let body: serde_json::Value = serde_json::from_str(&answer.body).unwrap();
    let field = |name: &str| body[name].as_str().unwrap().to_owned();
    (answer.status, field("error_code"), field("reason"))
}

fn denied(status: u16, error_code: &str, reason: &str) -> (u16, String, String) {
    (status, error_code.to_owned(), reason.to_owned())
}
