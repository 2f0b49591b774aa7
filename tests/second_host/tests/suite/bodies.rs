//! Requests whose body decides, on a proxy that makes body callbacks while the headers are held.

use std::time::Duration;

use second_host::process::{CONFIGURATION, Process};
use second_host::replies;
use second_host::worker::{Request, Worker};

const CREATE: (&str, &str) = (
    "POST",
    "/api/mlflow/api/2.0/mlflow/registered-models/create",
);
const JSON: (&str, &str) = ("content-type", "application/json");

fn inspecting() -> String {
    CONFIGURATION.replacen('{', r#"{"bodies": "inspect","#, 1)
}

fn know(worker: &mut Worker) {
    let stream = worker.open(Request::new(CREATE, Some("acme"), &[JSON]).and_more());
    worker.reply(replies::valid("acme", &["model:write:acme-*"]));
    assert_eq!(worker.result(stream), "waits");
    worker.end(stream);
}

#[test]
fn the_name_in_the_body_decides() {
    for (content_type, body, result) in [
        ("application/json", r#"{"name": "acme-1"}"#, "forwarded"),
        (
            "application/json",
            r#"{"name": "other"}"#,
            "403 name_not_granted",
        ),
        (
            "application/json",
            r#"{"name": "acme-1", "name": "other"}"#,
            "400 body_ambiguous",
        ),
        ("application/json", "", "400 body_ambiguous"),
        (
            "application/x-protobuf",
            "\n\u{6}acme-1",
            "400 body_ambiguous",
        ),
    ] {
        for piece in [1, 5, 100] {
            let process = Process::default();
            let mut worker = process.worker(&inspecting());
            know(&mut worker);
            let head = Request::new(CREATE, Some("acme"), &[("content-type", content_type)]);
            let stream = worker.open(head.and_more());
            for bytes in body.as_bytes().chunks(piece) {
                worker.body(stream, bytes, false);
                // A type that MLflow does not read as JSON needs no body.
                if content_type == "application/json" {
                    assert_eq!(worker.result(stream), "waits", "{body}");
                }
            }
            if piece == 5 {
                worker.trailers(stream, &[]);
            } else {
                worker.body(stream, b"", true);
            }
            assert_eq!(worker.result(stream), result, "{content_type} {body}");
        }
    }
}

/// The whole body has come before the reply: it is read in the reply's callback, from a stream that is not its own.
#[test]
fn a_body_that_came_before_the_reply_is_read() {
    for (body, result) in [
        (r#"{"name": "acme-1"}"#, "forwarded"),
        (r#"{"name": "other"}"#, "403 name_not_granted"),
    ] {
        let process = Process::default();
        let mut worker = process.worker(&inspecting());
        let stream = worker.open(Request::new(CREATE, Some("acme"), &[JSON]).and_more());
        worker.body(stream, body.as_bytes(), true);
        assert_eq!(worker.result(stream), "waits", "{body}");
        worker.reply(replies::valid("acme", &["model:write:acme-*"]));
        assert_eq!(worker.result(stream), result, "{body}");
    }
}

#[test]
fn a_body_that_does_not_come_is_not_waited_for() {
    let process = Process::default();
    let mut worker = process.worker(&inspecting());
    know(&mut worker);
    let stream = worker.open(Request::new(CREATE, Some("acme"), &[JSON]).and_more());
    worker.body(stream, br#"{"name": "#, false);
    process.pass(&mut [&mut worker], Duration::from_secs(6));
    assert_eq!(worker.result(stream), "403 body_unavailable");
}
