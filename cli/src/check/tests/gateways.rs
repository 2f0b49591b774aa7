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
pub(super) const ROUTE: &str = r#"---
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

/// A bootstrap may have listeners of its own.
#[test]
fn the_bootstrap_of_the_proxies() {
    for (spec, expected) in [
        (
            "{ bootstrap: { type: Merge, value: 'static_resources: { listeners: [{ name: x }] }' } }",
            &["cannot-tell spec.bootstrap.value"][..],
        ),
        (
            "{ bootstrap: { type: Merge, value: 'stats_flush_interval: 5s' } }",
            &[],
        ),
        (
            "{ bootstrap: { type: Replace, value: 'stats_flush_interval: 5s' } }",
            &["cannot-tell spec.bootstrap.value"],
        ),
        (
            "{ bootstrap: { value: 'stats_flush_interval: 5s' } }",
            &["cannot-tell spec.bootstrap.value"],
        ),
        (
            "{ bootstrap: { type: JSONPatch, jsonPatches: [{ op: add, path: /stats_config/stats_tags/-, value: {} }, { op: add, path: /static_resources/clusters/-, value: {} }] } }",
            &[],
        ),
        (
            "{ bootstrap: { type: JSONPatch, jsonPatches: [{ op: add, path: /static_resources/listeners/-, value: {} }] } }",
            &["cannot-tell spec.bootstrap.jsonPatches[0]"],
        ),
        (
            "{ bootstrap: { type: JSONPatch, jsonPatches: [{ op: replace, path: /static_resources/clusters/0, value: {} }] } }",
            &["cannot-tell spec.bootstrap.jsonPatches[0]"],
        ),
        (
            "{ extraArgs: ['--log-level info', '--config-yaml x'] }",
            &["cannot-tell spec.extraArgs[1]"],
        ),
    ] {
        let proxy = format!(
            "---\napiVersion: gateway.envoyproxy.io/v1alpha1\nkind: EnvoyProxy\nmetadata: {{ name: p, namespace: ml }}\nspec: {spec}\n"
        );
        assert_eq!(
            codes(&format!("{POLICY}{ROUTE}{proxy}")),
            expected,
            "{spec}"
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
