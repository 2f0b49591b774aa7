//! Who verifies tokens and certificates, as manifests of Istio and Envoy Gateway say it.

use super::codes;
use super::gateways::ROUTE;
use super::istio::{ROUTES, edited};

const PLUGIN: &str = r#"apiVersion: extensions.istio.io/v1alpha1
kind: WasmPlugin
metadata: { name: mlflow-authz, namespace: ingress }
spec:
  selector: { matchLabels: { istio: ingressgateway } }
  url: oci://registry.internal/filters/authz:1
  sha256: "abababababababababababababababababababababababababababababababab"
  phase: AUTHZ
  failStrategy: FAIL_RELOAD
  pluginConfig: { mounts: ["/api/mlflow"], IDENTITY }
"#;
const AUTHENTICATION: &str = r#"---
apiVersion: security.istio.io/v1
kind: RequestAuthentication
metadata: { name: mlflow, namespace: ingress }
spec:
  selector: { matchLabels: { istio: ingressgateway } }
  jwtRules:
  - issuer: https://issuer.internal
    jwksUri: https://issuer.internal/jwks
    audiences: [mlflow]
    fromHeaders: [{ name: Authorization, prefix: "Bearer " }]
"#;
const MTLS: &str =
    "mtls: { by: uri_san, principals: { 'spiffe://a/b': { scopes: ['model:read'] } } }";

/// The routes of Istio, with a gateway that the filter selects by its label.
fn routes() -> String {
    let bare = "spec:\n  servers: [{ port: { number: 443, protocol: HTTPS }, hosts: [mlflow.corp.internal] }]";
    assert!(ROUTES.contains(bare));
    let labelled = "spec:\n  selector: { istio: ingressgateway }\n  servers:\n  - { port: { number: 443, protocol: HTTPS }, hosts: [mlflow.corp.internal], tls: { mode: SIMPLE } }";
    ROUTES.replace(bare, labelled)
}

/// Istio's manifests, with one piece of text exchanged.
fn istio(identity: &str, old: &str, new: &str) -> Vec<String> {
    let plugin = PLUGIN.replace("IDENTITY", identity);
    edited(&format!("{plugin}{}{AUTHENTICATION}", routes()), old, new)
}

#[test]
fn tokens_under_istio() {
    for (old, new, expected) in [
        ("AUTHZ", "AUTHZ", &[][..]),
        ("phase: AUTHZ", "phase: AUTHN", &["jwt-phase spec.phase"]),
        ("phase: AUTHZ", "phase: STATS", &["phase spec.phase"]),
        ("  phase: AUTHZ\n", "", &["phase spec"]),
        (
            AUTHENTICATION,
            "",
            &["jwt-unverified spec.pluginConfig.jwt"],
        ),
        (
            "name: mlflow, namespace: ingress }\nspec:\n  selector: { matchLabels: { istio: ingressgateway } }",
            "name: mlflow, namespace: ingress }\nspec:\n  selector: { matchLabels: { istio: other } }",
            &["jwt-unverified spec.pluginConfig.jwt"],
        ),
        (
            "name: mlflow, namespace: ingress }\nspec:\n  selector: { matchLabels: { istio: ingressgateway } }",
            "name: mlflow, namespace: istio-system }\nspec:",
            &[],
        ),
        (
            "name: mlflow, namespace: ingress }\nspec:\n  selector: { matchLabels: { istio: ingressgateway } }",
            "name: mlflow, namespace: other }\nspec:",
            &["cannot-tell spec.pluginConfig.jwt"],
        ),
        (
            "    audiences: [mlflow]\n",
            "",
            &["jwt-audiences spec.jwtRules[0]"],
        ),
        (
            "jwksUri: https",
            "jwksUri: http",
            &["jwks-unverified spec.jwtRules[0].jwksUri"],
        ),
        (
            "    fromHeaders: [{ name: Authorization, prefix: \"Bearer \" }]\n",
            "",
            &["jwt-locations spec.jwtRules[0]"],
        ),
        (
            "    fromHeaders",
            "    fromParams: [t]\n    fromHeaders",
            &["jwt-locations spec.jwtRules[0].fromParams"],
        ),
        (
            "    audiences",
            "    outputPayloadToHeader: x-api-key\n    audiences",
            &["header-written spec.jwtRules[0].outputPayloadToHeader"],
        ),
        // The filter runs behind it, and removes what it did not write itself.
        (
            "    audiences",
            "    outputPayloadToHeader: x-mlflow-authz-user\n    audiences",
            &[],
        ),
    ] {
        assert_eq!(istio("jwt: {}", old, new), expected, "{old} {new}");
    }
    for (keys, expected) in [
        ("[\"https://issuer.internal\"]", &[][..]),
        ("[other, payload]", &[]),
        (
            "[other]",
            &["jwt-metadata-key spec.pluginConfig.jwt.metadata_key"],
        ),
    ] {
        assert_eq!(
            istio(
                &format!("jwt: {{ metadata_key: {keys} }}"),
                "AUTHZ",
                "AUTHZ"
            ),
            expected,
            "{keys}"
        );
    }
}

#[test]
fn certificates_under_istio() {
    for (mode, expected) in [
        ("MUTUAL", &[][..]),
        ("OPTIONAL_MUTUAL", &[]),
        ("ISTIO_MUTUAL", &[]),
        (
            "SIMPLE",
            &["certificate-not-asked spec.servers[0].tls.mode"],
        ),
        (
            "PASSTHROUGH",
            &["certificate-not-asked spec.servers[0].tls.mode"],
        ),
    ] {
        let plugin = PLUGIN.replace("IDENTITY", MTLS).replace("AUTHZ", "AUTHN");
        let routes = routes().replace("mode: SIMPLE", &format!("mode: {mode}"));
        assert_eq!(codes(&format!("{plugin}{routes}")), expected, "{mode}");
    }
    // Other hosts of the gateway are not MLflow's.
    let plugin = PLUGIN.replace("IDENTITY", MTLS).replace("AUTHZ", "AUTHN");
    let two = routes().replace(
        "tls: { mode: SIMPLE } }",
        "tls: { mode: MUTUAL } }\n  - { port: { number: 443, protocol: HTTPS }, hosts: [shop.corp.internal], tls: { mode: SIMPLE } }",
    );
    assert_eq!(codes(&format!("{plugin}{two}")), [""; 0]);
    let mesh = routes().replace("gateways: [gateway]", "gateways: [mesh]");
    let found = codes(&format!("{plugin}{mesh}"));
    assert!(
        found
            .iter()
            .any(|it| it == "around-filter spec.http[0].match[0]"),
        "{found:?}"
    );
}

const POLICY: &str = r#"apiVersion: gateway.envoyproxy.io/v1alpha1
kind: EnvoyExtensionPolicy
metadata: { name: mlflow-authz, namespace: ml }
spec:
  targetRefs: [{ group: gateway.networking.k8s.io, kind: HTTPRoute, name: mlflow }]
  wasm:
  - name: mlflow-authz
    rootID: mlflow_authz
    code: { type: Image, image: { url: "registry.internal/mlflow-authz@sha256:abababababababababababababababab" } }
    config: { mounts: ["/"], IDENTITY }
"#;
const SECURITY: &str = r#"---
apiVersion: gateway.envoyproxy.io/v1alpha1
kind: SecurityPolicy
metadata: { name: mlflow, namespace: ml }
spec:
  targetRefs: [{ group: gateway.networking.k8s.io, kind: Gateway, name: gateway }]
  jwt:
    optional: true
    providers:
    - name: corp
      issuer: https://issuer.internal
      audiences: [mlflow]
      remoteJWKS: { uri: https://issuer.internal/jwks }
      extractFrom: { headers: [{ name: Authorization, valuePrefix: "Bearer " }] }
"#;
const CLIENTS: &str = r#"---
apiVersion: gateway.envoyproxy.io/v1alpha1
kind: ClientTrafficPolicy
metadata: { name: mlflow, namespace: ml }
spec:
  targetRefs: [{ group: gateway.networking.k8s.io, kind: Gateway, name: gateway }]
  tls: { clientValidation: { mode: VerifyIfGiven, caCertificateRefs: [{ kind: ConfigMap, name: ca }] } }
"#;

fn envoy_gateway(identity: &str, old: &str, new: &str) -> Vec<String> {
    let policy = POLICY.replace("IDENTITY", identity);
    edited(&format!("{policy}{ROUTE}{SECURITY}{CLIENTS}"), old, new)
}

#[test]
fn tokens_under_envoy_gateway() {
    let of_route = SECURITY
        .replace("name: mlflow, namespace", "name: route, namespace")
        .replace(
            "kind: Gateway, name: gateway",
            "kind: HTTPRoute, name: mlflow",
        );
    let without = of_route.split_once("  jwt:").unwrap().0.to_owned() + "  cors: {}\n";
    for (old, new, expected) in [
        ("corp", "corp", &[][..]),
        (
            "metadata_key: [corp]",
            "metadata_key: [\"https://issuer.internal\"]",
            &[],
        ),
        (SECURITY, "", &["jwt-unverified spec.wasm[0].config.jwt"]),
        (
            "kind: Gateway, name: gateway }]\n  jwt",
            "kind: Gateway, name: other }]\n  jwt",
            &["jwt-unverified spec.wasm[0].config.jwt"],
        ),
        (
            "metadata_key: [corp]",
            "metadata_key: [payload]",
            &["jwt-metadata-key spec.wasm[0].config.jwt.metadata_key"],
        ),
        (
            "      audiences: [mlflow]\n",
            "",
            &["jwt-audiences spec.jwt.providers[0]"],
        ),
        (
            "uri: https",
            "uri: http",
            &["jwks-unverified spec.jwt.providers[0].remoteJWKS.uri"],
        ),
        (
            "      extractFrom: { headers: [{ name: Authorization, valuePrefix: \"Bearer \" }] }\n",
            "",
            &["jwt-locations spec.jwt.providers[0]"],
        ),
        (
            "extractFrom: { headers: [{ name: Authorization, valuePrefix: \"Bearer \" }] }",
            "extractFrom: { params: [t] }",
            &["jwt-locations spec.jwt.providers[0].extractFrom.params"],
        ),
        // The policy of the route takes the place of the gateway's.
        (
            CLIENTS,
            without.as_str(),
            &["jwt-unverified spec.wasm[0].config.jwt"],
        ),
        (CLIENTS, of_route.as_str(), &[]),
    ] {
        assert_eq!(
            envoy_gateway("jwt: { metadata_key: [corp] }", old, new),
            expected,
            "{old} {new}"
        );
    }
}

#[test]
fn certificates_under_envoy_gateway() {
    for (old, new, expected) in [
        ("VerifyIfGiven", "VerifyIfGiven", &[][..]),
        ("mode: VerifyIfGiven, ", "", &[]),
        (
            "VerifyIfGiven",
            "Request",
            &["certificate-unverified spec.tls.clientValidation.mode"],
        ),
        (
            "VerifyIfGiven",
            "RequireAny",
            &["certificate-unverified spec.tls.clientValidation.mode"],
        ),
        (
            ", caCertificateRefs: [{ kind: ConfigMap, name: ca }]",
            "",
            &["certificate-unverified spec.tls.clientValidation"],
        ),
        (
            "  tls: { clientValidation: { mode: VerifyIfGiven, caCertificateRefs: [{ kind: ConfigMap, name: ca }] } }\n",
            "  tls: {}\n",
            &["certificate-not-asked spec.wasm[0].config.mtls"],
        ),
        (
            CLIENTS,
            "",
            &["certificate-not-asked spec.wasm[0].config.mtls"],
        ),
    ] {
        assert_eq!(envoy_gateway(MTLS, old, new), expected, "{old} {new}");
    }
}
