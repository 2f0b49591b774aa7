//! An introspection endpoint in place of an auth service: what a caller and an operator see.

use super::{CREATE_RUN, SEARCH_RUNS, Shell, answer, reason, status, valid, with_key};

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
            r#""active": true, "aud": "mlflow", "scope": "model:read", "nbf": 1000001"#,
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

/// They are about the filter's own credential: no caller is told that its key is not valid.
#[test]
fn refusals_of_the_endpoint_are_the_operators() {
    for refused in [401, 403, 429] {
        let mut shell = Shell::with_service(SERVICE, "");
        let next = shell.exchange(&with_key("K1", SEARCH_RUNS), &status(refused, true));
        assert_eq!(reason(&next), "auth_unavailable", "{refused}");
        assert_eq!(shell.counted("mlflow_authz_auth_service_misconfigured"), 1);
        let lines = shell.outbox.errors.join("\n");
        assert!(
            lines.contains(&format!("answered {refused}")) && !lines.contains("hk_live"),
            "{lines}"
        );
    }
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
    // A clock that is set back does not silence it.
    shell.now = std::time::Duration::from_secs(10);
    assert_eq!(told(&mut shell, 5), 3);
    assert_eq!(shell.counted("mlflow_authz_auth_service_misconfigured"), 0);
}
