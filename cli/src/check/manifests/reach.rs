//! Where MLflow is: where requests below a mount end.

use mlflow_authz::Config;

use super::super::hosts;
use super::coverage::{Coverage, Instance};
use super::endpoint::Endpoint;
use super::object::Object;
use super::way::{Layer, Way};

/// Requests that only MLflow serves, each below a mount.
const PROBES: &[&str] = &[
    "/api/2.0/mlflow/runs/get",
    "/ajax-api/2.0/mlflow/runs/get",
    "/api/2.0/mlflow-artifacts/artifacts/a",
    "/get-artifact",
    "/graphql",
];

/// What was found of one instance's mounts.
#[derive(Debug, Default)]
pub struct Reach {
    /// Everything that the servers below the mounts are known as.
    pub mlflow: Vec<Endpoint>,
    /// Mounts that no route serves.
    pub unserved: Vec<String>,
}

/// Follows requests below each mount of an instance.
pub fn of_instance(instance: &Instance<'_>, ways: &[Way<'_>], policies: &[Object<'_>]) -> Reach {
    let Some(config) = &instance.config else {
        return Reach::default();
    };
    let http = || {
        ways.iter()
            .filter(|way| way.layer == Layer::Http && is_ours(config, way))
    };
    let runs =
        |way: &&Way<'_>| !matches!(instance.coverage(&way.entry, policies), Coverage::Absent(_));
    let near: Vec<&Way<'_>> = http().filter(runs).collect();
    let all: Vec<&Way<'_>> = http().collect();
    let mut reach = Reach::default();
    for mount in &config.mounts {
        // Where the filter does not run on any way to the mount, the others are what it was meant for.
        let found = [&near, &all]
            .into_iter()
            .map(|ways| below(mount, ways))
            .find(|found| !found.is_empty());
        match found {
            Some(found) => reach.mlflow.extend(found),
            None => reach.unserved.push(mount.clone()),
        }
    }
    reach
}

/// Whether some name of the way is one that the filter decides about.
fn is_ours(config: &Config, way: &Way<'_>) -> bool {
    let patterns = hosts::patterns(config);
    patterns.is_empty()
        || way.hosts.is_empty()
        || way
            .hosts
            .iter()
            .any(|host| hosts::may_match(patterns, host))
}

fn below(mount: &str, ways: &[&Way<'_>]) -> Vec<Endpoint> {
    let mut found = Vec::new();
    for probe in PROBES {
        let path = format!("{}{probe}", mount.trim_end_matches('/'));
        let taking = |way: &&&Way<'_>| {
            way.path.takes(&path) && !way.before.iter().any(|earlier| earlier.takes(&path))
        };
        let taking: Vec<&&Way<'_>> = ways.iter().filter(taking).collect();
        let weight = taking.iter().map(|way| way.path.weight()).max();
        for way in taking
            .iter()
            .filter(|way| Some(way.path.weight()) == weight || way.conditional)
        {
            found.extend(ends(way));
        }
    }
    if found.is_empty() {
        let named = ways.iter().filter(|way| way.path.names(mount));
        found.extend(named.flat_map(|way| ends(way)));
    }
    found
}

fn ends(way: &Way<'_>) -> Vec<Endpoint> {
    let routed = way
        .destinations
        .iter()
        .filter(|destination| !destination.is_mirror);
    routed
        .flat_map(|destination| destination.known_as.clone())
        .collect()
}
