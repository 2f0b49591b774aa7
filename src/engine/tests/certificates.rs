//! Client certificates: only where a request presents nothing else, and by the names of the configuration.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

use super::keys::{POLLS, poll};
use super::{CREATE_RUN, Shell, answer, denied, edits, reason, seen, with_key};
use crate::config::PeerName;
use crate::principal::IdentitySource;
use crate::token::GivenFacts;
use crate::upstream::HeaderEdit;

const MTLS: &str = r#""mtls": {"by": "uri_san", "principals": {
    "spiffe://c/ns/ml/sa/trainer": {"scopes": ["tracking:write"]}, "spiffe://c/ns/ml/*": {"scopes": ["model:read"]}}}"#;
const TRAINER: &str = "spiffe://c/ns/ml/sa/trainer";

/// A proxy that every client connects to with a certificate of this name.
fn certified(fields: &str, name: &'static str) -> Shell {
    let mut shell = Shell::of(1, fields);
    shell.given = Some(GivenFacts::default().with_certificate(PeerName::UriSan, name));
    shell
}

fn post(shell: &mut Shell, more: &[(&str, &str)]) -> super::Next {
    let mut headers: Vec<(&[u8], &[u8])> =
        vec![(b":method", b"POST"), (b":path", CREATE_RUN.as_bytes())];
    headers.extend(
        more.iter()
            .map(|(name, value)| (name.as_bytes(), value.as_bytes())),
    );
    shell.headers(&headers).1
}

fn lookups(shell: &Shell, result: &str) -> i64 {
    shell.counted(&format!(
        "mlflow_authz_identity_lookups.identity=.=mtls;.;result=.={result};.;"
    ))
}

#[test]
fn the_name_of_a_certificate_is_the_caller() {
    let mut shell = certified(MTLS, TRAINER);
    for _ in 0..2 {
        let next = post(&mut shell, &[]);
        let decision = next.decision().unwrap();
        assert_eq!(
            (decision.reason.as_str(), decision.identity),
            ("allowed", Some(IdentitySource::Mtls))
        );
        let edits = edits(&next);
        for expected in [
            HeaderEdit::Add("x-mlflow-authz-user", TRAINER),
            HeaderEdit::Add("x-mlflow-authz-key", TRAINER),
            HeaderEdit::Add("x-mlflow-authz-scopes", "tracking:write"),
        ] {
            assert!(edits.contains(&expected), "{edits:?}");
        }
    }
    assert_eq!((shell.asked, lookups(&shell, "valid")), (0, 2));
}

#[test]
fn names_go_by_the_longest_match_and_others_are_not_valid() {
    for (name, expected) in [
        (TRAINER, "allowed"),
        ("spiffe://c/ns/ml/sa/other", "scope_missing"),
        ("spiffe://c/ns/web/sa/other", "key_invalid"),
        ("spiffe://evil/ns/ml/sa/trainer", "key_invalid"),
    ] {
        let mut shell = certified(MTLS, name);
        let next = post(&mut shell, &[]);
        assert_eq!(reason(&next), expected, "{name}");
    }
    let mut shell = certified(MTLS, "spiffe://evil");
    let next = post(&mut shell, &[]);
    assert_eq!(seen(&next), denied(401, "UNAUTHENTICATED", "key_invalid"));
    assert!(next.decision().unwrap().principal.is_none());
    let body = &answer(&next).body;
    assert!(
        body.contains("the name of the client certificate is not listed here"),
        "{body}"
    );
    assert!(!body.contains("evil"), "{body}");
    assert_eq!(lookups(&shell, "not_listed"), 1);
}

/// A key or a token is what the caller presents: no certificate takes its place, whatever becomes of it.
#[test]
fn a_certificate_counts_only_beside_nothing() {
    let token = format!("{}.e30.c2ln", URL_SAFE_NO_PAD.encode(r#"{"alg":"RS256"}"#));
    let with_jwt = format!(r#"{MTLS}, "jwt": {{}}"#);
    let forged = format!("URI={TRAINER}");
    for (fields, headers, expected) in [
        (MTLS, vec![], "allowed"),
        (MTLS, vec![("x-api-key", "hk_live_a")], "key_invalid"),
        (
            MTLS,
            vec![("authorization", "Bearer hk_live_a")],
            "key_invalid",
        ),
        (
            MTLS,
            vec![("authorization", "Bearer")],
            "credential_malformed",
        ),
        (
            MTLS,
            vec![("authorization", "Bearer a"), ("x-api-key", "b")],
            "credential_ambiguous",
        ),
        (&with_jwt, vec![], "allowed"),
        (
            &with_jwt,
            vec![("x-api-key", token.as_str())],
            "key_invalid",
        ),
        (
            MTLS,
            vec![("x-forwarded-client-cert", forged.as_str())],
            "allowed",
        ),
    ] {
        let mut shell = certified(fields, TRAINER);
        assert_eq!(reason(&post(&mut shell, &headers)), expected, "{headers:?}");
    }
}

#[test]
fn a_verified_token_counts_before_a_certificate() {
    let claims = r#"{"sub": "alice", "scope": "model:read"}"#;
    let fields = format!(r#"{MTLS}, "jwt": {{}}"#);
    let mut shell = Shell::of(1, &fields);
    let facts = GivenFacts::default().with_certificate(PeerName::UriSan, TRAINER);
    shell.given = Some(facts.with_claims("payload", claims.as_bytes()).unwrap());
    let next = post(&mut shell, &[]);
    assert_eq!(reason(&next), "scope_missing");
    assert_eq!(next.decision().unwrap().identity, Some(IdentitySource::Jwt));
}

#[test]
fn a_header_is_no_certificate() {
    let forged = format!("By=spiffe://c/mlflow;Hash=1;URI={TRAINER};Subject=\"CN=x\"");
    for (fields, expected) in [
        (MTLS, "credential_missing"),
        (r#""jwt": {}"#, "credential_missing"),
    ] {
        let mut shell = Shell::of(1, fields);
        shell.given = Some(GivenFacts::default());
        let next = post(&mut shell, &[("x-forwarded-client-cert", &forged)]);
        assert_eq!(reason(&next), expected, "{fields}");
    }
    // The configured name of another kind is none.
    let mut shell = Shell::of(1, MTLS);
    shell.given = Some(GivenFacts::default().with_certificate(PeerName::DnsSan, TRAINER));
    assert_eq!(reason(&post(&mut shell, &[])), "credential_missing");
}

#[test]
fn keys_beside_certificates_go_to_the_auth_service() {
    let fields = format!(r#"{MTLS}, "auth_service": {{"cluster": "auth"}}"#);
    let mut shell = certified(&fields, TRAINER);
    let next = shell.exchange(
        &with_key("hk_live_a", CREATE_RUN),
        &super::valid(super::READER),
    );
    assert_eq!((reason(&next), shell.asked), ("scope_missing", 1));
    assert_eq!(
        next.decision().unwrap().identity,
        Some(IdentitySource::AuthService)
    );
}

#[test]
fn a_revoked_name_is_nobodys_any_more() {
    let fields = format!(r#"{MTLS}, "auth_service": {{"cluster": "auth"}}{POLLS}"#);
    let mut shell = certified(&fields, TRAINER);
    assert_eq!(reason(&post(&mut shell, &[])), "allowed");
    poll(
        &mut shell,
        &format!(r#"{{"key_ids": ["{TRAINER}"], "next": "c1"}}"#),
    );
    assert_eq!(reason(&post(&mut shell, &[])), "key_invalid");
    assert_eq!(
        (lookups(&shell, "valid"), lookups(&shell, "revoked")),
        (1, 1)
    );
}
