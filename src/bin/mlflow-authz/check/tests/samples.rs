//! What is shipped is clean.

use std::path::{Path, PathBuf};

use super::findings;

fn shipped(folder: &Path, files: &mut Vec<PathBuf>) {
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let kind = path
            .extension()
            .and_then(|kind| kind.to_str())
            .unwrap_or_default();
        if path.is_dir() {
            shipped(&path, files);
        } else if ["yaml", "yml", "json"].contains(&kind) {
            files.push(path);
        }
    }
}

/// Whether a file is about Envoy's own or a mesh's configuration: dashboards and alert rules are not.
fn is_configuration(path: &Path) -> bool {
    let path = path.to_string_lossy();
    !["dashboard", "grafana", "prometheus", "alert", "crd"]
        .iter()
        .any(|word| path.contains(word))
}

/// Each folder of envoy/ is one deployment.
#[test]
fn every_file_under_envoy_is_clean() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("envoy");
    let mut files = Vec::new();
    shipped(&root, &mut files);
    files.retain(|file| is_configuration(file));
    assert!(files.len() >= 2, "{files:?}");
    for file in files {
        let name = file.display().to_string();
        let text = std::fs::read_to_string(&file).unwrap();
        let mut given = vec![(name.clone(), text)];
        // Manifests of one folder belong together.
        for other in std::fs::read_dir(file.parent().unwrap()).unwrap() {
            let other = other.unwrap().path();
            let manifest = given.iter().any(|(_, text)| text.contains("apiVersion:"));
            if manifest && other != file && other.extension() == file.extension() {
                given.push((
                    other.display().to_string(),
                    std::fs::read_to_string(&other).unwrap(),
                ));
            }
        }
        let given: Vec<(&str, &str)> = given
            .iter()
            .map(|(name, text)| (name.as_str(), text.as_str()))
            .collect();
        let mut found = findings(&given);
        found.retain(|finding| finding.spot.file == name && finding.code != "no-filter");
        assert!(found.is_empty(), "{found:#?}");
    }
}
