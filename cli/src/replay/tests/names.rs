//! Grants limited to names: decided where the record holds the name.

use serde_json::{Value, json};

use super::{DEFAULTS, again, audit, with};

fn inspecting(fields: Value) -> String {
    let mut all = json!({"bodies": "inspect"});
    all.as_object_mut()
        .unwrap()
        .extend(fields.as_object().unwrap().clone());
    with(all)
}

fn named(target: &str, method: &str, operation: &str, fields: Value) -> Value {
    let mut record = audit(json!({
        "method": method, "target": format!("/api/2.0/mlflow/{target}"), "operation": operation,
        "scopes": [], "grants": [{"scope": "model:write", "names": ["acme-*"]}],
    }));
    record
        .as_object_mut()
        .unwrap()
        .extend(fields.as_object().unwrap().clone());
    record
}

fn create(fields: Value) -> Value {
    named(
        "registered-models/create",
        "POST",
        "CreateRegisteredModel",
        fields,
    )
}

#[test]
fn a_recorded_name_decides_again() {
    let inspect = inspecting(json!({}));
    let get = |fields| named("registered-models/get", "GET", "GetRegisteredModel", fields);
    let alias = |fields| {
        named(
            "registered-models/alias",
            "POST",
            "SetRegisteredModelAlias",
            fields,
        )
    };
    let champion = json!([{"scope": "model:promote", "names": ["acme-*@champion"]}]);
    let denied = |mut record: Value| {
        record["decision"] = json!("deny");
        record["reason"] = json!("name_not_granted");
        record
    };
    for (record, expected) in [
        (create(json!({"name": "acme-1"})), "allow allowed"),
        (create(json!({"name": "other"})), "deny name_not_granted"),
        (
            denied(create(json!({"name": "other"}))),
            "deny name_not_granted",
        ),
        (denied(create(json!({"name": "acme-1"}))), "allow allowed"),
        (get(json!({"name": "acme-1 & more=?"})), "allow allowed"),
        (get(json!({"name": "other"})), "deny name_not_granted"),
        // Scopes with a pattern are grants, too.
        (
            create(json!({"name": "beta-1", "grants": [], "scopes": ["model:write:beta-*"]})),
            "allow allowed",
        ),
        (
            alias(json!({"name": "acme-1@champion", "grants": champion})),
            "allow allowed",
        ),
        (
            alias(json!({"name": "acme-1@latest", "grants": champion})),
            "deny name_not_granted",
        ),
        // Written with an escape.
        (
            named(
                "experiments/create",
                "POST",
                "CreateExperiment",
                json!({"name": "acme-\\\\'1"}),
            ),
            "allow allowed",
        ),
        // An artifact's path is in the target.
        (
            audit(
                json!({"method": "PUT", "target": "/api/2.0/mlflow-artifacts/artifacts/17/f", "scopes": [],
                "grants": [{"scope": "model:write", "names": ["17"]}], "name": "17"}),
            ),
            "allow allowed",
        ),
        (
            audit(
                json!({"method": "GET", "target": "/api/2.0/mlflow-artifacts/artifacts", "scopes": [],
                "grants": [{"scope": "model:write", "names": ["17"]}], "name": "17"}),
            ),
            "allow allowed",
        ),
    ] {
        assert_eq!(again(&inspect, &record), expected, "{record}");
    }
}

#[test]
fn without_a_name_only_what_needs_none_is_decided() {
    let inspect = inspecting(json!({}));
    let wide = inspecting(json!({"scopes": {"also": ["*:*"]}}));
    let no_searches = inspecting(json!({"scopes": {"model:write":
        {"permissions": ["registered_model:read"], "searches": false}}}));
    let search = named(
        "registered-models/search",
        "GET",
        "SearchRegisteredModels",
        json!({}),
    );
    let rename = named(
        "registered-models/rename",
        "POST",
        "RenameRegisteredModel",
        json!({"name": "acme-1"}),
    );
    let version = named(
        "model-versions/create",
        "POST",
        "CreateModelVersion",
        json!({"name": "acme-1"}),
    );
    let doubtful = |fields: Value| {
        let mut record = create(json!({"decision": "deny", "reason": "body_ambiguous"}));
        record
            .as_object_mut()
            .unwrap()
            .extend(fields.as_object().unwrap().clone());
        record
    };
    for (candidate, record, expected) in [
        (&inspect, create(json!({})), "name_unknown"),
        (
            &inspect,
            create(json!({"name": "not a model: it has a colon"})),
            "name_unknown",
        ),
        (&wide, create(json!({"scopes": ["also"]})), "allow allowed"),
        (&inspect, rename, "two_names"),
        (&inspect, version, "two_names"),
        (&inspect, search.clone(), "allow allowed"),
        (&no_searches, search, "deny scope_missing"),
        (
            &inspect,
            named("runs/create", "POST", "CreateRun", json!({})),
            "deny scope_missing",
        ),
        // What could not be read without doubt still cannot, unless no name is needed.
        (&inspect, doubtful(json!({})), "deny body_ambiguous"),
        (
            &inspect,
            doubtful(json!({"name": "acme-1"})),
            "deny body_ambiguous",
        ),
        (
            &inspect,
            doubtful(json!({"grants": []})),
            "deny scope_missing",
        ),
        (
            &wide,
            doubtful(json!({"scopes": ["also"]})),
            "allow allowed",
        ),
    ] {
        assert_eq!(again(candidate, &record), expected, "{record}");
    }
    // A candidate that reads no bodies refuses, whatever they hold.
    assert_eq!(
        again(DEFAULTS, &create(json!({"name": "acme-1"}))),
        "deny body_unavailable"
    );
    let unavailable = create(json!({"decision": "deny", "reason": "body_unavailable"}));
    assert_eq!(again(DEFAULTS, &unavailable), "deny body_unavailable");
    assert_eq!(again(&inspect, &unavailable), "name_unknown");
}
