//! What is counted, under which names.
//!
//! Labels go into the name as `label=.=value;.;`, from where Envoy's `stats_tags` take them out again
//! (Envoy doc: "Tag extraction"). The engine says what changed; a shell defines and changes the metric.

#[cfg(test)]
mod tests;

use crate::catalog::Operation;
use crate::decision::Reason;
use crate::policy::Permission;

/// A metric with its labels.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Metric {
    /// Counter: decisions by reason, object and access.
    Decisions {
        /// Why.
        reason: Reason,
        /// `object` label; `none` where the request had none.
        object: &'static str,
        /// `access` label.
        access: &'static str,
    },
    /// Counter: denials by operation, reason and the permission that was needed.
    Denials {
        /// Its name; `unknown` where the catalog has none.
        operation: &'static str,
        /// Why.
        reason: Reason,
        /// `permission` label, of the catalog's own; `none` where what is asked is not known.
        permission: Option<Permission>,
    },
    /// Counter: how a key was looked up. `hit` and `refusal` in the VM's own cache, `shared` and
    /// `shared_refusal` in what VMs share, `joined` another request's question, `stale`, `miss`.
    CacheLookups(&'static str),
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
    /// Gauge: percent of callers for whom denials are answered.
    Enforcing,
    /// Gauge: VMs that run this version of the module.
    BuildInfo,
    /// Gauge: VMs that run the configuration with this hash.
    ConfigInfo([u8; 4]),
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
            | Self::Enforcing
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
                reason,
                object,
                access,
            } => {
                let decision = if reason.denial().is_none() {
                    "allow"
                } else {
                    "deny"
                };
                labelled(
                    "decisions",
                    &[
                        ("decision", decision),
                        ("reason", reason.as_str()),
                        ("object", object),
                        ("access", access),
                    ],
                )
            }
            Self::Denials {
                operation,
                reason,
                permission,
            } => {
                let permission = permission.map_or_else(|| "none".to_owned(), |it| it.to_string());
                labelled(
                    "denials",
                    &[
                        ("operation", operation),
                        ("reason", reason.as_str()),
                        ("permission", &permission),
                    ],
                )
            }
            Self::CacheLookups(result) => labelled("cache_lookups", &[("result", result)]),
            Self::StaleServed => labelled("stale_served", &[]),
            Self::OpenCircuits => labelled("open_circuits", &[]),
            Self::RevocationPolls(outcome) => labelled("revocation_polls", &[("outcome", outcome)]),
            Self::RevokedPrincipals => labelled("revoked_principals", &[]),
            Self::Callouts(outcome) => labelled("callouts", &[("outcome", outcome)]),
            Self::CalloutMilliseconds => labelled("callout_ms", &[]),
            Self::AuthServiceMisconfigured => labelled("auth_service_misconfigured", &[]),
            Self::CacheEntries => labelled("cache_entries", &[]),
            Self::Enforcing => labelled("enforcing", &[]),
            Self::BuildInfo => labelled("build_info", &[("version", env!("CARGO_PKG_VERSION"))]),
            Self::ConfigInfo(hash) => labelled(
                "config_info",
                &[("hash", &format!("{:08x}", u32::from_be_bytes(*hash)))],
            ),
        }
    }

    pub(crate) fn decision(reason: Reason, operation: Option<&'static Operation>) -> Self {
        let object = operation.map_or("none", |operation| operation.object.as_str());
        let access = operation.map_or("none", |operation| operation.access.as_str());
        Self::Decisions {
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
