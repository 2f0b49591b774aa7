use serde_json::json;

use super::get;
use crate::status::{NOT_FOUND, SERIALIZATION_FAILURE};

#[test]
fn values_by_their_paths() {
    let metadata = json!({"a": {"text": "x", "flag": true, "number": 1.5, "list": ["b", ""], "none": [], "null": null,
                                "holds": {"null": null}, "object": {"b": "c"}}});
    let list = b"\x02\0\0\0\x01\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0b\0\0\0\0";
    for (path, expected) in [
        (&b"a\0text"[..], Ok(b"x".to_vec())),
        (b"a\0text\0", Ok(b"x".to_vec())),
        (b"a\0flag", Ok(vec![1])),
        (b"a\0number", Ok(1.5_f64.to_le_bytes().to_vec())),
        (b"a\0list", Ok(list.to_vec())),
        (b"a\0list\x001", Ok(Vec::new())),
        (b"a\0list\x002", Err(NOT_FOUND)),
        (b"a\0none", Ok(vec![0; 4])),
        (b"a\0null", Err(SERIALIZATION_FAILURE)),
        (b"a\0holds", Err(SERIALIZATION_FAILURE)),
        (b"a", Err(SERIALIZATION_FAILURE)),
        (
            b"a\0object",
            Ok(b"\x01\0\0\0\x01\0\0\0\x01\0\0\0b\0c\0".to_vec()),
        ),
        (b"a\0text\x000", Err(NOT_FOUND)),
        (b"a\0absent", Err(NOT_FOUND)),
        (b"b", Err(NOT_FOUND)),
    ] {
        assert_eq!(get(&metadata, path), expected, "{}", path.escape_ascii());
    }
}
