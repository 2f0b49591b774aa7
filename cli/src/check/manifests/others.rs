//! Objects of kinds that are not followed: one that names MLflow's Service may lead requests there, past the filter.

use super::super::finding::Findings;
use super::super::input::{Document, Kind};
use super::super::place::Place;
use super::super::rules;
use super::endpoint::{Directory, Endpoint, Sameness, compare};

/// Kinds whose ways are followed here, or that forward nothing themselves.
const KNOWN: &[&str] = &[
    // Kubernetes.
    "Certificate",
    "CertificateRequest",
    "ClusterIssuer",
    "ClusterRole",
    "ClusterRoleBinding",
    "ConfigMap",
    "CronJob",
    "CustomResourceDefinition",
    "DaemonSet",
    "Deployment",
    "Endpoints",
    "EndpointSlice",
    "HorizontalPodAutoscaler",
    "Ingress",
    "IngressClass",
    "Issuer",
    "Job",
    "LimitRange",
    "Namespace",
    "NetworkPolicy",
    "PersistentVolume",
    "PersistentVolumeClaim",
    "Pod",
    "PodDisruptionBudget",
    "PodMonitor",
    "PrometheusRule",
    "ReplicaSet",
    "ResourceQuota",
    "Role",
    "RoleBinding",
    "ScaledObject",
    "Secret",
    "Service",
    "ServiceAccount",
    "ServiceMonitor",
    "StatefulSet",
    "VerticalPodAutoscaler",
    // The Gateway API and Envoy Gateway.
    "Backend",
    "BackendTLSPolicy",
    "BackendTrafficPolicy",
    "ClientTrafficPolicy",
    "EnvoyExtensionPolicy",
    "EnvoyPatchPolicy",
    "EnvoyProxy",
    "Gateway",
    "GatewayClass",
    "GRPCRoute",
    "HTTPRoute",
    "HTTPRouteFilter",
    "ListenerSet",
    "ReferenceGrant",
    "SecurityPolicy",
    "TCPRoute",
    "TLSRoute",
    "UDPRoute",
    "XListenerSet",
    // Istio.
    "AuthorizationPolicy",
    "DestinationRule",
    "EnvoyFilter",
    "IstioOperator",
    "PeerAuthentication",
    "RequestAuthentication",
    "ServiceEntry",
    "Sidecar",
    "Telemetry",
    "TrafficExtension",
    "VirtualService",
    "WasmPlugin",
    "WorkloadEntry",
    "WorkloadGroup",
];

/// Fields that say which pods or objects are meant, and name no Service.
const SELECTORS: &[&str] = &[
    "annotations",
    "labels",
    "matchExpressions",
    "matchLabels",
    "podSelector",
    "selector",
];

/// Checks every object of another kind. `mlflow` is where the filter's mounts lead.
pub fn check(
    findings: &mut Findings,
    documents: &[Document<'_>],
    directory: &Directory<'_>,
    mlflow: &[Endpoint],
) {
    let objects = documents
        .iter()
        .filter(|document| document.kind == Kind::Manifest && !document.is_manifest(KNOWN));
    for root in objects.map(|document| &document.root) {
        let metadata = root.get("metadata");
        let namespace = metadata.and_then(|metadata| metadata.text_of("namespace"));
        let leads = |name: &str, namespace: &str| {
            compare(&directory.host(name, namespace, None), mlflow) == Sameness::Same
        };
        let content = root.fields().filter(|(name, _)| *name != "metadata");
        let found = content
            .filter_map(|(_, field)| naming(&field, namespace.unwrap_or("default"), &leads))
            .next();
        if let Some(place) = found {
            let kind = root.text_of("kind").unwrap_or("without a kind");
            findings.add(
                rules::CANNOT_TELL,
                &place,
                format!(
                    "names MLflow's Service, and check does not follow objects of kind {kind}: requests may reach MLflow \
                     this way without a decision"
                ),
                "let it lead to the gateway that runs the filter, or verify by hand that it forwards nothing to MLflow",
            );
        }
    }
}

/// The first text that is the name of MLflow's Service, alone or as the host of a URL.
fn naming<'a>(
    place: &Place<'a>,
    namespace: &str,
    leads: &impl Fn(&str, &str) -> bool,
) -> Option<Place<'a>> {
    if place
        .text()
        .is_some_and(|text| leads(host(text), namespace))
    {
        return Some(place.clone());
    }
    let namespace = place.text_of("namespace").unwrap_or(namespace);
    let fields = place
        .fields()
        .filter(|(name, _)| !SELECTORS.contains(name))
        .map(|(_, field)| field);
    fields
        .chain(place.items())
        .find_map(|inner| naming(&inner, namespace, leads))
}

fn host(text: &str) -> &str {
    let rest = text.split_once("://").map_or(text, |(_, rest)| rest);
    rest.split(['/', ':']).next().unwrap_or_default()
}
