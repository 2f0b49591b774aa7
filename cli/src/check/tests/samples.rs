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

/// The folders that belong to one deployment with the first.
const TOGETHER: &[(&str, &[&str])] = &[
    ("istio/1.30", &["istio", "istio/common"]),
    ("istio/1.29", &["istio", "istio/common"]),
    ("istio/common", &["istio", "istio/1.30"]),
    ("istio", &["istio/common", "istio/1.30"]),
    ("istio/jwt", &["istio/common"]),
    ("gateway/jwt", &[]),
    ("gateway/module-over-http", &[]),
    ("gateway/auth-service-as-backend", &[]),
];
/// What samples may report: names and digests that are the reader's to write, and what an example shows on purpose.
const ALLOWED: &[&str] = &["no-filter", "placeholder"];

#[test]
fn every_file_under_envoy_is_clean() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../envoy");
    let mut files = Vec::new();
    shipped(&root, &mut files);
    files.retain(|file| is_configuration(file));
    assert!(files.len() >= 2, "{files:?}");
    for file in files {
        let folder = file
            .parent()
            .unwrap()
            .strip_prefix(&root)
            .unwrap()
            .to_string_lossy()
            .into_owned();
        let others = TOGETHER
            .iter()
            .find(|(first, _)| *first == folder)
            .map_or(&[][..], |(_, others)| others);
        let mut given = vec![text_of(&file)];
        if given.iter().any(|(_, text)| text.contains("apiVersion:")) {
            let folders = others.iter().copied().chain([folder.as_str()]);
            for other in folders.flat_map(|folder| in_folder(&root.join(folder))) {
                if other != file {
                    given.push(text_of(&other));
                }
            }
        }
        let name = given[0].0.clone();
        let given: Vec<(&str, &str)> = given
            .iter()
            .map(|(name, text)| (name.as_str(), text.as_str()))
            .collect();
        let mut found = findings(&given);
        let example = name.contains("/examples/");
        found.retain(|finding| {
            finding.spot.file == name
                && !ALLOWED.contains(&finding.code)
                && !(example && ["key-in-query", "stats-tags"].contains(&finding.code))
                // Alternatives are read without the rest.
                && !(others.is_empty() && folder.contains("gateway/") && finding.code == "cannot-tell")
        });
        assert!(found.is_empty(), "{found:#?}");
    }
}

fn text_of(file: &Path) -> (String, String) {
    (
        file.display().to_string(),
        std::fs::read_to_string(file).unwrap(),
    )
}

fn in_folder(folder: &Path) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(folder).unwrap();
    let files = entries.map(|entry| entry.unwrap().path());
    files
        .filter(|file| file.extension().is_some_and(|kind| kind == "yaml"))
        .collect()
}
