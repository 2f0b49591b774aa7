//! What differs between two decisions, and how it is counted.

use mlflow_authz::decision::Effect;
use serde_json::{Value, json};

use super::super::Replay;
use super::super::outcome::{Change, Verdict};
use super::super::record::Word::{self, Allow, Deny, WouldDeny};
use super::{DEFAULTS, audit, config, findings, nobody, replay, with};

#[test]
fn what_the_caller_sees_counts_before_what_the_policy_says() {
    let verdict = |word, reason: &'static str| Verdict {
        word,
        reason: reason.into(),
    };
    for (before, after, expected) in [
        ((Allow, "allowed"), (Allow, "allowed"), None),
        ((Deny, "scope_missing"), (Deny, "scope_missing"), None),
        (
            (WouldDeny, "scope_missing"),
            (WouldDeny, "scope_missing"),
            None,
        ),
        (
            (Allow, "allowed"),
            (Deny, "scope_missing"),
            Some(Change::NewDenial),
        ),
        (
            (WouldDeny, "scope_missing"),
            (Deny, "scope_missing"),
            Some(Change::NewDenial),
        ),
        (
            (Deny, "scope_missing"),
            (Allow, "allowed"),
            Some(Change::NoLongerDenied),
        ),
        (
            (Deny, "scope_missing"),
            (WouldDeny, "scope_missing"),
            Some(Change::NoLongerDenied),
        ),
        (
            (Allow, "allowed"),
            (WouldDeny, "scope_missing"),
            Some(Change::WouldDeny),
        ),
        (
            (WouldDeny, "scope_missing"),
            (Allow, "allowed"),
            Some(Change::NoLongerWouldDeny),
        ),
        (
            (Deny, "scope_missing"),
            (Deny, "name_not_granted"),
            Some(Change::OtherReason),
        ),
        (
            (Allow, "allowed"),
            (Allow, "outside"),
            Some(Change::OtherReason),
        ),
    ] {
        let found = Change::between(&verdict(before.0, before.1), &verdict(after.0, after.1));
        assert_eq!(found, expected, "{before:?} {after:?}");
    }
}

#[test]
fn a_word_says_what_the_policy_and_the_caller_get() {
    for (effect, word) in [
        (Effect::Allow, Allow),
        (Effect::Deny, Deny),
        (Effect::WouldDeny, WouldDeny),
    ] {
        assert_eq!(Word::of(effect), word);
        assert_eq!(Word::of(effect).as_str(), effect.as_str());
    }
}

fn traffic() -> Vec<Value> {
    let post = |key: &str, scopes: Value, word: &str, reason: &str| {
        audit(
            json!({"method": "POST", "target": "/api/2.0/mlflow/runs/create", "operation": "CreateRun",
            "key_id": key, "scopes": scopes, "decision": word, "reason": reason}),
        )
    };
    let mut lines = vec![audit(json!({})); 4];
    lines.extend(vec![
        post(
            "key_w",
            json!(["model:write", "model:read", "model:write"]),
            "allow",
            "allowed"
        );
        3
    ]);
    lines.push(post(
        "key_r",
        json!(["model:read"]),
        "deny",
        "scope_missing",
    ));
    lines.push(nobody(json!({"decision": "deny", "reason": "key_invalid"})));
    lines.push(nobody(
        json!({"target": "/health", "operation": "Health", "reason": "public"}),
    ));
    lines
}

/// Writing is taken from model:write and given to model:read; health needs a key.
fn turned() -> String {
    with(
        json!({"public": [], "scopes": {"model:write": ["run:read"], "model:read": ["run:write", "run:read"]}}),
    )
}

#[test]
fn records_under_their_own_configuration_do_not_change() {
    let replay = replay(DEFAULTS, &traffic());
    let found = findings(&replay);
    assert_eq!(
        (
            found.unchanged(),
            found.changes.len(),
            found.undecidable.len()
        ),
        (10, 0, 0)
    );
}

#[test]
fn counts_by_operation_scope_and_caller() {
    let candidate = with(
        json!({"public": [], "scopes": {"model:write": ["run:read"], "model:read": ["run:read"]}}),
    );
    let replay = replay(&candidate, &traffic());
    let found = serde_json::to_value(findings(&replay)).unwrap();
    assert_eq!(
        found["requests"],
        json!({"requests": 10, "refused_before": 2, "refused_after": 5, "new_denials": 3, "no_longer_denied": 0,
            "would_deny_after": 0, "undecidable": 1})
    );
    let row = |list: &str, field: &str, name: &str| {
        let rows = found[list].as_array().unwrap();
        let row = rows.iter().find(|row| row[field] == name).unwrap();
        let count = |field: &str| row[field].as_u64().unwrap();
        (
            count("requests"),
            count("refused_before"),
            count("refused_after"),
            count("new_denials"),
            count("undecidable"),
        )
    };
    assert_eq!(row("operations", "name", "CreateRun"), (4, 1, 4, 3, 0));
    assert_eq!(row("operations", "name", "GetRun"), (5, 1, 1, 0, 0));
    // A scope that a key has twice counts once.
    assert_eq!(row("scopes", "name", "model:write"), (3, 0, 3, 3, 0));
    assert_eq!(row("scopes", "name", "model:read"), (8, 1, 4, 3, 0));
    assert_eq!(row("scopes", "name", "(no key)"), (2, 1, 1, 0, 1));
    assert_eq!(row("callers", "caller", "key_w"), (3, 0, 3, 3, 0));
    assert_eq!(row("callers", "caller", "key_r"), (1, 1, 1, 0, 0));
    assert_eq!(
        row("callers", "caller", "(no valid credential)"),
        (2, 1, 1, 0, 1)
    );
    assert_eq!(
        found["callers"].as_array().unwrap().len(),
        3,
        "key_1 has neither refusals nor changes"
    );
    let change = &found["changes"][0];
    assert_eq!(
        (
            &change["change"],
            &change["operation"],
            &change["permission"],
            &change["count"]
        ),
        (
            &json!("new_denial"),
            &json!("CreateRun"),
            &json!("run:write"),
            &json!(3)
        )
    );
    assert_eq!(
        change["after"],
        json!({"decision": "deny", "reason": "scope_missing"})
    );
    let example = &change["examples"][0];
    assert_eq!(
        (&example["line"], &example["key_id"], &example["file"]),
        (&json!(5), &json!("key_w"), &json!("test.log"))
    );
    assert_eq!(
        (
            &found["undecidable"][0]["why"],
            &found["undecidable"][0]["count"]
        ),
        (&json!("caller_unknown"), &json!(1))
    );
}

#[test]
fn a_baseline_takes_the_place_of_what_was_recorded() {
    let mut replay = Replay::new(config(&turned()), Some(config(&turned())));
    let text: String = traffic().iter().map(|line| format!("{line}\n")).collect();
    replay.read("test.log", text.as_bytes()).unwrap();
    let found = findings(&replay);
    assert_eq!((found.changes.len(), found.requests.undecidable), (0, 1));
    // key_r was let through by the baseline, whatever the record says.
    assert_eq!((found.requests.refused_before, found.unchanged()), (1, 9));
    let mut replay = Replay::new(config(DEFAULTS), Some(config(&turned())));
    replay.read("test.log", text.as_bytes()).unwrap();
    let found = findings(&replay);
    assert_eq!(
        (found.requests.new_denials, found.requests.no_longer_denied),
        (1, 0)
    );
}

#[test]
fn notes_say_what_the_records_lack() {
    let refused = nobody(json!({"decision": "deny", "reason": "key_invalid", "suppressed": 12}));
    let all = replay(DEFAULTS, &[refused.clone(), refused.clone()]);
    let notes = findings(&all).notes;
    assert_eq!(notes.len(), 2);
    assert!(notes[0].contains("new denials cannot be seen"), "{notes:?}");
    assert!(
        notes[1].starts_with("24 decisions are missing"),
        "{notes:?}"
    );
    let mixed = replay(DEFAULTS, &[audit(json!({}))]);
    assert_eq!(findings(&mixed).notes, Vec::<String>::new());
}
