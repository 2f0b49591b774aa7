//! Who calls, where the configuration says it.

use clap::Parser;
use mlflow_authz::config::KeyHash;
use serde_json::{Value, json};

use super::{CommandLine, explained, explainer, one};
use crate::explain::{not_known, request};

const WRITE: &str = "/api/2.0/mlflow/runs/create";
const KEY: &str = "mk_0123456789abcdefghijkl";
const ENDED: &str = "mk_ended0123456789abcdef";
const INTROSPECTION: &str = r#", "auth_service": {"cluster": "c", "path": "/i", "protocol": "introspection", "audience": null}"#;

pub(super) fn digest(key: &str) -> String {
    KeyHash::of(key).to_string()
}

/// A configuration that lists keys, with further fields.
pub(super) fn config(more: &str) -> String {
    let entry = |key: &str, rest: &str| format!(r#"{{"sha256": "{}", {rest}}}"#, digest(key));
    let entries = [
        entry(
            KEY,
            r#""key_id": "ci", "user_id": "ci-bot", "scopes": ["write"]"#,
        ),
        entry("a", r#""key_id": "reader", "scopes": ["model:read"]"#),
        entry(
            ENDED,
            r#""key_id": "ended", "scopes": ["write"], "expires_at": "2020-01-01T00:00:00Z""#,
        ),
        // A key that is being replaced, before and after the old one has ended.
        entry("b", r#""key_id": "twice", "scopes": ["write"]"#),
        entry(
            "c",
            r#""key_id": "twice", "scopes": ["write"], "expires_at": "9000-01-01T00:00:00Z""#,
        ),
        entry("d", r#""key_id": "after", "scopes": ["write"]"#),
        entry(
            "e",
            r#""key_id": "after", "scopes": ["read"], "expires_at": "2020-01-01T00:00:00Z""#,
        ),
        entry("f", r#""key_id": "split", "scopes": ["write"]"#),
        entry("g", r#""key_id": "split", "scopes": ["read"]"#),
    ];
    format!(
        r#"{{"mounts": ["/"], "keys": [{}]{more}}}"#,
        entries.join(",")
    )
}

pub(super) fn said(config: &str, caller: &Value) -> Value {
    let mut request = json!({"method": "POST", "target": WRITE});
    let fields = caller.as_object().unwrap().clone();
    request.as_object_mut().unwrap().extend(fields);
    one(config, &request.to_string())
}

#[test]
fn an_entry_is_named_by_what_is_public_of_it() {
    for more in [
        "",
        INTROSPECTION,
        r#", "auth_service": {"cluster": "c"}, "key_pattern": "hk_*""#,
    ] {
        let config = config(more);
        for (caller, expected) in [
            (json!({"key_id": "ci"}), "allowed"),
            (json!({"sha256": digest(KEY)}), "allowed"),
            (json!({"sha256": digest(KEY).to_uppercase()}), "allowed"),
            (json!({"key_id": "reader"}), "scope_missing"),
            (json!({"key_id": "ended"}), "key_invalid"),
            (json!({"sha256": digest(ENDED)}), "key_invalid"),
            (json!({"key_id": "twice"}), "allowed"),
            (json!({"key_id": "after"}), "allowed"),
            (json!({"sha256": digest("g")}), "scope_missing"),
        ] {
            let mut caller = caller;
            caller["identity"] = json!("keys");
            let decision = said(&config, &caller);
            assert_eq!(decision["reason"], expected, "{caller} {more}");
            let known = expected != "key_invalid";
            let identity = if known { json!("keys") } else { Value::Null };
            assert_eq!(decision["identity"], identity, "{caller} {more}");
        }
        let decision = said(&config, &json!({"identity": "keys", "key_id": "ci"}));
        assert_eq!(
            (&decision["user_id"], &decision["key_id"]),
            (&json!("ci-bot"), &json!("ci"))
        );
    }
}

#[test]
fn a_caller_that_the_configuration_does_not_know_is_no_request() {
    let config = config("");
    for (caller, expected) in [
        (
            json!({"key_id": "nobody"}),
            "line 1: the configuration's keys have no entry with key_id \"nobody\"",
        ),
        (
            json!({"sha256": digest("nobody")}),
            "line 1: the configuration's keys have no entry with this sha256",
        ),
        (
            json!({"key_id": "split"}),
            "line 1: the configuration's keys have several entries with key_id \"split\", and different rights: give sha256",
        ),
        (
            json!({"sha256": KEY}),
            "line 1: sha256 must be 64 hexadecimal digits, as mlflow-authz key digest prints them",
        ),
        (json!({}), "line 1: identity keys needs key_id or sha256"),
        (
            json!({"key_id": "ci", "sha256": digest(KEY)}),
            "line 1: identity keys needs key_id or sha256",
        ),
        (
            json!({"key_id": "ci", "scopes": ["admin"]}),
            "line 1: identity keys needs key_id or sha256",
        ),
        (
            json!({"key_id": "ci", "is_admin": false}),
            "line 1: identity keys needs key_id or sha256",
        ),
    ] {
        let mut caller = caller;
        caller["identity"] = json!("keys");
        let error = said(&config, &caller)["error"].as_str().unwrap().to_owned();
        assert!(error.starts_with(expected), "{error}");
        assert!(!error.contains(KEY), "{error}");
    }
    let error = said(&config, &json!({"sha256": digest(KEY)}));
    assert_eq!(
        error["error"],
        "line 1: sha256, claims and certificate need the identity keys, jwt and mtls: give that identity as well"
    );
    let error = said(&config, &json!({"identity": "passport"}));
    assert!(
        error["error"].as_str().unwrap().contains("identity"),
        "{error}"
    );
}

/// The filter looks a key up in the configuration before it asks anybody.
#[test]
fn a_key_among_the_headers_is_who_the_configuration_says() {
    let key = |key: &str| json!({"headers": {"authorization": format!("Bearer {key}")}});
    let and = |mut caller: Value, more: Value| {
        caller
            .as_object_mut()
            .unwrap()
            .extend(more.as_object().unwrap().clone());
        caller
    };
    let service = r#", "auth_service": {"cluster": "c"}"#;
    for (more, caller, expected, identity) in [
        ("", key(KEY), "allowed", Some("keys")),
        (service, key(KEY), "allowed", Some("keys")),
        (INTROSPECTION, key(KEY), "allowed", Some("keys")),
        ("", key(ENDED), "key_invalid", None),
        (service, key(ENDED), "key_invalid", None),
        // Whatever the auth service would say of it.
        (
            service,
            and(key(ENDED), json!({"scopes": ["write"]})),
            "key_invalid",
            None,
        ),
        ("", key("mk_unknown"), "key_invalid", None),
        (
            service,
            key("mk_unknown"),
            "scope_missing",
            Some("auth_service"),
        ),
        (
            service,
            and(key("mk_unknown"), json!({"scopes": ["write"]})),
            "allowed",
            Some("auth_service"),
        ),
        ("", json!({}), "credential_missing", None),
        (
            service,
            json!({"scopes": ["write"]}),
            "allowed",
            Some("auth_service"),
        ),
        (
            service,
            json!({"identity": "auth_service"}),
            "scope_missing",
            Some("auth_service"),
        ),
        // Bare words are no rights of a token, and are of an entry.
        (
            INTROSPECTION,
            json!({"scopes": ["write"]}),
            "scope_missing",
            Some("auth_service"),
        ),
    ] {
        let decision = said(&config(more), &caller);
        assert_eq!(decision["reason"], expected, "{caller} {more}");
        assert_eq!(decision["identity"], json!(identity), "{caller} {more}");
    }
}

#[test]
fn arguments_name_an_entry() {
    let line = |more: &[&str]| {
        let line = ["explain", "--method", "POST", "--target", WRITE];
        CommandLine::try_parse_from([&line[..], more].concat())
            .unwrap()
            .args
    };
    let explainer = explainer(&config(r#", "auth_service": {"cluster": "c"}"#));
    let digest = digest(KEY);
    for (more, expected) in [
        (
            &["--identity", "keys", "--key-id", "ci"][..],
            "identity:   keys\n",
        ),
        (
            &["--identity", "keys", "--sha256", &digest],
            "decision:   allow, forwarded\n",
        ),
        (
            &["--identity", "keys", "--key-id", "ended"],
            "reason:     key_invalid\n",
        ),
        (
            &["--identity", "auth_service", "--scopes", "write"],
            "decision:   allow, forwarded\n",
        ),
    ] {
        let text = explainer
            .explain(&request(line(more)).unwrap())
            .unwrap()
            .to_string();
        assert!(text.contains(expected), "{text}");
    }
    let unknown = request(line(&["--identity", "keys", "--key-id", "x"])).unwrap();
    let error = not_known(explainer.explain(&unknown).unwrap_err()).to_string();
    assert!(
        error.contains("have no entry with key_id \"x\"; or give --config"),
        "{error}"
    );
    let error = request(line(&["--identity", "keys", "--admin"]))
        .unwrap_err()
        .to_string();
    assert!(
        error.starts_with("identity keys needs key_id or sha256"),
        "{error}"
    );
}

#[test]
fn a_caller_that_is_not_known_is_a_line_that_is_no_request() {
    let line =
        format!(r#"{{"method": "POST", "target": "{WRITE}", "identity": "keys", "key_id": "x"}}"#);
    let (_, tally) = explained(&config(""), line.as_bytes());
    assert_eq!(
        (tally.refused, tally.first_refused, tally.denied),
        (1, Some(1), 0)
    );
}
