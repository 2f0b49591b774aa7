//! Policies of Envoy Gateway beside the filter's: what they do to requests for MLflow.

use super::super::finding::Findings;
use super::super::input::Document;
use super::super::manifests::coverage::{Attachment, attachment};
use super::super::manifests::object::{Object, of_kinds};
use super::super::manifests::way::{Entry, Listener, Way, time_limit};
use super::super::patches;
use super::super::place::Place;
use super::super::rules;
use super::{filters, proxies};

/// The policies that change requests.
pub struct Policies<'a> {
    security: Vec<Object<'a>>,
    clients: Vec<Object<'a>>,
    traffic: Vec<Object<'a>>,
    extensions: Vec<Object<'a>>,
    proxies: Vec<Object<'a>>,
}

impl<'a> Policies<'a> {
    /// Reads what was given.
    pub fn read(documents: &[Document<'a>]) -> Self {
        Self {
            security: of_kinds(documents, &["SecurityPolicy"]),
            clients: of_kinds(documents, &["ClientTrafficPolicy"]),
            traffic: of_kinds(documents, &["BackendTrafficPolicy"]),
            extensions: of_kinds(documents, &["EnvoyExtensionPolicy"]),
            proxies: of_kinds(documents, &["EnvoyProxy"]),
        }
    }

    /// Whether Envoy Gateway is what reads these manifests.
    fn is_envoy_gateway(&self) -> bool {
        !(self.extensions.is_empty()
            && self.clients.is_empty()
            && self.traffic.is_empty()
            && self.proxies.is_empty())
    }

    /// Adds to each way what the policies for it do.
    pub fn apply(&self, ways: &mut [Way<'a>]) {
        for way in ways {
            let Entry::Listener(listener) = &way.entry else {
                continue;
            };
            let settings = &mut way.settings;
            for policy in of(&self.security, listener) {
                settings.writes.extend(identity_of(&policy.spec));
            }
            for policy in of(&self.clients, listener) {
                let early = policy.spec.at(&["headers", "earlyRequestHeaders"]);
                settings
                    .writes
                    .extend(early.iter().flat_map(filters::writes));
            }
            for policy in of(&self.extensions, listener) {
                settings.unproven.extend(other_extensions(policy));
            }
            let mut limits = false;
            for policy in of(&self.traffic, listener) {
                traffic(policy, settings, &mut limits);
            }
            let says =
                listener_rule(way).is_some_and(|rule| rule.at(&["timeouts", "request"]).is_some());
            if self.is_envoy_gateway() && !says && !limits && way.settings.time_limit.is_none() {
                way.settings.time_limit = Some((
                    way.place.clone(),
                    "a request ends after 15 s, Envoy's default".to_owned(),
                ));
            }
        }
    }
}

/// The rule that a way was made of.
fn listener_rule<'a>(way: &Way<'a>) -> Option<Place<'a>> {
    let Entry::Listener(listener) = &way.entry else {
        return None;
    };
    let mut rules = listener.route.spec.list("rules").into_iter();
    rules.find(|rule| way.place.is_below(rule))
}

fn of<'p, 'a>(policies: &'p [Object<'a>], listener: &Listener<'_>) -> Vec<&'p Object<'a>> {
    let is_for = |policy: &&Object<'_>| attachment(policy, listener) != Attachment::None;
    policies.iter().filter(is_for).collect()
}

/// Headers that authentication before the filter writes.
fn identity_of<'a>(spec: &Place<'a>) -> Vec<(Place<'a>, &'a str)> {
    let mut written = Vec::new();
    for provider in spec.list_at(&["jwt", "providers"]) {
        for claim in provider.list("claimToHeaders") {
            written.extend(
                claim
                    .text_of("header")
                    .map(|header| (claim.clone(), header)),
            );
        }
    }
    for kind in ["http", "grpc"] {
        let to_backend = spec.list_at(&["extAuth", kind, "headersToBackend"]);
        written.extend(
            to_backend
                .into_iter()
                .filter_map(|it| Some((it.clone(), it.text()?))),
        );
    }
    for path in [
        ["basicAuth", "forwardUsernameHeader"],
        ["apiKeyAuth", "forwardClientIDHeader"],
    ] {
        written.extend(
            spec.at(&path)
                .and_then(|place| Some((place.clone(), place.text()?))),
        );
    }
    if let Some(oidc) = spec
        .get("oidc")
        .filter(|oidc| oidc.is_true("forwardAccessToken"))
    {
        written.push((oidc, "Authorization"));
    }
    written
}

/// Other code that runs on the same requests.
fn other_extensions<'a>(policy: &Object<'a>) -> Vec<(Place<'a>, String)> {
    let lists = ["lua", "extProc", "wasm"];
    let all = lists.iter().flat_map(|list| {
        policy
            .spec
            .list(list)
            .into_iter()
            .map(move |place| (*list, place))
    });
    let others = all.filter(|(list, place)| *list != "wasm" || !super::is_ours(place));
    others
        .map(|(list, place)| {
            (
                place,
                format!("{list} code runs on the same requests, and can change path and headers"),
            )
        })
        .collect()
}

fn traffic<'a>(
    policy: &Object<'a>,
    settings: &mut super::super::manifests::way::Settings<'a>,
    limits: &mut bool,
) {
    if settings.retries.is_none() {
        let retry = policy.spec.get("retry");
        let triggers = |retry: &Place<'a>| {
            let on = retry.get("retryOn");
            let codes = on
                .as_ref()
                .is_some_and(|on| on.get("httpStatusCodes").is_some());
            let triggers = on.map(|on| on.list("triggers")).unwrap_or_default();
            let unseen =
                |it: &Place<'_>| matches!(it.text(), Some("connect-failure" | "refused-stream"));
            !codes && !triggers.is_empty() && triggers.iter().all(unseen)
        };
        let off = |retry: &Place<'a>| retry.number_of("numRetries") == Some(0) || triggers(retry);
        settings.retries = retry.filter(|retry| !off(retry));
    }
    if let Some(limit) = policy.spec.at(&["timeout", "http", "requestTimeout"]) {
        *limits = true;
        settings.time_limit = settings.time_limit.take().or_else(|| time_limit(limit));
    }
    for upgrade in policy.spec.list("httpUpgrade") {
        if upgrade
            .text_of("type")
            .is_some_and(|kind| kind.eq_ignore_ascii_case("connect"))
        {
            settings.unproven.push((
                upgrade,
                "CONNECT opens a connection that no HTTP filter reads".to_owned(),
            ));
        }
    }
    if let Some(buffer) = policy.spec.get("requestBuffer") {
        settings.time_limit.get_or_insert((
            buffer,
            "a request whose body is larger than the buffer gets 413".to_owned(),
        ));
    }
}

/// What no way is needed for: listeners, how clients are read, the order of filters, patches.
pub fn check(findings: &mut Findings, documents: &[Document<'_>]) {
    let policies = Policies::read(documents);
    for policy in &policies.clients {
        check_clients(findings, policy);
    }
    for proxy in &policies.proxies {
        proxies::check(findings, proxy);
    }
    for policy in of_kinds(documents, &["EnvoyPatchPolicy"]) {
        policy
            .spec
            .list("jsonPatches")
            .iter()
            .for_each(|patch| check_patch(findings, patch));
    }
    for set in of_kinds(documents, &["ListenerSet", "XListenerSet"]) {
        findings.add(
            rules::CANNOT_TELL,
            &set.root,
            "cannot tell whether the filter runs on listeners that are added to a Gateway from elsewhere",
            "write the listeners into the Gateway",
        );
    }
}

fn check_clients(findings: &mut Findings, policy: &Object<'_>) {
    let underscores = policy.spec.at(&["headers", "withUnderscoresAction"]);
    if let Some(place) = underscores.filter(|place| place.text() == Some("Allow")) {
        findings.add(
            rules::UNDERSCORE_HEADERS,
            &place,
            "MLflow's server reads x_user as x-user",
            "set RejectRequest",
        );
    }
    let merges_off = policy
        .spec
        .get("path")
        .filter(|path| path.is_true("disableMergeSlashes"));
    if let Some(place) = merges_off {
        findings.add(
            rules::PATH_NORMALIZATION,
            &place,
            "routes and the filter may read one path differently; the filter refuses a path with two readings",
            "remove disableMergeSlashes",
        );
    }
}

/// A patch that is not one of ours: `failure_policy: FAIL_RELOAD`, and what a virtual host counts.
fn check_patch(findings: &mut Findings, patch: &Place<'_>) {
    let Some(operation) = patch.get("operation") else {
        return;
    };
    let path = operation.text_of("path").unwrap_or_default();
    let value = operation.get("value");
    let is_true = |value: &Place<'_>| value.to_json() == "true";
    if let Some(place) = value.as_ref().and_then(patches::switches_off) {
        patches::around(findings, &place);
        return;
    }
    let switches = ["fail_open", "disabled"];
    if switches.iter().any(|name| path.ends_with(name)) && value.as_ref().is_some_and(is_true) {
        patches::around(findings, &operation);
        return;
    }
    let reloads = path.ends_with("failure_policy")
        && value.is_some_and(|it| it.text() == Some("FAIL_RELOAD"));
    // The list of them, and nothing inside another field.
    let only_counts = path.trim_start_matches('/') == "virtual_clusters";
    if !reloads && !only_counts {
        patches::unknown(findings, patch);
    }
}
