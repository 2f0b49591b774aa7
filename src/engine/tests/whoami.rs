//! What a caller is told of its key.

use serde_json::Value;

use super::{READER, Shell, answer, denied, reason, seen, status, valid};

const PATH: &str = "/api/mlflow/.well-known/mlflow-authz/whoami";

fn ask(shell: &mut Shell, method: &str, path: &str, body: &str) -> (&'static str, u16, Value) {
    let next = shell.request(method, path, body);
    let answer = answer(&next);
    let said = serde_json::from_str(&answer.body).unwrap();
    (reason(&next), answer.status, said)
}

#[test]
fn a_caller_learns_what_its_key_may_do() {
    let body = r#"{"user_id": "u1", "key_id": "key_1", "scopes": ["model:read", "nonsense"]}"#;
    for path in [
        PATH,
        "/.well-known/mlflow-authz/whoami",
        &format!("{PATH}?x=1"),
    ] {
        let mut shell = Shell::new("");
        let (reason, status, said) = ask(&mut shell, "GET", path, body);
        assert_eq!((reason, status), ("whoami", 200), "{path}");
        assert_eq!(said["key_id"], "key_1");
        assert_eq!(said["user_id"], "u1");
        assert_eq!(said["permissions"], serde_json::json!(["*:read"]));
        assert_eq!(said["unknown_scopes"], serde_json::json!(["nonsense"]));
        assert_eq!(said["objects"]["run"]["read"], true);
        assert_eq!(said["objects"]["run"]["write"], false);
        assert!(!said.to_string().contains("K1"));
    }
}

#[test]
fn who_is_not_known_is_told_so_whatever_the_mode() {
    for more in ["", r#", "mode": "shadow""#, r#", "enforce_percent": 0"#] {
        let mut shell = Shell::new(more);
        assert_eq!(
            seen(&shell.anonymous("GET", PATH)),
            denied(401, "UNAUTHENTICATED", "credential_missing"),
            "{more}"
        );
        let headers: [(&[u8], &[u8]); 3] = [
            (b":method", b"GET"),
            (b":path", PATH.as_bytes()),
            (b"x-api-key", b"K1"),
        ];
        for (reply, expected) in [
            (
                status(401, true),
                denied(401, "UNAUTHENTICATED", "key_invalid"),
            ),
            (
                status(500, true),
                denied(503, "TEMPORARILY_UNAVAILABLE", "auth_unavailable"),
            ),
        ] {
            let next = Shell::new(more).exchange(&headers, &reply);
            assert_eq!(seen(&next), expected, "{more}");
        }
    }
}

#[test]
fn elsewhere_and_otherwise_it_is_an_unknown_endpoint() {
    for (more, method, path) in [
        (r#", "whoami": false"#, "GET", PATH),
        ("", "POST", PATH),
        ("", "GET", "/api/mlflow/.well-known/mlflow-authz/whoami/x"),
    ] {
        let next = Shell::new(more).request(method, path, r#"{"scopes": ["none"]}"#);
        assert_eq!(reason(&next), "operation_unknown", "{more} {method} {path}");
    }
    let outside = Shell::new(r#", "mounts": ["/mlflow"]"#).request(
        "GET",
        "/.well-known/mlflow-authz/whoami",
        READER,
    );
    assert_eq!(reason(&outside), "outside_mounts");
}

#[test]
fn it_tells_of_the_rights_on_its_own_mount() {
    let config = r#", "mounts": ["/a", "/b"],
        "overrides": [{"match": {"mount": "/b"}, "scopes": {"model:read": ["run:delete"]}}]"#;
    for (mount, permissions) in [("/a", "*:read"), ("/b", "run:delete")] {
        let path = format!("{mount}/.well-known/mlflow-authz/whoami");
        let (_, _, said) = ask(&mut Shell::new(config), "GET", &path, READER);
        assert_eq!(
            said["permissions"],
            serde_json::json!([permissions]),
            "{mount}"
        );
    }
}

#[test]
fn it_may_be_what_was_said_before() {
    let mut shell = Shell::new(r#", "cache": {"ttl": "60s", "stale_if_error": "5m"}"#);
    let headers: [(&[u8], &[u8]); 3] = [
        (b":method", b"GET"),
        (b":path", PATH.as_bytes()),
        (b"x-api-key", b"K1"),
    ];
    shell.exchange(&headers, &valid(READER));
    shell.later(60_000);
    let next = shell.exchange(&headers, &status(500, true));
    let said: Value = serde_json::from_str(&answer(&next).body).unwrap();
    assert_eq!(
        (reason(&next), &said["stale"]),
        ("whoami", &Value::Bool(true))
    );
}
