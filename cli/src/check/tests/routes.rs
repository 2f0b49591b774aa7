//! Rules about what reaches MLflow without a decision.

use super::{assert_edits, codes, sample};

const LAST: &str = "                redirect: { path_redirect: /api/mlflow/ }\n";
/// The same route, but it forwards.
const ROOT: &str = "                route: { cluster: mlflow, prefix_rewrite: /, timeout: 0s }\n";
const MAIN: &str = "                match: { prefix: /api/mlflow/ }\n";

/// The sample with one more route behind its own.
fn with_route(route: &str) -> String {
    sample(&[(LAST, &format!("{LAST}              - {route}\n"))])
}

#[test]
fn routes_beside_the_mount() {
    for (route, expected) in [
        (
            "{ match: { prefix: /web }, route: { cluster: web } }",
            &[][..],
        ),
        ("{ match: { prefix: / }, route: { cluster: web } }", &[]),
        (
            "{ match: { path: /mlflow }, redirect: { path_redirect: /api/mlflow/ } }",
            &[],
        ),
        (
            "{ match: { prefix: / }, direct_response: { status: 404 } }",
            &[],
        ),
        (
            "{ match: { path: /api/mlflow/version }, route: { cluster: mlflow } }",
            &[],
        ),
        (
            "{ match: { path_separated_prefix: /api/mlflow }, route: { cluster: mlflow } }",
            &[],
        ),
        (
            "{ match: { prefix: / }, route: { cluster: mlflow } }",
            &["outside-mounts"],
        ),
        (
            "{ match: { prefix: /api/ }, route: { cluster: mlflow } }",
            &["outside-mounts"],
        ),
        (
            "{ match: { path: /version }, route: { cluster: mlflow } }",
            &["outside-mounts"],
        ),
        (
            "{ match: { path_separated_prefix: /other }, route: { cluster: mlflow } }",
            &["outside-mounts"],
        ),
        (
            "{ match: { prefix: / }, route: { weighted_clusters: { clusters: [{ name: web, weight: 1 }, { name: mlflow, weight: 1 }] } } }",
            &["outside-mounts"],
        ),
    ] {
        let found = codes(&with_route(route));
        let found: Vec<&str> = found
            .iter()
            .filter_map(|found| found.split(' ').next())
            .collect();
        assert_eq!(found, expected, "{route}");
    }
}

/// `--static-prefix`: MLflow still serves artifacts at its root.
#[test]
fn a_root_that_is_mounted_is_decided_about() {
    let text = with_route("{ match: { prefix: / }, route: { cluster: mlflow } }");
    let text = text.replace(
        "\"mounts\": [\"/api/mlflow\"]",
        "\"mounts\": [\"/api/mlflow\", \"/\"]",
    );
    assert_eq!(codes(&text), [""; 0]);
}

#[test]
fn a_prefix_without_its_slash() {
    assert_edits(&[
        (
            &[(MAIN, "                match: { prefix: /api/mlflow }\n")],
            &[("route-prefix", "routes[0]")],
        ),
        (
            &[
                (MAIN, "                match: { prefix: /api/mlflow }\n"),
                (
                    "                  prefix_rewrite: /\n                  # 0s",
                    "                  # 0s",
                ),
            ],
            &[("outside-mounts", "routes[0]")],
        ),
        (
            &[(
                MAIN,
                "                match: { path_separated_prefix: /api/mlflow }\n",
            )],
            &[],
        ),
    ]);
}

const DISABLED: &str = "{ mlflow_authz: { \"@type\": type.googleapis.com/envoy.config.route.v3.FilterConfig, disabled: true } }";

#[test]
fn routes_without_the_filter() {
    let disabled = format!("typed_per_filter_config: {DISABLED}");
    let last = format!("{ROOT}                {disabled}\n");
    let host = format!("              domains: [\"*\"]\n              {disabled}\n");
    let table =
        format!("            name: mlflow\n            {disabled}\n            virtual_hosts:\n");
    let enabled = format!(
        "{ROOT}                typed_per_filter_config: {}\n",
        DISABLED.replace("disabled: true", "config: {}")
    );
    const HOST: &str = "              domains: [\"*\"]\n";
    const TABLE: &str = "            name: mlflow\n            virtual_hosts:\n";
    const ENTRY: &str = "          - name: mlflow_authz\n            typed_config:\n";
    let off =
        "          - name: mlflow_authz\n            disabled: true\n            typed_config:\n";
    assert_edits(&[
        (&[(LAST, &last)], &[("around-filter", "routes[1]")]),
        (
            &[(HOST, &host), (LAST, ROOT)],
            &[
                ("around-filter", "routes[0]"),
                ("around-filter", "routes[1]"),
            ],
        ),
        (
            &[(TABLE, &table), (LAST, ROOT)],
            &[
                ("around-filter", "routes[0]"),
                ("around-filter", "routes[1]"),
            ],
        ),
        (
            &[(TABLE, &table), (LAST, &enabled)],
            &[("around-filter", "routes[0]")],
        ),
        (
            &[(ENTRY, off), (LAST, ROOT)],
            &[
                ("around-filter", "routes[0]"),
                ("around-filter", "routes[1]"),
            ],
        ),
        (
            &[(ENTRY, off), (LAST, &enabled)],
            &[("around-filter", "routes[0]")],
        ),
    ]);
}

/// A second listener, which sends to the same cluster.
fn with_listener(filter: &str) -> Vec<String> {
    let listener = format!(
        "  - name: second\n    filter_chains:\n    - filters:\n      - name: second\n        typed_config: {filter}\n  clusters:\n"
    );
    codes(&sample(&[("\n  clusters:\n", &format!("\n{listener}"))]))
}

#[test]
fn listeners_without_the_filter() {
    let manager = |cluster: &str| {
        format!(
            "{{ \"@type\": type.googleapis.com/envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager, route_config: {{ virtual_hosts: [{{ name: a, domains: [\"*\"], routes: [{{ match: {{ prefix: / }}, route: {{ cluster: {cluster} }} }}] }}] }} }}"
        )
    };
    let proxy = |cluster: &str| {
        format!(
            "{{ \"@type\": type.googleapis.com/envoy.extensions.filters.network.tcp_proxy.v3.TcpProxy, cluster: {cluster} }}"
        )
    };
    assert_eq!(with_listener(&manager("web")), [""; 0]);
    assert_eq!(with_listener(&proxy("web")), [""; 0]);
    for found in [
        with_listener(&manager("mlflow")),
        with_listener(&proxy("mlflow")),
    ] {
        assert_eq!(found.len(), 1, "{found:?}");
        assert!(
            found[0].starts_with("around-filter static_resources.listeners[1]"),
            "{found:?}"
        );
    }
}

#[test]
fn routes_that_choose_by_identity() {
    for (name, expected) in [
        ("x-mlflow-authz-user", 1),
        ("X_Mlflow_Authz_Key", 1),
        ("x-team", 0),
    ] {
        let route = format!(
            "{{ match: {{ prefix: /web, headers: [{{ name: {name}, present_match: true }}] }}, route: {{ cluster: web }} }}"
        );
        let found = codes(&with_route(&route));
        assert_eq!(found.len(), expected, "{name}: {found:?}");
        assert!(
            found
                .iter()
                .all(|found| found.starts_with("route-on-identity ")),
            "{found:?}"
        );
    }
}
