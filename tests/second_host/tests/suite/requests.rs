//! What a user notices of an ordinary request: who is let through, with which headers, and who is told what.

use proxy_wasm_host::HeaderMapExt;
use second_host::process::{CONFIGURATION, Process};
use second_host::streams::Outcome;
use second_host::worker::{OUTSIDE, READ, Request, WRITE};
use second_host::{Pair, find, pairs, replies};

const SPOOFED: &[(&str, &str)] = &[
    ("x-mlflow-authz-user", "root"),
    ("x_mlflow_authz_key", "root"),
    ("X-MLflow-Authz-Scopes", "admin"),
];

const IDENTITY: &[(&str, &str)] = &[
    ("x-mlflow-authz-user", "user_reader"),
    ("x-mlflow-authz-key", "id_reader"),
    ("x-mlflow-authz-scopes", "model:read"),
];

#[test]
fn a_good_key_costs_one_callout_and_goes_on_with_its_identity() {
    let process = Process::default();
    let mut worker = process.worker(CONFIGURATION);
    let stream = worker.open(Request::new(READ, Some("reader"), SPOOFED));
    assert_eq!(worker.result(stream), "waits");

    let callout = worker
        .reply(replies::valid("reader", &["model:read"]))
        .unwrap();
    assert_eq!(callout.context, worker.root);
    assert_eq!(callout.key().as_deref(), Some("reader"));
    assert_eq!(&*callout.call.upstream, b"auth_service");
    assert_eq!(callout.call.timeout.as_secs(), 2);
    assert_eq!(callout.header(":method").as_deref(), Some("POST"));

    let mut expected = Request::new(READ, Some("reader"), &[]).headers;
    expected.extend(pairs(IDENTITY));
    assert_eq!(sorted(worker.forwarded(stream)), sorted(&expected));

    let warm = worker.open(Request::new(READ, Some("reader"), &[]));
    assert_eq!(sorted(worker.forwarded(warm)), sorted(&expected));
    assert_eq!(process.client.sent(), 1);
}

fn sorted(headers: &[Pair]) -> Vec<Pair> {
    let mut headers = headers.to_vec();
    headers.sort();
    headers
}

#[test]
fn the_key_does_not_go_upstream_where_it_must_not() {
    let configuration = CONFIGURATION.replacen('{', r#"{"forward_credential": false,"#, 1);
    let process = Process::default();
    let mut worker = process.worker(&configuration);
    for headers in [
        &[("authorization", "Bearer reader")][..],
        &[("X-API-Key", "reader")],
        &[("authorization", "Basic OnJlYWRlcg==")],
    ] {
        let stream = worker.open(Request::new(READ, None, headers));
        worker.reply(replies::valid("reader", &["model:read"]));
        let sent = worker.forwarded(stream);
        for (name, _) in headers {
            assert_eq!(find(sent, name), None, "{sent:?}");
        }
        assert_eq!(find(sent, "x-mlflow-authz-user"), Some(&b"user_reader"[..]));
    }
}

#[test]
fn results_by_key_and_operation() {
    for (target, key, result) in [
        (READ, Some("reader"), "forwarded"),
        (WRITE, Some("reader"), "403 scope_missing"),
        (READ, Some("writer"), "forwarded"),
        (WRITE, Some("writer"), "forwarded"),
        (WRITE, Some("refused"), "403 key_refused"),
        (READ, Some("limited"), "429 rate_limited"),
        (READ, Some("nobody"), "401 key_invalid"),
        (READ, None, "401 credential_missing"),
        (OUTSIDE, None, "forwarded"),
        (OUTSIDE, Some("nobody"), "forwarded"),
        (("GET", "/api/mlflow/health"), None, "forwarded"),
        (
            ("GET", "/api/mlflow/%2e%2e/health"),
            None,
            "400 target_ambiguous",
        ),
    ] {
        let process = Process::default();
        let mut worker = process.worker(CONFIGURATION);
        let stream = worker.open(Request::new(target, key, SPOOFED));
        worker.reply(match key {
            Some("reader") => replies::valid("reader", &["model:read"]),
            Some("writer") => replies::valid("writer", &["model:write"]),
            Some("refused") => replies::status("403"),
            Some("limited") => replies::status("429"),
            _ => replies::status("401"),
        });
        assert_eq!(worker.result(stream), result, "{target:?} {key:?}");
        if let Some(Outcome::Forwarded(headers)) = &worker.stream(stream).outcome {
            for (name, spoofed) in SPOOFED {
                assert_ne!(find(headers, name), Some(spoofed.as_bytes()), "{target:?}");
            }
        }
        worker.end(stream);
    }
}

#[test]
fn a_denial_is_json_that_says_what_is_missing() {
    let process = Process::default();
    let mut worker = process.worker(CONFIGURATION);
    for (key, status, code, reason) in [
        (None, 401, "UNAUTHENTICATED", "credential_missing"),
        (Some("reader"), 403, "PERMISSION_DENIED", "scope_missing"),
    ] {
        let stream = worker.open(Request::new(WRITE, key, &[]));
        worker.reply(replies::valid("reader", &["model:read"]));
        let Some(Outcome::Answered(answer)) = worker.stream(stream).outcome.clone() else {
            panic!("{}", worker.result(stream));
        };
        assert_eq!(answer.status, status);
        assert_eq!(answer.details, format!("mlflow_authz_{reason}"));
        assert_eq!(
            find(&answer.headers, "content-type"),
            Some(&b"application/json"[..])
        );
        let body: serde_json::Value = serde_json::from_slice(&answer.body).unwrap();
        assert_eq!(body["error_code"], code);
        assert_eq!(body["reason"], reason);
        if status == 401 {
            let challenge = find(&answer.headers, "www-authenticate").unwrap();
            assert!(challenge.starts_with(b"Bearer "));
        } else {
            assert_eq!(body["required_permission"], "run:write");
        }
    }
}

#[test]
fn what_one_worker_was_told_another_need_not_ask() {
    let process = Process::default();
    let mut first = process.worker(CONFIGURATION);
    let mut second = process.worker(CONFIGURATION);
    let stream = first.open(Request::new(READ, Some("reader"), &[]));
    first.reply(replies::valid("reader", &["model:read"]));
    assert_eq!(first.result(stream), "forwarded");

    let stream = second.open(Request::new(READ, Some("reader"), &[]));
    assert_eq!(second.result(stream), "forwarded");
    let user = find(second.forwarded(stream), "x-mlflow-authz-user");
    assert_eq!(user, Some(&b"user_reader"[..]));
    assert_eq!(process.client.sent(), 1);
}

/// The second waits for the reply to the first, and finds it in shared data at a tick.
#[test]
fn two_workers_ask_once_about_a_key() {
    let process = Process::default();
    let mut first = process.worker(CONFIGURATION);
    let mut second = process.worker(CONFIGURATION);
    first.tick();
    second.tick();
    let asks = first.open(Request::new(READ, Some("reader"), &[]));
    let waits = second.open(Request::new(READ, Some("reader"), &[]));
    assert_eq!(process.client.sent(), 1);
    assert_eq!(second.result(waits), "waits");
    first.reply(replies::valid("reader", &["model:read"]));
    assert_eq!(first.result(asks), "forwarded");
    let by = std::time::Duration::from_millis(500);
    process.pass(&mut [&mut first, &mut second], by);
    assert_eq!(second.result(waits), "forwarded");
    assert_eq!(process.client.sent(), 1);
}

#[test]
fn requests_of_one_key_share_a_callout() {
    let process = Process::default();
    let mut worker = process.worker(CONFIGURATION);
    let read = worker.open(Request::new(READ, Some("reader"), &[]));
    let write = worker.open(Request::new(WRITE, Some("reader"), &[]).and_more());
    assert_eq!(process.client.sent(), 1);
    worker.reply(replies::valid("reader", &["model:read"]));
    // Requests are let go from a tick where one callback does not do it.
    worker.tick();
    assert_eq!(worker.result(read), "forwarded");
    assert_eq!(worker.result(write), "403 scope_missing");
}

#[test]
fn trailers_are_held_until_the_decision_and_cleaned() {
    let unsafe_ones = &[
        ("x-mlflow-authz-user", "root"),
        ("x_mlflow_authz_scopes", "admin"),
        ("authorization", "Bearer other"),
    ];
    let kept = &[("x-checksum", "1"), ("grpc-status", "0")];
    let process = Process::default();
    let mut worker = process.worker(CONFIGURATION);
    for (key, cached, result) in [
        ("writer", false, "forwarded"),
        ("reader", false, "403 scope_missing"),
        ("writer", true, "forwarded"),
    ] {
        let stream = worker.open(Request::new(WRITE, Some(key), &[]).and_more());
        if !cached {
            worker.body(stream, b"{}", false);
            worker.trailers(stream, &pairs(&[&unsafe_ones[..], kept].concat()));
            assert_eq!(worker.result(stream), "waits", "{key}");
            let scopes = if key == "writer" {
                "model:write"
            } else {
                "model:read"
            };
            worker.reply(replies::valid(key, &[scopes]));
        } else {
            worker.trailers(stream, &pairs(&[&unsafe_ones[..], kept].concat()));
        }
        assert_eq!(worker.result(stream), result, "{key}");
        let ended = worker.end(stream);
        if result == "forwarded" {
            assert_eq!(ended.trailers.pairs(), pairs(kept), "{key}");
        }
    }
}
