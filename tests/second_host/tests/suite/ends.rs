//! How streams, roots and guests end.

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use proxy_wasm_host::abi::v0_2_1::{ContextState, GuestError, Started};
use proxy_wasm_host::{Error, Limits};

use second_host::process::{CONFIGURATION, Process};
use second_host::replies;
use second_host::worker::{READ, Request, Worker};

/// The filter has nothing to do before a stream is deleted, so it exports neither `proxy_on_done` nor `proxy_on_log`.
#[test]
fn a_stream_is_done_at_once() {
    let process = Process::default();
    let mut worker = process.worker(CONFIGURATION);
    let stream = worker.open(Request::new(READ, None, &[]));
    let mut scope = worker.guest.enter_root();
    assert!(scope.on_done(stream).unwrap());
    assert_eq!(
        scope.guest().context_state(stream),
        Some(ContextState::Done)
    );
    scope.on_log(stream).unwrap();
    assert_eq!(scope.on_delete(stream).unwrap(), []);
    drop(scope);
    assert!(!worker.guest.has_stream_contexts(worker.root));
}

/// Before a root is deleted the crate ends its callouts, which the filter hears of as failed ones.
#[test]
fn a_root_ends_with_its_callouts() {
    let process = Process::default();
    let mut worker = process.worker(CONFIGURATION);
    worker.tick();
    let stream = worker.open(Request::new(READ, Some("reader"), &[]));
    worker.end(stream);
    let open = worker.guest.open_callouts();
    assert_eq!(open.len(), 1);
    let mut scope = worker.guest.enter_root();
    assert!(scope.on_done(worker.root).unwrap());
    assert_eq!(scope.on_delete(worker.root).unwrap(), [open[0].callout]);
    drop(scope);
    assert!(!worker.guest.is_poisoned());
    assert_eq!(
        process.log.with("auth_unavailable: ").len(),
        1,
        "{:?}",
        process.log.lines()
    );
    // What is counted in gauges is taken back.
    let metrics = process.store.metrics(worker.invocation());
    let left: Vec<_> = metrics
        .iter()
        .filter(|(name, value)| {
            (name.contains("_info") || name.contains("cache_entries")) && **value != Some(0)
        })
        .collect();
    assert_eq!(left, []);

    // The guest serves another root.
    let Started::Serving(root) = worker.guest.start(Worker::plugin(CONFIGURATION)).unwrap() else {
        panic!("{:?}", process.log.lines());
    };
    worker.root = root;
    while process.client.take(worker.guest.id()).is_some() {}
    let stream = worker.open(Request::new(READ, Some("writer"), &[]));
    worker.reply(replies::valid("writer", &["model:write"]));
    assert_eq!(worker.result(stream), "forwarded");
}

/// A callback that takes longer than the crate allows ends like a trap. A new guest goes on with what the workers share.
#[test]
fn after_a_callback_that_was_cut_off_a_new_guest_serves() {
    let limits = Limits::new().with_cpu_time(Duration::from_millis(10));
    let process = Process::with_own_time(limits);
    let mut worker = process.worker(CONFIGURATION);
    let held = worker.open(Request::new(READ, Some("reader"), &[]));
    worker.reply(replies::valid("reader", &["model:read"]));
    assert_eq!(worker.result(held), "forwarded");

    let ticking = AtomicBool::new(true);
    let ended = std::thread::scope(|scope| {
        scope.spawn(|| {
            while ticking.load(Ordering::Relaxed) {
                process.advance_engine();
            }
        });
        let mut ticks = (0..100_000).map(|_| worker.guest.enter_root().on_tick(worker.root));
        let ended = ticks.find_map(Result::err);
        ticking.store(false, Ordering::Relaxed);
        ended
    });
    assert!(
        matches!(
            ended,
            Some(GuestError::Runtime(Error::LimitExceeded { .. }))
        ),
        "{ended:?}"
    );
    assert!(worker.guest.is_poisoned());
    let refused = worker.guest.enter_root().on_tick(worker.root);
    assert!(matches!(refused, Err(GuestError::Runtime(Error::Poisoned))));

    let mut new = process.worker(CONFIGURATION);
    let stream = new.open(Request::new(READ, Some("reader"), &[]));
    assert_eq!(new.result(stream), "forwarded");
    assert_eq!(process.client.sent(), 1);
}
