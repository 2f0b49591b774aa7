//! What the auth service speaks: fields that exclude each other, headers that collide, secrets that stay out of errors.

use super::{error, with_service};
use crate::config::{Audience, KeyIn, Method, Protocol};

#[test]
fn what_a_service_speaks() {
    let service = |more: &str| with_service(more).unwrap().auth_service.unwrap();
    let least = service(r#""max_in_flight": 2"#);
    assert_eq!(
        (least.protocol, least.method),
        (Protocol::Keys, Method::Post)
    );
    assert_eq!(
        (least.key_in, least.audience),
        (KeyIn::Bearer, Audience::Absent)
    );
    assert!(least.headers.is_empty() && least.reply.is_none());
    let header = service(r#""key_in": "header:X-API-Key", "method": "GET""#);
    assert!(matches!(&header.key_in, KeyIn::Header(name) if name.as_str() == "x-api-key"));
    for (text, expected) in [("json:api_key", "api_key"), ("form:a.b-c_D", "a.b-c_D")] {
        match service(&format!(r#""key_in": "{text}""#)).key_in {
            KeyIn::Json(name) | KeyIn::Form(name) => assert_eq!(name.as_str(), expected),
            other => panic!("{text}: {other:?}"),
        }
    }
    let introspection = r#""protocol": "introspection", "path": "/i""#;
    let checked = service(&format!(r#"{introspection}, "audience": null"#));
    assert_eq!(checked.audience, Audience::CheckedByEndpoint);
    let named = service(&format!(
        r#"{introspection}, "audience": "mlflow", "method": "POST""#
    ));
    assert_eq!(named.audience, Audience::Is("mlflow".into()));
    // Their own Authorization is for the filter's credential.
    for more in [
        r#""key_in": "json:key", "headers": ["authorization: Bearer x"]"#,
        r#""key_in": "header:x-key", "headers": ["Authorization: Bearer x", "x-tenant: a"]"#,
        r#""protocol": "introspection", "path": "/i", "audience": null, "headers": ["authorization: Basic eA=="]"#,
    ] {
        service(more);
    }
}

#[test]
fn what_does_not_go_together_is_an_error_of_its_field() {
    let introspection = r#""protocol": "introspection", "path": "/i", "audience": null"#;
    let and = |more: &str| format!("{introspection}, {more}");
    for (more, expected) in [
        (
            r#""protocol": "oauth""#.to_owned(),
            "protocol: must be one of \"keys\", \"introspection\"",
        ),
        (r#""protocol": null"#.to_owned(), "protocol: "),
        (
            r#""method": "PUT""#.to_owned(),
            "method: must be one of \"POST\", \"GET\"",
        ),
        (r#""method": "get""#.to_owned(), "method: "),
        (
            r#""protocol": "introspection", "path": "/i""#.to_owned(),
            "audience: is missing; write the audience",
        ),
        (
            r#""protocol": "introspection", "audience": null"#.to_owned(),
            "path: is missing; write the path of the introspection endpoint",
        ),
        (and(r#""audience": null"#), "audience: is duplicated"),
        (and(r#""method": "GET""#), "method: must be \"POST\""),
        (and(r#""key_in": "form:token""#), "key_in: has no meaning"),
        (
            and(r#""send_client_ip": true"#),
            "send_client_ip: must be false",
        ),
        (and(r#""service_id": "m""#), "service_id: is not sent"),
        (
            r#""audience": "mlflow""#.to_owned(),
            "audience: applies only with",
        ),
        (
            r#""audience": null"#.to_owned(),
            "audience: applies only with",
        ),
        (
            r#""protocol": "introspection", "path": "/i", "audience": """#.to_owned(),
            "audience: is empty",
        ),
        (
            r#""protocol": "introspection", "path": "/i", "audience": " mlflow""#.to_owned(),
            "audience: has a blank at an end",
        ),
        (
            r#""protocol": "introspection", "path": "/i", "audience": ["a"]"#.to_owned(),
            "audience: must be ",
        ),
        (
            r#""key_in": "query:key""#.to_owned(),
            "key_in: is no place for a key; write \"bearer\"",
        ),
        (r#""key_in": "Bearer""#.to_owned(), "key_in: "),
        (r#""key_in": "header:""#.to_owned(), "key_in: "),
        (r#""key_in": "header::path""#.to_owned(), "key_in: "),
        (r#""key_in": "header:a b""#.to_owned(), "key_in: "),
        (r#""key_in": "json:""#.to_owned(), "key_in: "),
        (r#""key_in": "json:a/b""#.to_owned(), "key_in: "),
        (r#""key_in": "form:a&b""#.to_owned(), "key_in: "),
        (r#""key_in": null"#.to_owned(), "key_in: "),
        (
            r#""key_in": "json:service_id""#.to_owned(),
            "key_in: \"service_id\" is a field that the filter itself sends",
        ),
        (
            r#""key_in": "form:client_ip""#.to_owned(),
            "key_in: \"client_ip\" is a field that the filter itself sends",
        ),
        (
            r#""key_in": "header:Content-Type""#.to_owned(),
            "key_in: content-type is no header for a key",
        ),
        (
            r#""key_in": "header:host""#.to_owned(),
            "key_in: host is no header for a key",
        ),
        (
            r#""key_in": "header:cookie""#.to_owned(),
            "key_in: cookie is no header for a key",
        ),
        (
            r#""key_in": "header:x-envoy-upstream-rq-timeout-ms""#.to_owned(),
            "key_in: x-envoy-upstream-rq-timeout-ms is no header for a key",
        ),
        (
            r#""method": "GET", "key_in": "json:key""#.to_owned(),
            "key_in: must be \"bearer\" or \"header:NAME\"",
        ),
        (
            r#""method": "GET", "key_in": "form:key""#.to_owned(),
            "key_in: must be \"bearer\" or \"header:NAME\"",
        ),
        (
            r#""method": "GET", "send_client_ip": true"#.to_owned(),
            "send_client_ip: must be false",
        ),
        (
            r#""method": "GET", "service_id": "ml-prod""#.to_owned(),
            "service_id: is not sent with \"method\": \"GET\"",
        ),
        (
            r#""path": "/v?token=SECRET#""#.to_owned(),
            "path: \"/v\" (the query is not shown) must not have a fragment",
        ),
        (
            r#""path": "v?token=SECRET""#.to_owned(),
            "path: \"v\" (the query is not shown) must start with",
        ),
        (
            r##""path": "/v#a""##.to_owned(),
            "path: \"/v#a\" must not have a fragment",
        ),
        (r#""reply": null"#.to_owned(), "reply: must be "),
        (
            r#""reply": {"scopes": null}"#.to_owned(),
            "reply.scopes: must be ",
        ),
        (
            r#""reply": {"scopes": "scopes"}"#.to_owned(),
            "reply.scopes: \"scopes\" must be a JSON Pointer",
        ),
        (r#""reply": {"scopes": ""}"#.to_owned(), "reply.scopes: "),
        (r#""reply": {"scopes": "/a~"}"#.to_owned(), "reply.scopes: "),
        (
            r#""reply": {"scope": "/a"}"#.to_owned(),
            "reply.scope: unknown field; write `scopes`",
        ),
        (
            r#""reply": {"workspaces": "a"}"#.to_owned(),
            "reply.workspaces: \"a\" must be a JSON Pointer",
        ),
        (
            r#""reply": {"whereabouts": "/a"}"#.to_owned(),
            "reply: has an unknown field, whose name is not shown",
        ),
        (r#""key_in": "SECRET""#.to_owned(), "key_in: is no place"),
    ] {
        let shown = error(with_service(&more));
        assert!(
            shown.starts_with(&format!("auth_service.{expected}")),
            "{more}: {shown}"
        );
        assert!(!shown.contains("SECRET"), "{shown}");
    }
}

/// Where a header or a key is expected, somebody may have written it as a name.
#[test]
fn a_name_that_may_be_a_secret_is_not_repeated() {
    for (more, expected) in [
        (
            r#""x-token: SECRET": 1"#,
            "auth_service: has an unknown field, whose name is not shown, since it may be a secret; write no other \
             fields than cluster, authority, path",
        ),
        (r#""breaker": {"SECRET": 1}"#, "auth_service.breaker: has"),
        (
            r#""reply": {"x-token: SECRET": 1}"#,
            "auth_service.reply: has",
        ),
        // Near a field, it is no secret.
        (
            r#""tiemout": "1s""#,
            "auth_service.tiemout: unknown field; did you mean `timeout`?",
        ),
    ] {
        let shown = error(with_service(more));
        assert!(shown.starts_with(expected), "{shown}");
        assert!(!shown.contains("SECRET"), "{shown}");
    }
}

/// The caller writes the value.
#[test]
fn no_header_with_a_meaning_of_its_own_carries_a_key() {
    for name in [
        "X-HTTP-Method-Override",
        "x_original_url",
        "x-rewrite-url",
        "x-forwarded-prefix",
        "forwarded",
        "x-real-ip",
        "range",
        "if-none-match",
        "set-cookie",
        "user-agent",
        "cache-control",
        "sec-fetch-mode",
    ] {
        let shown = error(with_service(&format!(r#""key_in": "header:{name}""#)));
        let name = name.to_ascii_lowercase();
        let expected = format!("auth_service.key_in: {name} is no header for a key");
        assert!(shown.starts_with(&expected), "{shown}");
    }
    for name in ["authorization", "x-api-key", "x-key", "api-key", "token"] {
        with_service(&format!(r#""key_in": "header:{name}""#)).unwrap();
    }
}

#[test]
fn headers_are_written_once_and_none_is_taken_from_the_filter() {
    for (more, expected) in [
        (
            r#""headers": ["content-type: text/plain"]"#,
            "headers[0]: content-type is a header that",
        ),
        (
            r#""headers": ["X-Envoy-Max-Retries: 5"]"#,
            "headers[0]: x-envoy-max-retries is a header that",
        ),
        (
            r#""headers": ["x_request_id: 5"]"#,
            "headers[0]: x_request_id is a header that",
        ),
        (
            r#""method": "GET", "headers": ["cache-control: SECRET"]"#,
            "headers[0]: cache-control is a header that",
        ),
        (
            r#""headers": ["host: SECRET"]"#,
            "headers[0]: host is a header that",
        ),
        (
            r#""headers": ["authorization: SECRET"]"#,
            "headers[0]: authorization carries the caller's key",
        ),
        (
            r#""key_in": "header:x-key", "headers": ["x-a: SECRET", "X_Key: SECRET"]"#,
            "headers[1]: x_key carries the caller's key",
        ),
        (
            r#""headers": ["x-a: SECRET", "X-A: SECRET"]"#,
            "headers[1]: x-a is duplicated",
        ),
        (
            r#""headers": ["x-a: SECRET", "x_a: SECRET"]"#,
            "headers[1]: x_a is duplicated",
        ),
        (
            r#""headers": ["SECRET"]"#,
            "headers[0]: must be \"name: value\"",
        ),
        (r#""headers": ["x-a: SECRET\n"]"#, "accepted"),
        (
            r#""headers": ["x-a: SEC\nRET"]"#,
            "headers[0]: must be \"name: value\"",
        ),
        (
            r#""headers": [":path: SECRET"]"#,
            "headers[0]: must be \"name: value\"",
        ),
        (
            r#""headers": ["x-a:"]"#,
            "headers[0]: must be \"name: value\"",
        ),
        (r#""headers": "x-a: SECRET""#, "headers: must be a list"),
        (r#""headers": {"x-a": "SECRET"}"#, "headers: must be a list"),
        (
            r#""headers": [{"x-a": "SECRET"}]"#,
            "headers[0]: must be \"name: value\"",
        ),
        (
            r#""headers": [["SECRET"]]"#,
            "headers[0]: must be \"name: value\"",
        ),
        (r#""headers": [5]"#, "headers[0]: must be \"name: value\""),
        (r#""headers": null"#, "headers: must be a list"),
    ] {
        let result = with_service(more);
        if expected == "accepted" {
            let config = result.unwrap();
            assert!(!format!("{config:#?}").contains("SECRET"), "{more}");
            continue;
        }
        let shown = error(result);
        assert!(
            shown.starts_with(&format!("auth_service.{expected}")),
            "{more}: {shown}"
        );
        assert!(!shown.contains("SECRET"), "{shown}");
    }
}
