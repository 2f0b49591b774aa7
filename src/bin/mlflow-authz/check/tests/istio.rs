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
const ROUTES: &str = r#"---
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

fn edited(text: &str, old: &str, new: &str) -> Vec<String> {
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
