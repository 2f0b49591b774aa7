//! What a reply says of the workspaces of a key.

use super::bodies::{contract_error, principal};
use super::shapes::read;
use crate::auth_service::{Failure, Verdict};

type Limit<'a> = (Option<&'a [&'a str]>, Option<&'a str>);

fn of(body: &str) -> (Option<Vec<String>>, Option<String>) {
    let principal = principal(body);
    (principal.workspaces, principal.workspace)
}

fn owned((workspaces, workspace): Limit<'_>) -> (Option<Vec<String>>, Option<String>) {
    let workspaces = workspaces.map(|all| all.iter().map(|it| (*it).to_owned()).collect());
    (workspaces, workspace.map(str::to_owned))
}

fn verdict_with(reply: &str, body: &str) -> Verdict {
    let service = format!(r#"{{"cluster": "c", "reply": {reply}}}"#);
    read(&service, 200, body)
}

#[test]
fn a_reply_limits_a_key_to_workspaces_and_pins_it_to_one() {
    for (fields, expected) in [
        ("", (None, None)),
        (r#", "workspaces": null, "workspace": null"#, (None, None)),
        (
            r#", "workspaces": ["acme", "team-*"]"#,
            (Some(&["acme", "team-*"][..]), None),
        ),
        (r#", "workspaces": []"#, (Some(&[]), None)),
        (r#", "workspace": "acme""#, (Some(&["acme"]), Some("acme"))),
        (
            r#", "workspace": "acme", "workspaces": ["acme", "beta"]"#,
            (Some(&["acme", "beta"]), Some("acme")),
        ),
        (
            r#", "workspace": "acme", "workspaces": null"#,
            (Some(&["acme"]), Some("acme")),
        ),
        // What is no pattern matches no workspace, and what is no name leaves none.
        (r#", "workspaces": ["Acme"]"#, (Some(&["Acme"]), None)),
        (r#", "workspace": "Acme""#, (Some(&[]), None)),
        (
            r#", "workspace": "", "workspaces": ["*"]"#,
            (Some(&[]), None),
        ),
    ] {
        let found = of(&format!(r#"{{"scopes": ["s"]{fields}}}"#));
        assert_eq!(found, owned(expected), "{fields}");
    }
}

#[test]
fn a_limit_of_another_type_breaks_the_contract() {
    for (fields, field) in [
        (r#""workspaces": "acme""#, "workspaces"),
        (r#""workspaces": {}"#, "workspaces"),
        (r#""workspaces": false"#, "workspaces"),
        (r#""workspaces": ["acme", null]"#, "workspaces[1]"),
        (
            r#""workspaces": ["acme"], "workspaces": ["*"]"#,
            "workspaces",
        ),
        (r#""workspace": ["acme"]"#, "workspace"),
        (r#""workspace": 7"#, "workspace"),
        (r#""workspace": {"id": "acme"}"#, "workspace"),
        (r#""user": {"workspaces": "acme"}"#, "user.workspaces"),
        (
            r#""grants": [{"scope": "s", "names": ["n"], "workspace": "acme"}]"#,
            "grants[0].workspace",
        ),
        (
            r#""grants": [{"scope": "s", "workspaces": null}]"#,
            "grants[0].workspaces",
        ),
        (
            r#""grants": [{"scope": "s", "workspaces": "acme"}]"#,
            "grants[0].workspaces",
        ),
        (
            r#""grants": [{"scope": "s", "workspaces": ["acme", 1]}]"#,
            "grants[0].workspaces[1]",
        ),
        (
            r#""grants": [{"scope": "s", "names": null, "workspaces": ["acme"]}]"#,
            "grants[0].names",
        ),
    ] {
        let error = contract_error(format!(r#"{{"scopes": ["s"], {fields}}}"#).as_bytes());
        let shown = error.to_string();
        assert!(
            shown.starts_with(&format!("field {field}: ")),
            "{fields}: {shown}"
        );
        assert!(!shown.contains("acme"), "{shown}");
    }
    let many = vec!["\"w\""; 1001].join(",");
    let error = contract_error(format!(r#"{{"workspaces": [{many}]}}"#).as_bytes());
    assert_eq!(
        error.to_string(),
        "field workspaces: holds more than 1000 names"
    );
}

#[test]
fn grants_may_be_limited_to_names_to_workspaces_or_to_both() {
    let body = r#"{"scopes": ["s"], "grants": [{"scope": "a", "workspaces": ["acme"]},
        {"scope": "b", "names": ["n"], "workspaces": ["acme"]}, {"scope": "c", "names": ["n"]}]}"#;
    let shown: Vec<(bool, bool)> = principal(body)
        .grants
        .iter()
        .map(|it| (it.names.is_some(), it.workspaces.is_some()))
        .collect();
    assert_eq!(shown, [(false, true), (true, true), (true, false)]);
}

/// A place that `reply` names is read in their usual place's stead.
#[test]
fn a_configured_place_is_read_in_their_place() {
    for (reply, body, expected) in [
        (
            r#"{"workspaces": "/team/spaces", "workspace": "/team/home"}"#,
            r#"{"team": {"spaces": ["acme"], "home": "acme"}, "workspaces": ["x"]}"#,
            (Some(&["acme"][..]), Some("acme")),
        ),
        (
            r#"{"workspaces": ["/a", "/b"]}"#,
            r#"{"a": null, "b": ["beta"]}"#,
            (Some(&["beta"]), None),
        ),
        (
            r#"{"workspace": "/w"}"#,
            r#"{"w": "acme"}"#,
            (Some(&["acme"]), Some("acme")),
        ),
        // Nothing stands there: only who may do everything is not limited.
        (
            r#"{"workspaces": "/w"}"#,
            r#"{"w": null}"#,
            (Some(&[]), None),
        ),
        (r#"{"workspace": "/w"}"#, "{}", (Some(&[]), None)),
        (
            r#"{"workspaces": "/w", "is_admin": "/a"}"#,
            r#"{"a": false}"#,
            (Some(&[]), None),
        ),
        (
            r#"{"workspaces": "/w", "is_admin": "/a"}"#,
            r#"{"a": true}"#,
            (None, None),
        ),
        (
            r#"{"workspaces": "/w", "is_admin": "/a"}"#,
            r#"{"a": true, "w": ["acme"]}"#,
            (Some(&["acme"]), None),
        ),
        // Read only where it is named.
        (
            r#"{"workspaces": "/w"}"#,
            r#"{"is_admin": true}"#,
            (Some(&[]), None),
        ),
    ] {
        match verdict_with(reply, body) {
            Verdict::Valid(it, _) => {
                assert_eq!(
                    (it.workspaces, it.workspace),
                    owned(expected),
                    "{reply} {body}"
                );
            }
            other => panic!("{reply} {body}: {other:?}"),
        }
    }
    let verdict = verdict_with(r#"{"workspaces": "/w"}"#, r#"{"w": "acme"}"#);
    assert!(
        matches!(verdict, Verdict::Unavailable(Failure::Contract(_))),
        "{verdict:?}"
    );
}

/// Its reply has another shape, and the operator need not know that it has limits.
#[test]
fn a_limit_that_no_place_is_named_for_counts() {
    const INTROSPECTION: &str =
        r#"{"cluster": "c", "path": "/introspect", "protocol": "introspection", "audience": null"#;
    let keys = |reply: &str| format!(r#"{{"cluster": "c", "reply": {reply}}}"#);
    let introspection = |reply: &str| format!("{INTROSPECTION}{reply}}}");
    let acme: Limit<'_> = (Some(&["acme"]), None);
    let pinned: Limit<'_> = (Some(&["acme"]), Some("acme"));
    let unlimited: Limit<'_> = (None, None);
    for (service, body, expected) in [
        (
            keys(r#"{"scopes": "/s"}"#),
            r#""workspaces": ["acme"]"#,
            acme,
        ),
        (
            keys(r#"{"scopes": "/s"}"#),
            r#""workspace": "acme""#,
            pinned,
        ),
        (keys("{}"), r#""user": {"workspaces": ["acme"]}"#, acme),
        (
            keys("{}"),
            r#""workspaces": null, "user": {"workspace": "acme"}"#,
            pinned,
        ),
        (keys("{}"), r#""user": {"id": 1}"#, unlimited),
        (
            keys(r#"{"is_admin": "/root"}"#),
            r#""root": true, "workspaces": ["acme"]"#,
            acme,
        ),
        (
            keys(r#"{"workspaces": "/w", "is_admin": "/root"}"#),
            r#""root": true, "workspace": "acme""#,
            pinned,
        ),
        (introspection(""), r#""workspaces": ["acme"]"#, acme),
        (introspection(""), r#""workspace": "acme""#, pinned),
        (
            introspection(r#", "reply": {"scopes": "/s"}"#),
            r#""workspace": "acme""#,
            pinned,
        ),
        // The RFC has no such object.
        (
            introspection(""),
            r#""user": {"workspace": "acme"}"#,
            unlimited,
        ),
        // The operator says that they mean something else.
        (
            keys(r#"{"workspaces": [], "workspace": []}"#),
            r#""workspaces": 7, "workspace": {"plan": "free"}"#,
            unlimited,
        ),
        (
            introspection(r#", "reply": {"workspace": []}"#),
            r#""workspace": "acme""#,
            unlimited,
        ),
    ] {
        match read(&service, 200, &format!(r#"{{"active": true, {body}}}"#)) {
            Verdict::Valid(it, _) => {
                assert_eq!(
                    (it.workspaces, it.workspace),
                    owned(expected),
                    "{service} {body}"
                );
            }
            other => panic!("{service} {body}: {other:?}"),
        }
    }
    let verdict = verdict_with(r#"{"scopes": "/s"}"#, r#"{"workspaces": 7}"#);
    let Verdict::Unavailable(failure) = verdict else {
        panic!("{verdict:?}")
    };
    assert!(
        failure.to_string().contains("field /workspaces: "),
        "{failure}"
    );
}

#[test]
fn a_user_s_limit_is_that_of_a_key_without_one() {
    for (fields, expected) in [
        (
            r#""user": {"workspaces": ["acme"]}"#,
            (Some(&["acme"][..]), None),
        ),
        (
            r#""user": {"workspace": "acme", "is_admin": true}"#,
            (Some(&["acme"]), Some("acme")),
        ),
        (
            r#""workspace": "acme", "user": {"workspaces": ["*"]}"#,
            (Some(&["acme"]), Some("acme")),
        ),
        (
            r#""workspaces": ["acme"], "user": {"workspace": "beta"}"#,
            (Some(&["acme"]), None),
        ),
    ] {
        let found = of(&format!(r#"{{"scopes": ["s"], {fields}}}"#));
        assert_eq!(found, owned(expected), "{fields}");
    }
}

/// A service that echoes the key, wherever it puts it.
#[test]
fn a_key_in_the_place_of_a_workspace_is_taken_out_and_grants_nothing() {
    let body = r#"{"scopes": ["s"], "workspaces": ["key-1", "acme"], "workspace": "key-1",
        "grants": [{"scope": "a", "workspaces": ["key-1"]}]}"#;
    let mut verdict = super::answered(200, true, body.as_bytes());
    assert!(verdict.hide(|text| text == "key-1"));
    let Verdict::Valid(left, _) = verdict else {
        panic!("{verdict:?}")
    };
    assert_eq!(
        (left.workspaces, left.workspace),
        owned((Some(&["acme"]), None))
    );
    assert!(left.grants.is_empty());
    let mut verdict = super::answered(200, true, br#"{"scopes": ["s"], "workspace": "key-1"}"#);
    assert!(verdict.hide(|text| text == "key-1"));
    let Verdict::Valid(left, _) = verdict else {
        panic!("{verdict:?}")
    };
    assert_eq!((left.workspaces, left.workspace), owned((Some(&[]), None)));
}
