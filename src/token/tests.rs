//! Whom the claims of a verified token make the caller.

mod kinds;
mod workspaces;

use std::collections::HashMap;
use std::time::Duration;

use super::{CLAIMS, GivenFacts, Remark, TokenCaller, TokenError, Tokens, Unclear};
use crate::config::Config;
use crate::config::tests::mounted;
use crate::principal::Principal;
use crate::request::{HostFacts, Property, RequestHead};

const NOW: Duration = Duration::from_secs(1_000_000);

fn tokens(jwt: &str) -> Tokens {
    let config = Config::parse(mounted(&format!(r#""jwt": {jwt}"#)).as_bytes()).unwrap();
    Tokens::new(config.jwt.as_ref().unwrap(), true)
}

fn head(facts: &dyn HostFacts) -> RequestHead<'_> {
    RequestHead {
        headers: &[],
        facts: Some(facts),
    }
}

fn caller_by(jwt: &str, facts: &dyn HostFacts) -> Result<TokenCaller, TokenError> {
    let tokens = tokens(jwt);
    let head = head(facts);
    let token = tokens.find(&head).unwrap().expect("a token");
    tokens.caller(&token, &head, NOW)
}

fn caller(jwt: &str, claims: &str) -> Result<TokenCaller, TokenError> {
    let facts = GivenFacts::default().with_claims("payload", claims.as_bytes());
    caller_by(jwt, &facts.unwrap())
}

fn principal(jwt: &str, claims: &str) -> Principal {
    caller(jwt, claims).unwrap().principal
}

/// The host's words for the claims of a token that no JSON has.
#[derive(Debug, Default)]
struct Raw(HashMap<String, Property>);

impl Raw {
    fn with(mut self, claim: &str, property: Property) -> Self {
        self.0.insert(format!("{CLAIMS}payload\0{claim}"), property);
        self
    }
}

impl HostFacts for Raw {
    fn client_address(&self) -> Option<&str> {
        None
    }

    fn property(&self, path: &str) -> Property {
        self.0.get(path).cloned().unwrap_or(Property::Absent)
    }
}

#[test]
fn defaults_are_those_of_common_issuers() {
    let found = principal(
        "{}",
        r#"{"sub": "alice", "scope": "model:read openid", "realm_access": {"roles": ["lead"]}, "groups": ["g"],
            "is_admin": true, "grants": [{"scope": "a", "names": ["b"]}], "jti": "j"}"#,
    );
    assert_eq!(found.user_id.as_deref(), Some("alice"));
    assert_eq!(found.key_id.as_deref(), Some("alice"));
    assert_eq!(found.scopes, ["model:read", "openid"]);
    assert_eq!(found.roles, ["lead"]);
    assert!(
        !found.is_admin && found.grants.is_empty(),
        "only where the configuration names them"
    );
    assert!(found.has_foreign_words);
}

#[test]
fn the_first_place_that_has_a_value_counts() {
    for (claims, scopes) in [
        (
            r#"{"sub": "a", "scope": "x y", "scp": ["z"]}"#,
            &["x", "y"][..],
        ),
        (r#"{"sub": "a", "scope": ["x", "y z"]}"#, &["x", "y z"]),
        (r#"{"sub": "a", "scp": ["z"]}"#, &["z"]),
        (r#"{"sub": "a", "scope": null, "scp": ["z"]}"#, &["z"]),
        (r#"{"sub": "a", "scope": [], "scp": ["z"]}"#, &[]),
        (r#"{"sub": "a", "scope": "", "scp": ["z"]}"#, &[]),
        // Neither text nor a list of texts: it is there, and grants nothing.
        (r#"{"sub": "a", "scope": 5, "scp": ["z"]}"#, &[]),
        (r#"{"sub": "a", "scope": true, "scp": ["z"]}"#, &[]),
        (r#"{"sub": "a", "scope": {"x": "y"}, "scp": ["z"]}"#, &[]),
        (r#"{"sub": "a", "scope": ["x", 5], "scp": ["z"]}"#, &[]),
        (r#"{"sub": "a", "scope": ["x", ["y"]], "scp": ["z"]}"#, &[]),
        (r#"{"sub": "a", "scope": ["x\ny"], "scp": ["z"]}"#, &[]),
        // A list with null is no list of texts, and it is not null.
        (r#"{"sub": "a", "scope": ["x", null], "scp": ["z"]}"#, &[]),
        (r#"{"sub": "a", "scope": [null], "scp": ["z"]}"#, &[]),
        (r#"{"sub": "a", "scope": [null, "x"], "scp": ["z"]}"#, &[]),
        (r#"{"sub": "a", "scope": [["x", null]], "scp": ["z"]}"#, &[]),
        (r#"{"sub": "a"}"#, &[]),
    ] {
        assert_eq!(principal("{}", claims).scopes, scopes, "{claims}");
    }
}

#[test]
fn every_place_can_be_configured() {
    let jwt = r#"{"metadata_key": "payload", "user_id": "/preferred_username", "key_id": ["/azp", "/sub"],
                  "scopes": "/resource_access/mlflow/scopes", "grants": "/mlflow/grants", "roles": "/a~1b/roles/0",
                  "is_admin": "/mlflow/admin"}"#;
    let found = principal(
        jwt,
        r#"{"sub": "id-1", "preferred_username": "alice", "resource_access": {"mlflow": {"scopes": ["model:read"]}},
            "mlflow": {"admin": true, "grants": [{"scope": "model:write", "names": ["fraud-*"]}]},
            "a/b": {"roles": [["lead", "b c"], ["not"]]}}"#,
    );
    assert_eq!(found.user_id.as_deref(), Some("alice"));
    assert_eq!(found.key_id.as_deref(), Some("id-1"));
    assert_eq!(found.scopes, ["model:read"]);
    assert_eq!(found.roles, ["lead", "b c"]);
    assert!(found.is_admin);
    let [grant] = found.grants.as_slice() else {
        panic!("{found:?}")
    };
    assert_eq!(
        (grant.scope.as_str(), grant.names.as_deref()),
        ("model:write", Some(&["fraud-*".to_owned()][..]))
    );
}

#[test]
fn rights_of_another_type_are_none() {
    let jwt = r#"{"grants": "/g", "is_admin": "/admin"}"#;
    for claims in [
        r#"{"admin": "true"}"#,
        r#"{"admin": 1}"#,
        r#"{"admin": [true]}"#,
        r#"{"admin": {"x": true}}"#,
        r#"{"admin": false}"#,
        r#"{"admin": [true, null]}"#,
        r#"{"roles": "lead"}"#,
        r#"{"roles": ["viewer", null], "groups": ["lead"]}"#,
        r#"{"realm_access": {"roles": [null]}, "groups": ["lead"]}"#,
        r#"{"g": [{"scope": "a", "names": ["b", null]}]}"#,
        r#"{"roles": {"lead": ""}}"#,
        r#"{"roles": {"0": "lead"}}"#,
        r#"{"groups": [{"name": "lead"}]}"#,
        r#"{"g": {"scope": "a", "names": ["b"]}}"#,
        r#"{"g": [{"scope": "a"}]}"#,
        r#"{"g": [{"scope": "a", "names": "b"}]}"#,
        r#"{"g": ["a"]}"#,
    ] {
        let found = principal(jwt, claims);
        assert!(!found.is_admin, "{claims}");
        assert!(
            found.roles.is_empty() && found.grants.is_empty(),
            "{claims}: {found:?}"
        );
    }
}

/// The encoding carries no types: what a text says of itself is not enough. Of a flag nothing more can be had.
#[test]
fn text_that_looks_like_a_list_grants_nothing() {
    for claims in [
        // ["mlflow:admin"]
        r#"{"sub": "a", "scope": "\u0001\u0000\u0000\u0000\f\u0000\u0000\u0000\u0000\u0000\u0000\u0000mlflow:admin\u0000\u0000"}"#,
        r#"{"sub": "a", "roles": "\u0001\u0000\u0000\u0000\u0004\u0000\u0000\u0000\u0000\u0000\u0000\u0000lead\u0000\u0000"}"#,
    ] {
        let found = caller("{}", claims).unwrap();
        assert!(
            found.principal.scopes.is_empty() && found.principal.roles.is_empty(),
            "{claims}"
        );
        assert!(
            matches!(found.remark, Some(Remark::NoRights(_))),
            "{:?}",
            found.remark
        );
    }
    let list = r#"{"sub": "a", "scope": ["mlflow:admin"], "roles": ["lead"]}"#;
    assert_eq!(principal("{}", list).scopes, ["mlflow:admin"]);
}

#[test]
fn a_caller_may_have_no_name_and_never_one_that_cannot_be_read() {
    for (claims, expected) in [
        (r#"{"scope": "a"}"#, Ok(None)),
        (r#"{"sub": null, "scope": "a"}"#, Ok(None)),
        (r#"{"sub": "", "scope": "a"}"#, Ok(None)),
        (r#"{"sub": " ", "scope": "a"}"#, Ok(None)),
        (r#"{"sub": 42, "scope": "a"}"#, Ok(Some("42"))),
        (r#"{"sub": "a\nb", "scope": "a"}"#, Err("/sub")),
        (r#"{"sub": "\u0000", "scope": "a"}"#, Err("/sub")),
        (r#"{"sub": 1.5, "scope": "a"}"#, Err("/sub")),
        (r#"{"sub": ["a"], "scope": "a"}"#, Err("/sub")),
        (r#"{"sub": {"a": "b"}, "scope": "a"}"#, Err("/sub")),
        (r#"{"sub": true, "scope": "a"}"#, Err("/sub")),
        (r#"{"sub": ["a", null], "scope": "a"}"#, Err("/sub")),
        (r#"{"sub": [null], "scope": "a"}"#, Err("/sub")),
    ] {
        let found = caller("{}", claims).map(|it| it.principal.key_id);
        let expected = expected.map(|it: Option<&str>| it.map(str::to_owned));
        let expected = expected.map_err(|it| TokenError::Unreadable(it.into()));
        assert_eq!(found, expected, "{claims}");
    }
    let places = r#"{"user_id": ["/a", "/b"], "key_id": "/c"}"#;
    let found = principal(places, r#"{"a": "", "b": "bob", "c": "key"}"#);
    assert_eq!(
        (found.user_id.as_deref(), found.key_id.as_deref()),
        (Some("bob"), Some("key"))
    );
}

#[test]
fn the_end_of_a_token_ends_its_rights_at_once() {
    let now = NOW.as_secs();
    for (exp, expected) in [
        (format!("{}", now + 1), Ok(())),
        (format!("{now}.5"), Ok(())),
        (format!("{now}"), Err(TokenError::Expired)),
        (format!("{}", now - 1), Err(TokenError::Expired)),
        ("0".to_owned(), Err(TokenError::Expired)),
        // In milliseconds, in text, or nothing that can be read: nobody knows when it ends.
        (
            "1700000000000".to_owned(),
            Err(TokenError::Unreadable("/exp".into())),
        ),
        ("-1".to_owned(), Err(TokenError::Unreadable("/exp".into()))),
        (
            r#""2000000000""#.to_owned(),
            Err(TokenError::Unreadable("/exp".into())),
        ),
        (
            "null".to_owned(),
            Err(TokenError::Unreadable("/exp".into())),
        ),
        (
            "[2000000000]".to_owned(),
            Err(TokenError::Unreadable("/exp".into())),
        ),
        (
            "true".to_owned(),
            Err(TokenError::Unreadable("/exp".into())),
        ),
    ] {
        let claims = format!(r#"{{"sub": "a", "scope": "x", "exp": {exp}}}"#);
        let found = caller("{}", &claims).map(|_| ());
        assert_eq!(found, expected, "{claims}");
    }
    assert!(
        caller("{}", r#"{"sub": "a", "scope": "x"}"#).is_ok(),
        "whether a token may have no end is the verifier's to say"
    );
}

#[test]
fn claims_stand_under_one_of_the_keys() {
    let facts = GivenFacts::default();
    let facts = facts.with_claims("https://issuer", br#"{"sub": "a", "exp": 2000000}"#);
    let facts = facts.unwrap();
    for (jwt, expected) in [
        ("{}", false),
        (r#"{"metadata_key": "https://issuer"}"#, true),
        (r#"{"metadata_key": ["payload", "https://issuer"]}"#, true),
        (r#"{"metadata_key": ["https://issuer/"]}"#, false),
    ] {
        let found = tokens(jwt).find(&head(&facts));
        assert_eq!(found.unwrap().is_some(), expected, "{jwt}");
    }
}

#[test]
fn claims_are_there_however_little_they_say() {
    for (claims, expected) in [
        (r#"{"exp": 2000000}"#, true),
        (r#"{"exp": null}"#, true),
        (r#"{"sub": "a"}"#, true),
        (r#"{"sub": null}"#, true),
        ("{}", true),
    ] {
        let facts = GivenFacts::default().with_claims("payload", claims.as_bytes());
        let found = tokens("{}").find(&head(&facts.unwrap()));
        assert_eq!(found.unwrap().is_some(), expected, "{claims}");
    }
    let without = GivenFacts::default();
    assert!(tokens("{}").find(&head(&without)).unwrap().is_none());
    let no_host = RequestHead {
        headers: &[],
        facts: None,
    };
    assert!(tokens("{}").find(&no_host).unwrap().is_none());
}

#[test]
fn claims_under_two_keys_are_two_tokens() {
    let both = Raw::default().with("exp", Property::Is(vec![0; 8]));
    let mut both = both;
    both.0
        .insert(format!("{CLAIMS}other"), Property::Unreadable);
    let two = tokens(r#"{"metadata_key": ["payload", "other"]}"#).find(&head(&both));
    assert_eq!(two.map(|it| it.is_some()), Err(Unclear::Several));
    let one = tokens(r#"{"metadata_key": ["payload", "third"]}"#).find(&head(&both));
    assert!(one.unwrap().is_some());
}

#[test]
fn a_host_that_fails_says_nothing() {
    let failing = Raw::default().with("exp", Property::Failed);
    let found = tokens("{}").find(&head(&failing));
    assert_eq!(found.map(|it| it.is_some()), Err(Unclear::HostFailed));
    let mut failing = Raw::default();
    failing
        .0
        .insert(format!("{CLAIMS}payload"), Property::Failed);
    let found = tokens("{}").find(&head(&failing));
    assert_eq!(found.map(|it| it.is_some()), Err(Unclear::HostFailed));
    for claim in [
        "sub",
        "scope",
        "scp",
        "roles",
        "realm_access\0roles",
        "groups",
    ] {
        let failing = Raw::default()
            .with("exp", Property::Is(2e6_f64.to_le_bytes().to_vec()))
            .with(claim, Property::Failed);
        let found = caller_by("{}", &failing).map(|_| ());
        assert_eq!(found, Err(TokenError::HostFailed), "{claim}");
    }
}

#[test]
fn too_many_names_are_refused() {
    for (count, expected) in [(1000, true), (1001, false)] {
        let names: Vec<String> = (0..count).map(|it| format!("\"s{it}\"")).collect();
        for claim in ["scope", "roles"] {
            let claims = format!(r#"{{"sub": "a", "{claim}": [{}]}}"#, names.join(","));
            assert_eq!(caller("{}", &claims).is_ok(), expected, "{claim} {count}");
        }
        let grant = format!(
            r#"{{"sub": "a", "g": [{{"scope": "x", "names": [{}]}}]}}"#,
            names.join(",")
        );
        assert_eq!(
            caller(r#"{"grants": "/g"}"#, &grant).is_ok(),
            expected,
            "{count}"
        );
    }
}

#[test]
fn an_operator_is_told_of_claims_that_grant_nothing_and_of_no_value() {
    for (claims, expected) in [
        (r#"{"sub": "secret", "scope": "secret"}"#, None),
        (r#"{"sub": "secret", "scope": ""}"#, None),
        (r#"{"sub": "secret", "roles": ["secret"]}"#, None),
        (
            r#"{"sub": "secret", "scope": {"secret": "secret"}}"#,
            Some("the claim /scope of a verified token has an unexpected type"),
        ),
        (
            r#"{"sub": "secret", "permissions": ["secret"]}"#,
            Some(
                "a verified token has none of the claims that grant something; write the claim with its scopes in jwt.scopes (now: /scope, /scp)",
            ),
        ),
    ] {
        let remark = caller("{}", claims)
            .unwrap()
            .remark
            .map(|it| it.to_string());
        assert_eq!(remark.is_some(), expected.is_some(), "{claims}: {remark:?}");
        if let (Some(remark), Some(expected)) = (remark, expected) {
            assert!(remark.starts_with(expected), "{remark}");
            assert!(!remark.contains("secret"), "{remark}");
        }
    }
    let unreadable = caller("{}", r#"{"sub": ["secret"]}"#).map(|_| ());
    let shown = unreadable.unwrap_err().to_string();
    assert!(
        shown.contains("/sub") && !shown.contains("secret"),
        "{shown}"
    );
}
