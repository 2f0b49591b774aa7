//! What sends a request to MLflow more than once: its writes may not be repeated.

use super::super::super::finding::Findings;
use super::super::super::place::Place;
use super::super::super::rules;

/// Conditions under which MLflow has not seen the request.
const UNSEEN: &[&str] = &["connect-failure", "refused-stream", "reset-before-request"];

/// Fields that repeat requests, on a route action, a virtual host or a cluster's protocol options.
const REPEATING: &[&str] = &["retry_policy", "retry_policy_typed_config", "hedge_policy"];

/// Checks one level.
pub fn check(findings: &mut Findings, level: &Place<'_>) {
    for field in REPEATING.iter().filter_map(|name| level.get(name)) {
        let on = field.text_of("retry_on");
        let harmless = on.is_some_and(|on| {
            on.split(',')
                .map(str::trim)
                .all(|condition| UNSEEN.contains(&condition))
        });
        if harmless {
            continue;
        }
        findings.add(
            rules::RETRIES,
            &field,
            "Envoy may send a request to MLflow again after MLflow has acted on it: a run, a metric or a model version \
             is then there twice",
            "remove it (MLflow's client retries by itself), or set retry_on: connect-failure,refused-stream",
        );
    }
}
