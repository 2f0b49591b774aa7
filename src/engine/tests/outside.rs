//! Requests outside every mount, and requests to hosts that are not MLflow's.

use super::{CREATE_RUN, READER, Shell, answer, denied, edits, reason, seen, valid};
use crate::upstream::HeaderEdit;

const MOUNTS: &str = r#", "mounts": ["/api/mlflow", "/mlflow"]"#;

const OUTSIDE: &[&str] = &[
    "/",
    "/api",
    "/api/mlflowx",
    "/api/mlflow-artifacts",
    "/mlflowx/a",
    "/API/mlflow/a",
    "/x/api/mlflow",
    CREATE_RUN,
    "/shop//cart",
    "/shop/a;b",
    "/shop/%2Fa",
    "/shop/%zz",
    "/shop/..",
];

/// A request without a key to a host; `None` sends none.
fn to_host(shell: &mut Shell, host: Option<&str>, path: &str) -> &'static str {
    let mut headers: Vec<(&[u8], &[u8])> = vec![(b":method", b"POST"), (b":path", path.as_bytes())];
    headers.extend(host.map(|host| (&b":authority"[..], host.as_bytes())));
    reason(&shell.headers(&headers).1)
}

#[test]
fn a_path_outside_every_mount_is_refused_without_a_callout() {
    let mut shell = Shell::new(MOUNTS);
    for path in OUTSIDE {
        let expected = denied(403, "PERMISSION_DENIED", "outside_mounts");
        assert_eq!(seen(&shell.anonymous("POST", path)), expected, "{path}");
        assert_eq!(
            seen(&shell.request("GET", path, READER)),
            expected,
            "{path}"
        );
    }
    let preflight: [(&[u8], &[u8]); 4] = [
        (b":method", b"OPTIONS"),
        (b":path", b"/shop"),
        (b"origin", b"https://ui.example"),
        (b"access-control-request-method", b"POST"),
    ];
    assert_eq!(reason(&shell.headers(&preflight).1), "outside_mounts");
    let (_, next) = shell.headers(&[(b":path", b"/shop")]);
    assert_eq!(reason(&next), "outside_mounts", "without a method");
    assert_eq!(shell.asked, 0);
    assert_eq!(
        shell.counted(
            "mlflow_authz_decisions.decision=.=deny;.;reason=.=outside_mounts;.;object=.=none;.;access=.=none;.;"
        ),
        2 * i64::try_from(OUTSIDE.len()).unwrap() + 2
    );
}

#[test]
fn a_path_outside_every_mount_is_forwarded_where_the_configuration_says_so() {
    let mut shell = Shell::new(&format!(r#"{MOUNTS}, "outside": "forward""#));
    for path in OUTSIDE {
        assert_eq!(reason(&shell.anonymous("POST", path)), "outside", "{path}");
    }
    let (_, next) = shell.headers(&[(b":path", b"/shop")]);
    assert_eq!(reason(&next), "outside", "without a method");
    assert_eq!(shell.asked, 0);
}

/// What may lie inside is no request outside, whatever the configuration says of those.
#[test]
fn a_path_that_may_lead_into_a_mount_stays_ambiguous() {
    for more in ["", r#", "outside": "forward""#] {
        let mut shell = Shell::new(&format!(r#", "mounts": ["/api/mlflow"]{more}"#));
        for path in [
            "//api/mlflow/x",
            "/x/../api/mlflow/x",
            "/api%2Fmlflow",
            "/api/mlflow/..",
        ] {
            let expected = denied(400, "BAD_REQUEST", "target_ambiguous");
            assert_eq!(seen(&shell.anonymous("GET", path)), expected, "{path}");
        }
    }
}

#[test]
fn the_refusal_says_what_the_path_was_compared_with_and_nothing_of_the_path() {
    let mut shell = Shell::new(&format!(
        r#"{MOUNTS}, "help_url": "https://docs.example/keys""#
    ));
    let next = shell.anonymous("GET", "/shop/hk_live_secret?api_key=hk_live_secret");
    let body: serde_json::Value = serde_json::from_str(&answer(&next).body).unwrap();
    let message = body["message"].as_str().unwrap();
    for part in [
        "(mounts: /api/mlflow, /mlflow)",
        "\"mounts\"",
        "\"outside\": \"forward\"",
        "See https://docs.example/keys",
    ] {
        assert!(message.contains(part), "{part}: {message}");
    }
    assert!(!answer(&next).body.contains("secret"));
    let many: Vec<String> = (0..7).map(|number| format!("\"/m{number}\"")).collect();
    let mut shell = Shell::new(&format!(r#", "mounts": [{}]"#, many.join(",")));
    let next = shell.anonymous("GET", "/");
    assert!(
        answer(&next)
            .body
            .contains("(mounts: /m0, /m1, /m2, /m3, /m4, and 2 more)")
    );
}

#[test]
fn the_longest_mount_wins_and_what_is_in_none_is_refused() {
    let mut shell = Shell::new(r#", "mounts": ["/a", "/a/team"], "audit": {"allows": true}"#);
    for (path, mount, expected) in [
        ("/a/health", Some("/a"), "public"),
        ("/a/team/health", Some("/a/team"), "public"),
        ("/a/teams/health", Some("/a"), "credential_missing"),
        ("/ab/health", None, "outside_mounts"),
        ("/health", None, "outside_mounts"),
    ] {
        let next = shell.anonymous("GET", path);
        let decision = next.decision().unwrap();
        assert_eq!(
            (decision.mount.as_deref(), decision.reason.as_str()),
            (mount, expected),
            "{path}"
        );
    }
}

/// Shadow mode, shares and overrides treat it as they treat every denial.
#[test]
fn shadow_mode_records_it_and_forwards() {
    let shadowed_host = r#", "overrides": [{"match": {"host": "old.example"}, "mode": "shadow"}]"#;
    let enforced_mount =
        r#", "mode": "shadow", "overrides": [{"match": {"mount": "/mlflow"}, "mode": "enforce"}]"#;
    let enforced_host = r#", "mode": "shadow", "overrides": [{"match": {"host": "new.example"}, "mode": "enforce"}]"#;
    for (more, host, expected) in [
        ("", "a", "deny"),
        (r#", "mode": "shadow""#, "a", "would_deny"),
        (r#", "enforce_percent": 99"#, "a", "would_deny"),
        (shadowed_host, "old.example:443", "would_deny"),
        (shadowed_host, "Old.Example.", "would_deny"),
        (shadowed_host, "new.example", "deny"),
        (enforced_mount, "a", "would_deny"),
        (enforced_host, "new.example.", "deny"),
        (enforced_host, "old.example", "would_deny"),
    ] {
        let mut shell = Shell::new(&format!("{MOUNTS}{more}"));
        let headers: [(&[u8], &[u8]); 4] = [
            (b":method", b"GET"),
            (b":path", b"/shop"),
            (b":authority", host.as_bytes()),
            (b"X_Mlflow_Authz_User", b"root"),
        ];
        let next = shell.headers(&headers).1;
        let decision = next.decision().unwrap();
        assert_eq!(
            (decision.effect().as_str(), decision.reason.as_str()),
            (expected, "outside_mounts"),
            "{more} {host}"
        );
        if expected == "would_deny" {
            assert_eq!(edits(&next), [HeaderEdit::Remove(b"X_Mlflow_Authz_User")]);
        }
    }
}

const HOSTS: &str = r#", "mounts": ["/mlflow"], "hosts": ["registry.example", "*.ml.example"]"#;

#[test]
fn a_request_to_another_host_is_not_ours() {
    let mut shell = Shell::new(HOSTS);
    for host in [
        "shop.example",
        "shop.example:443",
        "ml.example",
        "registry.example.evil.example",
        "10.0.0.1",
        "[::1]:80",
    ] {
        for path in [
            "/shop",
            "/mlflow/api/2.0/mlflow/runs/create",
            "/mlflow//x",
            "/mlflow/..",
        ] {
            assert_eq!(
                to_host(&mut shell, Some(host), path),
                "outside",
                "{host} {path}"
            );
        }
    }
    // The identity headers are the filter's on every host.
    let headers: [(&[u8], &[u8]); 4] = [
        (b":method", b"GET"),
        (b":path", b"/shop"),
        (b":authority", b"shop.example"),
        (b"x-mlflow-authz-user", b"root"),
    ];
    let next = shell.headers(&headers).1;
    assert_eq!(edits(&next), [HeaderEdit::Remove(b"x-mlflow-authz-user")]);
}

/// Every way to write one of our hosts, and every host without one reading.
#[test]
fn a_host_in_doubt_is_ours() {
    let mut shell = Shell::new(HOSTS);
    for host in [
        "registry.example",
        "registry.example:443",
        "registry.example:",
        "registry.example.",
        "registry.example.:8443",
        "REGISTRY.Example",
        "a.ML.example.",
        "registry.example..",
        "registry.example:443:443",
        "me@shop.example",
        "me:secret@shop.example",
        "shop.example@registry.example",
        "shop%2eexample",
        "b\u{fc}cher.example",
        "shop.example,registry.example",
        "shop.example registry.example",
        "127.1",
        "0x7f000001",
        "[::ffff:10.0.0.1]",
        "::1",
        "[registry.example]",
        "",
    ] {
        for (path, expected) in [
            ("/mlflow/api/2.0/mlflow/runs/create", "credential_missing"),
            ("/shop", "outside_mounts"),
            ("/mlflow//x", "target_ambiguous"),
        ] {
            assert_eq!(
                to_host(&mut shell, Some(host), path),
                expected,
                "{host} {path}"
            );
        }
    }
    assert_eq!(to_host(&mut shell, None, "/shop"), "outside_mounts");
    // A target that is no path may name another host than the header does.
    for target in [
        "http://registry.example/mlflow/x",
        "registry.example:443",
        "*",
        "",
    ] {
        let found = to_host(&mut shell, Some("shop.example"), target);
        assert_eq!(found, "target_ambiguous", "{target}");
    }
    let odd: [(&[u8], &[u8]); 3] = [
        (b":method", b"GET"),
        (b":path", b"/shop"),
        (b":authority", b"\xff"),
    ];
    assert_eq!(reason(&shell.headers(&odd).1), "outside_mounts");
}

#[test]
fn two_hosts_that_differ_are_ours() {
    let mut shell = Shell::new(HOSTS);
    for (others, expected) in [
        (
            &[(":authority", "registry.example"), ("host", "shop.example")][..],
            "outside_mounts",
        ),
        (
            &[(":authority", "shop.example"), ("host", "registry.example")],
            "outside_mounts",
        ),
        (
            &[
                (":authority", "shop.example"),
                (":authority", "registry.example"),
            ],
            "outside_mounts",
        ),
        (
            &[("host", "shop.example"), ("host", "registry.example")],
            "outside_mounts",
        ),
        (
            &[(":authority", "shop.example"), ("host", "other.example")],
            "outside_mounts",
        ),
        (
            &[(":authority", "shop.example"), ("host", "shop.example:443")],
            "outside",
        ),
        (&[("host", "shop.example")], "outside"),
    ] {
        let mut headers: Vec<(&[u8], &[u8])> = vec![(b":method", b"GET"), (b":path", b"/shop")];
        headers.extend(
            others
                .iter()
                .map(|(name, value)| (name.as_bytes(), value.as_bytes())),
        );
        assert_eq!(reason(&shell.headers(&headers).1), expected, "{others:?}");
    }
}

#[test]
fn our_hosts_are_decided_as_ever() {
    let mut shell = Shell::new(HOSTS);
    let headers: [(&[u8], &[u8]); 4] = [
        (b":method", b"GET"),
        (b":path", b"/mlflow/api/2.0/mlflow/runs/get"),
        (b":authority", b"registry.example"),
        (b"authorization", b"Bearer K1"),
    ];
    let next = shell.exchange(&headers, &valid(READER));
    assert_eq!(reason(&next), "allowed");
    let mut shell = Shell::new(&format!(r#"{HOSTS}, "outside": "forward""#));
    assert_eq!(
        to_host(&mut shell, Some("registry.example"), "/shop"),
        "outside"
    );
}
