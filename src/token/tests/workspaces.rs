//! The workspaces that the claims of a token limit its caller to.

use super::{
    GivenFacts, NOW, Raw, Remark, TokenError, caller, caller_by, head, mounted, principal,
};
use crate::config::Config;
use crate::request::Property;
use crate::rules::Rules;

const PLACES: &str = r#"{"workspaces": "/ws", "workspace": ["/home", "/team"], "grants": "/g"}"#;

fn limit(jwt: &str, claims: &str) -> (Option<Vec<String>>, Option<String>) {
    let found = principal(jwt, claims);
    (found.workspaces, found.workspace)
}

#[test]
fn claims_limit_a_caller_and_pin_it() {
    for (claims, workspaces, workspace) in [
        (r#"{"sub": "a"}"#, Some(&[][..]), None),
        (
            r#"{"ws": ["acme", "team-*"]}"#,
            Some(&["acme", "team-*"][..]),
            None,
        ),
        (r#"{"ws": []}"#, Some(&[]), None),
        (r#"{"home": "acme"}"#, Some(&["acme"]), Some("acme")),
        (
            r#"{"team": "acme", "ws": ["acme", "beta"]}"#,
            Some(&["acme", "beta"]),
            Some("acme"),
        ),
        // What may have been a limit leaves nothing.
        (r#"{"ws": null}"#, Some(&[]), None),
        (r#"{"ws": ["acme", null]}"#, Some(&[]), None),
        (r#"{"ws": "acme"}"#, Some(&[]), None),
        (r#"{"ws": {"acme": "x"}}"#, Some(&[]), None),
        (r#"{"ws": [1]}"#, Some(&[]), None),
        (r#"{"ws": true}"#, Some(&[]), None),
        (r#"{"home": null, "team": "acme"}"#, Some(&[]), None),
        (r#"{"home": ["acme"]}"#, Some(&[]), None),
        (r#"{"home": "Acme", "ws": ["*"]}"#, Some(&[]), None),
        (r#"{"home": ""}"#, Some(&[]), None),
    ] {
        let expected = workspaces.map(|all| all.iter().map(|it| (*it).to_owned()).collect());
        let expected = (expected, workspace.map(str::to_owned));
        assert_eq!(limit(PLACES, claims), expected, "{claims}");
        assert_eq!(
            limit("{}", claims),
            (None, None),
            "nothing stands in the usual places"
        );
    }
}

/// An issuer leaves the claim out for members of no group. Only who may do everything is not limited then.
#[test]
fn a_token_without_the_claims_leaves_its_caller_no_workspace() {
    const BOTH: &str = r#"{"workspaces": "/ws", "workspace": "/home", "is_admin": "/admin"}"#;
    for (jwt, claims, expected) in [
        ("{}", r#"{"scope": "s"}"#, None),
        (BOTH, r#"{"scope": "s", "admin": true}"#, None),
        (BOTH, r#"{"scope": "s", "admin": false}"#, Some(0)),
        (BOTH, r#"{"scope": "s", "admin": "yes"}"#, Some(0)),
        (BOTH, r#"{"scope": "acme/s"}"#, Some(0)),
        (
            BOTH,
            r#"{"scope": "s", "admin": true, "ws": ["acme"]}"#,
            Some(1),
        ),
        (BOTH, r#"{"scope": "s", "admin": true, "ws": []}"#, Some(0)),
        (
            BOTH,
            r#"{"scope": "s", "admin": true, "ws": null}"#,
            Some(0),
        ),
        (
            BOTH,
            r#"{"scope": "s", "admin": true, "home": "acme"}"#,
            Some(1),
        ),
        (BOTH, r#"{"scope": "s", "home": "acme"}"#, Some(1)),
        (
            r#"{"workspaces": "/ws"}"#,
            r#"{"scope": "s", "home": "acme"}"#,
            Some(0),
        ),
        (
            r#"{"workspace": "/home"}"#,
            r#"{"scope": "s", "ws": ["acme"]}"#,
            Some(0),
        ),
    ] {
        let found = caller(jwt, claims).unwrap();
        let workspaces = found.principal.workspaces.map(|all| all.len());
        assert_eq!(workspaces, expected, "{jwt} {claims}");
        let is_unstated = !claims.contains("home") && !claims.contains("ws") && expected == Some(0);
        if is_unstated && !claims.contains("yes") {
            assert_eq!(found.remark, Some(Remark::NoWorkspaces), "{claims}");
        }
    }
}

/// An operator need not know that the issuer writes them.
#[test]
fn a_limit_that_no_place_is_named_for_counts() {
    let acme = || Some(vec!["acme".to_owned()]);
    let pin = || Some("acme".to_owned());
    for (jwt, claims, expected) in [
        ("{}", r#"{"workspaces": ["acme"]}"#, (acme(), None)),
        ("{}", r#"{"workspace": "acme"}"#, (acme(), pin())),
        ("{}", r#"{"workspaces": null}"#, (Some(vec![]), None)),
        ("{}", r#"{"workspaces": "acme"}"#, (Some(vec![]), None)),
        ("{}", r#"{"workspace": 7}"#, (Some(vec![]), None)),
        (
            r#"{"is_admin": "/admin"}"#,
            r#"{"admin": true, "workspaces": ["acme"]}"#,
            (acme(), None),
        ),
        (
            r#"{"workspace": "/home"}"#,
            r#"{"home": "acme", "workspaces": ["beta"]}"#,
            (Some(vec![]), None),
        ),
        // It gives no rights where the configuration names another place.
        (
            r#"{"workspaces": "/ws"}"#,
            r#"{"workspace": "acme"}"#,
            (Some(vec![]), None),
        ),
        (
            r#"{"workspaces": [], "workspace": []}"#,
            r#"{"workspaces": ["acme"], "workspace": "acme"}"#,
            (None, None),
        ),
    ] {
        assert_eq!(limit(jwt, claims), expected, "{jwt} {claims}");
    }
}

#[test]
fn grants_may_be_limited_to_workspaces() {
    let found = principal(
        PLACES,
        r#"{"g": [{"scope": "a", "workspaces": ["acme"]}, {"scope": "b", "names": ["n"], "workspaces": ["beta"]}]}"#,
    );
    let limits: Vec<_> = found
        .grants
        .iter()
        .map(|it| {
            (
                it.scope.as_str(),
                it.names.is_some(),
                it.workspaces.as_deref().unwrap().len(),
            )
        })
        .collect();
    assert_eq!(limits, [("a", false, 1), ("b", true, 1)]);
    for claims in [
        r#"{"g": [{"scope": "a"}]}"#,
        r#"{"g": [{"scope": "a", "workspaces": "acme"}]}"#,
        r#"{"g": [{"scope": "a", "names": ["n"], "workspaces": "acme"}]}"#,
        r#"{"g": [{"scope": "a", "names": "n", "workspaces": ["acme"]}]}"#,
        r#"{"g": [{"scope": "a", "names": ["n"], "workspaces": null}]}"#,
        r#"{"g": [{"scope": "a", "names": ["n"], "workspace": "acme"}]}"#,
    ] {
        assert!(principal(PLACES, claims).grants.is_empty(), "{claims}");
    }
}

#[test]
fn an_operator_is_told_of_a_limit_that_leaves_nothing() {
    for claims in [
        r#"{"scope": "s", "ws": null}"#,
        r#"{"scope": "s", "ws": "acme"}"#,
        r#"{"scope": "s", "home": 7}"#,
    ] {
        let remark = caller(PLACES, claims).unwrap().remark;
        assert!(
            matches!(remark, Some(Remark::NoRights(_))),
            "{claims}: {remark:?}"
        );
    }
}

#[test]
fn a_host_that_fails_at_a_limit_says_nothing_of_the_caller() {
    for claim in ["ws", "home", "team"] {
        let failing = Raw::default()
            .with("exp", Property::Is(2e6_f64.to_le_bytes().to_vec()))
            .with(claim, Property::Failed);
        let found = caller_by(PLACES, &failing).map(|_| ());
        assert_eq!(found, Err(TokenError::HostFailed), "{claim}");
    }
}

#[test]
fn too_many_workspaces_are_refused() {
    for (count, expected) in [(1000, true), (1001, false)] {
        let names = vec!["\"ab\""; count].join(",");
        let claims = format!(r#"{{"sub": "a", "ws": [{names}]}}"#);
        assert_eq!(caller(PLACES, &claims).is_ok(), expected, "{count}");
    }
}

/// There, an issuer's claim of that name is about something else.
#[test]
fn without_workspaces_only_claims_that_are_named_are_read() {
    let claims = br#"{"sub": "a", "scope": "s", "workspace": "slack-team"}"#;
    for (jwt, more, pin) in [
        ("{}", "", None),
        (r#"{"workspace": "/workspace"}"#, "", Some("slack-team")),
        (
            "{}",
            r#", "workspaces": {"enabled": true}"#,
            Some("slack-team"),
        ),
    ] {
        let text = mounted(&format!(r#""jwt": {jwt}{more}"#));
        let rules = Rules::new(Config::parse(text.as_bytes()).unwrap());
        let tokens = rules.tokens().unwrap();
        let facts = GivenFacts::default().with_claims("payload", claims);
        let facts = facts.unwrap();
        let head = head(&facts);
        let token = tokens.find(&head).unwrap().unwrap();
        let found = tokens.caller(&token, &head, NOW).unwrap().principal;
        assert_eq!(found.workspace.as_deref(), pin, "{text}");
    }
}
