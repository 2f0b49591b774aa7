//! Records of requests for a workspace, and of callers who are limited to some.

use serde_json::{Value, json};

use super::{DEFAULTS, again, audit, with};

fn enabled() -> String {
    with(json!({"workspaces": {"enabled": true}}))
}

/// A write of a key with these fields.
fn write(fields: Value) -> Value {
    let mut record = audit(json!({
        "method": "POST", "target": "/api/2.0/mlflow/runs/create", "operation": "CreateRun",
        "scopes": ["model:write"],
    }));
    let fields = fields.as_object().unwrap().clone();
    record.as_object_mut().unwrap().extend(fields);
    record
}

#[test]
fn a_request_is_for_the_workspace_that_was_recorded() {
    for (fields, expected) in [
        (json!({"workspace": "acme"}), "allow allowed"),
        (
            json!({"workspace": "acme", "workspaces": ["acme"]}),
            "allow allowed",
        ),
        (
            json!({"workspace": "acme", "workspaces": ["globex"]}),
            "deny workspace_not_granted",
        ),
        (
            json!({"workspace": "acme", "workspaces": []}),
            "deny workspace_not_granted",
        ),
        (
            json!({"workspace": "acme", "scopes": ["acme/model:write"]}),
            "allow allowed",
        ),
        (
            json!({"workspace": "acme", "scopes": ["globex/model:write"]}),
            "deny workspace_not_granted",
        ),
        (
            json!({"workspace": "acme", "scopes": [],
                   "grants": [{"scope": "model:write", "workspaces": ["acme"]}]}),
            "allow allowed",
        ),
        (
            json!({"workspace": "globex", "scopes": [],
                   "grants": [{"scope": "model:write", "workspaces": ["acme"]}]}),
            "deny workspace_not_granted",
        ),
        // Records of a server without workspaces.
        (json!({}), "allow allowed"),
        (
            json!({"workspaces": ["acme"]}),
            "deny workspace_not_granted",
        ),
    ] {
        let record = write(fields);
        assert_eq!(again(&enabled(), &record), expected, "{record}");
    }
}

/// Two requests that differ in nothing else.
#[test]
fn the_workspace_tells_requests_apart() {
    let candidate = enabled();
    let of =
        |workspace: &str| write(json!({"workspace": workspace, "scopes": ["acme/model:write"]}));
    let replayed = super::replay(&candidate, &[of("acme"), of("globex"), of("acme")]);
    let found = &replayed.tally.all;
    assert_eq!((found.requests, found.new_denials), (3, 1));
}

#[test]
fn a_candidate_without_workspaces_grants_nothing_by_them() {
    for (fields, expected) in [
        (json!({"workspace": "acme"}), "allow allowed"),
        (
            json!({"workspace": "acme", "workspaces": ["acme"]}),
            "deny scope_missing",
        ),
        (
            json!({"workspace": "acme", "scopes": ["acme/model:write"]}),
            "deny scope_missing",
        ),
    ] {
        let record = write(fields);
        assert_eq!(again(DEFAULTS, &record), expected, "{record}");
    }
}

/// A request for the default workspace most likely named none: a key that the candidate pins is then in its own.
#[test]
fn keys_that_the_candidate_pins() {
    let candidate = with(json!({
        "workspaces": {"enabled": true},
        "keys": [{"sha256": "0".repeat(64), "key_id": "ci", "scopes": ["model:write"], "workspace": "acme"}],
    }));
    for (workspace, expected) in [
        (json!(null), "allow allowed"),
        (json!("default"), "allow allowed"),
        (json!("acme"), "allow allowed"),
        (json!("globex"), "deny workspace_not_granted"),
    ] {
        let record = write(json!({"identity": "keys", "key_id": "ci", "workspace": workspace}));
        assert_eq!(again(&candidate, &record), expected, "{record}");
    }
}

#[test]
fn what_was_ambiguous_is_so_again() {
    let record = audit(json!({
        "decision": "deny", "reason": "workspace_ambiguous", "user_id": null, "key_id": null, "scopes": [],
    }));
    assert_eq!(again(&enabled(), &record), "deny workspace_ambiguous");
    let by_body = write(json!({
        "target": "/api/2.0/mlflow/registered-models/create", "operation": "CreateRegisteredModel",
        "decision": "deny", "reason": "body_ambiguous", "scopes": ["model:write:acme-*"], "workspace": "acme",
    }));
    assert_eq!(again(&enabled(), &by_body), "deny body_ambiguous");
}

/// The query of a listing is not recorded, and its path may be another workspace's.
#[test]
fn a_listing_of_files_cannot_be_decided() {
    let record = audit(json!({
        "target": "/api/2.0/mlflow-artifacts/artifacts", "operation": "ListArtifactsMlflowArtifacts",
        "object": "artifact", "permission": "artifact:read", "workspaces": ["default"], "workspace": "default",
    }));
    assert_eq!(again(&enabled(), &record), "name_unknown");
    let unlimited = audit(json!({
        "target": "/api/2.0/mlflow-artifacts/artifacts", "operation": "ListArtifactsMlflowArtifacts",
        "object": "artifact", "permission": "artifact:read", "workspace": "default",
    }));
    assert_eq!(again(&enabled(), &unlimited), "allow allowed");
}
