use super::{Certificates, Shown, property_of};
use crate::config::tests::mounted;
use crate::config::{Config, PeerName};
use crate::request::{HostFacts, Property, RequestHead};

fn certificates(by: &str, principals: &str) -> Certificates {
    let text = mounted(&format!(
        r#""mtls": {{"by": "{by}", "principals": {principals}}}"#
    ));
    let config = Config::parse(text.as_bytes()).unwrap();
    Certificates::new(config.mtls.as_ref().unwrap())
}

/// The first scope of whoever has a certificate of this name.
fn scope(certificates: &Certificates, name: &str) -> Option<String> {
    certificates.caller(name)?.scopes.into_iter().next()
}

#[test]
fn the_longest_match_counts_and_a_name_before_every_pattern() {
    let all = certificates(
        "uri_san",
        r#"{"*": {"scopes": ["all"]},
            "spiffe://c/ns/ml/sa/*": {"scopes": ["ml"]},
            "spiffe://c/ns/*": {"scopes": ["ns"]},
            "spiffe://c/ns/ml/sa/t": {"scopes": ["exact"]},
            "spiffe://c/ns/ml/sa/??????*": {"scopes": ["six"]},
            "spiffe://c/*/ml/*": {"scopes": ["middle"]}}"#,
    );
    for (name, expected) in [
        ("spiffe://c/ns/ml/sa/t", "exact"),
        ("spiffe://c/ns/ml/sa/u", "ml"),
        ("spiffe://c/ns/ml/sa/trainer", "six"),
        ("spiffe://c/ns/ml/x", "middle"),
        ("spiffe://c/ns/other/x", "ns"),
        ("spiffe://d/ns/ml/sa/t", "all"),
        ("Spiffe://c/ns/ml/sa/t", "all"),
        ("spiffe://c/ns/ml/sa/t/", "ml"),
    ] {
        assert_eq!(scope(&all, name).as_deref(), Some(expected), "{name}");
    }
    let some = certificates("uri_san", r#"{"spiffe://c/ns/ml/*": {}}"#);
    for name in [
        "",
        "spiffe://c/ns/ml",
        "x-spiffe://c/ns/ml/a",
        "spiffe://c/ns/m/a",
    ] {
        assert!(some.caller(name).is_none(), "{name}");
    }
}

#[test]
fn an_entry_says_what_its_caller_may_do() {
    let all = certificates(
        "subject",
        r#"{"CN=t,O=a": {"scopes": ["model:read"], "roles": ["r"], "is_admin": true}, "CN=u,O=a": {}}"#,
    );
    let caller = all.caller("CN=t,O=a").unwrap();
    assert_eq!(caller.user_id.as_deref(), Some("CN=t,O=a"));
    assert_eq!(caller.key_id, caller.user_id);
    assert!(caller.is_admin && !caller.has_foreign_words);
    assert_eq!((caller.scopes.len(), caller.roles.len()), (1, 1));
    let nothing = all.caller("CN=u,O=a").unwrap();
    assert!(!nothing.is_admin && nothing.scopes.is_empty() && nothing.roles.is_empty());
}

/// Of a subject `CN=x\,O=acme,O=evil` or `O=evil,CN=x\,O=acme` only the whole can be compared.
#[test]
fn no_pattern_matches_a_name_with_an_escape() {
    let all = certificates(
        "subject",
        r#"{"*,O=acme": {"scopes": ["pattern"]}, "CN=x\\,O=acme": {"scopes": ["exact"]}}"#,
    );
    assert_eq!(scope(&all, "CN=t,O=acme").as_deref(), Some("pattern"));
    assert_eq!(scope(&all, r"O=evil,CN=x\,O=acme"), None);
    assert_eq!(scope(&all, r"CN=x\,O=acme").as_deref(), Some("exact"));
}

#[derive(Debug)]
struct Connection(PeerName, Property);

impl HostFacts for Connection {
    fn client_address(&self) -> Option<&str> {
        None
    }

    fn property(&self, path: &str) -> Property {
        if path == property_of(self.0) {
            self.1.clone()
        } else {
            Property::Absent
        }
    }
}

#[test]
fn the_name_is_the_one_that_is_configured() {
    let is = |bytes: &[u8]| Property::Is(bytes.to_vec());
    let name = |name: &str| Shown::Name(name.to_owned());
    for (by, connection, expected) in [
        (
            "uri_san",
            Connection(PeerName::UriSan, is(b"spiffe://A/b")),
            name("spiffe://A/b"),
        ),
        (
            "uri_san",
            Connection(PeerName::DnsSan, is(b"a.example")),
            Shown::Nothing,
        ),
        (
            "dns_san",
            Connection(PeerName::DnsSan, is(b"A.Example")),
            name("a.example"),
        ),
        (
            "subject",
            Connection(PeerName::Subject, is(b"CN=A")),
            name("CN=A"),
        ),
        (
            "subject",
            Connection(PeerName::UriSan, is(b"spiffe://a")),
            Shown::Nothing,
        ),
        (
            "subject",
            Connection(PeerName::Subject, is(b"")),
            Shown::Nothing,
        ),
        (
            "subject",
            Connection(PeerName::Subject, is(b"CN=\xff")),
            Shown::Unreadable,
        ),
        (
            "subject",
            Connection(PeerName::Subject, is(b"CN=a\0b")),
            Shown::Unreadable,
        ),
        (
            "uri_san",
            Connection(PeerName::UriSan, Property::Unreadable),
            Shown::Unreadable,
        ),
        (
            "uri_san",
            Connection(PeerName::UriSan, Property::Failed),
            Shown::HostFailed,
        ),
    ] {
        let certificates = certificates(by, r#"{"x": {}}"#);
        let head = RequestHead {
            headers: &[],
            facts: Some(&connection),
        };
        assert_eq!(certificates.shown(&head), expected, "{by} {connection:?}");
    }
    let none = RequestHead {
        headers: &[],
        facts: None,
    };
    assert_eq!(
        certificates("uri_san", r#"{"x": {}}"#).shown(&none),
        Shown::Nothing
    );
}
