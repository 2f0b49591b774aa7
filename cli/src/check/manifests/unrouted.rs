//! Mounts and hosts of the plugin configuration that no route serves.

use mlflow_authz::pattern::Pattern;

use super::super::finding::Findings;
use super::super::hosts;
use super::super::rules;
use super::coverage::Instance;
use super::reach::Reach;
use super::way::Way;

/// Checks one instance.
pub fn check(findings: &mut Findings, instance: &Instance<'_>, ways: &[Way<'_>], reach: &Reach) {
    let Some(config) = &instance.config else {
        return;
    };
    if ways.is_empty() {
        findings.add(
            rules::CANNOT_TELL,
            &instance.object.root,
            "cannot tell whether the filter runs on every route to MLflow: the given files hold no route",
            "give the manifests with the gateway and MLflow's routes to check as well",
        );
        return;
    }
    let served = |pattern: &Pattern| {
        let pattern = std::slice::from_ref(pattern);
        let mut names = ways.iter().flat_map(|way| &way.hosts);
        ways.iter().any(|way| way.hosts.is_empty())
            || names.any(|host| hosts::may_match(pattern, host))
    };
    for pattern in hosts::patterns(config)
        .iter()
        .filter(|pattern| !served(pattern))
    {
        findings.add(
            rules::HOST_UNROUTED,
            &instance.place.at_or_self(&["hosts"]),
            format!(
                "no route is for the host {}: requests for MLflow's real host are forwarded without a decision",
                pattern.as_str()
            ),
            "write the host as the route has it, without the port",
        );
    }
    let place = instance.place.at_or_self(&["mounts"]);
    let none = reach.mlflow.is_empty();
    let rule = if none {
        rules::MOUNTS_UNROUTED
    } else {
        rules::MOUNT_UNROUTED
    };
    for mount in &reach.unserved {
        let mut paths: Vec<String> = ways.iter().map(|way| way.path.title()).collect();
        paths.sort();
        paths.dedup();
        paths.truncate(5);
        findings.add(
            rule,
            &place,
            format!(
                "no route leads to the mount {mount}, so no request is decided there; the routes are for {}",
                paths.join(", ")
            ),
            "write the path at which clients reach MLflow's root, as MLflow's route has it",
        );
    }
}
