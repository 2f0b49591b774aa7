//! The sample with one change that opens a way to MLflow, one at a time: each must be found. And changes that open none.

mod chains;
mod endpoints;
mod harmless;
mod hosts;
mod listeners;
mod rewrites;
mod routes;

use super::{findings, sample};

/// Behind these lines of envoy.yaml more can stand.
pub const TABLE: &str = "          route_config:\n            name: mlflow\n";
pub const HOST: &str = "              domains: [\"*\"]\n";
pub const MATCH: &str = "                match: { prefix: /api/mlflow/ }\n";
pub const ACTION: &str = "                  cluster: mlflow\n";
pub const LAST: &str = "                redirect: { path_redirect: /api/mlflow/ }\n";
pub const MANAGER: &str = "          stat_prefix: mlflow\n";
pub const ROUTER: &str = "          - name: envoy.filters.http.router\n";
pub const FILTER: &str = "          - name: mlflow_authz\n";
pub const CLUSTER: &str = "  - name: mlflow\n    type: STRICT_DNS\n";
pub const CLUSTERS: &str = "\n  clusters:\n";
pub const OPTIONS: &str = "        explicit_http_config: { http_protocol_options: {} }\n";

/// A filter's entry that switches the filter off.
pub const OFF: &str = "typed_per_filter_config: { mlflow_authz: { \"@type\": type.googleapis.com/envoy.config.route.v3.FilterConfig, disabled: true } }";

/// What is changed, the line of envoy.yaml, what takes its place, and the rule that must find it.
pub struct Case {
    pub what: &'static str,
    pub line: &'static str,
    pub becomes: String,
    pub code: &'static str,
}

/// Behind a line of envoy.yaml, as deep as the line is.
pub fn behind(what: &'static str, line: &'static str, more: &str, code: &'static str) -> Case {
    let indent = " ".repeat(line.trim_start_matches('\n').len() - line.trim_start().len());
    let becomes = format!("{line}{indent}{more}\n");
    Case {
        what,
        line,
        becomes,
        code,
    }
}

/// In the place of a line.
pub fn instead(what: &'static str, line: &'static str, other: &str, code: &'static str) -> Case {
    let becomes = other.to_owned();
    Case {
        what,
        line,
        becomes,
        code,
    }
}

/// One more route.
pub fn route(what: &'static str, route: &str, code: &'static str) -> Case {
    instead(
        what,
        LAST,
        &format!("{LAST}              - {route}\n"),
        code,
    )
}

/// One more listener.
pub fn listener(what: &'static str, listener: &str, code: &'static str) -> Case {
    instead(
        what,
        CLUSTERS,
        &format!("\n  - {listener}\n{CLUSTERS}"),
        code,
    )
}

pub fn found(case: &Case) -> Vec<String> {
    let text = sample(&[(case.line, &case.becomes)]);
    findings(&[("f", text.as_str())])
        .iter()
        .map(|finding| format!("{} {}", finding.code, finding.problem))
        .collect()
}

pub fn assert_found(cases: &[Case]) {
    let missed: Vec<String> = cases
        .iter()
        .filter_map(|case| {
            let found = found(case);
            let told = found
                .iter()
                .any(|found| found.starts_with(&format!("{} ", case.code)));
            (!told).then(|| format!("{}: wanted {}, found {found:?}", case.what, case.code))
        })
        .collect();
    assert!(missed.is_empty(), "{}", missed.join("\n"));
}

/// The changes are as many as they are said to be, and each is another.
#[test]
fn every_change_is_its_own() {
    let mut all: Vec<&str> = Vec::new();
    let cases = [
        routes::cases(),
        rewrites::cases(),
        listeners::cases(),
        chains::cases(),
    ];
    let cases: Vec<Case> = cases.into_iter().flatten().collect();
    for case in &cases {
        assert!(!all.contains(&case.becomes.as_str()), "{}", case.what);
        all.push(&case.becomes);
    }
    assert!(all.len() >= 90, "{}", all.len());
}
