use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};

use super::{is_token_of, looks_like_token};
use crate::request::{HostFacts as _, Property};
use crate::token::GivenFacts;

const HEADER: &str = r#"{"alg":"RS256","typ":"JWT"}"#;

fn token(header: &str, payload: &str) -> String {
    let part = |text: &str| URL_SAFE_NO_PAD.encode(text);
    format!("{}.{}.c2lnbmF0dXJl", part(header), part(payload))
}

#[test]
fn a_token_has_three_parts_of_which_the_first_is_an_object() {
    let plain = token(HEADER, "{}");
    let of = |header: &[u8]| format!("{}.e30.c2ln", URL_SAFE_NO_PAD.encode(header));
    for key in [
        plain.clone(),
        token(HEADER, "no JSON"),
        token("{}", ""),
        // Unsecured: nothing is signed.
        plain.replace(".c2lnbmF0dXJl", "."),
        // To some readers these are tokens, too.
        of(br#" {"alg" : "none"} "#),
        of(b"{ }"),
        of(b"{\"alg\": NaN}"),
        of(b"\xef\xbb\xbf{\"alg\": 1}"),
        of(b"\0{\0\"\0a\0"),
        of(b"{\"alg\": 1}\0"),
        of(br#"{"a": 1, "a": 2}"#),
        of(br#"{"a": "\ud800"}"#),
        of(br#"{"alg": "none""#),
        format!("{}.e30.c2ln", STANDARD.encode(r#"{"a":"??>>"}"#)),
        format!("{}.e30.c2ln", STANDARD.encode(r#"{"a":"?"}"#)),
        format!("!{}", plain.replace("eyJ", "e!yJ")),
        format!("={plain}"),
        plain.replace('.', ".+/="),
        format!("{plain}.more.parts"),
    ] {
        assert!(looks_like_token(&key), "{key}");
    }
    for key in [
        of(b"[]"),
        of(b"{"),
        of(b"{a"),
        of(b"{'alg': 'none'}"),
        of(b"\"a\""),
        of(b""),
        plain.replace('.', ""),
        plain.replacen('.', "", 1),
        "hk_live_abc".to_owned(),
        "hk.live.abc".to_owned(),
        "ex.live.abc".to_owned(),
        "e2.live.abc".to_owned(),
        "eyes.live.abc".to_owned(),
        "a.b".to_owned(),
        "..".to_owned(),
        String::new(),
    ] {
        assert!(!looks_like_token(&key), "{key}");
    }
}

fn is_same(shown: &str, verified: &str) -> bool {
    let facts = GivenFacts::default();
    let facts = facts.with_claims("payload", verified.as_bytes()).unwrap();
    let claims = "metadata\0filter_metadata\0envoy.filters.http.jwt_authn\0payload\0";
    is_token_of(&token(HEADER, shown), |name| {
        facts.property(&format!("{claims}{name}"))
    })
}

#[test]
fn a_shown_token_is_the_verified_one_where_all_that_names_it_is_the_same() {
    let verified = r#"{"iss": "https://idp", "sub": "alice", "aud": ["mlflow", "b"], "exp": 1700000000, "iat": 1699990000,
                       "jti": "1", "scope": "model:read"}"#;
    assert!(is_same(verified, verified));
    // What is not compared may differ: it is not believed.
    let other_scope = verified.replace("model:read", "mlflow:admin");
    assert!(is_same(&other_scope, verified));
    for (from, to) in [
        ("https://idp", "https://other"),
        ("alice", "mallory"),
        (r#"["mlflow", "b"]"#, r#"["mlflow"]"#),
        (r#"["mlflow", "b"]"#, r#""mlflow""#),
        (r#"["mlflow", "b"]"#, r#"["b", "mlflow"]"#),
        ("1700000000", "1700000001"),
        ("1700000000", r#""1700000000""#),
        ("1699990000", "1699990001"),
        (r#""jti": "1""#, r#""jti": "2""#),
        (r#""jti": "1""#, r#""jti": null"#),
        (r#""jti": "1", "#, ""),
        (r#""jti": "1""#, r#""jti": "1", "jti": "2""#),
        (r#""sub": "alice", "#, ""),
    ] {
        let shown = verified.replace(from, to);
        assert_ne!(shown, verified, "{from}");
        assert!(!is_same(&shown, verified), "{shown}");
        assert!(!is_same(verified, &shown), "the other way: {shown}");
    }
}

#[test]
fn spelling_does_not_count() {
    for (shown, verified) in [
        (
            r#"{"sub": "\u0061lice", "exp": 1.7e9}"#,
            r#"{"exp": 1700000000, "sub": "alice"}"#,
        ),
        (
            r#"{"sub": "a", "jti": null}"#,
            r#"{"sub": "a", "jti": null}"#,
        ),
    ] {
        assert!(is_same(shown, verified), "{shown}");
    }
}

#[test]
fn a_token_that_nothing_names_is_none() {
    assert!(!is_same("{}", "{}"));
    assert!(!is_same(r#"{"scope": "a"}"#, r#"{"scope": "a"}"#));
    assert!(!is_same(r#"{"jti": null}"#, r#"{"jti": null}"#));
    let present = |_: &str| Property::Is(b"alice".to_vec());
    for key in [
        "hk_live_abc",
        "a.b.c",
        "..",
        "!.!.!",
        &token(HEADER, "no JSON"),
        &token(HEADER, "[]"),
    ] {
        assert!(!is_token_of(key, present), "{key}");
    }
    let failed = |_: &str| Property::Failed;
    assert!(!is_token_of(&token(HEADER, r#"{"sub": "alice"}"#), failed));
}
