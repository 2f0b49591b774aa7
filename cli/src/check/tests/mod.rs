#![allow(clippy::unwrap_used)]

mod clusters;
mod configurations;
mod gateways;
mod identity_sources;
mod istio;
mod lines;
mod listeners;
mod manifests;
mod output;
mod plugins;
mod routes;
mod samples;
mod token_rules;
mod verification;
mod verification_by_manifests;
mod ways;
mod workspaces;

use super::check;
use super::finding::Finding;
use super::input::File;

const SAMPLE: &str = include_str!("../../../../envoy/envoy.yaml");

fn findings(files: &[(&str, &str)]) -> Vec<Finding> {
    let read =
        |(name, text): &(&str, &str)| File::read((*name).into(), text.as_bytes().to_vec()).unwrap();
    let files: Vec<File> = files.iter().map(read).collect();
    check(&files)
}

/// `code path` of each finding in one file.
fn codes(text: &str) -> Vec<String> {
    findings(&[("f", text)])
        .iter()
        .map(|finding| {
            format!("{} {}", finding.code, finding.spot.path)
                .trim_end()
                .to_owned()
        })
        .collect()
}

/// A piece of text that is once in envoy.yaml, and what takes its place.
type Edit<'a> = (&'a str, &'a str);

/// A rule's code, and how the path of what it found ends.
type Found<'a> = (&'a str, &'a str);

/// envoy.yaml with pieces of its text exchanged.
fn sample(edits: &[Edit<'_>]) -> String {
    edits.iter().fold(SAMPLE.to_owned(), |text, (old, new)| {
        assert_eq!(
            text.matches(old).count(),
            1,
            "{old:?} is not once in envoy.yaml"
        );
        text.replace(old, new)
    })
}

/// A table of edits to envoy.yaml, and the codes found then, each with the end of its path.
fn assert_edits(cases: &[(&[Edit<'_>], &[Found<'_>])]) {
    for (edits, expected) in cases {
        let found = codes(&sample(edits));
        assert_eq!(found.len(), expected.len(), "{edits:?}: {found:?}");
        for (found, (code, end)) in found.iter().zip(*expected) {
            let (found_code, path) = found.split_once(' ').unwrap_or((found, ""));
            assert_eq!(found_code, *code, "{edits:?}: {found}");
            assert!(
                path.ends_with(end),
                "{edits:?}: {found} does not end with {end}"
            );
        }
    }
}
