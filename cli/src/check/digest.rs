//! Which module is loaded: its digest says so, a tag can be moved.

use super::finding::Findings;
use super::place::Place;
use super::rules;

/// `url` and `sha256` of Istio's `WasmPlugin` and `TrafficExtension`.
pub fn of_istio(findings: &mut Findings, wasm: &Place<'_>) {
    let url = wasm.text_of("url").unwrap_or_default();
    let is_local = url.starts_with("file://");
    if !is_local && !url.contains("@sha256:") && wasm.get("sha256").is_none() {
        missing(findings, wasm);
    }
}

/// `code` of a module in an `EnvoyExtensionPolicy`.
pub fn of_envoy_gateway(findings: &mut Findings, module: &Place<'_>) {
    let Some(code) = module.get("code") else {
        return;
    };
    let sources = ["image", "http"]
        .iter()
        .filter_map(|source| code.get(source));
    for source in sources {
        let is_named = source
            .text_of("url")
            .is_some_and(|url| url.contains("@sha256:"));
        if !is_named && source.get("sha256").is_none() {
            missing(findings, &source);
        }
    }
}

fn missing(findings: &mut Findings, place: &Place<'_>) {
    findings.add(
        rules::DIGEST_MISSING,
        place,
        "the module is named without a digest: whoever can write to the registry decides what runs here",
        "set sha256 to the digest that scripts/package prints",
    );
}
