mod auth_service;
mod identity_headers;
mod jwt;
mod keys;
mod mtls;
mod name_scoped;
mod overrides;
mod replacements;
mod revocation;
mod values;
mod words;
mod workspaces;

use std::time::Duration;

use super::{AccessLog, Config, ConfigError, CredentialKind, Outside};
use crate::catalog::PublicGroup;

fn parse(text: &str) -> Result<Config, ConfigError> {
    Config::parse(text.as_bytes())
}

/// The fields as a configuration, with mounts where they name none.
pub(crate) fn mounted(fields: &str) -> String {
    let mounts = if fields.contains(r#""mounts""#) {
        ""
    } else {
        r#", "mounts": ["/api/mlflow", "/"]"#
    };
    format!("{{{fields}{mounts}}}")
}

/// The least configuration with further fields, which begin with a comma.
pub(crate) fn least_and(more: &str) -> String {
    mounted(&format!(r#""auth_service": {{"cluster": "auth"}}{more}"#))
}

/// The least configuration with further fields at the top.
fn with(more: &str) -> Result<Config, ConfigError> {
    parse(&least_and(&format!(", {more}")))
}

fn with_service(more: &str) -> Result<Config, ConfigError> {
    parse(&mounted(&format!(
        r#""auth_service": {{"cluster": "auth", {more}}}"#
    )))
}

fn error(result: Result<Config, ConfigError>) -> String {
    result
        .map(|config| format!("accepted: {config:?}"))
        .unwrap_or_else(|error| error.to_string())
}

#[test]
fn defaults() {
    let config = parse(&least_and("")).unwrap();
    assert_eq!(
        (config.version, config.mode.as_str(), config.enforce_percent),
        (1, "enforce", 100)
    );
    assert_eq!(config.outside, Outside::Refuse);
    assert!(config.hosts.is_none());
    let service = config.auth_service.as_ref().unwrap();
    assert_eq!(
        (service.cluster.as_str(), service.authority.as_str()),
        ("auth", "auth")
    );
    assert_eq!(
        (service.path.as_str(), service.service_id.as_str()),
        ("/api/v1/keys/validate", "mlflow")
    );
    assert_eq!(service.timeout, Duration::from_secs(2));
    assert_eq!(service.unavailable_retry_after, Duration::from_secs(15));
    assert!(!service.send_client_ip && config.forward_credential && config.whoami);
    let breaker = &service.breaker;
    assert_eq!(
        (service.max_in_flight, breaker.failures, breaker.open_for),
        (64, 5, Duration::from_secs(5))
    );
    let cache = &config.cache;
    assert_eq!((cache.capacity, cache.shared_slots), (10_000, 4096));
    assert_eq!(
        [cache.ttl, cache.negative_ttl, cache.stale_if_error],
        [60, 5, 300].map(Duration::from_secs)
    );
    assert!(config.revocation.is_none() && config.key_pattern.is_none());
    let kinds = [
        CredentialKind::Bearer,
        CredentialKind::XApiKey,
        CredentialKind::Basic,
    ];
    assert_eq!(config.credentials, kinds);
    let names = &config.identity_headers;
    let names = [
        names.user_id.as_str(),
        names.key_id.as_str(),
        names.scopes.as_str(),
    ];
    assert_eq!(
        names,
        [
            "x-mlflow-authz-user",
            "x-mlflow-authz-key",
            "x-mlflow-authz-scopes"
        ]
    );
    assert!(config.scopes.is_empty() && config.roles.is_empty());
    assert_eq!(config.public, [PublicGroup::Health]);
    assert_eq!(
        (
            config.audit.allows,
            config.audit.max_per_second,
            config.audit.access_log
        ),
        (false, 100, AccessLog::All)
    );
    assert_eq!(config.help_url, None);
}

/// An object that is there without its fields has their defaults.
#[test]
fn defaults_of_objects() {
    let config = parse(&mounted(
        r#""auth_service": {"cluster": "auth", "breaker": {"failures": 2}}, "cache": {},
            "revocation": {"path": "/revoked"}, "audit": {}, "identity_headers": {}"#,
    ))
    .unwrap();
    let breaker = &config.auth_service.as_ref().unwrap().breaker;
    assert_eq!(
        (breaker.failures, breaker.open_for),
        (2, Duration::from_secs(5))
    );
    assert_eq!(config.cache.shared_slots, 4096);
    let revocation = config.revocation.unwrap();
    assert_eq!(
        (revocation.path.as_str(), revocation.every),
        ("/revoked", Duration::from_secs(10))
    );
    assert_eq!(revocation.credential_header, None);
}

/// Every field with a value of its own.
#[test]
fn a_full_configuration() {
    let config = parse(
        r#" {
          "version": 1, "mode": "enforce", "enforce_percent": 100, "overrides": [],
          "mounts": ["/api/mlflow", "/mlflow"], "outside": "forward", "hosts": ["Registry.Example", "[::1]"],
          "auth_service": {"cluster": "outbound|443||auth.example.com", "path": "/v1", "service_id": "ml",
            "timeout": "250ms", "send_client_ip": true, "unavailable_retry_after": "1m", "max_in_flight": 3,
            "breaker": {"failures": 1e1, "open_for": "250ms"}},
          "cache": {"capacity": 5, "ttl": "1h", "negative_ttl": "2s", "stale_if_error": "1m", "shared_slots": 7},
          "revocation": {"path": "/v1/revoked", "every": "100ms", "credential_header": "X-Token: hush"},
          "key_pattern": "hk_live_*",
          "credentials": ["query", "basic"], "forward_credential": false,
          "identity_headers": {"user_id": "X-Platform-User-Id", "key_id": "x-platform-api-key-id"},
          "scopes": {"model:write": ["run:write", "registered_model:*"]}, "roles": {"admin": ["*:*"]},
          "public": ["health", "ui"], "graphql": "read", "bodies": "ignore",
          "audit": {"allows": true, "max_per_second": 7, "access_log": "denials"}, "whoami": false,
          "help_url": "https://docs.example/keys"
        } "#,
    )
    .unwrap();
    assert_eq!(
        config.auth_service.as_ref().unwrap().authority,
        "auth.example.com"
    );
    assert_eq!(
        config.auth_service.as_ref().unwrap().timeout,
        Duration::from_millis(250)
    );
    assert_eq!(
        config
            .auth_service
            .as_ref()
            .unwrap()
            .unavailable_retry_after,
        Duration::from_secs(60)
    );
    let breaker = &config.auth_service.as_ref().unwrap().breaker;
    assert_eq!(
        (
            config.auth_service.as_ref().unwrap().max_in_flight,
            breaker.failures
        ),
        (3, 10)
    );
    assert_eq!(breaker.open_for, Duration::from_millis(250));
    let cache = &config.cache;
    assert_eq!((cache.capacity, cache.shared_slots), (5, 7));
    assert_eq!(
        [cache.ttl, cache.negative_ttl, cache.stale_if_error],
        [3600, 2, 60].map(Duration::from_secs)
    );
    let revocation = config.revocation.as_ref().unwrap();
    assert_eq!(
        (revocation.path.as_str(), revocation.every),
        ("/v1/revoked", Duration::from_millis(100))
    );
    assert!(revocation.credential_header.is_some());
    let pattern = config.key_pattern.as_ref().unwrap();
    assert!(pattern.matches("hk_live_1") && !pattern.matches("hk_test_1"));
    assert_eq!(
        config.credentials,
        [CredentialKind::Query, CredentialKind::Basic]
    );
    assert_eq!(
        config.identity_headers.user_id.as_str(),
        "x-platform-user-id"
    );
    assert_eq!(
        config.identity_headers.scopes.as_str(),
        "x-mlflow-authz-scopes"
    );
    let written: Vec<String> = config.scopes["model:write"]
        .permissions
        .iter()
        .map(ToString::to_string)
        .collect();
    assert_eq!(written, ["run:write", "registered_model:*"]);
    assert_eq!(config.public, [PublicGroup::Health, PublicGroup::Ui]);
    assert_eq!(
        config.help_url.as_deref(),
        Some("https://docs.example/keys")
    );
    assert_eq!(config.audit.access_log, AccessLog::Denials);
    assert!(
        config.audit.allows
            && !config.forward_credential
            && config.auth_service.as_ref().unwrap().send_client_ip
    );
}

#[test]
fn what_is_not_json_text() {
    // A Struct as Envoy hands it over: binary protobuf, its first field a map entry.
    for bytes in [
        &b"\x0a\x1f\x0a\x07version\x12\x14"[..],
        b"",
        b"  ",
        b"[]",
        b"\"{}\"",
        b"\xff\xfe",
        b"null",
    ] {
        let shown = error(Config::parse(bytes));
        assert!(
            shown.contains("google.protobuf.StringValue"),
            "{}: {shown}",
            bytes.escape_ascii()
        );
    }
    for text in [
        "{",
        r#"{"auth_service": {"cluster": "a"}} x"#,
        r#"{"auth_service": {"cluster": "a"},}"#,
        "{'a': 1}",
    ] {
        let shown = error(parse(text));
        assert!(
            shown.contains("is not JSON") && shown.contains("line 1"),
            "{text}: {shown}"
        );
    }
    assert!(error(Config::parse(b"{\"mode\": \"\xff\"}")).contains("is not JSON"));
    let deep = |depth| format!("{}{}", "[".repeat(depth), "]".repeat(depth));
    let mounts = format!(r#""mounts": {}"#, deep(100_000));
    assert!(error(with(&mounts)).starts_with("mounts[0]: "));
    let overrides = format!(r#""overrides": [{{"match": {}}}]"#, deep(50_000));
    assert!(error(with(&overrides)).starts_with("overrides[0].match: "));
}

#[test]
fn unknown_fields_are_named_with_the_nearest_known_one() {
    for (result, expected) in [
        (
            with(r#""mount": []"#),
            "mount: unknown field; did you mean `mounts`?",
        ),
        (
            with(r#""Mode": "enforce""#),
            "Mode: unknown field; did you mean `mode`?",
        ),
        (with(r#""qqqqqqqqqqqq": 1"#), "qqqqqqqqqqqq: unknown field"),
        (
            with_service(r#""tiemout": "2s""#),
            "auth_service.tiemout: unknown field; did you mean `timeout`?",
        ),
        (
            with(r#""cache": {"tll": "2s"}"#),
            "cache.tll: unknown field; did you mean `ttl`?",
        ),
        (
            with(r#""cache": {"stale_on_error": "2s"}"#),
            "cache.stale_on_error: unknown field; did you mean `stale_if_error`?",
        ),
        (
            with_service(r#""breaker": {"failure": 1}"#),
            "auth_service.breaker.failure: unknown field; did you mean `failures`?",
        ),
        (
            with(r#""revocation": {"path": "/r", "credential": "x: SECRET"}"#),
            "revocation.credential: unknown field; did you mean `credential_header`?",
        ),
        (
            with(r#""audit": {"allow": true}"#),
            "audit.allow: unknown field; did you mean `allows`?",
        ),
        (
            with(r#""identity_headers": {"userid": "x"}"#),
            "identity_headers.userid: unknown field; did you mean `user_id`?",
        ),
    ] {
        assert_eq!(error(result), expected);
    }
}
