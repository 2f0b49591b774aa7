//! What stands beside the routes: the mesh's own settings, and patches of Envoy's configuration.

use super::super::finding::Findings;
use super::super::input::Document;
use super::super::manifests::object::{Object, of_kinds};
use super::super::patches;
use super::super::place::Place;
use super::super::rules;

/// Checks all of them.
pub fn check(findings: &mut Findings, documents: &[Document<'_>]) {
    for document in documents {
        if let Some(mesh) = document.root.get("meshConfig") {
            check_mesh(findings, &mesh);
        }
    }
    for filter in of_kinds(documents, &["EnvoyFilter"]) {
        check_envoy_filter(findings, &filter);
    }
    for policy in of_kinds(documents, &["PeerAuthentication"]) {
        check_peers(findings, &policy);
    }
}

fn check_mesh(findings: &mut Findings, mesh: &Place<'_>) {
    let normalization = mesh.at(&["pathNormalization", "normalization"]);
    if let Some(place) = normalization.filter(|place| place.text() == Some("NONE")) {
        findings.add(
            rules::PATH_NORMALIZATION,
            &place,
            "routes and the filter may read one path in two ways; the filter refuses what it cannot read in one",
            "set MERGE_SLASHES",
        );
    }
}

fn check_peers(findings: &mut Findings, policy: &Object<'_>) {
    let mode = policy.spec.at(&["mtls", "mode"]);
    if let Some(place) = mode.filter(|mode| matches!(mode.text(), Some("DISABLE" | "PERMISSIVE"))) {
        findings.add(
            rules::CANNOT_TELL,
            &place,
            "cannot tell who reaches MLflow past the gateway: its pods take connections of anybody in the cluster",
            "set STRICT, and let an AuthorizationPolicy admit the gateway alone",
        );
    }
}

fn check_envoy_filter(findings: &mut Findings, filter: &Object<'_>) {
    for patch in filter.spec.list("configPatches") {
        let Some(body) = patch.get("patch") else {
            continue;
        };
        let value = body.get("value");
        let removes = matches!(body.text_of("operation"), Some("REMOVE" | "REPLACE"));
        if !removes && value.as_ref().is_some_and(patches::is_our_filter) {
            continue;
        }
        if let Some(place) = value.as_ref().and_then(patches::switches_off) {
            patches::around(findings, &place);
            continue;
        }
        let operation = body.text_of("operation").unwrap_or_default();
        let known = match patch.text_of("applyTo").unwrap_or_default() {
            // A cluster that no route names gets no request.
            "CLUSTER" => operation == "ADD" || value.as_ref().is_some_and(patches::keeps_endpoints),
            "NETWORK_FILTER" => {
                operation == "MERGE"
                    && value
                        .as_ref()
                        .is_some_and(|value| patches::is_known_manager(findings, value))
            }
            "HTTP_FILTER" => {
                operation != "REMOVE"
                    && operation != "REPLACE"
                    && value.as_ref().is_some_and(patches::is_known_filter)
            }
            "VIRTUAL_HOST" => {
                operation == "MERGE" && value.as_ref().is_some_and(patches::only_counts)
            }
            "BOOTSTRAP" => value.as_ref().is_some_and(patches::is_about_stats),
            _ => false,
        };
        if !known {
            patches::unknown(findings, &patch);
        }
    }
}
