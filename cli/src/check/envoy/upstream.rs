//! What the router and MLflow's clusters do to a request after the filter has decided.

use super::super::finding::Findings;
use super::super::place::Place;
use super::super::rules;
use super::clusters::Clusters;
use super::headers;
use super::managers::Manager;
use super::mlflow::{Mlflow, Target};
use super::routes::repeats;
use super::typed::{self, CREDENTIAL_INJECTOR, HEADER_MUTATION, Typed, UPSTREAM_CODEC};

/// Checks every cluster below the mounts.
pub fn check(
    findings: &mut Findings,
    clusters: &Clusters<'_>,
    mlflow: &Mlflow<'_, '_>,
    managers: &[Manager<'_>],
) {
    let owned: Vec<String> = managers.iter().flat_map(headers::owned).collect();
    for cluster in mlflow.names().filter_map(|name| clusters.get(name)) {
        let options = typed::all(cluster, "upstreams.http.v3.HttpProtocolOptions");
        for options in &options {
            repeats::check(findings, options);
            for mirror in options.list("request_mirror_policies") {
                let cluster = mirror.text_of("cluster");
                let target = cluster.map_or(Target::Header, Target::Cluster);
                mlflow.lead(target).tell_mirror(findings, &mirror);
            }
            for filter in options.list("http_filters") {
                self::filter(findings, &filter, &owned);
            }
        }
        for filter in cluster.list("filters") {
            unknown(findings, &filter);
        }
    }
}

/// Checks a filter that runs behind the router.
pub fn filter(findings: &mut Findings, filter: &Place<'_>, owned: &[String]) {
    match Typed::of(filter) {
        Some(typed) if typed.is(UPSTREAM_CODEC) => {}
        Some(typed) if typed.is(HEADER_MUTATION) => {
            headers::mutations(findings, &typed.body, owned);
        }
        Some(typed) if typed.is(CREDENTIAL_INJECTOR) => {
            findings.add(
                rules::HEADER_WRITTEN,
                filter,
                "Envoy writes a credential of its own into requests for MLflow, in addition to the filter",
                "remove it: only the filter may write identity and credential headers",
            );
        }
        _ => unknown(findings, filter),
    }
}

fn unknown(findings: &mut Findings, filter: &Place<'_>) {
    let name = filter.text_of("name").unwrap_or("without a name");
    findings.add(
        rules::CANNOT_TELL,
        filter,
        format!(
            "the upstream filter {name} may rewrite the request, so check cannot tell whether MLflow gets what was \
             decided about"
        ),
        "remove it, or verify by hand that it changes neither path, method, host nor identity headers",
    );
}
