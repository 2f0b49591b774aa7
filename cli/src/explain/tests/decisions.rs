//! What the fields of a decision say.

use serde_json::{Value, json};

use super::{DEFAULTS, explained, explainer, one};
use crate::explain::line;

#[test]
fn a_denial_says_what_is_missing() {
    let line = r#"{"method":"POST","target":"/api/2.0/mlflow/registered-models/create",
        "scopes":["model:read","mlflow:access"]}"#
        .replace('\n', "");
    let decision = one(DEFAULTS, &line);
    let message = decision["message"].as_str().unwrap();
    assert!(message.contains("registered_model:write"), "{message}");
    assert!(
        message.contains("model:register or model:write"),
        "{message}"
    );
    assert_eq!(
        decision,
        json!({
            "decision": "deny",
            "status": 403,
            "reason": "scope_missing",
            "error_code": "PERMISSION_DENIED",
            "operation": "CreateRegisteredModel",
            "object": "registered_model",
            "access": "write",
            "required_permission": "registered_model:write",
            "granting_scopes": ["model:register", "model:write", "mlflow:write", "write", "admin"],
            "key_scopes": ["model:read", "mlflow:access"],
            "name": null,
            "key_names": [],
            "message": message,
            "mount": "/",
            "key_id": null,
            "user_id": null,
            "identity": "auth_service",
            "percentile": 99,
            "enforce_percent": 100,
            "unknown_scopes": [],
            "unknown_roles": [],
        })
    );
}

#[test]
fn a_forwarded_request_has_no_status_and_no_message() {
    let line =
        r#"{"method":"POST","target":"/api/mlflow/api/2.0/mlflow/runs/create","scopes":["write"]}"#;
    let decision = one(DEFAULTS, line);
    let field = |name: &str| decision[name].clone();
    assert_eq!(field("decision"), "allow");
    assert_eq!(field("reason"), "allowed");
    assert_eq!(field("operation"), "CreateRun");
    assert_eq!(field("mount"), "/api/mlflow");
    for name in ["status", "message", "error_code"] {
        assert_eq!(field(name), Value::Null, "{name}");
    }
}

#[test]
fn what_is_let_through_in_shadow_mode_is_explained_all_the_same() {
    const SHADOW: &str = r#"{"auth_service":{"cluster":"c"},"mounts":["/"],"mode":"shadow"}"#;
    let line = r#"{"method":"POST","target":"/api/2.0/mlflow/runs/create","scopes":["read"]}"#;
    let decision = one(SHADOW, line);
    assert_eq!(decision["decision"], "would_deny");
    assert_eq!(decision["status"], Value::Null);
    assert_eq!(decision["reason"], "scope_missing");
    assert_eq!(decision["error_code"], "PERMISSION_DENIED");
    let message = decision["message"].as_str().unwrap();
    assert!(message.contains("it needs run:write"), "{message}");
}

#[test]
fn reasons() {
    const MOUNTED: &str = r#"{"auth_service":{"cluster":"c"},"mounts":["/m"]}"#;
    const FORWARDING: &str =
        r#"{"auth_service":{"cluster":"c"},"mounts":["/m"],"outside":"forward"}"#;
    let cases = [
        (
            FORWARDING,
            "GET",
            "/elsewhere",
            "allow",
            "outside",
            Value::Null,
        ),
        (
            MOUNTED,
            "GET",
            "/elsewhere",
            "deny",
            "outside_mounts",
            json!(403),
        ),
        (MOUNTED, "GET", "/m/health", "allow", "public", Value::Null),
        (
            MOUNTED,
            "GET",
            "/m/../m/health",
            "deny",
            "target_ambiguous",
            json!(400),
        ),
        (DEFAULTS, "GET", "/health", "allow", "public", Value::Null),
        (
            DEFAULTS,
            "POST",
            "/api/2.0/mlflow/runs/create",
            "deny",
            "credential_missing",
            json!(401),
        ),
        (DEFAULTS, "GET", "", "deny", "target_ambiguous", json!(400)),
        (DEFAULTS, "", "/", "deny", "target_ambiguous", json!(400)),
        (
            DEFAULTS,
            "GET",
            "http://h/",
            "deny",
            "target_ambiguous",
            json!(400),
        ),
    ];
    for (config, method, target, decision, reason, status) in cases {
        let found = one(
            config,
            &json!({"method": method, "target": target}).to_string(),
        );
        let found = (&found["decision"], &found["reason"], &found["status"]);
        assert_eq!(
            found,
            (&json!(decision), &json!(reason), &status),
            "{method} {target}"
        );
    }
}

#[test]
fn an_endpoint_that_is_not_known_is_read_strictly() {
    let request = |method, scopes| {
        json!({"method": method, "target": "/api/9.9/new", "scopes": scopes}).to_string()
    };
    let cases = [
        (request("GET", json!([])), "operation_unknown", "*:read"),
        (request("GET", json!(["read"])), "allowed", "*:read"),
        (
            request("POST", json!(["write"])),
            "operation_unknown",
            "*:admin",
        ),
        (request("POST", json!(["admin"])), "allowed", "*:admin"),
    ];
    for (line, reason, required) in cases {
        let decision = one(DEFAULTS, &line);
        assert_eq!(decision["reason"], reason, "{line}");
        assert_eq!(decision["required_permission"], required, "{line}");
        assert_eq!(decision["operation"], Value::Null, "{line}");
    }
}

#[test]
fn text_is_for_people() {
    let cases = [
        (
            r#"{"method":"GET","target":"/health"}"#,
            &[
                "decision:   allow, forwarded\n",
                "reason:     public\n",
                "needs:      server:read\n",
            ][..],
        ),
        (
            r#"{"method":"GET","target":"/health?\u0007"}"#,
            &[
                "decision:   deny, answered 400\n",
                "reason:     target_ambiguous\n",
                "message:    The ",
            ],
        ),
        (
            r#"{"method":"POST","target":"/nobody/knows","scopes":[]}"#,
            &[
                "operation:  not an endpoint of MLflow 2.0 to 3.18\n",
                "needs:      *:admin\n",
                "key has:    no scopes\n",
            ],
        ),
        (
            r#"{"method":"PUT","target":"/api/2.0/mlflow/runs/create","scopes":[]}"#,
            &["operation:  none: MLflow serves this path only for POST\nneeds:"],
        ),
        (
            r#"{"method":"OPTIONS","target":"/api/2.0/mlflow/runs/create","headers":{"origin":"https://a"}}"#,
            &[
                "decision:   deny, answered 401\n",
                "operation:  none: MLflow serves this path only for POST; a CORS preflight also has the headers Origin and ",
            ],
        ),
        (
            r#"{"method":"OPTIONS","target":"/api/2.0/mlflow/runs/create",
                "headers":{"origin":"https://a","access-control-request-method":"POST"}}"#,
            &["decision:   allow, forwarded\nreason:     preflight\nmount:      /\n"],
        ),
        (
            r#"{"method":"POST","target":"/api/2.0/mlflow/runs/create","scopes":["a\nb","model:read"]}"#,
            &[
                "granted by: ",
                "key has:    a\\nb, model:read\n",
                "message:    This API key may not ",
            ],
        ),
    ];
    for (line, parts) in cases {
        let request = line::parse(line.as_bytes()).unwrap();
        let text = explainer(DEFAULTS).explain(&request).unwrap().to_string();
        for part in parts {
            assert!(text.contains(part), "{line}: {text} lacks {part:?}");
        }
        assert!(text.ends_with('\n') && !text.contains("\n\n"), "{text:?}");
    }
}

#[test]
fn a_principal_too_large_for_the_contract_is_what_it_is_in_the_filter() {
    let scopes = vec!["x".repeat(1024); 65];
    let line = json!({"method": "GET", "target": "/", "scopes": scopes}).to_string();
    let (decisions, _) = explained(DEFAULTS, line.as_bytes());
    assert_eq!(decisions[0]["reason"], "auth_unavailable");
}
