//! What is read, and where an error is.

mod against_serde_json;
mod at;
mod written;

use std::collections::BTreeMap;

use serde::Deserialize;

use super::document::{self, MAX_DEPTH};
use super::{Document, Problem, read, read_text};

#[derive(Debug, Default)]
struct Outer {
    list: Vec<Inner>,
    map: BTreeMap<String, Option<u64>>,
}

super::object!(Outer, start: Self::default(), required: [], {
    "list" => list,
    "map" => map: |value| super::map(value, |it| Option::deserialize(it)),
});

#[derive(Debug, Deserialize)]
struct Inner {
    number: u64,
    text: Option<String>,
}

fn problem(text: &str) -> (String, String) {
    match read_text::<Outer>(text.as_bytes()) {
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
    let read: Outer = read_text(text.as_bytes()).unwrap();
    let list: Vec<_> = read
        .list
        .iter()
        .map(|it| (it.number, it.text.as_deref()))
        .collect();
    assert_eq!(list, [(7, Some("a\né😀")), (0, None)]);
    let map: Vec<_> = read.map.iter().map(|(name, it)| (&**name, *it)).collect();
    assert_eq!(map, [("", None), ("a\"b", Some(u64::MAX))]);
}

fn nested(depth: usize) -> String {
    format!("{}1{}", "[".repeat(depth), "]".repeat(depth))
}

/// What is never read need only be JSON: it may be deep, and hold what no text of Rust can.
#[test]
fn what_is_not_read_need_only_be_well_formed() {
    let deep = nested(10_000);
    for ignored in [
        r#""\ud800""#,
        "1e999",
        r#"{"a": 1, "a": 2}"#,
        r#"{"\ud800": 1}"#,
        &deep,
    ] {
        let text = format!(r#"{{"new": {ignored}, "number": 1}}"#);
        assert_eq!(
            read::<Inner>(text.as_bytes()).unwrap().number,
            1,
            "{ignored:.40}"
        );
    }
}

/// How many lists are around a number.
#[derive(Debug)]
struct Number(usize);

impl<'de> Deserialize<'de> for Number {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct NumberVisitor;

        impl<'de> serde::de::Visitor<'de> for NumberVisitor {
            type Value = Number;

            fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str("a number within lists")
            }

            fn visit_u64<E>(self, _: u64) -> Result<Number, E> {
                Ok(Number(0))
            }

            fn visit_seq<A: serde::de::SeqAccess<'de>>(
                self,
                mut seq: A,
            ) -> Result<Number, A::Error> {
                let inner = seq.next_element::<Number>()?;
                Ok(Number(inner.map_or(0, |it| it.0 + 1)))
            }
        }

        deserializer.deserialize_any(NumberVisitor)
    }
}

/// A type that recurses is bounded by the tree, not by the stack.
#[test]
fn what_is_nested_too_deeply_cannot_be_read() {
    let depth = |lists: usize| read::<Number>(nested(lists).as_bytes()).map(|it| it.0);
    assert_eq!(depth(1).unwrap(), 1);
    assert_eq!(depth(MAX_DEPTH).unwrap(), MAX_DEPTH);
    for lists in [MAX_DEPTH + 1, MAX_DEPTH + 2, 100_000] {
        let (path, problem) = depth(lists).unwrap_err().into_parts();
        assert_eq!(path, "[0]".repeat(MAX_DEPTH));
        assert_eq!(problem.to_string(), "is nested too deeply");
    }
    let beside = format!("[{}, 2, 3]", nested(1_000));
    assert!(document::parse(beside.as_bytes()).is_ok_and(|nodes| nodes.len() < MAX_DEPTH + 5));
}

#[test]
fn numbers_are_exact_as_far_as_64_bits_hold_them() {
    for (text, number) in [("9007199254740993", 9_007_199_254_740_993), ("0", 0)] {
        assert_eq!(read::<u64>(text.as_bytes()).unwrap(), number);
    }
    for text in ["-0", "18446744073709551616", "1.0", "1e0", "-1"] {
        assert!(read::<u64>(text.as_bytes()).is_err(), "{text}");
    }
}

/// A type sees a duplicated name as often as it is there, and may refuse it.
#[test]
fn a_document_keeps_duplicates_and_is_read_more_than_once() {
    let text = br#"{"number": 1, "n\u0075mber": 2}"#;
    let document = Document::parse(text).unwrap();
    for _ in 0..2 {
        let (path, problem) = document.read::<Inner>().unwrap_err().into_parts();
        assert!(path.is_empty() && matches!(problem, Problem::DuplicatedField("number")));
    }
}

/// All names of an object that is read must be text, also those that its type does not know.
#[test]
fn a_name_that_is_no_text_is_an_error_of_its_object() {
    for text in [
        r#"{"number": 1, "\ud800": 2}"#,
        r#"{"\ud800": 2, "number": 1}"#,
    ] {
        let (path, problem) = read::<Inner>(text.as_bytes()).unwrap_err().into_parts();
        assert!(
            path.is_empty() && matches!(problem, Problem::Syntax(_)),
            "{text}"
        );
    }
}

#[test]
fn an_error_says_where_it_is() {
    for (text, path, said) in [
        ("[]", "", "expected an object, found a list"),
        (r#"{"lost": 1}"#, "", "unknown field `lost`"),
        (
            r#"{"list": [], "list": []}"#,
            "",
            "field `list` is duplicated",
        ),
        (
            r#"{"list": {}}"#,
            "list",
            "expected a list, found an object",
        ),
        (
            r#"{"list": [{"number": 1}, [2, "x"]]}"#,
            "list[1]",
            "expected an object, found a list",
        ),
        (r#"{"list": [{}]}"#, "list[0]", "field `number` is missing"),
        (
            r#"{"list": [{"number": -1}]}"#,
            "list[0].number",
            "expected a whole number, not negative, found -1",
        ),
        (
            r#"{"list": [{"number": 1.5}]}"#,
            "list[0].number",
            "expected a whole number, not negative, found a number with a fraction or an exponent",
        ),
        (
            r#"{"list": [{"number": 0, "text": true}]}"#,
            "list[0].text",
            "expected a string, found true",
        ),
        (
            r#"{"map": {"a.b": "x"}}"#,
            "map.a.b",
            "expected a whole number, not negative, found \"x\"",
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
        (b"[1 2]", "expected a comma or ] at line 1 column 4"),
        (b"{\"a\": 1]", "expected a comma or } at line 1 column 8"),
        (
            b"{\"a\" 1}",
            "expected a colon after the field name at line 1 column 6",
        ),
        (b"[\n\n  nul]", "expected a value at line 3 column 3"),
        (b"[1,]", "expected a value at line 1 column 4"),
        (b"[", "the text ends too early at line 1 column 1"),
        (b"\"a", "the text ends too early at line 1 column 2"),
        (
            b"\"a\nb\"",
            "expected an escape in place of a control character at line 1 column 3",
        ),
        (
            b"\"\\x\"",
            "expected an escape of JSON after \\ at line 1 column 3",
        ),
        (
            b"\"\\u12g4\"",
            "expected four hexadecimal digits after \\u at line 1 column 6",
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
        let error = read_text::<Outer>(text).unwrap_err();
        let (path, problem) = error.into_parts();
        assert!(path.is_empty() && matches!(problem, Problem::Syntax(_)));
        assert_eq!(problem.to_string(), said, "{}", text.escape_ascii());
    }
}
