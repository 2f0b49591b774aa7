//! Who may do what in which workspace, whoever says who the caller is.

use super::{CREATE_RUN, ON, SEARCH_RUNS, asked};

const MODELS: &str = "/api/2.0/mlflow/registered-models/get?name=fraud-a";
const PROMPTS: &str = "/api/2.0/mlflow/registered-models/search";
const USERS: &str = "/api/2.0/mlflow/users/get";
const UNKNOWN: &str = "/api/2.0/mlflow/unknown";

const ALLOWED: &str = "allowed";
const ELSEWHERE: &str = "workspace_not_granted";
const MISSING: &str = "scope_missing";

/// Creating a run, with each workspace: none, `acme`, `acme-dev`, `beta`.
#[test]
fn a_right_holds_where_its_limit_says() {
    for (body, expected) in [
        (
            r#"{"scopes": ["model:write"]}"#,
            [ALLOWED, ALLOWED, ALLOWED, ALLOWED],
        ),
        (
            r#"{"scopes": ["acme/model:write"]}"#,
            [ELSEWHERE, ALLOWED, ELSEWHERE, ELSEWHERE],
        ),
        (
            r#"{"scopes": ["acme-*/model:write"]}"#,
            [ELSEWHERE, ELSEWHERE, ALLOWED, ELSEWHERE],
        ),
        (
            r#"{"scopes": ["*/model:write"]}"#,
            [ALLOWED, ALLOWED, ALLOWED, ALLOWED],
        ),
        (
            r#"{"scopes": ["default/model:write", "beta/model:write"]}"#,
            [ALLOWED, ELSEWHERE, ELSEWHERE, ALLOWED],
        ),
        // Read everywhere, write in one.
        (
            r#"{"scopes": ["model:read", "acme/model:write"]}"#,
            [ELSEWHERE, ALLOWED, ELSEWHERE, ELSEWHERE],
        ),
        // A workspace in which it has other rights.
        (
            r#"{"scopes": ["acme/model:write", "beta/model:read"]}"#,
            [ELSEWHERE, ALLOWED, ELSEWHERE, ELSEWHERE],
        ),
        (
            r#"{"scopes": ["beta/model:read"]}"#,
            [ELSEWHERE, ELSEWHERE, ELSEWHERE, MISSING],
        ),
        (
            r#"{"scopes": [], "grants": [{"scope": "model:write", "workspaces": ["acme", "beta"]}]}"#,
            [ELSEWHERE, ALLOWED, ELSEWHERE, ALLOWED],
        ),
        // The whole key is limited.
        (
            r#"{"scopes": ["model:write"], "workspaces": ["acme*"]}"#,
            [ELSEWHERE, ALLOWED, ALLOWED, ELSEWHERE],
        ),
        (
            r#"{"scopes": [], "is_admin": true, "workspaces": ["acme"]}"#,
            [ELSEWHERE, ALLOWED, ELSEWHERE, ELSEWHERE],
        ),
        (
            r#"{"scopes": [], "roles": ["lead"], "workspaces": ["acme"]}"#,
            [ELSEWHERE, ALLOWED, ELSEWHERE, ELSEWHERE],
        ),
        (
            r#"{"scopes": [], "grants": [{"scope": "model:write", "workspaces": ["*"]}], "workspaces": ["acme"]}"#,
            [ELSEWHERE, ALLOWED, ELSEWHERE, ELSEWHERE],
        ),
        (
            r#"{"scopes": ["beta/model:write"], "workspaces": ["acme"]}"#,
            [MISSING, MISSING, MISSING, MISSING],
        ),
        // Pinned: without the header it is for its workspace; another one is decided by its rights.
        (
            r#"{"scopes": ["model:write"], "workspace": "acme"}"#,
            [ALLOWED, ALLOWED, ELSEWHERE, ELSEWHERE],
        ),
        (
            r#"{"scopes": ["model:write"], "workspace": "acme", "workspaces": ["acme", "beta"]}"#,
            [ALLOWED, ALLOWED, ELSEWHERE, ALLOWED],
        ),
        (
            r#"{"scopes": ["model:write"], "workspace": "acme", "workspaces": ["beta"]}"#,
            [ELSEWHERE, ELSEWHERE, ELSEWHERE, ALLOWED],
        ),
        // An empty list, and what is no workspace, leave nothing.
        (
            r#"{"scopes": ["model:write"], "workspaces": []}"#,
            [ELSEWHERE; 4],
        ),
        (
            r#"{"scopes": [], "is_admin": true, "workspaces": []}"#,
            [ELSEWHERE; 4],
        ),
        (
            r#"{"scopes": ["model:write"], "workspaces": ["ACME", "a/b", ""]}"#,
            [ELSEWHERE; 4],
        ),
        (
            r#"{"scopes": ["model:write"], "workspace": "", "workspaces": ["*"]}"#,
            [ELSEWHERE; 4],
        ),
        (
            r#"{"scopes": ["model:write"], "workspace": "a\r\nb"}"#,
            [ELSEWHERE; 4],
        ),
        (
            r#"{"scopes": [], "grants": [{"scope": "model:write", "workspaces": []}]}"#,
            [MISSING; 4],
        ),
        // No scopes of ours.
        (r#"{"scopes": ["acme/unknown:write"]}"#, [MISSING; 4]),
        (r#"{"scopes": ["Acme/model:write"]}"#, [MISSING; 4]),
        (r#"{"scopes": ["/model:write"]}"#, [MISSING; 4]),
        (r#"{"scopes": ["acme/acme/model:write"]}"#, [MISSING; 4]),
        // Null is as absent.
        (
            r#"{"scopes": ["model:write"], "workspaces": null, "workspace": null}"#,
            [ALLOWED; 4],
        ),
    ] {
        let more = format!(r#"{ON}, "roles": {{"lead": ["run:write"]}}"#);
        let found = ["", "acme", "acme-dev", "beta"]
            .map(|workspace| asked(&more, "POST", CREATE_RUN, workspace, body));
        assert_eq!(found, expected, "{body}");
    }
}

/// A table that has the word as a whole says what it grants, limited or not.
#[test]
fn tables_are_looked_up_whole_first() {
    for (scopes, words, workspace, expected) in [
        (
            r#"{"acme/model:write": ["run:write"]}"#,
            r#"["acme/model:write"]"#,
            "beta",
            ALLOWED,
        ),
        (
            r#"{"acme/team": ["run:write"]}"#,
            r#"["acme/team"]"#,
            "beta",
            ALLOWED,
        ),
        (r#"{"acme/team": []}"#, r#"["acme/team"]"#, "acme", MISSING),
        (
            r#"{"team": ["run:write"]}"#,
            r#"["acme/team"]"#,
            "acme",
            ALLOWED,
        ),
        (
            r#"{"team": ["run:write"]}"#,
            r#"["acme/team"]"#,
            "beta",
            ELSEWHERE,
        ),
        // Limited to names is read before limited to workspaces.
        (
            r#"{"acme/a:b": ["registered_model:read"], "a:b": ["run:write"]}"#,
            r#"["acme/a:b:x"]"#,
            "acme",
            MISSING,
        ),
    ] {
        let more = format!(r#"{ON}, "scopes": {scopes}"#);
        let body = format!(r#"{{"scopes": {words}}}"#);
        let found = asked(&more, "POST", CREATE_RUN, workspace, &body);
        assert_eq!(found, expected, "{scopes} {words} {workspace}");
    }
}

#[test]
fn names_and_workspaces_limit_together() {
    for (body, workspace, name, expected) in [
        (
            r#"["acme/model:write:fraud-*"]"#,
            "acme",
            "fraud-a",
            ALLOWED,
        ),
        (
            r#"["acme/model:write:fraud-*"]"#,
            "acme",
            "risk-a",
            "name_not_granted",
        ),
        (
            r#"["acme/model:write:fraud-*"]"#,
            "beta",
            "fraud-a",
            ELSEWHERE,
        ),
        (r#"["acme/model:write:fraud-*"]"#, "", "fraud-a", ELSEWHERE),
        (r#"["model:write:fraud-*"]"#, "beta", "fraud-a", ALLOWED),
        (
            r#"["model:write:fraud-*"]"#,
            "",
            "risk-a",
            "name_not_granted",
        ),
        (
            r#"["acme/model:write:fraud-*", "beta/model:write:risk-*"]"#,
            "beta",
            "fraud-a",
            "name_not_granted",
        ),
        (
            r#"["acme/model:write", "beta/model:write:risk-*"]"#,
            "acme",
            "any",
            ALLOWED,
        ),
        (
            r#"[], "grants": [{"scope": "model:write", "names": ["fraud-*"], "workspaces": ["acme"]}]"#,
            "acme",
            "fraud-a",
            ALLOWED,
        ),
        (
            r#"[], "grants": [{"scope": "model:write", "names": ["fraud-*"], "workspaces": ["acme"]}]"#,
            "beta",
            "fraud-a",
            ELSEWHERE,
        ),
        (
            r#"[], "grants": [{"scope": "model:write", "names": [], "workspaces": ["acme"]}]"#,
            "acme",
            "fraud-a",
            MISSING,
        ),
        (
            r#"["model:write:fraud-*"], "workspaces": ["acme"]"#,
            "acme",
            "fraud-a",
            ALLOWED,
        ),
        (
            r#"["model:write:fraud-*"], "workspaces": ["acme"]"#,
            "beta",
            "fraud-a",
            ELSEWHERE,
        ),
    ] {
        let body = format!(r#"{{"scopes": {body}}}"#);
        let target = format!("/api/2.0/mlflow/registered-models/get?name={name}");
        let found = asked(ON, "GET", &target, workspace, &body);
        assert_eq!(found, expected, "{body} {workspace} {name}");
    }
}

/// What MLflow does not keep apart takes a right without a limit.
#[test]
fn operations_that_are_not_isolated_need_a_right_without_a_limit() {
    for (body, expected) in [
        (r#"{"scopes": ["mlflow:admin"]}"#, [ALLOWED; 6]),
        (r#"{"scopes": [], "is_admin": true}"#, [ALLOWED; 6]),
        (
            r#"{"scopes": ["acme/mlflow:admin"]}"#,
            [
                ALLOWED,
                ALLOWED,
                ALLOWED,
                MISSING,
                "operation_unknown",
                ALLOWED,
            ],
        ),
        (
            r#"{"scopes": ["*/mlflow:admin"]}"#,
            [
                ALLOWED,
                ALLOWED,
                ALLOWED,
                MISSING,
                "operation_unknown",
                ALLOWED,
            ],
        ),
        (
            r#"{"scopes": [], "is_admin": true, "workspaces": ["*"]}"#,
            [
                ALLOWED,
                ALLOWED,
                ALLOWED,
                MISSING,
                "operation_unknown",
                ALLOWED,
            ],
        ),
        (
            r#"{"scopes": ["acme/model:write", "mlflow:read"]}"#,
            [ALLOWED, ALLOWED, ALLOWED, MISSING, ALLOWED, ALLOWED],
        ),
    ] {
        let found = [
            ("POST", SEARCH_RUNS),
            ("GET", MODELS),
            ("GET", PROMPTS),
            ("GET", USERS),
            ("GET", UNKNOWN),
            ("GET", "/"),
        ]
        .map(|(method, path)| asked(ON, method, path, "acme", body));
        assert_eq!(found, expected, "{body}");
    }
}

/// The page is the same in all workspaces: any key with a known scope loads it, whatever the request names.
#[test]
fn the_page_needs_no_workspace() {
    for (body, expected) in [
        (r#"{"scopes": ["acme/model:write"]}"#, ALLOWED),
        (r#"{"scopes": ["acme/model:write:fraud-*"]}"#, ALLOWED),
        (
            r#"{"scopes": ["model:read"], "workspaces": ["acme"]}"#,
            ALLOWED,
        ),
        (r#"{"scopes": ["acme/unknown"]}"#, MISSING),
        (r#"{"scopes": ["model:read"], "workspaces": []}"#, MISSING),
        (
            r#"{"scopes": ["model:read"], "workspaces": ["ACME"]}"#,
            MISSING,
        ),
    ] {
        for workspace in ["", "acme", "beta"] {
            for path in ["/", "/static-files/main.js"] {
                let found = asked(ON, "GET", path, workspace, body);
                assert_eq!(found, expected, "{body} {path}");
            }
        }
    }
}
