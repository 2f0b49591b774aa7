//! Audit records; `access_log` is about the field, `hostile` about other people's words, `secrets` about what neither may hold.

mod access_log;
mod hostile;
mod secrets;

use std::sync::Arc;
use std::time::Duration;

use serde_json::{Value, json};

use super::{AuditLog, PerSecond};
use crate::catalog::CATALOG;
use crate::config::Audit;
use crate::decision::{Decision, Reason};
use crate::permission::Permission;
use crate::principal::{IdentitySource, Principal};
use crate::request::RequestHead;

type Headers<'a> = &'a [(&'a [u8], &'a [u8])];

const NOW: Duration = Duration::from_millis(1_700_000_000_123);

fn log(allows: bool, max_per_second: u64) -> AuditLog {
    AuditLog::new(Audit {
        allows,
        max_per_second,
        ..Audit::default()
    })
}

fn field(decision: &Decision) -> Value {
    let mut log = log(false, 9);
    // Of one after another nothing is left.
    assert!(log.access_log_field(&denied()).is_some());
    serde_json::from_slice(log.access_log_field(decision).unwrap()).unwrap()
}

fn record(decision: &Decision, headers: Headers<'_>) -> (Value, String) {
    let head = RequestHead {
        headers,
        facts: None,
    };
    let line = log(true, 9).record(NOW, decision, &head, || None).unwrap();
    assert!(!line.contains('\n'), "{line}");
    (serde_json::from_str(&line).unwrap(), line)
}

fn denied() -> Decision {
    let operation = CATALOG.find("POST", "/api/2.0/mlflow/runs/create").unwrap();
    Decision {
        mount: Some("/api/mlflow".into()),
        operation: Some(operation),
        required: Some(Permission::new(operation.object, operation.access)),
        principal: Some(Arc::new(Principal {
            grants: Vec::new(),
            user_id: Some("u\u{1b}1".to_owned()),
            key_id: Some("key_1".to_owned()),
            scopes: vec!["model:read".to_owned()],
            roles: vec!["viewer".to_owned()],
            is_admin: false,
            has_foreign_words: false,
            workspaces: None,
            workspace: None,
        })),
        identity: Some(IdentitySource::AuthService),
        ..Decision::new(Reason::ScopeMissing)
    }
}

#[test]
fn grants_limited_to_names_are_recorded_where_there_are_any() {
    let grants = json!([{"scope": "model:write", "names": ["acme-*", "beta"]}]);
    let decision = Decision {
        principal: Some(Arc::new(Principal {
            grants: serde_json::from_value(grants.clone()).unwrap(),
            ..Principal::default()
        })),
        ..denied()
    };
    let (written, _) = record(&decision, &[]);
    assert_eq!(written["grants"], grants);
    assert_eq!(field(&decision)["grants"], grants);
    let (without, _) = record(&denied(), &[]);
    assert_eq!(without.get("grants"), None);
}

#[test]
fn a_full_record() {
    let headers: Headers<'_> = &[
        (b":method", b"POST"),
        (
            b":path",
            b"/api/mlflow/api/2.0/mlflow/runs/create?api_key=hk_live_secret",
        ),
        (b":authority", b"registry.example"),
        (b"x-request-id", b"r-1"),
        (b"authorization", b"Bearer hk_live_secret"),
        (b"x-api-key", b"hk_live_secret"),
    ];
    let head = RequestHead {
        headers,
        facts: Some(&"10.0.0.9"),
    };
    let line = log(false, 9)
        .record(NOW, &denied(), &head, || Some("mlflow".to_owned()))
        .unwrap();
    let expected = json!({
        "time": "2023-11-14T22:13:20.123Z",
        "request_id": "r-1",
        "method": "POST",
        "target": "/api/mlflow/api/2.0/mlflow/runs/create",
        "host": "registry.example",
        "mount": "/api/mlflow",
        "decision": "deny",
        "reason": "scope_missing",
        "operation": "CreateRun",
        "object": "run",
        "access": "write",
        "permission": "run:write",
        "user_id": "u\u{1b}1",
        "key_id": "key_1",
        "identity": "auth_service",
        "scopes": ["model:read"],
        "roles": ["viewer"],
        "admin": false,
        "route": "mlflow",
        "client": "10.0.0.9",
        "mode": "enforce",
        "stale": false,
    });
    assert_eq!(serde_json::from_str::<Value>(&line).unwrap(), expected);
    assert!(
        !line.contains("secret") && !line.contains('\u{1b}'),
        "{line}"
    );
}

#[test]
fn nothing_known_is_null() {
    let (record, _) = record(&Decision::new(Reason::TargetAmbiguous), &[]);
    for field in [
        "request_id",
        "method",
        "target",
        "host",
        "mount",
        "operation",
        "object",
        "user_id",
        "key_id",
        "client",
    ] {
        assert_eq!(record[field], Value::Null, "{field}");
    }
    assert_eq!(
        (&record["scopes"], &record["admin"]),
        (&json!([]), &json!(false))
    );
    assert!(record.get("suppressed").is_none());
}

#[test]
fn bytes_of_the_request_are_escaped_and_cut() {
    for (path, target) in [
        (&b"/a\xff\xfe\n\"\\\x1b"[..], r#"/a\xff\xfe\n\"\\\x1b"#),
        ("/é\u{2028}".as_bytes(), r"/\xc3\xa9\xe2\x80\xa8"),
        (b"/a?key=hk_live_secret", "/a"),
        (b"/a?b?key=hk_live_secret", "/a"),
        (b"?key=hk_live_secret", ""),
        (b"/me:hk_live_secret@a/b", "/a/b"),
        (b"/a%3Fapi_key=hk_live_secret", "/a"),
    ] {
        let (record, line) = record(&denied(), &[(b":path", path), (b":authority", path)]);
        assert_eq!(record["target"], target, "{line}");
        assert!(line.is_ascii(), "{line}");
    }
    let long = "/a".repeat(5_000);
    let (record, _) = record(
        &denied(),
        &[
            (b":path", long.as_bytes()),
            (b"x-request-id", long.as_bytes()),
        ],
    );
    assert_eq!(record["target"].as_str().map(str::len), Some(1024));
    assert_eq!(record["request_id"].as_str().map(str::len), Some(1024));
}

#[test]
fn a_host_is_recorded_without_user_information() {
    for host in ["me:hk_live_secret@a", "me%3Ahk_live_secret%40a"] {
        let (record, line) = record(&denied(), &[(b":authority", host.as_bytes())]);
        assert_eq!(record["host"], "a");
        assert!(!line.contains("secret"), "{line}");
    }
}

#[test]
fn what_is_recorded() {
    let inside = |reason| Decision {
        mount: Some("/".into()),
        ..Decision::new(reason)
    };
    for (decision, by_default, with_allows) in [
        (inside(Reason::Allowed), false, true),
        (inside(Reason::Public), false, true),
        (inside(Reason::Preflight), false, true),
        (Decision::new(Reason::Outside), false, false),
        (Decision::new(Reason::OutsideMounts), true, true),
        (inside(Reason::ScopeMissing), true, true),
        (inside(Reason::TargetAmbiguous), true, true),
        (Decision::new(Reason::AuthUnavailable), true, true),
        (Decision::new(Reason::Overloaded), true, true),
    ] {
        let wants = [false, true].map(|allows| log(allows, 9).wants(&decision));
        assert_eq!(wants, [by_default, with_allows], "{:?}", decision.reason);
    }
}

#[test]
fn a_flood_is_cut_and_counted() {
    let mut log = log(false, 2);
    let head = RequestHead {
        headers: &[],
        facts: None,
    };
    let mut suppressed = |milliseconds| {
        let now = Duration::from_millis(milliseconds);
        let line = log.record(now, &denied(), &head, || None)?;
        let record: Value = serde_json::from_str(&line).unwrap();
        Some(
            record
                .get("suppressed")
                .map_or(0, |count| count.as_u64().unwrap()),
        )
    };
    let events = [
        (5_000, Some(0)),
        (5_500, Some(0)),
        (5_600, None),
        (5_999, None),
        (6_000, Some(2)),
        (6_100, Some(0)),
        (6_200, None),
        (60_000, Some(1)),
        // The clock has jumped back: another second, with a share of its own.
        (5_000, Some(0)),
        (5_001, Some(0)),
        (5_002, None),
    ];
    for (at, expected) in events {
        assert_eq!(suppressed(at), expected, "at {at} ms");
    }
}

#[test]
fn the_first_second_of_the_clock_has_a_share_too() {
    let mut limiter = PerSecond::new(1);
    assert_eq!(limiter.admit(Duration::ZERO), Some(0));
    assert_eq!(limiter.admit(Duration::from_millis(999)), None);
}

#[test]
fn clocks_beyond_the_calendar_are_written_somehow() {
    let head = RequestHead {
        headers: &[],
        facts: None,
    };
    for (now, time) in [
        (Duration::ZERO, "1970-01-01T00:00:00.000Z"),
        (Duration::MAX, "9999-12-31T23:59:59.000Z"),
    ] {
        let line = log(false, 1)
            .record(now, &denied(), &head, || None)
            .unwrap();
        assert!(line.contains(time), "{line}");
    }
}
