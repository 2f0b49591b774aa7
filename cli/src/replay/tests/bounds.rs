//! Memory does not grow with what is read.

use serde_json::json;

use super::super::bounded::{Names, Rows, cut};
use super::super::tally::Caller;
use super::{DEFAULTS, audit, findings, replay, with};

#[test]
fn names_beyond_the_limit_are_one() {
    let mut names = Names::new(2);
    let (a, b) = (names.id("a"), names.id("b"));
    assert_eq!(
        (names.id("c"), names.id("d")),
        (Names::OTHERS, Names::OTHERS)
    );
    assert_eq!((names.id("a"), names.id("b")), (a, b));
    assert_eq!(
        (names.text(a), names.text(Names::OTHERS)),
        ("a", "(others)")
    );
    let mut long = Names::new(2);
    assert_eq!(long.id(&"x".repeat(300)), long.id(&"x".repeat(200)));
}

#[test]
fn rows_beyond_the_limit_are_one() {
    let mut rows: Rows<u8, u64> = Rows::new(2);
    assert_eq!(rows.others(), None);
    for key in [1, 2, 3, 1, 4] {
        *rows.row(key) += 1;
    }
    let mut kept: Vec<_> = rows.iter().collect();
    kept.sort();
    assert_eq!((kept, rows.others()), (vec![(&1, &2), (&2, &1)], Some(&2)));
}

#[test]
fn texts_are_cut_between_characters() {
    for (text, expected) in [
        ("abcd", "abc"),
        ("ab", "ab"),
        ("aéé", "aé"),
        ("ab\u{1f600}", "ab"),
    ] {
        assert_eq!(cut(text, 3), expected);
    }
}

#[test]
fn more_callers_than_are_told_apart_are_counted_together() {
    let candidate = with(json!({"scopes": {"model:read": []}}));
    let lines: Vec<_> = (0..20_050)
        .map(|key| audit(json!({"key_id": format!("key_{key}")})))
        .collect();
    let replay = replay(&candidate, &lines);
    assert_eq!(replay.tally.all.new_denials, 20_050);
    let kept = replay
        .tally
        .callers
        .iter()
        .filter(|(caller, _)| **caller != Caller::Key(Names::OTHERS));
    assert_eq!(kept.count(), 20_000);
    let found = findings(&replay);
    let others: u64 = found
        .callers
        .iter()
        .filter(|it| it.caller == "(others)")
        .map(|it| it.counts.requests)
        .sum();
    assert_eq!(others, 50);
    assert!(
        found
            .notes
            .iter()
            .any(|note| note.starts_with("There are more callers")),
        "{:?}",
        found.notes
    );
}

#[test]
fn examples_are_few_and_short() {
    let candidate = with(json!({"scopes": {"model:read": []}}));
    let line = audit(
        json!({"target": format!("/api/{}", "\\xff".repeat(200)), "key_id": "k".repeat(5000),
        "scopes": (0..50).map(|it| format!("s{it}")).collect::<Vec<_>>()}),
    );
    let long = replay(DEFAULTS, &vec![line; 10]);
    let found = findings(&long);
    let example = &found.changes[0].examples[0];
    assert_eq!(found.changes[0].examples.len(), 3);
    assert_eq!((example.target.len(), example.scopes.len()), (300, 20));
    assert_eq!(example.key_id.as_ref().unwrap().len(), 300);
    let many = replay(&candidate, &vec![audit(json!({})); 10]);
    assert_eq!(findings(&many).changes[0].examples.len(), 3);
}
