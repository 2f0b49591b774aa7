//! `stats_tags`: without them the labels of the filter's metrics stay in the metrics' names.

use super::super::finding::Findings;
use super::super::place::Place;
use super::super::rules;

/// Every label that a metric of the filter has.
pub const LABELS: &[&str] = &[
    "decision",
    "reason",
    "object",
    "access",
    "operation",
    "result",
    "outcome",
    "permission",
    "identity",
    "version",
    "covers",
    "hash",
];

/// Fields that only a bootstrap has.
const BOOTSTRAP: &[&str] = &["static_resources", "dynamic_resources"];

/// Checks every bootstrap.
pub fn check(findings: &mut Findings, roots: &[&Place<'_>]) {
    let bootstraps = roots
        .iter()
        .filter(|root| BOOTSTRAP.iter().any(|name| root.get(name).is_some()));
    for root in bootstraps {
        let tags = root.list_at(&["stats_config", "stats_tags"]);
        let is_cut = |label: &&&str| {
            tags.iter().any(|tag| {
                let regex = tag.text_of("regex").unwrap_or_default();
                tag.text_of("tag_name").is_some() && regex.contains(&format!("{label}=\\.="))
            })
        };
        let missing: Vec<&str> = LABELS
            .iter()
            .filter(|label| !is_cut(label))
            .copied()
            .collect();
        if !missing.is_empty() {
            findings.add(
                rules::STATS_TAGS,
                &root.at_or_self(&["stats_config"]),
                format!(
                    "no stats_tags rule cuts these labels out of the filter's metrics: {}",
                    missing.join(", ")
                ),
                "copy stats_config.stats_tags from envoy/envoy.yaml",
            );
        }
    }
}
