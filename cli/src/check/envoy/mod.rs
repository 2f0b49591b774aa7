//! Rules about Envoy files: a bootstrap, or what LDS, RDS, CDS and ECDS read, also inside an Istio `EnvoyFilter`.
//!
//! A file is fine when every way from a listener to MLflow passes the filter, inside a mount. What is not known to be
//! fine is told.

mod auth_cluster;
mod bootstrap;
mod capabilities;
mod certificates;
mod clusters;
mod endpoints;
mod extensions;
mod fields;
mod headers;
mod http_filters;
mod listeners;
mod managers;
mod mlflow;
pub mod plugins;
mod routes;
mod stats;
mod token_rules;
mod tokens;
pub mod typed;
mod upstream;
mod vms;

use std::collections::BTreeSet;

pub use auth_cluster::plain_text;
#[cfg(test)]
pub use stats::LABELS;

use self::clusters::Clusters;
use self::extensions::Extension;
use self::managers::Manager;
use self::mlflow::Mlflow;
use self::plugins::Plugin;
use self::routes::Host;
use self::typed::Typed;
use super::finding::Findings;
use super::input::{Document, Kind};
use super::place::Place;

/// Checks every Envoy file; returns how many instances of the filter there are.
pub fn check(findings: &mut Findings, documents: &[Document<'_>]) -> usize {
    let roots: Vec<&Place<'_>> = documents
        .iter()
        .filter(|document| document.kind != Kind::Plugin)
        .map(|document| &document.root)
        .collect();
    let typed: Vec<Typed<'_>> = roots.iter().flat_map(|root| typed::below(root)).collect();
    let plugins: Vec<Plugin<'_>> = typed
        .iter()
        .filter_map(plugins::of_filter)
        .map(|place| Plugin::check(findings, place))
        .collect();
    if plugins.is_empty() {
        return 0;
    }
    vms::check(findings, &typed, &plugins);
    stats::check(findings, &roots);
    bootstrap::check(findings, &roots);
    ways(findings, &roots, &typed, &plugins);
    plugins.len()
}

/// Every way from a listener to MLflow, and to the auth service.
fn ways(
    findings: &mut Findings,
    roots: &[&Place<'_>],
    typed: &[Typed<'_>],
    plugins: &[Plugin<'_>],
) {
    let extensions: Vec<Extension<'_>> = typed.iter().filter_map(Extension::read).collect();
    let listeners = listeners::all(roots, typed);
    let clusters = Clusters::read(roots, typed, &listeners);
    auth_cluster::check(findings, &clusters, plugins);
    listeners::check(findings, &listeners, &extensions);
    let entries = listeners::entries(&listeners, typed, &extensions, "HttpConnectionManager");
    let managers: Vec<Manager<'_>> = entries
        .iter()
        .flat_map(|entry| {
            let tables = routes::tables(findings, &entry.place, typed);
            Manager::read(findings, entry, &tables, &extensions, plugins)
        })
        .collect();
    for manager in &managers {
        manager.check(findings);
        http_filters::check(findings, manager);
        headers::early(findings, manager);
        tokens::check(findings, manager, &clusters);
        certificates::check(findings, manager);
    }
    managers::unattached(findings, plugins, &managers);
    routes::unused(findings, typed, &managers);
    let hosts: Vec<Host<'_, '_>> = managers
        .iter()
        .flat_map(|manager| routes::hosts(findings, manager))
        .collect();
    let names = routes::mlflow_clusters(findings, &hosts);
    let mlflow = Mlflow::new(names, &clusters, auth_services(plugins));
    for host in &hosts {
        routes::judge::check(findings, host, &mlflow);
    }
    upstream::check(findings, &clusters, &mlflow, &managers);
    for proxy in listeners::entries(&listeners, typed, &extensions, "TcpProxy") {
        listeners::tcp(findings, &proxy.place, &mlflow);
    }
}

fn auth_services(plugins: &[Plugin<'_>]) -> BTreeSet<String> {
    let configs = plugins.iter().filter_map(|plugin| plugin.config.as_ref());
    configs
        .filter_map(|config| config.auth_service.as_ref())
        .map(|service| service.cluster.clone())
        .collect()
}
