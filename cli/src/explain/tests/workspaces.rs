//! Requests for a workspace, and callers who are limited to some.

use clap::Parser;
use serde_json::{Value, json};

use super::{CommandLine, DEFAULTS, explainer, one};
use crate::explain::request;

const CREATE: &str = "/api/2.0/mlflow/runs/create";
const ENABLED: &str =
    r#"{"mounts": ["/"], "auth_service": {"cluster": "c"}, "workspaces": {"enabled": true}}"#;

fn said(config: &str, more: &Value) -> Value {
    let mut line = json!({"method": "POST", "target": CREATE});
    let fields = more.as_object().unwrap().clone();
    line.as_object_mut().unwrap().extend(fields);
    one(config, &line.to_string())
}

#[test]
fn a_caller_has_its_rights_in_its_workspaces() {
    let grant = json!([{"scope": "model:write", "workspaces": ["acme"]}]);
    let write = json!(["model:write"]);
    for (caller, workspace, expected) in [
        (json!({"scopes": write}), None, "allowed"),
        (json!({"scopes": write}), Some("acme"), "allowed"),
        (
            json!({"scopes": ["acme/model:write"]}),
            Some("acme"),
            "allowed",
        ),
        (
            json!({"scopes": ["acme/model:write"]}),
            Some("globex"),
            "workspace_not_granted",
        ),
        (
            json!({"scopes": ["acme/model:write"]}),
            None,
            "workspace_not_granted",
        ),
        (
            json!({"scopes": ["acme-*/model:write"]}),
            Some("acme-eu"),
            "allowed",
        ),
        (
            json!({"scopes": ["acme-*/model:write"]}),
            Some("acme"),
            "workspace_not_granted",
        ),
        (json!({"grants": grant}), Some("acme"), "allowed"),
        (
            json!({"grants": grant}),
            Some("globex"),
            "workspace_not_granted",
        ),
        (
            json!({"scopes": write, "workspaces": ["acme"]}),
            Some("acme"),
            "allowed",
        ),
        (
            json!({"scopes": write, "workspaces": ["acme"]}),
            Some("globex"),
            "workspace_not_granted",
        ),
        (
            json!({"is_admin": true, "workspaces": ["acme"]}),
            Some("globex"),
            "workspace_not_granted",
        ),
        (
            json!({"scopes": write, "workspaces": ["acme"]}),
            None,
            "workspace_not_granted",
        ),
        (
            json!({"scopes": write, "pinned_workspace": "acme"}),
            None,
            "allowed",
        ),
        (
            json!({"scopes": write, "pinned_workspace": "acme"}),
            Some("acme"),
            "allowed",
        ),
        (
            json!({"scopes": write, "pinned_workspace": "acme"}),
            Some("default"),
            "workspace_not_granted",
        ),
        (
            json!({"scopes": write}),
            Some("no_name"),
            "workspace_ambiguous",
        ),
        (
            json!({"scopes": ["model:read"], "workspaces": ["acme"]}),
            Some("acme"),
            "scope_missing",
        ),
    ] {
        let mut caller = caller;
        if let Some(workspace) = workspace {
            caller["workspace"] = json!(workspace);
        }
        let decision = said(ENABLED, &caller);
        assert_eq!(decision["reason"], expected, "{caller}: {decision}");
    }
}

#[test]
fn the_workspace_and_those_of_the_caller_are_said() {
    let pinned = json!({"scopes": ["model:write"], "pinned_workspace": "acme"});
    let decision = said(ENABLED, &pinned);
    assert_eq!(decision["workspace"], "acme");
    assert_eq!(decision["key_workspaces"], json!(["acme"]));
    let two = json!({"scopes": ["acme/model:write", "globex-*/model:read"], "workspace": "other"});
    let decision = said(ENABLED, &two);
    assert_eq!(decision["workspace"], "other");
    assert_eq!(decision["key_workspaces"], json!(["acme", "globex-*"]));
    assert!(
        decision["message"].as_str().unwrap().contains("acme"),
        "{decision}"
    );
    // Without a limit there is nothing to list, and without workspaces nothing to say.
    let free = said(ENABLED, &json!({"scopes": ["model:write"]}));
    assert_eq!(free["workspace"], "default");
    assert_eq!(free.get("key_workspaces"), None);
    let without = said(DEFAULTS, &json!({"scopes": ["model:write"]}));
    assert_eq!(without.get("workspace"), None);
    assert_eq!(without.get("key_workspaces"), None);
}

#[test]
fn the_default_is_the_configurations() {
    let config = ENABLED.replace("true", r#"true, "default": "shared""#);
    for (scope, expected) in [
        ("shared/model:write", "allowed"),
        ("default/model:write", "workspace_not_granted"),
    ] {
        let decision = said(&config, &json!({"scopes": [scope]}));
        assert_eq!(decision["reason"], expected, "{scope}");
        assert_eq!(decision["workspace"], "shared");
    }
}

/// A limit of which the server knows nothing grants nothing, and no request is for a workspace.
#[test]
fn where_workspaces_are_not_enabled() {
    let limited = json!({"scopes": ["acme/model:write"]});
    assert_eq!(said(DEFAULTS, &limited)["reason"], "scope_missing");
    let pinned = json!({"scopes": ["model:write"], "pinned_workspace": "acme"});
    assert_eq!(said(DEFAULTS, &pinned)["reason"], "scope_missing");
    let named = json!({"scopes": ["model:write"], "workspace": "acme"});
    let error = said(DEFAULTS, &named)["error"].as_str().unwrap().to_owned();
    assert!(
        error.starts_with("line 1: the configuration does not enable workspaces"),
        "{error}"
    );
}

#[test]
fn a_grant_has_a_limit() {
    for grant in [
        json!({"scope": "model:write"}),
        json!({"scope": "model:write", "names": null}),
    ] {
        let error = said(ENABLED, &json!({"grants": [grant]}));
        let error = error["error"].as_str().unwrap();
        assert!(
            error.starts_with("line 1: a grant needs names, workspaces or both"),
            "{error}"
        );
    }
}

#[test]
fn arguments_name_workspaces() {
    let line = |more: &[&str]| {
        let line = [
            "explain",
            "--method",
            "POST",
            "--target",
            CREATE,
            "--scopes",
            "model:write",
        ];
        CommandLine::try_parse_from([&line[..], more].concat())
            .unwrap()
            .args
    };
    for (more, expected) in [
        (
            &["--workspace", "acme"][..],
            &["decision:   allow, forwarded\n", "workspace:  acme\n"][..],
        ),
        (
            &["--workspace", "acme", "--workspaces", "acme, globex"],
            &[
                "decision:   allow, forwarded\n",
                "workspaces: acme, globex\n",
            ],
        ),
        (
            &["--workspace", "acme", "--workspaces", "globex"],
            &[
                "reason:     workspace_not_granted\n",
                "workspaces: globex\n",
            ],
        ),
        (&["--pinned-workspace", "acme"], &["workspace:  acme\n"]),
    ] {
        let text = explainer(ENABLED)
            .explain(&request(line(more)).unwrap())
            .unwrap()
            .to_string();
        for part in expected {
            assert!(text.contains(part), "{more:?}: {text}");
        }
    }
}

#[test]
fn other_sources_name_workspaces_themselves() {
    let keys = format!(
        r#"{{"mounts": ["/"], "workspaces": {{"enabled": true}}, "keys": [
            {{"sha256": "{}", "key_id": "ci", "scopes": ["model:write"], "workspace": "acme"}}]}}"#,
        "0".repeat(64)
    )
    .replace('\n', "");
    let jwt = r#"{"mounts": ["/"], "workspaces": {"enabled": true}, "jwt": {"workspaces": "/ws"}}"#;
    for (config, caller) in [
        (keys.as_str(), json!({"identity": "keys", "key_id": "ci"})),
        (
            jwt,
            json!({"identity": "jwt", "claims": {"sub": "u", "scope": "model:write", "ws": ["acme"]}}),
        ),
    ] {
        for (workspace, expected) in [("acme", "allowed"), ("globex", "workspace_not_granted")] {
            let mut caller = caller.clone();
            caller["workspace"] = json!(workspace);
            assert_eq!(said(config, &caller)["reason"], expected, "{caller}");
        }
        let mut also = caller.clone();
        also["workspaces"] = json!(["globex"]);
        let error = said(config, &also)["error"].as_str().unwrap().to_owned();
        assert!(error.contains("nothing else about the caller"), "{error}");
    }
}
