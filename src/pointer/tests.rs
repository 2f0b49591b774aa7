use super::{Pointer, Pointers, index};
use crate::json;

fn tokens(text: &str) -> Option<Vec<String>> {
    let pointer = Pointer::parse(text)?;
    assert_eq!(pointer.as_str(), text);
    Some(pointer.tokens().map(str::to_owned).collect())
}

/// The examples of RFC 6901 section 5, and what is none.
#[test]
fn pointers_are_those_of_the_rfc() {
    for (text, expected) in [
        ("/foo", &["foo"][..]),
        ("/foo/0", &["foo", "0"]),
        ("/", &[""]),
        ("//", &["", ""]),
        ("/a~1b", &["a/b"]),
        ("/c%d", &["c%d"]),
        ("/i\\j", &["i\\j"]),
        ("/k\"l", &["k\"l"]),
        ("/ ", &[" "]),
        ("/m~0n", &["m~n"]),
        ("/~01", &["~1"]),
        ("/~10", &["/0"]),
        ("/~0~1", &["~/"]),
        ("/realm_access/roles", &["realm_access", "roles"]),
        (
            "/https:~1~1mlflow.example~1scopes",
            &["https://mlflow.example/scopes"],
        ),
        ("/é~0", &["é~"]),
    ] {
        assert_eq!(tokens(text).unwrap(), expected, "{text}");
    }
    for text in [
        "", "foo", "#/foo", "$.foo", " /foo", "/~", "/~2", "/a~", "/~é", "/a/~/b",
    ] {
        assert_eq!(tokens(text), None, "{text}");
    }
    assert!(tokens(&format!("/{}", "a".repeat(511))).is_some());
    assert_eq!(tokens(&format!("/{}", "a".repeat(512))), None);
}

#[test]
fn an_element_is_named_by_digits_without_leading_zeros() {
    for (token, expected) in [
        ("0", Some(0)),
        ("7", Some(7)),
        ("10", Some(10)),
        ("00", None),
        ("01", None),
        ("-", None),
        ("-1", None),
        ("+1", None),
        ("1 ", None),
        ("1e0", None),
        ("", None),
        ("٣", None),
        ("99999999999999999999999", None),
    ] {
        assert_eq!(index(token), expected, "{token}");
    }
}

#[test]
fn a_configuration_has_one_or_several() {
    let read = |text: &str| json::read::<Pointers>(text.as_bytes());
    for (text, expected) in [
        (r#""/sub""#, &["/sub"][..]),
        (r#"["/scope", "/scp"]"#, &["/scope", "/scp"]),
        ("[]", &[]),
    ] {
        let pointers = read(text).unwrap();
        let texts: Vec<&str> = pointers.iter().map(Pointer::as_str).collect();
        assert_eq!(texts, expected, "{text}");
        assert_eq!(pointers.is_empty(), expected.is_empty());
        assert_eq!(pointers, expected.iter().copied().collect());
    }
    let many: Vec<String> = (0..17).map(|number| format!("\"/{number}\"")).collect();
    for (text, said) in [
        (
            r#""sub""#.to_owned(),
            "\"sub\" must be a JSON Pointer such as",
        ),
        (
            r#"["/a", "b"]"#.to_owned(),
            "\"b\" must be a JSON Pointer such as",
        ),
        (r#"["/a", "/a"]"#.to_owned(), "\"/a\" is duplicated"),
        (format!("[{}]", many.join(", ")), "at most 16"),
        ("null".to_owned(), "expected a JSON Pointer such as"),
        (
            r#"{"0": "/a"}"#.to_owned(),
            "expected a JSON Pointer such as",
        ),
    ] {
        let (_, problem) = read(&text).unwrap_err().into_parts();
        assert!(problem.to_string().contains(said), "{text}: {problem}");
    }
}

#[test]
fn the_first_place_that_has_a_value_counts() {
    let pointers: Pointers = ["/a", "/b", "/c"].into_iter().collect();
    let first = |values: &[(&str, Result<Option<u8>, ()>)]| {
        let mut asked = 0;
        let found = pointers.first(|pointer| {
            asked += 1;
            let found = values.iter().find(|(name, _)| *name == pointer.as_str());
            found.map_or(Ok(None), |(_, value)| *value)
        });
        (found, asked)
    };
    assert_eq!(
        first(&[("/b", Ok(Some(2))), ("/c", Ok(Some(3)))]),
        (Ok(Some(2)), 2)
    );
    assert_eq!(first(&[("/c", Ok(Some(3)))]), (Ok(Some(3)), 3));
    assert_eq!(first(&[]), (Ok(None), 3));
    assert_eq!(first(&[("/a", Err(())), ("/b", Ok(Some(2)))]), (Err(()), 1));
}
