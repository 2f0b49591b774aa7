//! Routes: every way that a request can take through a connection manager, and which of them lead to MLflow.

use std::collections::BTreeSet;

use mlflow_authz::Config;

use super::super::finding::Findings;
use super::super::place::Place;
use super::super::rules;
use super::fields;
use super::managers::{HttpFilter, Manager};
use super::mlflow::Target;
use super::typed::Typed;
use matcher::Matcher;

mod hosts;
pub mod judge;
pub mod matcher;
mod mounts;
pub mod repeats;
mod rewrite;

pub use mounts::mlflow_clusters;

/// One route of one chain of HTTP filters.
pub struct Route<'a, 'm> {
    place: Place<'a>,
    matcher: Matcher<'a>,
    forwards: Vec<Forward<'a, 'm>>,
    mirrors: Vec<Forward<'a, 'm>>,
}

/// One place that a route sends requests to.
struct Forward<'a, 'm> {
    place: Place<'a>,
    target: Target<'a>,
    /// Whether an instance of the filter decides about its requests.
    decided: bool,
    /// The configurations that decide.
    configs: Vec<&'m Config>,
}

/// A virtual host's routes under one chain of HTTP filters, in order.
pub struct Host<'a, 'm> {
    place: Place<'a>,
    table: Place<'a>,
    domains: Vec<String>,
    routes: Vec<Route<'a, 'm>>,
    manager: &'m Manager<'a>,
}

/// The route tables of a connection manager, as far as they are in the files.
pub fn tables<'a>(
    findings: &mut Findings,
    manager: &Place<'a>,
    typed: &[Typed<'a>],
) -> Vec<Place<'a>> {
    let mut tables: Vec<Place<'a>> = manager.get("route_config").into_iter().collect();
    if let Some(rds) = manager.get("rds") {
        let name = rds.text_of("route_config_name");
        let discovered = typed.iter().filter(|typed| {
            typed.is("envoy.config.route.v3.RouteConfiguration")
                && name.is_some()
                && typed.body.text_of("name") == name
        });
        let before = tables.len();
        tables.extend(discovered.map(|typed| typed.body.clone()));
        if tables.len() == before {
            elsewhere(findings, &rds, "the route table comes by RDS");
        }
    }
    if let Some(scoped) = manager.get("scoped_routes") {
        elsewhere(findings, &scoped, "check does not follow scoped routes");
    }
    tables
}

/// Tells of route tables that no connection manager in the files uses.
pub fn unused(findings: &mut Findings, typed: &[Typed<'_>], managers: &[Manager<'_>]) {
    let tables = typed
        .iter()
        .filter(|typed| typed.is("envoy.config.route.v3.RouteConfiguration"));
    for table in tables.map(|typed| &typed.body) {
        let mut used = managers.iter().flat_map(|manager| &manager.tables);
        if !used.any(|known| known.is_same(table)) {
            findings.add(
                rules::CANNOT_TELL,
                table,
                "no connection manager in these files uses this route table, so check cannot tell whether the filter \
                 decides about its routes",
                "check the file that holds the listener together with this one",
            );
        }
    }
}

fn elsewhere(findings: &mut Findings, place: &Place<'_>, why: &str) {
    findings.add(
        rules::CANNOT_TELL,
        place,
        format!("{why}, so check cannot tell which requests reach MLflow"),
        "give the file that holds the RouteConfiguration too, or write it as route_config",
    );
}

/// Every virtual host of a chain.
pub fn hosts<'a, 'm>(findings: &mut Findings, manager: &'m Manager<'a>) -> Vec<Host<'a, 'm>> {
    let mut hosts = Vec::new();
    for table in &manager.tables {
        fields::check(findings, table, fields::TABLE);
        for place in table.list("virtual_hosts") {
            fields::check(findings, &place, fields::HOST);
            let routes = place.list("routes").into_iter();
            let routes = routes
                .map(|route| Route::read(findings, route, &[table, &place], manager))
                .collect();
            hosts.push(Host {
                domains: hosts::domains(&place),
                table: table.clone(),
                place,
                routes,
                manager,
            });
        }
    }
    hosts
}

impl<'a, 'm> Route<'a, 'm> {
    fn read(
        findings: &mut Findings,
        place: Place<'a>,
        around: &[&Place<'a>],
        manager: &'m Manager<'a>,
    ) -> Self {
        fields::check(findings, &place, fields::ROUTE);
        let matched = place.get("match");
        if let Some(matched) = &matched {
            fields::check(findings, matched, fields::MATCH);
        }
        let matcher = Matcher::read(matched.as_ref().unwrap_or(&place));
        let mut levels: Vec<&Place<'a>> = around.to_vec();
        levels.push(&place);
        let mut forwards = Vec::new();
        if let Some(action) = place.get("route") {
            fields::check(findings, &action, fields::ACTION);
            match action.get("weighted_clusters") {
                Some(weighted) => {
                    for entry in weighted.list("clusters") {
                        fields::check(findings, &entry, fields::WEIGHT);
                        let target = target(&entry, "name");
                        let mut levels = levels.clone();
                        levels.push(&entry);
                        let forward =
                            Forward::read(findings, entry.clone(), target, &levels, manager);
                        forwards.push(forward);
                    }
                }
                None => {
                    let target = target(&action, "cluster");
                    let forward = Forward::read(findings, place.clone(), target, &levels, manager);
                    forwards.push(forward);
                }
            }
        }
        let mirrors = levels
            .iter()
            .map(|level| (*level).clone())
            .chain(place.get("route"));
        let mirrors = mirrors
            .flat_map(|level| level.list("request_mirror_policies"))
            .map(|policy| {
                let target = target(&policy, "cluster");
                Forward::read(findings, policy, target, &levels, manager)
            })
            .collect();
        Self {
            place,
            matcher,
            forwards,
            mirrors,
        }
    }
}

/// What an action, an entry of weighted clusters or a mirror sends requests to.
fn target<'a>(place: &Place<'a>, name: &str) -> Target<'a> {
    let header = place
        .text_of("cluster_header")
        .filter(|header| !header.is_empty());
    match place.text_of(name).filter(|name| !name.is_empty()) {
        _ if header.is_some() => Target::Header,
        Some(cluster) => Target::Cluster(cluster),
        None if place.get("cluster_specifier_plugin").is_some()
            || place.get("inline_cluster_specifier_plugin").is_some() =>
        {
            Target::Unknown("a cluster specifier plugin chooses the cluster")
        }
        None => Target::Unknown("check does not know how it chooses a cluster"),
    }
}

impl<'a, 'm> Forward<'a, 'm> {
    fn read(
        findings: &mut Findings,
        place: Place<'a>,
        target: Target<'a>,
        levels: &[&Place<'a>],
        manager: &'m Manager<'a>,
    ) -> Self {
        let deciding: Vec<&'m HttpFilter<'a>> = manager
            .instances()
            .filter(|filter| is_enabled(findings, filter, levels))
            .collect();
        let configs = deciding
            .iter()
            .filter_map(|filter| filter.plugin.as_ref()?.config.as_ref());
        Self {
            place,
            target,
            decided: !deciding.is_empty(),
            configs: configs.collect(),
        }
    }

    /// The mounts of the instances that decide; empty where their configuration is refused.
    fn mounts(&self) -> BTreeSet<&str> {
        let mounts = self.configs.iter().flat_map(|config| &config.mounts);
        mounts.map(String::as_str).collect()
    }
}

/// Whether a filter runs, as the most specific level that speaks of it says.
fn is_enabled(findings: &mut Findings, filter: &HttpFilter<'_>, levels: &[&Place<'_>]) -> bool {
    for level in levels.iter().rev() {
        let overrides = level.get("typed_per_filter_config");
        let over = overrides
            .as_ref()
            .and_then(|overrides| overrides.fields().find(|(name, _)| *name == filter.name));
        let Some((_, over)) = over else {
            continue;
        };
        if let Some(typed) = Typed::read(&over)
            && typed.is("envoy.config.route.v3.FilterConfig")
        {
            return !typed.body.is_true("disabled");
        }
        findings.add(
            rules::CANNOT_TELL,
            &over,
            "check does not know what this does to the filter, so it cannot tell whether it decides here",
            "remove it: the filter has no configuration of its own for routes",
        );
    }
    !filter.disabled
}
