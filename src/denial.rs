//! MLflow-shaped error answers: a refusal that tells the caller what is missing. A browser that navigates gets the
//! same as a page.
//!
//! Texts are written for the person at the client. They never hold a key, and what they repeat of the
//! request or of the auth service's reply is printable (see [`crate::printable`]).

mod body;
mod missing;
mod navigation;
mod page;
mod sources;
#[cfg(test)]
mod tests;
mod workspaces;

use std::borrow::Cow;

use http::StatusCode;

use self::body::Body;
use self::sources::Sources;
use crate::catalog::{CATALOG, COVERS};
use crate::config::Config;
use crate::decision::{Decision, Reason};
use crate::policy::Policy;
use crate::printable::printable;
use crate::request::RequestHead;
use crate::target::{self, Ambiguity, Target};

pub use self::sources::Called;

/// Scopes a message repeats before it counts the rest.
const MENTIONED_SCOPES: usize = 20;

/// Mounts a message repeats before it counts the rest.
const MENTIONED_MOUNTS: usize = 5;

/// Room for the headers of most answers.
const USUAL_HEADERS: usize = 8;

/// The longest request id that an answer repeats, in bytes.
const LONGEST_REQUEST_ID: usize = 128;

/// A response made by the filter.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Answer {
    /// HTTP status.
    pub status: u16,
    /// Headers; `:status` is not among them.
    pub headers: Vec<(&'static str, Cow<'static, str>)>,
    /// JSON, or the page of a browser that navigates.
    pub body: String,
}

/// Writes answers under one configuration.
#[derive(Debug, Clone, Copy)]
pub struct Denials<'a> {
    /// Names the credentials and the help page.
    pub config: &'a Config,
    /// Names the scopes that grant what is missing.
    pub policy: &'a Policy,
}

impl Denials<'_> {
    /// The answer to a denied request.
    pub fn answer(&self, decision: &Decision, head: &RequestHead<'_>) -> Answer {
        let (status, error_code) = decision
            .reason
            .denial()
            .unwrap_or((StatusCode::FORBIDDEN, "PERMISSION_DENIED"));
        let lacks_permission = matches!(
            decision.reason,
            Reason::ScopeMissing
                | Reason::OperationUnknown
                | Reason::NameNotGranted
                | Reason::WorkspaceNotGranted
        );
        let required = decision.required.filter(|_| lacks_permission);
        // A scope that grants it would do so in all workspaces.
        let is_elsewhere = decision.reason == Reason::WorkspaceNotGranted;
        let granting = required.map_or_else(Vec::new, |permission| {
            self.policy.scopes_to_ask_for(
                decision.principal.as_deref(),
                decision.operation,
                permission,
            )
        });
        let body = Body {
            error_code,
            message: self.message(decision, head, &granting),
            reason: decision.reason.as_str(),
            operation: decision.operation.map(|operation| operation.name),
            required_permission: required,
            granting_scopes: required
                .filter(|it| !is_elsewhere && !self.helps_no_scope(decision, *it))
                .map(|_| granting.as_slice()),
            key_scopes: lacks_permission
                .then(|| {
                    decision
                        .principal
                        .as_ref()
                        .map(|principal| principal.scopes.as_slice())
                })
                .flatten(),
            workspace: decision
                .workspace
                .as_deref()
                .filter(|_| decision.reason == Reason::WorkspaceNotGranted),
            key_workspaces: self.key_workspaces(decision),
            covers: (decision.reason == Reason::OperationUnknown).then_some(COVERS),
            request_id: head
                .text("x-request-id")
                .filter(|id| id.len() <= LONGEST_REQUEST_ID),
        };
        let is_navigation = navigation::is_navigation(head);
        let mut headers = self.headers(decision, head);
        let body = if is_navigation {
            headers.extend(page::HEADERS.map(|(name, value)| (name, value.into())));
            page::page(
                &body,
                &page::Reader::of(decision, head, self.config, status),
            )
        } else {
            headers.push(("content-type", "application/json".into()));
            body.json()
        };
        Answer {
            status: status.as_u16(),
            headers,
            body,
        }
    }

    fn headers(
        &self,
        decision: &Decision,
        head: &RequestHead<'_>,
    ) -> Vec<(&'static str, Cow<'static, str>)> {
        let mut headers = Vec::with_capacity(USUAL_HEADERS);
        headers.push(("cache-control", "no-store".into()));
        if decision
            .reason
            .denial()
            .is_some_and(|(status, _)| status == StatusCode::UNAUTHORIZED)
        {
            headers.push(("www-authenticate", "Bearer realm=\"mlflow\"".into()));
            if self.config.takes_passwords() {
                headers.push(("www-authenticate", "Basic realm=\"mlflow\"".into()));
            }
        }
        if let Some(seconds) = decision.retry_after {
            headers.push(("retry-after", seconds.to_string().into()));
        }
        let origin = head
            .text("origin")
            .filter(|o| o.bytes().all(|b| b.is_ascii_graphic() && b != b'@'));
        if let Some(origin) = origin {
            // No Access-Control-Allow-Credentials: a foreign page must not read a logged-in user's scopes.
            headers.push(("access-control-allow-origin", origin.to_owned().into()));
            headers.push((
                "access-control-expose-headers",
                "retry-after, www-authenticate".into(),
            ));
        }
        // Which of them a cache may mix up, if it stored this at all.
        let vary = match origin {
            Some(_) => navigation::READ_BESIDE_ORIGIN,
            None => navigation::READ,
        };
        headers.push(("vary", vary.into()));
        headers
    }

    /// `granting` are the scopes to ask for, where a permission is missing.
    fn message(&self, decision: &Decision, head: &RequestHead<'_>, granting: &[&str]) -> String {
        match decision.reason {
            Reason::OutsideMounts => self.outside_mounts(),
            Reason::TargetAmbiguous => ambiguous(decision.ambiguity, head),
            Reason::WorkspaceAmbiguous => workspaces::AMBIGUOUS.to_owned(),
            Reason::WorkspaceNotGranted => self.workspace_not_granted(decision),
            Reason::CredentialAmbiguous => Sources(self.config).ambiguous(),
            Reason::CredentialMissing => {
                format!("{}{}", Sources(self.config).missing(), self.help())
            }
            Reason::CredentialMalformed => {
                format!("{}{}", Sources(self.config).malformed(), self.help())
            }
            Reason::KeyInvalid => {
                format!("{}{}", Sources(self.config).invalid(), self.help())
            }
            Reason::ScopeMissing | Reason::OperationUnknown | Reason::NameNotGranted => {
                self.missing_permission(decision, head, granting)
            }
            Reason::GraphQlOff => format!("GraphQL is switched off here.{}", self.help()),
            Reason::BodyAmbiguous => format!(
                "{} is limited to names, and the filter cannot tell which name the request acts on: {}.",
                Called::of(decision).this(),
                decision.unclear.as_deref().unwrap_or_default()
            ),
            Reason::BodyUnavailable => format!(
                "The request cannot be decided: {}.{}",
                decision.unclear.as_deref().unwrap_or_default(),
                self.help()
            ),
            Reason::BodyTooLarge => format!(
                "{} is limited to names, and the body that holds the name is larger than {} bytes.",
                Called::of(decision).this(),
                self.config.body_limit
            ),
            Reason::KeyRefused => {
                format!(
                    "The auth service refuses this {} for this server.{}",
                    Sources(self.config).asked_about(),
                    self.help()
                )
            }
            Reason::RateLimited => format!(
                "The auth service limits this {}'s rate. Retry later.",
                Sources(self.config).asked_about()
            ),
            // A host that fails to say what it knows of the caller.
            Reason::AuthUnavailable if self.config.auth_service.is_none() => {
                "The proxy cannot tell at the moment who the caller is. Retry later.".to_owned()
            }
            Reason::AuthUnavailable => format!(
                "The auth service is unavailable, so the {} cannot be checked. Retry later.",
                Sources(self.config).asked_about()
            ),
            Reason::Overloaded => format!(
                "Too many {}s are being validated at the moment. Retry later.",
                Sources(self.config).asked_about()
            ),
            Reason::Outside
            | Reason::Public
            | Reason::Preflight
            | Reason::Allowed
            | Reason::Whoami
            | Reason::WorkspacesListed => String::new(),
        }
    }

    /// Nothing of the request's path is repeated: what it was compared with is what the reader needs.
    fn outside_mounts(&self) -> String {
        let mounts = &self.config.mounts;
        let named = mentioned(mounts, MENTIONED_MOUNTS);
        format!(
            "The path of this request is outside the paths at which MLflow is served here (mounts: {}). Check the \
             path. If MLflow is served there too, add its path to \"mounts\" in the filter's configuration; to \
             forward such requests without authorization, set \"outside\": \"forward\".{}",
            named.join(", "),
            self.help()
        )
    }

    fn help(&self) -> String {
        self.config
            .help_url
            .as_ref()
            .map(|url| [" See ", url].concat())
            .unwrap_or_default()
    }
}

fn ambiguous(ambiguity: Option<Ambiguity>, head: &RequestHead<'_>) -> String {
    let Some(ambiguity) = ambiguity else {
        return "The request can be read in more than one way. Send the plain path.".to_owned();
    };
    match target::refused_name(head.raw_target(), ambiguity) {
        Some(wrong) => format!(
            "The path of the artifact {wrong}, and MLflow would read it as another path. Rename the file or the folder."
        ),
        None => format!("{}. {}", ambiguity.problem(), ambiguity.remedy()),
    }
}

/// The methods by which MLflow serves the path of a request; none where the catalog does not know it.
pub fn methods_served(decision: &Decision, head: &RequestHead<'_>) -> Vec<&'static str> {
    let mount = decision.mount.as_deref().unwrap_or_default();
    let target = Target::parse(head.raw_target()).ok();
    let path = target
        .as_ref()
        .and_then(|target| target::below_mount(&target.path, mount));
    path.map_or_else(Vec::new, |path| CATALOG.methods(path))
}

/// The first `most` of these words, and how many more there are.
fn mentioned<T: AsRef<str>>(words: &[T], most: usize) -> Vec<Cow<'_, str>> {
    let shown = words.iter().take(most);
    let mut named: Vec<_> = shown.map(|word| printable(word.as_ref())).collect();
    let more = words.len().saturating_sub(most);
    if more > 0 {
        named.push(format!("and {more} more").into());
    }
    named
}
