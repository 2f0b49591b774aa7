//! From lines of logs to what would change.
#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing)]

mod bounds;
mod changes;
mod decisions;
mod identities;
mod inputs;
mod lines;
mod names;
mod reports;
mod workspaces;

use serde_json::{Value, json};

use super::Replay;
use super::findings::Findings;
use crate::config_file;

const DEFAULTS: &str = r#"{"auth_service":{"cluster":"c"},"mounts":["/api/mlflow","/"]}"#;

fn config(text: &str) -> mlflow_authz::Config {
    config_file::parse("test", text.as_bytes()).unwrap()
}

/// A configuration with some fields over the least one.
fn with(fields: Value) -> String {
    let mut config: Value = serde_json::from_str(DEFAULTS).unwrap();
    config
        .as_object_mut()
        .unwrap()
        .extend(fields.as_object().unwrap().clone());
    config.to_string()
}

/// An audit record of an allowed read, with some fields changed.
fn audit(fields: Value) -> Value {
    let mut record = json!({
        "time": "2026-11-22T03:00:00.000Z", "request_id": "r1", "method": "GET",
        "target": "/api/2.0/mlflow/runs/get", "host": "registry.example", "mount": "/",
        "decision": "allow", "reason": "allowed", "operation": "GetRun", "object": "run", "access": "read",
        "permission": "run:read", "user_id": "user_1", "key_id": "key_1", "scopes": ["model:read"], "roles": [],
        "admin": false, "route": "mlflow", "client": "192.0.2.1", "mode": "enforce", "stale": false,
    });
    record
        .as_object_mut()
        .unwrap()
        .extend(fields.as_object().unwrap().clone());
    record
}

/// The same of a caller who is not known, as records of 401, 429 and 503 are.
fn nobody(fields: Value) -> Value {
    let mut record = audit(json!({"user_id": null, "key_id": null, "scopes": []}));
    record
        .as_object_mut()
        .unwrap()
        .extend(fields.as_object().unwrap().clone());
    record
}

fn replay(candidate: &str, lines: &[Value]) -> Replay {
    let mut replay = Replay::new(config(candidate), None);
    let text: String = lines.iter().map(|line| format!("{line}\n")).collect();
    replay.read("test.log", text.as_bytes()).unwrap();
    replay
}

fn findings(replay: &Replay) -> Findings<'_> {
    Findings::new(
        &replay.tally,
        "candidate.json".to_owned(),
        None,
        vec!["test.log".to_owned()],
    )
}

/// What comes of one record: `decision reason`, or why it cannot be decided.
fn again(candidate: &str, record: &Value) -> String {
    let replay = replay(candidate, std::slice::from_ref(record));
    let found = serde_json::to_value(findings(&replay)).unwrap();
    if let [open] = found["undecidable"].as_array().unwrap().as_slice() {
        return open["why"].as_str().unwrap().to_owned();
    }
    let said = match found["changes"].as_array().unwrap().as_slice() {
        [] => record,
        [change] => {
            assert_eq!(change["before"]["decision"], record["decision"]);
            assert_eq!(change["before"]["reason"], record["reason"]);
            &change["after"]
        }
        more => panic!("one record, {} changes", more.len()),
    };
    format!(
        "{} {}",
        said["decision"].as_str().unwrap(),
        said["reason"].as_str().unwrap()
    )
}
