//! Who calls: from what is said of the caller and what the headers bring.

use serde_json::{Value, json};

use super::{DEFAULTS, explained, one};

const WRITE: &str = "/api/2.0/mlflow/runs/create";

fn reason(config: &str, caller: &Value) -> String {
    let mut request = json!({"method": "POST", "target": WRITE});
    let fields = caller.as_object().unwrap().clone();
    request.as_object_mut().unwrap().extend(fields);
    let decision = one(config, &request.to_string());
    decision["reason"]
        .as_str()
        .unwrap_or_else(|| panic!("{decision}"))
        .to_owned()
}

#[test]
fn callers() {
    let key = json!({"Authorization": "Bearer k"});
    let twice = json!([["X-API-Key", "a"], ["x-api-key", "a"]]);
    let cases = [
        (json!({}), "credential_missing"),
        (
            json!({"scopes": null, "roles": null, "is_admin": null}),
            "credential_missing",
        ),
        (
            json!({"headers": null, "host": null, "body": null}),
            "credential_missing",
        ),
        (json!({"scopes": []}), "scope_missing"),
        (json!({"roles": []}), "scope_missing"),
        (json!({"is_admin": false}), "scope_missing"),
        (json!({"is_admin": true}), "allowed"),
        (json!({"scopes": ["model:read"]}), "scope_missing"),
        (
            json!({"scopes": ["model:read", "model:register"]}),
            "allowed",
        ),
        (json!({"scopes": ["no:such"]}), "scope_missing"),
        (json!({"headers": key}), "scope_missing"),
        (json!({"headers": key, "scopes": ["write"]}), "allowed"),
        (
            json!({"headers": {"x-api-key": ["k"]}, "scopes": ["write"]}),
            "allowed",
        ),
        (
            json!({"headers": {"x-api-key": ["a", "b"]}, "scopes": ["write"]}),
            "credential_ambiguous",
        ),
        (
            json!({"headers": twice, "scopes": ["write"]}),
            "credential_ambiguous",
        ),
        (
            json!({"headers": {"authorization": "Digest x"}, "scopes": ["write"]}),
            "credential_malformed",
        ),
        (
            json!({"headers": {"accept": "*/*"}, "scopes": ["write"]}),
            "allowed",
        ),
        (
            json!({"body": {"any": ["thing"]}, "scopes": ["write"]}),
            "allowed",
        ),
    ];
    for (caller, expected) in cases {
        assert_eq!(reason(DEFAULTS, &caller), expected, "{caller}");
    }
}

#[test]
fn the_added_credential_is_of_a_configured_kind() {
    for kind in ["bearer", "x-api-key", "basic", "query"] {
        let config =
            json!({"auth_service": {"cluster": "c"}, "mounts": ["/"], "credentials": [kind]})
                .to_string();
        assert_eq!(
            reason(&config, &json!({"scopes": ["write"]})),
            "allowed",
            "{kind}"
        );
        assert_eq!(reason(&config, &json!({})), "credential_missing", "{kind}");
    }
    let config = r#"{"auth_service":{"cluster":"c"},"mounts":["/"],"credentials":["query"]}"#;
    for (target, expected) in [
        ("?a=1", "allowed"),
        ("?api_key=k", "allowed"),
        ("?api_key=%20", "credential_malformed"),
    ] {
        let target = format!("{WRITE}{target}");
        assert_eq!(
            reason(config, &json!({"target": target, "scopes": ["write"]})),
            expected,
            "{target}"
        );
    }
}

#[test]
fn roles_are_the_configurations() {
    let config = r#"{"auth_service":{"cluster":"c"},"mounts":["/"],"roles":{"boss":["*:*"]}}"#;
    assert_eq!(reason(config, &json!({"roles": ["boss"]})), "allowed");
    assert_eq!(
        reason(DEFAULTS, &json!({"roles": ["boss"]})),
        "scope_missing"
    );
}

/// Each line is explained as if it were the first, whatever came before under the same key.
#[test]
fn lines_do_not_depend_on_earlier_ones() {
    let key = json!({"authorization": "Bearer same"});
    let callers = [
        (json!({"headers": key, "scopes": ["write"]}), "allowed"),
        (json!({"headers": key, "scopes": []}), "scope_missing"),
        (json!({"headers": key}), "scope_missing"),
        (json!({"headers": key, "is_admin": true}), "allowed"),
        (json!({"scopes": ["model:read"]}), "scope_missing"),
        (json!({"scopes": ["write"]}), "allowed"),
        (json!({}), "credential_missing"),
    ];
    let config = r#"{"auth_service":{"cluster":"c"},"mounts":["/"],"cache":{"ttl":"24h"}}"#;
    for (first, _) in &callers {
        for (second, expected) in &callers {
            let mut input = String::new();
            for caller in [first, second] {
                let mut line = json!({"method": "POST", "target": WRITE});
                line.as_object_mut()
                    .unwrap()
                    .extend(caller.as_object().unwrap().clone());
                input += &format!("{line}\n");
            }
            let (decisions, _) = explained(config, input.as_bytes());
            assert_eq!(decisions[1]["reason"], *expected, "{input}");
        }
    }
}

#[test]
fn a_preflight_is_made_of_headers() {
    let line = json!({"method": "OPTIONS", "target": WRITE, "host": "h", "headers": {
        "Origin": "https://o.example", "Access-Control-Request-Method": "POST"}});
    assert_eq!(one(DEFAULTS, &line.to_string())["reason"], "preflight");
}
