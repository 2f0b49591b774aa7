//! What callers are told about workspaces: denials, the list of them, whoami.

use serde_json::{Value, json};

use super::{ACME, CREATE_RUN, HEADER, ON, Sent, send};
use crate::engine::Next;
use crate::engine::tests::{Shell, answer, reason};

const LIST: &str = "/ajax-api/3.0/mlflow/workspaces";

fn said(more: &str, method: &str, path: &str, sent: Sent<'_>, body: &str) -> (&'static str, Value) {
    let next = send(&mut Shell::new(more), method, path, sent, body);
    let said = serde_json::from_str(&answer(&next).body).unwrap();
    (reason(&next), said)
}

#[test]
fn a_denial_says_which_workspaces_the_key_has_and_how_to_select_one() {
    for (body, workspaces, message) in [
        (
            ACME,
            json!(["acme"]),
            "API key key_1 may not create a run in the workspace beta; this key has rights in the workspace acme. \
             Select acme with mlflow.set_workspace(\"acme\") or MLFLOW_WORKSPACE=acme.",
        ),
        (
            r#"{"key_id": "key_1", "scopes": ["team-*/model:write", "acme/model:read"]}"#,
            json!(["team-*", "acme"]),
            "API key key_1 may not create a run in the workspace beta; this key has rights in the workspaces team-*, \
             acme. Select one with mlflow.set_workspace(\"…\") or MLFLOW_WORKSPACE.",
        ),
        (
            r#"{"key_id": "key_1", "scopes": ["acme/model:read", "gamma/model:write"]}"#,
            json!(["acme", "gamma"]),
            "API key key_1 may not create a run in the workspace beta; this key has rights in the workspaces acme, \
             gamma. Select gamma with mlflow.set_workspace(\"gamma\") or MLFLOW_WORKSPACE=gamma.",
        ),
        (
            r#"{"key_id": "key_1", "scopes": ["acme/model:read"]}"#,
            json!(["acme"]),
            "API key key_1 may not create a run in the workspace beta; this key has rights in the workspace acme. It has \
             run:write in none of them.",
        ),
        (
            r#"{"key_id": "key_1", "scopes": ["model:write"], "workspaces": []}"#,
            json!([]),
            "API key key_1 may not create a run in the workspace beta; this key has no rights in any workspace.",
        ),
        (
            r#"{"key_id": "key_1", "scopes": ["model:write"], "workspaces": ["team-*"]}"#,
            json!(["team-*"]),
            "API key key_1 may not create a run in the workspace beta; this key has rights in the workspace team-*. \
             Select one with mlflow.set_workspace(\"…\") or MLFLOW_WORKSPACE.",
        ),
    ] {
        let (reason, said) = said(ON, "POST", CREATE_RUN, &[(HEADER, "beta")], body);
        assert_eq!(reason, "workspace_not_granted");
        assert_eq!(said["error_code"], "PERMISSION_DENIED");
        assert_eq!(said["workspace"], "beta");
        assert_eq!(said["key_workspaces"], workspaces);
        assert_eq!(said["required_permission"], "run:write");
        assert_eq!(
            said["granting_scopes"],
            Value::Null,
            "they would grant it everywhere"
        );
        assert_eq!(said["message"], message);
    }
}

#[test]
fn a_denial_says_why_a_limit_is_too_much() {
    let body = r#"{"key_id": "key_1", "scopes": ["acme/mlflow:admin"]}"#;
    for (method, path, why) in [
        (
            "GET",
            "/api/2.0/mlflow/users/get",
            "it needs user:admin (without a limit to workspaces, because MLflow does not keep them apart in this \
             operation), which scope",
        ),
        (
            "GET",
            "/api/2.0/mlflow-artifacts/artifacts/workspaces/beta/1/f",
            "it needs artifact:read (without a limit to workspaces, because the path does not stay within \
             the files of the workspace), which scope",
        ),
    ] {
        let (reason, said) = said(ON, method, path, &[(HEADER, "acme")], body);
        assert_eq!(reason, "scope_missing");
        let message = said["message"].as_str().unwrap();
        assert!(message.contains(why), "{message}");
    }
}

/// Of a key whose own workspaces are the limit.
#[test]
fn no_scope_is_named_where_none_would_help() {
    for (method, path, needed) in [
        ("GET", "/api/2.0/mlflow/users/get", "user:admin"),
        (
            "GET",
            "/api/2.0/mlflow-artifacts/artifacts/workspaces/beta/1/f",
            "artifact:read",
        ),
    ] {
        for (body, helps) in [
            (
                r#"{"key_id": "k", "scopes": ["model:write"], "workspaces": ["acme"]}"#,
                false,
            ),
            (
                r#"{"key_id": "k", "scopes": ["model:write"], "workspaces": []}"#,
                false,
            ),
            (r#"{"key_id": "k", "scopes": ["acme/model:write"]}"#, true),
        ] {
            let (_, said) = said(ON, method, path, &[(HEADER, "acme")], body);
            let message = said["message"].as_str().unwrap();
            assert!(message.contains(needed), "{message}");
            assert_eq!(said["granting_scopes"].is_array(), helps, "{path} {body}");
            let words = "which no scope grants to a key that is limited to workspaces";
            assert_eq!(message.contains(words), !helps, "{message}");
        }
    }
}

#[test]
fn a_limited_key_is_told_the_workspaces_that_it_names() {
    for (body, names) in [
        (ACME, &["acme"][..]),
        (
            r#"{"scopes": ["acme/model:write", "beta/model:read", "acme/model:delete"]}"#,
            &["acme", "beta"],
        ),
        (
            r#"{"scopes": ["model:read"], "workspaces": ["acme", "team-*"]}"#,
            &["acme"],
        ),
        (r#"{"scopes": ["team-*/model:read"]}"#, &[]),
        (
            r#"{"scopes": ["tracking:write"], "workspace": "acme"}"#,
            &["acme"],
        ),
        (
            r#"{"scopes": ["team-*/model:read", "team-a/model:write"]}"#,
            &["team-a"],
        ),
        (
            r#"{"scopes": [], "grants": [{"scope": "model:read", "workspaces": ["acme"]}, {"scope": "none", "workspaces": ["beta"]}]}"#,
            &["acme"],
        ),
        (
            r#"{"scopes": ["acme/model:read", "beta/model:read"], "workspaces": ["beta"]}"#,
            &["beta"],
        ),
    ] {
        for sent in [
            &[][..],
            &[(HEADER, "")],
            &[(HEADER, "acme")],
            &[(HEADER, "other")],
        ] {
            let (reason, said) = said(ON, "GET", LIST, sent, body);
            let listed: Vec<Value> = names.iter().map(|name| json!({"name": name})).collect();
            assert_eq!(reason, "workspaces_listed", "{body}");
            assert_eq!(said, json!({"workspaces": listed}), "{body}");
        }
    }
    // Whoever may see all is told all, by the server.
    for body in [
        r#"{"scopes": ["model:read"]}"#,
        r#"{"scopes": ["model:read", "acme/model:write"]}"#,
        r#"{"scopes": [], "is_admin": true}"#,
    ] {
        let next = send(&mut Shell::new(ON), "GET", LIST, &[], body);
        assert!(matches!(next, Next::Forward(..)), "{body}");
        assert_eq!(reason(&next), "allowed");
    }
    for (more, method, path, body, expected) in [
        (
            ON,
            "GET",
            LIST,
            r#"{"scopes": ["acme/unknown"]}"#,
            "scope_missing",
        ),
        (
            ON,
            "GET",
            LIST,
            r#"{"scopes": ["model:read"], "workspaces": []}"#,
            "scope_missing",
        ),
        (
            ON,
            "GET",
            LIST,
            r#"{"scopes": ["tracking:write"]}"#,
            "scope_missing",
        ),
        (
            ON,
            "POST",
            LIST,
            r#"{"scopes": ["acme/mlflow:admin"]}"#,
            "scope_missing",
        ),
        (
            ON,
            "GET",
            "/api/3.0/mlflow/workspaces/beta",
            r#"{"scopes": ["acme/mlflow:admin"]}"#,
            "scope_missing",
        ),
        ("", "GET", LIST, ACME, "scope_missing"),
        ("", "GET", LIST, r#"{"scopes": ["model:read"]}"#, "allowed"),
    ] {
        let next = send(&mut Shell::new(more), method, path, &[], body);
        assert_eq!(reason(&next), expected, "{method} {path} {body}");
    }
    let shadow = format!(r#"{ON}, "mode": "shadow""#);
    let next = send(&mut Shell::new(&shadow), "GET", LIST, &[], ACME);
    assert!(
        matches!(next, Next::Forward(..)),
        "in shadow mode the server answers"
    );
}

#[test]
fn a_caller_learns_what_its_key_may_do_in_which_workspace() {
    let whoami = "/.well-known/mlflow-authz/whoami";
    let body = r#"{"key_id": "key_1", "scopes": ["model:read", "acme/model:promote", "team-*/gateway:use:x", "beta/model:delete:fraud-*"]}"#;
    let (reason, said) = said(ON, "GET", whoami, &[(HEADER, "acme")], body);
    assert_eq!(reason, "whoami");
    assert_eq!(said["workspace"], "acme");
    assert_eq!(said["unlimited"], json!(["*:read"]));
    assert_eq!(said["objects"]["registered_model"]["promote"], true);
    assert_eq!(said["unknown_scopes"], json!([]));
    let shown = said["workspaces"].as_array().unwrap().iter();
    let shown: Vec<(&str, &Value)> = shown
        .map(|it| (it["workspace"].as_str().unwrap(), &it["permissions"]))
        .collect();
    assert_eq!(
        shown,
        [
            (
                "acme",
                &json!([
                    "*:read",
                    "model_version:promote",
                    "registered_model:promote"
                ])
            ),
            ("team-*", &json!(["*:read"])),
            ("beta", &json!(["*:read"])),
        ]
    );
    assert_eq!(
        said["workspaces"][2]["limited"][0]["names"],
        json!(["fraud-*"])
    );
    let (_, said) = super::denials::said("", "GET", whoami, &[], body);
    assert_eq!(
        (
            said.get("workspace"),
            said.get("workspaces"),
            said.get("unlimited")
        ),
        (None, None, None)
    );
    let pinned = r#"{"scopes": ["tracking:write"], "workspace": "acme"}"#;
    let (_, said) = super::denials::said(ON, "GET", whoami, &[], pinned);
    assert_eq!(
        (&said["workspace"], &said["unlimited"]),
        (&json!("acme"), &json!([]))
    );
    assert_eq!(said["objects"]["run"]["write"], true);
}
