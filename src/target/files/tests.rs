//! Whose files paths name, as MLflow reads them.

use super::Files;
use crate::target::Ambiguity;

fn of(workspace: &str) -> Result<Files, Ambiguity> {
    Ok(Files::Of(workspace.into()))
}

const REFUSED: Result<Files, Ambiguity> = Err(Ambiguity::ArtifactPath);

#[test]
fn a_path_below_the_folder_of_workspaces_is_the_named_ones() {
    for (path, expected) in [
        ("1/f.txt", Ok(Files::Own)),
        ("f", Ok(Files::Own)),
        ("1/workspaces/beta/f", Ok(Files::Own)),
        ("workspaces-of-mine/f", Ok(Files::Own)),
        ("workspaces/beta", of("beta")),
        ("workspaces/beta/", of("beta")),
        ("workspaces/beta/1/f", of("beta")),
        ("Workspaces/beta/1/f", of("beta")),
        ("%77orkspaces/beta/1/f", of("beta")),
        ("%2577orkspaces/beta/1/f", of("beta")),
        ("workspaces/%62eta/1/f", of("beta")),
        ("", Ok(Files::Root)),
        ("/", Ok(Files::Root)),
        ("workspaces", REFUSED),
        ("workspaces/", REFUSED),
        ("WORKSPACES", REFUSED),
        ("%2577orkspaces", REFUSED),
        ("./workspaces/beta/f", REFUSED),
        ("1/../workspaces/beta", REFUSED),
        ("1//f", REFUSED),
        ("//workspaces/beta", REFUSED),
        ("workspaces//beta/f", REFUSED),
        ("workspaces\\beta\\f", REFUSED),
        ("%2e/workspaces/beta/f", REFUSED),
        ("%252e/workspaces/beta/f", REFUSED),
        ("workspaces%252fbeta/f", of("beta")),
    ] {
        assert_eq!(Files::of_query(path), expected, "{path}");
        for prefix in [
            "artifacts",
            "presigned",
            "mpu/create",
            "mpu/complete",
            "mpu/abort",
        ] {
            for before in ["/api/2.0", "/ajax-api/2.0"] {
                let target = format!("{before}/mlflow-artifacts/{prefix}/{path}");
                let found = Files::of_path(&target);
                let expected = match &expected {
                    Ok(Files::Own) if prefix == "presigned" => of("default"),
                    Ok(Files::Root) if prefix == "presigned" => Ok(Files::Neighbours),
                    other => other.clone(),
                };
                assert_eq!(found, expected, "{target}");
            }
        }
    }
}

/// Which some file systems take for that folder: in `default` it needs a grant without a limit.
#[test]
fn a_folder_of_several_spellings_may_be_that_of_the_workspaces() {
    for (path, expected) in [
        ("workspaces./beta/f", Files::Root),
        ("workspaces%20/beta/f", Files::Root),
        ("workspaces.%20./beta/f", Files::Root),
        ("work\u{17f}paces/beta/f", Files::Root),
        ("work%C5%BFpaces/beta/f", Files::Root),
        ("wor\u{212a}spaces/beta/f", Files::Root),
        ("work%E2%80%8Dspaces/beta/f", Files::Root),
        ("WORKSP~1/beta/f", Files::Root),
        ("workspaces::$INDEX_ALLOCATION/beta/f", Files::Root),
        ("%FF/f", Files::Root),
        ("1/workspaces./f", Files::Own),
        ("1/\u{e9}t\u{e9}.txt", Files::Own),
        ("my files/f", Files::Own),
        (".hidden/f", Files::Own),
        ("v1.2_(a)/f", Files::Own),
    ] {
        let target = format!("/api/2.0/mlflow-artifacts/artifacts/{path}");
        assert_eq!(Files::of_path(&target), Ok(expected.clone()), "{path}");
        assert_eq!(Files::of_deleted(&target), Ok(expected.clone()), "{path}");
        if !path.contains("::") {
            assert_eq!(Files::of_query(path), Ok(expected), "{path}");
        }
    }
}

/// Of a target's path these are refused before.
#[test]
fn a_path_in_a_query_is_held_to_the_rules_of_a_target() {
    for path in [
        " workspaces/beta",
        "file:workspaces/beta",
        "work\tspaces/beta",
        "work%09spaces/beta",
        "work%250Aspaces/beta",
        "workspaces;",
        "workspaces?",
        "workspaces%23",
        "\u{1}workspaces/beta",
    ] {
        assert_eq!(Files::of_query(path), REFUSED, "{path:?}");
    }
}

#[test]
fn files_are_in_their_own_workspace_and_the_root_in_none_that_shares_it() {
    let beta = Files::Of("beta".into());
    for (files, workspace, expected) in [
        (&Files::Own, "default", true),
        (&Files::Own, "acme", true),
        (&Files::Root, "default", false),
        (&Files::Root, "acme", true),
        (&beta, "beta", true),
        (&beta, "acme", false),
        (&beta, "default", false),
        (&Files::Of("default".into()), "default", true),
    ] {
        assert_eq!(files.are_in(workspace), expected, "{files:?} {workspace}");
    }
}

#[test]
fn deleting_takes_whatever_begins_so() {
    for (path, expected, own_in) in [
        ("1/f.txt", Files::Own, &["default", "acme"][..]),
        ("workspaces-of-mine/f", Files::Own, &["default", "acme"]),
        ("workspacest", Files::Own, &["default", "acme"]),
        ("w", Files::Root, &["acme"]),
        ("W", Files::Root, &["acme"]),
        ("%77ork", Files::Root, &["acme"]),
        ("workspace/", Files::Root, &["acme"]),
        ("", Files::Neighbours, &[]),
        ("workspaces/acme", Files::Neighbours, &[]),
        ("workspaces/acme/", Files::Neighbours, &[]),
        ("workspaces%2facme", Files::Neighbours, &[]),
        ("workspaces/acme/1", Files::Of("acme".into()), &["acme"]),
        ("Workspaces/acme/1/f", Files::Of("acme".into()), &["acme"]),
    ] {
        let target = format!("/api/2.0/mlflow-artifacts/artifacts/{path}");
        let found = Files::of_deleted(&target);
        assert_eq!(found, Ok(expected), "{path}");
        for workspace in ["default", "acme"] {
            let is_own = found.as_ref().is_ok_and(|it| it.are_in(workspace));
            assert_eq!(is_own, own_in.contains(&workspace), "{path} in {workspace}");
        }
    }
}
