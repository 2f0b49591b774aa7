use super::{deserialize, find, pairs, serialize};

#[test]
fn maps_survive_the_journey() {
    let map = pairs(&[(":path", "/"), ("a", ""), ("a", "2")]);
    let bytes = serialize(&map);
    assert_eq!(deserialize(&bytes), Some(map.clone()));
    assert_eq!(find(&map, "a"), Some(&b""[..]));
    assert_eq!(find(&map, "b"), None);
    for size in 0..bytes.len() {
        assert_eq!(deserialize(&bytes[..size]), None, "{size}");
    }
}

#[test]
fn the_bytes_of_the_specification() {
    let bytes = b"\x01\0\0\0\x02\0\0\0\x03\0\0\0ab\0xyz\0";
    assert_eq!(serialize(&pairs(&[("ab", "xyz")])), bytes);
    assert!(serialize(&[]).is_empty());
}
