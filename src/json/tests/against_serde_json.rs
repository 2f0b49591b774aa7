//! The same texts are JSON here and to serde_json, and mean the same where serde_json can say it.

use serde::de::IgnoredAny;
use serde_json::Value;

use crate::json::read;

/// Every token, and every way in which strings and numbers are written.
const TEXTS: &[&str] = &[
    r#" {"a": [1, -2, {"b": {}, "c": []}], "d": null, "": true} "#,
    r#"[false, "", "a\"\\\/\b\f\n\r\té😀", "\u00e9\ud83d\ude00"]"#,
    "[0, -0, 10, 1.5, -0.25e-3, 1E+2, 0e0, 18446744073709551615, 18446744073709551616]",
    "\t\r\n [[[]], [{}], \"x\"]",
    "-9223372036854775808",
    "9007199254740993",
    "\"\u{7f}\"",
    "null",
];

/// What a byte is replaced by, and what is put before it.
const BYTES: &[u8] = b"{}[],:\"\\/ \n\x0b\x00-+.0123eEuntf\x7f\xc3\xff";

fn is_json(text: &[u8]) -> bool {
    std::str::from_utf8(text).is_ok() && serde_json::from_slice::<IgnoredAny>(text).is_ok()
}

fn assert_same(text: &[u8]) {
    assert_eq!(
        read::<IgnoredAny>(text).is_ok(),
        is_json(text),
        "{}",
        text.escape_ascii()
    );
    if let Ok(value) = serde_json::from_slice::<Value>(text) {
        let read = read::<Value>(text).unwrap();
        assert!(
            same(&read, &value),
            "{}: {read} and {value}",
            text.escape_ascii()
        );
    }
}

/// Equal, but for the last digit of fractions, which serde_json rounds twice.
fn same(one: &Value, other: &Value) -> bool {
    match (one, other) {
        (Value::Array(one), Value::Array(other)) => {
            one.len() == other.len() && one.iter().zip(other).all(|(a, b)| same(a, b))
        }
        (Value::Number(one), Value::Number(other)) if one.is_f64() && other.is_f64() => {
            let (one, other) = (one.as_f64().unwrap(), other.as_f64().unwrap());
            (one - other).abs() <= 2.0 * f64::EPSILON * one.abs()
        }
        _ => one == other,
    }
}

#[test]
fn the_same_texts_are_json_and_mean_the_same() {
    for text in TEXTS.iter().map(|text| text.as_bytes()) {
        assert!(is_json(text));
        for at in 0..=text.len() {
            let (before, after) = text.split_at(at);
            assert_same(before);
            let behind = after.get(1..).unwrap_or_default();
            assert_same(&[before, behind].concat());
            for byte in BYTES {
                assert_same(&[before, &[*byte], behind].concat());
                assert_same(&[before, &[*byte], after].concat());
            }
        }
    }
}
