//! Permissions as text.

use super::Permission;

#[test]
fn permissions_are_read_and_written() {
    for text in [
        "*:*",
        "*:read",
        "run:*",
        "registered_model:promote",
        "mcp_server:admin",
    ] {
        assert_eq!(text.parse::<Permission>().unwrap().to_string(), text);
    }
    for (text, says) in [
        ("", "object:access"),
        ("run", "object:access"),
        (
            "rum:read",
            "\"rum\" is not an object; write one of *, artifact, ",
        ),
        (
            "run:wriet",
            "\"wriet\" is not an access; write one of *, read, write, promote, delete, use, admin",
        ),
        ("run:", "\"\" is not an access"),
        (":read", "\"\" is not an object"),
        ("run:read:write", "\"read:write\" is not an access"),
        ("Run:read", "\"Run\" is not an object"),
        (" run:read", "\" run\" is not an object"),
        ("**:read", "is not an object"),
    ] {
        let error = text.parse::<Permission>().unwrap_err().to_string();
        assert!(error.contains(says), "{text:?}: {error}");
    }
}
