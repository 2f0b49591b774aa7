//! The chain of HTTP filters, and what clusters do behind it.

use super::{CLUSTER, Case, FILTER, MANAGER, OPTIONS, ROUTER, assert_found, behind, instead};

const TELL: &str = "cannot-tell";

fn filter(kind: &str, more: &str) -> String {
    format!(
        "          - name: other\n            typed_config: {{ \"@type\": type.googleapis.com/{kind}{more} }}\n"
    )
}

fn before(what: &'static str, kind: &str, more: &str, code: &'static str) -> Case {
    instead(
        what,
        FILTER,
        &format!("{}{FILTER}", filter(kind, more)),
        code,
    )
}

fn after(what: &'static str, kind: &str, more: &str, code: &'static str) -> Case {
    instead(
        what,
        ROUTER,
        &format!("{}{ROUTER}", filter(kind, more)),
        code,
    )
}

pub fn cases() -> Vec<Case> {
    const LUA: &str = "envoy.extensions.filters.http.lua.v3.Lua";
    const MUTATION: &str = "envoy.extensions.filters.http.header_mutation.v3.HeaderMutation";
    let append = |name: &str| {
        format!(
            ", mutations: {{ request_mutations: [{{ append: {{ header: {{ key: \"{name}\", value: x }} }} }}] }}"
        )
    };
    let early = |extension: &str| {
        format!(
            "early_header_mutation_extensions: [{{ name: e, typed_config: {{ {extension} }} }}]"
        )
    };
    let upstream =
        |filter: &str| format!("http_filters: [{{ name: u, typed_config: {{ {filter} }} }}]");
    vec![
        before(
            "a cache",
            "envoy.extensions.filters.http.cache.v3.CacheConfig",
            "",
            "filter-order",
        ),
        before(
            "a file server",
            "envoy.extensions.filters.http.file_server.v3.FileServerConfig",
            "",
            "filter-order",
        ),
        before("a script before", LUA, "", TELL),
        before(
            "a processor before",
            "envoy.extensions.filters.http.ext_proc.v3.ExternalProcessor",
            "",
            TELL,
        ),
        before("a filter that is not known", "later.Filter", "", TELL),
        before(
            "another module before",
            "envoy.extensions.filters.http.wasm.v3.Wasm",
            ", config: { vm_config: { vm_id: other } }",
            TELL,
        ),
        before(
            "a composite filter",
            "envoy.extensions.filters.http.composite.v3.Composite",
            "",
            TELL,
        ),
        before(
            "a credential for everybody",
            MUTATION,
            &append("authorization"),
            "header-written",
        ),
        after("a script", LUA, "", TELL),
        after(
            "a processor",
            "envoy.extensions.filters.http.ext_proc.v3.ExternalProcessor",
            "",
            TELL,
        ),
        after(
            "a transcoder",
            "envoy.extensions.filters.http.grpc_json_transcoder.v3.GrpcJsonTranscoder",
            "",
            TELL,
        ),
        after(
            "internal redirects",
            "envoy.extensions.filters.http.custom_response.v3.CustomResponse",
            "",
            TELL,
        ),
        after(
            "an identity",
            MUTATION,
            &append("x-mlflow-authz-user"),
            "header-written",
        ),
        after(
            "an identity in another spelling",
            MUTATION,
            &append("X_MLflow_Authz_Scopes"),
            "header-written",
        ),
        after("a path", MUTATION, &append(":path"), "header-written"),
        after("a method", MUTATION, &append(":method"), "header-written"),
        after(
            "a query",
            MUTATION,
            ", mutations: { query_parameter_mutations: [{ remove: name }] }",
            TELL,
        ),
        after(
            "an identity beyond a rate",
            "envoy.extensions.filters.http.local_ratelimit.v3.LocalRateLimit",
            ", request_headers_to_add_when_not_enforced: [{ header: { key: x-mlflow-authz-key, value: x } }]",
            "header-written",
        ),
        after(
            "a rate limit that may write headers",
            "envoy.extensions.filters.http.ratelimit.v3.RateLimit",
            "",
            TELL,
        ),
        after(
            "claims in headers",
            "envoy.extensions.filters.http.jwt_authn.v3.JwtAuthentication",
            "",
            TELL,
        ),
        instead(
            "an upstream filter of the router",
            "              \"@type\": type.googleapis.com/envoy.extensions.filters.http.router.v3.Router\n",
            "              \"@type\": type.googleapis.com/envoy.extensions.filters.http.router.v3.Router\n              upstream_http_filters: [{ name: l, typed_config: { \"@type\": type.googleapis.com/envoy.extensions.filters.http.lua.v3.Lua } }]\n",
            TELL,
        ),
        instead(
            "a filter by ECDS",
            ROUTER,
            &format!(
                "          - name: other\n            config_discovery: {{ config_source: {{ ads: {{}} }} }}\n{ROUTER}"
            ),
            TELL,
        ),
        instead(
            "a default for a filter by ECDS",
            ROUTER,
            &format!(
                "          - name: other\n            config_discovery: {{ config_source: {{ ads: {{}} }}, default_config: {{ \"@type\": type.googleapis.com/envoy.extensions.filters.http.cors.v3.Cors }} }}\n{ROUTER}"
            ),
            TELL,
        ),
        instead(
            "a script with the router's name behind",
            ROUTER,
            &format!(
                "          - {{ name: envoy.filters.http.router, typed_config: {{ \"@type\": type.googleapis.com/{LUA} }} }}\n{ROUTER}"
            ),
            TELL,
        ),
        instead(
            "a script with the router's name before",
            FILTER,
            &format!(
                "          - {{ name: envoy.filters.http.router, typed_config: {{ \"@type\": type.googleapis.com/xds.type.v3.TypedStruct, type_url: type.googleapis.com/{LUA} }} }}\n{FILTER}"
            ),
            TELL,
        ),
        instead(
            "an optional filter",
            FILTER,
            &format!("{FILTER}            is_optional: true\n"),
            "filter-optional",
        ),
        instead(
            "the filter is disabled",
            FILTER,
            &format!("{FILTER}            disabled: true\n"),
            "around-filter",
        ),
        instead(
            "another router first",
            FILTER,
            &format!(
                "          - name: envoy.filters.http.router\n            typed_config: {{}}\n{FILTER}"
            ),
            "filter-order",
        ),
        behind(
            "an early identity of another type",
            MANAGER,
            &early("\"@type\": type.googleapis.com/later.Mutation"),
            TELL,
        ),
        behind(
            "an early credential",
            MANAGER,
            &early(
                "\"@type\": type.googleapis.com/envoy.extensions.http.early_header_mutation.header_mutation.v3.HeaderMutation, mutations: [{ append: { header: { key: X-API-Key, value: x } } }]",
            ),
            "header-written",
        ),
        behind(
            "an upstream script",
            OPTIONS,
            &upstream("\"@type\": type.googleapis.com/envoy.extensions.filters.http.lua.v3.Lua"),
            TELL,
        ),
        behind(
            "an upstream identity",
            OPTIONS,
            &upstream(
                "\"@type\": type.googleapis.com/envoy.extensions.filters.http.header_mutation.v3.HeaderMutation, mutations: { request_mutations: [{ append: { header: { key: x-mlflow-authz-user, value: x } } }] }",
            ),
            "header-written",
        ),
        behind(
            "an upstream credential",
            OPTIONS,
            &upstream(
                "\"@type\": type.googleapis.com/envoy.extensions.filters.http.credential_injector.v3.CredentialInjector",
            ),
            "header-written",
        ),
        behind(
            "a mirror of the cluster",
            OPTIONS,
            "request_mirror_policies: [{ cluster: mlflow }]",
            "around-filter",
        ),
        behind(
            "retries of the cluster",
            OPTIONS,
            "retry_policy: { retry_on: 5xx }",
            "retries",
        ),
        instead(
            "a network filter of the cluster",
            CLUSTER,
            &format!("{CLUSTER}    filters: [{{ name: x }}]\n"),
            TELL,
        ),
    ]
}

#[test]
fn what_filters_open() {
    assert_found(&cases());
}

/// The filter by ECDS: with a default, which runs until the filter is delivered.
#[test]
fn a_default_in_place_of_the_filter() {
    const WASM: &str = "            typed_config:\n              \"@type\": type.googleapis.com/envoy.extensions.filters.http.wasm.v3.Wasm\n";
    let text = super::super::sample(&[]);
    let (head, rest) = text.split_once(WASM).unwrap();
    let (body, tail) = rest.split_once(ROUTER).unwrap();
    let body: String = body
        .lines()
        .map(|line| format!("{}\n", line.get(10..).unwrap_or_default()))
        .collect();
    let ecds = format!(
        "resources:\n- \"@type\": type.googleapis.com/envoy.config.core.v3.TypedExtensionConfig\n  name: mlflow_authz\n  typed_config:\n    \"@type\": type.googleapis.com/envoy.extensions.filters.http.wasm.v3.Wasm\n{body}"
    );
    for (default, expected) in [
        ("", &[][..]),
        (
            ", default_config: { \"@type\": type.googleapis.com/envoy.extensions.filters.http.buffer.v3.Buffer, max_request_bytes: 1000 }",
            &["around-filter"],
        ),
    ] {
        let listener = format!(
            "{head}            config_discovery: {{ config_source: {{ path_config_source: {{ path: /e }} }}{default} }}\n{ROUTER}{tail}"
        );
        let found = super::super::findings(&[("f", listener.as_str()), ("e", ecds.as_str())]);
        let found: Vec<&str> = found.iter().map(|finding| finding.code).collect();
        assert_eq!(found, expected);
    }
}

/// The route may be chosen again after another route has switched the filter off.
#[test]
fn a_route_that_is_chosen_again() {
    let clears = filter(
        "envoy.extensions.filters.http.jwt_authn.v3.JwtAuthentication",
        ", clear_route_cache: true",
    );
    let clears = format!("{clears}{FILTER}");
    let web = format!(
        "{}              - {{ match: {{ prefix: /web/ }}, route: {{ cluster: web }}, {} }}\n",
        super::LAST,
        super::OFF
    );
    let codes = |edits: &[(&str, &str)]| super::super::codes(&super::super::sample(edits)).len();
    assert_eq!(codes(&[(FILTER, &clears)]), 0);
    assert_eq!(codes(&[(super::LAST, &web)]), 0);
    assert_eq!(codes(&[(FILTER, &clears), (super::LAST, &web)]), 1);
}
