//! The command line's own errors, and the end.

use std::net::TcpListener;
use std::process::Command;
use std::time::{Duration, Instant};

use clap::Parser;
use serde_json::json;

use super::super::signals::Signals;
use super::super::{Args, listen_and_serve, server};
use super::{KEY, PATH, TempFile, bearer, runtime, service};

#[test]
fn wrong_values_are_refused() {
    let cases = [
        (["--path", "validate"], "a path starts with /"),
        (["--path", "/{key}"], "a path starts with /"),
        (["--path", "/faults"], "/faults serves the stand-in itself"),
        (["--path", "/keys/all"], "'--path <PATH>'"),
        (
            ["--revocations-path", "/keys"],
            "'--revocations-path <PATH>'",
        ),
        (
            ["--revocations-path", "/outage"],
            "/outage serves the stand-in itself",
        ),
        (["--any-key-prefix", "load_"], "--any-key-scopes <SCOPES>"),
        (
            ["--any-key-scopes", "model:read"],
            "--any-key-prefix <PREFIX>",
        ),
        (
            ["--any-key-scopes", "model:read,"],
            "--any-key-scopes <SCOPES>",
        ),
        (["--any-key-prefix", ""], "visible ASCII"),
        (["--any-key-prefix", "load key"], "visible ASCII"),
        (["--retry-after", "7"], "--status <STATUS>"),
        (["--fault-target", "polls"], "validate, revocations, all"),
        (["--fault-share", "2"], "a share is a number from 0 to 1"),
        (["--fault-count", "1.5"], "--fault-count"),
        (["--fail-rate", "1.01"], "a share is a number from 0 to 1"),
        (["--fail-rate", "NaN"], "a share is a number from 0 to 1"),
        (
            ["--status", "100"],
            "a status is a whole number from 200 to 599",
        ),
        (
            ["--status", "99999"],
            "a status is a whole number from 200 to 599",
        ),
        (
            ["--garbage", "nonsense"],
            "text, empty, html, huge, truncated, reset, nothing, hang",
        ),
        (["--delay", "soon"], "--delay"),
        (["--seed", "x"], "--seed"),
    ];
    for (flags, said) in cases {
        let line = ["auth-service", "--keys", "f"].into_iter().chain(flags);
        let error = Args::try_parse_from(line).expect_err("a refusal");
        assert!(error.to_string().contains(said), "{flags:?}: {error}");
    }
}

#[test]
fn a_wrong_credential_is_refused_and_not_quoted() {
    let file = TempFile::new(r#"{"keys": []}"#);
    let file = file.path().to_str().unwrap();
    for credential in [
        "secret",
        "secret:",
        ": secret",
        "a secret: x",
        "a: se\ncret",
    ] {
        let flags = ["--keys", file, "--revocations-credential", credential];
        let line = ["auth-service"].into_iter().chain(flags);
        let line = Args::try_parse_from(line).unwrap_or_else(|error| panic!("{error}"));
        let error = super::super::service(line).err().expect("a refusal");
        let error = error.to_string();
        assert!(error.starts_with("--revocations-credential is "), "{error}");
        assert!(!error.contains("cret"), "{error}");
    }
}

#[test]
fn an_address_in_use_is_an_error() {
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap().to_string();
    let service = service(&json!({"keys": []}), &[]);
    let error = runtime().block_on(listen_and_serve(&address, service));
    let error = error.unwrap_err().to_string();
    assert!(
        error.starts_with(&format!("cannot listen on {address}: ")),
        "{error}"
    );
    assert!(error.contains("; give --listen "), "{error}");
}

#[test]
fn both_signals_end_it() {
    for name in ["-TERM", "-INT"] {
        runtime().block_on(async {
            let signals = Signals::install().unwrap();
            let me = std::process::id().to_string();
            let sent = Command::new("kill").args([name, &me]).status().unwrap();
            assert!(sent.success());
            tokio::time::timeout(super::PATIENCE, signals.any())
                .await
                .unwrap_or_else(|_| panic!("{name} did not arrive"));
        });
    }
}

#[test]
fn the_end_does_not_wait_for_an_ordered_delay() {
    let service = service(&json!({"keys": []}), &["--delay", "1h"]);
    let stats = service.stats.clone();
    let start = Instant::now();
    runtime().block_on(async {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let stand_in = super::StandIn(listener.local_addr().unwrap());
        let held = tokio::task::spawn_blocking(move || {
            stand_in.send("POST", PATH, &bearer(KEY), r#"{"service_id":"mlflow"}"#)
        });
        let end = async move {
            while json!(stats.show())["in_flight"] != json!(1) {
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
        };
        server::serve(listener, service, end).await.unwrap();
        drop(held.await);
    });
    assert!(start.elapsed() < super::PATIENCE);
}
