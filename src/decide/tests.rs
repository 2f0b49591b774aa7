use std::time::Duration;

use super::{answer, caller, decide, decide_by_head, decide_here};
use crate::config::tests::least_and;
use crate::config::{Config, PeerName};
use crate::decision::Effect;
use crate::lookup::{Lookup, LookupFailure};
use crate::principal::IdentitySource;
use crate::request::RequestHead;
use crate::rules::Rules;
use crate::token::GivenFacts;

const CREATE_RUN: &str = "/api/2.0/mlflow/runs/create";
const CREATE_MODEL: &str = "/api/2.0/mlflow/registered-models/create";
const WRITER: &str = r#"{"scopes": ["model:write"]}"#;
const NAME_SCOPED: &str = r#"{"scopes": ["model:write:acme-*"]}"#;

fn rules(more: &str) -> Rules {
    Rules::new(Config::parse(least_and(more).as_bytes()).unwrap())
}

fn post<T>(path: &str, key: &str, ask: impl FnOnce(&RequestHead<'_>) -> T) -> T {
    let headers: [(&[u8], &[u8]); 4] = [
        (b":method", b"POST"),
        (b":path", path.as_bytes()),
        (b"x-api-key", key.as_bytes()),
        (b"content-type", b"application/json"),
    ];
    ask(&RequestHead {
        headers: if key.is_empty() {
            &headers[..2]
        } else {
            &headers
        },
        facts: None,
    })
}

fn nobody() -> Lookup {
    panic!("nobody's rights decide")
}

#[test]
fn who_is_asked_only_where_a_callers_rights_decide() {
    let rules = rules(r#", "public": ["health"]"#);
    for (path, key, reason) in [
        (CREATE_RUN, "", "credential_missing"),
        (CREATE_RUN, "a b", "credential_malformed"),
        ("/api/2.0//mlflow", "k", "target_ambiguous"),
    ] {
        let decision = post(path, key, |head| decide(&rules, head, nobody, b""));
        assert_eq!(decision.reason.as_str(), reason, "{path}");
        let by_head = post(path, key, |head| decide_by_head(&rules, head, nobody));
        assert_eq!(by_head.unwrap().reason, decision.reason);
    }
}

#[test]
fn rights_decide_and_what_failed_to_tell_them_denies() {
    let rules = rules("");
    let known = |body: &str| caller(body.as_bytes());
    for (path, who, reason, retry_after) in [
        (CREATE_RUN, known(WRITER), "allowed", None),
        (
            CREATE_RUN,
            known(r#"{"scopes": []}"#),
            "scope_missing",
            None,
        ),
        ("/api/9.0/new", known(WRITER), "operation_unknown", None),
        (
            CREATE_RUN,
            known(r#"{"active": false}"#),
            "key_invalid",
            None,
        ),
        (CREATE_RUN, known("[]"), "auth_unavailable", Some(15)),
        (
            CREATE_RUN,
            Err(LookupFailure::Overloaded),
            "overloaded",
            Some(15),
        ),
        (
            CREATE_RUN,
            Err(LookupFailure::RateLimited {
                retry_after: Some(3),
            }),
            "rate_limited",
            Some(3),
        ),
    ] {
        let (decision, answer) = post(path, "k", |head| {
            let decision = decide(&rules, head, || who.clone(), b"");
            let answer = answer(&rules, &decision, head);
            (decision, answer)
        });
        assert_eq!(decision.reason.as_str(), reason, "{path} {who:?}");
        assert_eq!(decision.retry_after, retry_after, "{reason}");
        let is_allowed = decision.effect() == Effect::Allow;
        assert_eq!(is_allowed, answer.is_none(), "{reason}");
        assert_eq!(is_allowed, reason == "allowed");
    }
}

#[test]
fn a_body_is_asked_for_where_a_name_scoped_grant_decides_and_it_can_be_read() {
    let who = || caller(NAME_SCOPED.as_bytes());
    let inspect = rules(r#", "bodies": "inspect", "body_limit": 64"#);
    let by_head = post(CREATE_MODEL, "k", |head| {
        decide_by_head(&inspect, head, who)
    });
    assert!(by_head.is_none());
    let long = format!(r#"{{"name": "acme-{}"}}"#, "a".repeat(64));
    for (body, reason) in [
        (r#"{"name": "acme-a"}"#, "allowed"),
        (r#"{"name": "other"}"#, "name_not_granted"),
        (r#"{"name": "acme-a", "name": "other"}"#, "body_ambiguous"),
        ("", "body_ambiguous"),
        (&long, "body_too_large"),
    ] {
        let decision = post(CREATE_MODEL, "k", |head| {
            decide(&inspect, head, who, body.as_bytes())
        });
        assert_eq!(decision.reason.as_str(), reason, "{body}");
    }
    let ignore = rules("");
    let decision = post(CREATE_MODEL, "k", |head| {
        decide(&ignore, head, who, br#"{"name": "acme-a"}"#)
    });
    assert_eq!(decision.reason.as_str(), "body_unavailable");
}

/// Without a reply of its own to read, a decision is that of the configured source all the same.
#[test]
fn words_are_those_of_the_configured_source() {
    let text = r#"{"auth_service": {"cluster": "a", "path": "/i", "protocol": "introspection", "audience": null}, "mounts": ["/"]}"#;
    let introspection = Rules::new(Config::parse(text.as_bytes()).unwrap());
    for (word, with_keys, with_tokens) in [
        ("admin", "allowed", "scope_missing"),
        ("mlflow:admin", "allowed", "allowed"),
    ] {
        for (rules, expected) in [(&rules(""), with_keys), (&introspection, with_tokens)] {
            let who = || caller(format!(r#"{{"scopes": ["{word}"]}}"#).as_bytes());
            let decision = post(CREATE_RUN, "k", |head| decide(rules, head, who, b""));
            assert_eq!(decision.reason.as_str(), expected, "{word}");
        }
    }
}

/// The command's `explain` takes identities from data.
#[test]
fn what_the_head_tells_is_decided_here() {
    let now = Duration::from_secs(1_000_000);
    let rules = Rules::new(
        Config::parse(
            br#"{"mounts": ["/"], "jwt": {}, "mtls": {"by": "uri_san", "principals": {"spiffe://a/*": {"scopes": ["model:read"]}}},
                 "keys": [{"sha256": "2c70e12b7a0646f92279f427c7b38e7334d8e5389cff167a1dc30e73f826b683", "key_id": "ci",
                           "scopes": ["tracking:write"]}]}"#,
        )
        .unwrap(),
    );
    let claims = |text| GivenFacts::default().with_claims("payload", text).unwrap();
    let named = |name| GivenFacts::default().with_certificate(PeerName::UriSan, name);
    for (facts, key, reason, identity) in [
        (
            claims(br#"{"sub": "a", "scope": "tracking:write"}"#),
            "",
            "allowed",
            Some("jwt"),
        ),
        (
            claims(br#"{"sub": "a", "scope": "write"}"#),
            "",
            "scope_missing",
            Some("jwt"),
        ),
        (
            claims(br#"{"sub": "a", "scope": "tracking:write", "exp": 1000000}"#),
            "",
            "key_invalid",
            None,
        ),
        (
            claims(br#"{"sub": "a"}"#),
            "key",
            "credential_ambiguous",
            None,
        ),
        (named("spiffe://a/b"), "", "scope_missing", Some("mtls")),
        (named("spiffe://b/b"), "", "key_invalid", None),
        (named("spiffe://a/b"), "key", "allowed", Some("keys")),
        (GivenFacts::default(), "key", "allowed", Some("keys")),
        (GivenFacts::default(), "other", "key_invalid", None),
        (GivenFacts::default(), "", "credential_missing", None),
    ] {
        let decision = post(CREATE_RUN, key, |head| {
            let head = RequestHead {
                facts: Some(&facts),
                ..*head
            };
            decide_here(&rules, &head, now, b"")
        });
        let who = decision.identity.map(IdentitySource::as_str);
        assert_eq!((decision.reason.as_str(), who), (reason, identity), "{key}");
    }
    let served = self::rules("");
    let decision = post(CREATE_RUN, "key", |head| {
        decide_here(&served, head, now, b"")
    });
    assert_eq!(decision.reason.as_str(), "auth_unavailable");
}
