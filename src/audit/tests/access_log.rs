//! The field of the access log.

use std::sync::Arc;

use serde_json::json;

use super::{denied, field, record};
use crate::audit::AuditLog;
use crate::config::{AccessLog, Audit};
use crate::decision::{Decision, Reason};
use crate::principal::{Grant, Principal};

#[test]
fn the_access_log_field() {
    let mut expected = json!({
        "decision": "deny", "reason": "scope_missing", "operation": "CreateRun", "user_id": "u\u{1b}1",
        "key_id": "key_1", "identity": "auth_service", "scopes": ["model:read"], "roles": ["viewer"], "admin": false, "stale": false,
        "mode": "enforce",
    });
    assert_eq!(field(&denied()), expected);
    let stale = Decision {
        stale: true,
        ..denied()
    };
    expected["stale"] = json!(true);
    assert_eq!(field(&stale), expected);
    assert_eq!(record(&stale, &[]).0["stale"], json!(true));
}

#[test]
fn the_access_log_field_holds_whatever_text_a_principal_has() {
    for text in [
        "",
        "plain",
        "a\"b",
        "a\\b",
        "a\nb",
        "\u{0}",
        "\u{7f}",
        "é\u{2028}",
        "\",\"admin\":true,\"x\":\"",
    ] {
        let principal = Principal {
            user_id: Some(text.to_owned()),
            key_id: None,
            scopes: vec![text.to_owned(), "b".to_owned(), text.to_owned()],
            roles: Vec::new(),
            is_admin: true,
            grants: vec![
                Grant {
                    scope: text.to_owned(),
                    names: Some(vec![text.to_owned(), "c".to_owned()]),
                    workspaces: Some(vec![text.to_owned()]),
                },
                Grant::default(),
            ],
            workspaces: Some(vec![text.to_owned()]),
            ..Principal::default()
        };
        let decision = Decision {
            operation: None,
            principal: Some(Arc::new(principal)),
            ..denied()
        };
        let expected = json!({
            "decision": "deny", "reason": "scope_missing", "operation": null, "user_id": text, "key_id": null, "identity": "auth_service",
            "scopes": [text, "b", text], "roles": [], "admin": true,
            "grants": [{"scope": text, "names": [text, "c"], "workspaces": [text]}, {"scope": ""}], "workspaces": [text],
            "stale": false, "mode": "enforce",
        });
        assert_eq!(field(&decision), expected);
    }
    let nobody = Decision {
        principal: None,
        ..denied()
    };
    let field = field(&nobody);
    assert_eq!(
        (&field["user_id"], &field["scopes"], &field["admin"]),
        (&json!(null), &json!([]), &json!(false))
    );
}

#[test]
fn which_decisions_the_access_log_is_told_of() {
    let allowed = Decision {
        reason: Reason::Allowed,
        ..denied()
    };
    let outside = Decision::new(Reason::Outside);
    let refused = Decision::new(Reason::OutsideMounts);
    for (access_log, told) in [
        (AccessLog::All, [true, true, false, true]),
        (AccessLog::Denials, [true, false, false, true]),
        (AccessLog::None, [false; 4]),
    ] {
        let mut log = AuditLog::new(Audit {
            access_log,
            ..Audit::default()
        });
        let found = [denied(), allowed.clone(), outside.clone(), refused.clone()]
            .map(|decision| log.access_log_field(&decision).is_some());
        assert_eq!(found, told, "{access_log:?}");
    }
}
