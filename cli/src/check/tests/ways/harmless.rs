//! Changes that open no way to MLflow: nothing is told.

use super::{
    ACTION, Case, FILTER, HOST, LAST, MANAGER, MATCH, ROUTER, TABLE, behind, found, instead,
    listener, route,
};

fn matched(what: &'static str, rule: &str, rewrite: &str) -> Case {
    let line = "                match: { prefix: /api/mlflow/ }\n                route:\n                  cluster: mlflow\n                  # MLflow knows nothing of the mount. The filter runs before this rewrite.\n                  prefix_rewrite: /\n";
    let other = format!(
        "                match: {rule}\n                route:\n                  cluster: mlflow\n{rewrite}"
    );
    instead(what, line, &other, "")
}

fn passive(what: &'static str, kind: &str, line: &'static str) -> Case {
    let filter = format!(
        "          - name: other\n            typed_config: {{ \"@type\": type.googleapis.com/envoy.extensions.filters.http.{kind} }}\n{line}"
    );
    instead(what, line, &filter, "")
}

fn cases() -> Vec<Case> {
    vec![
        route(
            "another service",
            "{ match: { prefix: /web/ }, route: { cluster: web } }",
            "",
        ),
        route(
            "another service behind all",
            "{ match: { prefix: / }, route: { cluster: web, regex_rewrite: { pattern: { regex: x } }, retry_policy: { retry_on: 5xx } } }",
            "",
        ),
        route(
            "an answer",
            "{ match: { prefix: / }, direct_response: { status: 404 } }",
            "",
        ),
        route(
            "a redirect",
            "{ match: { prefix: / }, redirect: { path_redirect: /api/mlflow/ } }",
            "",
        ),
        route(
            "another service without the filter",
            &format!(
                "{{ match: {{ prefix: /web/ }}, route: {{ cluster: web }}, {} }}",
                super::OFF
            ),
            "",
        ),
        matched(
            "segments",
            "{ path_separated_prefix: /api/mlflow }",
            "                  prefix_rewrite: /\n",
        ),
        matched(
            "a static prefix",
            "{ prefix: /api/mlflow/ }",
            "                  prefix_rewrite: /tracking/\n",
        ),
        matched("no rewrite", "{ prefix: /api/mlflow/ }", ""),
        matched(
            "a regex that starts with the mount",
            "{ safe_regex: { regex: \"^/api/mlflow/(api|ajax-api)/.*\" } }",
            "",
        ),
        matched(
            "a regex with an escape",
            "{ safe_regex: { regex: '/api\\/mlflow/.*' } }",
            "",
        ),
        matched(
            "a template",
            "{ path_match_policy: { name: t, typed_config: { \"@type\": type.googleapis.com/envoy.extensions.path.match.uri_template.v3.UriTemplateMatchConfig, path_template: \"/api/mlflow/{rest=**}\" } } }",
            "",
        ),
        instead(
            "a header and a method",
            MATCH,
            "                match: { prefix: /api/mlflow/, headers: [{ name: x-team, present_match: true }], case_sensitive: true }\n",
            "",
        ),
        behind(
            "headers of others",
            HOST,
            "request_headers_to_add: [{ header: { key: x-team, value: ml } }]",
            "",
        ),
        behind(
            "retries before MLflow has seen it",
            ACTION,
            "retry_policy: { retry_on: \"connect-failure, refused-stream\" }",
            "",
        ),
        behind(
            "the host that MLflow knows",
            ACTION,
            "host_rewrite_literal: mlflow.internal",
            "",
        ),
        behind(
            "headers of answers",
            TABLE,
            "  response_headers_to_add: [{ header: { key: x-a, value: b } }]",
            "",
        ),
        behind(
            "websockets through the same filters",
            MANAGER,
            "upgrade_configs: [{ upgrade_type: websocket }]",
            "",
        ),
        passive("CORS", "cors.v3.Cors", FILTER),
        passive("a rate limit", "local_ratelimit.v3.LocalRateLimit", FILTER),
        passive("a compressor", "compressor.v3.Compressor", ROUTER),
        instead(
            "the router in camel case",
            "            name: mlflow\n            virtual_hosts:\n",
            "            name: mlflow\n            virtualHosts:\n",
            "",
        ),
        listener(
            "a listener for metrics",
            "{ name: m, address: { socket_address: { address: 127.0.0.1, port_value: 1 } }, filter_chains: [{ filters: [{ name: p, typed_config: { \"@type\": type.googleapis.com/envoy.extensions.filters.network.tcp_proxy.v3.TcpProxy, cluster: web } }] }] }",
            "",
        ),
        instead(
            "a weight",
            ACTION,
            "                  weighted_clusters: { clusters: [{ name: mlflow, weight: 1 }, { name: web, weight: 1 }] }\n",
            "",
        ),
        instead(
            "the last route first",
            LAST,
            &format!(
                "{LAST}              - {{ match: {{ path: /api/mlflow/version }}, route: {{ cluster: mlflow, prefix_rewrite: /version }} }}\n"
            ),
            "",
        ),
    ]
}

#[test]
fn nothing_is_told_of_what_is_harmless() {
    let told: Vec<String> = cases()
        .iter()
        .filter_map(|case| {
            let found = found(case);
            (!found.is_empty()).then(|| format!("{}: {found:?}", case.what))
        })
        .collect();
    assert!(told.is_empty(), "{}", told.join("\n"));
}
