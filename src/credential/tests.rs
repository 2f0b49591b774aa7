use super::CredentialError::{Ambiguous, Malformed, Missing};
use super::{CredentialError, MAX_KEY_BYTES, extract, without_query_key};
use crate::config::CredentialKind::{self, Basic, Bearer, Query, XApiKey};
use crate::request::RequestHead;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

const DEFAULT: &[CredentialKind] = &[Bearer, XApiKey, Basic];
const ALL: &[CredentialKind] = &[Bearer, XApiKey, Basic, Query];

type Headers<'a> = &'a [(&'a str, &'a [u8])];
type Outcome = Result<String, CredentialError>;

fn key_in(headers: Headers<'_>, query: Option<&str>, kinds: &[CredentialKind]) -> Outcome {
    let headers: Vec<(&[u8], &[u8])> = headers.iter().map(|(n, v)| (n.as_bytes(), *v)).collect();
    let head = RequestHead {
        headers: &headers,
        facts: None,
    };
    extract(&head, query, kinds).map(|key| key.expose().to_owned())
}

fn authorization(value: &[u8]) -> Outcome {
    key_in(&[("authorization", value)], None, DEFAULT)
}

fn basic(user_and_password: &[u8]) -> Outcome {
    authorization(format!("Basic {}", STANDARD.encode(user_and_password)).as_bytes())
}

fn is(key: &str) -> Outcome {
    Ok(key.to_owned())
}

#[test]
fn schemes_of_authorization() {
    for (value, expected) in [
        ("Bearer K1", is("K1")),
        ("bearer K1", is("K1")),
        ("BEARER K1", is("K1")),
        ("ApiKey K1", is("K1")),
        ("apikey K1", is("K1")),
        ("Bearer    K1  ", is("K1")),
        ("  Bearer K1", is("K1")),
        ("Bearer a=b:c/d+e~", is("a=b:c/d+e~")),
        ("Bearer", Err(Malformed)),
        ("Bearer ", Err(Malformed)),
        ("BearerK1", Err(Malformed)),
        ("Bearer\tK1", Err(Malformed)),
        ("Bearer K1 K2", Err(Malformed)),
        ("Bearer K1, Bearer K2", Err(Ambiguous)),
        ("Bearer K1,Bearer K1", Err(Ambiguous)),
        ("", Err(Malformed)),
        ("K1", Err(Malformed)),
        ("Digest username=x", Err(Malformed)),
        ("Negotiate YII=", Err(Malformed)),
        ("Api-Key K1", Err(Malformed)),
    ] {
        assert_eq!(authorization(value.as_bytes()), expected, "{value:?}");
    }
}

#[test]
fn basic_takes_the_password_or_else_the_user_name() {
    for (pair, expected) in [
        ("user:K1", is("K1")),
        ("user:", is("user")),
        ("K1:", is("K1")),
        (":K1", is("K1")),
        ("user:a:b:c", is("a:b:c")),
        ("user::", is(":")),
        (":", Err(Malformed)),
        ("", Err(Malformed)),
        ("no colon", Err(Malformed)),
        ("nocolon", Err(Malformed)),
        ("user:with space", Err(Malformed)),
        ("user:pässword", Err(Malformed)),
        ("user:K1\n", Err(Malformed)),
        ("us er:K1", is("K1")),
        ("us er:", Err(Malformed)),
    ] {
        assert_eq!(basic(pair.as_bytes()), expected, "{pair:?}");
    }
    assert_eq!(basic(b"user:\xff\xfe"), Err(Malformed));
    for bad in [
        "Basic",
        "Basic ",
        "Basic !!!",
        "Basic dXNlcjpLMQ",
        "Basic dXNl cjpLMQ==",
    ] {
        assert_eq!(authorization(bad.as_bytes()), Err(Malformed), "{bad}");
    }
    assert_eq!(authorization(b"bAsIc dXNlcjpLMQ=="), is("K1"));
}

#[test]
fn keys_are_visible_ascii() {
    for byte in 0..=u8::MAX {
        let value = [b'K', byte, b'1'];
        let expected = match std::str::from_utf8(&value) {
            Ok(text) if byte.is_ascii_graphic() => is(text),
            _ => Err(Malformed),
        };
        assert_eq!(
            key_in(&[("x-api-key", &value)], None, DEFAULT),
            expected,
            "byte {byte:#x}"
        );
    }
    assert_eq!(authorization("Bearer schlüssel".as_bytes()), Err(Malformed));
    assert_eq!(authorization(b"Bearer \xff\xfe"), Err(Malformed));
    assert_eq!(authorization(b"\xff\xfe K1"), Err(Malformed));
    assert_eq!(key_in(&[("x-api-key", b"")], None, DEFAULT), Err(Malformed));
    assert_eq!(key_in(&[("x-api-key", b"  K1 ")], None, DEFAULT), is("K1"));
}

#[test]
fn keys_are_at_most_4096_bytes() {
    assert_eq!(MAX_KEY_BYTES, 4096);
    let (longest, longer) = ("k".repeat(4096), "k".repeat(4097));
    let places = |key: &str| {
        let query = format!("api_key={key}");
        [
            authorization(format!("Bearer {key}").as_bytes()),
            basic(format!("u:{key}").as_bytes()),
            key_in(&[("x-api-key", key.as_bytes())], None, DEFAULT),
            key_in(&[], Some(&query), ALL),
        ]
    };
    assert_eq!(
        places(&longest),
        [is(&longest), is(&longest), is(&longest), is(&longest)]
    );
    assert_eq!(places(&longer), [const { Err(Malformed) }; 4]);
}

#[test]
fn several_credentials() {
    let rows: &[(Headers<'_>, Option<&str>, Outcome)] = &[
        (&[], None, Err(Missing)),
        (
            &[("cookie", b"api_key=K1"), ("x-other", b"K1")],
            Some("key=K1"),
            Err(Missing),
        ),
        // The same key in two places is one key.
        (
            &[("authorization", b"Bearer K1"), ("x-api-key", b"K1")],
            None,
            is("K1"),
        ),
        (
            &[("authorization", b"Basic dTpLMQ=="), ("x-api-key", b"K1")],
            Some("api_key=K1"),
            is("K1"),
        ),
        (
            &[("x-api-key", b"K1"), ("authorization", b"Bearer K2")],
            None,
            Err(Ambiguous),
        ),
        (&[("x-api-key", b"K1")], Some("api_key=K2"), Err(Ambiguous)),
        (
            &[("authorization", b"Bearer K1")],
            Some("api_key=K2"),
            Err(Ambiguous),
        ),
        (
            &[("authorization", b"Bearer K1"), ("x-api-key", b"k1")],
            None,
            Err(Ambiguous),
        ),
        // A duplicated header has no single reading, even with one value.
        (
            &[
                ("authorization", b"Bearer K1"),
                ("authorization", b"Bearer K1"),
            ],
            None,
            Err(Ambiguous),
        ),
        (
            &[
                ("authorization", b"Bearer K1"),
                ("authorization", b"Basic dTpLMg=="),
            ],
            None,
            Err(Ambiguous),
        ),
        (
            &[("x-api-key", b"K1"), ("x-api-key", b"K2")],
            None,
            Err(Ambiguous),
        ),
        (
            &[("x-api-key", b""), ("x-api-key", b"K1")],
            None,
            Err(Ambiguous),
        ),
        (&[], Some("api_key=K1&api_key=K1"), Err(Ambiguous)),
        (&[], Some("api_key=K1&api%5Fkey=K2"), Err(Ambiguous)),
        // A good credential does not excuse a bad one.
        (
            &[("authorization", b"Digest x"), ("x-api-key", b"K1")],
            None,
            Err(Malformed),
        ),
        (
            &[("authorization", b"Bearer K1"), ("x-api-key", b"")],
            None,
            Err(Malformed),
        ),
        (
            &[("authorization", b"Bearer K1")],
            Some("api_key="),
            Err(Malformed),
        ),
    ];
    for (headers, query, expected) in rows {
        assert_eq!(
            key_in(headers, *query, ALL),
            *expected,
            "{headers:?} {query:?}"
        );
    }
}

/// An upstream may read `X_Api_Key` as `X-API-Key`: it must be the key that was judged.
#[test]
fn other_spellings_of_a_header_count_too() {
    let rows: &[(Headers<'_>, Outcome)] = &[
        (&[("x_api_key", b"K1")], is("K1")),
        (&[("X-Api_Key", b"K1")], is("K1")),
        (&[("Authorization", b"Bearer K1")], is("K1")),
        (
            &[("x-api-key", b"K1"), ("x_api_key", b"K2")],
            Err(Ambiguous),
        ),
        (
            &[("x_api_key", b"K2"), ("authorization", b"Bearer K1")],
            Err(Ambiguous),
        ),
        (&[("x.api.key", b"K1")], is("K1")),
        (
            &[("x-api-key", b"K1"), ("x.api.key", b"K2")],
            Err(Ambiguous),
        ),
        (&[("x-api-key2", b"K1"), ("xapikey", b"K1")], Err(Missing)),
    ];
    for (headers, expected) in rows {
        assert_eq!(key_in(headers, None, DEFAULT), *expected, "{headers:?}");
    }
}

#[test]
fn keys_in_the_query() {
    for (query, expected) in [
        ("api_key=K1", is("K1")),
        ("a=1&api_key=K1&b=2", is("K1")),
        ("api%5Fkey=K1", is("K1")),
        ("%61%70i_ke%79=K1", is("K1")),
        ("api_key=K%31", is("K1")),
        ("api_key=a%2Bb", is("a+b")),
        ("api_key=a=b", is("a=b")),
        ("api_key", Err(Malformed)),
        ("api_key=", Err(Malformed)),
        ("api_key=a+b", Err(Malformed)),
        ("api_key=%0d%0a", Err(Malformed)),
        ("api_key=%ff", Err(Malformed)),
        ("API_KEY=K1", Err(Missing)),
        ("api-key=K1", Err(Missing)),
        ("my_api_key=K1", Err(Missing)),
        ("api_keys=K1", Err(Missing)),
        ("", Err(Missing)),
    ] {
        assert_eq!(key_in(&[], Some(query), ALL), expected, "{query}");
        assert_eq!(
            key_in(&[], Some(query), DEFAULT),
            Err(Missing),
            "{query} is off by default"
        );
    }
}

#[test]
fn only_configured_kinds_count() {
    let rows: &[(&[CredentialKind], &str, &[u8], Outcome)] = &[
        (&[Bearer], "authorization", b"Bearer K1", is("K1")),
        (
            &[Bearer],
            "authorization",
            b"Basic dTpLMQ==",
            Err(Malformed),
        ),
        (&[Bearer], "x-api-key", b"K1", Err(Missing)),
        (&[Basic], "authorization", b"Basic dTpLMQ==", is("K1")),
        (&[Basic], "authorization", b"Bearer K1", Err(Malformed)),
        (&[Basic], "authorization", b"ApiKey K1", Err(Malformed)),
        (&[XApiKey], "x-api-key", b"K1", is("K1")),
        (&[XApiKey], "authorization", b"Bearer K1", Err(Missing)),
        (&[Query], "authorization", b"Bearer K1", Err(Missing)),
    ];
    for (kinds, name, value, expected) in rows {
        let found = key_in(&[(name, value)], None, kinds);
        assert_eq!(
            found,
            *expected,
            "{kinds:?} {name}: {}",
            value.escape_ascii()
        );
    }
}

#[test]
fn a_key_in_the_query_is_stripped() {
    for (target, stripped) in [
        ("/a?api_key=K1", Some("/a")),
        ("/a?api_key=K1&b=2", Some("/a?b=2")),
        ("/a?b=2&api_key=K1", Some("/a?b=2")),
        ("/a?b=2&api_key=K1&c=%20+3&", Some("/a?b=2&c=%20+3&")),
        ("/a?api%5Fkey=K1&b", Some("/a?b")),
        ("/a?api_key=K1&x=1&%61pi_key=K2", Some("/a?x=1")),
        ("/a?api_key", Some("/a")),
        ("/a?api_key=K1?c=d", Some("/a")),
        ("/a?&api_key=K1", Some("/a?")),
        ("/a", None),
        ("/a?", None),
        ("/a?b=api_key", None),
        ("/a?my_api_key=1&API_KEY=2", None),
        ("/api_key=K1", None),
    ] {
        assert_eq!(without_query_key(target).as_deref(), stripped, "{target}");
    }
}

#[test]
fn debug_hides_the_key() {
    let headers: [(&[u8], &[u8]); 1] = [(b"x-api-key", b"hk_live_secret")];
    let head = RequestHead {
        headers: &headers,
        facts: None,
    };
    let key = extract(&head, None, DEFAULT);
    assert!(key.is_ok());
    assert_eq!(format!("{key:?}"), "Ok(ApiKey(hidden))");
    assert!(!format!("{key:#?}").contains("secret"));
}
