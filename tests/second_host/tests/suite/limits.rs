//! What the crate bounds. The filter must decide the same, and not fill the log.

use std::time::Duration;

use proxy_wasm_host::Limits;
use proxy_wasm_host::abi::v0_2_1::InMemoryStoreLimits;

use second_host::process::{CONFIGURATION, Process};
use second_host::replies;
use second_host::worker::{READ, Request, WRITE};

fn stores() -> [(&'static str, Limits, InMemoryStoreLimits); 7] {
    let limits = Limits::new;
    let store = InMemoryStoreLimits::new;
    [
        ("as the crate has them", limits(), store()),
        (
            "no metric at all",
            limits().with_max_shared_names(0),
            store(),
        ),
        ("few metrics", limits().with_max_shared_names(3), store()),
        (
            "few metrics in the store",
            limits(),
            store().with_metrics(3),
        ),
        ("no shared data", limits(), store().with_keys(0)),
        ("small values", limits(), store().with_value_bytes(64)),
        ("short names", limits().with_max_name_bytes(8), store()),
    ]
}

#[test]
fn decisions_are_the_same_under_every_bound() {
    for (name, limits, store) in stores() {
        let process = Process::with_limits(limits, store);
        let mut first = process.worker(CONFIGURATION);
        let mut second = process.worker(CONFIGURATION);
        for round in 0..50 {
            for worker in [&mut first, &mut second] {
                let allowed = worker.open(Request::new(READ, Some("reader"), &[]));
                let denied = worker.open(Request::new(WRITE, Some("reader"), &[]));
                worker.reply(replies::valid("reader", &["model:read"]));
                worker.tick();
                assert_eq!(worker.result(allowed), "forwarded", "{name}: {round}");
                assert_eq!(
                    worker.result(denied),
                    "403 scope_missing",
                    "{name}: {round}"
                );
                worker.end(allowed);
                worker.end(denied);
            }
        }
        process.pass(&mut [&mut first, &mut second], Duration::from_secs(2));
        let lines = process.log.lines();
        // Each denial may have its audit record.
        let others = lines.iter().filter(|(_, line)| !line.starts_with('{'));
        let others: Vec<_> = others.collect();
        assert!(
            others.len() < 60,
            "{name}: {} lines: {:#?}",
            others.len(),
            &others[..20]
        );
    }
}

#[test]
fn above_the_callouts_that_a_guest_may_have_open_requests_are_answered() {
    let limits = Limits::new().with_max_open_callouts(1);
    let process = Process::with_limits(limits, InMemoryStoreLimits::new());
    let mut worker = process.worker(CONFIGURATION);
    let first = worker.open(Request::new(READ, Some("reader"), &[]));
    let second = worker.open(Request::new(READ, Some("writer"), &[]));
    assert_eq!(worker.result(first), "waits");
    assert_eq!(worker.result(second), "503 auth_unavailable");
    worker.reply(replies::valid("reader", &["model:read"]));
    assert_eq!(worker.result(first), "forwarded");
}

/// A denial of a long name, an audit record and the field of the access log stay within the crate's bounds.
#[test]
fn a_request_with_many_headers_is_decided() {
    let process = Process::default();
    let mut worker = process.worker(CONFIGURATION);
    let long = "x".repeat(60_000);
    let names: Vec<String> = (0..2000)
        .map(|number| format!("x-header-{number}"))
        .collect();
    let mut more: Vec<(&str, &str)> = names.iter().map(|name| (name.as_str(), "1")).collect();
    more.push(("user-agent", &long));
    for (target, result) in [(READ, "forwarded"), (WRITE, "403 scope_missing")] {
        let stream = worker.open(Request::new(target, Some("reader"), &more));
        worker.reply(replies::valid("reader", &["model:read"]));
        assert_eq!(worker.result(stream), result);
    }
}

#[test]
fn a_body_or_a_reply_beyond_what_fits_into_memory_refuses_its_request_alone() {
    let limits = Limits::new().with_memory_bytes(8 * 1024 * 1024);
    let process = Process::with_limits(limits, InMemoryStoreLimits::new());
    let mut worker = process.worker(CONFIGURATION);
    let huge = "x".repeat(20_000_000);
    let stream = worker.open(Request::new(READ, Some("reader"), &[("x-huge", &huge)]));
    assert_eq!(worker.result(stream), "503 auth_unavailable");
    worker.end(stream);
    let stream = worker.open(Request::new(READ, Some("reader"), &[]));
    worker.reply(replies::with_body("200", &huge));
    assert_eq!(worker.result(stream), "503 auth_unavailable");
    process.clock.advance(Duration::from_secs(2));
    let stream = worker.open(Request::new(READ, Some("reader"), &[]));
    worker.reply(replies::valid("reader", &["model:read"]));
    assert_eq!(worker.result(stream), "forwarded");
}
