//! What stands beside the routes: the mesh's own settings, and patches of Envoy's configuration.

use mlflow_authz::Config;
use mlflow_authz::pattern::Pattern;
use mlflow_authz::request::same_header;

use super::super::finding::Findings;
use super::super::headers;
use super::super::input::Document;
use super::super::manifests::Instance;
use super::super::manifests::object::{Object, of_kinds};
use super::super::patches;
use super::super::place::Place;
use super::super::rules;

/// Checks all of them.
pub fn check(findings: &mut Findings, documents: &[Document<'_>], instances: &[Instance<'_>]) {
    for document in documents {
        if let Some(mesh) = document.root.get("meshConfig") {
            check_mesh(findings, &mesh);
            for provider in mesh.list("extensionProviders") {
                authorizer(findings, &provider, instances);
            }
        }
    }
    for filter in of_kinds(documents, &["EnvoyFilter"]) {
        check_envoy_filter(findings, &filter);
    }
    for policy in of_kinds(documents, &["RequestAuthentication"]) {
        for rule in policy.spec.list("jwtRules") {
            claims(findings, &rule, instances);
        }
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
            "routes and the filter may read one path differently; the filter refuses a path with two readings",
            "set MERGE_SLASHES",
        );
    }
}

/// What a token claims, written into headers. Istio's own authentication runs behind the filter, unless that reads
/// claims: then it runs before, and the filter removes the identity headers that it did not write.
fn claims(findings: &mut Findings, rule: &Place<'_>, instances: &[Instance<'_>]) {
    let mut configs = instances.iter().filter_map(|it| it.config.as_ref());
    let before = configs.any(|config| config.jwt.is_some());
    let of_claims = rule.list("outputClaimToHeaders");
    let of_claims = of_claims.iter().filter_map(|claim| claim.get("header"));
    for header in of_claims.chain(rule.get("outputPayloadToHeader")) {
        if before {
            written_before(findings, &header);
        } else {
            written(findings, &header, instances, "the token's issuer writes");
        }
    }
}

fn written_before(findings: &mut Findings, header: &Place<'_>) {
    let name = header.text().unwrap_or_default();
    if headers::credentials().any(|it| same_header(it.as_bytes(), name.as_bytes())) {
        findings.add(
            rules::HEADER_WRITTEN,
            header,
            format!(
                "a claim of the token is written into the header {name}, from which the filter reads the caller's credential"
            ),
            "use another header",
        );
    }
}

/// An external authorizer of the mesh writes headers where it admits a request.
fn authorizer(findings: &mut Findings, provider: &Place<'_>, instances: &[Instance<'_>]) {
    for header in provider.list_at(&["envoyExtAuthzHttp", "headersToUpstreamOnAllow"]) {
        written(
            findings,
            &header,
            instances,
            "the external authorizer writes",
        );
    }
}

fn written(findings: &mut Findings, header: &Place<'_>, instances: &[Instance<'_>], who: &str) {
    let Some(name) = header.text() else {
        return;
    };
    let configs = || {
        instances
            .iter()
            .filter_map(|instance| instance.config.as_ref())
    };
    let pattern = Pattern::new(&name.to_ascii_lowercase());
    let is_pattern = |config: &Config| {
        let mut names = headers::identity(config).into_iter();
        name.contains('*') && names.any(|name| pattern.matches(&name.to_ascii_lowercase()))
    };
    let role = configs().find_map(|config| {
        let pattern = is_pattern(config).then_some("an identity header");
        pattern.or_else(|| headers::role(config, name))
    });
    if let Some(role) = role {
        findings.add(
            rules::HEADER_WRITTEN,
            header,
            format!(
                "{who} {name}, {role}, after the filter: MLflow then reads an identity that no key proves"
            ),
            "use another header: only the filter may write identity and credential headers",
        );
    }
}

fn check_peers(findings: &mut Findings, policy: &Object<'_>) {
    let mode = policy.spec.at(&["mtls", "mode"]);
    if let Some(place) = mode.filter(|mode| matches!(mode.text(), Some("DISABLE" | "PERMISSIVE"))) {
        findings.add(
            rules::CANNOT_TELL,
            &place,
            "cannot tell who bypasses the gateway: MLflow's pods accept connections from everywhere in the cluster",
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
