//! Rules about Istio's manifests: `WasmPlugin`, `TrafficExtension` (Istio 1.30) and, for the auth service's host,
//! `ServiceEntry` and `DestinationRule`. An `EnvoyFilter` holds Envoy's own configuration, see `envoy`.

mod auth_host;

use mlflow_authz::Config;

use super::envoy::plugins::{bodies, holds_our_configuration, names_us};
use super::finding::Findings;
use super::input::Document;
use super::place::Place;
use super::plugin::{self, Origin};
use super::rules;

/// Checks every manifest of Istio's; returns how many instances of the filter there are.
pub fn check(findings: &mut Findings, documents: &[Document<'_>]) -> usize {
    let extensions = documents
        .iter()
        .filter(|document| document.is_manifest(&["WasmPlugin", "TrafficExtension"]));
    let ours: Vec<Extension<'_>> = extensions
        .filter_map(|document| Extension::read(&document.root))
        .filter(Extension::is_ours)
        .collect();
    for extension in &ours {
        extension.failure(findings);
        extension.phase(findings);
        if let Some((config, place)) = extension.configuration(findings) {
            bodies(findings, &place, &config, false);
            auth_host::check(findings, documents, &place, &config);
        }
    }
    ours.len()
}

/// A Wasm module in a proxy.
struct Extension<'a> {
    root: Place<'a>,
    spec: Place<'a>,
    /// `spec` of a `WasmPlugin`, `spec.wasm` of a `TrafficExtension`.
    wasm: Place<'a>,
}

impl<'a> Extension<'a> {
    fn read(root: &Place<'a>) -> Option<Self> {
        let spec = root.get("spec")?;
        let wasm = match root.text_of("kind") {
            Some("TrafficExtension") => spec.get("wasm")?,
            _ => spec.clone(),
        };
        Some(Self {
            root: root.clone(),
            spec,
            wasm,
        })
    }

    fn is_ours(&self) -> bool {
        let named = [
            self.wasm.get("url"),
            self.wasm.get("pluginName"),
            self.root.at(&["metadata", "name"]),
        ];
        named.iter().flatten().filter_map(Place::text).any(names_us)
            || self
                .wasm
                .get("pluginConfig")
                .is_some_and(|config| holds_our_configuration(&config))
    }

    fn failure(&self, findings: &mut Findings) {
        let strategy = self
            .wasm
            .get("failStrategy")
            .or_else(|| self.spec.get("failStrategy"));
        match strategy.as_ref().and_then(|strategy| strategy.text()) {
            Some("FAIL_OPEN") => findings.add(
                rules::FAIL_OPEN,
                strategy.as_ref().unwrap_or(&self.wasm),
                "when the module crashes or cannot be fetched, every request passes without a decision",
                "set failStrategy to FAIL_RELOAD (FAIL_CLOSE where Istio does not know it)",
            ),
            Some("FAIL_RELOAD") => {}
            _ => findings.add(
                rules::FAIL_RELOAD,
                strategy.as_ref().unwrap_or(&self.wasm),
                "when the module crashes, that worker refuses every request until the proxy is restarted",
                "set failStrategy to FAIL_RELOAD where Istio knows it: it refuses too, and starts a new VM",
            ),
        }
    }

    fn phase(&self, findings: &mut Findings) {
        let phase = self.spec.get("phase");
        if phase.as_ref().and_then(|phase| phase.text()) == Some("AUTHN") {
            return;
        }
        findings.add(
            rules::PHASE,
            phase.as_ref().unwrap_or(&self.spec),
            "the filter runs behind Istio's own authentication and authorization, whose policies then see identity \
             headers that the client wrote",
            "set phase: AUTHN",
        );
    }

    fn configuration(&self, findings: &mut Findings) -> Option<(Config, Place<'a>)> {
        let Some(place) = self.wasm.get("pluginConfig") else {
            findings.add(
                rules::CONFIG_MISSING,
                &self.wasm,
                "the filter has no configuration, and refuses to start",
                "give it as an object under pluginConfig",
            );
            return None;
        };
        let config = plugin::check(findings, &Origin(place.clone()), &place.to_json())?;
        Some((config, place))
    }
}
