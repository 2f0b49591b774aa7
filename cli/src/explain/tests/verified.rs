//! Who calls, where Envoy has verified a token or a certificate; and that a source must be configured.

use serde_json::json;

use super::identities::{config, said};
use super::{DEFAULTS, explainer};
use crate::explain::caller::{Caller, Identity, Said};
use crate::explain::request::Request;

const TOKENS: &str = r#"{"mounts": ["/"], "jwt": {}, "roles": {"lead": ["*:*"]}}"#;

#[test]
fn a_token_is_said_by_its_claims() {
    for (claims, expected, identity) in [
        (
            json!({"sub": "u", "scope": "tracking:write openid"}),
            "allowed",
            Some("jwt"),
        ),
        (
            json!({"sub": "u", "scp": ["tracking:write"]}),
            "allowed",
            Some("jwt"),
        ),
        (
            json!({"sub": "u", "scope": "model:read"}),
            "scope_missing",
            Some("jwt"),
        ),
        (
            json!({"sub": "u", "realm_access": {"roles": ["lead"]}}),
            "allowed",
            Some("jwt"),
        ),
        // Bare words are no rights of a token.
        (
            json!({"sub": "u", "scope": "write admin"}),
            "scope_missing",
            Some("jwt"),
        ),
        (
            json!({"sub": "u", "scope": "tracking:write", "exp": 1}),
            "key_invalid",
            None,
        ),
        (
            json!({"sub": "u", "scope": "tracking:write", "exp": 4_102_444_800_u64}),
            "allowed",
            Some("jwt"),
        ),
    ] {
        let decision = said(TOKENS, &json!({"identity": "jwt", "claims": claims}));
        assert_eq!(decision["reason"], expected, "{claims}");
        assert_eq!(decision["identity"], json!(identity), "{claims}");
    }
    let decision = said(
        TOKENS,
        &json!({"identity": "jwt", "claims": {"sub": "u", "scope": "tracking:write"}}),
    );
    assert_eq!(
        (&decision["user_id"], &decision["key_id"]),
        (&json!("u"), &json!("u"))
    );
    // A key beside it is a second credential, and no verified token is none.
    let beside = json!({"identity": "jwt", "claims": {"sub": "u"}, "headers": {"x-api-key": "k"}});
    assert_eq!(said(TOKENS, &beside)["reason"], "credential_ambiguous");
    assert_eq!(said(TOKENS, &json!({}))["reason"], "credential_missing");
}

const CERTIFICATES: &str = r#"{"mounts": ["/"], "mtls": {"by": "uri_san", "principals":
    {"spiffe://a/trainer": {"scopes": ["write"]}, "spiffe://a/*": {"scopes": ["model:read"]}}}}"#;

#[test]
fn a_certificate_is_said_by_its_name() {
    let config = CERTIFICATES.replace('\n', "");
    for (name, expected, identity) in [
        ("spiffe://a/trainer", "allowed", Some("mtls")),
        ("spiffe://a/reader", "scope_missing", Some("mtls")),
        ("spiffe://b/trainer", "key_invalid", None),
    ] {
        let decision = said(&config, &json!({"identity": "mtls", "certificate": name}));
        assert_eq!(decision["reason"], expected, "{name}");
        assert_eq!(decision["identity"], json!(identity), "{name}");
    }
}

/// Where no auth service says it, nobody has scopes that are only said.
#[test]
fn without_an_auth_service_nobody_has_what_it_would_say() {
    let mtls = CERTIFICATES.replace('\n', "");
    let keys = config("");
    for caller in [
        json!({"scopes": ["admin"]}),
        json!({"scopes": []}),
        json!({"roles": ["lead"]}),
        json!({"is_admin": true}),
        json!({"grants": [{"scope": "write", "names": ["a"]}]}),
        json!({"key_id": "ci"}),
        json!({"user_id": "u"}),
        json!({"identity": "auth_service"}),
        json!({"scopes": ["write"], "headers": {"authorization": "Bearer mk_unknown"}}),
    ] {
        for (config, by) in [
            (keys.as_str(), "identity keys with key_id or sha256"),
            (TOKENS, "identity jwt with claims"),
            (mtls.as_str(), "identity mtls with certificate"),
        ] {
            let error = said(config, &caller)["error"].as_str().unwrap().to_owned();
            let expected = "line 1: the configuration has no auth_service, which alone";
            assert!(error.starts_with(expected), "{caller}: {error}");
            assert!(error.ends_with(by), "{caller}: {error}");
        }
    }
}

/// The owner of a token or a certificate is no key.
#[test]
fn text_says_key_of_keys_alone() {
    const INTROSPECTION: &str = r#"{"mounts": ["/"], "auth_service": {"cluster": "c", "path": "/i", "protocol": "introspection", "audience": null}}"#;
    let claims = br#"{"sub": "u", "scope": "write"}"#.to_vec();
    let scopes = Some(vec!["write".to_owned()]);
    let mtls = CERTIFICATES.replace('\n', "");
    for (config, said, label) in [
        (
            DEFAULTS,
            Said {
                scopes: scopes.clone(),
                ..Said::default()
            },
            "key has:",
        ),
        (
            INTROSPECTION,
            Said {
                scopes,
                ..Said::default()
            },
            "caller has:",
        ),
        (
            TOKENS,
            Said {
                identity: Some(Identity::Jwt),
                claims: Some(claims),
                ..Said::default()
            },
            "caller has:",
        ),
        (
            &mtls,
            Said {
                identity: Some(Identity::Mtls),
                certificate: Some("spiffe://a/reader".to_owned()),
                ..Said::default()
            },
            "caller has:",
        ),
    ] {
        let caller = Caller::given(said).unwrap();
        let (method, target) = (b"POST".to_vec(), b"/api/2.0/mlflow/runs/delete".to_vec());
        let request = Request::new(method, target, None, Vec::new(), None, caller);
        let text = explainer(config).explain(&request).unwrap().to_string();
        assert!(text.contains(&format!("\n{label}")), "{text}");
        let this = label.strip_suffix(" has:").unwrap();
        let is_allowed = text.contains("decision:   allow");
        assert!(
            is_allowed || text.contains(&format!("; this {this} has: ")),
            "{text}"
        );
    }
}

#[test]
fn what_is_said_goes_with_its_source() {
    for (config, caller, expected) in [
        (
            DEFAULTS,
            json!({"identity": "jwt", "claims": {}}),
            "the configuration has no jwt",
        ),
        (
            DEFAULTS,
            json!({"identity": "mtls", "certificate": "a"}),
            "the configuration has no mtls",
        ),
        (
            TOKENS,
            json!({"identity": "jwt"}),
            "identity jwt needs claims",
        ),
        (
            TOKENS,
            json!({"identity": "jwt", "claims": {}, "scopes": []}),
            "identity jwt needs claims",
        ),
        (
            TOKENS,
            json!({"claims": {}}),
            "sha256, claims and certificate need the identity",
        ),
        (
            TOKENS,
            json!({"identity": "mtls"}),
            "identity mtls needs certificate",
        ),
        (
            TOKENS,
            json!({"identity": "jwt", "claims": ["SECRET"]}),
            "claims: ",
        ),
    ] {
        let error = said(config, &caller)["error"].as_str().unwrap().to_owned();
        assert!(error.starts_with(&format!("line 1: {expected}")), "{error}");
        assert!(!error.contains("SECRET"), "{error}");
    }
}
