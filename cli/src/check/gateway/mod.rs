//! Rules about Envoy Gateway's manifests and the routes of the Gateway API. An `EnvoyPatchPolicy` may hold Envoy's own
//! configuration, see `envoy`.

mod filters;
mod policies;
mod proxies;
mod routes;

use mlflow_authz::Config;

use super::digest;
use super::envoy::plugins::{bodies, holds_our_configuration, names_us};
use super::finding::Findings;
use super::input::Document;
use super::manifests::object::of_kinds;
use super::manifests::{Control, Directory, Instance, Way};
use super::place::Place;
use super::plugin::{self, Origin};
use super::rules;

pub use self::policies::check as check_settings;

/// Checks every policy with the filter.
pub fn instances<'a>(findings: &mut Findings, documents: &[Document<'a>]) -> Vec<Instance<'a>> {
    let mut instances = Vec::new();
    for object in of_kinds(documents, &["EnvoyExtensionPolicy"]) {
        for module in object.spec.list("wasm").into_iter().filter(is_ours) {
            let found = check_module(findings, &module);
            let place = module.at_or_self(&["config"]);
            let object = object.clone();
            instances.push(Instance {
                object,
                place,
                config: found,
                control: Control::EnvoyGateway,
            });
        }
    }
    instances
}

/// Every way that routes of the Gateway API make, with what policies do to requests on it.
pub fn ways<'a>(documents: &[Document<'a>], directory: &Directory<'a>) -> Vec<Way<'a>> {
    let mut ways = routes::read(documents, directory);
    policies::Policies::read(documents).apply(&mut ways);
    ways
}

fn is_ours(module: &Place<'_>) -> bool {
    let paths: [&[&str]; 4] = [
        &["name"],
        &["rootID"],
        &["code", "image", "url"],
        &["code", "http", "url"],
    ];
    let named = paths
        .iter()
        .filter_map(|path| module.at(path)?.text())
        .any(names_us);
    named
        || module
            .get("config")
            .is_some_and(|config| holds_our_configuration(&config))
}

fn check_module(findings: &mut Findings, module: &Place<'_>) -> Option<Config> {
    digest::of_envoy_gateway(findings, module);
    if module.is_true("failOpen") {
        findings.add(
            rules::FAIL_OPEN,
            &module.at_or_self(&["failOpen"]),
            "when the module crashes or cannot be fetched, every request passes without a decision",
            "remove failOpen, or set it to false",
        );
    }
    let Some(place) = module.get("config") else {
        findings.add(
            rules::CONFIG_MISSING,
            module,
            "the filter has no configuration, and refuses to start",
            "give it as an object under config",
        );
        return None;
    };
    let config = plugin::check(findings, &Origin(place.clone()), &place.to_json())?;
    bodies(findings, &place, &config, false);
    Some(config)
}
