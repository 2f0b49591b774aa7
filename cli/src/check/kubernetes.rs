//! Manifests for Kubernetes: what those of Istio and of Envoy Gateway say becomes ways and instances, and is checked
//! together.

use super::envoy::plugins::names_us;
use super::finding::Findings;
use super::input::{Document, Kind};
use super::manifests::endpoint::Directory;
use super::manifests::verification::Verifiers;
use super::manifests::{ingress, object, others, placeholders, protection};
use super::{gateway, istio, rules};

/// Checks every manifest; returns how many instances of the filter there are.
pub fn check(findings: &mut Findings, documents: &[Document<'_>]) -> usize {
    let mut instances = istio::instances(findings, documents);
    instances.extend(gateway::instances(findings, documents));
    placeholders::check(findings, documents);
    if documents
        .iter()
        .all(|document| document.kind != Kind::Manifest)
    {
        return instances.len();
    }
    istio::check_settings(findings, documents, &instances);
    gateway::check_settings(findings, documents);
    let directory = Directory::read(documents);
    let mut ways = istio::ways(documents, &directory);
    ways.extend(gateway::ways(documents, &directory));
    ways.extend(ingress::read(documents, &directory));
    let policies = object::of_kinds(documents, &["EnvoyExtensionPolicy"]);
    let verifiers = Verifiers::read(documents);
    let mlflow = protection::check(findings, &ways, &instances, &policies, &verifiers);
    others::check(findings, documents, &directory, &mlflow);
    if instances.is_empty() && !ways.is_empty() {
        by_patch(findings, documents);
    }
    instances.len()
}

/// A filter that a patch puts into the proxy is not followed to the routes.
fn by_patch(findings: &mut Findings, documents: &[Document<'_>]) {
    let patches = object::of_kinds(documents, &["EnvoyFilter", "EnvoyPatchPolicy"]);
    for patch in patches
        .iter()
        .filter(|patch| names_us(&patch.spec.to_json()))
    {
        findings.add(
            rules::CANNOT_TELL,
            &patch.root,
            "cannot tell whether the filter runs on every route to MLflow: a patch puts it into the proxy",
            "use a TrafficExtension, WasmPlugin or EnvoyExtensionPolicy, or give the proxy's own configuration to check",
        );
    }
}
