#![allow(clippy::unwrap_used)]

use jsonschema::Validator;
use mlflow_authz::Config;
use serde_json::{Value, json};

fn validator() -> Validator {
    jsonschema::draft202012::new(&Config::json_schema()).unwrap()
}

/// The least configuration with `more` laid over its top.
fn config(more: Value) -> Value {
    let mut config = json!({"auth_service": {"cluster": "auth"}, "mounts": ["/"]});
    let fields = config.as_object_mut().unwrap();
    fields.extend(more.as_object().unwrap().clone());
    config
}

fn service(field: &str, value: Value) -> Value {
    json!({"auth_service": {"cluster": "auth", field: value}, "mounts": ["/"]})
}

/// An entry of `keys`.
fn key(more: Value) -> Value {
    let mut key = json!({"sha256": "0".repeat(64), "key_id": "ci"});
    let fields = key.as_object_mut().unwrap();
    fields.extend(more.as_object().unwrap().clone());
    key
}

fn parses(config: &Value) -> bool {
    Config::parse(config.to_string().as_bytes()).is_ok()
}

#[test]
fn it_is_a_schema_of_its_draft() {
    let schema = Config::json_schema();
    assert_eq!(
        schema["$schema"],
        "https://json-schema.org/draft/2020-12/schema"
    );
    assert!(jsonschema::draft202012::meta::validate(&schema).is_ok());
}

#[test]
fn shipped_configurations_conform() {
    let sample: Value = serde_saphyr::from_str(include_str!("../../../envoy/envoy.yaml")).unwrap();
    let manager = &sample["static_resources"]["listeners"][0]["filter_chains"][0]["filters"][0]["typed_config"];
    let text =
        manager["http_filters"][0]["typed_config"]["config"]["configuration"]["value"].as_str();
    for text in [
        text.unwrap(),
        include_str!("../../../envoy/examples/existing-platform.json"),
    ] {
        let config: Value = serde_json::from_str(text).unwrap();
        let errors: Vec<String> = validator()
            .iter_errors(&config)
            .map(|e| e.to_string())
            .collect();
        assert!(errors.is_empty(), "{errors:?}");
        assert!(parses(&config));
    }
}

/// Every configuration that the documents show.
#[test]
fn examples_in_documents_conform() {
    for (page, text) in [
        ("README.md", include_str!("../../../README.md")),
        (
            "configuration.md",
            include_str!("../../../docs/configuration.md"),
        ),
    ] {
        let examples: Vec<&str> = text
            .split("\n```json\n")
            .skip(1)
            .filter_map(|rest| rest.split("```").next())
            .collect();
        assert!(!examples.is_empty(), "{page} shows no configuration");
        for example in examples {
            let config: Value = serde_json::from_str(example).unwrap();
            assert!(
                validator().is_valid(&config) && parses(&config),
                "{page}: {example}"
            );
        }
    }
}

#[test]
fn schema_and_parser_accept_the_same() {
    for good in [
        config(json!({})),
        config(
            json!({"version": 1.0, "cache": {"capacity": 1e6, "ttl": "1m 30s", "negative_ttl": "0"}}),
        ),
        config(
            json!({"mounts": ["/"], "credentials": ["query"], "public": [], "bodies": "inspect"}),
        ),
        config(
            json!({"outside": "forward", "hosts": ["registry.example", "*.Registry-?.example", "10.0.0.1", "[::1]"]}),
        ),
        config(
            json!({"mounts": ["/a-b/c.d", "/d_e~f"], "graphql": "deny", "help_url": "http://a/b?c"}),
        ),
        config(
            json!({"scopes": {"a": ["*:*", "run:*"], "b": {"permissions": [], "searches": false}}}),
        ),
        config(
            json!({"roles": {"a": ["mcp_server:admin"]}, "key_pattern": "hk_*", "help_url": null}),
        ),
        config(json!({"revocation": {"path": "/r", "credential_header": "x-a: b c"}})),
        config(json!({"identity_headers": {"user_id": "X-User"}, "audit": {"allows": true}})),
        config(json!({"keys": [key(json!({}))]})),
        config(json!({"keys": []})),
        json!({"mounts": ["/"], "keys": [key(json!({"user_id": "u", "scopes": ["a"], "roles": ["b"],
            "is_admin": true, "expires_at": "2027-01-31T00:00:00.5Z"}))]}),
        service("timeout", json!("1ms")),
        service("method", json!("GET")),
        service("key_in", json!("header:X-Key")),
        service("key_in", json!("form:api_key")),
        service("headers", json!(["x-tenant: a b"])),
        service(
            "reply",
            json!({"scopes": "/a~1b/0", "user_id": ["/sub", "/x"], "roles": []}),
        ),
        config(
            json!({"auth_service": {"cluster": "c", "path": "/i", "protocol": "introspection", "audience": null}}),
        ),
        config(
            json!({"auth_service": {"cluster": "c", "path": "/i", "protocol": "introspection", "audience": "mlflow"}}),
        ),
        service("breaker", json!({"failures": 1, "open_for": "1h"})),
    ] {
        let errors: Vec<String> = validator()
            .iter_errors(&good)
            .map(|e| e.to_string())
            .collect();
        assert!(errors.is_empty() && parses(&good), "{good}: {errors:?}");
    }
}

#[test]
fn schema_and_parser_refuse_the_same() {
    for bad in [
        json!({}),
        json!({"auth_service": {"cluster": "auth"}}),
        json!({"mounts": ["/"]}),
        json!({"mounts": ["/"], "keys": []}),
        config(json!({"auth_service": null})),
        config(json!({"keys": null})),
        config(json!({"keys": {}})),
        config(json!({"keys": [{"key_id": "ci"}]})),
        config(json!({"keys": [{"sha256": "0".repeat(64)}]})),
        config(json!({"keys": [key(json!({"sha256": "0".repeat(63)}))]})),
        config(json!({"keys": [key(json!({"sha256": "g".repeat(64)}))]})),
        config(json!({"keys": [key(json!({"workspace": "Acme"}))]})),
        config(json!({"keys": [key(json!({"workspaces": ["a/b"]}))]})),
        config(json!({"workspaces": true})),
        config(json!({"workspaces": {"default": "a"}})),
        config(json!({"workspaces": {"names": ["acme"]}})),
        config(json!({"keys": [key(json!({"user_id": null}))]})),
        config(json!({"keys": [key(json!({"user_id": ""}))]})),
        config(json!({"keys": [key(json!({"key_id": ""}))]})),
        config(json!({"keys": [key(json!({"scopes": "read"}))]})),
        config(json!({"keys": [key(json!({"expires_at": "2027-01-31"}))]})),
        config(json!({"keys": [key(json!({"expires_at": "2027-01-31T00:00:00+01:00"}))]})),
        config(json!({"keys": [key(json!({"expires_at": null}))]})),
        config(json!({"auth_service": {}})),
        config(json!({"auth_service": {"cluster": ""}})),
        config(json!({"auth_service": ["c"]})),
        // Unknown fields, at every level.
        config(json!({"mount": ["/"]})),
        config(json!({"cache": {"tll": "1s"}})),
        config(json!({"audit": {"allow": true}})),
        config(json!({"identity_headers": {"user": "x"}})),
        config(json!({"revocation": {"path": "/r", "evry": "1s"}})),
        config(json!({"scopes": {"a": {"permissions": [], "search": true}}})),
        service("tiemout", json!("1s")),
        service("breaker", json!({"failure": 1})),
        // Types.
        service("cluster", json!(1)),
        service("timeout", json!(2)),
        service("timeout", json!("2")),
        service("timeout", json!("soon")),
        service("send_client_ip", json!("yes")),
        service("max_in_flight", json!("64")),
        service("max_in_flight", json!(0)),
        service("max_in_flight", json!(1.5)),
        service("path", json!("v1")),
        service("breaker", json!(null)),
        config(json!({"version": 2})),
        config(json!({"mode": "enfroce"})),
        config(json!({"mode": 1})),
        config(json!({"enforce_percent": "100"})),
        config(json!({"enforce_percent": 101})),
        config(json!({"overrides": {}})),
        config(json!({"outside": "allow"})),
        config(json!({"outside": null})),
        config(json!({"hosts": []})),
        config(json!({"hosts": null})),
        config(json!({"hosts": "registry.example"})),
        config(json!({"hosts": ["registry.example:443"]})),
        config(json!({"hosts": ["registry.example."]})),
        config(json!({"hosts": ["https://registry.example"]})),
        config(json!({"hosts": ["me@registry.example"]})),
        config(json!({"hosts": ["b\u{fc}cher.example"]})),
        config(json!({"hosts": [""]})),
        config(json!({"mounts": "/"})),
        config(json!({"mounts": []})),
        config(json!({"mounts": ["/a/"]})),
        config(json!({"mounts": ["a"]})),
        config(json!({"mounts": ["/a", "/a"]})),
        config(json!({"cache": null})),
        config(json!({"cache": {"ttl": 60}})),
        config(json!({"cache": {"capacity": 0}})),
        config(json!({"cache": {"capacity": 4294967296_u64}})),
        config(json!({"cache": {"shared_slots": 65537}})),
        config(json!({"revocation": null})),
        config(json!({"revocation": {}})),
        config(json!({"revocation": {"path": "/r", "credential_header": "no colon"}})),
        service("protocol", json!("oauth")),
        service("method", json!("PUT")),
        service("key_in", json!("query:key")),
        service("key_in", json!("json:a/b")),
        service("headers", json!(["no colon"])),
        service("headers", json!("a: b")),
        service("reply", json!(null)),
        service("reply", json!({"scopes": "scopes"})),
        service("reply", json!({"scopes": ""})),
        service("reply", json!({"scopes": "/a~2"})),
        service("reply", json!({"scopes": null})),
        service("reply", json!({"scopes": ["/a", "/a"]})),
        service("reply", json!({"workspaces": "a"})),
        config(json!({"credentials": []})),
        config(json!({"credentials": ["cookie"]})),
        config(json!({"credentials": [{"bearer": null}]})),
        config(json!({"credentials": "bearer"})),
        config(json!({"key_pattern": null})),
        config(json!({"key_pattern": ""})),
        config(json!({"key_pattern": "a b"})),
        config(json!({"forward_credential": 1})),
        config(json!({"identity_headers": {"user_id": "a b"}})),
        config(json!({"scopes": []})),
        config(json!({"scopes": {"a": "run:read"}})),
        config(json!({"scopes": {"a": ["rum:read"]}})),
        config(json!({"scopes": {"a": {"searches": true}}})),
        config(json!({"roles": {"a": ["run:raed"]}})),
        config(json!({"roles": {"a": {"permissions": []}}})),
        config(json!({"public": ["healht"]})),
        config(json!({"public": "health"})),
        config(json!({"graphql": {"deny": null}})),
        config(json!({"graphql": "no"})),
        config(json!({"bodies": 5})),
        config(json!({"bodies": {"inspect": null}})),
        config(json!({"bodies": "Inspect"})),
        config(json!({"body_limit": 0})),
        config(json!({"audit": {"allows": "yes"}})),
        config(json!({"whoami": "yes"})),
        config(json!({"help_url": "docs.example"})),
    ] {
        assert!(!parses(&bad), "the parser accepts {bad}");
        assert!(!validator().is_valid(&bad), "the schema accepts {bad}");
    }
}

#[test]
fn defaults_are_spelled_as_in_a_configuration() {
    let schema = Config::json_schema();
    for (pointer, default) in [
        ("/properties/outside", json!("refuse")),
        ("/properties/bodies", json!("ignore")),
        ("/properties/public", json!(["health"])),
        ("/$defs/AuthService/properties/timeout", json!("2s")),
        ("/$defs/Cache/properties/stale_if_error", json!("5m")),
        ("/$defs/Cache/properties/capacity", json!(10_000)),
        (
            "/$defs/IdentityHeaders/properties/user_id",
            json!("x-mlflow-authz-user"),
        ),
    ] {
        let field = schema.pointer(pointer).unwrap();
        assert_eq!(field["default"], default, "{pointer}");
        assert!(
            !field["description"].as_str().unwrap().is_empty(),
            "{pointer}"
        );
    }
    assert!(
        schema
            .pointer("/$defs/AuthService/properties/authority/default")
            .is_none()
    );
}

/// Those of the sources of identity that need no auth service.
#[test]
fn tokens_and_certificates() {
    let jwt = |more: Value| json!({"mounts": ["/"], "jwt": more});
    let mtls = |by: &str, principals: Value| json!({"mounts": ["/"], "mtls": {"by": by, "principals": principals}});
    for good in [
        jwt(json!({})),
        jwt(json!({"metadata_key": "idp", "user_id": "/a~1b", "key_id": [], "is_admin": ["/a/0"]})),
        jwt(
            json!({"metadata_key": ["a", "https://b"], "grants": "/g", "scopes": "/s", "roles": []}),
        ),
        mtls("uri_san", json!({"spiffe://a/*": {}})),
        mtls(
            "dns_san",
            json!({"a.example": {"scopes": ["a"], "roles": ["b"], "is_admin": true}}),
        ),
        mtls("subject", json!({"CN=a": {"scopes": ["model:write:b-*"]}})),
        mtls(
            "subject",
            json!({"CN=a": {"workspaces": ["acme", "team-*"], "workspace": "acme"}}),
        ),
        jwt(json!({"workspaces": "/w", "workspace": ["/a", "/b"]})),
        config(json!({"workspaces": {"enabled": true, "default": "team-a"}})),
        config(json!({"keys": [key(json!({"workspaces": ["a*"], "workspace": "acme"}))]})),
        config(json!({"jwt": {}})),
    ] {
        let errors: Vec<String> = validator()
            .iter_errors(&good)
            .map(|e| e.to_string())
            .collect();
        assert!(errors.is_empty() && parses(&good), "{good}: {errors:?}");
    }
    for bad in [
        jwt(json!(null)),
        jwt(json!(true)),
        jwt(json!({"metadata_key": []})),
        jwt(json!({"metadata_key": ""})),
        jwt(json!({"metadata_key": ["a", "a"]})),
        jwt(json!({"user_id": "sub"})),
        jwt(json!({"user_id": "/"})),
        jwt(json!({"roles": ["/a//b"]})),
        jwt(json!({"scopes": null})),
        jwt(json!({"expires_at": "/exp"})),
        jwt(json!({"workspaces": "/w/"})),
        json!({"mounts": ["/"], "mtls": {}}),
        json!({"mounts": ["/"], "mtls": {"by": "uri_san"}}),
        json!({"mounts": ["/"], "mtls": {"principals": {"a": {}}}}),
        mtls("san", json!({"a": {}})),
        mtls("uri_san", json!({})),
        mtls("uri_san", json!({" ": {}})),
        mtls("uri_san", json!({"a": null})),
        mtls("uri_san", json!({"a": {"scopes": "a"}})),
        mtls("uri_san", json!({"a": {"user_id": "a"}})),
        mtls("uri_san", json!({"a": {"grants": []}})),
    ] {
        assert!(!parses(&bad), "the parser accepts {bad}");
        assert!(!validator().is_valid(&bad), "the schema accepts {bad}");
    }
}
