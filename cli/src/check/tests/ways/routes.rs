//! Routes, virtual hosts and route tables.

use super::{ACTION, Case, HOST, LAST, MATCH, OFF, TABLE, assert_found, behind, instead, route};

fn matched(what: &'static str, rule: &str) -> Case {
    instead(
        what,
        MATCH,
        &format!("                match: {rule}\n"),
        "cannot-tell",
    )
}

const TELL: &str = "cannot-tell";
const AROUND: &str = "around-filter";

pub fn cases() -> Vec<Case> {
    let weighted = |entry: &str| {
        format!(
            "                  weighted_clusters: {{ clusters: [{{ name: mlflow, weight: 99 }}, {{ weight: 1, {entry} }}] }}\n"
        )
    };
    let template = |template: &str| {
        format!(
            "{{ path_match_policy: {{ name: t, typed_config: {{ \"@type\": type.googleapis.com/envoy.extensions.path.match.uri_template.v3.UriTemplateMatchConfig, path_template: \"{template}\" }} }} }}"
        )
    };
    let mut cases = vec![
        // Mounts.
        instead(
            "a mount beside the route",
            "\"mounts\": [\"/api/mlflow\"]",
            "\"mounts\": [\"/mlflow\"]",
            "mounts-unrouted",
        ),
        instead(
            "one mount too many",
            "\"mounts\": [\"/api/mlflow\"]",
            "\"mounts\": [\"/api/mlflow\", \"/mlflow\"]",
            "mount-unrouted",
        ),
        instead(
            "a route beside the mount",
            MATCH,
            "                match: { prefix: /mlflow/ }\n",
            "mounts-unrouted",
        ),
        instead(
            "a deeper mount",
            "\"mounts\": [\"/api/mlflow\"]",
            "\"mounts\": [\"/api/mlflow/api\"]",
            "outside-mounts",
        ),
        route(
            "a route beyond the mount",
            "{ match: { prefix: / }, route: { cluster: mlflow } }",
            "outside-mounts",
        ),
        route(
            "a path beyond the mount",
            "{ match: { path: /version }, route: { cluster: mlflow } }",
            "outside-mounts",
        ),
        route(
            "segments beyond the mount",
            "{ match: { path_separated_prefix: /api }, route: { cluster: mlflow } }",
            "outside-mounts",
        ),
        route(
            "a name that starts as the mount",
            "{ match: { prefix: /api/mlflow2/ }, route: { cluster: mlflow } }",
            "outside-mounts",
        ),
        instead(
            "a prefix without its slash",
            MATCH,
            "                match: { prefix: /api/mlflow }\n",
            "route-prefix",
        ),
        instead(
            "any case",
            MATCH,
            "                match: { prefix: /api/mlflow/, case_sensitive: false }\n",
            "path-case",
        ),
        instead(
            "any case, in camel case",
            MATCH,
            "                match: { prefix: /api/mlflow/, caseSensitive: false }\n",
            "path-case",
        ),
        route(
            "one path in any case",
            "{ match: { path: /api/mlflow/x, case_sensitive: false }, route: { cluster: mlflow } }",
            "path-case",
        ),
        behind(
            "parameters in paths",
            TABLE,
            "  ignore_path_parameters_in_path_matching: true",
            "outside-mounts",
        ),
        // Patterns.
        matched(
            "a regex that starts anywhere",
            "{ safe_regex: { regex: \".*mlflow/.*\" } }",
        ),
        matched(
            "a regex with another start",
            "{ safe_regex: { regex: \"/api/mlflow/.*|/x/.*\" } }",
        ),
        matched(
            "another start behind a class",
            "{ safe_regex: { regex: \"/api/mlflow/[(].*|/x/.*\" } }",
        ),
        matched(
            "another start behind quotes",
            "{ safe_regex: { regex: '/api/mlflow/\\Q(\\E.*|/x/.*' } }",
        ),
        matched(
            "a regex whose slash may be missing",
            "{ safe_regex: { regex: \"/api/mlflow/?.*\" } }",
        ),
        matched(
            "a regex whose slash is a group",
            "{ safe_regex: { regex: \"/api/mlflow(/.*)?\" } }",
        ),
        matched(
            "a regex in any case",
            "{ safe_regex: { regex: \"(?i)/api/mlflow/.*\" } }",
        ),
        matched(
            "a template that starts anywhere",
            &template("/{any}/mlflow/**"),
        ),
        matched("a match that is not known", "{ later_match: { x: 1 } }"),
        // CONNECT.
        route(
            "CONNECT",
            "{ match: { connect_matcher: {} }, route: { cluster: mlflow, upgrade_configs: [{ upgrade_type: CONNECT, connect_config: {} }] } }",
            AROUND,
        ),
        behind(
            "a POST as a connection",
            ACTION,
            "upgrade_configs: [{ upgrade_type: CONNECT, connect_config: { allow_post: true } }]",
            AROUND,
        ),
        // Filters per route.
        instead(
            "the filter is off for the table",
            TABLE,
            &format!("{TABLE}            {OFF}\n"),
            AROUND,
        ),
        behind("the filter is off for the host", HOST, OFF, AROUND),
        instead(
            "the filter is off for a route",
            LAST,
            &format!(
                "                route: {{ cluster: mlflow, prefix_rewrite: / }}\n                {OFF}\n"
            ),
            AROUND,
        ),
        instead(
            "the filter is off for a weight",
            ACTION,
            &weighted(&format!("name: mlflow, {OFF}")),
            AROUND,
        ),
        behind(
            "an override of another type",
            HOST,
            "typed_per_filter_config: { mlflow_authz: { \"@type\": type.googleapis.com/envoy.extensions.filters.http.wasm.v3.Wasm, config: {} } }",
            TELL,
        ),
        behind(
            "an override without a type",
            HOST,
            "typed_per_filter_config: { mlflow_authz: { disabled: true } }",
            TELL,
        ),
        instead(
            "off for all of a mount",
            MATCH,
            &format!("{MATCH}                {OFF}\n"),
            AROUND,
        ),
        // Where routes lead.
        route(
            "the client names the cluster",
            "{ match: { prefix: /x/ }, route: { cluster_header: x-cluster } }",
            "outside-mounts",
        ),
        instead(
            "the client names a weight",
            ACTION,
            &weighted(&format!("cluster_header: x-cluster, {OFF}")),
            AROUND,
        ),
        route(
            "a plugin names the cluster",
            "{ match: { prefix: /x/ }, route: { cluster_specifier_plugin: p } }",
            TELL,
        ),
        route(
            "an inline plugin names it",
            "{ match: { prefix: /x/ }, route: { inline_cluster_specifier_plugin: { extension: {} } } }",
            TELL,
        ),
        route(
            "an action that is not known",
            "{ match: { prefix: /x/ }, filter_action: { action: {} } }",
            TELL,
        ),
        route(
            "a field that is not known",
            "{ match: { prefix: /x/ }, route: { cluster: web, later_field: 1 } }",
            TELL,
        ),
        route(
            "two spellings",
            "{ match: { prefix: /x/ }, route: { cluster: web, prefix_rewrite: /, prefixRewrite: /y } }",
            TELL,
        ),
        // Mirrors.
        behind(
            "a mirror of the table",
            TABLE,
            "  request_mirror_policies: [{ cluster: mlflow }]",
            AROUND,
        ),
        behind(
            "a mirror of the host",
            HOST,
            "request_mirror_policies: [{ cluster: mlflow }]",
            AROUND,
        ),
        behind(
            "a mirror",
            ACTION,
            "request_mirror_policies: [{ cluster: mlflow }]",
            AROUND,
        ),
        route(
            "a mirror of another route",
            "{ match: { prefix: /x/ }, route: { cluster: web, request_mirror_policies: [{ cluster: mlflow }] } }",
            AROUND,
        ),
        route(
            "a mirror that the client names",
            "{ match: { prefix: /x/ }, route: { cluster: web, request_mirror_policies: [{ cluster_header: x-c }] } }",
            AROUND,
        ),
        // Tables.
        behind(
            "virtual hosts from elsewhere",
            TABLE,
            "  vhds: { config_source: { ads: {} } }",
            TELL,
        ),
        behind(
            "a matcher for routes",
            HOST,
            "matcher: { matcher_tree: {} }",
            TELL,
        ),
        behind(
            "a matcher for tables",
            TABLE,
            "  matcher: { matcher_tree: {} }",
            TELL,
        ),
        instead(
            "routes from elsewhere",
            TABLE,
            "          rds: { route_config_name: mlflow, config_source: { ads: {} } }\n          unused:\n            name: mlflow\n",
            TELL,
        ),
        instead(
            "scoped routes",
            TABLE,
            "          scoped_routes: { name: s }\n          unused:\n            name: mlflow\n",
            TELL,
        ),
        // What MLflow gets.
        behind(
            "the client writes the host",
            ACTION,
            "host_rewrite_header: x-host",
            TELL,
        ),
        behind(
            "the path writes the host",
            ACTION,
            "host_rewrite_path_regex: { pattern: { regex: x }, substitution: y }",
            TELL,
        ),
        behind(
            "redirects are followed",
            ACTION,
            "internal_redirect_policy: {}",
            TELL,
        ),
        behind(
            "writes are repeated",
            ACTION,
            "retry_policy: { retry_on: 5xx }",
            "retries",
        ),
        behind(
            "writes are repeated by the host",
            HOST,
            "retry_policy: { retry_on: \"connect-failure,reset\" }",
            "retries",
        ),
        behind(
            "writes are hedged",
            ACTION,
            "hedge_policy: { hedge_on_per_try_timeout: true }",
            "retries",
        ),
    ];
    // Headers, at every level.
    let header =
        |name: &str| format!("request_headers_to_add: [{{ header: {{ key: {name}, value: x }} }}]");
    cases.extend([
        behind(
            "an identity of the table",
            TABLE,
            &format!("  {}", header("x-mlflow-authz-user")),
            "header-written",
        ),
        behind(
            "an identity of the host",
            HOST,
            &header("X_Mlflow_Authz_Key"),
            "header-written",
        ),
        instead(
            "an identity of a route",
            MATCH,
            &format!(
                "{MATCH}                {}\n",
                header("x-mlflow-authz-scopes")
            ),
            "header-written",
        ),
        instead(
            "an identity of a weight",
            ACTION,
            &weighted(&format!("name: mlflow, {}", header("x-mlflow-authz-user"))),
            "header-written",
        ),
        behind(
            "a credential",
            HOST,
            &header("Authorization"),
            "header-written",
        ),
        behind(
            "a workspace",
            HOST,
            &header("x-mlflow-workspace"),
            "header-written",
        ),
    ]);
    cases
}

#[test]
fn what_routes_open() {
    assert_found(&cases());
}
