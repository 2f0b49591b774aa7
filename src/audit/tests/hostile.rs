//! Other people's words: where they stand in a record or a field they stay, and end neither it nor its line.

use std::sync::Arc;

use serde_json::{Value, json};

use super::{NOW, denied, log};
use crate::catalog::{Access, Object, all_operations};
use crate::decision::{Decision, Effect};
use crate::permission::Permission;
use crate::principal::{Grant, Principal};
use crate::printable::is_unprintable;
use crate::request::RequestHead;

const WORDS: &[&str] = &[
    "\",\"admin\":true,\"x\":\"",
    "a\\",
    "a\nb\r",
    "\0\u{1b}[31m",
    "\u{7f}\u{85}",
    "\u{202e}\u{2028}\u{feff}",
    "é😀\u{e0041}",
];

#[test]
fn a_record_and_a_field_hold_whatever_words_a_decision_has() {
    for word in WORDS.iter().map(|it| (*it).to_owned()) {
        let decision = Decision {
            mount: Some((*word).into()),
            workspace: Some((*word).into()),
            name: Some((*word).into()),
            principal: Some(Arc::new(Principal {
                user_id: Some(word.clone()),
                key_id: Some(word.clone()),
                scopes: vec![word.clone(), word.clone()],
                roles: vec![word.clone()],
                grants: vec![Grant {
                    scope: word.clone(),
                    names: Some(vec![word.clone()]),
                    workspaces: Some(vec![word.clone()]),
                }],
                workspaces: Some(vec![word.clone()]),
                ..Principal::default()
            })),
            ..denied()
        };
        let headers = ["x-request-id", ":method", ":path", ":authority"];
        let headers = headers.map(|name| (name.as_bytes(), word.as_bytes()));
        let head = RequestHead {
            headers: &headers,
            facts: Some(&&*word.clone().leak()),
        };
        let mut log = log(true, 9);
        let line = log.record(NOW, &decision, &head, || Some(word.clone()));
        let field = log.access_log_field(&decision).unwrap();
        let texts = [line.unwrap(), String::from_utf8(field.to_vec()).unwrap()];
        for text in &texts {
            assert!(!text.contains(is_unprintable), "{text:?}");
            let read: Value = serde_json::from_str(text).unwrap();
            let grants = json!([{"scope": word, "names": [word], "workspaces": [word]}]);
            for (name, expected) in [
                ("workspace", json!(word)),
                ("user_id", json!(word)),
                ("key_id", json!(word)),
                ("scopes", json!([word, word])),
                ("roles", json!([word])),
                ("admin", json!(false)),
                ("grants", grants),
                ("workspaces", json!([word])),
            ] {
                assert_eq!(read[name], expected, "{text}");
            }
        }
        let record: Value = serde_json::from_str(&texts[0]).unwrap();
        for name in ["mount", "route", "client"] {
            assert_eq!(record[name], word, "{texts:?}");
        }
        for name in ["request_id", "method", "name"] {
            let escaped = word.as_bytes().escape_ascii().to_string();
            assert_eq!(record[name], escaped, "{texts:?}");
        }
    }
}

/// They are written without escapes.
#[test]
fn words_of_this_crate_need_no_escapes() {
    let mut words: Vec<&str> = all_operations().map(|it| it.name).collect();
    words.extend(Object::ALL.iter().map(|it| it.as_str()));
    words.extend(Access::ALL.iter().map(|it| it.as_str()));
    words.extend([Effect::Allow, Effect::Deny, Effect::WouldDeny].map(Effect::as_str));
    words.extend(Permission::on_everything(Access::Write).parts());
    words.push(crate::catalog::COVERS);
    for word in words {
        let json = serde_json::to_string(word).unwrap();
        assert_eq!(json, format!("\"{word}\""));
        assert!(word.is_ascii(), "{word}");
    }
}
