//! Requests for workspaces: which one each is for, what upstream is told of it, and who may.

mod denials;
mod files;
mod rights;
mod sources;

use super::{CREATE_RUN, SEARCH_RUNS, Shell, edits, reason, valid};
use crate::engine::Next;
use crate::upstream::HeaderEdit;

const ON: &str = r#", "workspaces": {"enabled": true}"#;
const HEADER: &str = "x-mlflow-workspace";
const ANYWHERE: &str = r#"{"key_id": "key_1", "scopes": ["model:write"]}"#;
const ACME: &str = r#"{"key_id": "key_1", "scopes": ["acme/model:write"]}"#;
const PINNED: &str = r#"{"key_id": "key_1", "scopes": ["model:write"], "workspace": "acme"}"#;

type Sent<'a> = &'a [(&'a str, &'a str)];

/// A request with `K1`, of which the service says `body`, and with these headers.
fn send(shell: &mut Shell, method: &str, path: &str, more: Sent<'_>, body: &str) -> Next {
    let mut headers: Vec<(&[u8], &[u8])> = vec![
        (b":method", method.as_bytes()),
        (b":path", path.as_bytes()),
        (b"authorization", b"Bearer K1"),
    ];
    let more = more.iter();
    headers.extend(more.map(|(name, value)| (name.as_bytes(), value.as_bytes())));
    shell.exchange(&headers, &valid(body))
}

/// The reason of the decision about a request for a workspace; an empty name is none.
fn asked(more: &str, method: &str, path: &str, workspace: &str, body: &str) -> &'static str {
    let header = [(HEADER, workspace)];
    let named: Sent<'_> = if workspace.is_empty() { &[] } else { &header };
    reason(&send(&mut Shell::new(more), method, path, named, body))
}

/// What becomes of the header, `-NAME` for each that is removed.
fn header_edits(next: &Next) -> Vec<String> {
    let edits = edits(next).into_iter().filter_map(|edit| match edit {
        HeaderEdit::Remove(name) => Some(format!("-{}", name.escape_ascii())),
        HeaderEdit::Set(name, value) | HeaderEdit::Add(name, value) => {
            (name == HEADER).then(|| value.to_owned())
        }
    });
    edits.collect()
}

#[test]
fn upstream_receives_exactly_one_header() {
    for (more, body, sent, expected) in [
        (ON, ANYWHERE, &[][..], &["default"][..]),
        (ON, ANYWHERE, &[(HEADER, "")], &["default"]),
        (ON, ANYWHERE, &[(HEADER, " \t ")], &["default"]),
        (ON, ANYWHERE, &[(HEADER, "beta")], &[]),
        (ON, ANYWHERE, &[(HEADER, " beta ")], &["beta"]),
        (ON, ANYWHERE, &[(HEADER, "default")], &[]),
        (
            ON,
            ANYWHERE,
            &[("x_mlflow_workspace", "beta")],
            &["-x_mlflow_workspace", "beta"],
        ),
        (
            ON,
            ANYWHERE,
            &[("x.mlflow.workspace", "")],
            &["-x.mlflow.workspace", "default"],
        ),
        (
            r#", "workspaces": {"enabled": true, "default": "team-a"}"#,
            ANYWHERE,
            &[],
            &["team-a"],
        ),
        // A pinned key is for its workspace, whatever the client knows of workspaces.
        (ON, PINNED, &[], &["acme"]),
        (ON, PINNED, &[(HEADER, "")], &["acme"]),
        (ON, PINNED, &[(HEADER, "acme")], &[]),
        // Without workspaces, everything is as the client sent it.
        ("", ANYWHERE, &[], &[]),
        ("", ANYWHERE, &[(HEADER, " beta ")], &[]),
        ("", ANYWHERE, &[("x_mlflow_workspace", "Beta")], &[]),
        ("", ANYWHERE, &[(HEADER, "a"), (HEADER, "b")], &[]),
    ] {
        let next = send(&mut Shell::new(more), "POST", CREATE_RUN, sent, body);
        assert_eq!(reason(&next), "allowed", "{more} {sent:?}");
        assert_eq!(header_edits(&next), expected, "{more} {body} {sent:?}");
    }
}

/// Also where nobody is asked who the caller is.
#[test]
fn upstream_receives_it_whatever_the_request_is() {
    let preflight = [
        ("origin", "https://a.example"),
        ("access-control-request-method", "POST"),
    ];
    let elsewhere = [preflight[0], preflight[1], (HEADER, "beta")];
    for (more, method, path, sent, expected) in [
        ("", "GET", "/health", &[][..], "public"),
        ("", "GET", "/version", &[(HEADER, "beta")], "public"),
        (r#", "public": ["ui"]"#, "GET", "/", &[], "public"),
        (
            r#", "public": ["ui"]"#,
            "GET",
            "/",
            &[(HEADER, "beta")],
            "public",
        ),
        ("", "OPTIONS", SEARCH_RUNS, &elsewhere, "preflight"),
        ("", "OPTIONS", SEARCH_RUNS, &preflight, "preflight"),
        (
            r#", "mode": "shadow""#,
            "POST",
            "/api/2.0/unknown",
            &[],
            "operation_unknown",
        ),
        (
            r#", "mode": "shadow""#,
            "POST",
            "/api//2.0",
            &[],
            "target_ambiguous",
        ),
    ] {
        let next = send(
            &mut Shell::new(&format!("{ON}{more}")),
            method,
            path,
            sent,
            ANYWHERE,
        );
        assert_eq!(reason(&next), expected, "{path}");
        let expected: &[&str] = if expected == "target_ambiguous" {
            &[]
        } else {
            &["default"]
        };
        assert_eq!(header_edits(&next), expected, "{path}");
    }
    let outside = r#", "mounts": ["/mlflow"], "outside": "forward""#;
    let mut shell = Shell::new(&format!("{ON}{outside}"));
    let next = send(
        &mut shell,
        "GET",
        "/shop",
        &[(HEADER, "A"), (HEADER, "B")],
        "{}",
    );
    assert_eq!((reason(&next), header_edits(&next).len()), ("outside", 0));
}

/// MLflow tells of each workspace that is named to it whether it exists.
#[test]
fn what_is_the_same_in_all_workspaces_probes_none() {
    let by_key = r#"{"scopes": ["model:write", "model:read"], "workspaces": ["acme"]}"#;
    let providers = "/ajax-api/3.0/mlflow/gateway/supported-providers";
    for (path, body, named, expected) in [
        ("/", ACME, "beta", &["default"][..]),
        ("/", ACME, "acme", &[]),
        ("/", by_key, "beta", &["default"]),
        (providers, by_key, "beta", &["default"]),
        (providers, by_key, "acme", &[]),
        ("/", ANYWHERE, "beta", &[]),
        ("/", PINNED, "", &["acme"]),
        ("/", PINNED, "beta", &["default"]),
    ] {
        let next = send(&mut Shell::new(ON), "GET", path, &[(HEADER, named)], body);
        assert_eq!(reason(&next), "allowed", "{path} {body} {named}");
        assert_eq!(header_edits(&next), expected, "{path} {body} {named}");
    }
}

#[test]
fn a_header_that_is_no_single_name_is_refused_before_anybody_is_asked() {
    for sent in [
        &[(HEADER, "Acme")][..],
        &[(HEADER, "a")],
        &[(HEADER, "acme,beta")],
        &[(HEADER, "*")],
        &[(HEADER, "../acme")],
        &[(HEADER, "acme"), (HEADER, "acme")],
        &[(HEADER, "acme"), ("x_mlflow_workspace", "acme")],
        &[("x.mlflow.workspace", ""), (HEADER, "acme")],
    ] {
        for path in [CREATE_RUN, "/health", "/.well-known/mlflow-authz/whoami"] {
            let mut shell = Shell::new(ON);
            let next = send(&mut shell, "GET", path, sent, ANYWHERE);
            assert_eq!(reason(&next), "workspace_ambiguous", "{sent:?} {path}");
            assert_eq!(shell.asked, 0);
            let answer = super::answer(&next);
            assert_eq!(answer.status, 400);
            assert!(
                answer.body.contains(r#""error_code":"BAD_REQUEST""#),
                "{}",
                answer.body
            );
            assert!(answer.body.contains("MLFLOW_WORKSPACE"), "{}", answer.body);
        }
        let mut shadow = Shell::new(&format!(r#"{ON}, "mode": "shadow""#));
        let next = send(&mut shadow, "POST", CREATE_RUN, sent, ANYWHERE);
        assert_eq!(reason(&next), "workspace_ambiguous");
        assert_eq!(header_edits(&next), [] as [&str; 0], "left to the server");
    }
}

/// The terms of a pinned key's request are those of its workspace, not those of the default one.
#[test]
fn overrides_match_the_workspace_that_the_request_is_for() {
    let over = |pattern: &str| {
        format!(
            r#"{ON}, "overrides": [{{"match": {{"workspace": "{pattern}"}}, "mode": "shadow"}}]"#
        )
    };
    let reader = r#"{"scopes": ["model:read"]}"#;
    let pinned = r#"{"scopes": ["model:read"], "workspace": "acme"}"#;
    for (pattern, body, workspace, is_refused) in [
        ("acme", reader, "", true),
        ("acme", reader, "acme", false),
        ("a*", reader, "acme", false),
        ("acme", reader, "beta", true),
        ("default", reader, "", false),
        ("default", pinned, "", true),
        ("acme", pinned, "", false),
    ] {
        let header = [(HEADER, workspace)];
        let named: Sent<'_> = if workspace.is_empty() { &[] } else { &header };
        let mut shell = Shell::new(&over(pattern));
        let next = send(&mut shell, "POST", CREATE_RUN, named, body);
        assert_eq!(reason(&next), "scope_missing");
        let found = matches!(next, Next::Answer(..));
        assert_eq!(found, is_refused, "{pattern} {body} {workspace}");
    }
}

#[test]
fn an_override_of_a_workspace_holds_of_nothing_that_leaves_it() {
    let over =
        format!(r#"{ON}, "overrides": [{{"match": {{"workspace": "acme"}}, "mode": "shadow"}}]"#);
    let pinned = r#"{"scopes": ["model:read"], "workspace": "acme"}"#;
    let files = "/api/2.0/mlflow-artifacts/artifacts";
    for (method, path, is_refused) in [
        ("POST", CREATE_RUN, false),
        ("PUT", &format!("{files}/workspaces/acme/1/f"), false),
        ("PUT", &format!("{files}/workspaces/beta/1/f"), true),
        ("DELETE", &format!("{files}/workspaces/acme"), true),
        ("DELETE", "/api/3.0/mlflow/workspaces/beta", true),
        ("POST", "/api/2.0/mlflow/users/create", true),
        ("POST", "/api/2.0/mlflow/webhooks", true),
        ("POST", "/api/3.0/mlflow/gateway/budgets/update", true),
        ("POST", "/api/9.0/mlflow/nobody/knows", true),
    ] {
        for (named, body) in [
            (&[(HEADER, "acme")][..], r#"{"scopes": ["model:read"]}"#),
            (&[], pinned),
        ] {
            let next = send(&mut Shell::new(&over), method, path, named, body);
            let found = matches!(next, Next::Answer(..));
            assert_eq!(found, is_refused, "{method} {path} {body}");
        }
    }
}

/// What is the same in all workspaces is of none, but for the page.
#[test]
fn an_override_of_a_workspace_opens_no_setting_of_the_server() {
    let over =
        format!(r#"{ON}, "overrides": [{{"match": {{"workspace": "acme"}}, "mode": "shadow"}}]"#);
    for (path, is_refused) in [
        ("/ajax-api/3.0/mlflow/gateway/secrets/config", true),
        (
            "/ajax-api/3.0/mlflow/gateway/provider-config?provider=openai",
            true,
        ),
        ("/", false),
    ] {
        let body = r#"{"scopes": ["unknown"]}"#;
        let next = send(
            &mut Shell::new(&over),
            "GET",
            path,
            &[(HEADER, "acme")],
            body,
        );
        assert_eq!(matches!(next, Next::Answer(..)), is_refused, "{path}");
    }
}

#[test]
fn what_is_limited_counts_for_nothing_where_there_are_no_workspaces() {
    for body in [
        ACME,
        PINNED,
        r#"{"scopes": ["*/model:write"]}"#,
        r#"{"scopes": ["acme/model:write:*"]}"#,
        r#"{"scopes": [], "grants": [{"scope": "model:write", "workspaces": ["*"]}]}"#,
        r#"{"scopes": [], "grants": [{"scope": "model:write", "workspaces": ["*"], "names": ["*"]}]}"#,
        r#"{"scopes": ["model:write"], "workspaces": ["*"]}"#,
        r#"{"scopes": ["model:write"], "workspaces": ["default"]}"#,
        r#"{"scopes": [], "is_admin": true, "workspaces": ["default"]}"#,
    ] {
        for more in [
            "",
            r#", "workspaces": {"enabled": false}"#,
            r#", "bodies": "inspect""#,
        ] {
            for (method, path) in [("POST", CREATE_RUN), ("GET", "/")] {
                let said = asked(more, method, path, "", body);
                assert_eq!(said, "scope_missing", "{more} {body} {path}");
            }
        }
    }
}
