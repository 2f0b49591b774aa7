//! The engine as a shell drives it: headers in, a callout or a decision out.

mod cache;
mod classification;
mod edits;
mod replies;

use std::time::Duration;

use super::{Engine, Outbox};
use crate::auth_service::Reply;
use crate::config::Config;
use crate::decision::{Next, StreamId};
use crate::denial::Answer;
use crate::identity::HeaderEdit;
use crate::request::RequestHead;

const NOW: Duration = Duration::from_secs(1_000_000);
const CREATE_RUN: &str = "/api/2.0/mlflow/runs/create";
const SEARCH_RUNS: &str = "/api/2.0/mlflow/runs/search";
const READER: &str = r#"{"user_id": "u1", "key_id": "key_1", "scopes": ["model:read"]}"#;
const WRITER: &str = r#"{"user_id": "u2", "key_id": "key_2", "scopes": ["tracking:write"]}"#;

/// An engine, its clock, and a request after another.
struct Shell {
    engine: Engine,
    now: Duration,
    client: Option<&'static str>,
    streams: u32,
    /// Callouts so far.
    asked: u32,
    outbox: Outbox,
}

impl Shell {
    fn new(more: &str) -> Self {
        Self::with_service("", more)
    }

    fn with_service(service: &str, more: &str) -> Self {
        let text = format!(r#"{{"auth_service": {{"cluster": "auth"{service}}}{more}}}"#);
        let engine = Engine::new(Config::parse(text.as_bytes()).unwrap(), text.as_bytes());
        Self {
            engine,
            now: NOW,
            client: None,
            streams: 0,
            asked: 0,
            outbox: Outbox::default(),
        }
    }

    fn headers(&mut self, headers: &[(&[u8], &[u8])]) -> (StreamId, Next) {
        self.streams += 1;
        let stream = StreamId(self.streams);
        let head = RequestHead {
            headers,
            client_address: self.client,
        };
        let next = self.engine.on_request_headers(stream, self.now, &head);
        self.asked += u32::from(matches!(next, Next::Ask(_)));
        self.note_outbox();
        (stream, next)
    }

    /// A request whose callout, if there is one, is answered with `reply`.
    fn exchange(&mut self, headers: &[(&[u8], &[u8])], reply: &Reply<'_>) -> Next {
        let (stream, next) = self.headers(headers);
        if !matches!(next, Next::Ask(_)) {
            return next;
        }
        let head = RequestHead {
            headers,
            client_address: self.client,
        };
        let next = self.engine.on_auth_reply(stream, self.now, reply, &head);
        self.note_outbox();
        next.expect("the stream waits")
    }

    fn note_outbox(&mut self) {
        let outbox = self.engine.take_outbox();
        self.outbox.metrics.extend(outbox.metrics);
        self.outbox.errors.extend(outbox.errors);
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

fn valid(body: &str) -> Reply<'_> {
    Reply::Response {
        status: 200,
        from_service: true,
        retry_after: None,
        body: body.as_bytes(),
    }
}

fn status(status: u16, from_service: bool) -> Reply<'static> {
    Reply::Response {
        status,
        from_service,
        retry_after: None,
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

fn edits(next: &Next) -> &[HeaderEdit] {
    match next {
        Next::Forward(_, edits) => edits,
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
