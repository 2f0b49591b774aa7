//! A request that its caller's rights decide: what it asks for, while nobody has decided. It has no reason yet.

use std::sync::Arc;

use crate::catalog::{Isolation, Needs, Operation};
use crate::decision::{Decision, Reason};
use crate::lookup::LookupFailure;
use crate::permission::Permission;
use crate::target::Files;
use crate::terms::Terms;

/// A request inside a mount that carries a credential.
#[derive(Debug, Clone)]
pub struct Pending {
    /// The mount it came in by.
    pub mount: Arc<str>,
    /// The workspace that it is for; `None` where there are none.
    pub workspace: Option<Box<InWorkspace>>,
    /// What it asks for.
    pub asks: Asks,
    /// What is in force for it.
    pub terms: Terms,
}

/// The workspace that a request is for.
#[derive(Debug, Clone)]
pub struct InWorkspace {
    /// Its name.
    pub name: Arc<str>,
    /// That of requests that name none.
    pub default: Arc<str>,
    /// Whether the request names it; else it is the default, and a key that is pinned to another selects that one.
    pub is_named: bool,
    /// Whose files it names, of an operation on files.
    pub files: Files,
}

impl InWorkspace {
    /// The workspace that MLflow is told when the request is let through. It answers 404 in one that does not exist: so
    /// what is the same in all of them (`is_shared`) is asked for in the default one, unless the caller has rights in the
    /// one that the request names.
    pub fn told(&self, is_shared: bool, has_rights: impl FnOnce() -> bool) -> Arc<str> {
        Arc::clone(if is_shared && !has_rights() {
            &self.default
        } else {
            &self.name
        })
    }

    /// The name, if the request stays within the workspace: what is said of a workspace holds of no other request that
    /// names it.
    pub fn keeps(&self, operation: Option<&Operation>) -> Option<&str> {
        let operation = operation?;
        let is_kept = match operation.isolation {
            Isolation::Rows => true,
            Isolation::Shared => operation.public.is_some() || operation.needs == Needs::Any,
            Isolation::Files => self.files.are_in(&self.name),
            Isolation::No | Isolation::List => false,
        };
        is_kept.then_some(&*self.name)
    }
}

/// What a request asks for.
#[derive(Debug, Clone, Copy)]
pub enum Asks {
    /// An operation of the catalog.
    Operation(&'static Operation),
    /// An endpoint that the catalog does not know, which needs this.
    Unknown(Permission),
    /// What its key may do: the filter answers.
    Whoami,
}

impl Pending {
    /// The denial of a request of whose caller nothing is known.
    pub(crate) fn denied(&self, reason: Reason) -> Decision {
        let (operation, required) = match self.asks {
            Asks::Operation(operation) => {
                let first = operation.required().next();
                (
                    Some(operation),
                    Some(first.unwrap_or(operation.own_permission())),
                )
            }
            Asks::Unknown(required) => (None, Some(required)),
            Asks::Whoami => (None, None),
        };
        Decision {
            mount: Some(Arc::clone(&self.mount)),
            workspace: self.workspace.as_ref().map(|it| Arc::clone(&it.name)),
            operation,
            required,
            terms: self.terms,
            ..Decision::new(reason)
        }
    }

    /// The denial of a request whose caller could not be looked up. `usual` is after how many seconds a caller may ask
    /// again unless the auth service said otherwise.
    pub fn not_known(&self, failure: LookupFailure, usual: u64) -> Decision {
        Decision {
            retry_after: failure.retry_after(usual),
            ..self.denied(failure.reason())
        }
    }
}
