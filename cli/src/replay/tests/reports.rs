//! What people read.

use serde_json::{Value, json};

use super::super::as_html::{page, verdict};
use super::super::as_text;
use super::{DEFAULTS, audit, findings, nobody, replay, with};

fn text(candidate: &str, lines: &[Value], top: usize) -> String {
    let replay = replay(candidate, lines);
    let mut out = Vec::new();
    as_text::print(&mut out, &findings(&replay), top).unwrap();
    String::from_utf8(out).unwrap()
}

#[test]
fn verdicts() {
    let nothing = with(json!({"scopes": {"model:read": []}}));
    let everything = with(json!({"scopes": {"nothing": ["*:*"]}}));
    let denied =
        audit(json!({"scopes": ["nothing"], "decision": "deny", "reason": "scope_missing"}));
    let public = nobody(json!({"target": "/health", "reason": "public"}));
    let outside = with(json!({"mounts": ["/other"], "outside": "forward"}));
    let private = with(json!({"public": []}));
    for (candidate, lines, expected) in [
        (DEFAULTS, vec![audit(json!({}))], "Nothing would change"),
        (
            &nothing,
            vec![audit(json!({}))],
            "1 request that was let through would be refused",
        ),
        (
            &nothing,
            vec![audit(json!({})); 1200],
            "1,200 requests that were let through would be refused",
        ),
        (
            &everything,
            vec![denied],
            "1 request that was refused would be let through",
        ),
        (&outside, vec![audit(json!({}))], "No answer would change"),
        (
            &private,
            vec![audit(json!({})), public],
            "Nothing would change, as far as 1 of 2 requests can be decided again",
        ),
    ] {
        let replay = replay(candidate, &lines);
        assert_eq!(verdict(&findings(&replay)), expected);
    }
}

#[test]
fn text_names_operation_reasons_key_and_place() {
    let candidate = with(json!({"scopes": {"model:read": []}, "public": []}));
    let public = nobody(json!({"target": "/health", "operation": "Health", "reason": "public"}));
    let found = text(&candidate, &[audit(json!({})), public], 20);
    for part in [
        "             1  would be refused, and were let through\n",
        "GetRun needs run:read: allow (allowed) -> deny (scope_missing)\n",
        "GET /api/2.0/mlflow/runs/get  caller key_1  with model:read  test.log:1\n",
        "             1             0  key_1\n",
        "so the caller was not looked up\n",
    ] {
        assert!(found.contains(part), "{part:?} is not in\n{found}");
    }
}

#[test]
fn use_by_caller_is_told_though_nothing_changes() {
    let denied =
        json!({"key_id": "busy", "decision": "deny", "reason": "scope_missing", "scopes": []});
    let lines = [
        audit(json!({"key_id": "quiet"})),
        audit(json!({"key_id": "busy"})),
        audit(denied),
    ];
    let found = text(DEFAULTS, &lines, 20);
    let expected = "Use by caller: requests, refused of them\n             2             1  busy\n             1             0  quiet\n";
    assert!(found.contains(expected), "{found}");
    let replay = replay(DEFAULTS, &lines);
    let page = page(&findings(&replay), 20);
    let section = page.split("<h2>Use by caller</h2>").nth(1).unwrap();
    assert!(section.find("busy").unwrap() < section.find("quiet").unwrap());
}

#[test]
fn lists_are_as_long_as_asked() {
    let candidate = with(json!({"scopes": {"model:read": []}}));
    let lines: Vec<_> = (0..5)
        .map(|key| audit(json!({"key_id": format!("key_{key}")})))
        .collect();
    let found = text(&candidate, &lines, 2);
    // Of those for whom something changes, and of all.
    assert_eq!(
        found.matches("             1             0  key_").count(),
        4
    );
    assert_eq!(
        found.matches("             3  more rows").count(),
        2,
        "{found}"
    );
    let replay = replay(&candidate, &lines);
    assert!(page(&findings(&replay), 2).contains("and 3 callers more"));
}

#[test]
fn a_terminal_gets_no_control_characters() {
    let candidate = with(json!({"scopes": {"a\u{1b}[31m": []}}));
    let lines = [audit(
        json!({"key_id": "k\u{1b}[31m", "scopes": ["a\u{1b}[31m"]}),
    )];
    let found = text(&candidate, &lines, 20);
    assert!(
        found.contains("k\\u{1b}[31m") && !found.contains('\u{1b}'),
        "{found:?}"
    );
}

/// Every text of a record that a report shows.
#[test]
fn hostile_records_stay_text() {
    let hostile = |name: &str| format!("<script>alert('{name}')</script>\"'&");
    let candidate = with(json!({"scopes": {"model:read": []}, "public": []}));
    let all = json!({
        "time": hostile("time"), "request_id": hostile("id"), "method": "GET", "target": "/api/<script>alert(1)</script>",
        "host": hostile("host"), "operation": hostile("operation"), "reason": hostile("reason"),
        "user_id": hostile("user"), "key_id": hostile("key"), "scopes": [hostile("scope"), "model:read"],
        "roles": [hostile("role")], "name": hostile("name"),
    });
    let public =
        nobody(json!({"target": "/health", "reason": "public", "operation": hostile("operation")}));
    let replay = replay(&candidate, &[audit(all), public]);
    let mut found = findings(&replay);
    found.candidate = hostile("candidate");
    found.files = vec![hostile("file")];
    let page = page(&found, 20);
    assert!(!page.contains("<script"), "{page}");
    for name in [
        "time",
        "id",
        "reason",
        "user",
        "key",
        "scope",
        "name",
        "operation",
        "candidate",
        "file",
    ] {
        let shown = format!("&lt;script&gt;alert('{name}')&lt;/script&gt;&quot;'&amp;");
        assert!(page.contains(&shown), "{name}");
    }
}
