//! Keys files that cannot be used.

use std::path::Path;

use super::super::keys::Keys;
use super::TempFile;
use crate::error::StartError;

fn defect(file: &Path) -> String {
    let error = Keys::read(file, None).err().expect("a defect");
    StartError::from(error).to_string()
}

#[test]
fn a_bad_file_is_named_with_its_field_and_without_a_key() {
    let cases = [
        (
            "",
            " is not JSON: EOF while parsing a value at line 1 column 0; write {",
        ),
        (
            "hk_live_secret",
            " is not JSON: expected value at line 1 column 1; write {",
        ),
        ("{}", " has no field keys; write {"),
        (r#"["hk_live_secret"]"#, " has no field keys; write {"),
        (
            r#"{"keys": {"hk_live_secret": {}}}"#,
            ": keys is not a list; write {",
        ),
        (
            r#"{"keys": ["hk_live_secret"]}"#,
            r#": keys[0] is not an object; make keys[0] an object such as {"key": "…", "scopes": […]}"#,
        ),
        (
            r#"{"keys": [{"key": "a"}, {"kye": "hk_live_secret"}]}"#,
            ": keys[1] has no field key; add keys[1].key",
        ),
        (
            r#"{"keys": [{"key": 7}]}"#,
            ": keys[0].key is not text that a header can carry; use visible ASCII characters, no spaces",
        ),
        (
            r#"{"keys": [{"key": ""}]}"#,
            ": keys[0].key is not text that a header can carry; ",
        ),
        (
            r#"{"keys": [{"key": "hk_live_secret\n"}]}"#,
            ": keys[0].key is not text that a header can carry; ",
        ),
        (
            r#"{"keys": [{"key": "hk_live_secret"}, {"key": "a"}, {"key": "hk_live_secret"}]}"#,
            ": keys[2].key is the same as keys[0].key; remove one of the two entries",
        ),
        (
            r#"{"keys": [{"key": "a", "status": 99}]}"#,
            ": keys[0].status is not a whole number from 200 to 599; name the status to answer",
        ),
        (
            r#"{"keys": [{"key": "a", "status": "403"}]}"#,
            ": keys[0].status is not a whole number from 200 to 599; ",
        ),
        (
            r#"{"keys": [{"key": "a", "retry_after": null}]}"#,
            ": keys[0].retry_after is neither a number nor text for a header; give the seconds",
        ),
        (
            r#"{"keys": [{"key": "a", "retry_after": "7\n"}]}"#,
            ": keys[0].retry_after is neither a number nor text for a header; ",
        ),
        (
            r#"{"keys": [{"key": "a", "cache_control": 30}]}"#,
            ": keys[0].cache_control is not text for a header; write a text such as",
        ),
        (
            r#"{"keys": [{"key": "a", "cache_control": "max-age=1\r\n"}]}"#,
            ": keys[0].cache_control is not text for a header; ",
        ),
    ];
    for (text, said) in cases {
        let file = TempFile::new(text);
        let defect = defect(file.path());
        let start = format!("the keys file {}{said}", file.path().display());
        assert!(defect.starts_with(&start), "{text}: {defect}");
        assert!(!defect.contains("secret"), "{text}: {defect}");
    }
}

#[test]
fn an_unreadable_file_is_named() {
    let defect = defect(Path::new("/nowhere/keys.json"));
    assert!(
        defect.starts_with("cannot read the keys file /nowhere/keys.json: No such file")
            && defect.ends_with("; give --keys a file that can be read"),
        "{defect}"
    );
    let not_utf8 = TempFile::new(b"{\"keys\": \"\xff\"}");
    assert!(self::defect(not_utf8.path()).contains("is not JSON"));
}

#[test]
fn no_keys_are_a_file_too() {
    let file = TempFile::new(r#"{"keys": []}"#);
    assert!(Keys::read(file.path(), None).is_ok_and(|keys| keys.get("a").is_none()));
}
