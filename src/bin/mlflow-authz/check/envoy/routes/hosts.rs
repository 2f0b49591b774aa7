//! Whether the filter counts the hosts of a virtual host as MLflow's.

use mlflow_authz::Config;
use mlflow_authz::pattern::Pattern;

use super::super::super::finding::Findings;
use super::super::super::place::Place;
use super::super::super::rules;
use super::super::managers::Manager;

/// The domains of a virtual host, as the filter compares hosts: without a port, in lower case.
pub fn domains(host: &Place<'_>) -> Vec<String> {
    let listed = host.list("domains");
    let domains: Vec<String> = listed
        .iter()
        .filter_map(|domain| domain.text().map(without_port))
        .collect();
    if domains.is_empty() {
        return vec!["*".to_owned()];
    }
    domains
}

fn without_port(domain: &str) -> String {
    let (host, port) = domain.rsplit_once(':').unwrap_or((domain, ""));
    let is_port = !port.is_empty() && port.bytes().all(|byte| byte.is_ascii_digit());
    let host = if is_port { host } else { domain };
    host.trim_end_matches('.').to_ascii_lowercase()
}

/// Whether every host of a domain is one of the filter's own.
pub fn owns(config: &Config, domain: &str) -> bool {
    let Some(patterns) = &config.hosts else {
        return true;
    };
    // A star stands for one letter or more, none of which a pattern can name.
    let some = |length: usize| domain.replace('*', &"\u{1}".repeat(length));
    let samples = [some(1), some(300)];
    patterns
        .iter()
        .any(|pattern| samples.iter().all(|sample| pattern.matches(sample)))
}

/// Whether some host of these domains is one of the filter's own.
pub fn meets(config: &Config, domains: &[String]) -> bool {
    let patterns = config.hosts.as_ref();
    patterns.is_none_or(|patterns| patterns.iter().any(|pattern| is_served(pattern, domains)))
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
    for plugin in manager
        .instances()
        .filter_map(|filter| filter.plugin.as_ref())
    {
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
