//! MLflow is known by its endpoints.

use super::super::{findings, sample};
use super::{CLUSTERS, LAST};

#[test]
fn clusters_with_the_endpoint_of_mlflow() {
    let endpoint = |address: &str| {
        format!(
            "load_assignment: {{ endpoints: [{{ lb_endpoints: [{{ endpoint: {{ address: {address} }} }}] }}] }}"
        )
    };
    let socket = |host: &str, port: u16| {
        endpoint(&format!(
            "{{ socket_address: {{ address: {host}, port_value: {port} }} }}"
        ))
    };
    for (definition, code) in [
        (socket("mlflow.internal", 5000), Some("outside-mounts")),
        (socket("MLFLOW.internal.", 5000), Some("outside-mounts")),
        (socket("mlflow.internal", 5001), Some("cannot-tell")),
        (socket("mlflow.internal.svc", 5000), Some("cannot-tell")),
        (socket("10.0.0.1", 5000), Some("cannot-tell")),
        (socket("10.0.0.1", 5001), None),
        (socket("web.internal", 5000), None),
        ("type: EDS".into(), Some("cannot-tell")),
        ("type: ORIGINAL_DST".into(), Some("outside-mounts")),
        ("type: LATER".into(), Some("cannot-tell")),
        ("cluster_type: { name: a, typed_config: { \"@type\": type.googleapis.com/envoy.extensions.clusters.aggregate.v3.ClusterConfig, clusters: [mlflow] } }".into(), Some("outside-mounts")),
        ("cluster_type: { name: a, typed_config: { \"@type\": type.googleapis.com/envoy.extensions.clusters.dynamic_forward_proxy.v3.ClusterConfig } }".into(), Some("outside-mounts")),
        ("cluster_type: { name: a, typed_config: { \"@type\": type.googleapis.com/later.Cluster } }".into(), Some("cannot-tell")),
        (endpoint("{ pipe: { path: /run/web.sock } }"), None),
        (format!("hostname_unused: x, {}", socket("web.internal", 80)), None),
    ] {
        let cluster = format!("{CLUSTERS}  - {{ name: web, {definition} }}\n");
        let text = sample(&[
            (CLUSTERS, &cluster),
(LAST, &format!("{LAST}              - {{ match: {{ prefix: /web/ }}, route: {{ cluster: web }} }}\n")),
        ]);
        let found = findings(&[("f", text.as_str())]);
        let codes: Vec<&str> = found.iter().map(|finding| finding.code).collect();
        assert_eq!(codes, Vec::from_iter(code), "{definition}");
    }
}
