//! Where clusters lead. MLflow is known by its endpoints, not by the name of a cluster.

use std::collections::BTreeSet;
use std::net::IpAddr;

use super::super::place::Place;
use super::typed::Typed;

/// One endpoint's address.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Endpoint<'a> {
    Socket {
        host: String,
        port: String,
    },
    Pipe(&'a str),
    /// A listener of this Envoy, by its name.
    Internal(&'a str),
}

/// What a file tells of where a cluster leads.
#[derive(Debug, Clone, Default)]
pub struct Ends<'a> {
    pub known: BTreeSet<Endpoint<'a>>,
    /// Other clusters that it is made of.
    pub members: Vec<&'a str>,
    /// Why that is not all.
    pub unknown: Option<&'static str>,
    /// Whether the request itself says where it goes.
    pub chosen_by_client: bool,
}

/// Whether two endpoints are one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Same {
    No,
    /// Two names, or a name and an address, that may be one host.
    Perhaps,
    Yes,
}

impl<'a> Endpoint<'a> {
    fn read(address: &Place<'a>) -> Option<Self> {
        if let Some(socket) = address.get("socket_address") {
            let port = socket.number_of("port_value");
            let port = port.map(|port| port.to_string());
            let named = || socket.text_of("named_port").map(str::to_owned);
            return Some(Self::Socket {
                host: host(socket.text_of("address")?),
                port: port.or_else(named).unwrap_or_default(),
            });
        }
        if let Some(pipe) = address.get("pipe") {
            return pipe.text_of("path").map(Self::Pipe);
        }
        let internal = address.get("envoy_internal_address")?;
        internal.text_of("server_listener_name").map(Self::Internal)
    }

    /// Compares without asking DNS.
    pub fn same(&self, other: &Self) -> Same {
        if self == other {
            return Same::Yes;
        }
        let (
            Self::Socket { host: a, port },
            Self::Socket {
                host: b,
                port: other,
            },
        ) = (self, other)
        else {
            return Same::No;
        };
        let begins = |long: &str, short: &str| {
            long.strip_prefix(short)
                .is_some_and(|rest| rest.starts_with('.'))
        };
        let perhaps = match (is_address(a), is_address(b)) {
            (true, true) => false,
            (false, false) => begins(a, b) || begins(b, a),
            _ => true,
        };
        if perhaps && port == other {
            Same::Perhaps
        } else {
            Same::No
        }
    }
}

const HERE: &str = "localhost";

fn is_address(host: &str) -> bool {
    host == HERE || host.parse::<IpAddr>().is_ok()
}

/// One spelling for each host; every name of this machine is one.
fn host(text: &str) -> String {
    let name = text.trim_end_matches('.').to_ascii_lowercase();
    let Ok(address) = name.parse::<IpAddr>() else {
        return name;
    };
    let address = address.to_canonical();
    if address.is_loopback() || address.is_unspecified() {
        return HERE.to_owned();
    }
    address.to_string()
}

impl<'a> Ends<'a> {
    /// Reads a cluster, with the assignments that EDS files hold.
    pub fn read(cluster: &Place<'a>, typed: &[Typed<'a>]) -> Self {
        let mut ends = Self::default();
        if let Some(custom) = cluster.get("cluster_type") {
            ends.custom(&custom);
        } else if let Some(kind) = cluster.get("type") {
            if kind.is_word("EDS", 3) {
                ends.discovered(cluster, typed);
            } else if kind.is_word("ORIGINAL_DST", 4) {
                ends.chosen_by_client = true;
            } else if !(kind.is_word("STATIC", 0)
                || kind.is_word("STRICT_DNS", 1)
                || kind.is_word("LOGICAL_DNS", 2))
            {
                ends.unknown = Some("check does not know its type");
            }
        }
        if let Some(assignment) = cluster.get("load_assignment") {
            ends.assigned(&assignment);
        }
        ends
    }

    fn custom(&mut self, custom: &Place<'a>) {
        let Some(typed) = Typed::of(custom) else {
            self.unknown = Some("check does not know its cluster_type");
            return;
        };
        if typed.is("envoy.extensions.clusters.aggregate.v3.ClusterConfig") {
            let members = typed.body.list("clusters");
            self.members
                .extend(members.iter().filter_map(|member| member.text()));
        } else if typed.is("envoy.extensions.clusters.dynamic_forward_proxy.v3.ClusterConfig") {
            self.chosen_by_client = true;
        } else if !typed.is("envoy.extensions.clusters.dns.v3.DnsCluster") {
            self.unknown = Some("check does not know its cluster_type");
        }
    }

    fn discovered(&mut self, cluster: &Place<'a>, typed: &[Typed<'a>]) {
        let service = cluster.at(&["eds_cluster_config", "service_name"]);
        let name = service
            .and_then(|name| name.text())
            .filter(|name| !name.is_empty())
            .or_else(|| cluster.text_of("name"));
        let assignments = typed.iter().filter(|typed| {
            typed.is("envoy.config.endpoint.v3.ClusterLoadAssignment")
                && typed.body.text_of("cluster_name") == name
        });
        let mut found = false;
        for assignment in assignments {
            found = true;
            self.assigned(&assignment.body);
        }
        if !found {
            self.unknown = Some("its endpoints come by EDS");
        }
    }

    fn assigned(&mut self, assignment: &Place<'a>) {
        for group in assignment.list("endpoints") {
            if group.get("leds_cluster_locality_config").is_some() {
                self.unknown = Some("its endpoints come by LEDS");
            }
            let mut endpoints = group.list("lb_endpoints");
            endpoints.extend(group.list_at(&["load_balancer_endpoints", "lb_endpoints"]));
            endpoints.iter().for_each(|entry| self.endpoint(entry));
        }
    }

    fn endpoint(&mut self, entry: &Place<'a>) {
        let address = entry.at(&["endpoint", "address"]);
        let Some(read) = address.as_ref().and_then(Endpoint::read) else {
            self.unknown = Some("check cannot read one of its endpoints");
            return;
        };
        let endpoint = entry.at_or_self(&["endpoint"]);
        // Envoy connects to the address; the name says which host that is.
        if let (Endpoint::Socket { port, .. }, Some(name)) = (&read, endpoint.text_of("hostname")) {
            self.known.insert(Endpoint::Socket {
                host: host(name),
                port: port.clone(),
            });
        }
        self.known.insert(read);
        for more in endpoint.list("additional_addresses") {
            let more = more
                .get("address")
                .and_then(|address| Endpoint::read(&address));
            self.known.extend(more);
        }
    }

    /// Adds another's.
    pub fn extend(&mut self, other: Self) {
        self.known.extend(other.known);
        self.members.extend(other.members);
        self.unknown = self.unknown.or(other.unknown);
        self.chosen_by_client |= other.chosen_by_client;
    }

    /// The likest pair of endpoints.
    pub fn same(&self, other: &Self) -> Same {
        let pairs = self
            .known
            .iter()
            .flat_map(|one| other.known.iter().map(|other| one.same(other)));
        pairs.max().unwrap_or(Same::No)
    }
}
