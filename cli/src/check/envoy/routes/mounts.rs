//! Whether the mounts lie where the routes lead: what is below them is MLflow.

use std::collections::BTreeSet;

use super::super::super::finding::Findings;
use super::super::super::rules;
use super::super::managers::Manager;
use super::super::mlflow::Target;
use super::matcher::Beyond;
use super::{Host, hosts};

/// Paths that MLflow serves. A route without the filter leads to MLflow where it takes one of them.
const SERVED: &[&str] = &[
    "/api/2.0/mlflow/runs/get",
    "/api/2.0/mlflow/registered-models/create",
    "/ajax-api/2.0/mlflow/experiments/search",
    "/api/2.0/mlflow-artifacts/artifacts/x",
    "/graphql",
    "/get-artifact",
    "/",
];

/// The clusters that requests below the mounts go to.
pub fn mlflow_clusters<'a>(findings: &mut Findings, hosts: &[Host<'a, '_>]) -> BTreeSet<&'a str> {
    let mut clusters = BTreeSet::new();
    let mut routed: BTreeSet<&str> = BTreeSet::new();
    for host in hosts {
        for mount in mounts(host) {
            let found = below(host, mount);
            if !found.is_empty() {
                routed.insert(mount);
            }
            clusters.extend(found.into_iter().filter_map(|target| match target {
                Target::Cluster(name) => Some(name),
                _ => None,
            }));
        }
    }
    for manager in managers(hosts) {
        unrouted(findings, manager, &routed);
        hosts::unrouted(findings, manager);
    }
    clusters
}

fn managers<'m, 'a>(hosts: &[Host<'a, 'm>]) -> Vec<&'m Manager<'a>> {
    let mut managers: Vec<&'m Manager<'a>> = Vec::new();
    for host in hosts {
        let new = !managers
            .iter()
            .any(|known| std::ptr::eq(*known, host.manager));
        if new {
            managers.push(host.manager);
        }
    }
    managers
}

fn unrouted(findings: &mut Findings, manager: &Manager<'_>, routed: &BTreeSet<&str>) {
    for plugin in manager.plugins() {
        let Some(config) = &plugin.config else {
            continue;
        };
        let idle = |mount: &&String| !routed.contains(mount.as_str());
        let rule = if config.mounts.iter().all(|mount| idle(&mount)) {
            rules::MOUNTS_UNROUTED
        } else {
            rules::MOUNT_UNROUTED
        };
        for (index, mount) in config
            .mounts
            .iter()
            .enumerate()
            .filter(|(_, mount)| idle(mount))
        {
            findings.add_at(
                rule,
                plugin.field(&["mounts", &format!("[{index}]")]),
                format!(
                    "no route forwards requests below the mount {mount}: what the routes send to MLflow lies outside it"
                ),
                "write the path where clients see MLflow's root, as the routes match it, or remove the mount",
            );
        }
    }
}

/// The mounts of the instances that count some of a virtual host's hosts as MLflow's.
fn mounts<'m>(host: &Host<'_, 'm>) -> BTreeSet<&'m str> {
    host.manager
        .configs()
        .filter(|config| hosts::meets(config, &host.domains, &host.table))
        .flat_map(|config| config.mounts.iter().map(String::as_str))
        .collect()
}

/// Where a host's routes send what is below a mount, up to the first one that takes all of it.
fn below<'a>(host: &Host<'a, '_>, mount: &str) -> Vec<Target<'a>> {
    let stem = mount.trim_end_matches('/');
    let mut targets = Vec::new();
    for route in &host.routes {
        if route.matcher.touches(mount) {
            let served = || {
                SERVED
                    .iter()
                    .any(|path| route.matcher.matches(&format!("{stem}{path}")))
            };
            let inside = stem.len() > 1
                && route.matcher.outside(&BTreeSet::from([mount])) == Beyond::Nothing;
            let forwards = route.forwards.iter();
            targets.extend(
                forwards
                    .filter(|forward| forward.decided || inside || served())
                    .map(|forward| forward.target),
            );
        }
        if route.matcher.covers(mount) {
            break;
        }
    }
    targets
}
