//! Values that a field cannot have.

use std::time::Duration;

use super::{error, mounted, parse, with, with_service};

const MAX_IN_FLIGHT: &str = "auth_service.max_in_flight: ";

#[test]
fn values_out_of_range_name_the_field() {
    for (result, field) in [
        (parse("{}"), "mounts: is missing; write "),
        (
            parse(r#"{"mounts": ["/"]}"#),
            "auth_service: is missing, and so are \"keys\", \"jwt\" and \"mtls\"",
        ),
        (
            parse(r#"{"auth_service": {}, "mounts": ["/"]}"#),
            "auth_service.cluster: is missing; write ",
        ),
        (
            parse(&mounted(r#""auth_service": {"cluster": ""}"#)),
            "auth_service.cluster: ",
        ),
        (
            parse(&mounted(r#""auth_service": {"cluster": 1}"#)),
            "auth_service.cluster: ",
        ),
        (
            parse(&mounted(r#""auth_service": {"cluster": "a b"}"#)),
            "auth_service.authority: ",
        ),
        (
            with_service(r#""authority": "a/b""#),
            "auth_service.authority: ",
        ),
        (
            with_service(r#""authority": "a\r\nb""#),
            "auth_service.authority: ",
        ),
        (with_service(r#""path": "v1""#), "auth_service.path: "),
        (with_service(r#""path": """#), "auth_service.path: "),
        (with_service(r#""path": "/a b""#), "auth_service.path: "),
        (with_service(r#""path": "/é""#), "auth_service.path: "),
        (
            with_service(r#""send_client_ip": "yes""#),
            "auth_service.send_client_ip: ",
        ),
        (with_service(r#""max_in_flight": 0"#), MAX_IN_FLIGHT),
        (
            with_service(r#""max_in_flight": 1"#),
            "auth_service.max_in_flight: must be at least 2: ",
        ),
        (with_service(r#""max_in_flight": -1"#), MAX_IN_FLIGHT),
        (with_service(r#""max_in_flight": "64""#), MAX_IN_FLIGHT),
        (
            with_service(r#""breaker": {"failures": 0}"#),
            "auth_service.breaker.failures: ",
        ),
        (
            with_service(r#""breaker": {"failures": 1.5}"#),
            "auth_service.breaker.failures: ",
        ),
        (
            with_service(r#""breaker": {"open_for": "0s"}"#),
            "auth_service.breaker.open_for: ",
        ),
        (
            with_service(r#""breaker": {"open_for": 5}"#),
            "auth_service.breaker.open_for: ",
        ),
        (
            with_service(r#""breaker": [5, "5s"]"#),
            "auth_service.breaker: ",
        ),
        (with_service(r#""breaker": null"#), "auth_service.breaker: "),
        (with(r#""cache": {"ttl": "0s"}"#), "cache.ttl: "),
        (
            with(r#""cache": {"shared_slots": 65537}"#),
            "cache.shared_slots: must be at most 65536",
        ),
        (
            with(r#""cache": {"shared_slots": -1}"#),
            "cache.shared_slots: ",
        ),
        (with(r#""key_pattern": """#), "key_pattern: "),
        (with(r#""key_pattern": "hk live""#), "key_pattern: "),
        (with(r#""key_pattern": "hk_é*""#), "key_pattern: "),
        (with(r#""key_pattern": null"#), "key_pattern: "),
        (with(r#""key_pattern": ["hk_*"]"#), "key_pattern: "),
        (with(r#""version": 2"#), "version: must be 1, "),
        (
            with(r#""mode": "enfroce""#),
            "mode: must be one of \"enforce\", \"shadow\", not \"enfroce\"",
        ),
        (with(r#""mounts": []"#), "mounts: is empty; write the paths"),
        (with(r#""outside": "allow""#), "outside: "),
        (with(r#""outside": null"#), "outside: "),
        (with(r#""hosts": []"#), "hosts: is empty, "),
        (with(r#""hosts": null"#), "hosts: "),
        (
            with(r#""hosts": "registry.example: 8443""#),
            "hosts: must be a list, not \"registry.example: 8443\"",
        ),
        (with(r#""mounts": ["/", ""]"#), "mounts[1]: "),
        (with(r#""mounts": ["api"]"#), "mounts[0]: "),
        (
            with(r#""mounts": ["/a/"]"#),
            "mounts[0]: \"/a/\" must not end in \"/\"; write \"/a\"",
        ),
        (with(r#""mounts": ["/a//b"]"#), "mounts[0]: "),
        (with(r#""mounts": ["/a/../b"]"#), "mounts[0]: "),
        (with(r#""mounts": ["/a%2Db"]"#), "mounts[0]: "),
        (with(r#""mounts": ["/a%20b"]"#), "mounts[0]: "),
        (with(r#""mounts": ["/a?b"]"#), "mounts[0]: "),
        (with(r#""mounts": ["/a;b"]"#), "mounts[0]: "),
        (with(r#""mounts": ["/a", "/b", "/a"]"#), "mounts[2]: "),
        (with(r#""cache": {"capacity": 0}"#), "cache.capacity: "),
        (
            with(r#""audit": {"max_per_second": 0}"#),
            "audit.max_per_second: ",
        ),
        (with(r#""credentials": []"#), "credentials: "),
        (
            with(r#""credentials": ["bearer", "cookie"]"#),
            "credentials[1]: ",
        ),
        (with(r#""public": ["healht"]"#), "public: "),
        (
            with(r#""identity_headers": {"user_id": "a b"}"#),
            "identity_headers.user_id: ",
        ),
        (
            with(r#""identity_headers": {"user_id": ":path"}"#),
            "identity_headers.user_id: ",
        ),
        (
            with(r#""identity_headers": {"user_id": ""}"#),
            "identity_headers.user_id: ",
        ),
        (
            with(r#""identity_headers": {"user_id": "Authorization"}"#),
            "identity_headers.user_id: ",
        ),
        (
            with(r#""identity_headers": {"key_id": "X_Api_Key"}"#),
            "identity_headers.key_id: ",
        ),
        (
            with(r#""identity_headers": {"user_id": "X-Envoy-Original-Path"}"#),
            "identity_headers.user_id: x-envoy-original-path is reserved: ",
        ),
        (
            with(r#""identity_headers": {"user_id": "x_forwarded_host"}"#),
            "identity_headers.user_id: x_forwarded_host is reserved: ",
        ),
        (
            with(r#""identity_headers": {"key_id": "traceparent"}"#),
            "identity_headers.key_id: traceparent is reserved: ",
        ),
        (
            with(r#""identity_headers": {"scopes": "X-MLflow-Workspace"}"#),
            "identity_headers.scopes: x-mlflow-workspace is reserved: ",
        ),
        (
            with(r#""identity_headers": {"user_id": "Cookie"}"#),
            "identity_headers.user_id: cookie is reserved: ",
        ),
        (
            with(r#""identity_headers": {"user_id": "x-a", "scopes": "X_A"}"#),
            "identity_headers.scopes: ",
        ),
        (with(r#""scopes": {"a": ["run:wriet"]}"#), "scopes.a[0]: "),
        (with(r#""scopes": {"a": "run:write"}"#), "scopes.a: "),
        (
            with(r#""roles": {"a": ["*:*", "rum:read"]}"#),
            "roles.a[1]: ",
        ),
        (with(r#""help_url": "javascript:alert(1)""#), "help_url: "),
        (with(r#""scopes": {"a": ["*:*"], "a": []}"#), "scopes"),
        (with(r#""roles": {"a": ["*:*"], "a": []}"#), "roles"),
        (with(r#""scopes": [["a", ["*:*"]]]"#), "scopes: "),
        (
            parse(&mounted(r#""auth_service": ["auth", "a", "/"]"#)),
            "auth_service: ",
        ),
        (
            with(r#""cache": [1, "1s"]"#),
            "cache: must be an object, not a list",
        ),
        (with(r#""audit": [true, 5]"#), "audit: "),
        (
            with(r#""identity_headers": ["a", "b", "c"]"#),
            "identity_headers: ",
        ),
        (with(r#""help_url": "docs.example""#), "help_url: "),
        (with(r#""help_url": "https://a b""#), "help_url: "),
        (
            with(r#""mode": "enforce", "mode": "enforce""#),
            "mode: is duplicated",
        ),
    ] {
        let shown = error(result);
        assert!(shown.starts_with(field), "{field}: {shown}");
    }
}

#[test]
fn durations() {
    let timeout = |text: &str| with_service(&format!(r#""timeout": {text}"#));
    for (text, milliseconds) in [
        (r#""250ms""#, 250),
        (r#""2s""#, 2_000),
        (r#""5m""#, 300_000),
        (r#""1h""#, 3_600_000),
        (r#""1ms""#, 1),
        (r#""24h""#, 86_400_000),
    ] {
        let parsed = timeout(text).map(|config| config.auth_service.unwrap().timeout);
        assert_eq!(parsed, Ok(Duration::from_millis(milliseconds)), "{text}");
    }
    for text in [
        "2",
        "2.5",
        "null",
        "[]",
        r#""""#,
        r#""2""#,
        r#""s""#,
        r#""-2s""#,
        r#""2 seconds or so""#,
        r#""0s""#,
        r#""1us""#,
        r#""25h""#,
        r#""99999999999999999999h""#,
        r#""18446744073709551615s""#,
    ] {
        let shown = error(timeout(text));
        assert!(
            shown.starts_with("auth_service.timeout: "),
            "{text}: {shown}"
        );
    }
}

#[test]
fn durations_that_may_be_nothing() {
    for field in ["negative_ttl", "stale_if_error"] {
        let parsed = |text: &str| with(&format!(r#""cache": {{"{field}": {text}}}"#));
        for (text, milliseconds) in [
            (r#""0s""#, 0),
            (r#""0""#, 0),
            (r#""0ms""#, 0),
            (r#""1ms""#, 1),
            (r#""24h""#, 86_400_000),
        ] {
            let cache = parsed(text).unwrap().cache;
            let found = if field == "negative_ttl" {
                cache.negative_ttl
            } else {
                cache.stale_if_error
            };
            assert_eq!(found, Duration::from_millis(milliseconds), "{field} {text}");
        }
        for text in ["0", "null", r#""""#, r#""-0s""#, r#""1us""#, r#""25h""#] {
            let shown = error(parsed(text));
            let named = shown.starts_with(&format!("cache.{field}: "));
            assert!(named, "{field} {text}: {shown}");
        }
    }
}

#[test]
fn the_edges_of_what_is_accepted() {
    let slots = |count: u64| with(&format!(r#""cache": {{"shared_slots": {count}}}"#));
    for count in [0, 1, 65_536] {
        let parsed = slots(count).map(|config| config.cache.shared_slots);
        assert_eq!(parsed, Ok(count));
    }
    let one = with_service(r#""max_in_flight": 2, "breaker": {"failures": 1, "open_for": "1ms"}"#);
    let service = one.unwrap().auth_service.unwrap();
    assert_eq!((service.max_in_flight, service.breaker.failures), (2, 1));
    assert!(with(r#""key_pattern": "*""#).is_ok());
}

#[test]
fn whole_numbers() {
    let capacity = |text: &str| with(&format!(r#""cache": {{"capacity": {text}}}"#));
    for (text, number) in [
        ("1", 1),
        ("1000000", 1_000_000),
        ("1e6", 1_000_000),
        ("1000000.0", 1_000_000),
        ("1.5e1", 15),
        ("4294967295", 4_294_967_295),
        ("4294967295.0", 4_294_967_295),
    ] {
        assert_eq!(
            capacity(text).map(|config| config.cache.capacity),
            Ok(number),
            "{text}"
        );
    }
    for text in [
        "1.5",
        "-1",
        "-0.5",
        "4294967296",
        "1e10",
        "\"5\"",
        "true",
        "null",
        "[1]",
        "1e-1",
    ] {
        let shown = error(capacity(text));
        assert!(shown.starts_with("cache.capacity: "), "{text}: {shown}");
    }
    assert_eq!(
        with(r#""version": 1.0"#).map(|config| config.version),
        Ok(1)
    );
    assert_eq!(
        with(r#""enforce_percent": 1e2"#).map(|config| config.enforce_percent),
        Ok(100)
    );
}

#[test]
fn an_authority_is_a_host_and_perhaps_a_port() {
    for (authority, fits) in [
        ("auth", true),
        ("auth.example:8443", true),
        ("auth_service", true),
        ("10.0.0.1:80", true),
        ("[::1]", true),
        ("[fe80::1]:443", true),
        ("::1", false),
        ("[auth]", false),
        ("[]", false),
        (":80", false),
        ("auth:http", false),
        ("auth:800000", false),
        ("user@auth", false),
        ("a b", false),
        ("a/b", false),
        ("a?b", false),
        ("a\u{e9}", false),
    ] {
        let shown = error(with_service(&format!(r#""authority": "{authority}""#)));
        assert_eq!(shown.starts_with("accepted"), fits, "{authority}: {shown}");
    }
}

#[test]
fn a_help_page_is_on_the_web() {
    for (url, fits) in [
        ("https://docs.example/keys", true),
        ("HTTP://docs.example:8080?a=b&c=%20#d", true),
        ("https://docs.example", true),
        ("https://[::1]/", true),
        ("https://docs.example/sch\u{fc}tz", true),
        ("https:///keys", false),
        ("https://", false),
        ("https:docs.example", false),
        ("ftp://docs.example", false),
        ("https://a\\b/", false),
        ("https://user@docs.example/", false),
        ("https://docs.example/\\u0007", false),
        ("https://docs.example/<b>", false),
    ] {
        let shown = error(with(&format!(r#""help_url": "{url}""#)));
        assert_eq!(shown.starts_with("accepted"), fits, "{url}: {shown}");
    }
}

#[test]
fn a_header_name_is_a_token() {
    for (name, fits) in [
        ("x-user", true),
        ("X_User.1", true),
        ("!#$%&'*+-.^_`|~", true),
        ("", false),
        (":path", false),
        ("x user", false),
        ("x\u{e9}", false),
        ("x,y", false),
    ] {
        let shown = error(with(&format!(
            r#""identity_headers": {{"user_id": "{name}"}}"#
        )));
        assert_eq!(shown.starts_with("accepted"), fits, "{name}: {shown}");
    }
}
