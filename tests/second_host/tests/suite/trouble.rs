//! The auth service fails, or a caller leaves.

use std::time::Duration;

use proxy_wasm_host::abi::v0_2_1::{HttpCallRefusal, HttpCallResponse};

use second_host::process::{CONFIGURATION, Process};
use second_host::streams::Outcome;
use second_host::worker::{READ, Request, WRITE};
use second_host::{find, replies};

#[test]
fn what_is_no_good_reply_is_a_503_that_says_when_to_retry() {
    for (number, reply) in [
        HttpCallResponse::failed(),
        replies::status("503"),
        replies::status("504"),
        replies::status("500"),
        replies::status("404"),
        replies::status("odd"),
        replies::with_body("200", ""),
        replies::with_body("200", "<html>"),
        replies::with_body("200", r#"{"scopes": "admin"}"#),
        replies::with_body("200", &" ".repeat(70_000)),
    ]
    .into_iter()
    .enumerate()
    {
        let process = Process::default();
        let mut worker = process.worker(CONFIGURATION);
        let stream = worker.open(Request::new(READ, Some("reader"), &[]));
        worker.reply(reply);
        assert_eq!(worker.result(stream), "503 auth_unavailable", "{number}");
        let Some(Outcome::Answered(answer)) = &worker.stream(stream).outcome else {
            panic!();
        };
        assert!(find(&answer.headers, "retry-after").is_some(), "{number}");
        // Nothing of it is kept as an answer about the key.
        process.clock.advance(Duration::from_secs(2));
        let next = worker.open(Request::new(READ, Some("reader"), &[]));
        worker.reply(replies::valid("reader", &["model:read"]));
        assert_eq!(worker.result(next), "forwarded", "{number}");
    }
}

#[test]
fn a_callout_that_cannot_be_sent_is_a_503_and_an_operators_line() {
    for refusal in [HttpCallRefusal::UnknownUpstream, HttpCallRefusal::Failed] {
        let process = Process::default();
        let mut worker = process.worker(CONFIGURATION);
        process.client.refuse(Some(refusal));
        let stream = worker.open(Request::new(READ, Some("reader"), &[]));
        assert_eq!(worker.result(stream), "503 auth_unavailable", "{refusal}");
        assert!(!process.log.with("auth_service").is_empty(), "{refusal}");
        process.client.refuse(None);
        process.clock.advance(Duration::from_secs(2));
        let stream = worker.open(Request::new(READ, Some("reader"), &[]));
        worker.reply(replies::valid("reader", &["model:read"]));
        assert_eq!(worker.result(stream), "forwarded", "{refusal}");
    }
}

/// The crate makes no time-out: a proxy that forgets it leaves the request to the filter's own timer.
#[test]
fn a_reply_that_never_comes_is_not_waited_for() {
    let process = Process::default();
    let mut worker = process.worker(CONFIGURATION);
    let stream = worker.open(Request::new(READ, Some("reader"), &[]));
    process.pass(&mut [&mut worker], Duration::from_secs(10));
    assert_eq!(worker.result(stream), "503 auth_unavailable");
    // It comes after all.
    worker.reply(replies::valid("reader", &["model:read"]));
    assert_eq!(worker.result(stream), "503 auth_unavailable");
}

#[test]
fn rights_are_kept_for_a_while_when_the_auth_service_fails() {
    let process = Process::default();
    let mut worker = process.worker(CONFIGURATION);
    worker.open(Request::new(READ, Some("reader"), &[]));
    worker.reply(replies::valid("reader", &["model:read"]));
    process.clock.advance(Duration::from_secs(61));
    for (target, result) in [(READ, "forwarded"), (WRITE, "403 scope_missing")] {
        let stream = worker.open(Request::new(target, Some("reader"), &[]));
        worker.reply(HttpCallResponse::failed());
        assert_eq!(worker.result(stream), result);
        process.clock.advance(Duration::from_secs(2));
    }
    process.clock.advance(Duration::from_secs(400));
    let stream = worker.open(Request::new(READ, Some("reader"), &[]));
    worker.reply(HttpCallResponse::failed());
    assert_eq!(worker.result(stream), "503 auth_unavailable");
}

#[test]
fn a_caller_who_leaves_while_the_auth_service_is_asked_disturbs_nobody() {
    for stays in [false, true] {
        let process = Process::default();
        let mut worker = process.worker(CONFIGURATION);
        let left = worker.open(Request::new(READ, Some("reader"), &[]));
        let other = stays.then(|| worker.open(Request::new(READ, Some("reader"), &[])));
        assert_eq!(worker.end(left).outcome, None);
        // The callout is the root's: the crate ends only those of the stream.
        assert_eq!(worker.guest.open_callout_count(), 1);
        worker.reply(replies::valid("reader", &["model:read"]));
        if let Some(other) = other {
            assert_eq!(worker.result(other), "forwarded");
        }
        let later = worker.open(Request::new(READ, Some("reader"), &[]));
        assert_eq!(worker.result(later), "forwarded");
        assert_eq!(process.client.sent(), 1);
    }
}
