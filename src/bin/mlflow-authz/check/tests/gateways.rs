//! Rules about Envoy Gateway's manifests.

use super::codes;

const POLICY: &str = r#"apiVersion: gateway.envoyproxy.io/v1alpha1
kind: EnvoyExtensionPolicy
metadata: { name: mlflow-authz, namespace: ml }
spec:
  targetRefs: [{ group: gateway.networking.k8s.io, kind: HTTPRoute, name: mlflow }]
  wasm:
  - name: mlflow-authz
    rootID: mlflow_authz
    code: { type: Image, image: { url: "registry.internal/mlflow-authz@sha256:abababababababababababababababab" } }
    config:
      mounts: ["/"]
      auth_service: { cluster: auth }
      scopes: { trainer: ["run:write"] }
"#;
const ROUTE: &str = r#"---
apiVersion: gateway.networking.k8s.io/v1
kind: HTTPRoute
metadata: { name: mlflow, namespace: ml }
spec:
  parentRefs: [{ name: gateway }]
  rules: [{ backendRefs: [{ name: mlflow, port: 5000 }], timeouts: { request: 0s } }]
"#;

#[test]
fn what_is_found() {
    for (old, new, expected) in [
        ("rootID", "rootID", &[][..]),
        ("    config:\n", "    failOpen: false\n    config:\n", &[]),
        (
            "    config:\n",
            "    failOpen: true\n    config:\n",
            &["fail-open spec.wasm[0].failOpen"],
        ),
        (
            "    config:\n",
            "    unused:\n",
            &["config-missing spec.wasm[0]"],
        ),
        (
            "cluster: auth",
            "clutser: auth",
            &["config-refused spec.wasm[0].config.auth_service.clutser"],
        ),
        (
            "run:write",
            "run:promote",
            &["permission-unused spec.wasm[0].config.scopes.trainer[0]"],
        ),
        (
            "      auth_service",
            "      bodies: inspect\n      auth_service",
            &["stop-iteration-missing spec.wasm[0].config"],
        ),
    ] {
        assert!(POLICY.contains(old), "{old}");
        assert_eq!(
            codes(&format!("{}{ROUTE}", POLICY.replace(old, new))),
            expected,
            "{old} {new}"
        );
    }
}

#[test]
fn lists_of_objects_are_read_too() {
    let item = POLICY
        .replace("    config:\n", "    failOpen: true\n    config:\n")
        .replace('\n', "\n  ");
    let list = format!(
        "apiVersion: v1\nkind: List\nitems:\n- {}\n{ROUTE}",
        item.trim_end()
    );
    assert_eq!(codes(&list), ["fail-open spec.wasm[0].failOpen"]);
}
