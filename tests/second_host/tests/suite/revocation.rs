//! Keys that are revoked: the poll of one worker, which all hear of.

use std::time::Duration;

use proxy_wasm_host::Limits;
use proxy_wasm_host::abi::v0_2_1::InMemoryStoreLimits;

use second_host::process::{CONFIGURATION, Process};
use second_host::replies;
use second_host::worker::{READ, Request, Worker};

const SECOND: Duration = Duration::from_secs(1);

fn polling() -> String {
    let revocation = r#"{"revocation": {"path": "/revoked", "every": "2s"},"#;
    CONFIGURATION.replacen('{', revocation, 1)
}

fn know(worker: &mut Worker, key: &str) {
    let stream = worker.open(Request::new(READ, Some(key), &[]));
    worker.reply(replies::valid(key, &["model:read"]));
    assert_eq!(worker.result(stream), "forwarded");
}

/// Replies to the poll that one of them has open.
fn answer_poll(process: &Process, workers: &mut [&mut Worker], key_ids: &[&str], next: &str) {
    let polls = process.client.open();
    assert_eq!(polls.len(), 1, "{polls:?}");
    let path = polls[0].header(":path").unwrap();
    assert!(path.starts_with("/revoked"), "{path}");
    for worker in &mut *workers {
        if worker.guest.id() == polls[0].guest {
            worker.reply(replies::revoked(key_ids, next));
        }
    }
}

#[test]
fn a_revoked_key_is_asked_about_again_by_each_worker() {
    let process = Process::default();
    let mut first = process.worker(&polling());
    let mut second = process.worker(&polling());
    process.pass(&mut [&mut first, &mut second], SECOND);
    answer_poll(&process, &mut [&mut first, &mut second], &[], "0");
    know(&mut first, "reader");
    know(&mut first, "other");
    let stream = second.open(Request::new(READ, Some("reader"), &[]));
    assert_eq!(second.result(stream), "forwarded");
    let asked = process.client.sent();

    process.pass(&mut [&mut first, &mut second], 2 * SECOND);
    answer_poll(
        &process,
        &mut [&mut first, &mut second],
        &["id_reader"],
        "1",
    );
    process.pass(&mut [&mut first, &mut second], SECOND);
    assert_eq!(process.client.sent(), asked + 1, "the poll");
    for worker in [&mut first, &mut second] {
        let stream = worker.open(Request::new(READ, Some("reader"), &[]));
        worker.reply(replies::status("401"));
        assert_eq!(worker.result(stream), "401 key_invalid");
    }
    let stream = first.open(Request::new(READ, Some("other"), &[]));
    assert_eq!(first.result(stream), "forwarded");
}

/// The crate's store has room for 4,096 names, and callers choose how many keys there are.
#[test]
fn a_store_that_callers_have_filled_keeps_no_key_alive() {
    let store = InMemoryStoreLimits::new().with_keys(120);
    let process = Process::with_limits(Limits::default(), store);
    let mut first = process.worker(&polling());
    let mut second = process.worker(&polling());
    process.pass(&mut [&mut first, &mut second], SECOND);
    answer_poll(&process, &mut [&mut first, &mut second], &[], "0");
    for number in 0..200 {
        let key = format!("stranger-{number}");
        let stream = second.open(Request::new(READ, Some(&key), &[]));
        second.reply(replies::status("401"));
        assert_eq!(second.result(stream), "401 key_invalid");
    }
    assert_eq!(process.store.data().len(), 120, "it is full");
    know(&mut first, "reader");
    know(&mut second, "reader");

    process.pass(&mut [&mut first, &mut second], 2 * SECOND);
    answer_poll(
        &process,
        &mut [&mut first, &mut second],
        &["id_reader"],
        "1",
    );
    process.pass(&mut [&mut first, &mut second], SECOND);
    for worker in [&mut first, &mut second] {
        let stream = worker.open(Request::new(READ, Some("reader"), &[]));
        worker.reply(replies::status("401"));
        assert_eq!(worker.result(stream), "401 key_invalid");
    }
}
