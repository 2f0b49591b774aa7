//! Names, patterns, the request's header, and words that are limited.

use super::{Ambiguous, covers, is_name, is_pattern, membership, named, split};
use crate::request::{Header, RequestHead};

fn owned(texts: &[&str]) -> Vec<String> {
    texts.iter().map(|it| (*it).to_owned()).collect()
}

#[test]
fn names_are_those_of_mlflow() {
    let longest = "a".repeat(63);
    for (text, expected) in [
        ("default", true),
        ("ab", true),
        ("a1", true),
        ("1a", true),
        ("team-1", true),
        ("a--b", true),
        (&*longest, true),
        ("", false),
        ("a", false),
        ("-a", false),
        ("a-", false),
        ("Acme", false),
        ("a_b", false),
        ("a.b", false),
        ("a b", false),
        ("a/b", false),
        ("a*", false),
        ("ä1", false),
        ("ab\n", false),
        (&"a".repeat(64), false),
    ] {
        assert_eq!(is_name(text), expected, "{text:?}");
    }
}

#[test]
fn a_request_names_one_workspace_or_none() {
    let spellings: [&[u8]; 4] = [
        b"x-mlflow-workspace",
        b"x_mlflow_workspace",
        b"x.mlflow.workspace",
        b"x-mlflow_workspace",
    ];
    for name in spellings {
        for (value, expected) in [
            (&b"acme"[..], Ok(Some("acme"))),
            (b" \t acme ", Ok(Some("acme"))),
            (b"", Ok(None)),
            (b" \t", Ok(None)),
            (b"Acme", Err(Ambiguous)),
            (b"a", Err(Ambiguous)),
            (b"acme, beta", Err(Ambiguous)),
            (b"acme beta", Err(Ambiguous)),
            (b"acme/", Err(Ambiguous)),
            (b"*", Err(Ambiguous)),
            (b"\xa0acme", Err(Ambiguous)),
            (b"acme\xc2\xa0", Err(Ambiguous)),
            (b"acme\0", Err(Ambiguous)),
            (b"\x0bacme", Err(Ambiguous)),
        ] {
            let headers: [Header<'_>; 1] = [(name, value)];
            let head = RequestHead {
                headers: &headers,
                facts: None,
            };
            assert_eq!(
                named(&head),
                expected,
                "{:?}",
                value.escape_ascii().to_string()
            );
        }
        for other in spellings {
            for value in [&b"acme"[..], b""] {
                let headers: [Header<'_>; 2] = [(name, b"acme"), (other, value)];
                let head = RequestHead {
                    headers: &headers,
                    facts: None,
                };
                assert_eq!(named(&head), Err(Ambiguous));
            }
        }
    }
    let none = RequestHead {
        headers: &[],
        facts: None,
    };
    assert_eq!(named(&none), Ok(None));
}

#[test]
fn a_limit_stands_before_the_first_slash_and_colon() {
    for (word, expected) in [
        ("acme/model:write", Some(("acme", "model:write"))),
        ("acme-*/model:write", Some(("acme-*", "model:write"))),
        ("*/admin", Some(("*", "admin"))),
        ("a?/read", Some(("a?", "read"))),
        (
            "acme/model:write:fraud-*@champion",
            Some(("acme", "model:write:fraud-*@champion")),
        ),
        ("acme/a/b:c", Some(("acme", "a/b:c"))),
        ("acme//read", Some(("acme", "/read"))),
        ("model:write", None),
        ("model:write:a/b", None),
        ("/model:write", None),
        ("acme/", None),
        ("/", None),
        ("Acme/model:write", None),
        ("acme corp/read", None),
        ("https://api.example/read", None),
        ("a.b/read", None),
        ("", None),
    ] {
        assert_eq!(split(word), expected, "{word:?}");
    }
}

#[test]
fn patterns_are_those_that_a_name_can_match() {
    for (text, expected) in [
        ("acme", true),
        ("acme-*", true),
        ("*", true),
        ("??", true),
        ("", false),
        ("Acme*", false),
        ("a/b", false),
        ("a b", false),
        ("*.example", false),
    ] {
        assert_eq!(is_pattern(text), expected, "{text:?}");
    }
    assert!(covers(&owned(&["beta", "acme-*"]), "acme-dev"));
    for limit in [&[][..], &[""], &["acme"], &["Acme-*"], &["acme-?"]] {
        assert!(!covers(&owned(limit), "acme-dev"), "{limit:?}");
    }
}

#[test]
fn a_pin_alone_is_all_that_a_key_belongs_to() {
    let text = |text: &str| Some(text.to_owned());
    for (workspaces, pin, expected) in [
        (None, None, (None, None)),
        (Some(vec![]), None, (Some(vec![]), None)),
        (Some(owned(&["acme"])), None, (Some(owned(&["acme"])), None)),
        (None, text("acme"), (Some(owned(&["acme"])), text("acme"))),
        (
            Some(owned(&["a*"])),
            text("beta"),
            (Some(owned(&["a*"])), text("beta")),
        ),
        (Some(vec![]), text("acme"), (Some(vec![]), text("acme"))),
        // No workspace: nothing at all.
        (None, text(""), (Some(vec![]), None)),
        (Some(owned(&["*"])), text("Acme"), (Some(vec![]), None)),
        (
            Some(owned(&["*"])),
            text("acme\r\nx: y"),
            (Some(vec![]), None),
        ),
    ] {
        assert_eq!(membership(workspaces, pin), expected);
    }
}
