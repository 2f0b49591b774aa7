use super::{Pair, read, write};

#[test]
fn what_is_written_is_read() {
    for pairs in [
        &[][..],
        &[("a", "b")],
        &[("", "")],
        &[("model:read", ""), ("model:write", "")],
        &[("scope", "a\0b"), ("\u{fc}", "x"), ("", "y")],
    ] {
        let bytes = write(pairs);
        let expected: Vec<Pair<'_>> = pairs
            .iter()
            .map(|(name, value)| (name.as_bytes(), value.as_bytes()))
            .collect();
        assert_eq!(read(&bytes), Some((expected, &[][..])), "{pairs:?}");
    }
}

#[test]
fn bytes_behind_the_pairs_are_told() {
    let mut bytes = write(&[("a", "b")]);
    bytes.extend(b"more");
    let (pairs, rest) = read(&bytes).unwrap();
    assert_eq!((pairs.len(), rest), (1, &b"more"[..]));
}

#[test]
fn no_beginning_of_an_encoding_is_one() {
    let bytes = write(&[("scope", "model:read"), ("", "x")]);
    for length in 0..bytes.len() {
        let part = bytes.get(..length).unwrap();
        assert_eq!(read(part), None, "{length}");
    }
}

#[test]
fn sizes_that_do_not_fit_are_none() {
    for bytes in [
        &[][..],
        &[0],
        &[0, 0, 0],
        &[1, 0, 0, 0],
        &[0xff; 4],
        &[0xff; 12],
        &[1, 0, 0, 0, 0xff, 0xff, 0xff, 0xff, 0, 0, 0, 0, 0, 0],
        &[1, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff, 0xff, 0xff, 0, 0],
        &[0, 0, 0, 0x20],
    ] {
        assert_eq!(read(bytes), None, "{bytes:?}");
    }
}
