//! One way that requests can take.

use std::time::Duration;

use super::super::place::Place;
use super::endpoint::Endpoint;
use super::object::Object;
use super::path::{PathRule, Rewrite};

/// One match of one route, at one entry.
#[derive(Debug, Clone)]
pub struct Way<'a> {
    /// The match, or what stands for it.
    pub place: Place<'a>,
    pub entry: Entry<'a>,
    pub layer: Layer,
    /// Names that clients call, also `*.example`; none is any.
    pub hosts: Vec<String>,
    pub path: PathRule<'a>,
    pub rewrite: Rewrite<'a>,
    /// Where the case of the path is ignored.
    pub any_case: Option<Place<'a>>,
    /// Whether more than the path decides.
    pub conditional: bool,
    /// Routes before it in the same list, which are tried first.
    pub before: Vec<PathRule<'a>>,
    pub destinations: Vec<Destination<'a>>,
    pub settings: Settings<'a>,
}

/// Where a way ends.
#[derive(Debug, Clone)]
pub struct Destination<'a> {
    pub place: Place<'a>,
    /// Everything that the server is known as.
    pub known_as: Vec<Endpoint>,
    /// A copy of the request goes there.
    pub is_mirror: bool,
}

/// What a route does beside forwarding.
#[derive(Debug, Clone, Default)]
pub struct Settings<'a> {
    /// Headers that it writes, each with its place.
    pub writes: Vec<(Place<'a>, &'a str)>,
    /// Headers that it removes after the filter has run, each with its place.
    pub removes: Vec<(Place<'a>, &'a str)>,
    /// Headers that it chooses by.
    pub chooses_by: Vec<(Place<'a>, &'a str)>,
    /// Where it says that requests are repeated, or does not say that they are not.
    pub retries: Option<Place<'a>>,
    /// What ends uploads of models early, in words.
    pub time_limit: Option<(Place<'a>, String)>,
    /// A listener without TLS on which requests come in.
    pub plain: Option<Place<'a>>,
    /// What is not known of it.
    pub unproven: Vec<(Place<'a>, String)>,
}

/// A timeout of a route, where it ends requests before a model is uploaded: within less than an hour.
pub fn time_limit(timeout: Place<'_>) -> Option<(Place<'_>, String)> {
    const LONG: Duration = Duration::from_secs(3600);
    let text = timeout.text()?;
    let time = humantime::parse_duration(text).ok()?;
    let is_short = !time.is_zero() && time < LONG;
    is_short.then(|| (timeout.clone(), format!("a request ends after {text}")))
}

/// Whether HTTP filters run at all.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Layer {
    Http,
    /// What forwards connections, or goes past the gateway.
    Without(&'static str),
}

/// Where requests come in.
#[derive(Debug, Clone)]
pub enum Entry<'a> {
    /// An Istio `Gateway`, where it was given.
    Gateway {
        namespace: String,
        name: String,
        object: Option<Object<'a>>,
    },
    /// The sidecars of the mesh.
    Mesh,
    /// A listener of a `Gateway` of the Gateway API.
    Listener(Listener<'a>),
    /// A way past every gateway.
    Around,
}

/// A route of the Gateway API at a gateway.
#[derive(Debug, Clone)]
pub struct Listener<'a> {
    pub namespace: String,
    pub gateway: String,
    /// The listener's name, where it is known.
    pub section: Option<&'a str>,
    pub route: Object<'a>,
    /// The name of the route's rule.
    pub rule: Option<&'a str>,
}

impl Entry<'_> {
    /// What messages call it.
    pub fn title(&self) -> String {
        match self {
            Self::Gateway {
                namespace, name, ..
            } => format!("Gateway {namespace}/{name}"),
            Self::Mesh => "the sidecars (gateway `mesh`)".to_owned(),
            Self::Listener(listener) => match listener.section {
                Some(section) => format!(
                    "Gateway {}/{}, listener {section}",
                    listener.namespace, listener.gateway
                ),
                None => format!("Gateway {}/{}", listener.namespace, listener.gateway),
            },
            Self::Around => "a way past the gateway".to_owned(),
        }
    }
}
