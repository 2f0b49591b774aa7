//! Which clusters lead to MLflow: those of the routes below the filter's mounts, and every other cluster that shares an
//! endpoint with one of them.

use std::collections::BTreeSet;

use super::super::finding::Findings;
use super::super::place::Place;
use super::super::rules::{self, Rule};
use super::clusters::Clusters;
use super::endpoints::{Endpoint, Ends, Same};

/// Where something forwards to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Target<'a> {
    Cluster(&'a str),
    /// A request header names the cluster.
    Header,
    /// Something else does.
    Unknown(&'static str),
}

/// Whether that is MLflow.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Lead {
    /// It is; how to call it.
    Mlflow(String),
    /// The client says where its request goes.
    ClientChooses(String),
    /// Why `check` cannot tell.
    Unknown(String),
    Elsewhere,
}

impl Lead {
    /// Adds a finding where this is MLflow, or may be: `what` gets there, `how`.
    pub fn tell(
        &self,
        findings: &mut Findings,
        (rule, place): (Rule, &Place<'_>),
        what: &str,
        how: &str,
        remedy: &str,
    ) {
        let (rule, reached) = match self {
            Self::Mlflow(name) => (rule, format!("{what} reach {name}, where MLflow is,")),
            Self::ClientChooses(target) => {
                (rule, format!("{what} reach {target}, which may be MLflow,"))
            }
            Self::Unknown(why) => (
                rules::CANNOT_TELL,
                format!("{what} may reach MLflow ({why})"),
            ),
            Self::Elsewhere => return,
        };
        findings.add(rule, place, format!("{reached} {how}"), remedy);
    }

    /// Adds a finding where copies of requests get to MLflow.
    pub fn tell_mirror(&self, findings: &mut Findings, place: &Place<'_>) {
        let how = "and nothing decides about a copy: a write is executed twice";
        let at = (rules::AROUND_FILTER, place);
        self.tell(findings, at, "copies of requests", how, "remove the mirror");
    }
}

/// What the files say of where MLflow is.
pub struct Mlflow<'a, 'c> {
    names: BTreeSet<&'a str>,
    ends: Ends<'a>,
    clusters: &'c Clusters<'a>,
    /// Clusters that are called like MLflow and are not: those of auth services.
    namesakes: BTreeSet<String>,
}

impl<'a, 'c> Mlflow<'a, 'c> {
    /// MLflow is where these clusters lead.
    pub fn new(
        names: BTreeSet<&'a str>,
        clusters: &'c Clusters<'a>,
        namesakes: BTreeSet<String>,
    ) -> Self {
        let mut ends = Ends::default();
        for name in &names {
            ends.extend(clusters.ends(name));
        }
        Self {
            names,
            ends,
            clusters,
            namesakes,
        }
    }

    /// The clusters that the routes below the mounts name.
    pub fn names(&self) -> impl Iterator<Item = &'a str> {
        self.names.iter().copied()
    }

    /// Whether a target is MLflow.
    pub fn lead(&self, target: Target<'a>) -> Lead {
        match target {
            Target::Cluster(name) => self.cluster(name),
            Target::Header => Lead::ClientChooses("the cluster that a request header names".into()),
            Target::Unknown(why) => Lead::Unknown(why.into()),
        }
    }

    fn cluster(&self, name: &str) -> Lead {
        if self.names.contains(name) {
            return Lead::Mlflow(name.to_owned());
        }
        let ends = self.clusters.ends(name);
        if ends
            .members
            .iter()
            .any(|member| self.names.contains(member))
        {
            return Lead::Mlflow(name.to_owned());
        }
        match ends.same(&self.ends) {
            Same::Yes => return Lead::Mlflow(name.to_owned()),
            Same::Perhaps => {
                return Lead::Unknown(format!(
                    "an endpoint of cluster {name} may be MLflow's by another name"
                ));
            }
            Same::No => {}
        }
        if ends.chosen_by_client {
            return Lead::ClientChooses(format!(
                "the address that the client gives cluster {name}"
            ));
        }
        if let Some(why) = ends.unknown {
            return Lead::Unknown(format!("where cluster {name} leads is not known: {why}"));
        }
        if ends.known.is_empty() {
            return Lead::Elsewhere;
        }
        if let Some(why) = self.ends.unknown {
            return Lead::Unknown(format!(
                "where MLflow's cluster leads is not known ({why}), and cluster {name} may lead there too"
            ));
        }
        if self.is_called_so(name, &ends) {
            return Lead::Unknown(format!(
                "cluster {name} is called like MLflow, and no route below the mounts leads there"
            ));
        }
        Lead::Elsewhere
    }

    fn is_called_so(&self, name: &str, ends: &Ends<'_>) -> bool {
        let called = |text: &str| text.to_ascii_lowercase().contains("mlflow");
        let hosts = ends.known.iter().any(|endpoint| match endpoint {
            Endpoint::Socket { host, .. } => called(host),
            Endpoint::Pipe(name) | Endpoint::Internal(name) => called(name),
        });
        !self.namesakes.contains(name) && (called(name) || hosts)
    }
}
