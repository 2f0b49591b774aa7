//! Keys that are limited to names: what they may, and what of their requests is read for it.

mod answers;
mod operations;
mod reading;

use super::{Shell, reason, valid};
use crate::engine::{Next, StreamId};

const INSPECT: &str = r#", "bodies": "inspect""#;
/// Models and experiments `acme-*`, and what belongs to experiment 7.
const CONTRIBUTOR: &str = r#"{"key_id": "key_1", "scopes": ["model:write:acme-*", "model:delete:acme-*"],
    "grants": [{"scope": "model:write", "names": ["7"]}, {"scope": "model:delete", "names": ["7"]}]}"#;
const CREATE: &str = "/api/2.0/mlflow/registered-models/create";
const RENAME: &str = "/api/2.0/mlflow/registered-models/rename";
const CREATE_VERSION: &str = "/api/2.0/mlflow/model-versions/create";
const ALIAS: &str = "/api/2.0/mlflow/registered-models/alias";
const MINE: &str = r#"{"name": "acme-a"}"#;
const FOREIGN: &str = r#"{"name": "globex-b"}"#;

/// A proxy that knows `K1` as whom the service says.
fn knowing(more: &str, says: &str) -> Shell {
    let mut shell = Shell::new(&format!("{INSPECT}{more}"));
    shell.request("GET", "/api/2.0/mlflow/registered-models/search", says);
    shell
}

/// The head of a request with `K1` and a JSON body.
fn begin(shell: &mut Shell, method: &str, path: &str, body: &str) -> (StreamId, Next) {
    let length = body.len().to_string();
    let head = [
        (&b":method"[..], method.as_bytes()),
        (b":path", path.as_bytes()),
        (b"authorization", b"Bearer K1"),
        (b"content-type", b"application/json"),
        (b"content-length", length.as_bytes()),
    ];
    shell.headers(if method == "GET" { &head[..3] } else { &head })
}

/// A whole request: its decision.
fn whole(shell: &mut Shell, method: &str, path: &str, body: &str) -> Next {
    let (stream, next) = begin(shell, method, path, body);
    match next {
        Next::ReadBody { .. } => shell
            .body(stream, body.as_bytes())
            .expect("it was asked for"),
        decided => decided,
    }
}

fn says(shell: &mut Shell, method: &str, path: &str, body: &str) -> &'static str {
    reason(&whole(shell, method, path, body))
}

#[test]
fn each_of_two_names_counts() {
    let mut shell = knowing("", CONTRIBUTOR);
    const UPDATE: &str = "/api/2.0/mlflow/experiments/update";
    for (path, body, expected, shown) in [
        (
            RENAME,
            r#"{"name": "acme-a", "new_name": "acme-b"}"#,
            "allowed",
            "acme-a",
        ),
        (
            RENAME,
            r#"{"name": "globex-a", "new_name": "acme-b"}"#,
            "name_not_granted",
            "globex-a",
        ),
        (
            RENAME,
            r#"{"name": "acme-a", "new_name": "globex-b"}"#,
            "name_not_granted",
            "globex-b",
        ),
        (
            RENAME,
            r#"{"new_name": "globex-b", "name": "acme-a"}"#,
            "name_not_granted",
            "globex-b",
        ),
        (
            UPDATE,
            r#"{"experiment_id": "7", "new_name": "acme-b"}"#,
            "allowed",
            "7",
        ),
        (
            UPDATE,
            r#"{"experiment_id": "7", "new_name": "globex"}"#,
            "name_not_granted",
            "globex",
        ),
        (
            UPDATE,
            r#"{"experiment_id": "8", "new_name": "acme-b"}"#,
            "name_not_granted",
            "8",
        ),
        // An experiment that is named as mine is numbered is not mine by that.
        (
            UPDATE,
            r#"{"experiment_id": "0", "new_name": "7"}"#,
            "name_not_granted",
            "0",
        ),
        (
            CREATE_VERSION,
            r#"{"name": "acme-a", "source": "models:/acme-b/1"}"#,
            "allowed",
            "acme-a",
        ),
        (
            CREATE_VERSION,
            r#"{"name": "acme-a", "source": "models:/globex-b/1"}"#,
            "name_not_granted",
            "globex-b",
        ),
        (
            CREATE_VERSION,
            r#"{"name": "acme-a", "source": "models:/globex-b@x"}"#,
            "name_not_granted",
            "globex-b",
        ),
        (
            CREATE_VERSION,
            r#"{"name": "globex-b", "source": "models:/acme-a/1"}"#,
            "name_not_granted",
            "globex-b",
        ),
        (
            CREATE_VERSION,
            r#"{"name": "acme-a", "source": "mlflow-artifacts:/7/r/f"}"#,
            "allowed",
            "acme-a",
        ),
        (
            CREATE_VERSION,
            r#"{"name": "acme-a", "source": "mlflow-artifacts:/8/r/f"}"#,
            "name_not_granted",
            "8",
        ),
    ] {
        let next = whole(&mut shell, "POST", path, body);
        assert_eq!(reason(&next), expected, "{body}");
        assert_eq!(
            next.decision().unwrap().name.as_deref(),
            Some(shown),
            "{body}"
        );
    }
}

#[test]
fn a_source_that_has_no_name_needs_the_wide_permission_to_read_it() {
    for (source, wide) in [
        ("s3://bucket/x", "artifact:read"),
        ("models:/acme-a/latest", "artifact:read"),
        ("runs:/r/model", "run:read"),
        ("models:/m-1", "logged_model:write"),
    ] {
        let body = format!(r#"{{"name": "acme-a", "source": "{source}"}}"#);
        let next = whole(&mut knowing("", CONTRIBUTOR), "POST", CREATE_VERSION, &body);
        assert_eq!(reason(&next), "scope_missing", "{source}");
        assert_eq!(next.decision().unwrap().required.unwrap().to_string(), wide);
        let holder = r#"{"scopes": ["model:write:acme-*", "tracking:write"]}"#;
        assert_eq!(
            says(&mut knowing("", holder), "POST", CREATE_VERSION, &body),
            "allowed"
        );
    }
}

#[test]
fn aliases_are_moved_by_whom_the_pattern_lets() {
    let guarded = r#"{"scopes": ["model:register:acme-*", "model:promote:acme-*@champion"]}"#;
    let mut shell = knowing("", guarded);
    for (name, alias, expected) in [
        ("acme-a", "champion", "allowed"),
        ("acme-a", "challenger", "name_not_granted"),
        ("acme-a", "Champion", "name_not_granted"),
        ("globex-b", "champion", "name_not_granted"),
    ] {
        for method in ["POST", "DELETE"] {
            let body = format!(r#"{{"alias": "{alias}", "name": "{name}"}}"#);
            let next = whole(&mut shell, method, ALIAS, &body);
            assert_eq!(reason(&next), expected, "{method} {body}");
            let shown = format!("{name}@{alias}");
            assert_eq!(
                next.decision().unwrap().name.as_deref(),
                Some(shown.as_str())
            );
        }
    }
    let transition = r#"{"name": "acme-a", "version": "1", "stage": "Production"}"#;
    let path = "/api/2.0/mlflow/model-versions/transition-stage";
    assert_eq!(
        says(&mut shell, "POST", path, transition),
        "name_not_granted"
    );
    assert_eq!(says(&mut shell, "POST", CREATE, MINE), "allowed");
    // May register, may not promote.
    let mut shell = knowing("", r#"{"scopes": ["model:register:acme-*"]}"#);
    let body = r#"{"name": "acme-a", "alias": "champion", "version": "1"}"#;
    assert_eq!(says(&mut shell, "POST", ALIAS, body), "scope_missing");
    assert_eq!(says(&mut shell, "POST", CREATE, MINE), "allowed");
}

#[test]
fn what_no_name_ties_needs_the_wide_scope() {
    let mut shell = knowing("", CONTRIBUTOR);
    for (method, path) in [
        ("POST", "/api/2.0/mlflow/runs/create"),
        ("POST", "/api/2.0/mlflow/runs/search"),
        ("GET", "/api/2.0/mlflow/runs/get?run_id=1"),
        ("POST", "/api/2.0/mlflow/runs/log-batch"),
        ("POST", "/api/2.0/mlflow/logged-models"),
        ("GET", "/get-artifact?path=f&run_uuid=1"),
        ("POST", "/api/2.0/mlflow-artifacts/mpu/create/7/f"),
    ] {
        let next = whole(&mut shell, method, path, "{}");
        assert_eq!(reason(&next), "scope_missing", "{method} {path}");
        let text = &super::answer(&next).body;
        assert!(text.contains("names no model or experiment"), "{text}");
    }
    // No part of the scope at all.
    let next = whole(
        &mut shell,
        "GET",
        "/api/2.0/mlflow/users/get?username=x",
        "",
    );
    let text = &super::answer(&next).body;
    assert_eq!(reason(&next), "scope_missing");
    assert!(
        !text.contains("names no model") && !text.contains("; it may do so"),
        "{text}"
    );
}

#[test]
fn a_search_shows_all_names_unless_the_scope_refuses() {
    const QUIET: &str =
        r#", "scopes": {"team:quiet": {"permissions": ["registered_model:*"], "searches": false}}"#;
    const SEARCH: &str = "/api/2.0/mlflow/registered-models/search?filter=x";
    for (scope, more, expected) in [
        ("model:read:acme-*", "", "allowed"),
        ("team:quiet:acme-*", QUIET, "scope_missing"),
        ("team:quiet", QUIET, "allowed"),
        ("gateway:use:acme-*", QUIET, "scope_missing"),
    ] {
        let mut shell = knowing(more, &format!(r#"{{"scopes": ["{scope}"]}}"#));
        let next = whole(&mut shell, "GET", SEARCH, "");
        assert_eq!(reason(&next), expected, "{scope}");
        if scope == "team:quiet:acme-*" {
            assert!(super::answer(&next).body.contains("may not search"));
            let read = "/api/2.0/mlflow/registered-models/get?name=acme-a";
            assert_eq!(says(&mut shell, "GET", read, ""), "allowed");
        }
    }
}

#[test]
fn a_request_of_two_readings_is_refused_before_its_body_is_read() {
    let mut shell = knowing("", CONTRIBUTOR);
    for (method, path) in [
        (
            "POST",
            "/api/2.0/mlflow/registered-models/create?name=acme-a",
        ),
        (
            "DELETE",
            "/api/2.0/mlflow/registered-models/delete?name=acme-a",
        ),
        (
            "GET",
            "/api/2.0/mlflow/registered-models/get?name=acme-a&name=globex-b",
        ),
        ("HEAD", "/api/2.0/mlflow/registered-models/get?name=acme-a"),
        ("GET", "/api/2.0/mlflow-artifacts/artifacts/f"),
    ] {
        let (_, next) = begin(&mut shell, method, path, MINE);
        assert_eq!(
            super::seen(&next),
            super::denied(400, "BAD_REQUEST", "body_ambiguous"),
            "{method} {path}"
        );
    }
    let head: [(&[u8], &[u8]); 5] = [
        (b":method", b"POST"),
        (b":path", CREATE.as_bytes()),
        (b"authorization", b"Bearer K1"),
        (b"content-type", b"application/json"),
        (b"x-mlflow-workspace", b"acme"),
    ];
    assert_eq!(reason(&shell.headers(&head).1), "body_ambiguous");
}

#[test]
fn a_cold_key_waits_for_its_answer_and_then_for_its_body() {
    for (body, expected) in [(MINE, "allowed"), (FOREIGN, "name_not_granted")] {
        let mut shell = Shell::new(INSPECT);
        let (stream, next) = begin(&mut shell, "POST", CREATE, body);
        assert!(matches!(next, Next::Wait));
        assert!(
            shell.body(stream, body.as_bytes()).is_none(),
            "nobody asked for it"
        );
        shell.reply(&valid(CONTRIBUTOR));
        assert_eq!(shell.outcome(stream), "ask");
        assert_eq!(shell.engine().waiting_streams(), 0);
        let next = shell.body(stream, body.as_bytes()).unwrap();
        assert_eq!(reason(&next), expected);
        assert_eq!(shell.asked, 1);
    }
}
