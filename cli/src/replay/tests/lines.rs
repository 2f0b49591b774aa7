//! What a line is.

use serde_json::{Value, json};

use super::super::record::{Line, Log, Record, read};
use super::audit;

fn kind(line: &[u8]) -> String {
    match read(line, &mut String::new()) {
        Line::Record(Record {
            log: Log::Audit, ..
        }) => "audit".to_owned(),
        Line::Record(Record {
            log: Log::Access,
            reason,
            ..
        }) => format!("access {reason}"),
        Line::Other => "other".to_owned(),
        Line::Unreadable(problem) => problem,
    }
}

fn entry(authz: Value) -> String {
    json!({"method": "GET", "path": "/health", "authority": "h", "authz": authz, "status": 200})
        .to_string()
}

#[test]
fn what_the_filter_says_of_its_configuration_is_no_record() {
    for event in ["configuration_taken", "configuration_refused"] {
        let line = json!({"time": "2026-11-22T03:00:00.000Z", "event": event, "mode": "enforce", "scopes": [],
            "old": "1a2b3c4d", "new": "5e6f7081", "error": "audit.allow: unknown field"});
        assert_eq!(kind(line.to_string().as_bytes()), "other");
        let prefixed = format!("[2026-11-22][12][warning][wasm] [c.cc:1] wasm log a a a: {line}");
        assert_eq!(kind(prefixed.as_bytes()), "other");
    }
}

#[test]
fn records_of_either_log() {
    let record = audit(json!({})).to_string();
    let field = r#"{"decision":"deny","reason":"key_invalid","operation":null,"scopes":[],"roles":[],"admin":false}"#;
    let prefix = "[2026-11-22 03:00:00.000][12][warning][wasm] [source/extensions/common/wasm/context.cc:1195] ";
    for (line, expected) in [
        (record.clone(), "audit"),
        (
            format!("{prefix}wasm log mlflow_authz mlflow_authz mlflow_authz: {record}"),
            "audit",
        ),
        (
            format!(
                "2026-11-22T03:00:00.000000Z\twarning\tenvoy wasm ext/context.cc:1195\twasm log ns.mlflow_authz: {record}\tthread=25"
            ),
            "audit",
        ),
        (
            format!("2026-11-22T03:00:00.000Z stderr F {prefix}wasm log x: {record}"),
            "audit",
        ),
        (entry(json!(field)), "access key_invalid"),
        (
            entry(serde_json::from_str(field).unwrap()),
            "access key_invalid",
        ),
        (
            format!("2026-11-22T03:00:00.000Z stdout F {}", entry(json!(field))),
            "access key_invalid",
        ),
        // The filter had nothing to do with these.
        (entry(json!(null)), "access outside"),
        (entry(json!("")), "access outside"),
        (entry(json!("-")), "access outside"),
        (
            json!({"method": "GET", "path": "/x"}).to_string(),
            "access outside",
        ),
    ] {
        assert_eq!(kind(line.as_bytes()), expected, "{line}");
        assert_eq!(kind(format!("{line}\r\n").as_bytes()), expected, "{line}");
    }
}

#[test]
fn other_lines_are_passed_over() {
    for line in [
        "",
        "\n",
        "   ",
        "[2026-11-22][12][info][main] [source/server.cc:1] starting",
        "[2026-11-22][12][debug][config] loading {a: b}",
        "[2026-11-22][12][error][wasm] [c.cc:1] wasm log mlflow_authz: auth_unavailable: a timeout",
        r#"{"level":"info","message":"not a request"}"#,
        r#"{"method":"GET"}"#,
        "{}",
    ] {
        assert_eq!(kind(line.as_bytes()), "other", "{line}");
    }
}

#[test]
fn unreadable_lines_say_why_and_repeat_nothing() {
    let secret = "hk_live_secret";
    for (line, problem) in [
        (
            r#"{"decision":"allow""#.to_owned(),
            "column 19: EOF while parsing an object",
        ),
        (
            r#"x wasm log y: {"decision":"#.to_owned(),
            "column 12: EOF while parsing a value",
        ),
        (
            audit(json!({"decision": secret})).to_string(),
            "decision: it is none",
        ),
        (
            audit(json!({"decision": 5})).to_string(),
            "must be text in quotes",
        ),
        (
            audit(json!({"reason": null})).to_string(),
            "reason: there is none",
        ),
        (
            audit(json!({"admin": secret})).to_string(),
            "must be true or false",
        ),
        (
            audit(json!({"target": "/a\\z"})).to_string(),
            "target: it is not escaped as in an audit record",
        ),
        (
            audit(json!({"target": "/a\\x4"})).to_string(),
            "target: it is not escaped as in an audit record",
        ),
        (
            format!("{} {}", audit(json!({})), secret),
            "something follows the JSON object",
        ),
        (entry(json!(secret)), "authz: column 1: expected value"),
        (entry(json!("{}")), "decision: it is none"),
        (entry(json!(7)), "authz: column 1: must be text in quotes"),
        (entry(json!("{} {}")), "authz: "),
        (
            r#"{"method":"GET","path":"/","path":"/"}"#.to_owned(),
            "column 33: target is duplicated",
        ),
    ] {
        let found = kind(line.as_bytes());
        assert!(
            found.ends_with(problem) || found.starts_with(problem),
            "{line}: {found:?}"
        );
        assert!(!found.contains(secret), "{found}");
    }
    let mut broken = audit(json!({"key_id": "k"})).to_string().into_bytes();
    let at = broken.windows(3).position(|it| it == b"\"k\"").unwrap();
    broken[at + 1] = 0xff;
    assert!(
        kind(&broken).contains("invalid unicode"),
        "{}",
        kind(&broken)
    );
}

#[test]
fn fields_of_a_record() {
    let line = audit(
        json!({"target": "/a\\xff\\\\\\'\\t", "suppressed": 7, "grants": [{"scope": "s", "names": ["n"]}]}),
    );
    let text = line.to_string();
    let mut room = String::new();
    let Line::Record(record) = read(text.as_bytes(), &mut room) else {
        panic!("{text}");
    };
    assert_eq!(record.target.as_deref(), Some(&b"/a\xff\\'\t"[..]));
    assert_eq!(record.suppressed, 7);
    assert_eq!(record.who.scopes, Some(r#"["model:read"]"#));
    assert_eq!(record.who.grants, Some(r#"[{"scope":"s","names":["n"]}]"#));
    // The paths of an access log are not escaped that way.
    let entry = json!({"method": "-", "path": "/a\\xff", "authority": "-"}).to_string();
    let Line::Record(record) = read(entry.as_bytes(), &mut room) else {
        panic!("{entry}");
    };
    assert_eq!(record.target.as_deref(), Some(&b"/a\\xff"[..]));
    assert!(record.method.is_none() && record.host.is_none());
}
