//! Fields that people write from other software: the error says what to write here.

use super::{error, with, with_service};

#[test]
fn the_error_names_the_replacement() {
    for (result, field, words) in [
        (
            with_service(r#""url": "https://auth.internal/v1/validate""#),
            "auth_service.url",
            &["`cluster`", "`authority`", "`path`"][..],
        ),
        (
            with_service(r#""endpoint": "x""#),
            "auth_service.endpoint",
            &["`cluster`"],
        ),
        (
            with_service(r#""host": "x""#),
            "auth_service.host",
            &["`authority`"],
        ),
        (
            with_service(r#""port": 443"#),
            "auth_service.port",
            &["`cluster`"],
        ),
        (
            with_service(r#""timeout_ms": 500"#),
            "auth_service.timeout_ms",
            &["`timeout`", "\"500ms\""],
        ),
        (
            with_service(r#""timeoutMs": 500"#),
            "auth_service.timeoutMs",
            &["`timeout`"],
        ),
        (
            with_service(r#""retries": 3"#),
            "auth_service.retries",
            &["`unavailable_retry_after`"],
        ),
        (
            with_service(r#""tls": true"#),
            "auth_service.tls",
            &["`transport_socket`"],
        ),
        (
            with_service(r#""cache_ttl": "60s""#),
            "auth_service.cache_ttl",
            &["`cache.ttl`"],
        ),
        (with(r#""url": "x""#), "url", &["`auth_service`"]),
        (
            with(r#""timeout_ms": 5"#),
            "timeout_ms",
            &["`auth_service.timeout`"],
        ),
        (with(r#""cache_ttl": "60s""#), "cache_ttl", &["`cache.ttl`"]),
        (
            with(r#""dry_run": true"#),
            "dry_run",
            &["`mode`", "\"shadow\""],
        ),
        (with(r#""paths": ["/"]"#), "paths", &["`mounts`"]),
        (with(r#""rules": []"#), "rules", &["`scopes`", "`roles`"]),
        (with(r#""public_paths": []"#), "public_paths", &["`public`"]),
        (
            with(r#""fail_open": true"#),
            "fail_open",
            &["`failure_policy`"],
        ),
        (
            with(r#""key_regex": "^a""#),
            "key_regex",
            &["`key_pattern`", "`*`"],
        ),
        (
            with(r#""cache": {"ttl_seconds": 60}"#),
            "cache.ttl_seconds",
            &["`ttl`", "\"60s\""],
        ),
        (
            with(r#""cache": {"max_entries": 5}"#),
            "cache.max_entries",
            &["`capacity`"],
        ),
        (
            with(r#""revocation": {"path": "/r", "interval": "5s"}"#),
            "revocation.interval",
            &["`every`"],
        ),
        (
            with(r#""overrides": [{}, {"match": {"path": "/x"}, "mode": "shadow"}]"#),
            "overrides[1].match.path",
            &["`operation`"],
        ),
        (
            with(r#""overrides": [{"host": "x", "mode": "shadow"}]"#),
            "overrides[0].host",
            &["`match`"],
        ),
    ] {
        let shown = error(result);
        assert!(
            shown.starts_with(&format!("{field}: unknown field; ")),
            "{shown}"
        );
        for word in words {
            assert!(shown.contains(word), "{shown} lacks {word}");
        }
    }
}

/// What stands in the field may be a secret.
#[test]
fn the_error_does_not_repeat_the_value() {
    for name in [
        "token",
        "api_key",
        "apiKey",
        "secret",
        "password",
        "authorization",
    ] {
        let shown = error(with_service(&format!(r#""{name}": "hush-hush""#)));
        assert!(
            shown.starts_with(&format!("auth_service.{name}: unknown field; ")),
            "{shown}"
        );
        assert!(
            shown.contains("`credential_injector`") && !shown.contains("hush"),
            "{shown}"
        );
    }
}

/// No entry is in the way of another one.
#[test]
fn every_entry_is_reached() {
    let mut seen = std::collections::BTreeSet::new();
    for (holder, names, _) in crate::config::replacements::TABLE {
        for name in names.split(' ') {
            assert!(
                seen.insert((holder, name)),
                "{holder}.{name} is there twice"
            );
            let plain = |letter: char| letter.is_ascii_lowercase() || letter.is_ascii_digit();
            assert!(
                name.chars().all(plain),
                "{name} is not as names are compared"
            );
        }
    }
}
