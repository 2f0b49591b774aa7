//! Every cluster that the files define.

use std::collections::{BTreeMap, BTreeSet};

use super::super::place::Place;
use super::endpoints::{Endpoint, Ends};
use super::typed::{self, Typed};

/// Clusters by name.
pub struct Clusters<'a> {
    by_name: BTreeMap<&'a str, Place<'a>>,
    ends: BTreeMap<&'a str, Ends<'a>>,
    /// What an internal listener without an HTTP connection manager hands on, by the listener's name.
    behind: BTreeMap<&'a str, Vec<&'a str>>,
    /// Whether these are all.
    pub complete: bool,
}

impl<'a> Clusters<'a> {
    /// Collects them.
    pub fn read(roots: &[&Place<'a>], typed: &[Typed<'a>], listeners: &[Place<'a>]) -> Self {
        let fixed = roots
            .iter()
            .flat_map(|root| root.list_at(&["static_resources", "clusters"]));
        let discovered = typed
            .iter()
            .filter(|typed| typed.is("envoy.config.cluster.v3.Cluster"));
        let discovered = discovered.map(|typed| typed.body.clone());
        let patched = roots.iter().flat_map(|root| patched(root));
        let mut by_name = BTreeMap::new();
        let mut ends: BTreeMap<&str, Ends<'_>> = BTreeMap::new();
        for cluster in fixed.chain(discovered).chain(patched) {
            if let Some(name) = cluster.text_of("name") {
                ends.entry(name)
                    .or_default()
                    .extend(Ends::read(&cluster, typed));
                by_name.insert(name, cluster);
            }
        }
        let bootstrap = roots
            .iter()
            .any(|root| root.get("static_resources").is_some());
        let elsewhere = ["cds_config", "ads_config"];
        let mut dynamic = roots
            .iter()
            .filter_map(|root| root.get("dynamic_resources"))
            .filter(|source| elsewhere.iter().any(|name| source.get(name).is_some()));
        Self {
            by_name,
            ends,
            behind: behind(listeners),
            complete: bootstrap && dynamic.next().is_none(),
        }
    }

    /// A cluster's definition.
    pub fn get(&self, name: &str) -> Option<&Place<'a>> {
        self.by_name.get(name)
    }

    /// Where a cluster leads, through the clusters that it is made of and the internal listeners of this Envoy.
    pub fn ends(&self, name: &str) -> Ends<'a> {
        let mut all = Ends::default();
        self.collect(name, &mut all, &mut BTreeSet::new());
        all
    }

    fn collect(&self, name: &str, all: &mut Ends<'a>, seen: &mut BTreeSet<String>) {
        if !seen.insert(name.to_owned()) {
            return;
        }
        let Some(ends) = self.ends.get(name) else {
            if !self.complete {
                all.unknown = all.unknown.or(Some("it is not in these files"));
            }
            return;
        };
        all.extend(ends.clone());
        let behind = ends.known.iter().filter_map(|endpoint| match endpoint {
            Endpoint::Internal(listener) => self.behind.get(listener),
            _ => None,
        });
        for next in ends.members.iter().chain(behind.flatten()) {
            self.collect(next, all, seen);
        }
    }
}

/// Clusters that internal listeners forward to as they get it. One that runs an HTTP connection manager is checked as
/// any other listener is.
fn behind<'a>(listeners: &[Place<'a>]) -> BTreeMap<&'a str, Vec<&'a str>> {
    let internal = listeners.iter().filter(|listener| is_conduit(listener));
    internal
        .filter_map(|listener| {
            let proxies = typed::all(listener, "TcpProxy");
            let clusters = proxies.iter().flat_map(tcp_clusters).collect();
            Some((listener.text_of("name")?, clusters))
        })
        .collect()
}

/// Whether only clusters of this Envoy reach a listener, and it hands on what they send.
pub fn is_conduit(listener: &Place<'_>) -> bool {
    listener.get("internal_listener").is_some()
        && typed::all(listener, "HttpConnectionManager").is_empty()
}

/// The clusters of a TCP proxy.
pub fn tcp_clusters<'a>(proxy: &Place<'a>) -> Vec<&'a str> {
    let weighted = proxy
        .list_at(&["weighted_clusters", "clusters"])
        .into_iter();
    let weighted = weighted.filter_map(|cluster| cluster.text_of("name"));
    proxy
        .text_of("cluster")
        .into_iter()
        .chain(weighted)
        .collect()
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
