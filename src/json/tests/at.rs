use super::super::Document;
use super::super::document::MAX_DEPTH;
use super::nested;
use crate::pointer::Pointer;

/// What stands there as text, or as it is named.
fn at(text: &str, pointer: &str) -> Result<Option<String>, String> {
    let document = Document::parse(text.as_bytes()).unwrap();
    let found = document.at(&Pointer::parse(pointer).unwrap());
    let found = found.map_err(|error| error.into_parts().1.to_string())?;
    let read = found.map(|found| {
        assert_eq!(found.is_null(), pointer == "/null");
        found
            .read::<String>()
            .unwrap_or_else(|error| error.into_parts().1.to_string())
    });
    Ok(read)
}

#[test]
fn a_value_is_found_by_its_names() {
    let text = r#"{"a": "1", "b": {"c": [{"d": "2"}, "3"], "c~/": "4", "": "5"}, "n\u0061me": "6", "null": null, "f": false}"#;
    for (pointer, expected) in [
        ("/a", Some("1")),
        ("/b/c/0/d", Some("2")),
        ("/b/c/1", Some("3")),
        ("/b/c~0~1", Some("4")),
        ("/b/", Some("5")),
        ("/name", Some("6")),
        ("/f", Some("expected a string, found false")),
        ("/b/c", Some("expected a string, found a list")),
        ("/null", Some("expected a string, found null")),
        ("/null/x", None),
        ("/A", None),
        ("/b/c/2", None),
        ("/b/c/d", None),
        ("/a/0", None),
        ("/f/x", None),
        ("/nothing/x", None),
    ] {
        assert_eq!(at(text, pointer).unwrap().as_deref(), expected, "{pointer}");
    }
}

#[test]
fn a_name_that_is_duplicated_on_the_way_is_an_error() {
    let text = r#"{"a": {"x": "1", "y": "2"}, "\u0061": {"x": "1"}, "b": {"c": "1", "c": "1"}, "d": "3", "e": "1", "e": null}"#;
    for (pointer, expected) in [
        ("/a", Err("is duplicated")),
        ("/a/y", Err("is duplicated")),
        ("/b/c", Err("is duplicated")),
        ("/e", Err("is duplicated")),
        // What is not on the way does not count.
        ("/d", Ok(Some("3"))),
    ] {
        let found = at(text, pointer);
        let found = found.as_ref().map(Option::as_deref).map_err(String::as_str);
        assert_eq!(found, expected, "{pointer}");
    }
}

#[test]
fn what_cannot_be_read_on_the_way_is_an_error() {
    let unpaired = r#"{"\ud800": 1, "a": "1"}"#;
    assert!(at(unpaired, "/a").unwrap_err().contains("surrogate"));
    let deep = nested(MAX_DEPTH + 2);
    let names = "/0".repeat(MAX_DEPTH);
    assert!(
        at(&deep, &names)
            .unwrap()
            .is_some_and(|it| it.contains("too deeply"))
    );
    let names = "/0".repeat(MAX_DEPTH + 1);
    assert_eq!(at(&deep, &names), Err("is nested too deeply".to_owned()));
}
