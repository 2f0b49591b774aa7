//! What is read, and where an error is.

use std::collections::BTreeMap;

use serde::Deserialize;
#[cfg(target_arch = "wasm32")]
use wasm_bindgen_test::wasm_bindgen_test as test;

use super::{Problem, read, unique_map};

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Outer {
    #[serde(default)]
    list: Vec<Inner>,
    #[serde(default, deserialize_with = "unique_map")]
    map: BTreeMap<String, Option<u64>>,
}

#[derive(Debug, Deserialize)]
struct Inner {
    number: u64,
    text: Option<String>,
}

fn problem(text: &str) -> (String, String) {
    match read::<Outer>(text.as_bytes()) {
        Ok(read) => ("accepted".to_owned(), format!("{read:?}")),
        Err(error) => {
            let (path, problem) = error.into_parts();
            (path, problem.to_string())
        }
    }
}

#[test]
fn what_is_read() {
    let text = r#" {"list": [{"number": 7, "text": "a\n\u00e9\ud83d\ude00"}, {"text": null, "number": 0}],
                    "map": {"a\"b": 18446744073709551615, "": null}} "#;
    let read: Outer = read(text.as_bytes()).unwrap();
    let list: Vec<_> = read
        .list
        .iter()
        .map(|it| (it.number, it.text.as_deref()))
        .collect();
    assert_eq!(list, [(7, Some("a\né😀")), (0, None)]);
    let map: Vec<_> = read.map.iter().map(|(name, it)| (&**name, *it)).collect();
    assert_eq!(map, [("", None), ("a\"b", Some(u64::MAX))]);
}

/// What nobody asks for need only be JSON: it may be deep, and hold what no text of Rust can.
#[test]
fn what_is_not_asked_for_is_passed_over() {
    let deep = format!("{}1{}", "[".repeat(10_000), "]".repeat(10_000));
    for ignored in [r#""\ud800""#, "1e999", r#"{"a": 1, "a": 2}"#, &deep] {
        let text = format!(r#"{{"new": {ignored}, "number": 1}}"#);
        assert_eq!(
            read::<Inner>(text.as_bytes()).unwrap().number,
            1,
            "{ignored:.40}"
        );
    }
}

#[test]
fn an_error_says_where_it_is() {
    for (text, path, said) in [
        ("[]", "", "invalid type: sequence, expected an object"),
        (r#"{"lost": 1}"#, "", "unknown field `lost`"),
        (r#"{"list": [], "list": []}"#, "", "duplicate field `list`"),
        (
            r#"{"list": {}}"#,
            "list",
            "invalid type: map, expected a sequence",
        ),
        (
            r#"{"list": [{"number": 1}, [2, "x"]]}"#,
            "list[1]",
            "invalid type: sequence, expected an object",
        ),
        (r#"{"list": [{}]}"#, "list[0]", "missing field `number`"),
        (
            r#"{"list": [{"number": -1}]}"#,
            "list[0].number",
            "invalid type: integer `-1`, expected u64",
        ),
        (
            r#"{"list": [{"number": 1.5}]}"#,
            "list[0].number",
            "invalid type: floating point number, expected u64",
        ),
        (
            r#"{"list": [{"number": 0, "text": true}]}"#,
            "list[0].text",
            "invalid type: boolean `true`, expected a string",
        ),
        (
            r#"{"map": {"a.b": "x"}}"#,
            "map.a.b",
            "invalid type: string \"x\", expected u64",
        ),
        (r#"{"map": {"a": 1, "a": 1}}"#, "map", "\"a\" is duplicated"),
        (
            r#"{"list": [{"number": 0, "text": "\ud800"}]}"#,
            "list[0].text",
            "an escape stands for half of a surrogate pair",
        ),
        (
            r#"{"list": [{"number": 1e999}]}"#,
            "list[0].number",
            "the number is out of range",
        ),
    ] {
        assert_eq!(problem(text), (path.to_owned(), said.to_owned()), "{text}");
    }
}

#[test]
fn what_is_not_json_has_its_line() {
    for (text, said) in [
        (&b""[..], "the text ends too early at line 1 column 0"),
        (
            b"{\"list\": []\n,}",
            "expected a field name in double quotes at line 2 column 2",
        ),
        (
            b"{} {}",
            "expected nothing after the value at line 1 column 4",
        ),
        (
            b"{\"map\": {\"a\": 01}}",
            "expected a number as JSON writes it at line 1 column 16",
        ),
        (b"{\"new\": \"\xff\"}", "expected UTF-8 at line 1 column 10"),
    ] {
        let error = read::<Outer>(text).unwrap_err();
        let (path, problem) = error.into_parts();
        assert!(path.is_empty() && matches!(problem, Problem::Syntax(_)));
        assert_eq!(problem.to_string(), said, "{}", text.escape_ascii());
    }
}
