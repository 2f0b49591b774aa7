//! Listeners, filter chains, network filters, and the bootstrap around them.

use super::{Case, MANAGER, assert_found, behind, instead, listener};

const TELL: &str = "cannot-tell";
const AROUND: &str = "around-filter";
const ADDRESS: &str = "address: { socket_address: { address: 127.0.0.1, port_value: 1 } }";

fn proxy(cluster: &str) -> String {
    format!(
        "{{ name: p, typed_config: {{ \"@type\": type.googleapis.com/envoy.extensions.filters.network.tcp_proxy.v3.TcpProxy, {cluster} }} }}"
    )
}

fn manager(routes: &str) -> String {
    format!(
        "{{ name: m, typed_config: {{ \"@type\": type.googleapis.com/envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager, {routes} }} }}"
    )
}

fn table(cluster: &str) -> String {
    format!(
        "route_config: {{ virtual_hosts: [{{ name: a, domains: [\"*\"], routes: [{{ match: {{ prefix: / }}, route: {{ cluster: {cluster} }} }}] }}] }}"
    )
}

fn filters(what: &'static str, filter: &str, code: &'static str) -> Case {
    listener(
        what,
        &format!("{{ name: second, {ADDRESS}, filter_chains: [{{ filters: [{filter}] }}] }}"),
        code,
    )
}

fn unknown(kind: &str) -> String {
    format!("{{ name: n, typed_config: {{ \"@type\": type.googleapis.com/{kind} }} }}")
}

pub fn cases() -> Vec<Case> {
    const CHAIN: &str = "    filter_chains:\n";
    const ADMIN: &str = "    socket_address: { address: 127.0.0.1, port_value: 9901 }\n";
    let tls = super::super::SAMPLE;
    let (start, end) = (
        tls.find("    - transport_socket:\n").unwrap(),
        tls.find("      filters:\n").unwrap(),
    );
    let tls: &'static str = &tls[start..end + "      filters:\n".len()];
    vec![
        filters("another manager", &manager(&table("mlflow")), AROUND),
        filters(
            "a manager with routes from elsewhere",
            &manager("rds: { route_config_name: x, config_source: { ads: {} } }"),
            TELL,
        ),
        filters(
            "a manager with scoped routes",
            &manager("scoped_routes: { name: x }"),
            TELL,
        ),
        filters("a TCP proxy", &proxy("cluster: mlflow"), AROUND),
        filters(
            "a TCP proxy with weights",
            &proxy(
                "weighted_clusters: { clusters: [{ name: web, weight: 1 }, { name: mlflow, weight: 1 }] }",
            ),
            AROUND,
        ),
        filters(
            "a TCP proxy with clusters on demand",
            &proxy("cluster: web, on_demand: {}"),
            TELL,
        ),
        filters(
            "a TCP proxy without a cluster",
            &proxy("stat_prefix: x"),
            TELL,
        ),
        filters(
            "a cluster by SNI",
            &unknown("envoy.extensions.filters.network.sni_cluster.v3.SniCluster"),
            TELL,
        ),
        filters(
            "hosts by SNI",
            &unknown("envoy.extensions.filters.network.sni_dynamic_forward_proxy.v3.FilterConfig"),
            TELL,
        ),
        filters(
            "a cluster by filter state",
            &unknown("envoy.extensions.filters.network.set_filter_state.v3.Config"),
            TELL,
        ),
        filters(
            "a module in the network chain",
            &unknown("envoy.extensions.filters.network.wasm.v3.Wasm"),
            TELL,
        ),
        filters(
            "another protocol",
            &unknown("envoy.extensions.filters.network.generic_proxy.v3.GenericProxy"),
            TELL,
        ),
        filters(
            "a network filter by ECDS",
            "{ name: n, config_discovery: { config_source: { ads: {} } } }",
            TELL,
        ),
        listener(
            "a default chain",
            &format!(
                "{{ name: second, {ADDRESS}, default_filter_chain: {{ filters: [{}] }} }}",
                proxy("cluster: mlflow")
            ),
            AROUND,
        ),
        listener(
            "a second chain of a listener",
            &format!(
                "{{ name: second, {ADDRESS}, filter_chains: [{{ filter_chain_match: {{ server_names: [a] }}, filters: [{}] }}, {{ filters: [{}] }}] }}",
                proxy("cluster: web"),
                proxy("cluster: mlflow")
            ),
            AROUND,
        ),
        listener(
            "chains from elsewhere",
            &format!("{{ name: second, {ADDRESS}, fcds_config: {{ name: x }} }}"),
            TELL,
        ),
        listener(
            "a listener filter that is not known",
            &format!(
                "{{ name: second, {ADDRESS}, listener_filters: [{}] }}",
                unknown("later.Filter")
            ),
            TELL,
        ),
        listener(
            "a UDP proxy",
            &format!(
                "{{ name: second, {ADDRESS}, udp_listener_config: {{}}, listener_filters: [{}] }}",
                unknown("envoy.extensions.filters.udp.udp_proxy.v3.UdpProxyConfig")
            ),
            TELL,
        ),
        listener(
            "an API listener",
            &format!(
                "{{ name: second, api_listener: {{ api_listener: {{ \"@type\": type.googleapis.com/envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager, {} }} }} }}",
                table("mlflow")
            ),
            AROUND,
        ),
        listener(
            "an internal listener with a manager",
            &format!(
                "{{ name: second, internal_listener: {{}}, filter_chains: [{{ filters: [{}] }}] }}",
                manager(&table("mlflow"))
            ),
            AROUND,
        ),
        listener(
            "a field of a later listener",
            &format!("{{ name: second, {ADDRESS}, later_chains: [] }}"),
            TELL,
        ),
        instead(
            "a default chain beside the filter",
            CHAIN,
            &format!(
                "    default_filter_chain: {{ filters: [{}] }}\n{CHAIN}",
                proxy("cluster: mlflow")
            ),
            AROUND,
        ),
        instead(
            "a plain listener",
            tls,
            "    - filters:\n",
            "listener-plain-text",
        ),
        instead(
            "the admin port",
            ADMIN,
            "    socket_address: { address: 0.0.0.0, port_value: 9901 }\n",
            "admin-open",
        ),
        instead(
            "listeners from elsewhere",
            "static_resources:\n",
            "dynamic_resources: { lds_config: { ads: {} } }\nstatic_resources:\n",
            TELL,
        ),
        instead(
            "clusters from elsewhere",
            "static_resources:\n",
            "dynamic_resources: { cds_config: { path_config_source: { path: /c } } }\nstatic_resources:\n",
            TELL,
        ),
        instead(
            "all from elsewhere",
            "static_resources:\n",
            "dynamic_resources: { ads_config: {} }\nstatic_resources:\n",
            TELL,
        ),
        behind(
            "an upgrade with filters of its own",
            MANAGER,
            "upgrade_configs: [{ upgrade_type: websocket, filters: [{ name: envoy.filters.http.router }] }]",
            AROUND,
        ),
        behind(
            "a field of a later manager",
            MANAGER,
            "later_routes: {}",
            TELL,
        ),
    ]
}

#[test]
fn what_listeners_open() {
    assert_found(&cases());
}

/// A cluster leads where the internal listener behind it leads.
#[test]
fn through_an_internal_listener() {
    let conduit = "  - { name: conduit, load_assignment: { endpoints: [{ lb_endpoints: [{ endpoint: { address: { envoy_internal_address: { server_listener_name: inner } } } }] }] } }\n";
    let with = |inner: &str| {
        let listeners = format!(
            "\n  - {{ name: inner, internal_listener: {{}}, filter_chains: [{{ filters: [{}] }}] }}\n  - {{ name: outer, {ADDRESS}, filter_chains: [{{ filters: [{}] }}] }}\n\n  clusters:\n{conduit}",
            proxy(&format!("cluster: {inner}")),
            proxy("cluster: conduit"),
        );
        super::super::codes(&super::super::sample(&[(super::CLUSTERS, &listeners)]))
    };
    let found = with("mlflow");
    assert_eq!(found.len(), 1, "{found:?}");
    assert!(
        found[0].starts_with("around-filter static_resources.listeners[2]"),
        "{found:?}"
    );
    assert_eq!(with("web"), [""; 0]);
}
