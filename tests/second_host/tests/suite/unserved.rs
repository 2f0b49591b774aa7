//! A proxy on this crate that leaves something out. The filter must go on without it or refuse, and never trap.

use second_host::process::{CONFIGURATION, Process};
use second_host::replies;
use second_host::streams::Unserved;
use second_host::worker::{READ, Request, WRITE};

const SPOOFED: &[(&str, &str)] = &[("x-mlflow-authz-user", "root")];

struct Case {
    unserved: &'static [Unserved],
    /// Of a request whose key is known, of one that must ask, and of one that is denied.
    results: [&'static str; 3],
}

const CASES: &[Case] = &[
    Case {
        unserved: &[],
        results: ["forwarded", "forwarded", "403 scope_missing"],
    },
    Case {
        unserved: &[Unserved::Properties, Unserved::PropertyWrites],
        results: ["forwarded", "forwarded", "403 scope_missing"],
    },
    Case {
        unserved: &[Unserved::Bodies, Unserved::Trailers],
        results: ["forwarded", "forwarded", "403 scope_missing"],
    },
    Case {
        unserved: &[Unserved::Headers],
        results: ["503 auth_unavailable"; 3],
    },
    Case {
        unserved: &[Unserved::HeaderWrites],
        results: [
            "503 auth_unavailable",
            "503 auth_unavailable",
            "403 scope_missing",
        ],
    },
    // What it cannot resume it answers.
    Case {
        unserved: &[Unserved::Resuming],
        results: ["forwarded", "503 auth_unavailable", "403 scope_missing"],
    },
    // What it cannot answer it resets.
    Case {
        unserved: &[Unserved::Answers],
        results: ["forwarded", "forwarded", "reset"],
    },
    // And holds what it can neither answer nor reset.
    Case {
        unserved: &[Unserved::Answers, Unserved::Resets],
        results: ["forwarded", "forwarded", "waits"],
    },
    Case {
        unserved: &[Unserved::Resuming, Unserved::Answers, Unserved::Resets],
        results: ["forwarded", "waits", "waits"],
    },
];

#[test]
fn what_is_not_served_is_done_without_or_refused() {
    for Case { unserved, results } in CASES {
        let process = Process::default();
        let mut worker = process.worker(CONFIGURATION);
        worker.open(Request::new(READ, Some("known"), &[]));
        worker.reply(replies::valid("known", &["model:read"]));

        worker.streams.unserved = unserved.iter().copied().collect();
        let known = worker.open(Request::new(READ, Some("known"), SPOOFED));
        let asks = worker.open(Request::new(READ, Some("new"), SPOOFED));
        worker.reply(replies::valid("new", &["model:read"]));
        let denied = worker.open(Request::new(WRITE, Some("known"), SPOOFED));
        let found = [known, asks, denied].map(|stream| worker.result(stream));
        assert_eq!(found, *results, "{unserved:?}");
        for stream in [known, asks, denied] {
            worker.end(stream);
        }

        // The worker is whole.
        worker.streams.unserved.clear();
        let later = worker.open(Request::new(READ, Some("known"), &[]));
        assert_eq!(worker.result(later), "forwarded", "{unserved:?}");
    }
}

#[test]
fn a_body_that_is_not_shown_is_refused_where_it_decides() {
    let configuration = CONFIGURATION.replacen('{', r#"{"bodies": "inspect","#, 1);
    let process = Process::default();
    let mut worker = process.worker(&configuration);
    worker.streams.unserved = [Unserved::Bodies].into();
    let target = (
        "POST",
        "/api/mlflow/api/2.0/mlflow/registered-models/create",
    );
    let json = &[("content-type", "application/json")];
    let stream = worker.open(Request::new(target, Some("acme"), json).and_more());
    worker.reply(replies::valid("acme", &["model:write:acme-*"]));
    worker.body(stream, br#"{"name": "acme-1"}"#, true);
    assert_eq!(worker.result(stream), "400 body_ambiguous");
}

#[test]
fn trailers_that_cannot_be_cleaned_do_not_go_upstream() {
    let process = Process::default();
    let mut worker = process.worker(CONFIGURATION);
    worker.open(Request::new(WRITE, Some("writer"), &[]));
    worker.reply(replies::valid("writer", &["model:write"]));
    worker.streams.unserved = [Unserved::Trailers].into();
    let stream = worker.open(Request::new(WRITE, Some("writer"), &[]).and_more());
    assert_eq!(worker.result(stream), "forwarded");
    worker.trailers(stream, &second_host::pairs(&[("x-checksum", "1")]));
    assert_eq!(worker.result(stream), "reset");
}

/// The crate's `Guest::enter_root` lends no request to a reply, so nobody can be answered in it. Requests stay held;
/// nothing goes upstream; what the reply said is known to those that come later.
#[test]
fn a_reply_without_the_waiting_requests_lets_nothing_through() {
    let process = Process::default();
    let mut worker = process.worker(CONFIGURATION);
    let held = worker.open(Request::new(READ, Some("reader"), &[]));
    worker.reply_without_streams(replies::valid("reader", &["model:read"]));
    assert!(!worker.guest.is_poisoned());
    assert_eq!(worker.result(held), "waits");
    assert_eq!(
        process.log.with("request held").len(),
        1,
        "{:?}",
        process.log.lines()
    );
    let later = worker.open(Request::new(READ, Some("reader"), &[]));
    assert_eq!(worker.result(later), "forwarded");
    worker.end(held);
}
