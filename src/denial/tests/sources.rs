//! One word for what a caller presents: an API key, an access token, or whatever a certificate's owner is called.

use std::sync::Arc;

use super::missing_scope;
use crate::config::Config;
use crate::decision::{Decision, Reason};
use crate::denial::{Called, Denials};
use crate::policy::Policy;
use crate::principal::{IdentitySource, Principal};
use crate::request::RequestHead;

const KEYS: &str = r#""auth_service": {"cluster": "c"}"#;
const INTROSPECTION: &str = r#""auth_service": {"cluster": "c", "path": "/i", "protocol": "introspection", "audience": null}"#;
const JWT: &str = r#""jwt": {}"#;
const MTLS: &str = r#""mtls": {"by": "uri_san", "principals": {"a": {}}}"#;

/// A key of the configuration.
fn listed() -> String {
    let digest = "0".repeat(64);
    format!(r#""keys": [{{"sha256": "{digest}", "key_id": "ci"}}]"#)
}

fn answer(sources: &str, decision: &Decision, headers: &[(&[u8], &[u8])]) -> String {
    let config = Config::parse(format!(r#"{{"mounts": ["/"], {sources}}}"#).as_bytes()).unwrap();
    let policy = Policy::new(&config);
    let denials = Denials {
        config: &config,
        policy: &policy,
    };
    let head = RequestHead {
        headers,
        facts: None,
    };
    denials.answer(decision, &head).body
}

fn message(sources: &str, decision: &Decision) -> String {
    let head: &[(&[u8], &[u8])] = &[];
    let text = answer(sources, decision, head);
    let json: serde_json::Value = serde_json::from_str(&text).unwrap();
    json["message"].as_str().unwrap().to_owned()
}

#[test]
fn what_is_looked_up_is_called_what_it_is() {
    let listed = listed();
    let with_listed = format!("{listed}, {INTROSPECTION}");
    for (sources, reason, expected) in [
        (
            KEYS,
            Reason::AuthUnavailable,
            "so the API key cannot be checked",
        ),
        (
            INTROSPECTION,
            Reason::AuthUnavailable,
            "so the access token cannot be checked",
        ),
        (
            &with_listed,
            Reason::AuthUnavailable,
            "so the access token cannot be checked",
        ),
        (
            JWT,
            Reason::AuthUnavailable,
            "The proxy cannot tell at the moment who the caller is.",
        ),
        (
            MTLS,
            Reason::AuthUnavailable,
            "The proxy cannot tell at the moment who the caller is.",
        ),
        (KEYS, Reason::Overloaded, "Too many API keys are"),
        (
            INTROSPECTION,
            Reason::Overloaded,
            "Too many access tokens are",
        ),
        (KEYS, Reason::RateLimited, "limits this API key's rate"),
        (
            INTROSPECTION,
            Reason::RateLimited,
            "limits this access token's rate",
        ),
        (KEYS, Reason::KeyRefused, "refuses this API key for"),
        (
            KEYS,
            Reason::KeyInvalid,
            "The API key is not valid: it is unknown, expired or revoked.",
        ),
        (
            INTROSPECTION,
            Reason::KeyInvalid,
            "The access token is not valid: it is unknown, expired or revoked, or it was not issued for this server.",
        ),
        (
            &with_listed,
            Reason::KeyInvalid,
            "The API key or access token is not valid",
        ),
        (
            &format!("{INTROSPECTION}, {MTLS}"),
            Reason::KeyInvalid,
            "Possible causes: the access token is unknown, expired or revoked, or was not issued for this server; the name",
        ),
        (
            KEYS,
            Reason::CredentialMissing,
            "No API key. Send it as \"Authorization: Bearer <key>\";",
        ),
        (
            INTROSPECTION,
            Reason::CredentialMissing,
            "No access token. Send it as \"Authorization: Bearer <token>\";",
        ),
        (
            &with_listed,
            Reason::CredentialMissing,
            "No API key or access token. Send it as \"Authorization: Bearer <key or token>\";",
        ),
        (
            &format!("{INTROSPECTION}, {MTLS}"),
            Reason::CredentialMissing,
            "accepts an access token as \"Authorization: Bearer <token>\", or a client certificate",
        ),
        (
            KEYS,
            Reason::CredentialMalformed,
            "The credential is not an API key.",
        ),
        (
            INTROSPECTION,
            Reason::CredentialMalformed,
            "The credential is not an access token.",
        ),
        (KEYS, Reason::CredentialAmbiguous, "more than one API key."),
        (
            INTROSPECTION,
            Reason::CredentialAmbiguous,
            "more than one access token.",
        ),
        (
            JWT,
            Reason::CredentialAmbiguous,
            "more than one credential. Send one access token",
        ),
    ] {
        let text = message(sources, &Decision::new(reason));
        assert!(text.contains(expected), "{sources} {reason:?}: {text}");
        let has_keys = sources.contains("keys") || sources == KEYS;
        let accepts_none = text.contains("accepts no API keys");
        assert!(
            has_keys || accepts_none || !text.contains("API key"),
            "{sources}: {text}"
        );
    }
}

/// A caller of each source, without the permission that it needs.
fn of(identity: IdentitySource, has_foreign_words: bool) -> Decision {
    let principal = Principal {
        key_id: Some("k".to_owned()),
        has_foreign_words,
        ..Principal::default()
    };
    Decision {
        identity: Some(identity),
        principal: Some(Arc::new(principal)),
        ..missing_scope(None, &[])
    }
}

#[test]
fn only_a_key_is_called_one() {
    for (identity, has_foreign_words, sources, called, name) in [
        (
            IdentitySource::Keys,
            false,
            listed(),
            Called::Key,
            "API key k may",
        ),
        (
            IdentitySource::AuthService,
            false,
            KEYS.to_owned(),
            Called::Key,
            "API key k may",
        ),
        (
            IdentitySource::AuthService,
            true,
            INTROSPECTION.to_owned(),
            Called::Caller,
            "Caller k may",
        ),
        (
            IdentitySource::Jwt,
            true,
            JWT.to_owned(),
            Called::Caller,
            "Caller k may",
        ),
        (
            IdentitySource::Mtls,
            false,
            MTLS.to_owned(),
            Called::Caller,
            "Caller k may",
        ),
    ] {
        let decision = of(identity, has_foreign_words);
        assert_eq!(Called::of(&decision), called, "{identity:?}");
        let text = message(&sources, &decision);
        assert!(text.starts_with(name), "{text}");
        assert!(
            text.contains(&format!("; this {} has: no scopes", called.as_str())),
            "{text}"
        );
        for reason in [Reason::BodyAmbiguous, Reason::BodyTooLarge] {
            let text = message(
                &sources,
                &Decision {
                    reason,
                    ..decision.clone()
                },
            );
            assert!(
                text.starts_with(&format!("This {} is limited", called.as_str())),
                "{text}"
            );
        }
        let page = answer(&sources, &decision, &[(b"sec-fetch-mode", b"navigate")]);
        let is_key = called == Called::Key;
        assert_eq!(page.contains("<dt>This key has</dt>"), is_key, "{page}");
        assert_eq!(page.contains("<dt>This caller has</dt>"), !is_key, "{page}");
        assert_eq!(page.contains("API key"), is_key, "{page}");
    }
}
