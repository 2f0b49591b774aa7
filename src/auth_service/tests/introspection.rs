//! Replies of an introspection endpoint (RFC 7662).

use super::shapes::{read, shown};
use super::{client, reply};
use crate::auth_service::{Contract, Failure, Verdict};

const SERVICE: &str =
    r#"{"cluster": "c", "path": "/introspect", "protocol": "introspection", "audience": "mlflow"}"#;
const UNCHECKED: &str =
    r#"{"cluster": "c", "path": "/introspect", "protocol": "introspection", "audience": null}"#;

fn said(service: &str, body: &str) -> String {
    shown(&read(service, 200, body))
        .replace("the auth service's reply is outside its contract: ", "")
}

#[test]
fn fields_are_those_of_the_rfc() {
    for (body, expected) in [
        (r#"{"active": false}"#, "401"),
        (
            r#"{"active": false, "scope": "model:read", "sub": "u"}"#,
            "401",
        ),
        (r#"{"active": true}"#, "- - []"),
        (
            r#"{"active": true, "scope": "model:read openid", "sub": "u", "username": "n", "client_id": "c"}"#,
            "u c [model:read,openid]",
        ),
        (
            r#"{"active": true, "scope": ["model:read"], "username": "n"}"#,
            "n - [model:read]",
        ),
        (r#"{"active": true, "scope": null, "sub": "u"}"#, "u u []"),
        (
            r#"{"active": true, "scope": "", "sub": "u", "client_id": null}"#,
            "u u []",
        ),
        (
            r#"{"active": true, "sub": "", "username": "n", "client_id": ""}"#,
            "n - []",
        ),
        (
            r#"{"active": true, "exp": 4102444800, "iat": 1, "jti": "x", "iss": "y", "token_type": "Bearer"}"#,
            "- - [] until 4102444800",
        ),
        (r#"{"active": true, "exp": null}"#, "- - []"),
        // Words of the other protocol grant nothing.
        (
            r#"{"active": true, "scopes": ["mlflow:admin"], "is_admin": true, "roles": ["r"], "user": {"is_admin": true}, "user_id": "x", "key_id": "y"}"#,
            "- - []",
        ),
        (
            r#"{"active": true, "grants": [{"scope": "model:write", "names": ["*"]}]}"#,
            "- - []",
        ),
        // Outside the contract.
        ("{}", "ends rights: field /active: is missing"),
        (
            r#"{"scope": "model:read"}"#,
            "ends rights: field /active: is missing",
        ),
        (
            r#"{"Active": true, "scope": "model:read"}"#,
            "ends rights: field /active: is missing",
        ),
        (
            r#"{"is_active": true, "data": {"active": true}}"#,
            "ends rights: field /active: is missing",
        ),
        (
            r#"{"active": null}"#,
            "ends rights: field active: expected a boolean; a key is valid only with true",
        ),
        (
            r#"{"active": "true"}"#,
            "ends rights: field active: expected a boolean; a key is valid only with true",
        ),
        (
            r#"{"active": 1}"#,
            "ends rights: field active: expected a boolean; a key is valid only with true",
        ),
        (
            r#"{"active": true, "active": true}"#,
            "ends rights: field /active: is duplicated, or cannot be read",
        ),
        (r#"{"active": true, "active": false}"#, "401"),
        (
            r#"{"active": true, "exp": 4102444800000}"#,
            "ends rights: field exp: expected an RFC 3339 time or seconds (not milliseconds) since the UNIX epoch, before the year 10000",
        ),
        (
            r#"{"active": true, "scope": 5}"#,
            "field /scope: expected a list of strings, or one string",
        ),
        (
            r#"{"active": true, "sub": "a", "sub": "b"}"#,
            "field /sub: is not of the contract's type",
        ),
        ("[]", "ends rights: field /active: is missing"),
        ("[true]", "ends rights: field /active: is missing"),
        ("<html>", "the body is not JSON"),
    ] {
        assert_eq!(said(UNCHECKED, body), expected, "{body}");
    }
}

/// RFC 7662 section 2.1: the hint binds no server.
#[test]
fn only_access_tokens_that_anybody_may_bear() {
    for (more, expected) in [
        (r#""token_type": "Bearer""#, "- - []"),
        (
            r#""token_type": "bearer", "token_use": "access_token""#,
            "- - []",
        ),
        (r#""token_use": "access", "typ": "Bearer""#, "- - []"),
        (
            r#""token_use": null, "typ": null, "token_type": null, "cnf": null"#,
            "- - []",
        ),
        (r#""typ": "at+jwt""#, "- - []"),
        (
            r#""token_type": "Bearer", "token_use": "refresh_token""#,
            "401",
        ),
        (r#""token_use": "id""#, "401"),
        (r#""token_use": """#, "401"),
        (r#""typ": "Refresh""#, "401"),
        (r#""typ": "Offline""#, "401"),
        (r#""typ": "ID""#, "401"),
        (r#""token_type": "refresh_token""#, "401"),
        (r#""token_type": "DPoP""#, "401"),
        (r#""token_type": "N_A""#, "401"),
        (r#""cnf": {"jkt": "x"}"#, "401"),
        (r#""cnf": {}"#, "401"),
        (
            r#""token_use": 1"#,
            "ends rights: field /token_use: expected text",
        ),
        (
            r#""typ": ["Bearer"]"#,
            "ends rights: field /typ: expected text",
        ),
        (
            r#""typ": "Bearer", "typ": "Refresh""#,
            "ends rights: field /typ: is duplicated, or cannot be read",
        ),
    ] {
        let body = format!(r#"{{"active": true, {more}}}"#);
        assert_eq!(said(UNCHECKED, &body), expected, "{more}");
    }
}

#[test]
fn a_token_must_be_meant_for_the_configured_audience() {
    let list = "ends rights: field /aud: expected text or a list of texts";
    for (aud, expected) in [
        (r#""mlflow""#, "u u [model:read]"),
        (r#"["other", "mlflow"]"#, "u u [model:read]"),
        (r#""other""#, "401"),
        (r#""mlflow other""#, "401"),
        (r#""MLFLOW""#, "401"),
        (r#"["mlflow2"]"#, "401"),
        ("[]", "401"),
        (r#""""#, "401"),
        ("null", "401"),
        ("5", list),
        (r#"{"mlflow": true}"#, list),
        (r#"["mlflow", 5]"#, list),
        (r#"[["mlflow"]]"#, list),
        (
            r#""other", "aud": "mlflow""#,
            "ends rights: field /aud: is duplicated, or cannot be read",
        ),
    ] {
        let body =
            format!(r#"{{"active": true, "scope": "model:read", "sub": "u", "aud": {aud}}}"#);
        assert_eq!(said(SERVICE, &body), expected, "{aud}");
        assert_eq!(said(UNCHECKED, &body), "u u [model:read]", "{aud}");
        let inactive = body.replace("true", "false");
        assert_eq!(said(SERVICE, &inactive), "401", "{aud}");
    }
    for (aud, expected) in [
        ("", "has no aud"),
        (r#", "aud": "shop""#, "does not have auth_service.audience"),
    ] {
        let body = format!(r#"{{"active": true, "scope": "model:read"{aud}}}"#);
        let reply = reply(200, body.as_bytes());
        let (verdict, remark) = reply.read(client(SERVICE).contract());
        assert_eq!(verdict, Verdict::Invalid);
        let remark = remark.unwrap().to_string();
        assert!(remark.contains(expected), "{remark}");
    }
}

#[test]
fn a_token_that_is_not_valid_yet_is_early() {
    let body = r#"{"active": true, "nbf": 4102444800}"#;
    let Verdict::Valid(_, lifetime) = read(UNCHECKED, 200, body) else {
        panic!("{body}");
    };
    assert!(lifetime.is_early(std::time::Duration::from_secs(1_700_000_000)));
}

/// RFC 7662 section 2.3: they are about the filter's own credential, never about the caller's.
#[test]
fn statuses_of_the_endpoint_are_about_the_filter() {
    for status in [401, 403, 429] {
        for body in ["", r#"{"active": false}"#, r#"{"error": "invalid_client"}"#] {
            let Verdict::Unavailable(failure) = read(SERVICE, status, body) else {
                panic!("{status} {body}");
            };
            let limits = status == 429;
            let (expected, outcome) = if limits {
                (Failure::LimitsUs, "rate_limited")
            } else {
                (Failure::RefusesUs(status), "unexpected_status")
            };
            assert_eq!((&failure, failure.outcome()), (&expected, outcome));
            assert!(failure.is_misconfiguration() && !failure.ends_kept_rights());
            assert_eq!(failure.is_outage(), !limits);
            let text = failure.to_string();
            assert!(text.contains("the filter's "), "{text}");
            assert_eq!(text.contains("auth_service.headers"), !limits, "{text}");
        }
    }
    for (status, expected) in [(400, false), (404, false), (500, true), (503, true)] {
        let Verdict::Unavailable(failure) = read(SERVICE, status, "") else {
            panic!("{status}");
        };
        assert_eq!(failure.is_outage(), expected, "{status}");
    }
}

#[test]
fn words_of_an_authorization_server_are_marked_as_such() {
    let is_foreign = |service: &str, body: &str| match read(service, 200, body) {
        Verdict::Valid(principal, _) => principal.has_foreign_words,
        other => panic!("{other:?}"),
    };
    assert!(is_foreign(
        UNCHECKED,
        r#"{"active": true, "scope": "admin"}"#
    ));
    assert!(!is_foreign(
        r#"{"cluster": "c"}"#,
        r#"{"scopes": ["admin"]}"#
    ));
    assert!(!is_foreign(
        r#"{"cluster": "c", "reply": {"scopes": "/p"}}"#,
        r#"{"p": ["admin"]}"#
    ));
    assert_eq!(Contract::default().protocol, crate::config::Protocol::Keys);
}

/// More than the RFC has, where it is named; `valid` counts beside `active`.
#[test]
fn places_count_beside_the_fields_of_the_rfc() {
    let service = |reply: &str| {
        format!(
            r#"{{"cluster": "c", "path": "/i", "protocol": "introspection", "audience": null, "reply": {reply}}}"#
        )
    };
    let keycloak = r#"{"active": true, "sub": "u", "username": "n", "client_id": "cli", "scope": "openid",
        "realm_access": {"roles": ["mlflow-admin"]}, "superuser": true}"#;
    for (reply, expected) in [
        ("{}", "u cli [openid]"),
        (
            r#"{"user_id": "/username", "roles": "/realm_access/roles"}"#,
            "n cli [openid] role mlflow-admin",
        ),
        (r#"{"is_admin": "/superuser"}"#, "u cli [openid] admin"),
        (r#"{"valid": "/superuser"}"#, "u cli [openid]"),
        (
            r#"{"valid": "/nothing"}"#,
            "ends rights: field /nothing: is missing",
        ),
        (r#"{"key_id": "/sub"}"#, "u u [openid]"),
    ] {
        assert_eq!(said(&service(reply), keycloak), expected, "{reply}");
    }
    let inactive = keycloak.replacen("true", "false", 1);
    assert_eq!(
        said(&service(r#"{"valid": "/superuser"}"#), &inactive),
        "401"
    );
}
