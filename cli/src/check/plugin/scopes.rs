//! Names of scopes and roles that no key can carry, or that take another meaning away.

use mlflow_authz::Config;

use super::super::finding::Findings;
use super::super::rules;
use super::permissions::default_scopes;
use super::{Origin, reads_bodies};

/// Checks every name.
pub fn check(findings: &mut Findings, origin: &Origin<'_>, config: &Config) {
    let mut known = default_scopes();
    known.extend(config.scopes.keys().cloned());
    for (name, scope) in &config.scopes {
        if let Some(why) = unusable(name) {
            unusable_name(findings, origin, "scopes", name, why);
        } else if let Some((shorter, pattern)) = shadowed(name, &known) {
            findings.add_at(
                rules::SCOPE_SHADOWS,
                origin.field(&["scopes", name]),
                format!(
                    "replaces the scope {shorter} limited to the names {pattern}: a scope that the configuration has under \
                     its whole name is unrestricted"
                ),
                format!("remove it, so that keys with it have {shorter} on {pattern} only, or rename it"),
            );
        } else if name.contains(['*', '?']) {
            let why = "a pattern is read only in a key's scope, after a known scope; here it is literal text";
            unusable_name(findings, origin, "scopes", name, why);
        }
        if !scope.searches && !reads_bodies(config) {
            findings.add_at(
                rules::LIMITED_WITHOUT_BODIES,
                origin.field(&["scopes", name, "searches"]),
                "concerns scopes limited to names, but `bodies` is \"ignore\": requests with the name in the body are \
                 refused",
                "set bodies to \"inspect\" (and allow_on_headers_stop_iteration on the Envoy filter), or remove `searches`",
            );
        }
    }
    for name in config.roles.keys() {
        if let Some(why) = unusable(name) {
            unusable_name(findings, origin, "roles", name, why);
        } else if name.contains(['*', '?']) {
            let why = "roles cannot be limited to names, so a pattern here is literal text";
            unusable_name(findings, origin, "roles", name, why);
        }
    }
}

/// Why no key carries the name.
fn unusable(name: &str) -> Option<&'static str> {
    if name.trim().is_empty() {
        Some("it is empty")
    } else if name.trim() != name {
        Some("it starts or ends with a space")
    } else if name.contains([' ', ',', '\t']) {
        Some("it looks like several names in one")
    } else if name.chars().any(char::is_control) {
        Some("it holds a control character")
    } else {
        None
    }
}

fn unusable_name(findings: &mut Findings, origin: &Origin<'_>, table: &str, name: &str, why: &str) {
    findings.add_at(
        rules::SCOPE_UNUSABLE,
        origin.field(&[table, name]),
        format!("no caller can have {name:?}: {why}"),
        "write one name as the auth service reports it",
    );
}

/// The longest shorter scope, and what a key's word would limit it to.
fn shadowed<'a>(name: &'a str, known: &[String]) -> Option<(&'a str, &'a str)> {
    name.rmatch_indices(':')
        .filter_map(|(at, _)| Some((name.get(..at)?, name.get(at + 1..)?)))
        .find(|(scope, pattern)| {
            scope.contains(':') && !pattern.is_empty() && known.iter().any(|other| other == scope)
        })
}
