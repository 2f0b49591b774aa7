//! What is counted, under which names.
//!
//! Labels go into the name as `label=.=value;.;`, from where Envoy's `stats_tags` take them out again
//! (Envoy doc: "Tag extraction"). The engine says what changed; a shell defines and changes the metric.

#[cfg(test)]
mod tests;

use crate::catalog::{Access, COVERS, Operation};
use crate::decision::{Effect, Reason};
use crate::permission::Permission;
use crate::principal::IdentitySource;

/// A metric with its labels.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Metric {
    /// Counter: decisions by reason, object and access.
    Decisions {
        /// What became of the request.
        effect: Effect,
        /// Why.
        reason: Reason,
        /// `object` label; `none` where the request had none.
        object: &'static str,
        /// `access` label.
        access: &'static str,
    },
    /// Counter: denials.
    Denials(Denied),
    /// Counter: denials in shadow: requests let through that would be denied if denials were enforced for them.
    ShadowDenials(Denied),
    /// Counter: how a key was looked up. `hit` and `refusal` in the VM's own cache, `shared` and
    /// `shared_refusal` in what VMs share, `joined` another request's question, `stale`, `miss`.
    CacheLookups(&'static str),
    /// Counter: how callers were identified by another source than the auth service.
    IdentityLookups {
        /// The source.
        identity: IdentitySource,
        /// What it said: `valid`, `expired`, `revoked`; of tokens also `unverified`, of certificates `not_listed`, of both
        /// `unreadable`; `host_failed`.
        result: &'static str,
    },
    /// Counter: decisions made with a principal past its time, because the auth service was unavailable.
    StaleServed,
    /// Gauge: VMs whose circuit to the auth service is open.
    OpenCircuits,
    /// Counter: polls for revoked keys by outcome.
    RevocationPolls(&'static str),
    /// Counter: principals forgotten because their key was revoked.
    RevokedPrincipals,
    /// Counter: callouts by outcome.
    Callouts(&'static str),
    /// Histogram: how long callouts took, in milliseconds.
    CalloutMilliseconds,
    /// Counter: replies that an operator must look at: outside the contract, or never sent.
    AuthServiceMisconfigured,
    /// Gauge: principals kept by all VMs together.
    CacheEntries,
    /// Gauge: percent of an access's operations times callers for which denials are answered.
    Enforcing(Access),
    /// Gauge: VMs that run this version of the module.
    BuildInfo,
    /// Gauge: VMs that run the configuration with this hash.
    ConfigInfo([u8; 4]),
}

/// What was denied.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Denied {
    /// The operation's name; `unknown` where the catalog has none.
    pub operation: &'static str,
    /// Why.
    pub reason: Reason,
    /// What it needs, of the catalog's own; `none` where what is asked is not known.
    pub permission: Option<Permission>,
}

impl Denied {
    fn labelled(&self, name: &str) -> String {
        let permission = self
            .permission
            .map_or_else(|| "none".to_owned(), |it| it.to_string());
        labelled(
            name,
            &[
                ("operation", self.operation),
                ("reason", self.reason.as_str()),
                ("permission", &permission),
            ],
        )
    }
}

/// How a metric behaves.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// Only grows.
    Counter,
    /// Goes up and down.
    Gauge,
    /// Holds a distribution.
    Histogram,
}

/// A change to a metric.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Change {
    /// Add to a counter or gauge. Gauges are shared by all VMs: they are changed by differences.
    Add(i64),
    /// Record a value.
    Record(u64),
}

impl Metric {
    /// How it behaves.
    pub const fn kind(&self) -> Kind {
        match self {
            Self::CacheEntries
            | Self::OpenCircuits
            | Self::Enforcing(_)
            | Self::BuildInfo
            | Self::ConfigInfo(_) => Kind::Gauge,
            Self::CalloutMilliseconds => Kind::Histogram,
            _ => Kind::Counter,
        }
    }

    /// The name with its labels.
    pub fn name(&self) -> String {
        match self {
            Self::Decisions {
                effect,
                reason,
                object,
                access,
            } => labelled(
                "decisions",
                &[
                    ("decision", effect.as_str()),
                    ("reason", reason.as_str()),
                    ("object", object),
                    ("access", access),
                ],
            ),
            Self::Denials(denied) => denied.labelled("denials"),
            Self::ShadowDenials(denied) => denied.labelled("shadow_denials"),
            Self::CacheLookups(result) => labelled("cache_lookups", &[("result", result)]),
            Self::IdentityLookups { identity, result } => labelled(
                "identity_lookups",
                &[("identity", identity.as_str()), ("result", result)],
            ),
            Self::StaleServed => labelled("stale_served", &[]),
            Self::OpenCircuits => labelled("open_circuits", &[]),
            Self::RevocationPolls(outcome) => labelled("revocation_polls", &[("outcome", outcome)]),
            Self::RevokedPrincipals => labelled("revoked_principals", &[]),
            Self::Callouts(outcome) => labelled("callouts", &[("outcome", outcome)]),
            Self::CalloutMilliseconds => labelled("callout_ms", &[]),
            Self::AuthServiceMisconfigured => labelled("auth_service_misconfigured", &[]),
            Self::CacheEntries => labelled("cache_entries", &[]),
            Self::Enforcing(access) => labelled("enforcing", &[("access", access.as_str())]),
            Self::BuildInfo => labelled(
                "build_info",
                &[("version", env!("CARGO_PKG_VERSION")), ("covers", COVERS)],
            ),
            Self::ConfigInfo(hash) => labelled(
                "config_info",
                &[("hash", &format!("{:08x}", u32::from_be_bytes(*hash)))],
            ),
        }
    }

    pub(crate) fn decision(
        effect: Effect,
        reason: Reason,
        operation: Option<&'static Operation>,
    ) -> Self {
        let object = operation.map_or("none", |operation| operation.object.as_str());
        let access = operation.map_or("none", |operation| operation.access.as_str());
        Self::Decisions {
            effect,
            reason,
            object,
            access,
        }
    }
}

fn labelled(name: &str, labels: &[(&str, &str)]) -> String {
    let mut full = format!("mlflow_authz_{name}");
    for (index, (label, value)) in labels.iter().enumerate() {
        full.push_str(if index == 0 { "." } else { "" });
        full.push_str(&format!("{label}=.={value};.;"));
    }
    full
}
