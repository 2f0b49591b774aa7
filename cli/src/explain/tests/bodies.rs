//! Bodies, and grants that are limited to names.

use clap::Parser;
use serde_json::{Value, json};

use super::{CommandLine, DEFAULTS, explainer, one};
use crate::explain::{line, request};

const INSPECT: &str =
    r#"{"auth_service":{"cluster":"c"},"mounts":["/"],"bodies":"inspect","body_limit":1024}"#;
const CREATE: &str = "/api/2.0/mlflow/registered-models/create";

fn decided(config: &str, more: &Value) -> Value {
    let mut line = json!({"method": "POST", "target": CREATE,
        "grants": [{"scope": "model:register", "names": ["acme-*", "other"]}]});
    line.as_object_mut()
        .unwrap()
        .extend(more.as_object().unwrap().clone());
    one(config, &line.to_string())
}

#[test]
fn a_body_is_text_or_json_or_bytes() {
    let large = json!({"name": "acme-a", "description": "x".repeat(1024)});
    let cases = [
        (
            json!({"body": {"name": "acme-a"}}),
            "allowed",
            json!("acme-a"),
        ),
        (
            json!({"body": "{\"name\": \"acme-a\"}"}),
            "allowed",
            json!("acme-a"),
        ),
        (
            json!({"body_base64": "eyJuYW1lIjoib3RoZXIifQ=="}),
            "allowed",
            json!("other"),
        ),
        (
            json!({"body_base64": "/////w=="}),
            "body_ambiguous",
            Value::Null,
        ),
        (
            json!({"body": {"name": "globex"}}),
            "name_not_granted",
            json!("globex"),
        ),
        (
            json!({"body": "{\"name\":\"acme-a\",\"name\":\"globex\"}"}),
            "body_ambiguous",
            Value::Null,
        ),
        (json!({"body": ["acme-a"]}), "body_ambiguous", Value::Null),
        (json!({"body": ""}), "body_ambiguous", Value::Null),
        (json!({"body": null}), "body_ambiguous", Value::Null),
        (json!({}), "body_ambiguous", Value::Null),
        (json!({"body": large}), "body_too_large", Value::Null),
        (
            json!({"body": {"name": "globex"}, "scopes": ["write"]}),
            "allowed",
            Value::Null,
        ),
        (
            json!({"body": {"name": "globex"}, "grants": []}),
            "scope_missing",
            Value::Null,
        ),
        (
            json!({"body": {"name": "b"}, "grants": null, "scopes": ["model:write:b*"]}),
            "allowed",
            json!("b"),
        ),
    ];
    for (more, reason, name) in cases {
        let decision = decided(INSPECT, &more);
        let found = (&decision["reason"], &decision["name"]);
        assert_eq!(found, (&json!(reason), &name), "{more}");
    }
}

#[test]
fn headers_that_are_given_count_and_others_are_added() {
    let body = json!({"name": "acme-a"});
    let length = body.to_string().len().to_string();
    let cases = [
        (json!({}), "allowed"),
        (
            json!({"content-type": "application/json; charset=utf-8"}),
            "allowed",
        ),
        (json!({"Content-Type": "text/plain"}), "body_ambiguous"),
        (json!({"content-length": length}), "allowed"),
        (json!({"content-length": "3"}), "body_ambiguous"),
        (json!({"content-length": "2000"}), "body_too_large"),
        (json!({"transfer-encoding": "chunked"}), "allowed"),
        (json!({"content-encoding": "gzip"}), "body_ambiguous"),
    ];
    for (headers, reason) in cases {
        let decision = decided(INSPECT, &json!({"body": body, "headers": headers}));
        assert_eq!(decision["reason"], reason, "{headers}");
    }
}

#[test]
fn without_reading_bodies_nothing_in_them_is_granted() {
    let decision = decided(DEFAULTS, &json!({"body": {"name": "acme-a"}}));
    assert_eq!(decision["reason"], "body_unavailable");
    assert_eq!(decision["key_names"], json!(["acme-*", "other"]));
    assert_eq!(decision["name"], Value::Null);
    let query = json!({"method": "GET", "target": "/api/2.0/mlflow/registered-models/get?name=acme-a",
        "grants": [{"scope": "model:read", "names": ["acme-*"]}]});
    let decision = one(DEFAULTS, &query.to_string());
    assert_eq!(decision["reason"], "allowed");
    assert_eq!(decision["name"], "acme-a");
}

#[test]
fn text_names_what_decided() {
    let line = json!({"method": "POST", "target": CREATE, "scopes": ["model:write:acme-*"], "body": {"name": "x"}});
    let request = line::parse(line.to_string().as_bytes()).unwrap();
    let text = explainer(INSPECT).explain(&request).unwrap().to_string();
    assert!(
        text.contains("limited to: acme-*\nname:       x\n"),
        "{text}"
    );
}

#[test]
fn arguments() {
    let file = std::env::temp_dir().join(format!("explain-body-{}.json", std::process::id()));
    std::fs::write(&file, r#"{"name":"acme-b"}"#).unwrap();
    let file = file.to_str().unwrap();
    let explained = |more: &[&str]| {
        let scopes = "model:register:acme-*";
        let line = [
            "explain", "--method", "POST", "--target", CREATE, "--scopes", scopes,
        ];
        let line = CommandLine::try_parse_from([&line, more].concat());
        let request = request(line.map_err(|error| error.to_string())?.args);
        let request = request.map_err(|error| error.to_string())?;
        let decision = explainer(INSPECT).explain(&request).unwrap().to_string();
        Ok::<_, String>(decision)
    };
    let text = explained(&["--body", r#"{"name":"acme-a"}"#]).unwrap();
    assert!(text.contains("name:       acme-a\n"), "{text}");
    let text = explained(&["--body-file", file]).unwrap();
    assert!(text.contains("name:       acme-b\n"), "{text}");
    let text = explained(&[]).unwrap();
    assert!(text.contains("reason:     body_ambiguous\n"), "{text}");
    std::fs::remove_file(file).unwrap();
    let error = explained(&["--body-file", file]).unwrap_err();
    assert!(error.starts_with("--body-file "), "{error}");
    assert!(explained(&["--body", "x", "--body-file", file]).is_err());
    assert!(CommandLine::try_parse_from(["explain", "--stdin", "--body", "x"]).is_err());
}
