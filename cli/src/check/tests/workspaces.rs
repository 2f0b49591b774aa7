//! What is found of limits to workspaces, and of the header that chooses one.

use serde_json::{Value, json};

use super::{Edit, assert_edits, codes};

fn config(fields: Value) -> String {
    let mut config = json!({"mounts": ["/"]});
    let fields = fields.as_object().unwrap().clone();
    config.as_object_mut().unwrap().extend(fields);
    config.to_string()
}

/// The configuration with one key that has these fields.
fn key(workspaces: &Value, fields: Value) -> String {
    let mut key = json!({"sha256": "1".repeat(64), "key_id": "ci"});
    let fields = fields.as_object().unwrap().clone();
    key.as_object_mut().unwrap().extend(fields);
    config(json!({"workspaces": workspaces, "keys": [key]}))
}

#[test]
fn limits_where_workspaces_are_not_enabled() {
    let disabled = json!({"enabled": false});
    let scopes = json!(["model:write"]);
    for (text, expected) in [
        (key(&disabled, json!({"scopes": scopes})), &[][..]),
        (
            key(&disabled, json!({"scopes": scopes, "workspace": "acme"})),
            &["workspaces-disabled keys[0]"],
        ),
        (
            key(&disabled, json!({"scopes": scopes, "workspaces": ["acme"]})),
            &["workspaces-disabled keys[0]"],
        ),
        (
            key(
                &disabled,
                json!({"scopes": ["acme/model:write", "model:read"]}),
            ),
            &["workspaces-disabled keys[0].scopes"],
        ),
        (
            key(
                &disabled,
                json!({"scopes": ["acme/model:write:fraud-*", "model:read"]}),
            ),
            &["workspaces-disabled keys[0].scopes"],
        ),
        (
            config(json!({"jwt": {"workspaces": "/ws"}})),
            &["workspaces-disabled jwt.workspaces"],
        ),
        (
            config(json!({"jwt": {"workspace": "/w"}})),
            &["workspaces-disabled jwt.workspace"],
        ),
        (
            config(json!({"auth_service": {"cluster": "c", "reply": {"workspaces": "/w"}}})),
            &["workspaces-disabled auth_service.reply.workspaces"],
        ),
        (
            config(
                json!({"mtls": {"by": "uri_san", "principals": {"a": {"scopes": scopes, "workspace": "acme"}}}}),
            ),
            &["workspaces-disabled mtls.principals.a"],
        ),
        (
            key(&json!({"default": "shared"}), json!({"scopes": scopes})),
            &["setting-unused workspaces.default"],
        ),
    ] {
        assert_eq!(codes(&text), expected, "{text}");
    }
}

#[test]
fn limits_where_they_are_enabled() {
    let enabled = json!({"enabled": true, "default": "shared"});
    let write = json!(["model:write"]);
    for (fields, expected) in [
        (json!({"scopes": write}), &[][..]),
        (json!({"scopes": write, "workspace": "acme"}), &[]),
        (json!({"scopes": write, "workspaces": ["acme-*"]}), &[]),
        (
            json!({"scopes": ["acme/model:write", "globex/model:write:fraud-*"]}),
            &[],
        ),
        (json!({"is_admin": true, "workspace": "acme"}), &[]),
        // Outside its workspaces a scope holds nowhere.
        (
            json!({"scopes": ["globex/model:write"], "workspace": "acme"}),
            &["key-without-rights keys[0]"],
        ),
        (
            json!({"scopes": write, "workspaces": []}),
            &["key-without-rights keys[0]"],
        ),
        (
            json!({"scopes": ["acme/model:wrote"]}),
            &["key-without-rights keys[0].scopes"],
        ),
    ] {
        let text = key(&enabled, fields);
        assert_eq!(codes(&text), expected, "{text}");
    }
}

#[test]
fn a_scope_that_looks_like_a_limited_one() {
    for (name, expected) in [
        (
            "acme/model:write",
            &["scope-shadows scopes.acme/model:write"][..],
        ),
        ("acme/other", &[]),
        ("Acme/model:write", &[]),
    ] {
        let text = config(json!({
            "auth_service": {"cluster": "c"}, "workspaces": {"enabled": true}, "scopes": {name: ["run:read"]},
        }));
        assert_eq!(codes(&text), expected, "{name}");
    }
}

#[test]
fn exceptions_for_workspaces_that_nobody_has() {
    let with = |sources: Value, workspace: &str| {
        let mut fields = json!({
            "workspaces": {"enabled": true},
            "overrides": [{"match": {"workspace": workspace}, "mode": "shadow"}],
        });
        let sources = sources.as_object().unwrap().clone();
        fields.as_object_mut().unwrap().extend(sources);
        config(fields)
    };
    let keys = json!({"keys": [
        {"sha256": "1".repeat(64), "key_id": "a", "scopes": ["model:write"], "workspace": "acme"},
        {"sha256": "2".repeat(64), "key_id": "b", "scopes": ["globex-*/model:read"]},
    ]});
    const UNUSED: &[&str] = &["override-unused overrides[0].match.workspace"];
    for (sources, workspace, expected) in [
        (&keys, "acme", &[][..]),
        (&keys, "globex-eu", &[]),
        (&keys, "globex-*", &[]),
        (&keys, "other", UNUSED),
        (&json!({"auth_service": {"cluster": "c"}}), "other", &[]),
        (&json!({"jwt": {}}), "other", &[]),
    ] {
        assert_eq!(
            codes(&with(sources.clone(), workspace)),
            expected,
            "{workspace}"
        );
    }
}

const ENABLED: Edit<'_> = (
    "\"version\": 1,",
    "\"version\": 1, \"workspaces\": {\"enabled\": true},",
);
const ROUTES: &str = "            virtual_hosts:\n";

/// Without the header that the filter writes, MLflow's own default chooses the workspace.
#[test]
fn the_header_reaches_mlflow() {
    let removing =
        |name: &str| format!("            request_headers_to_remove: [x-other, {name}]\n{ROUTES}");
    for name in [
        "x-mlflow-workspace",
        "X-MLFLOW-WORKSPACE",
        "x_mlflow_workspace",
    ] {
        let edit = removing(name);
        assert_edits(&[
            (
                &[ENABLED, (ROUTES, &edit)],
                &[("header-removed", "request_headers_to_remove[1]")],
            ),
            (&[(ROUTES, &edit)], &[]),
        ]);
    }
    let other = removing("x-mlflow");
    assert_edits(&[(&[ENABLED, (ROUTES, &other)], &[])]);
}

#[test]
fn nobody_but_the_filter_writes_the_header() {
    let adding = format!(
        "            request_headers_to_add: [{{ header: {{ key: x-mlflow-workspace, value: acme }} }}]\n{ROUTES}"
    );
    assert_edits(&[(
        &[ENABLED, (ROUTES, &adding)],
        &[("header-written", "request_headers_to_add[0]")],
    )]);
}
