//! Routes: what reaches MLflow without a decision.

use std::collections::BTreeSet;

use mlflow_authz::Config;
use mlflow_authz::request::same_header;

use super::super::finding::Findings;
use super::super::place::Place;
use super::super::rules;
use super::managers::{HttpFilter, Manager};
use super::typed::Typed;
use matcher::Matcher;

mod matcher;

/// One route of one connection manager.
#[derive(Debug)]
struct Route<'a> {
    place: Place<'a>,
    matcher: Matcher<'a>,
    /// What it forwards to; empty where it answers by itself.
    clusters: Vec<&'a str>,
    /// Whether an instance of the filter decides about its requests.
    decided: bool,
}

/// A virtual host's routes under one connection manager, in order.
struct Host<'a, 'm> {
    routes: Vec<Route<'a>>,
    manager: &'m Manager<'a>,
}

/// Checks the routes of every connection manager, those without the filter too.
pub fn check(findings: &mut Findings, managers: &[Manager<'_>], typed: &[Typed<'_>]) {
    let hosts: Vec<Host<'_, '_>> = managers
        .iter()
        .flat_map(|manager| hosts(manager, typed))
        .collect();
    let mlflow: BTreeSet<&str> = hosts.iter().flat_map(mlflow_clusters).collect();
    for host in &hosts {
        for route in &host.routes {
            let reaches = route
                .clusters
                .iter()
                .find(|cluster| mlflow.contains(*cluster));
            if let Some(cluster) = reaches {
                around_filter(findings, host, route, cluster);
                outside_mounts(findings, host, route, cluster);
            }
            on_identity(findings, host, route);
        }
    }
    for proxy in typed
        .iter()
        .filter(|typed| typed.is("envoy.extensions.filters.network.tcp_proxy.v3.TcpProxy"))
    {
        let cluster = proxy
            .body
            .text_of("cluster")
            .filter(|cluster| mlflow.contains(cluster));
        if let Some(cluster) = cluster {
            around(
                findings,
                &proxy.body,
                cluster,
                "a TCP proxy forwards to it, and runs no HTTP filter",
            );
        }
    }
}

fn hosts<'a, 'm>(manager: &'m Manager<'a>, typed: &[Typed<'a>]) -> Vec<Host<'a, 'm>> {
    let inline = manager.place.get("route_config");
    let discovered = manager
        .place
        .at(&["rds", "route_config_name"])
        .and_then(|name| name.text());
    let discovered = typed.iter().filter(move |typed| {
        typed.is("envoy.config.route.v3.RouteConfiguration")
            && discovered.is_some()
            && typed.body.text_of("name") == discovered
    });
    let tables = inline
        .into_iter()
        .chain(discovered.map(|typed| typed.body.clone()));
    tables
        .flat_map(|table| {
            let hosts = table.list("virtual_hosts").into_iter();
            hosts
                .map(move |host| (table.clone(), host))
                .collect::<Vec<_>>()
        })
        .map(|(table, host)| {
            let routes = host.list("routes").into_iter();
            let routes = routes
                .filter_map(|route| Route::read(route, &[&table, &host], manager))
                .collect();
            Host { routes, manager }
        })
        .collect()
}

impl<'a> Route<'a> {
    fn read(place: Place<'a>, around: &[&Place<'a>], manager: &Manager<'a>) -> Option<Self> {
        let matcher = Matcher::read(&place.get("match")?);
        let mut levels: Vec<&Place<'a>> = around.to_vec();
        levels.push(&place);
        let decided = manager
            .instances()
            .any(|filter| is_enabled(filter, &levels));
        let clusters = place
            .get("route")
            .map(|action| clusters(&action))
            .unwrap_or_default();
        Some(Self {
            matcher,
            clusters,
            decided,
            place,
        })
    }

    fn is_rewritten(&self) -> bool {
        let action = self.place.get("route");
        let rewrites = [
            "prefix_rewrite",
            "regex_rewrite",
            "path_rewrite_policy",
            "path_rewrite",
        ];
        action.is_some_and(|action| rewrites.iter().any(|name| action.get(name).is_some()))
    }
}

fn clusters<'a>(action: &Place<'a>) -> Vec<&'a str> {
    let one = action.text_of("cluster").into_iter();
    let weighted = action
        .get("weighted_clusters")
        .map(|weighted| weighted.list("clusters"));
    let weighted = weighted
        .into_iter()
        .flatten()
        .filter_map(|cluster| cluster.text_of("name"));
    one.chain(weighted).collect()
}

/// Whether a filter runs, as the most specific level that speaks of it says.
fn is_enabled(filter: &HttpFilter<'_>, levels: &[&Place<'_>]) -> bool {
    let said = levels.iter().rev().find_map(|level| {
        let overrides = level.get("typed_per_filter_config")?;
        let (_, over) = overrides.fields().find(|(name, _)| *name == filter.name)?;
        let typed = Typed::read(&over)?;
        typed
            .is("envoy.config.route.v3.FilterConfig")
            .then(|| !typed.body.is_true("disabled"))
    });
    said.unwrap_or(!filter.disabled)
}

fn configs<'m>(manager: &'m Manager<'_>) -> impl Iterator<Item = &'m Config> {
    manager
        .instances()
        .filter_map(|filter| filter.plugin.as_ref()?.config.as_ref())
}

fn mounts<'m>(manager: &'m Manager<'_>) -> BTreeSet<&'m str> {
    configs(manager)
        .flat_map(|config| config.mounts.iter().map(String::as_str))
        .collect()
}

/// The clusters that a request below a mount goes to: those of the first routes that match it.
fn mlflow_clusters<'a>(host: &Host<'a, '_>) -> Vec<&'a str> {
    let mut clusters = Vec::new();
    for mount in mounts(host.manager) {
        let below = format!("{}/api/2.0/mlflow/runs/get", mount.trim_end_matches('/'));
        for route in host
            .routes
            .iter()
            .filter(|route| route.matcher.matches(&below, mount))
        {
            clusters.extend(&route.clusters);
            if !route.matcher.is_conditional() {
                break;
            }
        }
    }
    clusters
}

fn around_filter(findings: &mut Findings, host: &Host<'_, '_>, route: &Route<'_>, cluster: &str) {
    if route.decided {
        return;
    }
    let why = match host.manager.instances().next() {
        None => "this listener does not run the filter",
        Some(_) => "the filter is disabled for this route",
    };
    around(findings, &route.place, cluster, why);
}

fn around(findings: &mut Findings, place: &Place<'_>, cluster: &str, why: &str) {
    findings.add(
        rules::AROUND_FILTER,
        place,
        format!("requests reach {cluster}, where MLflow is, without a decision: {why}"),
        "let the filter decide (`public` opens endpoints that need no key), or remove the route",
    );
}

fn outside_mounts(findings: &mut Findings, host: &Host<'_, '_>, route: &Route<'_>, cluster: &str) {
    let mounts = mounts(host.manager);
    if !route.decided || mounts.is_empty() {
        return;
    }
    if let Some(mount) = route
        .matcher
        .prefix_without_slash(&mounts)
        .filter(|_| route.is_rewritten())
    {
        findings.add(
            rules::ROUTE_PREFIX,
            &route.place,
            format!(
                "prefix {mount} without a final slash also matches {mount}api/…, which lies outside the mount and is \
                 forwarded without a decision, as /api/… after the rewrite"
            ),
            format!("match prefix {mount}/ , or path_separated_prefix {mount}"),
        );
    } else if route.matcher.reaches_outside(&mounts) {
        let mounts: Vec<&str> = mounts.into_iter().collect();
        findings.add(
            rules::OUTSIDE_MOUNTS,
            &route.place,
            format!(
                "also sends paths outside the filter's mounts ({}) to {cluster}, where MLflow is: these are forwarded \
                 without a decision",
                mounts.join(", ")
            ),
            "mount \"/\" too (under --static-prefix MLflow still serves artifacts at its root), or close the route",
        );
    }
}

fn on_identity(findings: &mut Findings, host: &Host<'_, '_>, route: &Route<'_>) {
    let conditions = route
        .place
        .get("match")
        .map(|matched| matched.list("headers"));
    for condition in conditions.into_iter().flatten() {
        let Some(name) = condition.text_of("name") else {
            continue;
        };
        let carries = |config: &Config| {
            let headers = &config.identity_headers;
            [&headers.user_id, &headers.key_id, &headers.scopes]
                .iter()
                .any(|header| same_header(header.as_str().as_bytes(), name.as_bytes()))
        };
        if configs(host.manager).any(carries) {
            findings.add(
                rules::ROUTE_ON_IDENTITY,
                &condition,
                format!(
                    "chooses by {name}, which is the client's own until the filter has decided"
                ),
                "choose routes by path, method or host",
            );
        }
    }
}
