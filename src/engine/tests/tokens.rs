//! Verified tokens: one request, one identity, and that no token goes to an auth service.

mod rights;

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use sha2::{Digest as _, Sha256};

use super::{
    CREATE_RUN, READER, SEARCH_RUNS, Shell, answer, denied, edits, reason, seen, valid, with_key,
};
use crate::principal::IdentitySource;
use crate::token::GivenFacts;
use crate::upstream::HeaderEdit;

const JWT: &str = r#""jwt": {}"#;
const CLAIMS: &str = r#"{"iss": "https://idp", "sub": "alice", "aud": "mlflow", "exp": 1003600, "iat": 1000000, "jti": "1",
                         "scope": "tracking:write"}"#;

fn leaked(text: &str) -> &'static str {
    Box::leak(text.to_owned().into_boxed_str())
}

fn token_of(payload: &str) -> String {
    let part = |text: &str| URL_SAFE_NO_PAD.encode(text);
    format!("{}.{}.c2ln", part(r#"{"alg":"RS256"}"#), part(payload))
}

fn token() -> String {
    token_of(CLAIMS)
}

/// A proxy whose `jwt_authn` has verified a token with these claims; none where they are empty.
fn verified(fields: &str, claims: &str) -> Shell {
    let mut shell = Shell::of(1, fields);
    let facts = GivenFacts::default();
    shell.given = Some(match claims {
        "" => facts,
        claims => facts
            .with_claims("payload", leaked(claims).as_bytes())
            .unwrap(),
    });
    shell
}

/// With an auth service that would give any key all rights, and with a listed key.
fn beside_all(claims: &str) -> Shell {
    let listed: String = Sha256::digest(b"mk_listed_0123456789abcdef")
        .iter()
        .map(|b| format!("{b:02x}"))
        .collect();
    let fields = format!(
        r#"{JWT}, "auth_service": {{"cluster": "auth"}}, "credentials": ["bearer", "x-api-key", "basic", "query"],
           "keys": [{{"sha256": "{listed}", "key_id": "ci", "scopes": ["mlflow:admin"]}}]"#
    );
    verified(&fields, claims)
}

fn post(shell: &mut Shell, headers: &[(&str, &str)]) -> super::Next {
    let mut all: Vec<(&[u8], &[u8])> = vec![(b":method", b"POST")];
    let has_path = headers.iter().any(|(name, _)| *name == ":path");
    if !has_path {
        all.push((b":path", CREATE_RUN.as_bytes()));
    }
    all.extend(
        headers
            .iter()
            .map(|(name, value)| (name.as_bytes(), value.as_bytes())),
    );
    shell.headers(&all).1
}

fn lookups(shell: &Shell, result: &str) -> i64 {
    shell.counted(&format!(
        "mlflow_authz_identity_lookups.identity=.=jwt;.;result=.={result};.;"
    ))
}

#[test]
fn a_verified_token_is_the_caller_without_a_callout() {
    let mut shell = verified(JWT, CLAIMS);
    let next = post(&mut shell, &[]);
    let decision = next.decision().unwrap();
    assert_eq!(
        (decision.reason.as_str(), decision.stale),
        ("allowed", false)
    );
    assert_eq!(decision.identity, Some(IdentitySource::Jwt));
    let edits = edits(&next);
    for expected in [
        HeaderEdit::Add("x-mlflow-authz-user", "alice"),
        HeaderEdit::Add("x-mlflow-authz-key", "alice"),
        HeaderEdit::Add("x-mlflow-authz-scopes", "tracking:write"),
    ] {
        assert!(edits.contains(&expected), "{edits:?}");
    }
    let create = shell.headers(&[
        (b":method", b"POST"),
        (b":path", b"/api/2.0/mlflow/registered-models/create"),
    ]);
    assert_eq!(reason(&create.1), "scope_missing");
    let message = &answer(&create.1).body;
    assert!(
        message.contains("Caller alice may not create a registered model"),
        "{message}"
    );
    assert!(
        message.contains("this caller has: tracking:write"),
        "{message}"
    );
    assert_eq!((shell.asked, lookups(&shell, "valid")), (0, 2));
    assert_eq!(shell.engine().tick_period(super::NOW), None);
}

/// Each row: what the request presents beside a verified token, and what becomes of it.
#[test]
fn beside_a_verified_token_there_may_only_be_that_token() {
    let token = token();
    let bearer = |key: &str| format!("Bearer {key}");
    let basic = |password: &str| format!("Basic {}", STANDARD.encode(format!("u:{password}")));
    let others = token_of(&CLAIMS.replace("alice", "mallory"));
    let unsigned = token.replace(".c2ln", ".");
    let in_query = |key: &str| format!("{CREATE_RUN}?api_key={key}");
    for (headers, expected) in [
        (vec![], "allowed"),
        (vec![("authorization", bearer(&token))], "allowed"),
        (vec![("x-api-key", token.clone())], "allowed"),
        (vec![("authorization", basic(&token))], "allowed"),
        (
            vec![
                ("authorization", bearer(&token)),
                ("x-api-key", token.clone()),
            ],
            "allowed",
        ),
        (vec![(":path", in_query(&token))], "allowed"),
        // The signature is not compared: the claims are those of the verified token.
        (vec![("authorization", bearer(&unsigned))], "allowed"),
        (
            vec![("authorization", bearer(&others))],
            "credential_ambiguous",
        ),
        (
            vec![("authorization", bearer(&token_of("{}")))],
            "credential_ambiguous",
        ),
        (
            vec![("authorization", bearer("hk_live_a"))],
            "credential_ambiguous",
        ),
        (
            vec![("x-api-key", "hk_live_a".to_owned())],
            "credential_ambiguous",
        ),
        (
            vec![("x-api-key", "mk_listed_0123456789abcdef".to_owned())],
            "credential_ambiguous",
        ),
        (
            vec![("authorization", basic("hk_live_a"))],
            "credential_ambiguous",
        ),
        (
            vec![(":path", in_query("hk_live_a"))],
            "credential_ambiguous",
        ),
        (
            vec![
                ("authorization", bearer(&token)),
                ("x-api-key", "hk_live_a".to_owned()),
            ],
            "credential_ambiguous",
        ),
        (
            vec![
                ("authorization", bearer(&token)),
                ("x-api-key", others.clone()),
            ],
            "credential_ambiguous",
        ),
        (
            vec![("authorization", "Bearer".to_owned())],
            "credential_malformed",
        ),
        (
            vec![("authorization", bearer("a b"))],
            "credential_malformed",
        ),
        (
            vec![("authorization", "Digest x".to_owned())],
            "credential_malformed",
        ),
    ] {
        let mut shell = beside_all(CLAIMS);
        let headers: Vec<(&str, &str)> = headers
            .iter()
            .map(|(name, value)| (*name, &**value))
            .collect();
        let next = post(&mut shell, &headers);
        assert_eq!(reason(&next), expected, "{headers:?}");
        assert_eq!(shell.asked, 0, "{headers:?}");
        if expected == "credential_ambiguous" {
            assert_eq!(
                seen(&next),
                denied(400, "BAD_REQUEST", expected),
                "{headers:?}"
            );
        }
    }
}

/// Without verified claims what looks like a token is nobody's, wherever it stands, and no auth service is asked.
#[test]
fn a_token_that_nobody_verified_never_goes_to_the_auth_service() {
    let token = token();
    let basic = format!("Basic {}", STANDARD.encode(format!("u:{token}")));
    for (name, value) in [
        ("authorization", format!("Bearer {token}")),
        ("authorization", format!("ApiKey {token}")),
        ("authorization", basic),
        ("x-api-key", token.clone()),
        ("X_Api_Key", token.clone()),
        (":path", format!("{CREATE_RUN}?api_key={token}")),
        (
            "authorization",
            format!("Bearer {}", token.replace(".c2ln", ".")),
        ),
        (
            "authorization",
            format!("Bearer {}", token_of(&"x".repeat(20_000))),
        ),
    ] {
        let mut shell = beside_all("");
        let next = post(&mut shell, &[(name, &value)]);
        assert_eq!(
            seen(&next),
            denied(401, "UNAUTHENTICATED", "key_invalid"),
            "{name}: {value:.60}"
        );
        assert_eq!(
            (shell.asked, lookups(&shell, "unverified")),
            (0, 1),
            "{name}"
        );
    }
    // Without jwt it is a key like any other.
    let mut shell = Shell::new("");
    let next = shell.exchange(&with_key(&token, SEARCH_RUNS), &valid(READER));
    assert_eq!((reason(&next), shell.asked), ("allowed", 1));
}

#[test]
fn keys_are_looked_up_beside_tokens_as_ever() {
    let mut shell = beside_all("");
    let listed = post(&mut shell, &[("x-api-key", "mk_listed_0123456789abcdef")]);
    assert_eq!(
        listed.decision().unwrap().identity,
        Some(IdentitySource::Keys)
    );
    assert_eq!((reason(&listed), shell.asked), ("allowed", 0));
    let next = shell.exchange(&with_key("hk_live_a", SEARCH_RUNS), &valid(READER));
    assert_eq!(
        next.decision().unwrap().identity,
        Some(IdentitySource::AuthService)
    );
    assert_eq!((reason(&next), shell.asked), ("allowed", 1));
    let dotted = shell.exchange(&with_key("hk.live.a", SEARCH_RUNS), &valid(READER));
    assert_eq!((reason(&dotted), shell.asked), ("allowed", 2));
}

/// Somebody's key may look like a token: its digest tells that it is meant.
#[test]
fn a_listed_key_that_looks_like_a_token_is_a_key() {
    let token = token();
    let digest: String = Sha256::digest(token.as_bytes())
        .iter()
        .map(|b| format!("{b:02x}"))
        .collect();
    let fields = format!(
        r#"{JWT}, "keys": [{{"sha256": "{digest}", "key_id": "ci", "scopes": ["tracking:write"]}}]"#
    );
    let mut shell = verified(&fields, "");
    let next = post(&mut shell, &[("x-api-key", &token)]);
    assert_eq!(
        next.decision().unwrap().identity,
        Some(IdentitySource::Keys)
    );
}

#[test]
fn a_key_is_nobodys_where_tokens_are_all_there_is() {
    let mut shell = verified(JWT, "");
    let next = post(&mut shell, &[("x-api-key", "hk_live_a")]);
    assert_eq!(seen(&next), denied(401, "UNAUTHENTICATED", "key_invalid"));
    let long = "k".repeat(5000);
    let next = post(&mut shell, &[("x-api-key", &long)]);
    assert_eq!(
        seen(&next),
        denied(401, "UNAUTHENTICATED", "credential_malformed")
    );
}

#[test]
fn a_request_with_nothing_is_told_what_each_source_expects() {
    let listed = "0".repeat(64);
    let keys = format!(r#""keys": [{{"sha256": "{listed}", "key_id": "ci"}}]"#);
    let mtls = r#""mtls": {"by": "uri_san", "principals": {"a": {}}}"#;
    let of_all = format!(r#"{keys}, {JWT}, {mtls}"#);
    for (fields, expected) in [
        (
            JWT,
            "No credential. This server accepts an access token (JWT) as \\\"Authorization: Bearer <token>\\\". For the MLflow \
             client set MLFLOW_TRACKING_TOKEN.",
        ),
        (
            mtls,
            "No credential. This server accepts a client certificate with a URI in its subject alternative name. For the \
             MLflow client set MLFLOW_TRACKING_CLIENT_CERT_PATH.",
        ),
        (
            &of_all,
            "No credential. This server accepts an API key as \\\"Authorization: Bearer <key>\\\", or an access token (JWT) as \
             \\\"Authorization: Bearer <token>\\\", or a client certificate with a URI in its subject alternative name. For the \
             MLflow client set MLFLOW_TRACKING_TOKEN or MLFLOW_TRACKING_CLIENT_CERT_PATH.",
        ),
    ] {
        let mut shell = verified(fields, "");
        let next = post(&mut shell, &[]);
        assert_eq!(
            seen(&next),
            denied(401, "UNAUTHENTICATED", "credential_missing")
        );
        let body = &answer(&next).body;
        assert!(body.contains(expected), "{fields}: {body}");
    }
}

/// Where no password can be valid, no browser is told to ask for one.
#[test]
fn a_browser_is_asked_for_a_password_only_where_there_are_keys() {
    let with_keys = format!(r#"{JWT}, "auth_service": {{"cluster": "auth"}}"#);
    for (fields, title, asks) in [
        (JWT, "Log in", false),
        (&with_keys, "Log in with an API key", true),
    ] {
        let mut shell = verified(fields, "");
        let next = shell.headers(&[
            (b":method", b"GET"),
            (b":path", b"/"),
            (b"accept", b"text/html"),
            (b"sec-fetch-mode", b"navigate"),
            (b"sec-fetch-dest", b"document"),
        ]);
        let answer = answer(&next.1);
        let challenges: Vec<&str> = answer
            .headers
            .iter()
            .filter(|(name, _)| *name == "www-authenticate")
            .map(|(_, value)| &**value)
            .collect();
        assert_eq!(
            challenges.iter().any(|it| it.starts_with("Basic")),
            asks,
            "{challenges:?}"
        );
        assert!(
            answer.body.contains(&format!("<h1>{title}</h1>")),
            "{}",
            answer.body
        );
        assert_eq!(
            answer.body.contains("there are no passwords"),
            !asks,
            "{}",
            answer.body
        );
    }
}

#[test]
fn the_credential_of_a_token_is_withheld_like_a_key() {
    let token = token();
    let mut shell = verified(&format!(r#"{JWT}, "forward_credential": false"#), CLAIMS);
    let next = post(&mut shell, &[("authorization", &format!("Bearer {token}"))]);
    assert!(
        edits(&next).contains(&HeaderEdit::Remove(b"authorization")),
        "{:?}",
        edits(&next)
    );
}
