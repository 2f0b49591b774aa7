//! What upstream receives, and what is written down.

use super::{CREATE_RUN, NOW, SEARCH_RUNS, Shell, edits, reason, valid};
use crate::engine::Next;
use crate::request::RequestHead;
use crate::upstream::HeaderEdit;

const SPOOFED: [&[u8]; 3] = [
    b"x-mlflow-authz-user",
    b"X_Mlflow_Authz_Key",
    b"x-mlflow_authz-scopes",
];

fn add<'a>(name: &'a str, value: &'a str) -> HeaderEdit<'a> {
    HeaderEdit::Add(name, value)
}

fn remove(name: &[u8]) -> HeaderEdit<'_> {
    HeaderEdit::Remove(name)
}

fn set<'a>(name: &'a str, value: &'a str) -> HeaderEdit<'a> {
    HeaderEdit::Set(name, value)
}

#[test]
fn spoofed_identity_goes_on_no_path() {
    let shell = || {
        Shell::new(r#", "mounts": ["/mlflow"], "outside": "forward", "public": ["health", "ui"]"#)
    };
    let preflight: [(&[u8], &[u8]); 2] = [
        (b"origin", b"o"),
        (b"access-control-request-method", b"PUT"),
    ];
    for (method, path, expected) in [
        ("GET", "/shop", "outside"),
        ("GET", "/shop//cart", "outside"),
        ("GET", "/mlflow/health", "public"),
        ("GET", "/mlflow/", "public"),
        ("OPTIONS", "/mlflow/x", "preflight"),
        ("POST", "/mlflow/api/2.0/mlflow/runs/search", "allowed"),
    ] {
        let mut headers: Vec<(&[u8], &[u8])> = vec![
            (b":method", method.as_bytes()),
            (b":path", path.as_bytes()),
            (b"x-api-key", b"K1"),
        ];
        headers.extend(SPOOFED.map(|name| (name, b"root".as_slice())));
        headers.extend(preflight);
        // The service knows no ids: nothing is set in the place of what was removed.
        let next = shell().exchange(&headers, &valid(r#"{"scopes": ["read"]}"#));
        assert_eq!(reason(&next), expected, "{path}");
        let removed: Vec<HeaderEdit<'_>> = SPOOFED.map(remove).into();
        assert_eq!(edits(&next)[..3], removed, "{path}");
        let set_again = &edits(&next)[3..];
        let verified = [add("x-mlflow-authz-scopes", "read")];
        assert_eq!(
            set_again,
            if expected == "allowed" {
                &verified[..]
            } else {
                &[]
            },
            "{path}"
        );
    }
}

#[test]
fn verified_identity_is_set_after_the_spoofed_one_is_gone() {
    let mut shell = Shell::new("");
    let headers: [(&[u8], &[u8]); 4] = [
        (b":method", b"POST"),
        (b":path", SEARCH_RUNS.as_bytes()),
        (b"x-mlflow-authz-user", b"root"),
        (b"x-api-key", b"K1"),
    ];
    let body = r#"{"user_id": "a b\r\n", "key_id": "key_1", "scopes": ["read", "x y"]}"#;
    for _ in ["asked", "cached"] {
        let next = shell.exchange(&headers, &valid(body));
        let expected = [
            remove(b"x-mlflow-authz-user"),
            add("x-mlflow-authz-user", "a%20b%0D%0A"),
            add("x-mlflow-authz-key", "key_1"),
            add("x-mlflow-authz-scopes", "read"),
        ];
        assert_eq!(edits(&next), expected);
    }
    assert_eq!(shell.asked, 1);
}

#[test]
fn credentials_stay_behind_inside_the_mounts_only() {
    let mut shell = Shell::new(
        r#", "mounts": ["/mlflow"], "outside": "forward", "credentials": ["bearer", "query"], "forward_credential": false"#,
    );
    for (path, expected) in [
        ("/shop?api_key=K1", vec![]),
        (
            "/mlflow/health?api_key=K1&a=b",
            vec![remove(b"authorization"), set(":path", "/mlflow/health?a=b")],
        ),
        (
            "/mlflow/api/2.0/mlflow/runs/get?api_key=K1",
            vec![
                remove(b"authorization"),
                set(":path", "/mlflow/api/2.0/mlflow/runs/get"),
                add("x-mlflow-authz-scopes", "read"),
            ],
        ),
    ] {
        let headers: [(&[u8], &[u8]); 3] = [
            (b":method", b"GET"),
            (b":path", path.as_bytes()),
            (b"authorization", b"Bearer K1"),
        ];
        let next = shell.exchange(&headers, &valid(r#"{"scopes": ["read"]}"#));
        assert_eq!(edits(&next), expected, "{path}");
    }
}

/// A plain request costs no header write at all.
#[test]
fn nothing_is_changed_without_need() {
    let mut shell = Shell::new("");
    assert!(edits(&shell.anonymous("GET", "/health")).is_empty());
    let next = shell.request("POST", SEARCH_RUNS, r#"{"scopes": [], "is_admin": true}"#);
    assert!(edits(&next).is_empty());
}

/// Whatever happens, the key is in the callout's headers and nowhere else.
#[test]
fn the_key_is_in_no_record_answer_metric_or_line() {
    const KEY: &str = "hk_live_secret";
    let mut shell = Shell::new(
        r#", "credentials": ["bearer", "x-api-key", "basic", "query"], "audit": {"allows": true}"#,
    );
    let by_query = format!("{CREATE_RUN}?api_key={KEY}");
    let bearer = format!("Bearer {KEY}");
    let digest = format!("Digest {KEY}");
    for (path, header, body) in [
        (
            CREATE_RUN,
            ("authorization", bearer.as_str()),
            r#"{"scopes": ["write"]}"#,
        ),
        (
            CREATE_RUN,
            ("authorization", bearer.as_str()),
            r#"{"scopes": []}"#,
        ),
        (
            CREATE_RUN,
            ("x-api-key", KEY),
            r#"{"scopes": "hk_live_secret"}"#,
        ),
        (CREATE_RUN, ("authorization", digest.as_str()), ""),
        (
            by_query.as_str(),
            ("accept", "*/*"),
            r#"{"scopes": ["hk", 1]}"#,
        ),
        (by_query.as_str(), ("x-api-key", "other"), ""),
    ] {
        let headers: [(&[u8], &[u8]); 3] = [
            (b":method", b"POST"),
            (b":path", path.as_bytes()),
            (header.0.as_bytes(), header.1.as_bytes()),
        ];
        let (stream, mut next) = shell.headers(&headers);
        let head = RequestHead {
            headers: &headers,
            facts: None,
        };
        if let Next::Wait = &next {
            let callout = &shell.open[0].2;
            let sent = callout.headers.iter().any(|(_, value)| value == &bearer);
            assert!(sent && !format!("{callout:?}{:?}", shell.workers).contains(KEY));
            shell.reply(&valid(body));
            next = shell.decided.remove(&stream).unwrap();
        }
        let decision = next.decision().unwrap().clone();
        let record = shell
            .engine()
            .audit_record(NOW, &decision, &head, || None)
            .unwrap();
        let field = shell.engine().access_log_field(&decision).unwrap();
        let field = String::from_utf8(field.to_vec()).unwrap();
        let names: Vec<String> = shell
            .outbox
            .metrics
            .iter()
            .map(|(metric, _)| metric.name())
            .collect();
        let errors = &shell.outbox.errors;
        let left = format!(
            "{next:?}{record}{field}{names:?}{errors:?}{:?}",
            shell.workers
        );
        assert!(!left.contains(KEY), "{left}");
        assert!(shell.engine().wants_audit(&decision));
    }
}
