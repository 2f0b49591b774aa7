//! Keys that are made and read.
#![allow(clippy::unwrap_used)]

use std::time::{Duration, SystemTime};

use mlflow_authz::Config;
use serde_json::{Value, json};

use super::{NewArgs, digest_of, new, note_on_scopes};

const NOW: Duration = Duration::from_secs(1_793_000_000);

fn args() -> NewArgs {
    NewArgs {
        key_id: "ci".to_owned(),
        user_id: "ci-bot".to_owned(),
        scopes: vec!["model:write".to_owned(), "gateway:use".to_owned()],
        prefix: "mk_".to_owned(),
        expires: None,
    }
}

fn made(args: &NewArgs) -> Value {
    let text = new(args, [7; 32], SystemTime::UNIX_EPOCH + NOW).unwrap();
    serde_json::from_str(&text).unwrap()
}

fn refused(args: &NewArgs) -> String {
    let made = new(args, [7; 32], SystemTime::UNIX_EPOCH + NOW);
    made.unwrap_err().to_string()
}

#[test]
fn a_new_key_comes_with_the_entry_that_knows_it() {
    let made = made(&args());
    let key = made["key"].as_str().unwrap();
    assert_eq!(key, "mk_BwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwc");
    let digest = digest_of(key.as_bytes()).unwrap().to_string();
    let expected = json!({
        "sha256": digest, "key_id": "ci", "user_id": "ci-bot", "scopes": ["model:write", "gateway:use"],
    });
    assert_eq!(made["entry"], expected);
}

#[test]
fn the_filter_takes_the_entry() {
    let expiring = NewArgs {
        expires: Some("90d".parse().unwrap()),
        ..args()
    };
    for args in [args(), expiring] {
        let entry = &made(&args)["entry"];
        let text = json!({"mounts": ["/"], "keys": [entry]}).to_string();
        let config = Config::parse(text.as_bytes()).unwrap();
        let ends = args.expires.map(|after| NOW + *after);
        assert_eq!(config.keys.first().unwrap().expires_at, ends);
    }
}

#[test]
fn what_cannot_be_an_entry_is_refused() {
    for (args, problem) in [
        (
            NewArgs {
                key_id: " ".to_owned(),
                ..args()
            },
            "--key-id is empty; ",
        ),
        (
            NewArgs {
                user_id: String::new(),
                ..args()
            },
            "--user-id is empty; ",
        ),
        (
            NewArgs {
                scopes: vec![String::new()],
                ..args()
            },
            "--scopes has an empty scope",
        ),
        (
            NewArgs {
                scopes: vec![" a".to_owned()],
                ..args()
            },
            "--scopes has an empty scope",
        ),
        (
            NewArgs {
                scopes: vec!["model:read model:write".to_owned()],
                ..args()
            },
            "--scopes has an empty scope, or one with a space in it; write scopes separated by commas",
        ),
        (
            NewArgs {
                expires: Some("999ms".parse().unwrap()),
                ..args()
            },
            "--expires is less than a second",
        ),
        (
            NewArgs {
                prefix: "a,b".to_owned(),
                ..args()
            },
            "--prefix must be ",
        ),
        (
            NewArgs {
                prefix: "a b".to_owned(),
                ..args()
            },
            "--prefix must be ",
        ),
        (
            NewArgs {
                expires: Some("9000years".parse().unwrap()),
                ..args()
            },
            "--expires is beyond the year 9999; ",
        ),
    ] {
        let shown = refused(&args);
        assert!(shown.starts_with(problem), "{shown}");
    }
}

#[test]
fn scopes_of_no_table_are_named() {
    let note = |scopes: &[&str]| {
        let scopes: Vec<String> = scopes.iter().map(|it| (*it).to_owned()).collect();
        note_on_scopes(&scopes)
    };
    assert_eq!(note(&["model:read", "model:write:fraud-*", "admin"]), None);
    let told = note(&["model:reed", "model:read", "lead"]).unwrap();
    assert!(told.contains("table: model:reed, lead;"), "{told}");
}

#[test]
fn a_digest_is_that_of_sha256sum() {
    let expected = "31a2c58b93a06686";
    let digest = digest_of(&b"mk_0123456789abcdefghij\n"[..])
        .unwrap()
        .to_string();
    assert_eq!(digest.len(), 64);
    for text in ["mk_0123456789abcdefghij", "mk_0123456789abcdefghij\r\n"] {
        assert_eq!(digest_of(text.as_bytes()).unwrap().to_string(), digest);
    }
    assert_eq!(digest.get(..16).unwrap(), expected);
}

#[test]
fn a_short_or_odd_key_is_refused_and_not_repeated() {
    let long = "x".repeat(5000);
    for (text, problem) in [
        ("hunter2", "the key has 7 characters"),
        ("", "the key has 0 characters"),
        ("mk_123456789012345678", "the key has 21 characters"),
        (
            "two words that are long enough",
            "the text on stdin is not a key",
        ),
        (
            "one-line-that-is-long\nand-another",
            "the text on stdin is not a key",
        ),
        (
            "schlüssel-der-lang-genug-ist",
            "the text on stdin is not a key",
        ),
        (long.as_str(), "the text on stdin is not a key"),
    ] {
        let shown = digest_of(text.as_bytes()).unwrap_err().to_string();
        assert!(shown.starts_with(problem), "{shown}");
        assert!(text.is_empty() || !shown.contains(text), "{shown}");
    }
}
