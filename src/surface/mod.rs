//! What a request's head alone tells: host, mount, target, operation, credential, in this order.
//!
//! Pure: no clock, no cache, no principal. Of what the host knows beside the headers it reads what is configured. What no caller's rights decide is decided here: what lies outside, what is
//! public, what cannot be read in one way, what carries no usable key. Everything else is [`Pending`].

mod presented;
mod unknown;
mod workspaces;

use std::sync::Arc;

use http::Method;

use crate::authority;
use crate::catalog::{CATALOG, GRAPHQL, Isolation, Operation};
use crate::config::{GraphQl, Outside};
use crate::decision::{Decision, Reason};
use crate::enforcement::Subject;
use crate::names::query::Query;
use crate::overrides;
use crate::pending::{Asks, Pending};
use crate::principal::Principal;
use crate::request::RequestHead;
use crate::rules::Rules;
use crate::target::{self, Ambiguity, Target};
use crate::terms::Terms;
use crate::whoami;

pub use presented::Presented;

/// What the head tells.
#[derive(Debug)]
pub enum Surface<'a> {
    /// The decision: no caller's rights are needed for it.
    Decided(Decision),
    /// The caller's rights decide, and this says who the caller is.
    Pending(Pending, Presented<'a>),
}

/// What a caller makes of a request that names no workspace: a key that is pinned to one selects it, and the terms are
/// those of that workspace.
pub fn select_workspace(
    rules: &Rules,
    pending: &mut Pending,
    principal: &Principal,
    head: &RequestHead<'_>,
) {
    let (Some(selected), Some(pin)) = (&mut pending.workspace, &principal.workspace) else {
        return;
    };
    if selected.is_named || *selected.name == **pin {
        return;
    }
    selected.name = pin.as_str().into();
    let (operation, required) = match pending.asks {
        Asks::Operation(operation) => (Some(operation), Some(operation.own_permission())),
        Asks::Unknown(required) => (None, Some(required)),
        Asks::Whoami => return,
    };
    let subject = Subject {
        mount: Some(&pending.mount),
        workspace: selected.keeps(operation),
        operation,
        required,
    };
    pending.terms = rules.enforcement().terms(&subject, head);
}

/// Reads a request's head. `buffer` is where paths are decoded; it is used again from request to request.
pub fn read<'a>(rules: &Rules, head: &RequestHead<'a>, buffer: &mut Vec<u8>) -> Surface<'a> {
    let reader = Reader { rules, head };
    if reader.is_for_another_host() {
        return Surface::Decided(Decision::new(Reason::Outside));
    }
    match Target::parse_with(head.raw_target(), buffer) {
        Ok(target) => {
            let surface = reader.of_target(&target);
            if let Some(used) = target.into_buffer() {
                *buffer = used;
            }
            surface
        }
        Err(ambiguity) => Surface::Decided(reader.ambiguous(ambiguity)),
    }
}

/// One request under one configuration.
struct Reader<'r, 'h, 'a> {
    rules: &'r Rules,
    head: &'h RequestHead<'a>,
}

impl<'a> Reader<'_, '_, 'a> {
    /// Whether the request is certainly for a host that is not one of `hosts`. A target that is no path may name
    /// a host of its own.
    fn is_for_another_host(&self) -> bool {
        let Some(hosts) = &self.rules.config().hosts else {
            return false;
        };
        let is_ours = |host: &str| hosts.iter().any(|pattern| pattern.matches(host));
        self.head.raw_target().starts_with(b"/")
            && authority::host_of(self.head).is_some_and(|host| !is_ours(&host))
    }

    fn of_target(&self, target: &Target<'a>) -> Surface<'a> {
        let mounts = self.rules.mounts().iter();
        let below = mounts
            .map(|mount| (mount, target::below_mount(&target.path, mount)))
            .find_map(|(mount, path)| Some((mount, path?)));
        let Some((mount, path)) = below else {
            return Surface::Decided(if target.path.contains(';') {
                self.ambiguous(Ambiguity::Parameter)
            } else {
                self.outside(None)
            });
        };
        self.below_mount(mount, path, target.query)
    }

    /// Ambiguous, unless no reading of the target leads into a mount.
    fn ambiguous(&self, ambiguity: Ambiguity) -> Decision {
        let raw = self.head.raw_target();
        let mut mounts = self.rules.mounts().iter();
        match mounts.find(|mount| target::could_reach(raw, mount)) {
            Some(mount) => self.ambiguous_below(mount, ambiguity),
            None => self.outside(Some(ambiguity)),
        }
    }

    fn ambiguous_below(&self, mount: &Arc<str>, ambiguity: Ambiguity) -> Decision {
        Decision {
            ambiguity: Some(ambiguity),
            ..self.without_operation(mount, Reason::TargetAmbiguous)
        }
    }

    /// A path that leads into no mount.
    fn outside(&self, ambiguity: Option<Ambiguity>) -> Decision {
        let reason = match self.rules.config().outside {
            Outside::Refuse => Reason::OutsideMounts,
            Outside::Forward => Reason::Outside,
        };
        Decision {
            ambiguity,
            terms: self.terms(&Subject::default()),
            ..Decision::new(reason)
        }
    }

    fn terms(&self, subject: &Subject<'_>) -> Terms {
        self.rules.enforcement().terms(subject, self.head)
    }

    fn without_operation(&self, mount: &Arc<str>, reason: Reason) -> Decision {
        let subject = Subject {
            mount: Some(mount),
            ..Subject::default()
        };
        Decision {
            mount: Some(Arc::clone(mount)),
            terms: self.terms(&subject),
            ..Decision::new(reason)
        }
    }

    fn below_mount(&self, mount: &Arc<str>, path: &str, query: Option<&'a str>) -> Surface<'a> {
        let config = self.rules.config();
        let method = self.head.method();
        if let Some(ambiguity) = ambiguity_of_headers(self.head) {
            return Surface::Decided(self.ambiguous_below(mount, ambiguity));
        }
        let Ok(mut workspace) = self.workspace() else {
            return Surface::Decided(self.without_operation(mount, Reason::WorkspaceAmbiguous));
        };
        if is_preflight(self.head) {
            return Surface::Decided(Decision {
                workspace: workspace.map(|it| it.told(true, || false)),
                ..self.without_operation(mount, Reason::Preflight)
            });
        }
        let pending = |asks, terms, workspace| Pending {
            mount: Arc::clone(mount),
            workspace,
            asks,
            terms,
        };
        if config.whoami && whoami::is_asked(method, path) {
            let subject = Subject {
                mount: Some(mount),
                workspace: workspace.as_ref().map(|it| &*it.name),
                ..Subject::default()
            };
            // The filter's own endpoint: nothing stands behind it that a request could be let through to.
            let terms = self.terms(&subject).enforced();
            return self.with_credential(pending(Asks::Whoami, terms, workspace), query);
        }
        let operation = CATALOG.find(method, path);
        let operation = operation.map(|operation| narrowed(operation, method, query));
        if operation.is_none() && path.contains(';') {
            return Surface::Decided(self.ambiguous_below(mount, Ambiguity::Parameter));
        }
        if let Some(workspace) = &mut workspace {
            match self.files(operation, path, query) {
                Ok(files) => workspace.files = files,
                Err(ambiguity) => return Surface::Decided(self.ambiguous_below(mount, ambiguity)),
            }
        }
        let (asks, required) = match operation {
            Some(operation) => (Asks::Operation(operation), operation.own_permission()),
            None => {
                let required = unknown::strict_reading(method, path);
                (Asks::Unknown(required), required)
            }
        };
        let terms = self.terms(&Subject {
            mount: Some(mount),
            workspace: workspace.as_ref().and_then(|it| it.keeps(operation)),
            operation,
            required: Some(required),
        });
        let is_shared = operation.is_some_and(|it| it.isolation == Isolation::Shared);
        let decided = |reason, required| {
            Surface::Decided(Decision {
                mount: Some(Arc::clone(mount)),
                workspace: workspace.as_ref().map(|it| it.told(is_shared, || false)),
                operation,
                required,
                terms,
                ..Decision::new(reason)
            })
        };
        if operation.is_some_and(|operation| operation.name == GRAPHQL)
            && config.graphql == GraphQl::Deny
        {
            return decided(Reason::GraphQlOff, None);
        }
        let group = operation.and_then(|operation| operation.public);
        let public = group.is_some_and(|group| config.public.contains(&group));
        if terms.public.unwrap_or(public) {
            return decided(Reason::Public, Some(required));
        }
        self.with_credential(pending(asks, terms, workspace), query)
    }

    fn with_credential(&self, pending: Pending, query: Option<&'a str>) -> Surface<'a> {
        match presented::presented(self.rules, self.head, query) {
            Ok(presented) => Surface::Pending(pending, presented),
            Err(reason) => Surface::Decided(pending.denied(reason)),
        }
    }
}

/// What the query makes of an operation; in doubt, what it is without.
fn narrowed(
    operation: &'static Operation,
    method: &str,
    query: Option<&str>,
) -> &'static Operation {
    let Some(narrowed) = operation
        .narrowed
        .filter(|_| method == Method::GET.as_str())
    else {
        return operation;
    };
    let Ok(query) = Query::parse(query.unwrap_or_default()) else {
        return operation;
    };
    let is_asked = narrowed.routes.iter().any(|route| {
        let is_known = |key: &str| route.query.iter().any(|it| it.name == key);
        query.keys().all(is_known)
            && route.query.iter().all(|parameter| {
                let value = query.get(parameter.name);
                value.is_ok_and(|value| parameter.accepts(value))
            })
    });
    if is_asked { narrowed } else { operation }
}

fn ambiguity_of_headers(head: &RequestHead<'_>) -> Option<Ambiguity> {
    let method = head.method();
    if method.is_empty() || method.bytes().any(|b| b.is_ascii_lowercase()) {
        Some(Ambiguity::Method)
    } else if overrides::present(head) {
        Some(Ambiguity::Override)
    } else {
        None
    }
}

/// A CORS preflight (Fetch standard, "CORS-preflight request"): it carries no credential by design.
fn is_preflight(head: &RequestHead<'_>) -> bool {
    head.method() == Method::OPTIONS.as_str()
        && head.get("origin").is_some()
        && head.get("access-control-request-method").is_some()
}
