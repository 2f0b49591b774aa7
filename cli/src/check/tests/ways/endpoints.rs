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

/// The route beside MLflow's to `definition`, with MLflow at `address`; with a file beside it.
fn beside(address: &str, definition: &str, more: &str) -> Vec<&'static str> {
    let cluster = format!("{CLUSTERS}  - {{ name: web, {definition} }}\n");
    let route = format!(
        "{LAST}              - {{ match: {{ prefix: /web/ }}, route: {{ cluster: web }} }}\n"
    );
    let text = sample(&[
        ("address: mlflow.internal,", &format!("address: {address},")),
        (CLUSTERS, &cluster),
        (LAST, &route),
    ]);
    let found = findings(&[("f", text.as_str()), ("endpoints", more)]);
    found.iter().map(|finding| finding.code).collect()
}

#[test]
fn every_name_of_this_machine_is_one() {
    for (mlflow, other, is_same) in [
        ("127.0.0.1", "localhost", true),
        ("127.0.0.1", "127.0.0.2", true),
        ("127.0.0.1", "\"::1\"", true),
        ("localhost", "0.0.0.0", true),
        ("127.0.0.1", "\"::ffff:127.0.0.1\"", true),
        ("10.0.0.1", "\"::ffff:10.0.0.1\"", true),
        ("127.0.0.1", "10.0.0.1", false),
    ] {
        let definition = format!(
            "load_assignment: {{ endpoints: [{{ lb_endpoints: [{{ endpoint: {{ address: {{ socket_address: {{ address: {other}, port_value: 5000 }} }} }} }}] }}] }}"
        );
        let expected: &[&str] = if is_same { &["outside-mounts"] } else { &[] };
        assert_eq!(
            beside(mlflow, &definition, "resources: []\n"),
            expected,
            "{mlflow} {other}"
        );
    }
}

#[test]
fn endpoints_in_a_file_of_eds() {
    const WEB: &str = "type: EDS, eds_cluster_config: { service_name: assigned }";
    for (named, host, code) in [
        ("assigned", "mlflow.internal", Some("outside-mounts")),
        ("assigned", "web.internal", None),
        ("another", "web.internal", Some("cannot-tell")),
    ] {
        let file = format!(
            "resources:\n- \"@type\": type.googleapis.com/envoy.config.endpoint.v3.ClusterLoadAssignment\n  cluster_name: {named}\n  endpoints: [{{ lb_endpoints: [{{ endpoint: {{ address: {{ socket_address: {{ address: {host}, port_value: 5000 }} }} }} }}] }}]\n"
        );
        let found = beside("mlflow.internal", WEB, &file);
        assert_eq!(found, Vec::from_iter(code), "{named} {host}");
    }
}
