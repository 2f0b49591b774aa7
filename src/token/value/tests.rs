use std::time::Duration;

use super::{flag, grants, id, list, number, text, texts, time, words};
use crate::pairs;
use crate::principal::Grant;

/// A list as the host hands it over.
fn encoded(elements: &[&str]) -> Vec<u8> {
    let pairs: Vec<(&str, &str)> = elements.iter().map(|it| (*it, "")).collect();
    pairs::write(&pairs)
}

fn bytes_of(number: f64) -> Vec<u8> {
    number.to_le_bytes().to_vec()
}

fn owned(words: &[&str]) -> Option<Vec<String>> {
    Some(words.iter().map(|it| (*it).to_owned()).collect())
}

#[test]
fn text_has_no_control_byte() {
    for (bytes, expected) in [
        (&b""[..], Some("")),
        (b"alice", Some("alice")),
        ("\u{fc}".as_bytes(), Some("\u{fc}")),
        (b"a b", Some("a b")),
        (b"\x01", None),
        (b"a\0", None),
        (b"a\nb", None),
        (b"a\x7f", None),
        (b"\xff", None),
    ] {
        assert_eq!(text(bytes), expected, "{}", bytes.escape_ascii());
    }
    assert_eq!(text(&encoded(&["a"])), None);
    assert_eq!(text(&encoded(&[])), None);
    assert_eq!(text(&bytes_of(1_700_000_000.0)), None);
}

#[test]
fn numbers_and_times_are_eight_bytes() {
    assert_eq!(number(&bytes_of(-1.5)), Some(-1.5));
    for bytes in [
        &b""[..],
        &[0; 7],
        &[0; 9],
        &f64::NAN.to_le_bytes(),
        &f64::INFINITY.to_le_bytes(),
    ] {
        assert_eq!(number(bytes), None, "{bytes:?}");
    }
    for (seconds, expected) in [
        (0.0, Some(Duration::ZERO)),
        (1_700_000_000.0, Some(Duration::from_secs(1_700_000_000))),
        (1.5, Some(Duration::from_millis(1500))),
        (
            253_402_300_799.0,
            Some(Duration::from_secs(253_402_300_799)),
        ),
        (253_402_300_800.0, None),
        (1e300, None),
        (-1.0, None),
    ] {
        assert_eq!(time(&bytes_of(seconds)), expected, "{seconds}");
    }
}

#[test]
fn a_flag_is_one_byte() {
    for (bytes, expected) in [
        (&[1][..], Some(true)),
        (&[0], Some(false)),
        (&[2], None),
        (b"true", None),
        (b"1", None),
        (b"", None),
        (&[1, 0], None),
    ] {
        assert_eq!(flag(bytes), expected, "{bytes:?}");
    }
}

#[test]
fn an_id_is_text_or_a_whole_number() {
    for (bytes, expected) in [
        (b"u1".to_vec(), Some("u1")),
        (b"".to_vec(), Some("")),
        (bytes_of(42.0), Some("42")),
        (bytes_of(-7.0), Some("-7")),
        (bytes_of(9_007_199_254_740_991.0), Some("9007199254740991")),
        (bytes_of(9_007_199_254_740_993.0), None),
        (bytes_of(1.5), None),
        (vec![1], None),
        (encoded(&["u1"]), None),
        (b"u\n1".to_vec(), None),
    ] {
        assert_eq!(id(&bytes).as_deref(), expected, "{bytes:?}");
    }
}

#[test]
fn lists_are_of_texts() {
    for (bytes, as_words, as_texts) in [
        (encoded(&[]), owned(&[]), owned(&[])),
        (
            encoded(&["a", "b c"]),
            owned(&["a", "b c"]),
            owned(&["a", "b c"]),
        ),
        (b"a  b".to_vec(), owned(&["a", "b"]), None),
        (b"".to_vec(), owned(&[]), None),
        (encoded(&["a\nb"]), None, None),
        (pairs::write(&[("a", "b")]), None, None),
        (bytes_of(5.0), None, None),
        (vec![1], None, None),
        ([encoded(&["a"]), vec![0]].concat(), None, None),
    ] {
        assert_eq!(words(&bytes), as_words, "{bytes:?}");
        assert_eq!(texts(&bytes), as_texts, "{bytes:?}");
    }
    let nested = pairs::write(&[(encoded(&["a"]), Vec::new())]);
    assert_eq!(words(&nested), None);
    assert_eq!(list(&nested).unwrap(), [encoded(&["a"])]);
}

#[test]
fn grants_are_a_list_of_objects() {
    let names = encoded(&["fraud-*", "x@y"]);
    let grant = |fields: &[(&[u8], &[u8])]| {
        let grant = pairs::write(fields);
        grants(&pairs::write(&[(grant, Vec::new())]))
    };
    let whole = grant(&[(b"scope", b"model:write"), (b"names", &names)]);
    let expected = Grant {
        scope: "model:write".to_owned(),
        names: Some(vec!["fraud-*".to_owned(), "x@y".to_owned()]),
        workspaces: None,
    };
    assert_eq!(whole, Some(vec![expected.clone()]));
    let more = grant(&[
        (b"names", &names),
        (b"more", b"\x01"),
        (b"scope", b"model:write"),
    ]);
    assert_eq!(more, Some(vec![expected]));
    assert_eq!(grants(&encoded(&[])), Some(Vec::new()));
    for fields in [
        &[(&b"scope"[..], &b"model:write"[..])][..],
        &[(b"names", &names)],
        &[(b"scope", b"a"), (b"scope", b"b"), (b"names", &names)],
        &[(b"scope", b"\x01"), (b"names", &names)],
        &[(b"scope", b"a"), (b"names", b"fraud-*")],
    ] {
        assert_eq!(grant(fields), None, "{fields:?}");
    }
    assert_eq!(grants(&encoded(&["model:write"])), None);
    assert_eq!(grants(b"model:write"), None);
}
