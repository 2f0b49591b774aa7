//! VMs: who shares a `vm_id` shares data, whatever module it runs.

use std::collections::BTreeMap;

use mlflow_authz::Config;
use mlflow_authz::auth_service::AuthServiceClient;

use super::super::finding::Findings;
use super::super::place::Place;
use super::super::rules;
use super::plugins::{self, Plugin};
use super::typed::Typed;

/// Checks every VM that the files describe, those of other modules too.
pub fn check(findings: &mut Findings, typed: &[Typed<'_>], plugins: &[Plugin<'_>]) {
    let all = typed.iter().filter_map(|typed| typed.body.get("config"));
    let mut by_id: BTreeMap<&str, Vec<Place<'_>>> = BTreeMap::new();
    for config in all.filter(|config| config.get("vm_config").is_some()) {
        by_id.entry(vm_id(&config)).or_default().push(config);
    }
    for plugin in plugins {
        let id = vm_id(&plugin.place);
        if id.is_empty() {
            findings.add(
                rules::VM_ID_MISSING,
                &plugin.place,
                "without a vm_id the filter shares its data with every other module that has none",
                "set vm_config.vm_id: mlflow_authz",
            );
        }
        let sharing = by_id.get(id).into_iter().flatten();
        let other = sharing
            .filter(|other| code(other) != code(&plugin.place))
            .find(|other| {
                // A module without a vm_id is told above; another build of this one reads the same data.
                !id.is_empty() && !plugins::is_ours(other)
            });
        if let Some(other) = other {
            shared(
                findings,
                plugin,
                &format!(
                    "another module, at {} line {}",
                    other.file(),
                    other.spot().line
                ),
                id,
            );
        }
    }
    same_service(findings, plugins);
}

/// Principals and questions are kept by the identity of the auth service, the list of revoked keys too: two
/// instances that ask the same service in two ways for revoked keys would write one list.
fn same_service(findings: &mut Findings, plugins: &[Plugin<'_>]) {
    for (index, plugin) in plugins.iter().enumerate() {
        let id = vm_id(&plugin.place);
        let mut earlier = plugins
            .iter()
            .take(index)
            .filter(|other| vm_id(&other.place) == id);
        let Some(config) = &plugin.config else {
            continue;
        };
        let differs = |other: &&Plugin<'_>| {
            other
                .config
                .as_ref()
                .is_some_and(|other| polls_differently(config, other))
        };
        if let Some(other) = earlier.find(differs) {
            let who = format!(
                "the instance at {} line {}, which polls the same auth service for revoked keys at another path",
                other.place.file(),
                other.place.spot().line
            );
            shared(findings, plugin, &who, id);
        }
    }
}

fn polls_differently(a: &Config, b: &Config) -> bool {
    let service = |config: &Config| {
        let service = config.auth_service.clone();
        service.map(|service| AuthServiceClient::new(service).fingerprint())
    };
    match (&a.revocation, &b.revocation) {
        (Some(one), Some(other)) => one.path != other.path && service(a) == service(b),
        _ => false,
    }
}

fn shared(findings: &mut Findings, plugin: &Plugin<'_>, with: &str, id: &str) {
    findings.add(
        rules::VM_ID_SHARED,
        &plugin.place.at_or_self(&["vm_config", "vm_id"]),
        format!(
            "vm_id {id:?} is also the vm_id of {with}: they read and write the same shared data"
        ),
        "give this filter a vm_id of its own",
    );
}

/// Of a `PluginConfig`; empty where there is none.
fn vm_id<'a>(config: &Place<'a>) -> &'a str {
    let id = config.at(&["vm_config", "vm_id"]);
    id.and_then(|id| id.text()).unwrap_or_default()
}

fn code(config: &Place<'_>) -> Option<String> {
    config.at(&["vm_config", "code"]).map(|code| code.to_json())
}
