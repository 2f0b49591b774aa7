//! Rules about Istio's manifests.

use super::codes;

const PLUGIN: &str = r#"apiVersion: extensions.istio.io/v1alpha1
kind: WasmPlugin
metadata: { name: mlflow-authz, namespace: ingress }
spec:
  url: oci://registry.internal/filters/authz:1
  sha256: "abababababababababababababababababababababababababababababababab"
  phase: AUTHN
  failStrategy: FAIL_RELOAD
  pluginConfig:
    mounts: ["/api/mlflow"]
    auth_service: { cluster: outbound|443||auth.corp.internal }
"#;
const EXTENSION: &str = r#"apiVersion: extensions.istio.io/v1alpha1
kind: TrafficExtension
metadata: { name: filters, namespace: ingress }
spec:
  phase: AUTHN
  wasm:
    url: oci://registry.internal/filters/mlflow-authz:1
    sha256: "abababababababababababababababababababababababababababababababab"
    failStrategy: FAIL_RELOAD
    pluginConfig:
      mounts: ["/api/mlflow"]
      auth_service: { cluster: outbound|443||auth.corp.internal }
"#;
const HOST: &str = r#"---
apiVersion: networking.istio.io/v1
kind: ServiceEntry
metadata: { name: auth }
spec:
  hosts: [auth.corp.internal]
  ports: [{ number: 443, name: https, protocol: HTTPS }]
  resolution: DNS
---
apiVersion: networking.istio.io/v1
kind: DestinationRule
metadata: { name: auth }
spec:
  host: auth.corp.internal
  trafficPolicy: { connectionPool: { tcp: { connectTimeout: 1s } }, tls: { mode: SIMPLE } }
"#;
pub(super) const ROUTES: &str = r#"---
apiVersion: networking.istio.io/v1
kind: Gateway
metadata: { name: gateway, namespace: ingress }
spec:
  servers: [{ port: { number: 443, protocol: HTTPS }, hosts: [mlflow.corp.internal] }]
---
apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: { name: mlflow, namespace: ingress }
spec:
  hosts: [mlflow.corp.internal]
  gateways: [gateway]
  http:
  - match: [{ uri: { prefix: /api/mlflow/ } }]
    rewrite: { uri: / }
    route: [{ destination: { host: mlflow.ml.svc.cluster.local, port: { number: 5000 } } }]
    retries: { attempts: 0 }
"#;

/// What is found once a piece of the text is exchanged.
pub(super) fn edited(text: &str, old: &str, new: &str) -> Vec<String> {
    assert!(text.contains(old), "{old}");
    codes(&text.replace(old, new))
}

#[test]
fn good_manifests() {
    for plugin in [PLUGIN, EXTENSION] {
        assert_eq!(codes(&format!("{plugin}{HOST}{ROUTES}")), [""; 0]);
    }
}

#[test]
fn the_extension_itself() {
    for (old, new, expected) in [
        ("FAIL_RELOAD", "FAIL_OPEN", "fail-open failStrategy"),
        ("FAIL_RELOAD", "FAIL_CLOSE", "fail-reload failStrategy"),
        ("failStrategy: FAIL_RELOAD", "type: HTTP", "fail-reload"),
        ("phase: AUTHN", "phase: AUTHZ", "phase phase"),
        ("phase: AUTHN", "priority: 10", "phase spec"),
        (
            "cluster: outbound",
            "clutser: outbound",
            "config-refused pluginConfig.auth_service.clutser",
        ),
        ("pluginConfig:", "vmConfig:", "config-missing"),
    ] {
        for plugin in [PLUGIN, EXTENSION] {
            let found = edited(&format!("{plugin}{HOST}{ROUTES}"), old, new);
            let (code, end) = expected.split_once(' ').unwrap_or((expected, ""));
            assert_eq!(found.len(), 1, "{old} {new}: {found:?}");
            assert!(
                found[0].starts_with(&format!("{code} ")) && found[0].ends_with(end),
                "{found:?}"
            );
        }
    }
}

/// Neither API can set `allow_on_headers_stop_iteration`.
#[test]
fn bodies_do_not_come() {
    let found = edited(
        &format!("{PLUGIN}{HOST}{ROUTES}"),
        "    mounts:",
        "    bodies: inspect\n    mounts:",
    );
    assert_eq!(found, ["stop-iteration-missing spec.pluginConfig"]);
}

#[test]
fn the_host_of_the_auth_service() {
    let all = format!("{PLUGIN}{HOST}{ROUTES}");
    for (old, new, expected) in [
        (
            "mode: SIMPLE",
            "mode: DISABLE",
            &["auth-plain-text spec.trafficPolicy.tls.mode"][..],
        ),
        ("mode: SIMPLE", "mode: MUTUAL", &[]),
        (
            "tls: { mode: SIMPLE }",
            "loadBalancer: {}",
            &["auth-plain-text spec.pluginConfig.auth_service.cluster"],
        ),
        (
            "host: auth.corp.internal",
            "host: other.corp.internal",
            &["auth-plain-text spec.pluginConfig.auth_service.cluster"],
        ),
        ("host: auth.corp.internal", "host: '*.internal'", &[]),
        (
            "tls: { mode: SIMPLE }",
            "tls: { mode: SIMPLE }, portLevelSettings: [{ port: { number: 443 }, tls: { mode: DISABLE } }]",
            &["auth-plain-text spec.trafficPolicy.portLevelSettings[0].tls.mode"],
        ),
        (
            "number: 443, name",
            "number: 80, name",
            &["auth-cluster spec.ports"],
        ),
        (
            "outbound|443||auth.corp.internal",
            "auth",
            &["auth-cluster spec.pluginConfig.auth_service.cluster"],
        ),
    ] {
        assert_eq!(edited(&all, old, new), expected, "{old} {new}");
    }
    // A service of the cluster: Istio encrypts by itself, and says how elsewhere.
    let service = format!("{PLUGIN}{ROUTES}").replace(
        "outbound|443||auth.corp.internal",
        "outbound|80||auth.ns.svc.cluster.local",
    );
    assert_eq!(codes(&service), [""; 0]);
    let outside = format!("{PLUGIN}{ROUTES}").replace("outbound|443||", "outbound|80||");
    assert_eq!(
        codes(&outside),
        ["auth-plain-text spec.pluginConfig.auth_service.cluster"]
    );
}

fn beside(other: &str) -> Vec<String> {
    codes(&format!("{PLUGIN}{HOST}{ROUTES}---\n{other}"))
}

/// Istio's own authentication runs behind the filter.
#[test]
fn headers_that_istio_writes() {
    let rules = |rule: &str| {
        beside(&format!(
            "apiVersion: security.istio.io/v1\nkind: RequestAuthentication\nmetadata: {{ name: jwt, namespace: ingress }}\nspec: {{ jwtRules: [{{ issuer: i, {rule} }}] }}\n"
        ))
    };
    let providers = |header: &str| {
        beside(&format!(
            "meshConfig: {{ extensionProviders: [{{ name: e, envoyExtAuthzHttp: {{ headersToUpstreamOnAllow: [\"{header}\"] }} }}] }}\n"
        ))
    };
    for (found, expected) in [
        (
            rules(
                "outputClaimToHeaders: [{ header: x-team, claim: team }, { header: X-MLflow-Authz-User, claim: sub }]",
            ),
            &["header-written spec.jwtRules[0].outputClaimToHeaders[1].header"][..],
        ),
        (
            rules("outputPayloadToHeader: x_mlflow_authz_user"),
            &["header-written spec.jwtRules[0].outputPayloadToHeader"],
        ),
        (
            rules("outputPayloadToHeader: Authorization"),
            &["header-written spec.jwtRules[0].outputPayloadToHeader"],
        ),
        (
            rules("outputPayloadToHeader: x-jwt, forwardOriginalToken: true"),
            &[],
        ),
        (
            providers("x-mlflow-authz-scopes"),
            &[
                "header-written meshConfig.extensionProviders[0].envoyExtAuthzHttp.headersToUpstreamOnAllow[0]",
            ],
        ),
        (
            providers("x-mlflow-*"),
            &[
                "header-written meshConfig.extensionProviders[0].envoyExtAuthzHttp.headersToUpstreamOnAllow[0]",
            ],
        ),
        (providers("x-team"), &[]),
    ] {
        assert_eq!(found, expected);
    }
}

#[test]
fn patches_that_write_headers() {
    const OPTIONS: &str = "envoy.extensions.upstreams.http.v3.HttpProtocolOptions";
    const UNKNOWN: &[&str] = &["cannot-tell spec.configPatches[0]"];
    let patch = |to: &str, operation: &str, value: &str| {
        beside(&format!(
            "apiVersion: networking.istio.io/v1alpha3\nkind: EnvoyFilter\nmetadata: {{ name: p, namespace: ingress }}\nspec: {{ configPatches: [{{ applyTo: {to}, patch: {{ operation: {operation}, value: {value} }} }}] }}\n"
        ))
    };
    let cluster = |more: &str| {
        let value = format!(
            "{{ typed_extension_protocol_options: {{ {OPTIONS}: {{ \"@type\": type.googleapis.com/{OPTIONS}, {more} }} }} }}"
        );
        patch("CLUSTER", "MERGE", &value)
    };
    let filter = |kind: &str, more: &str| {
        let value = format!(
            "{{ name: f, typed_config: {{ \"@type\": type.googleapis.com/envoy.extensions.filters.http.{kind}{more} }} }}"
        );
        patch("HTTP_FILTER", "INSERT_BEFORE", &value)
    };
    for (found, expected) in [
        (
            cluster("explicit_http_config: { http_protocol_options: {} }"),
            &[][..],
        ),
        (
            cluster("explicit_http_config: {}, http_filters: [{ name: x }]"),
            UNKNOWN,
        ),
        (cluster("retry_policy: { retry_on: 5xx }"), UNKNOWN),
        (filter("local_ratelimit.v3.LocalRateLimit", ""), &[]),
        (
            filter(
                "local_ratelimit.v3.LocalRateLimit",
                ", request_headers_to_add_when_not_enforced: [{ header: { key: x-mlflow-authz-user, value: root } }]",
            ),
            UNKNOWN,
        ),
        // The rate limit service says which headers are added.
        (filter("ratelimit.v3.RateLimit", ""), UNKNOWN),
    ] {
        assert_eq!(found, expected);
    }
}

/// Kinds that are not followed, and name MLflow's Service.
#[test]
fn other_kinds_that_lead_to_mlflow() {
    let object = |kind: &str, spec: &str| {
        beside(&format!(
            "apiVersion: routes.corp.internal/v1\nkind: {kind}\nmetadata: {{ name: mlflow, namespace: ml }}\nspec: {spec}\n"
        ))
    };
    for (found, expected) in [
        (
            object("Route", "{ to: { kind: Service, name: mlflow } }"),
            &["cannot-tell spec.to.name"][..],
        ),
        (
            object(
                "IngressRoute",
                "{ routes: [{ services: [{ name: shop }, { name: mlflow, port: 5000 }] }] }",
            ),
            &["cannot-tell spec.routes[0].services[1].name"],
        ),
        (
            object("Mapping", "{ service: 'http://mlflow.ml:5000/x' }"),
            &["cannot-tell spec.service"],
        ),
        (
            object(
                "HTTPProxy",
                "{ routes: [{ services: [{ name: mlflow, namespace: shop }] }] }",
            ),
            &[],
        ),
        (object("Route", "{ to: { name: shop } }"), &[]),
        (
            object("Canary", "{ selector: { matchLabels: { app: mlflow } } }"),
            &[],
        ),
        (
            object("ServiceMonitor", "{ endpoints: [{ port: mlflow }] }"),
            &[],
        ),
    ] {
        assert_eq!(found, expected);
    }
}

/// As `kubectl get` and the API itself return them.
#[test]
fn lists_of_one_kind() {
    let bad = PLUGIN.replace("FAIL_RELOAD", "FAIL_OPEN");
    let item = bad.split_once("metadata:").unwrap().1.replace('\n', "\n  ");
    for own in [
        "",
        "  kind: WasmPlugin\n  apiVersion: extensions.istio.io/v1alpha1\n",
    ] {
        let list = format!(
            "apiVersion: extensions.istio.io/v1alpha1\nkind: WasmPluginList\nitems:\n- metadata:{}\n{own}",
            item.trim_end()
        );
        assert_eq!(
            codes(&format!("{list}{HOST}{ROUTES}")),
            ["fail-open spec.failStrategy"],
            "{list}"
        );
    }
}

#[test]
fn manifests_of_others_are_left_alone() {
    let other = PLUGIN
        .replace("mlflow-authz", "other")
        .replace("auth_service", "something");
    let other = other.replace("FAIL_RELOAD", "FAIL_OPEN");
    assert_eq!(
        codes(&format!("{PLUGIN}{HOST}{ROUTES}---\n{other}")),
        [""; 0]
    );
    assert_eq!(codes(&other), ["no-filter"]);
}
