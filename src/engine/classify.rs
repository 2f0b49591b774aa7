//! What the request headers alone tell: host, mount, target, operation, credential, in this order.

use std::sync::Arc;

use http::Method;

use super::{Engine, unknown};
use crate::authority;
use crate::catalog::{CATALOG, GRAPHQL, Operation};
use crate::config::{GraphQl, Outside};
use crate::credential::{self, ApiKey, CredentialError};
use crate::decision::{Decision, Reason};
use crate::enforcement::Subject;
use crate::names::query::Query;
use crate::overrides;
use crate::request::RequestHead;
use crate::target::{self, Ambiguity, Target};
use crate::whoami;

/// What the request headers alone tell.
pub(super) enum Classified<'a> {
    Decided(Decision),
    /// The principal decides.
    Undecided(Decision, ApiKey<'a>),
}

impl Engine {
    pub(super) fn classify<'a>(&mut self, head: &RequestHead<'a>) -> Classified<'a> {
        if self.is_for_another_host(head) {
            return Classified::Decided(Decision::new(Reason::Outside));
        }
        match Target::parse_with(head.raw_target(), &mut self.decoded_path) {
            Ok(target) => {
                let classified = self.classify_target(&target, head);
                if let Some(buffer) = target.into_buffer() {
                    self.decoded_path = buffer;
                }
                classified
            }
            Err(ambiguity) => self.ambiguous(head, ambiguity),
        }
    }

    /// Whether the request is certainly for a host that is not one of `hosts`. A target that is no path may name
    /// a host of its own.
    fn is_for_another_host(&self, head: &RequestHead<'_>) -> bool {
        let Some(hosts) = &self.config.hosts else {
            return false;
        };
        let is_ours = |host: &str| hosts.iter().any(|pattern| pattern.matches(host));
        head.raw_target().starts_with(b"/")
            && authority::host_of(head).is_some_and(|host| !is_ours(&host))
    }

    fn classify_target<'a>(&self, target: &Target<'a>, head: &RequestHead<'a>) -> Classified<'a> {
        let below = self
            .mounts
            .iter()
            .find_map(|mount| Some((mount, target::below_mount(&target.path, mount)?)));
        let Some((mount, path)) = below else {
            if target.path.contains(';') {
                return self.ambiguous(head, Ambiguity::Parameter);
            }
            return self.outside(None, head);
        };
        let inside = Decision {
            mount: Some(Arc::clone(mount)),
            ..Decision::new(Reason::Allowed)
        };
        self.classify_mounted(inside, path, target.query, head)
    }

    /// Ambiguous, unless no reading of the target leads into a mount.
    fn ambiguous(&self, head: &RequestHead<'_>, ambiguity: Ambiguity) -> Classified<'static> {
        let raw = head.raw_target();
        let within = self
            .mounts
            .iter()
            .find(|mount| target::could_reach(raw, mount));
        let Some(mount) = within else {
            return self.outside(Some(ambiguity), head);
        };
        let decision = Decision {
            mount: Some(Arc::clone(mount)),
            ambiguity: Some(ambiguity),
            ..Decision::new(Reason::TargetAmbiguous)
        };
        Classified::Decided(self.on_terms(decision, head))
    }

    /// A path that leads into no mount.
    fn outside(&self, ambiguity: Option<Ambiguity>, head: &RequestHead<'_>) -> Classified<'static> {
        let reason = match self.config.outside {
            Outside::Refuse => Reason::OutsideMounts,
            Outside::Forward => Reason::Outside,
        };
        let decision = Decision {
            ambiguity,
            ..Decision::new(reason)
        };
        Classified::Decided(self.on_terms(decision, head))
    }

    fn on_terms(&self, decision: Decision, head: &RequestHead<'_>) -> Decision {
        let subject = Subject {
            mount: decision.mount.as_deref(),
            operation: decision.operation,
            required: decision.required,
        };
        Decision {
            terms: self.enforcement.terms(&subject, head),
            ..decision
        }
    }

    fn classify_mounted<'a>(
        &self,
        inside: Decision,
        path: &str,
        query: Option<&'a str>,
        head: &RequestHead<'a>,
    ) -> Classified<'a> {
        let method = head.method();
        // The terms are worked out once: with the operation, or here where none is looked for.
        let without_operation = |decision: Decision, reason| {
            Classified::Decided(self.on_terms(Decision { reason, ..decision }, head))
        };
        let ambiguous = |ambiguity, inside: Decision| {
            let ambiguous = Decision {
                ambiguity: Some(ambiguity),
                ..inside
            };
            without_operation(ambiguous, Reason::TargetAmbiguous)
        };
        if let Some(ambiguity) = ambiguity_of_headers(head) {
            return ambiguous(ambiguity, inside);
        }
        if is_preflight(head) {
            return without_operation(inside, Reason::Preflight);
        }
        if self.config.whoami && whoami::is_asked(method, path) {
            let inside = self.on_terms(inside, head);
            // The filter's own endpoint: nothing stands behind it that a request could be let through to.
            let asked = Decision {
                reason: Reason::Whoami,
                terms: inside.terms.enforced(),
                ..inside
            };
            return self.with_credential(asked, query, head);
        }
        let operation = CATALOG.find(method, path);
        let operation = operation.map(|operation| narrowed(operation, method, query));
        if operation.is_none() && path.contains(';') {
            return ambiguous(Ambiguity::Parameter, inside);
        }
        let required = match operation {
            Some(operation) => operation.own_permission(),
            None => unknown::strict_reading(method, path),
        };
        let known = self.on_terms(
            Decision {
                operation,
                required: Some(required),
                ..inside
            },
            head,
        );
        if operation.is_some_and(|operation| operation.name == GRAPHQL)
            && self.config.graphql == GraphQl::Deny
        {
            let switched_off = Decision {
                required: None,
                ..known
            };
            return decided(switched_off, Reason::OperationUnknown);
        }
        let group = operation.and_then(|operation| operation.public);
        let public = group.is_some_and(|group| self.config.public.contains(&group));
        if known.terms.public.unwrap_or(public) {
            return decided(known, Reason::Public);
        }
        let first = operation.and_then(|operation| operation.required().next());
        let known = Decision {
            required: first.or(known.required),
            ..known
        };
        self.with_credential(known, query, head)
    }

    fn with_credential<'a>(
        &self,
        known: Decision,
        query: Option<&'a str>,
        head: &RequestHead<'a>,
    ) -> Classified<'a> {
        let pattern = self.config.key_pattern.as_ref();
        match credential::extract(head, query, &self.config.credentials) {
            Ok(key) if pattern.is_some_and(|pattern| !pattern.matches(key.expose())) => {
                decided(known, Reason::CredentialMalformed)
            }
            Ok(key) => Classified::Undecided(known, key),
            Err(CredentialError::Missing) => decided(known, Reason::CredentialMissing),
            Err(CredentialError::Malformed) => decided(known, Reason::CredentialMalformed),
            Err(CredentialError::Ambiguous) => decided(known, Reason::CredentialAmbiguous),
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

fn decided(decision: Decision, reason: Reason) -> Classified<'static> {
    Classified::Decided(Decision { reason, ..decision })
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
