//! Whether a principal may do what a request asks: the only place that allows.
//!
//! Unrestricted scopes and roles decide first. Where only grants limited to names could, the request must name what it
//! acts on, perhaps in its body. Pure: it reads no clock and no cache, and asks nobody.

use std::sync::Arc;

use crate::catalog::{Access, Isolation, Operation};
use crate::decision::{Decision, Reason};
use crate::lookup::Known;
use crate::names::body::announced_length;
use crate::names::{self, Demand, Located, Place, Unclear};
use crate::pending::{Asks, Pending};
use crate::permission::Permission;
use crate::policy::{Policy, Rights, Within};
use crate::request::RequestHead;

/// What a principal's rights make of a request.
#[derive(Debug)]
pub enum Authorized {
    /// The decision.
    Decided(Decision),
    /// A grant limited to names decides, and the name is in the body.
    NeedsBody,
}

/// Where a request names what it acts on. Nothing is read of it unless a grant limited to names decides.
#[derive(Debug, Clone, Copy)]
pub struct Objects<'a> {
    /// The request's head.
    pub head: &'a RequestHead<'a>,
    /// The request's body.
    pub body: Body<'a>,
    /// The most bytes of a body that are looked at.
    pub body_limit: usize,
}

/// What is known of a request's body.
#[derive(Debug, Clone, Copy)]
pub enum Body<'a> {
    /// It is read for no request.
    Ignored,
    /// It can be read.
    Unread,
    /// It has come: whole, or more than the limit of it.
    Read(&'a [u8]),
    /// It was waited for in vain.
    Missing,
}

/// Decides whether `known` may do what `pending` asks, by the scope tables that are in force for it.
pub fn authorize(
    policy: &Policy,
    pending: &Pending,
    known: &Known,
    objects: &Objects<'_>,
) -> Authorized {
    let allows = |is_granted| {
        if is_granted {
            Reason::Allowed
        } else {
            Reason::OperationUnknown
        }
    };
    let reason = match pending.asks {
        Asks::Whoami => Reason::Whoami,
        Asks::Unknown(required) => allows(policy.grants(&known.principal, required)),
        Asks::Operation(operation) => {
            let within = pending.workspace.as_ref().map(|workspace| {
                let are_own = workspace.files.are_in(&workspace.name);
                Within::of(operation, &workspace.name, are_own)
            });
            let within = within.unwrap_or(Within::Everywhere);
            let rights = policy.rights(&known.principal, within);
            match rights.missing(operation) {
                None => {
                    let is_shared = operation.isolation == Isolation::Shared;
                    let told = pending.workspace.as_ref().map(|it| {
                        let here = || rights.elsewhere(Within::Workspace(&it.name)).holds_any();
                        it.told(is_shared, here)
                    });
                    return Authorized::Decided(Decision {
                        workspace: told,
                        ..decision(pending, known, Reason::Allowed)
                    });
                }
                Some(missing) => {
                    let case = Case {
                        rights,
                        pending,
                        known,
                        operation,
                        missing,
                    };
                    return case.decide(objects);
                }
            }
        }
    };
    Authorized::Decided(decision(pending, known, reason))
}

fn decision(pending: &Pending, known: &Known, reason: Reason) -> Decision {
    Decision {
        principal: Some(Arc::clone(&known.principal)),
        identity: Some(known.identity),
        stale: known.stale,
        ..pending.denied(reason)
    }
}

/// A request for which the principal lacks a permission on every object.
struct Case<'a> {
    rights: Rights<'a>,
    pending: &'a Pending,
    known: &'a Known,
    operation: &'static Operation,
    missing: Permission,
}

impl Case<'_> {
    fn decide(&self, objects: &Objects<'_>) -> Authorized {
        if self.pending.workspace.is_none() {
            return self.by_names(objects);
        }
        if self.rights.belongs_nowhere() {
            match self.rights.within {
                Within::Workspace(_) => return self.decided(Reason::WorkspaceNotGranted),
                Within::Everywhere => {
                    return self.refused(Reason::ScopeMissing, &self.why_unlimited());
                }
                Within::Matching(_) | Within::Somewhere => {}
            }
        }
        let limits = self.rights.workspaces();
        if self.operation.isolation == Isolation::List && !limits.is_empty() {
            return self.decided(Reason::WorkspacesListed);
        }
        let holds = |rights: Rights<'_>| {
            rights.grants(self.missing) || !rights.name_patterns(self.missing, false).is_empty()
        };
        let is_inside = matches!(self.rights.within, Within::Workspace(_));
        let holds_elsewhere = || holds(self.rights.elsewhere(Within::Somewhere));
        let is_outside = || is_inside && !self.rights.holds_any();
        // A limit to workspaces is what denies it: one that does not cover this one, or any at all where MLflow keeps none
        // apart.
        if !limits.is_empty() && !holds(self.rights) && (holds_elsewhere() || is_outside()) {
            return if is_inside {
                self.decided(Reason::WorkspaceNotGranted)
            } else {
                self.refused(Reason::ScopeMissing, &self.why_unlimited())
            };
        }
        self.by_names(objects)
    }

    fn why_unlimited(&self) -> Unclear {
        Unclear::new(if self.operation.isolation == Isolation::Files {
            "without a limit to workspaces, because the path does not stay within the files of the workspace"
        } else {
            "without a limit to workspaces, because MLflow does not keep them apart in this operation"
        })
    }

    fn by_names(&self, objects: &Objects<'_>) -> Authorized {
        if !self.has_grants(false) {
            return self.decided(Reason::ScopeMissing);
        }
        let place = Place {
            mount: &self.pending.mount,
            has_workspaces: self.pending.workspace.is_some(),
        };
        let located = names::locate(self.operation, self.missing, place, objects.head);
        match located {
            Err(unclear) => self.refused(Reason::BodyAmbiguous, &unclear),
            Ok(Located::Nowhere) => self.refused(
                Reason::ScopeMissing,
                &Unclear::new("unrestricted, because this request names no model or experiment"),
            ),
            Ok(Located::Everywhere) if self.has_grants(true) => self.decided(Reason::Allowed),
            Ok(Located::Everywhere) => self.refused(
                Reason::ScopeMissing,
                &Unclear::new(
                    "unrestricted, because the caller's scopes limited to names may not search",
                ),
            ),
            Ok(Located::Here(demands)) => self.weigh(&demands),
            Ok(Located::InBody) => self.by_body(objects),
        }
    }

    fn by_body(&self, objects: &Objects<'_>) -> Authorized {
        let unavailable = |why: &str| self.refused(Reason::BodyUnavailable, &Unclear::new(why));
        let limit = objects.body_limit;
        let announced = announced_length(objects.head).ok().flatten();
        let is_announced_too_large = announced.is_some_and(|length| length > limit as u64);
        let body = match objects.body {
            Body::Ignored => {
                return unavailable(
                    "the caller is limited to names, and this server does not read the body that holds the name",
                );
            }
            Body::Missing => return unavailable("the body that holds the name did not come"),
            Body::Unread | Body::Read(_) if is_announced_too_large => {
                return self.decided(Reason::BodyTooLarge);
            }
            Body::Unread => return Authorized::NeedsBody,
            Body::Read(body) if body.len() > limit => return self.decided(Reason::BodyTooLarge),
            Body::Read(body) => body,
        };
        match names::read_body(self.operation, self.missing, objects.head, body) {
            Ok(demands) => self.weigh(&demands),
            Err(unclear) => self.refused(Reason::BodyAmbiguous, &unclear),
        }
    }

    /// Whether some grant limited to names could decide.
    fn has_grants(&self, searching: bool) -> bool {
        !self
            .rights
            .name_patterns(self.missing, searching)
            .is_empty()
    }

    fn weigh(&self, demands: &[Demand]) -> Authorized {
        let unmet = demands.iter().find(|demand| !self.rights.meets(demand));
        if let Some(Demand {
            permission,
            name: None,
        }) = unmet
        {
            // Files, a run or a logged model that the request names by what no pattern can be held against.
            let case = Case {
                missing: *permission,
                ..*self
            };
            let unclear = Unclear::new(if permission.access == Some(Access::Delete) {
                "unrestricted, because no name covers all that this path may delete"
            } else {
                "unrestricted, because its source has no name that a pattern could match"
            });
            return case.refused(Reason::ScopeMissing, &unclear);
        }
        let shown = unmet
            .or(demands.first())
            .and_then(|demand| demand.name.as_ref());
        let name = shown.map(|name| match &name.alias {
            Some(alias) => format!("{}@{alias}", name.text).into(),
            None => name.text.as_str().into(),
        });
        let (reason, required) = match unmet {
            Some(demand) => (Reason::NameNotGranted, demand.permission),
            None => (Reason::Allowed, self.missing),
        };
        Authorized::Decided(Decision {
            name,
            required: Some(required),
            ..self.decision(reason)
        })
    }

    fn decided(&self, reason: Reason) -> Authorized {
        Authorized::Decided(self.decision(reason))
    }

    fn refused(&self, reason: Reason, unclear: &Unclear) -> Authorized {
        Authorized::Decided(Decision {
            unclear: Some(unclear.to_string().into()),
            ..self.decision(reason)
        })
    }

    fn decision(&self, reason: Reason) -> Decision {
        Decision {
            required: Some(self.missing),
            ..decision(self.pending, self.known, reason)
        }
    }
}
