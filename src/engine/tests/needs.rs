//! Operations that need something else than their access to their object, and what a query narrows.

use serde_json::{Value, json};

use super::{READER, Shell, answer, reason};

/// What is decided about a request with these scopes: the reason, and the permission that is missing.
fn decided(more: &str, method: &str, path: &str, scopes: &Value) -> (String, Option<String>) {
    let body = json!({"key_id": "k", "scopes": scopes}).to_string();
    let next = Shell::new(more).request(method, path, &body);
    let decision = next.decision().unwrap();
    let denied = decision.reason.denial().is_some();
    let missing = decision
        .required
        .filter(|_| denied)
        .map(|it| it.to_string());
    (reason(&next).to_owned(), missing)
}

fn missing(permission: &str) -> (String, Option<String>) {
    ("scope_missing".to_owned(), Some(permission.to_owned()))
}

fn allowed() -> (String, Option<String>) {
    ("allowed".to_owned(), None)
}

const PAGE: [&str; 3] = ["/", "/static-files/static/js/main.js", "/build/index.html"];

const DEFAULT_SCOPES: [&str; 16] = [
    "model:read",
    "mlflow:read",
    "mlflow:access",
    "read",
    "model:register",
    "model:write",
    "model:promote",
    "model:delete",
    "tracking:write",
    "mlflow:write",
    "write",
    "mlflow:delete",
    "gateway:use",
    "mlflow:admin",
    "admin",
    "full_access",
];

#[test]
fn whoever_holds_anything_loads_the_page_and_nothing_more() {
    for scope in DEFAULT_SCOPES {
        for path in PAGE {
            assert_eq!(
                decided("", "GET", path, &json!([scope])),
                allowed(),
                "{scope} {path}"
            );
            assert_eq!(
                decided("", "HEAD", path, &json!([scope])),
                allowed(),
                "{scope} {path}"
            );
        }
    }
    let more = r#", "scopes": {"named": ["run:read"], "emptied": [], "read": []}"#;
    for (scopes, may) in [
        (json!(["named"]), true),
        (json!(["model:write:fraud-*"]), true),
        (json!(["emptied"]), false),
        (json!(["read"]), false),
        (json!(["emptied:x"]), false),
        (json!(["unknown"]), false),
        (json!(["unknown", "named"]), true),
        (json!([]), false),
    ] {
        for path in PAGE {
            let expected = if may {
                allowed()
            } else {
                missing("server:read")
            };
            assert_eq!(
                decided(more, "GET", path, &scopes),
                expected,
                "{scopes} {path}"
            );
        }
    }
    // Not by granting `server:read`.
    for scope in [
        "model:register",
        "model:promote",
        "gateway:use",
        "model:write:fraud-*",
    ] {
        for path in ["/metrics", "/ajax-api/3.0/mlflow/ui-telemetry"] {
            assert_eq!(
                decided("", "GET", path, &json!([scope])),
                missing("server:read")
            );
        }
    }
}

#[test]
fn roles_and_administrators_load_the_page() {
    let more = r#", "roles": {"r": ["run:read"], "none": []}"#;
    for (body, expected) in [
        (r#"{"scopes": [], "roles": ["r"]}"#, "allowed"),
        (r#"{"scopes": [], "roles": ["none"]}"#, "scope_missing"),
        (r#"{"scopes": [], "is_admin": true}"#, "allowed"),
        (
            r#"{"scopes": [], "grants": [{"scope": "model:read", "names": ["a"]}]}"#,
            "allowed",
        ),
        (
            r#"{"scopes": [], "grants": [{"scope": "model:read", "names": []}]}"#,
            "scope_missing",
        ),
        (
            r#"{"scopes": [], "grants": [{"scope": "other", "names": ["a"]}]}"#,
            "scope_missing",
        ),
    ] {
        let next = Shell::new(more).request("GET", "/", body);
        assert_eq!(reason(&next), expected, "{body}");
    }
}

#[test]
fn graphql_needs_read_on_all_that_it_can_return() {
    let all = json!({"graph": [
        "experiment:read", "run:read", "registered_model:read", "model_version:read", "dataset:read", "artifact:read",
    ]});
    let more = format!(r#", "scopes": {all}"#);
    assert_eq!(
        decided(&more, "POST", "/graphql", &json!(["graph"])),
        allowed()
    );
    for left_out in all["graph"].as_array().unwrap() {
        let mut less = all["graph"].as_array().unwrap().clone();
        less.retain(|it| it != left_out);
        // The rest of what there is does not make up for it.
        less.extend([
            json!("server:read"),
            json!("trace:read"),
            json!("*:write"),
            json!("*:use"),
        ]);
        let more = format!(r#", "scopes": {}"#, json!({"graph": less}));
        for method in ["GET", "POST", "HEAD"] {
            let found = decided(&more, method, "/graphql", &json!(["graph"]));
            assert_eq!(found, missing(left_out.as_str().unwrap()), "{method}");
        }
    }
    for (scope, expected) in [
        ("model:read", allowed()),
        ("model:register", allowed()),
        ("model:write", allowed()),
        ("model:delete", allowed()),
        ("mlflow:write", allowed()),
        ("mlflow:delete", allowed()),
        ("mlflow:admin", allowed()),
        ("model:promote", missing("experiment:read")),
        ("tracking:write", missing("registered_model:read")),
        ("gateway:use", missing("experiment:read")),
        // Limited to names: nothing says which objects an answer holds.
        ("model:read:fraud-*", missing("experiment:read")),
    ] {
        assert_eq!(
            decided("", "POST", "/graphql", &json!([scope])),
            expected,
            "{scope}"
        );
    }
    // Several scopes together hold them all.
    let both = json!(["tracking:write", "model:promote"]);
    assert_eq!(decided("", "POST", "/graphql", &both), allowed());
}

#[test]
fn a_denial_of_graphql_names_the_first_that_is_missing_and_scopes_that_hold_all() {
    let body = json!({"key_id": "k", "scopes": ["tracking:write"]}).to_string();
    let next = Shell::new("").request("POST", "/graphql", &body);
    let told: Value = serde_json::from_str(&answer(&next).body).unwrap();
    assert_eq!(told["operation"], "GraphQL");
    assert_eq!(told["required_permission"], "registered_model:read");
    let granting = told["granting_scopes"].as_array().unwrap();
    assert!(
        !granting.is_empty() && !granting.contains(&json!("model:promote")),
        "{granting:?}"
    );
    let message = told["message"].as_str().unwrap();
    assert!(
        message.contains("model_version:read") && message.contains("lacks registered_model:read")
    );
    // What the record calls it does not change.
    let operation = next.decision().unwrap().operation.unwrap();
    assert_eq!(
        (operation.object.as_str(), operation.access.as_str()),
        ("server", "read")
    );
}

/// Overrides match on the record's object and access, not on what is needed.
#[test]
fn overrides_find_graphql_under_server() {
    let over = |object: &str| {
        format!(r#", "overrides": [{{"match": {{"object": ["{object}"]}}, "mode": "shadow"}}]"#)
    };
    let promoter = r#"{"key_id": "k", "scopes": ["model:promote"]}"#;
    for (object, effect) in [("server", "would_deny"), ("experiment", "deny")] {
        let next = Shell::new(&over(object)).request("POST", "/graphql", promoter);
        assert_eq!(
            next.decision().unwrap().effect().as_str(),
            effect,
            "{object}"
        );
    }
}

const PROXY: &str = "/ajax-api/2.0/mlflow/gateway-proxy";

#[test]
fn only_the_list_of_endpoints_is_read_through_the_gateway_proxy() {
    let reads = [
        "gateway_path=api%2F2.0%2Fendpoints%2F",
        "gateway_path=api/2.0/endpoints/",
        "gateway_path=api/2.0/endpoints",
        "gateway_path=/api/2.0/endpoints",
        "gateway_path=%2fapi%2f2%2e0%2fend%70oints",
        "gateway%5Fpath=api%2F2.0%2Fendpoints%2F",
    ];
    let uses = [
        "",
        "gateway_path",
        "gateway_path=",
        "gateway_path=/",
        "gateway_path=api/2.0/endpoints/x",
        "gateway_path=api//2.0/endpoints",
        "gateway_path=api/2.0/Endpoints",
        "gateway_path=api/2.0/endpoints/%20",
        "gateway_path=+api/2.0/endpoints",
        "gateway_path=api/2.0/endpoints?x=1",
        "gateway_path=api/2.0/endpoints%3Fx=1",
        "gateway_path=api/2.0/endpoints%23x",
        "gateway_path=api/2.0/endpoints#x",
        "gateway_path=api/2.0/endpoints%00",
        "gateway_path=api/2.0/../2.0/endpoints",
        "gateway_path=api%252F2.0%252Fendpoints",
        "gateway_path=gateway/chat/invocations",
        "gateway_path=api/2.0/endpoints&gateway_path=api/2.0/endpoints",
        "gateway_path=gateway/chat/invocations&gateway_path=api/2.0/endpoints",
        "gateway_path=api/2.0/endpoints&gateway_path=gateway/chat/invocations",
        "gateway_path=api/2.0/endpoints&json_data=1",
        "json_data=1&gateway_path=api/2.0/endpoints",
        "gateway_path=api/2.0/endpoints&x=1",
        "gateway_path=api/2.0/endpoints&",
        "&gateway_path=api/2.0/endpoints",
        "gateway_path=api/2.0/endpoints;x=1",
        "gatewayPath=api/2.0/endpoints",
        "Gateway_path=api/2.0/endpoints",
        "gateway_path=api/2.0/endpoints&gatewayPath=x",
        "gateway_path[]=api/2.0/endpoints",
        "gateway_path=api/2.0/endpoints%ff",
        "gateway_path=%zzapi/2.0/endpoints",
    ];
    for query in reads {
        let path = format!("{PROXY}?{query}");
        assert_eq!(
            decided("", "GET", &path, &json!(["model:read"])),
            allowed(),
            "{query}"
        );
        let found = decided("", "GET", &path, &json!(["model:promote"]));
        assert_eq!(found, missing("gateway:read"), "{query}");
        // Whoever may open the page of an experiment's runs, which sends it.
        for (scope, expected) in [
            ("tracking:write", allowed()),
            ("gateway:use", allowed()),
            ("other", missing("gateway:read")),
            ("page", allowed()),
            // Limited to names: an answer is of no experiment.
            ("page:fraud-*", missing("gateway:read")),
        ] {
            let more = r#", "scopes": {"page": ["experiment:read"], "other": ["experiment:write", "run:read", "gateway:write"]}"#;
            let found = decided(more, "GET", &path, &json!([scope]));
            assert_eq!(found, expected, "{scope} {query}");
        }
        for method in ["POST", "HEAD"] {
            let found = decided("", method, &path, &json!(["model:read"]));
            assert_eq!(found, missing("gateway:use"), "{method} {query}");
        }
    }
    for query in uses {
        let path = format!("{PROXY}?{query}");
        for scope in ["model:read", "tracking:write"] {
            let found = decided("", "GET", &path, &json!([scope]));
            assert_ne!(found.0, "allowed", "{query}");
            if found.0 == "scope_missing" {
                assert_eq!(found, missing("gateway:use"), "{query}");
            }
        }
    }
    assert_eq!(
        decided("", "GET", PROXY, &json!(["model:read"])),
        missing("gateway:use")
    );
    let next = Shell::new("").request("GET", &format!("{PROXY}?{}", reads[0]), READER);
    let operation = next.decision().unwrap().operation.unwrap();
    assert_eq!(operation.name, "ListDeploymentsEndpoints");
    assert_eq!(
        (operation.object.as_str(), operation.access.as_str()),
        ("gateway", "read")
    );
}

#[test]
fn a_denial_of_what_either_of_two_permissions_allows_names_both() {
    let body = json!({"key_id": "k", "scopes": ["model:promote"]}).to_string();
    let target = format!("{PROXY}?gateway_path=api/2.0/endpoints/");
    let next = Shell::new("").request("GET", &target, &body);
    let told: Value = serde_json::from_str(&answer(&next).body).unwrap();
    assert_eq!(told["required_permission"], "gateway:read");
    let granting = told["granting_scopes"].as_array().unwrap();
    assert!(granting.contains(&json!("gateway:use")), "{granting:?}");
    let message = told["message"].as_str().unwrap();
    assert!(
        message.contains("it needs gateway:read or experiment:read, which scope"),
        "{message}"
    );
}

#[test]
fn bindings_of_one_endpoint_are_read_and_all_of_them_are_administration() {
    for prefix in ["/api", "/ajax-api"] {
        let path = format!("{prefix}/3.0/mlflow/gateway/endpoints/bindings/list");
        for (query, expected) in [
            ("?endpoint_id=e-1", allowed()),
            (
                "?endpoint_id=e-1&resource_type=scorer&resource_id=",
                allowed(),
            ),
            ("", missing("gateway:admin")),
            ("?", missing("gateway:admin")),
            ("?endpoint_id=", missing("gateway:admin")),
            ("?endpoint_id=%20", missing("gateway:admin")),
            ("?resource_type=scorer", missing("gateway:admin")),
            ("?endpoint_id=e-1&endpoint_id=", missing("gateway:admin")),
            ("?endpoint_id=e-1&endpointId=", missing("gateway:admin")),
            ("?endpointId=e-1", missing("gateway:admin")),
            ("?endpoint_id=e-1&x=1", missing("gateway:admin")),
        ] {
            let path = format!("{path}{query}");
            assert_eq!(
                decided("", "GET", &path, &json!(["gateway:use"])),
                expected,
                "{path}"
            );
        }
    }
}

#[test]
fn what_else_the_page_asks_for() {
    for (path, expected) in [
        ("/ajax-api/3.0/mlflow/gateway/secrets/config", allowed()),
        (
            "/ajax-api/3.0/mlflow/gateway/secrets/list",
            missing("gateway:admin"),
        ),
        (
            "/ajax-api/3.0/mlflow/assistant/config",
            missing("assistant:admin"),
        ),
        ("/ajax-api/2.0/mlflow/webhooks", missing("webhook:admin")),
    ] {
        assert_eq!(
            decided("", "GET", path, &json!(["model:read"])),
            expected,
            "{path}"
        );
    }
}
