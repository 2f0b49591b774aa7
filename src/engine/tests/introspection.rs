//! An introspection endpoint in place of an auth service: what a caller and an operator see.

use super::{CREATE_RUN, SEARCH_RUNS, Shell, answer, reason, status, valid, with_key};
use crate::auth_service::Reply;
use crate::engine::Next;

const SERVICE: &str =
    r#", "path": "/introspect", "protocol": "introspection", "audience": "mlflow""#;

#[test]
fn rights_are_those_of_a_token_that_is_valid_now() {
    for (path, fields, expected) in [
        (
            SEARCH_RUNS,
            r#""active": true, "aud": "mlflow", "scope": "openid model:read""#,
            "allowed",
        ),
        (
            CREATE_RUN,
            r#""active": true, "aud": "mlflow", "scope": "model:read""#,
            "scope_missing",
        ),
        (
            CREATE_RUN,
            r#""active": true, "aud": "mlflow", "scope": "tracking:write""#,
            "allowed",
        ),
        (SEARCH_RUNS, r#""active": false"#, "key_invalid"),
        (
            SEARCH_RUNS,
            r#""active": true, "aud": "mlflow", "scope": "model:read", "exp": 999999"#,
            "key_invalid",
        ),
        (
            SEARCH_RUNS,
            r#""active": true, "aud": "mlflow", "scope": "model:read", "exp": 1000001"#,
            "allowed",
        ),
        (
            SEARCH_RUNS,
            r#""active": true, "aud": "mlflow", "scope": "model:read", "nbf": 1000010"#,
            "allowed",
        ),
        (
            SEARCH_RUNS,
            r#""active": true, "aud": "mlflow", "scope": "model:read", "nbf": 1000011"#,
            "key_invalid",
        ),
        (
            SEARCH_RUNS,
            r#""active": true, "aud": "other", "scope": "model:read""#,
            "key_invalid",
        ),
        (
            SEARCH_RUNS,
            r#""active": true, "scope": "model:read""#,
            "key_invalid",
        ),
        (
            SEARCH_RUNS,
            r#""aud": "mlflow", "scope": "model:read""#,
            "auth_unavailable",
        ),
        // Words that every application uses are no rights here.
        (
            SEARCH_RUNS,
            r#""active": true, "aud": "mlflow", "scope": "read write admin full_access""#,
            "scope_missing",
        ),
        (
            SEARCH_RUNS,
            r#""active": true, "aud": "mlflow", "scope": "admin:*""#,
            "scope_missing",
        ),
        (
            SEARCH_RUNS,
            r#""active": true, "aud": "mlflow", "is_admin": true, "scopes": ["mlflow:admin"]"#,
            "scope_missing",
        ),
    ] {
        let mut shell = Shell::with_service(SERVICE, "");
        let body = format!("{{{fields}}}");
        let next = shell.exchange(&with_key("K1", path), &valid(&body));
        assert_eq!(reason(&next), expected, "{path} {fields}");
    }
    // Nor are they what a caller should ask for.
    let mut shell = Shell::with_service(SERVICE, "");
    let body = r#"{"active": true, "aud": "mlflow", "scope": "admin"}"#;
    let next = shell.exchange(&with_key("K1", SEARCH_RUNS), &valid(body));
    let told: serde_json::Value = serde_json::from_str(&answer(&next).body).unwrap();
    let granting = told["granting_scopes"].as_array().unwrap();
    assert!(granting.contains(&"model:read".into()), "{told}");
    for word in ["read", "write", "admin", "full_access"] {
        assert!(!granting.contains(&word.into()), "{told}");
    }
    let mut shell = Shell::with_service(SERVICE, r#", "scopes": {"admin": ["*:*"]}"#);
    let body = r#"{"active": true, "aud": "mlflow", "scope": "admin"}"#;
    let next = shell.exchange(&with_key("K1", CREATE_RUN), &valid(body));
    assert_eq!(reason(&next), "allowed");
}

#[test]
fn a_token_ends_when_it_says() {
    let mut shell = Shell::with_service(SERVICE, "");
    let body = r#"{"active": true, "aud": "mlflow", "scope": "model:read", "exp": 1000002}"#;
    let request = with_key("K1", SEARCH_RUNS);
    assert_eq!(reason(&shell.exchange(&request, &valid(body))), "allowed");
    shell.later(1999);
    assert_eq!(reason(&shell.headers(&request).1), "allowed");
    shell.later(1);
    // Not even while the service is down.
    assert_eq!(
        reason(&shell.exchange(&request, &status(500, true))),
        "auth_unavailable"
    );
}

/// OAuth servers send `no-store` with every reply, whoever reads it: obeyed, each request would be a callout, every token a
/// new one, and none would have rights to keep in an outage.
#[test]
fn whether_an_introspection_is_cached_is_for_the_configuration_to_say() {
    const BODY: &str = r#"{"active": true, "aud": "mlflow", "scope": "model:read"}"#;
    let request = with_key("K1", SEARCH_RUNS);
    for (header, still, then) in [
        (None, 59_999, 60_000),
        (Some("no-store"), 59_999, 60_000),
        (
            Some("no-cache, no-store, max-age=0, must-revalidate"),
            59_999,
            60_000,
        ),
        (Some("no-store, max-age=30"), 59_999, 60_000),
        (Some("private, max-age=30"), 29_999, 30_000),
        (Some("max-age=3600"), 59_999, 60_000),
    ] {
        let mut shell = Shell::with_service(SERVICE, r#", "cache": {"ttl": "60s"}"#);
        let reply = Reply::Response {
            status: 200,
            from_service: true,
            retry_after: None,
            cache_control: header.map(str::as_bytes),
            body: BODY.as_bytes(),
        };
        assert_eq!(reason(&shell.exchange(&request, &reply)), "allowed");
        // Entries expire up to a tenth sooner.
        shell.later(still * 9 / 10);
        assert_eq!(shell.post(0, "K1", SEARCH_RUNS), "allowed", "{header:?}");
        shell.open.clear();
        shell.later(then - still * 9 / 10);
        assert_eq!(shell.post(0, "K1", SEARCH_RUNS), "ask", "{header:?}");
    }
}

/// They are about the filter's own credential: no caller is told that its key is not valid.
#[test]
fn refusals_of_the_endpoint_are_the_operators() {
    for (refused, expected) in [
        (401, "auth_unavailable"),
        (403, "auth_unavailable"),
        (429, "overloaded"),
    ] {
        let mut shell = Shell::with_service(SERVICE, "");
        let next = shell.exchange(&with_key("K1", SEARCH_RUNS), &status(refused, true));
        assert_eq!(reason(&next), expected, "{refused}");
        assert_eq!(shell.counted("mlflow_authz_auth_service_misconfigured"), 1);
        let lines = shell.outbox.errors.join("\n");
        assert!(
            lines.contains(&format!("answered {refused}")) && !lines.contains("hk_live"),
            "{lines}"
        );
    }
}

/// Whoever invents tokens can make the endpoint answer 429: a token that was revoked meanwhile must not live on by it, on
/// no worker. The filter's own credential, which it may refuse, is nothing that a caller can spoil.
#[test]
fn a_limit_of_the_endpoint_keeps_no_token_alive() {
    const BODY: &str = r#"{"active": true, "aud": "mlflow", "scope": "model:read"}"#;
    for (code, expected) in [
        (429, "overloaded"),
        (401, "allowed"),
        (403, "allowed"),
        (500, "allowed"),
    ] {
        let mut shell = Shell::with_workers(2, SERVICE, "");
        let request = with_key("K1", SEARCH_RUNS);
        assert_eq!(reason(&shell.exchange(&request, &valid(BODY))), "allowed");
        assert_eq!(shell.post(1, "K1", SEARCH_RUNS), "allowed");
        shell.later(60_000);
        // The second worker waits for the lookup of the first, and is told what came of it.
        let waiting = [0, 1].map(|worker| shell.waiting(worker, "K1", SEARCH_RUNS));
        shell.reply(&status(code, true));
        shell.later(1);
        shell.tick_all();
        for stream in waiting {
            assert_eq!(shell.outcome(stream), expected, "{code}");
        }
        // Each asks for itself, at once and later.
        for after in [1, 1_001, 4_000] {
            shell.later(after);
            for worker in [1, 0] {
                let (stream, next) = shell.headers_at(worker, &request);
                let said = if matches!(next, Next::Wait) {
                    shell.reply(&status(code, true));
                    shell.outcome(stream)
                } else {
                    reason(&next)
                };
                assert_eq!(said, expected, "{code} {after} {worker}");
            }
        }
    }
    // However many known tokens it answers so.
    let mut shell = Shell::with_service(SERVICE, "");
    let keys: Vec<String> = (0..8).map(|number| format!("K{number}")).collect();
    for key in &keys {
        shell.exchange(&with_key(key, SEARCH_RUNS), &valid(BODY));
    }
    shell.later(60_000);
    for key in keys.iter().chain(&keys) {
        let next = shell.exchange(&with_key(key, SEARCH_RUNS), &status(429, true));
        assert_eq!(reason(&next), "overloaded", "{key}");
    }
    assert_eq!(shell.counted("mlflow_authz_stale_served"), 0);
}

/// Most likely the reply has another shape: the operator is told, and not with every request.
#[test]
fn that_no_scopes_come_is_told_once_a_minute() {
    let mut shell = Shell::with_service(SERVICE, "");
    let body = r#"{"active": true, "aud": "mlflow", "permissions": ["SECRET"]}"#;
    let told = |shell: &mut Shell, number: usize| {
        let key = format!("K{number}");
        let next = shell.exchange(&with_key(&key, SEARCH_RUNS), &valid(body));
        assert_eq!(reason(&next), "scope_missing");
        shell.outbox.errors.len()
    };
    assert_eq!(told(&mut shell, 1), 1);
    let line = shell.outbox.errors.join("");
    assert!(
        line.contains("auth_service.reply") && line.contains("active, aud, permissions"),
        "{line}"
    );
    assert!(!line.contains("SECRET"), "{line}");
    shell.later(1000);
    assert_eq!(told(&mut shell, 2), 1);
    shell.later(58_999);
    assert_eq!(told(&mut shell, 3), 1);
    shell.later(1);
    assert_eq!(told(&mut shell, 4), 2);
    // Whoever brings about the one remark does not silence another.
    shell.later(1_000);
    let no_audience = r#"{"active": true, "scope": "model:read"}"#;
    shell.exchange(&with_key("K6", SEARCH_RUNS), &valid(no_audience));
    assert_eq!(shell.outbox.errors.len(), 3);
    shell.later(1_000);
    let refresh = r#"{"active": true, "aud": "mlflow", "token_use": "refresh_token"}"#;
    shell.exchange(&with_key("K7", SEARCH_RUNS), &valid(refresh));
    assert_eq!(shell.outbox.errors.len(), 4);
    shell.exchange(&with_key("K8", SEARCH_RUNS), &valid(no_audience));
    assert_eq!(shell.outbox.errors.len(), 4);
    // One that another line left no room for is made up for.
    shell.later(58_000);
    shell.exchange(&with_key("K9", SEARCH_RUNS), &status(500, true));
    assert_eq!(shell.outbox.errors.len(), 5);
    assert_eq!(told(&mut shell, 10), 5);
    shell.later(1_000);
    assert_eq!(told(&mut shell, 11), 6);
    // A clock that is set back does not silence it.
    shell.now = std::time::Duration::from_secs(10);
    assert_eq!(told(&mut shell, 5), 7);
    assert_eq!(shell.counted("mlflow_authz_auth_service_misconfigured"), 0);
}
