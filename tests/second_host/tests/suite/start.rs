//! How a guest starts: configurations that are taken and refused.

use std::time::Duration;

use proxy_wasm_host::abi::v0_2_1::{Callback, GuestError, Started};

use second_host::process::{CONFIGURATION, Process};
use second_host::replies;
use second_host::worker::{READ, Request, Worker};

#[test]
fn a_configuration_is_taken() {
    let process = Process::default();
    let mut worker = process.worker(CONFIGURATION);
    assert!(worker.guest.is_serving());
    // The line of the audit trail comes with the first event.
    worker.tick();
    let taken = process.log.with("configuration_taken");
    assert_eq!(taken.len(), 1, "{:?}", process.log.lines());
    let line: serde_json::Value = serde_json::from_str(&taken[0]).unwrap();
    assert_eq!(line["plugin"], "mlflow_authz");
}

#[test]
fn a_configuration_that_is_not_valid_is_refused() {
    for (configuration, told) in [
        ("", "StringValue"),
        ("\n\u{4}abcd", "StringValue"),
        ("{", "JSON"),
        ("{}", "mounts"),
        (
            r#"{"mounts": ["/"], "auth_service": {}}"#,
            "cluster: is missing",
        ),
        (r#"{"mounts": ["/"], "auth_servce": {}}"#, "auth_service"),
    ] {
        let process = Process::default();
        let mut guest = process.spec().build().unwrap();
        let started = guest.start(Worker::plugin(configuration)).unwrap();
        let Started::Refused { root, callback } = started else {
            panic!("accepted: {configuration}");
        };
        assert_eq!(callback, Callback::Configure, "{configuration}");
        let lines = process.log.with("configuration refused: ");
        assert_eq!(lines.len(), 1, "{configuration}");
        assert!(lines[0].contains(told), "{configuration}: {lines:?}");
        // The crate makes no callback for what is under a refused root.
        let refused = guest.enter_root().on_context_create(Some(root));
        assert!(
            matches!(refused, Err(GuestError::GuestRejected { .. })),
            "{configuration}: {refused:?}"
        );
        assert!(!guest.is_poisoned(), "{configuration}");
    }
}

/// Unlike Envoy, the crate gives up a root whose second configuration was refused. A guest for each configuration keeps
/// the one in force.
#[test]
fn a_new_configuration_is_a_new_guest() {
    let process = Process::default();
    let mut old = process.worker(CONFIGURATION);
    let held = old.open(Request::new(READ, Some("reader"), &[]));

    let mut refused = process.spec().build().unwrap();
    let started = refused.start(Worker::plugin("{}")).unwrap();
    assert!(matches!(started, Started::Refused { .. }));

    let granting = CONFIGURATION.replacen('{', r#"{"scopes": {"special": ["*:*"]},"#, 1);
    let mut new = process.worker(&granting);
    let stream = new.open(Request::new(READ, Some("granted"), &[]));
    new.reply(replies::valid("granted", &["special"]));
    assert_eq!(
        new.result(stream),
        "forwarded",
        "{:?} {:?}",
        new.stream(stream),
        process.log.lines()
    );

    old.reply(replies::valid("reader", &["model:read"]));
    assert_eq!(old.result(held), "forwarded");
}

#[test]
fn two_roots_of_one_guest_have_their_own_configurations() {
    let process = Process::default();
    let mut worker = process.worker(CONFIGURATION);
    let first = worker.root;
    let other = CONFIGURATION.replace("/api/mlflow", "/other");
    let plugin = Worker::plugin(&other).with_root_id("other");
    let Started::Serving(second) = worker.guest.start(plugin).unwrap() else {
        panic!("{:?}", process.log.lines());
    };
    for (root, result) in [(first, "401 credential_missing"), (second, "forwarded")] {
        worker.root = root;
        let stream = worker.open(Request::new(READ, None, &[]));
        assert_eq!(worker.result(stream), result);
    }
    // A reply to a root lets go its own requests.
    worker.root = second;
    let target = ("GET", "/other/api/2.0/mlflow/runs/get?run_id=1");
    let stream = worker.open(Request::new(target, Some("reader"), &[]));
    let callout = worker
        .reply(replies::valid("reader", &["model:read"]))
        .unwrap();
    assert_eq!(callout.context, second);
    assert_eq!(worker.result(stream), "forwarded");
}

#[test]
fn a_guest_that_was_configured_twice_serves_by_the_second() {
    let process = Process::default();
    let mut worker = process.worker(CONFIGURATION);
    let held = worker.open(Request::new(READ, Some("reader"), &[]));
    let granting = CONFIGURATION.replacen("60s", "61s", 1);
    let streams = std::mem::take(&mut worker.streams);
    let root = worker.root;
    let (accepted, streams) = worker.guest.with(streams, |scope| {
        scope.on_configure(root, Worker::plugin(&granting))
    });
    worker.streams = streams;
    assert!(accepted.unwrap());
    // Nobody would answer it any more.
    assert_eq!(worker.result(held), "503 auth_unavailable");
    // The callout of the configuration before is still open, and its reply is nobody's.
    worker.reply(replies::valid("reader", &["model:read"]));
    // The lookup of the old one is still claimed in shared data, for a moment.
    let stream = worker.open(Request::new(READ, Some("reader"), &[]));
    process.pass(&mut [&mut worker], Duration::from_secs(1));
    worker.reply(replies::valid("reader", &["model:read"]));
    assert_eq!(worker.result(stream), "forwarded");
}
