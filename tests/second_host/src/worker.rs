//! One worker: a guest with one root context, and the callbacks that requests, replies and time make.

use std::sync::Arc;
use std::time::Duration;

use proxy_wasm_host::VecHeaderMap;
use proxy_wasm_host::abi::v0_2_1::types::Action;
use proxy_wasm_host::abi::v0_2_1::{
    CallScope, Callback, ContextId, Guest, GuestError, HttpCallResponse, Invocation, PluginConfig,
    StreamKind,
};

use crate::services::{Callout, Client};
use crate::streams::{Outcome, Stream, Streams};
use simulated_host::world;

use crate::Pair;

/// A read, as a target below the mount.
pub const READ: (&str, &str) = ("GET", "/api/mlflow/api/2.0/mlflow/runs/get?run_id=1");
/// A write.
pub const WRITE: (&str, &str) = ("POST", "/api/mlflow/api/2.0/mlflow/runs/create");
/// Not under a mount.
pub const OUTSIDE: (&str, &str) = ("GET", "/elsewhere");

/// A request to be opened.
#[derive(Debug, Clone, Default)]
pub struct Request {
    /// Headers with pseudo-headers.
    pub headers: Vec<Pair>,
    /// Whether body or trailers follow the headers.
    pub more_follows: bool,
}

impl Request {
    /// A request with a key, and more headers.
    pub fn new(target: (&str, &str), key: Option<&str>, more: &[(&str, &str)]) -> Self {
        Self {
            headers: world::request(target, key, more).headers,
            more_follows: false,
        }
    }

    /// The same, with body or trailers behind the headers.
    #[must_use]
    pub fn and_more(mut self) -> Self {
        self.more_follows = true;
        self
    }
}

/// A worker of a proxy.
pub struct Worker {
    /// The module.
    pub guest: Guest,
    /// Its root context.
    pub root: ContextId,
    /// Its requests.
    pub streams: Streams,
    client: Arc<Client>,
    ticked: Duration,
}

impl Worker {
    /// The plugin of a configuration.
    pub fn plugin(configuration: &str) -> PluginConfig {
        PluginConfig::new()
            .with_name("mlflow_authz")
            .with_root_id("mlflow_authz")
            .with_configuration(configuration)
    }

    /// A worker whose guest serves.
    pub fn new(guest: Guest, root: ContextId, client: Arc<Client>) -> Self {
        Self {
            guest,
            root,
            streams: Streams::default(),
            client,
            ticked: Duration::ZERO,
        }
    }

    /// Makes callbacks with all requests lent to the module. Fails the test when the module traps.
    fn with<R>(
        &mut self,
        go: impl FnOnce(&mut CallScope<'_, Streams>) -> Result<R, GuestError>,
    ) -> R {
        let streams = std::mem::take(&mut self.streams);
        let (result, streams) = self.guest.with(streams, go);
        self.streams = streams;
        assert!(!self.guest.is_poisoned(), "a trap: {:?}", result.err());
        result.unwrap()
    }

    /// The callback that a tick or a reply runs in, as services of the proxy see it.
    pub fn invocation(&self) -> Invocation {
        Invocation::new(self.guest.id(), self.root).with_callback(Callback::Tick)
    }

    /// Opens a request.
    pub fn open(&mut self, request: Request) -> ContextId {
        let root = self.root;
        let stream = self.with(|scope| scope.on_context_create(Some(root)));
        let count = u32::try_from(request.headers.len()).unwrap();
        let properties = [("source.address".to_owned(), b"192.0.2.7:4711".to_vec())];
        self.streams.by_context.insert(
            stream,
            Stream {
                headers: VecHeaderMap::from(request.headers),
                properties: properties.into(),
                ..Stream::default()
            },
        );
        let action = self.with(|scope| {
            scope.expect_stream_kind(stream, StreamKind::Http)?;
            scope.on_request_headers(stream, count, !request.more_follows)
        });
        self.settle(stream, action);
        stream
    }

    /// A part of a body has come. What came before it is still held, if the request is.
    pub fn body(&mut self, stream: ContextId, bytes: &[u8], end: bool) {
        let held = self.streams.by_context.get_mut(&stream).unwrap();
        if held.outcome.is_some() {
            held.body.clear();
        }
        held.body.extend(bytes);
        let size = u32::try_from(held.body.len()).unwrap();
        let action = self.with(|scope| scope.on_request_body(stream, size, end));
        self.settle(stream, action);
    }

    /// Trailers have come.
    pub fn trailers(&mut self, stream: ContextId, trailers: &[Pair]) {
        let held = self.streams.by_context.get_mut(&stream).unwrap();
        held.trailers = VecHeaderMap::from(trailers.to_vec());
        let count = u32::try_from(trailers.len()).unwrap();
        let action = self.with(|scope| scope.on_request_trailers(stream, count));
        self.settle(stream, action);
    }

    fn settle(&mut self, stream: ContextId, action: Action) {
        if action == Action::Continue {
            self.streams.by_context.get_mut(&stream).unwrap().forward();
        }
    }

    /// The stream is over, as a proxy ends it.
    pub fn end(&mut self, stream: ContextId) -> Stream {
        self.with(|scope| {
            assert!(scope.on_done(stream)?);
            scope.on_log(stream)?;
            scope.on_delete(stream)
        });
        self.streams.by_context.remove(&stream).unwrap()
    }

    /// Replies to the oldest callout of this worker, which it returns; `None` when it has none.
    pub fn reply(&mut self, response: HttpCallResponse<'static>) -> Option<Callout> {
        let callout = self.client.take(self.guest.id())?;
        self.with(|scope| scope.on_http_call_response(callout.context, callout.id, response));
        Some(callout)
    }

    /// The same as a proxy does it that lends no request to replies of a root context.
    pub fn reply_without_streams(&mut self, response: HttpCallResponse<'static>) {
        let callout = self.client.take(self.guest.id()).unwrap();
        let mut scope = self.guest.enter_root();
        scope
            .on_http_call_response(callout.context, callout.id, response)
            .unwrap();
    }

    /// The timer has fired.
    pub fn tick(&mut self) {
        let root = self.root;
        self.with(|scope| scope.on_tick(root));
    }

    pub(crate) fn tick_when_due(&mut self, now: Duration) {
        let due = |period| now >= self.ticked + period;
        if self.guest.tick_period(self.root).is_some_and(due) {
            self.ticked = now;
            self.tick();
        }
    }

    /// A request as it is now.
    pub fn stream(&self, stream: ContextId) -> &Stream {
        &self.streams.by_context[&stream]
    }

    /// What became of a request in a word: `waits`, `forwarded`, `reset`, or status and reason (`403 scope_missing`).
    pub fn result(&self, stream: ContextId) -> String {
        match &self.stream(stream).outcome {
            None => "waits".to_owned(),
            Some(Outcome::Forwarded(_)) => "forwarded".to_owned(),
            Some(Outcome::Reset) => "reset".to_owned(),
            Some(Outcome::Answered(answer)) => {
                let body: serde_json::Value =
                    serde_json::from_slice(&answer.body).unwrap_or_default();
                let reason = body.get("reason").and_then(|reason| reason.as_str());
                format!("{} {}", answer.status, reason.unwrap_or("?"))
            }
        }
    }

    /// The headers that upstream receives.
    ///
    /// # Panics
    /// When the request did not go upstream.
    pub fn forwarded(&self, stream: ContextId) -> &[Pair] {
        match &self.stream(stream).outcome {
            Some(Outcome::Forwarded(headers)) => headers,
            other => panic!("{other:?}"),
        }
    }
}
