//! What no record and no field may hold.

use serde_json::Value;

use super::{NOW, denied, log};
use crate::decision::Decision;
use crate::principal::Principal;
use crate::request::RequestHead;

/// A key may stand wherever a caller puts it.
#[test]
fn no_record_holds_a_key_or_user_information() {
    use base64::Engine as _;
    use base64::engine::general_purpose::STANDARD;
    let basic = format!("Basic {}", STANDARD.encode("me:hk_live_secret"));
    for (name, value, more) in [
        (":authority", "me:hk_live_secret@a", ("x", "")),
        (":authority", "hk_live_secret@a:443", ("x", "")),
        (":path", "http://me:hk_live_secret@a/b", ("x", "")),
        (":path", "//me:hk_live_secret@a/b", ("x", "")),
        (":path", "/a?api_key=hk_live_secret", ("x", "")),
        (
            ":path",
            "/hk_live_secret/a?api_key=hk_live_secret",
            ("x", ""),
        ),
        (
            "x-request-id",
            "hk_live_secret",
            ("authorization", "Bearer hk_live_secret"),
        ),
        (
            "x-request-id",
            "a-hk_live_secret-hk_live_secret",
            ("x-api-key", "hk_live_secret"),
        ),
        (
            "x-request-id",
            "hk_live_secret",
            ("X_Api_Key", "hk_live_secret"),
        ),
        (
            "x-request-id",
            "hk_live_secret",
            ("authorization", basic.as_str()),
        ),
        (
            ":path",
            "/hk_live_secret",
            ("authorization", "ApiKey hk_live_secret"),
        ),
        (
            ":method",
            "hk_live_secret",
            ("authorization", "Odd hk_live_secret,x"),
        ),
        (
            ":authority",
            "hk_live_secret",
            ("authorization", "Bearer  hk_live_secret "),
        ),
        (
            "referer",
            "https://me:hk_live_secret@a/",
            ("origin", "https://me:hk_live_secret@a"),
        ),
    ] {
        let headers = [
            (name.as_bytes(), value.as_bytes()),
            (more.0.as_bytes(), more.1.as_bytes()),
        ];
        let head = RequestHead {
            headers: &headers,
            facts: None,
        };
        let line = log(false, 9).record(NOW, &denied(), &head, || None);
        let line = line.unwrap();
        assert!(!line.contains("secret"), "{name}: {value}: {line}");
    }
}

/// Records are read in terminals.
#[test]
fn a_record_holds_nothing_that_a_terminal_acts_on() {
    let text = "a\u{1b}\u{7f}\u{85}\u{202e}\u{2066}\u{200b}\u{2028}b";
    let principal = Principal {
        key_id: Some(text.to_owned()),
        scopes: vec![text.to_owned()],
        ..Principal::default()
    };
    let decision = Decision {
        principal: Some(principal.into()),
        ..denied()
    };
    let head = RequestHead {
        headers: &[(b":path", text.as_bytes())],
        facts: None,
    };
    let mut log = log(false, 9);
    let line = log.record(NOW, &decision, &head, || None).unwrap();
    let field = String::from_utf8(log.access_log_field(&decision).unwrap().to_vec()).unwrap();
    for written in [line, field] {
        assert!(
            !written.chars().any(crate::printable::is_unprintable),
            "{written}"
        );
        let read: Value = serde_json::from_str(&written).unwrap();
        assert_eq!(read["key_id"], text);
    }
}
