//! A whole decision with a cached principal: headers in, what goes upstream and what is counted out.

use std::hint::black_box;
use std::time::Duration;

use divan::Bencher;
use mlflow_authz::auth_service::Reply;
use mlflow_authz::request::Header;
use mlflow_authz::rules::Rules;
use mlflow_authz::shared_data::LocalData;
use mlflow_authz::{Config, Engine, HostContext, Next, Outbox, RequestHead, StreamId, decide};

const STREAM: StreamId = StreamId(1);
pub(crate) const NOW: Duration = Duration::from_secs(1_000_000);

/// As the documents recommend, with two mounts.
pub(crate) const CONFIG: &[u8] =
    br#"{"auth_service": {"cluster": "auth"}, "mounts": ["/api/mlflow", "/mlflow"]}"#;

/// With headers for identity set: user, key id and scopes.
const SAID: &[u8] = br#"{"user_id": "user_123", "key_id": "key_123",
    "scopes": ["mlflow:access", "model:read", "model:write"], "roles": ["contributor"]}"#;

pub(crate) const BEARER: &str = "Bearer hk_live_0123456789abcdefghij";

pub(crate) fn headers<'a>(
    method: &'a str,
    path: &'a str,
    authorization: &'a str,
) -> Vec<Header<'a>> {
    let headers = [
        (":authority", "registry.example"),
        (":path", path),
        (":method", method),
        (":scheme", "https"),
        ("user-agent", "mlflow-python-client/3.17.2"),
        ("accept-encoding", "gzip, deflate"),
        ("accept", "*/*"),
        ("authorization", authorization),
        ("x-forwarded-proto", "https"),
        ("x-request-id", "b9f4b6de-4ffc-4b1e-a0c4-f3bd07b05e1b"),
    ];
    let bytes = |(name, value): (&'a str, &'a str)| (name.as_bytes(), value.as_bytes());
    headers.into_iter().map(bytes).collect()
}

/// An engine that knows the key.
pub(crate) fn warm(config: &[u8], head: &RequestHead<'_>, shared: &LocalData) -> Engine {
    let mut engine = Engine::new(Config::parse(config).unwrap(), config);
    let context = HostContext { now: NOW, shared };
    let next = engine.on_request_headers(STREAM, &context, head);
    assert!(matches!(next, Next::Wait));
    let reply = Reply::Response {
        status: 200,
        from_service: true,
        retry_after: None,
        cache_control: None,
        body: SAID,
    };
    for (callout, _) in engine.take_outbox().callouts {
        engine.on_callout_reply(callout, &context, &reply);
    }
    engine.on_woken(STREAM, &context, head).unwrap();
    engine
}

fn decide(bencher: Bencher<'_, '_>, config: &[u8], headers: &[Header<'_>], expected: &str) {
    let shared = LocalData::default();
    let head = RequestHead {
        headers,
        facts: None,
    };
    let mut engine = warm(config, &head, &shared);
    let context = HostContext {
        now: NOW,
        shared: &shared,
    };
    let mut outbox = Outbox::default();
    let mut decide = |head: &RequestHead<'_>| {
        let next = engine.on_request_headers(STREAM, &context, head);
        engine.swap_outbox(&mut outbox);
        outbox.metrics.clear();
        next
    };
    let decided = decide(&head);
    assert_eq!(decided.decision().unwrap().reason.as_str(), expected);
    bencher.bench_local(|| decide(black_box(&head)));
}

pub(crate) const READ: (&str, &str) =
    ("GET", "/api/mlflow/api/2.0/mlflow/runs/get?run_id=4f1c2d3e");
const WRITE: (&str, &str) = ("POST", "/api/mlflow/api/2.0/mlflow/runs/log-batch");

#[divan::bench]
fn cached_read(bencher: Bencher<'_, '_>) {
    decide(bencher, CONFIG, &headers(READ.0, READ.1, BEARER), "allowed");
}

#[divan::bench]
fn cached_write(bencher: Bencher<'_, '_>) {
    decide(
        bencher,
        CONFIG,
        &headers(WRITE.0, WRITE.1, BEARER),
        "allowed",
    );
}

#[divan::bench]
fn cached_write_basic(bencher: Bencher<'_, '_>) {
    let basic = "Basic dXNlcjpoa19saXZlXzAxMjM0NTY3ODlhYmNkZWZnaGlq";
    decide(
        bencher,
        CONFIG,
        &headers(WRITE.0, WRITE.1, basic),
        "allowed",
    );
}

#[divan::bench]
fn cached_write_with_overrides(bencher: Bencher<'_, '_>) {
    let config = br#"{"auth_service": {"cluster": "auth"}, "mounts": ["/api/mlflow", "/mlflow"],
        "overrides": [{"match": {"host": "staging.*"}, "mode": "shadow"},
                      {"match": {"object": ["trace", "scorer"]}, "mode": "shadow"},
                      {"match": {"access": "delete"}, "enforce_percent": 50}]}"#;
    decide(
        bencher,
        config,
        &headers(WRITE.0, WRITE.1, BEARER),
        "allowed",
    );
}

#[divan::bench]
fn cached_denial(bencher: Bencher<'_, '_>) {
    let path = "/api/mlflow/api/2.0/mlflow/users/delete";
    decide(
        bencher,
        CONFIG,
        &headers("DELETE", path, BEARER),
        "scope_missing",
    );
}

/// The same read without a cache: what a head tells, and whether a principal who is known may.
#[divan::bench]
fn read_and_authorize(bencher: Bencher<'_, '_>) {
    let headers = headers(READ.0, READ.1, BEARER);
    let head = RequestHead {
        headers: &headers,
        facts: None,
    };
    let rules = Rules::new(Config::parse(CONFIG).unwrap());
    let caller = decide::caller(SAID);
    let decide = |head| decide::decide(&rules, head, || caller.clone(), b"");
    assert_eq!(decide(&head).reason.as_str(), "allowed");
    bencher.bench_local(|| decide(black_box(&head)));
}
