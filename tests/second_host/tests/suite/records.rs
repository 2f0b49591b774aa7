//! What the filter leaves behind: metrics, lines, the field of the access log. And that no key is in any of it.

use std::collections::BTreeMap;
use std::time::Duration;

use proxy_wasm_host::abi::v0_2_1::HttpCallResponse;
use proxy_wasm_host::abi::v0_2_1::types::LogLevel;

use second_host::process::{CONFIGURATION, Process};
use second_host::replies;
use second_host::streams::Outcome;
use second_host::worker::{OUTSIDE, READ, Request, WRITE, Worker};

fn counted(process: &Process, worker: &Worker) -> BTreeMap<String, Option<u64>> {
    process.store.metrics(worker.invocation())
}

#[test]
fn decisions_are_counted_under_the_names_of_the_documents() {
    let process = Process::default();
    let mut first = process.worker(CONFIGURATION);
    let mut second = process.worker(CONFIGURATION);
    first.open(Request::new(READ, Some("reader"), &[]));
    first.reply(replies::valid("reader", &["model:read"]));
    for worker in [&mut first, &mut second] {
        worker.open(Request::new(READ, Some("reader"), &[]));
        worker.open(Request::new(WRITE, Some("reader"), &[]));
    }
    process.pass(&mut [&mut first, &mut second], Duration::from_secs(2));
    let metrics = counted(&process, &first);
    let allowed = "mlflow_authz_decisions.decision=.=allow;.;reason=.=allowed;.;object=.=run;.;access=.=read;.;";
    let denied = "mlflow_authz_decisions.decision=.=deny;.;reason=.=scope_missing;.;object=.=run;.;access=.=write;.;";
    let denials = "mlflow_authz_denials.operation=.=CreateRun;.;reason=.=scope_missing;.;permission=.=run:write;.;";
    for (name, value) in [
        (allowed, Some(3)),
        (denied, Some(2)),
        (denials, Some(2)),
        ("mlflow_authz_callouts.outcome=.=valid;.;", Some(1)),
        ("mlflow_authz_cache_lookups.result=.=miss;.;", Some(1)),
        ("mlflow_authz_cache_lookups.result=.=shared;.;", Some(1)),
        ("mlflow_authz_cache_entries", Some(2)),
        ("mlflow_authz_enforcing.access=.=read;.;", Some(100)),
        // A histogram: the crate's store counts it and shows nobody.
        ("mlflow_authz_callout_ms", None),
    ] {
        assert_eq!(metrics.get(name), Some(&value), "{name}: {metrics:#?}");
    }
    let info = metrics
        .iter()
        .find(|(name, _)| name.contains("_config_info."));
    assert_eq!(info.and_then(|(_, value)| *value), Some(2), "{metrics:#?}");
}

#[test]
fn the_access_log_has_the_decision() {
    let process = Process::default();
    let mut worker = process.worker(CONFIGURATION);
    let cold = worker.open(Request::new(READ, Some("reader"), &[]));
    worker.reply(replies::valid("reader", &["model:read"]));
    let warm = worker.open(Request::new(WRITE, Some("reader"), &[]));
    for (stream, decision, operation) in [(cold, "allow", "GetRun"), (warm, "deny", "CreateRun")] {
        let field = &worker.stream(stream).properties["mlflow_authz"];
        let field: serde_json::Value = serde_json::from_slice(field).unwrap();
        assert_eq!(field["decision"], decision, "{field}");
        assert_eq!(field["operation"], operation, "{field}");
        assert_eq!(field["key_id"], "id_reader", "{field}");
    }
}

#[test]
fn a_denial_has_an_audit_record_with_the_address() {
    let process = Process::default();
    let mut worker = process.worker(CONFIGURATION);
    worker.open(Request::new(WRITE, Some("reader"), &[]));
    worker.reply(replies::valid("reader", &["model:read"]));
    let records = process.log.with(r#""reason":"scope_missing""#);
    assert_eq!(records.len(), 1, "{:?}", process.log.lines());
    let record: serde_json::Value = serde_json::from_str(&records[0]).unwrap();
    assert_eq!(record["client"], "192.0.2.7", "{record}");
}

/// Everything that the host has of the filter is searched.
#[test]
fn no_key_is_in_anything_that_the_host_keeps() {
    const KEY: &str = "hk_live_51f0c0ffee";
    let basic = "Basic OmhrX2xpdmVfNTFmMGMwZmZlZQ==";
    let configuration = CONFIGURATION.replacen(
        '{',
        r#"{"audit": {"allows": true}, "credentials": ["bearer", "x-api-key", "basic", "query"],
            "revocation": {"path": "/revoked", "every": "2s"},"#,
        1,
    );
    let in_query = format!("/api/mlflow/api/2.0/mlflow/runs/get?run_id=1&api_key={KEY}");
    let requests = || {
        [
            Request::new(READ, Some(KEY), &[]),
            Request::new(WRITE, Some(KEY), &[]),
            Request::new(OUTSIDE, Some(KEY), &[]),
            Request::new(READ, None, &[("x-api-key", KEY)]),
            Request::new(READ, None, &[("authorization", basic)]),
            Request::new(("GET", &in_query), None, &[]),
            Request::new(READ, Some(KEY), &[("x-api-key", KEY)]),
            Request::new(READ, None, &[("authorization", KEY)]),
            Request::new(WRITE, Some(KEY), &[("content-type", "application/json")]).and_more(),
        ]
    };
    for reply in [
        replies::valid("reader", &["model:read"]),
        replies::status("401"),
        replies::status("403"),
        replies::status("429"),
        replies::with_body("200", &format!(r#"{{"scopes": "{KEY}"}}"#)),
        replies::with_body("500", KEY),
        HttpCallResponse::failed(),
    ] {
        let process = Process::default();
        let mut worker = process.worker(&configuration);
        let mut told = Vec::new();
        for request in requests() {
            let more = request.more_follows;
            let stream = worker.open(request);
            if more {
                worker.body(stream, format!(r#"{{"name": "{KEY}"}}"#).as_bytes(), true);
            }
            while worker.reply(reply.clone()).is_some() {}
            process.pass(&mut [&mut worker], Duration::from_secs(1));
            let ended = worker.end(stream);
            for (name, value) in ended.properties {
                told.push((format!("property {name}"), value));
            }
            if let Some(Outcome::Answered(answer)) = ended.outcome {
                told.push(("details".to_owned(), answer.details.into_bytes()));
                told.push(("body".to_owned(), answer.body));
                told.extend(answer.headers.into_iter().map(|(name, value)| {
                    (format!("header {}", String::from_utf8_lossy(&name)), value)
                }));
            }
        }
        for (level, line) in process.log.lines() {
            told.push((format!("log {level:?}"), line.into_bytes()));
        }
        for name in counted(&process, &worker).into_keys() {
            told.push(("metric".to_owned(), name.into_bytes()));
        }
        for (name, value) in process.store.data() {
            told.push(("shared data".to_owned(), [name, value].concat()));
        }
        assert!(told.len() > 30, "{told:?}");
        for (place, bytes) in told {
            let text = String::from_utf8_lossy(&bytes);
            for secret in [KEY, "51f0c0ffee", "OmhrX2xpdmVf"] {
                assert!(!text.contains(secret), "{place}: {text}");
            }
        }
    }
}

#[test]
fn no_line_is_an_error_on_an_ordinary_day() {
    let process = Process::default();
    let mut worker = process.worker(CONFIGURATION);
    for target in [READ, WRITE, OUTSIDE] {
        let stream = worker.open(Request::new(target, Some("reader"), &[]));
        worker.reply(replies::valid("reader", &["model:read"]));
        worker.end(stream);
    }
    process.pass(&mut [&mut worker], Duration::from_secs(2));
    let errors = process.log.lines().into_iter();
    let errors: Vec<_> = errors
        .filter(|(level, _)| *level >= LogLevel::Error)
        .collect();
    assert_eq!(errors, []);
}
