//! Whether the filter counts the hosts of a virtual host as MLflow's.

use mlflow_authz::Config;
use mlflow_authz::pattern::Pattern;

use super::super::super::finding::Findings;
use super::super::super::hosts;
use super::super::super::place::Place;
use super::super::super::rules;
use super::super::managers::Manager;

/// The domains of a virtual host, as the filter compares hosts: without a port, in lower case.
pub fn domains(host: &Place<'_>) -> Vec<String> {
    let listed = host.list("domains");
    let domains: Vec<String> = listed
        .iter()
        .filter_map(|domain| domain.text().map(hosts::name))
        .collect();
    if domains.is_empty() {
        return vec!["*".to_owned()];
    }
    domains
}

/// Whether every host of a domain is one of the filter's own.
pub fn owns(config: &Config, domain: &str) -> bool {
    let patterns = config.hosts.as_ref();
    patterns.is_none_or(|patterns| hosts::are_covered(patterns, domain))
}

/// Whether some host that comes to a virtual host of a table is one of the filter's own. Envoy gives a host to the most
/// specific domain of the table.
pub fn meets(config: &Config, domains: &[String], table: &Place<'_>) -> bool {
    let Some(patterns) = &config.hosts else {
        return true;
    };
    let all: Vec<String> = table
        .list("virtual_hosts")
        .iter()
        .flat_map(|host| host.list("domains"))
        .filter_map(|domain| domain.text().map(str::to_ascii_lowercase))
        .collect();
    let comes = |pattern: &Pattern, domain: &String| {
        let taken =
            |other: &String| specificity(other) > specificity(domain) && takes_all(other, pattern);
        is_served(pattern, std::slice::from_ref(domain)) && !all.iter().any(taken)
    };
    domains
        .iter()
        .any(|domain| patterns.iter().any(|pattern| comes(pattern, domain)))
}

/// Envoy's order: an exact domain, the longest suffix behind a star, the longest prefix before one, the star.
fn specificity(domain: &str) -> (u8, usize) {
    let kind = match domain {
        "*" => 0,
        _ if domain.ends_with('*') => 1,
        _ if domain.starts_with('*') => 2,
        _ => 3,
    };
    (kind, domain.len())
}

/// Whether a domain takes every host that a pattern matches. One with a port takes some of them only.
fn takes_all(domain: &str, pattern: &Pattern) -> bool {
    // In a domain a star stands for one letter or more, in a pattern also for none; no host starts or ends with a dot.
    let domain = Pattern::new(&domain.replace('*', "?*"));
    let samples = [0, 1, 300].map(|length| {
        let sample = pattern.as_str().replace('*', &"\u{1}".repeat(length));
        sample.replace('?', "\u{1}").to_ascii_lowercase()
    });
    samples
        .iter()
        .filter(|sample| !sample.starts_with('.') && !sample.ends_with('.'))
        .all(|sample| domain.matches(sample))
}

fn is_served(pattern: &Pattern, domains: &[String]) -> bool {
    domains.iter().any(|domain| {
        pattern.matches(&domain.replace('*', "\u{1}"))
            || Pattern::new(domain).matches(&pattern.example())
    })
}

/// Tells of `hosts` that no virtual host serves.
pub fn unrouted(findings: &mut Findings, manager: &Manager<'_>) {
    let hosts = manager
        .tables
        .iter()
        .flat_map(|table| table.list("virtual_hosts"));
    let domains: Vec<String> = hosts.flat_map(|host| domains(&host)).collect();
    for plugin in manager.plugins() {
        let patterns = plugin
            .config
            .as_ref()
            .and_then(|config| config.hosts.as_ref());
        for (index, pattern) in patterns.into_iter().flatten().enumerate() {
            if !domains.is_empty() && !is_served(pattern, &domains) {
                findings.add_at(
                    rules::HOST_UNROUTED,
                    plugin.field(&["hosts", &format!("[{index}]")]),
                    "no virtual host of this listener serves this host: requests for MLflow's real host are forwarded \
                     without a decision",
                    "write the host as the virtual host's domains have it, without the port",
                );
            }
        }
    }
}
