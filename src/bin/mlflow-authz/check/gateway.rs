//! Rules about Envoy Gateway's `EnvoyExtensionPolicy`. An `EnvoyPatchPolicy` holds Envoy's own configuration, see
//! `envoy`.

use super::envoy::plugins::{bodies, holds_our_configuration, names_us};
use super::finding::Findings;
use super::input::Document;
use super::place::Place;
use super::plugin::{self, Origin};
use super::rules;

/// Checks every policy; returns how many instances of the filter there are.
pub fn check(findings: &mut Findings, documents: &[Document<'_>]) -> usize {
    let policies = documents
        .iter()
        .filter(|document| document.is_manifest(&["EnvoyExtensionPolicy"]));
    let modules = policies
        .filter_map(|document| document.root.get("spec"))
        .flat_map(|spec| spec.list("wasm"));
    let ours: Vec<Place<'_>> = modules.filter(is_ours).collect();
    ours.iter()
        .for_each(|module| check_module(findings, module));
    ours.len()
}

fn is_ours(module: &Place<'_>) -> bool {
    let paths: [&[&str]; 4] = [
        &["name"],
        &["rootID"],
        &["code", "image", "url"],
        &["code", "http", "url"],
    ];
    let named = paths
        .iter()
        .filter_map(|path| module.at(path)?.text())
        .any(names_us);
    named
        || module
            .get("config")
            .is_some_and(|config| holds_our_configuration(&config))
}

fn check_module(findings: &mut Findings, module: &Place<'_>) {
    if module.is_true("failOpen") {
        findings.add(
            rules::FAIL_OPEN,
            &module.get("failOpen").unwrap_or_else(|| module.clone()),
            "when the module crashes or cannot be fetched, every request passes without a decision",
            "remove failOpen, or set it to false",
        );
    }
    let Some(place) = module.get("config") else {
        findings.add(
            rules::CONFIG_MISSING,
            module,
            "the filter has no configuration, and refuses to start",
            "give it as an object under config",
        );
        return;
    };
    if let Some(config) = plugin::check(findings, &Origin(place.clone()), &place.to_json()) {
        bodies(findings, &place, &config, false);
    }
}
