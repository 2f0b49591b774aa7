//! Instances of the filter: what an `envoy.extensions.wasm.v3.PluginConfig` says.

use mlflow_authz::Config;
use mlflow_authz::config::Bodies;

use super::super::finding::Findings;
use super::super::place::{Place, Spot};
use super::super::plugin::{self, Origin};
use super::super::rules;
use super::typed::Typed;
use super::{capabilities, fields};

/// One instance of the filter.
#[derive(Debug, Clone)]
pub struct Plugin<'a> {
    /// The `PluginConfig`.
    pub place: Place<'a>,
    /// What the filter is told, where it would take it.
    pub config: Option<Config>,
    /// Where that is written.
    origin: Option<Origin<'a>>,
}

const WASM: &str = "envoy.extensions.filters.http.wasm.v3.Wasm";

/// The filter's `PluginConfig`, if that is what an HTTP filter's typed configuration is.
pub fn of_filter<'a>(typed: &Typed<'a>) -> Option<Place<'a>> {
    let config = typed.is(WASM).then(|| typed.body.get("config"))??;
    is_ours(&config).then_some(config)
}

/// Whether a `PluginConfig` runs this module rather than another.
pub fn is_ours(config: &Place<'_>) -> bool {
    let says =
        |place: Option<Place<'_>>| place.and_then(|place| place.text()).is_some_and(names_us);
    let code = config.at(&["vm_config", "code"]);
    let code = |path: &[&str]| code.as_ref().and_then(|code| code.at(path));
    says(config.get("name"))
        || says(config.get("root_id"))
        || says(code(&["local", "filename"]))
        || says(code(&["remote", "http_uri", "uri"]))
        || config
            .at(&["configuration", "value"])
            .is_some_and(|value| holds_our_configuration(&value))
}

/// Whether a name, a file or an image is this module's.
pub fn names_us(text: &str) -> bool {
    text.contains("mlflow_authz") || text.contains("mlflow-authz")
}

/// Whether a value is, or is the text of, a plugin configuration.
pub fn holds_our_configuration(value: &Place<'_>) -> bool {
    let says = |name: &str| {
        let quoted = format!("\"{name}\"");
        value.get(name).is_some() || value.text().is_some_and(|text| text.contains(&quoted))
    };
    says("auth_service") || (says("mounts") && ["keys", "jwt", "mtls"].into_iter().any(says))
}

impl<'a> Plugin<'a> {
    /// Checks one instance by itself.
    pub fn check(findings: &mut Findings, place: Place<'a>) -> Self {
        fields::check(findings, &place, fields::PLUGIN);
        failure(findings, &place);
        capabilities::check(findings, &place);
        runtime(findings, &place);
        let origin = place.at(&["configuration", "value"]).map(Origin);
        let config = configuration(findings, &place);
        if let Some(config) = &config {
            let continues = place.is_true("allow_on_headers_stop_iteration");
            bodies(findings, &place, config, continues);
        }
        Self {
            place,
            config,
            origin,
        }
    }

    /// Where a field of the configuration is.
    pub fn field(&self, path: &[&str]) -> Spot {
        match &self.origin {
            Some(origin) => origin.field(path),
            None => self.place.spot(),
        }
    }
}

fn failure(findings: &mut Findings, place: &Place<'_>) {
    let policy = place.get("failure_policy");
    let opens = policy
        .as_ref()
        .filter(|policy| policy.is_word("FAIL_OPEN", 3))
        .cloned();
    let opens = opens.or_else(|| {
        place
            .is_true("fail_open")
            .then(|| place.get("fail_open"))
            .flatten()
    });
    if let Some(field) = opens {
        findings.add(
            rules::FAIL_OPEN,
            &field,
            "when the module crashes, every request passes without a decision",
            "set failure_policy to FAIL_RELOAD",
        );
    } else if !policy.is_some_and(|policy| policy.is_word("FAIL_RELOAD", 1)) {
        findings.add(
            rules::FAIL_RELOAD,
            place,
            "when the module crashes, that worker refuses every request until Envoy is restarted",
            "set failure_policy to FAIL_RELOAD: it refuses too, and starts a new VM within about a second",
        );
    }
}

/// Runtimes that run the module from its file.
const RUNTIMES: &[&str] = &[
    "",
    "envoy.wasm.runtime.v8",
    "envoy.wasm.runtime.wamr",
    "envoy.wasm.runtime.wasmtime",
];

fn runtime(findings: &mut Findings, place: &Place<'_>) {
    let Some(vm) = place.get("vm_config") else {
        return;
    };
    fields::check(findings, &vm, fields::VM);
    let Some(runtime) = vm.get("runtime") else {
        return;
    };
    if !runtime.text().is_some_and(|name| RUNTIMES.contains(&name)) {
        findings.add(
            rules::CANNOT_TELL,
            &runtime,
            "this runtime does not run the module's file, or check does not know it, so check cannot tell what decides \
             about requests",
            "set runtime: envoy.wasm.runtime.v8",
        );
    }
}

fn configuration(findings: &mut Findings, place: &Place<'_>) -> Option<Config> {
    let Some(any) = place.get("configuration") else {
        findings.add(
            rules::CONFIG_MISSING,
            place,
            "the filter has no configuration, and refuses to start",
            "give it under `configuration`, as JSON in a google.protobuf.StringValue",
        );
        return None;
    };
    let kind = any.text_of("@type").unwrap_or_default();
    let wrapped = any
        .get("value")
        .and_then(|value| Some((value.text()?, value)));
    match wrapped {
        Some((text, value)) if kind.ends_with("google.protobuf.StringValue") => {
            plugin::check(findings, &Origin(value), text)
        }
        Some((text, value)) if kind.ends_with("google.protobuf.BytesValue") => {
            let text = decoded(text).unwrap_or_default();
            plugin::check(findings, &Origin(value), &text)
        }
        _ => {
            findings.add(
                rules::CONFIG_TYPE,
                &any,
                "the filter reads JSON as text, and refuses everything else: a Struct reaches it as binary protobuf",
                "write \"@type\": type.googleapis.com/google.protobuf.StringValue, and the JSON as a text under `value`",
            );
            // What it says is checked all the same.
            let object = any.get("value").filter(Place::is_object)?;
            plugin::check(findings, &Origin(object.clone()), &object.to_json())
        }
    }
}

fn decoded(text: &str) -> Option<String> {
    use base64::Engine as _;
    let bytes = base64::engine::general_purpose::STANDARD
        .decode(text)
        .ok()?;
    String::from_utf8(bytes).ok()
}

/// What the filter is told of bodies, and whether the proxy gives it any.
pub fn bodies(findings: &mut Findings, place: &Place<'_>, config: &Config, continues: bool) {
    match (config.bodies, continues) {
        (Bodies::Inspect, false) => findings.add(
            rules::STOP_ITERATION_MISSING,
            place,
            "`bodies` is \"inspect\", but without allow_on_headers_stop_iteration no body comes while the filter waits \
             for it: each such request is refused after 5 s",
            "set allow_on_headers_stop_iteration to true on the Envoy filter, or bodies to \"ignore\"",
        ),
        (Bodies::Ignore, true) => findings.add(
            rules::STOP_ITERATION_UNNEEDED,
            &place.at_or_self(&["allow_on_headers_stop_iteration"]),
            "Envoy buffers a body while a key is being checked, and answers 413 past its buffer limit, but `bodies` is \
             \"ignore\"",
            "remove allow_on_headers_stop_iteration, or set bodies to \"inspect\"",
        ),
        _ => {}
    }
}
