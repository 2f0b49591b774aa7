//! What one event costs while many streams wait for an answer about their keys.

use std::hint::black_box;

use divan::Bencher;
use mlflow_authz::shared_data::LocalData;
use mlflow_authz::{Engine, HostContext, Next, Outbox, RequestHead, StreamId};

use crate::decide::{BEARER, CONFIG, NOW, READ, headers, warm};

const SHADOW: &[u8] =
    br#"{"auth_service": {"cluster": "auth"}, "mounts": ["/api/mlflow", "/mlflow"], "mode": "shadow"}"#;

/// A cached read, and how often a tick is to come: what the shell asks for with each event.
fn event(bencher: Bencher<'_, '_>, config: &[u8], waiting: u32) {
    let shared = LocalData::default();
    let cached = headers(READ.0, READ.1, BEARER);
    let head = RequestHead {
        headers: &cached,
        facts: None,
    };
    let mut engine: Engine = warm(config, &head, &shared);
    let context = HostContext {
        now: NOW,
        shared: &shared,
    };
    let slow = headers(READ.0, READ.1, "Bearer hk_live_slow");
    let slow = RequestHead {
        headers: &slow,
        facts: None,
    };
    for stream in 0..waiting {
        let next = engine.on_request_headers(StreamId(stream + 2), &context, &slow);
        assert!(matches!(next, Next::Wait));
    }
    let mut outbox = Outbox::default();
    engine.swap_outbox(&mut outbox);
    bencher.bench_local(|| {
        let next = engine.on_request_headers(StreamId(1), &context, black_box(&head));
        engine.swap_outbox(&mut outbox);
        outbox.metrics.clear();
        (next, engine.tick_period(NOW))
    });
}

#[divan::bench(args = [10, 1_000, 10_000, 50_000])]
fn event_while_waiting(bencher: Bencher<'_, '_>, waiting: u32) {
    event(bencher, CONFIG, waiting);
}

#[divan::bench(args = [10, 1_000, 10_000, 50_000])]
fn event_while_waiting_in_shadow(bencher: Bencher<'_, '_>, waiting: u32) {
    event(bencher, SHADOW, waiting);
}
