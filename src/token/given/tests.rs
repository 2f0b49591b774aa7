use super::GivenFacts;
use crate::config::PeerName;
use crate::request::{HostFacts as _, Property};

#[test]
fn claims_are_handed_over_as_a_host_does() {
    let claims = br#"{"sub": "alice", "exp": 1.5, "admin": true, "none": null, "list": ["a", "b"], "empty": [],
                      "realm": {"roles": ["r"]}, "holds": [null], "twice": 1, "twice": 2, "a/b": "slash", "t": ""}"#;
    let facts = GivenFacts::default()
        .with_claims("payload", claims)
        .unwrap();
    let is = |bytes: &[u8]| Property::Is(bytes.to_vec());
    for (path, expected) in [
        ("payload\0sub", is(b"alice")),
        ("payload\0t", is(b"")),
        ("payload\0exp", is(&1.5_f64.to_le_bytes())),
        ("payload\0admin", is(&[1])),
        ("payload\0none", Property::Unreadable),
        (
            "payload\0list",
            is(b"\x02\0\0\0\x01\0\0\0\0\0\0\0\x01\0\0\0\0\0\0\0a\0\0b\0\0"),
        ),
        ("payload\0list\x001", is(b"b")),
        ("payload\0list\x002", Property::Absent),
        ("payload\0empty", is(&[0; 4])),
        ("payload\0realm\0roles\x000", is(b"r")),
        ("payload\0sub\x000", Property::Absent),
        ("payload\0holds", Property::Unreadable),
        ("payload\0twice", Property::Unreadable),
        ("payload\0a/b", is(b"slash")),
        ("payload\0nothing", Property::Absent),
        // The whole of it holds null.
        ("payload", Property::Unreadable),
        ("issuer\0sub", Property::Absent),
        ("payload2\0sub", Property::Absent),
    ] {
        let path = format!("metadata\0filter_metadata\0envoy.filters.http.jwt_authn\0{path}");
        assert_eq!(facts.property(&path), expected, "{path:?}");
    }
    assert_eq!(
        facts.property("connection\0uri_san_peer_certificate"),
        Property::Absent
    );
    assert_eq!(facts.client_address(), None);
}

#[test]
fn a_certificate_has_the_name_that_was_given() {
    let facts = GivenFacts::default()
        .with_certificate(PeerName::UriSan, "spiffe://a/b")
        .with_client_address("192.0.2.1");
    let expected = Property::Is(b"spiffe://a/b".to_vec());
    assert_eq!(
        facts.property("connection\0uri_san_peer_certificate"),
        expected
    );
    assert_eq!(
        facts.property("connection\0dns_san_peer_certificate"),
        Property::Absent
    );
    assert_eq!(facts.client_address(), Some("192.0.2.1"));
}

#[test]
fn claims_are_an_object_and_shown_to_nobody() {
    for text in ["", "[]", "secret", r#"{"secret""#] {
        let error = GivenFacts::default().with_claims("payload", text.as_bytes());
        let error = error.expect_err(text);
        assert!(!error.contains("secret"), "{error}");
    }
    let facts = GivenFacts::default()
        .with_claims("payload", br#"{"sub": "secret"}"#)
        .unwrap();
    let shown = format!("{facts:?} {:?}", Property::Is(b"secret".to_vec()));
    assert_eq!(shown, "GivenFacts(hidden) Is(hidden)");
}
