#[cfg(target_arch = "wasm32")]
use wasm_bindgen_test::wasm_bindgen_test as test;

use crate::target::{Ambiguity::ArtifactPath, Target};

/// What MLflow makes of these was seen on a real server, see tests/test_deployments.py.
#[test]
fn rule_6_artifact_paths_mean_what_they_say() {
    let roots = "artifacts presigned mpu/create mpu/complete mpu/abort mlflow-artifacts/artifacts";
    let mounts = "/p /mlflow-artifacts /mlflow-artifacts/artifacts/7";
    let of_mount = |mount| roots.split(' ').map(move |root| (mount, root));
    for (mount, root) in mounts.split(' ').flat_map(of_mount) {
        let below = format!("{mount}/api/2.0/mlflow-artifacts/{root}/");
        for path in [
            "x;%3Fy",
            "%20",
            "%2520",
            "%20x",
            "%20.",
            "%3F",
            "%253F",
            "%23",
            "x%3F",
            "x%23",
            "x%3B",
            "x;",
            "file:",
            "FILE:x",
            "fi%6Ce:",
            "file%3A",
            "file%253A",
            "A:",
            "profile:",
            "workspaces",
            "workspaces/",
        ] {
            let target = format!("{below}{path}");
            assert_eq!(
                Target::parse(target.as_bytes()),
                Err(ArtifactPath),
                "{target}"
            );
        }
        for path in [
            "1/a b.txt",
            "1/ a",
            "a#b",
            "a?b",
            "a;b.txt",
            "1/file:",
            "1:",
            "workspaces/w/1",
            "workspaces2",
            "1/workspaces",
            "100%",
        ] {
            let escaped = path
                .replace('%', "%25")
                .replace(' ', "%20")
                .replace('#', "%23")
                .replace('?', "%3F");
            let target = format!("{below}{escaped}");
            assert!(Target::parse(target.as_bytes()).is_ok(), "{target}");
        }
    }
    let others = "/mlflow/runs /xmlflow-artifacts/artifacts /w-/mlflow%252Dartifacts/artifacts";
    for other in others.split(' ').map(|it| format!("{it}/%20x")) {
        assert!(Target::parse(other.as_bytes()).is_ok(), "{other}");
    }
}
