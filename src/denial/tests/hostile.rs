//! Other people's words end neither the answer nor one of its fields.

use std::sync::Arc;

use serde_json::json;

use super::{answer, body, missing_scope};
use crate::decision::{Decision, Reason};
use crate::principal::Principal;
use crate::printable::is_unprintable;

#[test]
fn an_answer_holds_whatever_words_a_decision_has() {
    for word in [
        "\",\"reason\":\"allowed\",\"x\":\"",
        "a\\",
        "a\nb\r\0",
        "\u{7f}\u{85}\u{202e}\u{2028}",
        "é😀\u{e0041}",
    ] {
        let principal = Principal {
            key_id: Some(word.to_owned()),
            scopes: vec![word.to_owned()],
            ..Principal::default()
        };
        let decision = Decision {
            reason: Reason::WorkspaceNotGranted,
            workspace: Some(word.into()),
            name: Some(word.into()),
            principal: Some(Arc::new(principal)),
            ..missing_scope(None, &[])
        };
        let headers = [(&b"x-request-id"[..], word.as_bytes())];
        let answer = answer(r#", "workspaces": {}"#, &decision, &headers);
        assert!(!answer.body.contains(is_unprintable), "{:?}", answer.body);
        let body = body(&answer);
        for (name, expected) in [
            ("reason", json!("workspace_not_granted")),
            ("key_scopes", json!([word])),
            ("workspace", json!(word)),
            ("request_id", json!(word)),
        ] {
            assert_eq!(body[name], expected, "{name}: {body}");
        }
    }
}
