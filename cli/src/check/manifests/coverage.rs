//! Whether an instance of the filter runs where a way comes in.

use std::collections::BTreeMap;

use mlflow_authz::Config;

use super::super::place::Place;
use super::object::{Object, labels};
use super::way::{Entry, Listener};

/// Istio's root namespace where the mesh does not say otherwise: what is there is for every namespace.
const ROOT_NAMESPACE: &str = "istio-system";
/// The label of pods that a control plane starts for a Gateway.
const GATEWAY_NAME: &str = "gateway.networking.k8s.io/gateway-name";

/// One instance of the filter.
#[derive(Debug)]
pub struct Instance<'a> {
    /// The manifest.
    pub object: Object<'a>,
    /// Its plugin configuration.
    pub place: Place<'a>,
    /// What it is told, where it would take it.
    pub config: Option<Config>,
    pub control: Control,
}

/// Which control plane reads the manifest.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Control {
    Istio,
    EnvoyGateway,
}

/// Whether it runs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Coverage {
    Runs,
    CannotTell(String),
    Absent(String),
}

impl Instance<'_> {
    /// Whether the instance runs for requests that come in there. `policies` are all `EnvoyExtensionPolicy`s.
    pub fn coverage(&self, entry: &Entry<'_>, policies: &[Object<'_>]) -> Coverage {
        match (self.control, entry) {
            (_, Entry::Around) => Coverage::Absent("no gateway is on this way".to_owned()),
            (Control::Istio, _) => self.under_istio(entry),
            (Control::EnvoyGateway, Entry::Listener(listener)) => {
                self.under_envoy_gateway(listener, policies)
            }
            (Control::EnvoyGateway, _) => Coverage::Absent(format!(
                "{} is for gateways of Envoy Gateway",
                self.object.title()
            )),
        }
    }

    fn under_istio(&self, entry: &Entry<'_>) -> Coverage {
        let targets = target_references(&self.object.spec);
        let ports = self.object.spec.list("match");
        let coverage = if targets.is_empty() {
            self.by_selector(entry)
        } else {
            self.by_target(entry, &targets)
        };
        match (coverage, ports.first()) {
            (Coverage::Runs, Some(place)) => narrowed(place),
            (coverage, _) => coverage,
        }
    }

    fn by_target(&self, entry: &Entry<'_>, targets: &[Place<'_>]) -> Coverage {
        let kinds: Vec<&str> = targets
            .iter()
            .filter_map(|target| target.text_of("kind"))
            .collect();
        if let Entry::Listener(listener) = entry {
            let named = targets.iter().any(|target| {
                target.text_of("kind") == Some("Gateway")
                    && target.text_of("name") == Some(&listener.gateway)
            });
            if named && self.object.namespace == listener.namespace {
                return Coverage::Runs;
            }
        }
        if kinds.iter().any(|kind| *kind != "Gateway") {
            return Coverage::CannotTell(format!(
                "{} is attached to a {}, and whether requests go through that waypoint is not said here",
                self.object.title(),
                kinds.join(", ")
            ));
        }
        Coverage::Absent(format!(
            "{} names other gateways in targetRefs",
            self.object.title()
        ))
    }

    fn by_selector(&self, entry: &Entry<'_>) -> Coverage {
        let title = self.object.title();
        let selector = self.object.spec.get("selector");
        let wanted = labels(
            selector
                .as_ref()
                .and_then(|selector| selector.get("matchLabels")),
        );
        let (namespace, pods): (&str, Option<BTreeMap<&str, &str>>) = match entry {
            Entry::Gateway {
                namespace, object, ..
            } => {
                let selector = object
                    .as_ref()
                    .map(|object| labels(object.spec.get("selector")));
                (namespace, selector)
            }
            Entry::Listener(listener) => {
                let pods = BTreeMap::from([(GATEWAY_NAME, listener.gateway.as_str())]);
                (&listener.namespace, Some(pods))
            }
            Entry::Mesh => {
                return if wanted.is_empty() && self.object.namespace == ROOT_NAMESPACE {
                    Coverage::Runs
                } else {
                    Coverage::Absent(format!("{title} is not for every sidecar"))
                };
            }
            Entry::Around => return Coverage::Absent("no gateway is on this way".to_owned()),
        };
        let everywhere = self.object.namespace == ROOT_NAMESPACE;
        if !wanted.is_empty() {
            let Some(pods) = pods.filter(|pods| !pods.is_empty()) else {
                return Coverage::CannotTell(format!(
                    "the labels of {}'s pods are not in the given files, and {title} selects by label",
                    entry.title()
                ));
            };
            let differs =
                |(name, value): (&&str, &&str)| pods.get(name).is_some_and(|other| other != value);
            if wanted.iter().any(differs) {
                return Coverage::Absent(format!(
                    "the selector of {title} does not match the pods of {}",
                    entry.title()
                ));
            }
            if wanted.keys().any(|name| !pods.contains_key(name)) {
                return Coverage::CannotTell(format!(
                    "the selector of {title} requires labels that {} does not set",
                    entry.title()
                ));
            }
        }
        if !everywhere && self.object.namespace != namespace {
            return Coverage::CannotTell(format!(
                "{title} is for pods of its own namespace, and {} is in {namespace}",
                entry.title()
            ));
        }
        Coverage::Runs
    }

    fn under_envoy_gateway(&self, listener: &Listener<'_>, policies: &[Object<'_>]) -> Coverage {
        let title = self.object.title();
        let own = match attachment(&self.object, listener) {
            Attachment::To(level) => level,
            Attachment::None => {
                return Coverage::Absent(format!("{title} targets other gateways and routes"));
            }
            Attachment::CannotTell => {
                return Coverage::CannotTell(format!(
                    "{title} selects its targets by label, or by a listener of a Gateway that was not given"
                ));
            }
        };
        for other in policies
            .iter()
            .filter(|other| !is_same(other, &self.object))
        {
            match attachment(other, listener) {
                Attachment::To(level) if level > own => {
                    return Coverage::Absent(format!(
                        "{} takes the place of {title} here",
                        other.title()
                    ));
                }
                Attachment::To(level) if level == own => {
                    return Coverage::CannotTell(format!(
                        "{} has the same target as {title}, and Envoy Gateway takes the older of the two",
                        other.title()
                    ));
                }
                Attachment::CannotTell => {
                    return Coverage::CannotTell(format!(
                        "{} selects its targets by label, and may take the place of {title}",
                        other.title()
                    ));
                }
                Attachment::To(_) | Attachment::None => {}
            }
        }
        Coverage::Runs
    }
}

fn is_same(a: &Object<'_>, b: &Object<'_>) -> bool {
    a.root.spot() == b.root.spot()
}

/// What Istio's `match` leaves of the requests that a gateway gets.
fn narrowed(place: &Place<'_>) -> Coverage {
    match place.text_of("mode") {
        Some("SERVER") => {
            Coverage::Absent("match.mode SERVER keeps the filter out of gateways".to_owned())
        }
        _ if place.get("ports").is_some() => {
            Coverage::CannotTell("the filter runs on the ports in `match` only".to_owned())
        }
        _ => Coverage::Runs,
    }
}

/// How closely a policy is attached to a route: the closest one counts, and takes the place of the others.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Level {
    Gateway,
    Listener,
    Route,
    Rule,
}

/// Whether a policy is for a route at a listener.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Attachment {
    To(Level),
    CannotTell,
    None,
}

/// Whether a policy of Envoy Gateway is for a route at a listener.
pub fn attachment(policy: &Object<'_>, listener: &Listener<'_>) -> Attachment {
    let mut best = Attachment::None;
    for target in target_references(&policy.spec) {
        let section = target.text_of("sectionName");
        let is = |namespace: &str, kind: &str, name: &str| {
            policy.namespace == namespace
                && target.text_of("kind") == Some(kind)
                && target.text_of("name") == Some(name)
        };
        let level = if is(&listener.namespace, "Gateway", &listener.gateway) {
            match (section, listener.section) {
                (None, _) => Level::Gateway,
                (Some(a), Some(b)) if a == b => Level::Listener,
                // Which listener the route is at is not in the given files.
                (Some(_), None) => return Attachment::CannotTell,
                _ => continue,
            }
        } else if is(
            listener.route.namespace,
            listener.route.kind,
            listener.route.name,
        ) {
            match (section, listener.rule) {
                (None, _) => Level::Route,
                (Some(a), Some(b)) if a == b => Level::Rule,
                _ => continue,
            }
        } else {
            continue;
        };
        best = match best {
            Attachment::To(other) => Attachment::To(other.max(level)),
            _ => Attachment::To(level),
        };
    }
    if best == Attachment::None && policy.spec.get("targetSelectors").is_some() {
        return Attachment::CannotTell;
    }
    best
}

/// `targetRefs`, or the older `targetRef`.
fn target_references<'a>(spec: &Place<'a>) -> Vec<Place<'a>> {
    spec.list("targetRefs")
        .into_iter()
        .chain(spec.get("targetRef"))
        .collect()
}
