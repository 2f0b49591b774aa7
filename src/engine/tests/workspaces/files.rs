//! Paths of artifacts: whose files they name, and what of them takes a right without a limit.

use super::{ANYWHERE, CREATE_RUN, HEADER, ON, asked, send};
use crate::engine::tests::{Shell, reason};

const FILES: &str = "/api/2.0/mlflow-artifacts/artifacts";
const EVERYWHERE: &str = r#"{"scopes": ["mlflow:admin"]}"#;
const LIMITED: &str =
    r#"{"scopes": ["default/mlflow:admin", "acme/mlflow:admin", "beta/mlflow:admin"]}"#;
const OF_ACME: &str = r#"{"scopes": ["acme/mlflow:admin"]}"#;

const ALLOWED: &str = "allowed";
const AMBIGUOUS: &str = "target_ambiguous";
const MISSING: &str = "scope_missing";

#[test]
fn files_of_another_workspace_take_a_right_without_a_limit() {
    for (path, workspace, limited) in [
        ("1/f", "", ALLOWED),
        ("1/f", "acme", ALLOWED),
        ("workspaces/acme/1/f", "acme", ALLOWED),
        ("workspaces/acme/1/f", "beta", MISSING),
        ("workspaces/acme/1/f", "", MISSING),
        ("workspaces/acme", "", MISSING),
        ("%77orkspaces/acme/1/f", "", MISSING),
        ("%2577orkspaces/acme/1/f", "", MISSING),
        ("Workspaces/acme/1/f", "", MISSING),
        ("workspaces/default/1/f", "", ALLOWED),
    ] {
        let targets = [
            ("GET", format!("{FILES}/{path}")),
            ("PUT", format!("{FILES}/{path}")),
            ("DELETE", format!("{FILES}/{path}")),
            ("GET", format!("{FILES}?path={path}")),
            (
                "POST",
                format!("/api/2.0/mlflow-artifacts/mpu/create/{path}"),
            ),
            ("GET", format!("/api/2.0/mlflow-artifacts/presigned/{path}")),
        ];
        for (method, target) in targets {
            let found = asked(ON, method, &target, workspace, LIMITED);
            // It is a path below the root, in whatever workspace.
            let is_of_default = target.ends_with("presigned/1/f") && !workspace.is_empty();
            let limited = if is_of_default { MISSING } else { limited };
            assert_eq!(found, limited, "{method} {target} {workspace}");
            let found = asked(ON, method, &target, workspace, EVERYWHERE);
            assert_eq!(found, ALLOWED, "{method} {target} {workspace}");
            let found = asked("", method, &target, workspace, EVERYWHERE);
            assert_eq!(found, ALLOWED, "without workspaces: {method} {target}");
        }
    }
    let mine = asked(ON, "GET", &format!("{FILES}/1/f"), "beta", OF_ACME);
    assert_eq!(mine, "workspace_not_granted");
}

/// In `default` the root holds the files of all.
#[test]
fn the_root_of_the_default_workspace_is_everybodys() {
    for (target, workspace, limited) in [
        (FILES.to_owned(), "", MISSING),
        (format!("{FILES}?path="), "", MISSING),
        (format!("{FILES}?path=/"), "", MISSING),
        (format!("{FILES}/"), "", MISSING),
        (FILES.to_owned(), "acme", ALLOWED),
        (format!("{FILES}?path="), "acme", ALLOWED),
    ] {
        assert_eq!(
            asked(ON, "GET", &target, workspace, LIMITED),
            limited,
            "{target}"
        );
        assert_eq!(asked(ON, "GET", &target, workspace, EVERYWHERE), ALLOWED);
    }
    let root = format!("{FILES}/");
    assert_eq!(asked(ON, "DELETE", &root, "", LIMITED), MISSING);
}

#[test]
fn a_path_that_mlflow_may_read_as_another_is_refused_whoever_asks() {
    for target in [
        format!("{FILES}?path=workspaces"),
        format!("{FILES}?path=workspaces/"),
        format!("{FILES}?path=%2577orkspaces"),
        format!("{FILES}?path=./workspaces/acme"),
        format!("{FILES}?path=1/../workspaces/acme"),
        format!("{FILES}?path=%252e/workspaces"),
        format!("{FILES}?path=%20workspaces/acme"),
        format!("{FILES}?path=file:workspaces/acme"),
        format!("{FILES}?path=work%09spaces/acme"),
        format!("{FILES}?path=1&path=workspaces"),
        format!("{FILES}?path"),
        format!("{FILES}?path=%zz"),
        format!("{FILES}?Path=1"),
        format!("{FILES}/workspaces"),
        format!("{FILES}/./workspaces/acme"),
    ] {
        for body in [EVERYWHERE, LIMITED] {
            let found = asked(ON, "GET", &target, "", body);
            assert_eq!(found, AMBIGUOUS, "{target}");
        }
    }
    for (method, sent) in [
        ("GET", &[(HEADER, "acme"), ("content-length", "9")][..]),
        ("GET", &[(HEADER, "acme"), ("transfer-encoding", "chunked")]),
        ("HEAD", &[(HEADER, "acme")]),
    ] {
        let next = send(&mut Shell::new(ON), method, FILES, sent, LIMITED);
        assert_eq!(
            reason(&next),
            AMBIGUOUS,
            "the body may hold the path: {sent:?}"
        );
    }
}

/// By which MLflow up to 3.13 may take the path from the host.
#[test]
fn a_host_holds_no_path() {
    for host in [
        "x/mlflow/server-info?",
        "x/mlflow/server-info#",
        "x/",
        "x?",
        "x#y",
    ] {
        for name in [":authority", "host"] {
            for (more, expected) in [(ON, AMBIGUOUS), ("", ALLOWED)] {
                let sent = [(name, host)];
                let next = send(&mut Shell::new(more), "POST", CREATE_RUN, &sent, ANYWHERE);
                assert_eq!(reason(&next), expected, "{name}: {host} {more}");
            }
        }
    }
    for host in ["mlflow.example:8080", "[::1]:80", "a_b.example", "u@x"] {
        let sent = [(":authority", host)];
        let next = send(&mut Shell::new(ON), "POST", CREATE_RUN, &sent, ANYWHERE);
        assert_eq!(reason(&next), ALLOWED, "{host}");
    }
}

/// MLflow drops the workspace of a request whose path ends so.
#[test]
fn only_the_servers_own_path_may_end_as_it_does() {
    for (method, path, expected) in [
        ("GET", "/api/3.0/mlflow/server-info", "public"),
        ("GET", "/ajax-api/3.0/mlflow/server-info", "public"),
        ("GET", "/static-files/mlflow/server-info", ALLOWED),
        (
            "GET",
            "/api/2.0/mlflow-artifacts/artifacts/1/mlflow/server-info",
            AMBIGUOUS,
        ),
        (
            "PUT",
            "/api/2.0/mlflow-artifacts/artifacts/1/mlflow/server-info/",
            AMBIGUOUS,
        ),
        (
            "GET",
            "/api/2.0/mlflow-artifacts/artifacts/1/mlflow/server-info%3Fx",
            AMBIGUOUS,
        ),
        (
            "GET",
            "/api/2.0/mlflow-artifacts/artifacts/1/mlflow/server-info%23x",
            AMBIGUOUS,
        ),
        (
            "GET",
            "/api/2.0/mlflow-artifacts/artifacts/1/mlflow/server%2Dinfo",
            AMBIGUOUS,
        ),
        (
            "GET",
            "/ajax-api/3.0/mlflow/mcp-servers/mlflow/server-info",
            AMBIGUOUS,
        ),
        ("POST", "/x/mlflow/server-info", AMBIGUOUS),
        (
            "GET",
            "/api/2.0/mlflow-artifacts/artifacts/1/mlflow/server-info/f",
            ALLOWED,
        ),
        (
            "GET",
            "/api/2.0/mlflow-artifacts/artifacts/1/mlflow/server-info.txt",
            ALLOWED,
        ),
    ] {
        let found = asked(ON, method, path, "acme", EVERYWHERE);
        assert_eq!(found, expected, "{path}");
        let found = asked("", method, path, "acme", EVERYWHERE);
        assert_ne!(found, AMBIGUOUS, "without workspaces: {path}");
    }
}
