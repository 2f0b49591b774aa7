//! What the request headers alone decide.

use super::{CREATE_RUN, READER, SEARCH_RUNS, Shell, denied, reason, seen};
use crate::engine::Next;

/// The mount of a decision and the permission it asks for.
fn mount_and_demand(
    shell: &mut Shell,
    method: &str,
    path: &str,
) -> (Option<String>, Option<String>) {
    let next = shell.request(method, path, READER);
    let decision = next.decision().unwrap();
    (
        decision.mount.as_deref().map(str::to_owned),
        decision.required.map(|p| p.to_string()),
    )
}

#[test]
fn the_longest_mount_wins() {
    let mut shell = Shell::new(r#", "mounts": ["/", "/api", "/api/mlflow"]"#);
    for (path, mount, demand) in [
        (
            "/api/mlflow/api/2.0/mlflow/runs/create",
            "/api/mlflow",
            "run:write",
        ),
        ("/api/api/2.0/mlflow/runs/create", "/api", "run:write"),
        // Below `/api` this is `/2.0/…`, which no MLflow serves.
        (CREATE_RUN, "/api", "*:admin"),
        ("/api/mlflowx", "/api", "*:admin"),
        ("/ajax-api/2.0/mlflow/runs/create", "/", "run:write"),
        ("/api/mlflow", "/api/mlflow", "*:admin"),
        ("/api/mlflow/", "/api/mlflow", "*:admin"),
    ] {
        let expected = (Some(mount.to_owned()), Some(demand.to_owned()));
        assert_eq!(
            mount_and_demand(&mut shell, "POST", path),
            expected,
            "{path}"
        );
    }
}

#[test]
fn ambiguous_targets_that_could_be_inside_are_refused() {
    let expected = denied(400, "BAD_REQUEST", "target_ambiguous");
    let mut shell = Shell::new(r#", "mounts": ["/api/mlflow"]"#);
    for path in [
        "/api/mlflow//x",
        "/api/mlflow/../x",
        "/api/mlflow/a%2Fb",
        "/api/mlflow/%",
        "/api/mlflow/a;b",
        "//api/mlflow/x",
        "/x/../api/mlflow/x",
        "/api%2Fmlflow/x",
        "/api/%252e%252e/api/mlflow",
        "/api//x/../../mlflow/x",
        "*",
        "",
        "http://h/shop",
    ] {
        // A key changes nothing, and nobody is asked about it.
        assert_eq!(
            seen(&shell.request("GET", path, READER)),
            expected,
            "{path}"
        );
    }
    let mut shell = Shell::new("");
    for path in [
        "/shop//cart",
        "/..",
        "/api/2.0/mlflow-artifacts/artifacts/.",
    ] {
        assert_eq!(
            seen(&shell.request("DELETE", path, READER)),
            expected,
            "{path}"
        );
    }
    assert_eq!(shell.asked, 0);
    let mut shell = Shell::new("");
    assert_eq!(seen(&shell.headers(&[]).1), expected, "without any header");
    assert_eq!(
        seen(&shell.headers(&[(b":path", b"/health")]).1),
        expected,
        "without a method"
    );
    let odd: [(&[u8], &[u8]); 2] = [(b":path", b"/health"), (b":method", b"\xff\xfe")];
    assert_eq!(
        seen(&shell.headers(&odd).1),
        expected,
        "a method that is not text"
    );
}

#[test]
fn credentials_are_judged_before_anyone_is_asked() {
    let mut shell = Shell::new("");
    for (headers, expected) in [
        (
            &[][..],
            denied(401, "UNAUTHENTICATED", "credential_missing"),
        ),
        (
            &[("authorization", "Digest x")][..],
            denied(401, "UNAUTHENTICATED", "credential_malformed"),
        ),
        (
            &[("authorization", "Bearer K1"), ("x-api-key", "K2")][..],
            denied(400, "BAD_REQUEST", "credential_ambiguous"),
        ),
    ] {
        let mut all: Vec<(&[u8], &[u8])> =
            vec![(b":method", b"POST"), (b":path", CREATE_RUN.as_bytes())];
        all.extend(
            headers
                .iter()
                .map(|(name, value)| (name.as_bytes(), value.as_bytes())),
        );
        let next = shell.headers(&all).1;
        assert_eq!(seen(&next), expected, "{headers:?}");
        let operation = next
            .decision()
            .unwrap()
            .operation
            .map(|operation| operation.name);
        assert_eq!(
            operation,
            Some("CreateRun"),
            "the record names what was tried"
        );
    }
    assert_eq!((shell.asked, shell.engine().waiting_streams()), (0, 0));
}

#[test]
fn public_groups() {
    for (public, health, ui) in [
        (r#"["health"]"#, "public", "credential_missing"),
        (r#"["ui"]"#, "credential_missing", "public"),
        (r#"["health", "ui"]"#, "public", "public"),
        ("[]", "credential_missing", "credential_missing"),
    ] {
        let mut shell = Shell::new(&format!(r#", "public": {public}"#));
        for (method, path, expected) in [
            ("GET", "/health", health),
            ("HEAD", "/health", health),
            ("GET", "/api/mlflow/version", health),
            ("GET", "/api/3.0/mlflow/server-info", health),
            ("GET", "/", ui),
            ("GET", "/static-files/js/main.js", ui),
            ("POST", "/health", "credential_missing"),
            ("GET", "/health/", "credential_missing"),
            ("GET", "/healthz", "credential_missing"),
            ("GET", "/metrics", "credential_missing"),
            ("POST", CREATE_RUN, "credential_missing"),
            (
                "GET",
                "/static-files/../api/2.0/mlflow/users/get",
                "target_ambiguous",
            ),
        ] {
            assert_eq!(
                reason(&shell.anonymous(method, path)),
                expected,
                "{public} {method} {path}"
            );
        }
        assert_eq!(shell.asked, 0);
    }
}

#[test]
fn preflights_need_no_key() {
    let both: &[(&[u8], &[u8])] = &[
        (b"origin", b"https://ui.example"),
        (b"access-control-request-method", b"POST"),
    ];
    for (method, path, headers, expected) in [
        ("OPTIONS", CREATE_RUN, both, "preflight"),
        ("OPTIONS", "/no/such/endpoint", both, "preflight"),
        ("OPTIONS", CREATE_RUN, &both[..1], "credential_missing"),
        ("OPTIONS", CREATE_RUN, &both[1..], "credential_missing"),
        ("POST", CREATE_RUN, both, "credential_missing"),
        ("options", CREATE_RUN, both, "target_ambiguous"),
        ("OPTIONS", "//x", both, "target_ambiguous"),
    ] {
        let mut all: Vec<(&[u8], &[u8])> =
            vec![(b":method", method.as_bytes()), (b":path", path.as_bytes())];
        all.extend(headers);
        assert_eq!(
            reason(&Shell::new("").headers(&all).1),
            expected,
            "{method} {path} {headers:?}"
        );
    }
}

/// A new MLflow release never gets more than the filter would grant.
#[test]
fn unknown_endpoints_are_read_strictly() {
    let mut shell = Shell::new("");
    for (method, path, demand) in [
        ("GET", "/api/4.0/mlflow/news", "*:read"),
        ("HEAD", "/api/4.0/mlflow/news", "*:read"),
        ("POST", "/api/4.0/mlflow/news", "*:admin"),
        ("PUT", "/api/4.0/mlflow/news", "*:admin"),
        ("DELETE", "/api/4.0/mlflow/news", "*:admin"),
        ("OPTIONS", "/api/4.0/mlflow/news", "*:admin"),
        ("PROPFIND", "/api/4.0/mlflow/news", "*:admin"),
        // A known path by another method or in another spelling is not known, and may be known behind the proxy.
        ("GET", CREATE_RUN, "*:admin"),
        ("PUT", "/api/2.0/mlflow/runs/get", "*:admin"),
        ("GET", "/api/2.0/mlflow/runs/get/", "*:read"),
        ("PUT", CREATE_RUN, "*:admin"),
        ("POST", "/api/2.0/mlflow/runs/create/", "*:admin"),
        ("POST", "/api/2.0/mlflow/runs/Create", "*:admin"),
        ("GET", "/x/users/y", "*:admin"),
        ("GET", "/x/roles", "*:admin"),
        ("GET", "/x/permissions/y", "*:admin"),
        ("HEAD", "/x/secrets/y", "*:admin"),
        ("GET", "/x/webhooks/", "*:admin"),
        ("GET", "/gateway/x/y", "*:admin"),
        ("GET", "/x/jobs", "*:admin"),
        ("GET", "/x/assistant", "*:admin"),
        ("GET", "/x/Users/y", "*:admin"),
        ("GET", "/x/%75sers/y", "*:admin"),
        ("GET", "/x/users2/y", "*:read"),
        ("GET", "/x?users/", "*:read"),
    ] {
        let (_, required) = mount_and_demand(&mut shell, method, path);
        assert_eq!(required.as_deref(), Some(demand), "{method} {path}");
    }
}

#[test]
fn unknown_endpoints_need_a_grant_on_everything() {
    for (scopes, get, post) in [
        (r#"["mlflow:read"]"#, "allowed", "operation_unknown"),
        (
            r#"["model:write", "tracking:write", "gateway:use"]"#,
            "operation_unknown",
            "operation_unknown",
        ),
        (
            r#"["mlflow:write", "mlflow:delete"]"#,
            "allowed",
            "operation_unknown",
        ),
        (r#"["mlflow:admin"]"#, "allowed", "allowed"),
    ] {
        let body = format!(r#"{{"scopes": {scopes}}}"#);
        let mut shell = Shell::new("");
        assert_eq!(
            reason(&shell.request("GET", "/new", &body)),
            get,
            "{scopes}"
        );
        let next = shell.request("POST", "/new", &body);
        assert_eq!(reason(&next), post, "{scopes}");
        if post != "allowed" {
            assert_eq!(seen(&next), denied(403, "PERMISSION_DENIED", post));
        }
    }
}

/// werkzeug reads `get` as `GET`; a header may name another path: one reading, or none.
#[test]
fn methods_and_headers_with_a_second_reading_are_refused_inside_the_mounts() {
    let more = r#", "mounts": ["/m"]"#;
    for (method, path, header, expected) in [
        (
            "post",
            "/m/api/2.0/mlflow/runs/create",
            "x",
            "target_ambiguous",
        ),
        ("GEt", "/m/api/2.0/mlflow/runs/get", "x", "target_ambiguous"),
        ("", "/m/api/2.0/mlflow/runs/get", "x", "target_ambiguous"),
        ("GET", "/m/health", "x-original-url", "target_ambiguous"),
        ("GET", "/m/health", "SCRIPT_NAME", "target_ambiguous"),
        ("GET", "/m/health", "x", "public"),
        ("GET", "/m/health", "x-forwarded-prefix", "public"),
        ("get", "/elsewhere", "x-original-url", "outside_mounts"),
    ] {
        let headers: [(&[u8], &[u8]); 3] = [
            (b":method", method.as_bytes()),
            (b":path", path.as_bytes()),
            (header.as_bytes(), b"/static-files/x"),
        ];
        let (_, next) = Shell::new(more).headers(&headers);
        assert_eq!(reason(&next), expected, "{method} {path} {header}");
    }
}

#[test]
fn graphql_can_be_switched_off_for_everybody() {
    let off = r#", "graphql": "deny", "scopes": {"s": ["*:*"]}"#;
    for (more, path, method, expected) in [
        ("", "/graphql", "POST", "credential_missing"),
        (off, "/graphql", "POST", "operation_unknown"),
        (off, "/graphql", "GET", "operation_unknown"),
        (off, "/api/mlflow/graphql", "HEAD", "operation_unknown"),
        (off, SEARCH_RUNS, "POST", "credential_missing"),
    ] {
        let headers: [(&[u8], &[u8]); 2] =
            [(b":method", method.as_bytes()), (b":path", path.as_bytes())];
        let (_, next) = Shell::new(more).headers(&headers);
        assert_eq!(reason(&next), expected, "{more} {method} {path}");
        if expected == "operation_unknown" {
            let Next::Answer(_, answer) = next else {
                panic!("forwarded")
            };
            assert_eq!(answer.status, 403);
            assert!(
                answer.body.contains("GraphQL is switched off"),
                "{}",
                answer.body
            );
        }
    }
}
