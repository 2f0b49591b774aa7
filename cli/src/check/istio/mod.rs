//! Rules about Istio's manifests: `WasmPlugin`, `TrafficExtension` (Istio 1.30) and, for the auth service's host,
//! `ServiceEntry` and `DestinationRule`. An `EnvoyFilter` holds Envoy's own configuration, see `envoy`.

mod auth_host;
mod proxy_settings;
mod route;
mod virtual_service;

use mlflow_authz::Config;

use super::digest;
use super::envoy::plugins::{bodies, holds_our_configuration, names_us};
use super::finding::Findings;
use super::input::Document;
use super::manifests::object::{Object, of_kinds};
use super::manifests::{Control, Directory, Instance, Way};
use super::place::Place;
use super::plugin::{self, Origin};
use super::rules;

pub use self::proxy_settings::check as check_settings;

/// Checks every manifest with the filter.
pub fn instances<'a>(findings: &mut Findings, documents: &[Document<'a>]) -> Vec<Instance<'a>> {
    let extensions = of_kinds(documents, &["WasmPlugin", "TrafficExtension"]);
    let ours = extensions
        .into_iter()
        .filter_map(Extension::read)
        .filter(Extension::is_ours);
    let check = |extension: Extension<'a>| {
        digest::of_istio(findings, &extension.wasm);
        extension.failure(findings);
        let place = extension.wasm.at_or_self(&["pluginConfig"]);
        let config = extension.configuration(findings);
        extension.phase(findings, config.as_ref());
        if let Some(config) = &config {
            bodies(findings, &place, config, false);
            auth_host::check(findings, documents, &place, config);
        }
        Instance {
            object: extension.object,
            place,
            config,
            control: Control::Istio,
        }
    };
    ours.map(check).collect()
}

/// Every way that `VirtualService`s make.
pub fn ways<'a>(documents: &[Document<'a>], directory: &Directory<'a>) -> Vec<Way<'a>> {
    virtual_service::read(documents, directory)
}

/// A Wasm module in a proxy.
struct Extension<'a> {
    object: Object<'a>,
    /// `spec` of a `WasmPlugin`, `spec.wasm` of a `TrafficExtension`.
    wasm: Place<'a>,
}

impl<'a> Extension<'a> {
    fn read(object: Object<'a>) -> Option<Self> {
        let wasm = match object.kind {
            "TrafficExtension" => object.spec.get("wasm")?,
            _ => object.spec.clone(),
        };
        Some(Self { object, wasm })
    }

    fn is_ours(&self) -> bool {
        let named = [
            self.wasm.get("url"),
            self.wasm.get("pluginName"),
            self.object.root.at(&["metadata", "name"]),
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
            .or_else(|| self.object.spec.get("failStrategy"));
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

    /// Istio verifies tokens between AUTHN and AUTHZ, and applies its own policies after AUTHZ.
    fn phase(&self, findings: &mut Findings, config: Option<&Config>) {
        let reads_claims = config.is_some_and(|config| config.jwt.is_some());
        let wanted = if reads_claims { "AUTHZ" } else { "AUTHN" };
        let place = self.object.spec.at_or_self(&["phase"]);
        match (place.text(), reads_claims) {
            (Some(phase), _) if phase == wanted => {}
            (Some("AUTHN"), _) => findings.add(
                rules::JWT_PHASE,
                &place,
                "the filter runs before Istio verifies tokens: it finds no claims, and refuses every token",
                "set phase: AUTHZ",
            ),
            _ => findings.add(
                rules::PHASE,
                &place,
                "the filter runs after Istio's own authentication and authorization, whose policies then see identity \
                 headers that the client wrote",
                format!("set phase: {wanted}"),
            ),
        }
    }

    fn configuration(&self, findings: &mut Findings) -> Option<Config> {
        let Some(place) = self.wasm.get("pluginConfig") else {
            findings.add(
                rules::CONFIG_MISSING,
                &self.wasm,
                "the filter has no configuration, and refuses to start",
                "give it as an object under pluginConfig",
            );
            return None;
        };
        plugin::check(findings, &Origin(place.clone()), &place.to_json())
    }
}
