//! The way to the auth service: whether its cluster is there, and whether keys travel encrypted.

use std::collections::BTreeMap;
use std::net::IpAddr;

use super::super::finding::Findings;
use super::super::place::Place;
use super::super::rules;
use super::plugins::Plugin;
use super::typed::{self, Typed};

/// Every cluster that the files define.
pub struct Clusters<'a> {
    by_name: BTreeMap<&'a str, Place<'a>>,
    /// Whether that is all of them.
    complete: bool,
}

impl<'a> Clusters<'a> {
    /// Collects them.
    pub fn read(roots: &[&Place<'a>], typed: &[Typed<'a>]) -> Self {
        let fixed = roots
            .iter()
            .filter_map(|root| root.at(&["static_resources", "clusters"]));
        let fixed = fixed.flat_map(|clusters| clusters.items().collect::<Vec<_>>());
        let discovered = typed
            .iter()
            .filter(|typed| typed.is("envoy.config.cluster.v3.Cluster"));
        let discovered = discovered.map(|typed| typed.body.clone());
        let patched = roots.iter().flat_map(|root| patched(root));
        let named = fixed.chain(discovered).chain(patched);
        let by_name = named
            .filter_map(|cluster| Some((cluster.text_of("name")?, cluster)))
            .collect();
        let bootstrap = roots
            .iter()
            .any(|root| root.get("static_resources").is_some());
        let elsewhere = ["cds_config", "ads_config"];
        let dynamic = roots
            .iter()
            .filter_map(|root| root.get("dynamic_resources"));
        let mut dynamic =
            dynamic.filter(|source| elsewhere.iter().any(|name| source.get(name).is_some()));
        Self {
            by_name,
            complete: bootstrap && dynamic.next().is_none(),
        }
    }

    /// Checks the auth service of every instance.
    pub fn check(&self, findings: &mut Findings, plugins: &[Plugin<'_>]) {
        for plugin in plugins {
            let Some(config) = &plugin.config else {
                continue;
            };
            let name = config.auth_service.cluster.as_str();
            match self.by_name.get(name) {
                Some(cluster) => encrypted(findings, cluster),
                None if self.complete => findings.add(
                    rules::AUTH_CLUSTER,
                    &plugin.place.get("configuration").unwrap_or_else(|| plugin.place.clone()),
                    format!("no cluster is called {name:?}: no key can be checked, and every request gets 503"),
                    "correct auth_service.cluster, or add that cluster",
                ),
                None => {}
            }
        }
    }
}

/// Clusters that an Istio `EnvoyFilter` or an Envoy Gateway `EnvoyPatchPolicy` adds.
fn patched<'a>(root: &Place<'a>) -> Vec<Place<'a>> {
    let Some(spec) = root.get("spec") else {
        return Vec::new();
    };
    let istio = spec.list("configPatches").into_iter();
    let istio = istio.filter(|patch| patch.text_of("applyTo") == Some("CLUSTER"));
    let istio = istio.filter_map(|patch| patch.at(&["patch", "value"]));
    let gateway = spec.list("jsonPatches").into_iter();
    let gateway = gateway.filter(|patch| {
        patch
            .text_of("type")
            .is_some_and(|kind| kind.ends_with(".Cluster"))
    });
    let gateway = gateway.filter_map(|patch| patch.at(&["operation", "value"]));
    istio.chain(gateway).collect()
}

fn encrypted(findings: &mut Findings, cluster: &Place<'_>) {
    let sockets = ["transport_socket", "transport_socket_matches"];
    let sockets: Vec<Place<'_>> = sockets
        .iter()
        .filter_map(|name| cluster.get(name))
        .collect();
    let contexts: Vec<Place<'_>> = sockets
        .iter()
        .flat_map(|socket| typed::all(socket, "UpstreamTlsContext"))
        .collect();
    for context in &contexts {
        if let Some(missing) = unverified(context) {
            findings.add(
                rules::AUTH_TLS_UNVERIFIED,
                context,
                format!("Envoy encrypts to whoever answers as the auth service: {missing} is not set"),
                "set trusted_ca and match_typed_subject_alt_names under common_tls_context.validation_context",
            );
        }
    }
    if contexts.is_empty() && !is_local(cluster) {
        plain_text(
            findings,
            cluster,
            "add a transport_socket with TLS, as envoy/envoy.yaml has it",
        );
    }
}

/// Tells that keys travel in plain text.
pub fn plain_text(findings: &mut Findings, place: &Place<'_>, remedy: &str) {
    findings.add(
        rules::AUTH_PLAIN_TEXT,
        place,
        "API keys travel to the auth service in plain text",
        remedy,
    );
}

/// What a TLS context lacks to know whom it talks to.
fn unverified(context: &Place<'_>) -> Option<&'static str> {
    let common = context.get("common_tls_context")?;
    let from_sds = [
        "validation_context_sds_secret_config",
        "combined_validation_context",
    ];
    if from_sds.iter().any(|name| common.get(name).is_some()) {
        return None;
    }
    let Some(validation) = common.get("validation_context") else {
        return Some("validation_context");
    };
    let any = |names: &[&str]| names.iter().any(|name| validation.get(name).is_some());
    if any(&[
        "custom_validator_config",
        "verify_certificate_spki",
        "verify_certificate_hash",
    ]) {
        return None;
    }
    if !any(&[
        "trusted_ca",
        "system_root_certs",
        "ca_certificate_provider_instance",
    ]) {
        return Some("trusted_ca");
    }
    let names = any(&["match_typed_subject_alt_names", "match_subject_alt_names"]);
    (!names && !context.is_true("auto_sni_san_validation"))
        .then_some("match_typed_subject_alt_names")
}

/// Whether every endpoint is on this machine.
fn is_local(cluster: &Place<'_>) -> bool {
    let groups = cluster
        .get("load_assignment")
        .map(|assignment| assignment.list("endpoints"));
    let endpoints: Vec<Place<'_>> = groups
        .into_iter()
        .flatten()
        .flat_map(|group| group.list("lb_endpoints"))
        .collect();
    let local = |endpoint: &Place<'_>| {
        let Some(address) = endpoint.at(&["endpoint", "address"]) else {
            return false;
        };
        if address.get("pipe").is_some() || address.get("envoy_internal_address").is_some() {
            return true;
        }
        let host = address
            .at(&["socket_address", "address"])
            .and_then(|host| host.text());
        host.is_some_and(|host| {
            host == "localhost"
                || host
                    .parse::<IpAddr>()
                    .is_ok_and(|address| address.is_loopback())
        })
    };
    !endpoints.is_empty() && endpoints.iter().all(local)
}
