//! Patterns that are written as regular expressions, and paths that are written as patterns: both are read letter by
//! letter.

use mlflow_authz::Config;

use super::super::finding::Findings;
use super::super::rules;
use super::Origin;

/// What a regular expression has, and no name, host, path or key.
const REGEX: &[&str] = &["^", "$", "\\", "(", ")", "[", "]", "{", "}", "|", ".+"];
/// Where MLflow's own API begins. A mount is where its root is.
const API: &[&str] = &["/api/2.0", "/api/3.0", "/ajax-api", "/api/2.0mlflow"];

/// Checks every pattern, mount and name.
pub fn check(findings: &mut Findings, origin: &Origin<'_>, config: &Config) {
    if let Some(pattern) = &config.key_pattern {
        regex(findings, origin, &["key_pattern"], pattern.as_str());
    }
    for (index, host) in config.hosts.iter().flatten().enumerate() {
        let place = format!("[{index}]");
        regex(findings, origin, &["hosts", &place], host.as_str());
    }
    for (index, over) in config.overrides.iter().enumerate() {
        let place = format!("[{index}]");
        for host in over.matches.host.iter().flatten() {
            regex(
                findings,
                origin,
                &["overrides", &place, "match", "host"],
                host.as_str(),
            );
        }
        for name in over.scopes.iter().flatten().map(|(name, _)| name) {
            regex(
                findings,
                origin,
                &["overrides", &place, "scopes", name],
                name,
            );
        }
    }
    for name in config.scopes.keys() {
        regex(findings, origin, &["scopes", name], name);
    }
    for name in config.roles.keys() {
        regex(findings, origin, &["roles", name], name);
    }
    for (index, mount) in config.mounts.iter().enumerate() {
        let place = format!("[{index}]");
        check_mount(findings, origin, &["mounts", &place], mount);
    }
}

/// Whether a text looks like a regular expression. `v1.*` is a pattern, `hk_.*` is not.
fn is_regex(text: &str) -> bool {
    let any = text.find(".*").is_some_and(|at| {
        let before = text.get(..at).and_then(|before| before.chars().last());
        !before.is_some_and(|letter| letter.is_ascii_alphanumeric())
    });
    any || REGEX.iter().any(|piece| text.contains(piece))
}

fn regex(findings: &mut Findings, origin: &Origin<'_>, path: &[&str], text: &str) {
    if is_regex(text) {
        findings.add_at(
            rules::REGEX_PATTERN,
            origin.field(path),
            format!("{text:?} looks like a regular expression, but is compared literally"),
            "write a pattern, where * stands for any characters and ? for one (\"hk_live_*\")",
        );
    }
}

fn check_mount(findings: &mut Findings, origin: &Origin<'_>, path: &[&str], mount: &str) {
    if is_regex(mount) || mount.contains(['*', '?']) {
        findings.add_at(
            rules::REGEX_PATTERN,
            origin.field(path),
            format!("the mount {mount:?} looks like a pattern, but is compared literally"),
            "write the path alone: a mount covers everything below it",
        );
    }
    let in_api = |api: &&str| {
        mount.find(*api).is_some_and(|at| {
            mount
                .get(at + api.len()..)
                .is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
        })
    };
    if API.iter().any(in_api) {
        findings.add_at(
            rules::MOUNT_OF_API,
            origin.field(path),
            format!(
                "the mount {mount} is within MLflow's own API, so below it no operation is known and most requests are \
                 refused"
            ),
            "mount what is before it, where MLflow's root is: for /api/2.0/mlflow that is /",
        );
    }
}
