//! Callers whom other sources than the auth service know.

use serde_json::{Value, json};

use super::{DEFAULTS, again, audit, replay, with};

const INTROSPECTION: &str = r#"{"mounts": ["/"], "auth_service":
    {"cluster": "c", "path": "/i", "protocol": "introspection", "audience": null}}"#;

/// Entries of keys, with digests of their place.
fn keys(entries: &[&Value]) -> Value {
    let entry = |(place, entry): (usize, &&Value)| {
        let mut entry = Value::clone(entry);
        entry["sha256"] = json!(format!("{place:064x}"));
        entry
    };
    entries.iter().enumerate().map(entry).collect()
}

fn only(entries: &[&Value]) -> String {
    json!({"mounts": ["/"], "keys": keys(entries)}).to_string()
}

/// A write by the key ci of the configuration, whose scopes were these.
fn by_ci(scopes: &[&str]) -> Value {
    audit(json!({
        "method": "POST", "target": "/api/2.0/mlflow/runs/create", "operation": "CreateRun",
        "identity": "keys", "key_id": "ci", "user_id": "ci-bot", "scopes": scopes,
    }))
}

#[test]
fn a_key_of_the_configuration_may_what_the_candidate_says() {
    let reader = json!({"key_id": "ci", "scopes": ["model:read"]});
    let writer = json!({"key_id": "ci", "user_id": "ci-bot", "scopes": ["write"]});
    let ended = json!({"key_id": "ci", "scopes": ["write"], "expires_at": "2020-01-01T00:00:00Z"});
    let other = json!({"key_id": "other", "scopes": ["write"]});
    let mut unnamed = by_ci(&["write"]);
    unnamed["key_id"] = Value::Null;
    for (candidate, record, expected) in [
        (only(&[&writer]), by_ci(&["write"]), "allow allowed"),
        // Bare words are rights of an entry, whatever the protocol of the auth service beside it.
        (
            {
                let mut config: Value = serde_json::from_str(INTROSPECTION).unwrap();
                config["keys"] = keys(&[&writer]);
                config.to_string()
            },
            by_ci(&["write"]),
            "allow allowed",
        ),
        // Whatever they were.
        (only(&[&reader]), by_ci(&["write"]), "deny scope_missing"),
        (only(&[&writer]), by_ci(&["model:read"]), "allow allowed"),
        (only(&[&ended]), by_ci(&["write"]), "deny key_invalid"),
        (only(&[&ended, &writer]), by_ci(&["write"]), "allow allowed"),
        (
            only(&[&writer, &writer]),
            by_ci(&["write"]),
            "allow allowed",
        ),
        (
            only(&[&writer, &reader]),
            by_ci(&["write"]),
            "key_not_listed",
        ),
        (only(&[&other]), by_ci(&["write"]), "key_not_listed"),
        (DEFAULTS.to_owned(), by_ci(&["write"]), "key_not_listed"),
        (only(&[&writer]), unnamed, "key_not_listed"),
    ] {
        assert_eq!(again(&candidate, &record), expected, "{candidate} {record}");
    }
}

#[test]
fn words_of_a_token_are_foreign_where_tokens_are_introspected() {
    let of = |identity: Value| {
        let mut record = by_ci(&["write"]);
        record["identity"] = identity;
        record
    };
    for (candidate, identity, expected) in [
        (DEFAULTS, json!("auth_service"), "allow allowed"),
        (DEFAULTS, Value::Null, "allow allowed"),
        (INTROSPECTION, json!("auth_service"), "deny scope_missing"),
        (INTROSPECTION, Value::Null, "deny scope_missing"),
        (
            DEFAULTS,
            json!("something newer"),
            "identity_not_configured",
        ),
    ] {
        assert_eq!(
            again(candidate, &of(identity.clone())),
            expected,
            "{identity}"
        );
    }
    let keys_only = only(&[&json!({"key_id": "ci", "scopes": ["write"]})]);
    // Records of older releases are the auth service's, too.
    for identity in [json!("auth_service"), Value::Null] {
        assert_eq!(again(&keys_only, &of(identity)), "identity_not_configured");
    }
}

/// Where no caller's rights decide, it does not matter who it was.
#[test]
fn what_needs_no_caller_is_decided() {
    let health = audit(json!({"target": "/health", "operation": "Health", "identity": "keys"}));
    assert_eq!(again(DEFAULTS, &health), "allow public");
    let elsewhere = with(json!({"mounts": ["/other"], "outside": "forward"}));
    assert_eq!(again(&elsewhere, &by_ci(&["write"])), "allow outside");
}

/// Records that say the same of a caller but for the source are of two callers.
#[test]
fn the_source_tells_callers_apart() {
    let candidate =
        with(json!({"keys": keys(&[&json!({"key_id": "ci", "scopes": ["model:read"]})])}));
    let mut service = by_ci(&["write"]);
    service["identity"] = json!("auth_service");
    let lines = [
        by_ci(&["write"]),
        service.clone(),
        by_ci(&["write"]),
        service,
    ];
    let found = replay(&candidate, &lines).tally.all;
    assert_eq!((found.requests, found.new_denials), (4, 2));
}

/// What their claims said is recorded; what a certificate's name may do is the candidate's to say.
#[test]
fn tokens_and_certificates() {
    let of = |identity: &str, key_id: &str, scopes: &[&str]| {
        let mut record = by_ci(scopes);
        record["identity"] = json!(identity);
        record["key_id"] = json!(key_id);
        record
    };
    let tokens = r#"{"mounts": ["/"], "jwt": {}}"#;
    let named = r#"{"mounts": ["/"], "jwt": {}, "scopes": {"write": ["*:write"]}}"#;
    let certificates = r#"{"mounts": ["/"], "mtls": {"by": "uri_san", "principals":
        {"spiffe://a/*": {"scopes": ["write"]}}}}"#;
    for (candidate, record, expected) in [
        (tokens, of("jwt", "u", &["tracking:write"]), "allow allowed"),
        (tokens, of("jwt", "u", &["write"]), "deny scope_missing"),
        (named, of("jwt", "u", &["write"]), "allow allowed"),
        (
            DEFAULTS,
            of("jwt", "u", &["write"]),
            "identity_not_configured",
        ),
        (
            certificates,
            of("mtls", "spiffe://a/x", &["model:read"]),
            "allow allowed",
        ),
        (
            certificates,
            of("mtls", "spiffe://b/x", &["write"]),
            "deny key_invalid",
        ),
        (
            tokens,
            of("mtls", "spiffe://a/x", &["write"]),
            "identity_not_configured",
        ),
    ] {
        assert_eq!(again(candidate, &record), expected, "{candidate} {record}");
    }
}
