//! What a line tells of the keys that a configuration lists.

use serde_json::{Value, json};

use super::{Vm, change};
use crate::shared_data::{LocalData, SharedData};

/// An entry whose digest ends with a number, with further fields that begin with a comma.
fn entry(number: u32, key_id: &str, more: &str) -> String {
    format!(r#"{{"sha256": "{number:064x}", "key_id": "{key_id}"{more}}}"#)
}

fn keys(entries: &[String]) -> String {
    format!(r#", "keys": [{}]"#, entries.join(","))
}

#[test]
fn a_key_that_is_new_gone_or_different_is_named() {
    let ci = entry(1, "ci", r#", "scopes": ["model:write"]"#);
    let before = keys(&[ci.clone(), entry(2, "lead", "")]);
    let same = "nothing";
    for (after, expected) in [
        (before.clone(), json!(same)),
        // In another order, nothing is different but the text.
        (keys(&[entry(2, "lead", ""), ci.clone()]), json!(null)),
        (
            keys(std::slice::from_ref(&ci)),
            json!([{"key_id": "lead", "change": "removed"}]),
        ),
        (
            keys(&[ci.clone(), entry(2, "lead", ""), entry(3, "new", "")]),
            json!([{"key_id": "new", "change": "added"}]),
        ),
        (
            keys(&[
                ci.clone(),
                entry(2, "lead", ""),
                entry(3, "new", r#", "is_admin": true"#),
            ]),
            json!([{"key_id": "new", "change": "added", "is_admin": true}]),
        ),
        // Another's digest, or a second one, under a name that is known.
        (
            keys(&[ci.clone(), entry(3, "lead", "")]),
            json!([{"key_id": "lead", "change": "changed"}]),
        ),
        (
            keys(&[ci.clone(), entry(2, "lead", ""), entry(3, "lead", "")]),
            json!([{"key_id": "lead", "change": "changed"}]),
        ),
        (
            keys(&[ci.clone(), entry(2, "lead", r#", "is_admin": true"#)]),
            json!([{"key_id": "lead", "change": "changed", "is_admin": true}]),
        ),
        (
            keys(&[ci.clone(), entry(2, "lead", r#", "user_id": "u""#)]),
            json!([{"key_id": "lead", "change": "changed"}]),
        ),
        (
            keys(&[ci.clone(), entry(2, "lead", r#", "roles": ["r"]"#)]),
            json!([{"key_id": "lead", "change": "changed"}]),
        ),
        (
            keys(&[ci.clone(), entry(2, "lead", r#", "workspaces": []"#)]),
            json!([{"key_id": "lead", "change": "changed"}]),
        ),
        (
            keys(&[ci.clone(), entry(2, "lead", r#", "workspace": "acme""#)]),
            json!([{"key_id": "lead", "change": "changed"}]),
        ),
        (
            keys(&[
                entry(
                    1,
                    "ci",
                    r#", "scopes": ["model:write"], "expires_at": "2027-01-31T00:00:00Z""#,
                ),
                entry(2, "lead", ""),
            ]),
            json!([{"key_id": "ci", "change": "changed"}]),
        ),
    ] {
        if expected == same {
            let shared = LocalData::default();
            let mut vm = Vm::default();
            vm.run(&shared, &before);
            assert_eq!(vm.run(&shared, &after), None);
            continue;
        }
        let line = change(&before, &after);
        assert_eq!(line["keys"], expected, "{after}");
        assert_eq!(line["changed"], json!(["keys"]));
        assert!(!line.to_string().contains("0000000"), "{line}");
    }
}

/// Another list, another pin, and a name that moves from one to the other.
#[test]
fn the_workspaces_of_a_key_are_a_part_of_it() {
    let fields = [
        "",
        r#", "workspaces": []"#,
        r#", "workspaces": ["acme"]"#,
        r#", "workspaces": ["acme", "beta"]"#,
        r#", "workspaces": ["beta", "acme"]"#,
        r#", "workspace": "acme""#,
        r#", "workspaces": ["acme"], "workspace": "acme""#,
    ];
    for (place, one) in fields.iter().enumerate() {
        for other in fields.iter().skip(place + 1) {
            let line = change(
                &keys(&[entry(1, "ci", one)]),
                &keys(&[entry(1, "ci", other)]),
            );
            let expected = json!([{"key_id": "ci", "change": "changed"}]);
            assert_eq!(line["keys"], expected, "{one} {other}");
        }
    }
    let line = change("", r#", "workspaces": {"enabled": true}"#);
    assert_eq!(line["changed"], json!(["workspaces.enabled"]));
}

#[test]
fn at_start_every_key_is_new() {
    let shared = LocalData::default();
    let line = Vm::default().run(&shared, &keys(&[entry(1, "ci", r#", "is_admin": true"#)]));
    let expected = json!([{"key_id": "ci", "change": "added", "is_admin": true}]);
    assert_eq!(line.unwrap()["keys"], expected);
}

#[test]
fn however_many_a_line_and_what_is_kept_are_bounded() {
    let name = "n".repeat(1000);
    let many: Vec<String> = (0..300)
        .map(|number| entry(number, &format!("{number:03}{name}"), ""))
        .collect();
    let line = change("", &keys(&many));
    assert!(line.to_string().len() < 16_384);
    assert_eq!(line["keys"].as_array().map(Vec::len), Some(20));
    assert_eq!(line["omitted"]["keys"], json!(280));
    let shared = LocalData::default();
    let mut vm = Vm::default();
    vm.run(&shared, &keys(&many));
    let (kept, _) = shared
        .get("mlflow_authz_configurations:mlflow_authz")
        .unwrap();
    assert!(kept.len() < 50_000, "{}", kept.len());
    let line = vm.run(&shared, "").expect("a line");
    assert_eq!(
        (&line["not_compared"], &line["keys"]),
        (&json!(true), &Value::Null)
    );
}
