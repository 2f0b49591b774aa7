//! A decision in words: for programs as JSON, for people as text.

use mlflow_authz::printable::printable;
use std::fmt;

use mlflow_authz::catalog::{COVERS, Needs, Operation};
use mlflow_authz::decision::Effect;
use mlflow_authz::denial::{Answer, Called, methods_served};
use mlflow_authz::enforcement::percentile;
use mlflow_authz::policy::{Policy, Within};
use mlflow_authz::principal::IdentitySource;
use mlflow_authz::{Decision, RequestHead};
use serde::{Deserialize, Serialize};

/// What the filter would do, and why.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Explanation<'p> {
    decision: &'static str,
    /// Of the filter's own answer; `None` when the request is forwarded.
    status: Option<u16>,
    reason: &'static str,
    error_code: Option<String>,
    operation: Option<&'static str>,
    object: Option<&'static str>,
    access: Option<&'static str>,
    /// The first that is missing, or else the first that is needed.
    required_permission: Option<String>,
    /// All that is needed, where that is not one permission.
    #[serde(skip_serializing_if = "Option::is_none")]
    needs: Option<String>,
    /// Fewest permissions first, at most five, as in the filter's answers.
    granting_scopes: Vec<&'p str>,
    key_scopes: Option<Vec<String>>,
    /// The object that decided, where a grant limited to names was asked.
    name: Option<String>,
    /// The patterns of names that the key's grants limit the required permission to.
    key_names: Vec<String>,
    message: Option<String>,
    mount: Option<String>,
    /// The workspace that the request is for, where the configuration enables them.
    #[serde(skip_serializing_if = "Option::is_none")]
    workspace: Option<String>,
    /// Where the key has any right: patterns of workspaces. Absent where it has some without a limit.
    #[serde(skip_serializing_if = "Option::is_none")]
    key_workspaces: Option<Vec<String>>,
    key_id: Option<String>,
    user_id: Option<String>,
    /// Who says so.
    identity: Option<&'static str>,
    /// Where the caller stands among a hundred, 0 to 99.
    percentile: u64,
    /// Denials of this request are answered to callers below; `None` outside the mounts.
    enforce_percent: Option<u64>,
    /// The caller's scopes that no table names.
    unknown_scopes: Vec<String>,
    /// The caller's roles that no table names.
    unknown_roles: Vec<String>,
    #[serde(skip)]
    called: Called,
    /// Why a request for the mount is no operation.
    #[serde(skip)]
    no_operation: Option<String>,
}

/// What an answer's body adds.
#[derive(Default, Deserialize)]
struct AnswerBody {
    error_code: Option<String>,
    message: Option<String>,
}

impl<'p> Explanation<'p> {
    /// `status` is that of the filter's own answer; `answer` is that answer, or what it would be if denials were
    /// enforced.
    pub fn new(
        decision: &Decision,
        status: Option<u16>,
        answer: Option<&Answer>,
        policy: &'p Policy,
        head: &RequestHead<'_>,
    ) -> Self {
        let body = answer.map(|answer| serde_json::from_str::<AnswerBody>(&answer.body));
        let body = body.and_then(Result::ok).unwrap_or_default();
        let Decision {
            operation,
            required,
            principal,
            ..
        } = decision;
        let (operation, required) = (*operation, *required);
        let within = match &decision.workspace {
            Some(name) => Within::Workspace(name),
            None => Within::Everywhere,
        };
        let rights = principal.as_deref().map(|it| policy.rights(it, within));
        let patterns = rights
            .zip(required)
            .map(|(rights, required)| rights.name_patterns(required, false));
        let is_limited = rights
            .filter(|_| decision.workspace.is_some())
            .filter(|rights| !rights.elsewhere(Within::Everywhere).holds_any());
        let key_workspaces = is_limited.map(|rights| rights.workspaces());
        let key_names = patterns
            .iter()
            .flatten()
            .map(|pattern| pattern.as_str().to_owned())
            .collect();
        Self {
            decision: decision.effect().as_str(),
            status,
            reason: decision.reason.as_str(),
            error_code: body.error_code,
            operation: operation.map(|operation| operation.name),
            object: operation.map(|operation| operation.object.as_str()),
            access: operation.map(|operation| operation.access.as_str()),
            required_permission: required.map(|required| required.to_string()),
            needs: operation
                .filter(|operation| operation.needs != Needs::Own)
                .map(Operation::required_in_words),
            granting_scopes: required
                .map(|it| policy.scopes_to_ask_for(principal.as_deref(), operation, it))
                .unwrap_or_default(),
            key_names,
            key_scopes: principal.as_ref().map(|principal| principal.scopes.clone()),
            name: decision.name.as_ref().map(ToString::to_string),
            message: body.message,
            mount: decision.mount.as_ref().map(ToString::to_string),
            workspace: decision.workspace.as_ref().map(ToString::to_string),
            key_workspaces: key_workspaces.map(|it| owned(Some(it))),
            key_id: principal.as_ref().and_then(|it| it.key_id.clone()),
            user_id: principal.as_ref().and_then(|it| it.user_id.clone()),
            identity: decision.identity.map(IdentitySource::as_str),
            percentile: percentile(principal.as_deref()),
            enforce_percent: decision
                .mount
                .is_some()
                .then(|| decision.terms.percent_enforced()),
            unknown_scopes: owned(principal.as_ref().map(|it| policy.unknown_scopes(it))),
            unknown_roles: owned(principal.as_ref().map(|it| policy.unknown_roles(it))),
            called: Called::of(decision),
            no_operation: (operation.is_none() && required.is_some())
                .then(|| no_operation(&methods_served(decision, head), head)),
        }
    }

    /// Whether the request is refused.
    pub fn is_denial(&self) -> bool {
        self.decision == Effect::Deny.as_str()
    }

    /// Who says who the caller is, unless it is the auth service.
    fn of_another_source(&self) -> Option<String> {
        let identity = self.identity;
        let other = identity.filter(|it| *it != IdentitySource::AuthService.as_str());
        other.map(str::to_owned)
    }

    fn unknown(&self) -> Option<String> {
        let said = |what: &str, words: &[String]| {
            (!words.is_empty()).then(|| format!("{what} {}", words.join(", ")))
        };
        let parts = [
            said("scopes", &self.unknown_scopes),
            said("roles", &self.unknown_roles),
        ];
        let parts: Vec<String> = parts.into_iter().flatten().collect();
        (!parts.is_empty()).then(|| {
            let table = match self.called {
                Called::Key => "in no table",
                Called::Caller => "in no table for such callers",
            };
            format!("{} ({table}; they grant nothing)", parts.join("; "))
        })
    }

    /// Whether denials are answered to this caller, where that goes by shares.
    fn share(&self) -> Option<String> {
        let percent = self.enforce_percent.filter(|percent| *percent < 100)?;
        let place = self.percentile;
        let (verdict, relation) = if place < percent {
            ("yes", "below")
        } else {
            ("no", "not below")
        };
        Some(match &self.key_id {
            _ if percent == 0 => "no: denials are recorded only".to_owned(),
            Some(key_id) => {
                format!("{verdict}: {key_id} is at {place} of 0 to 99, {relation} {percent}")
            }
            None => format!(
                "{verdict}: a caller without a key id is at {place} of 0 to 99, {relation} {percent}"
            ),
        })
    }
}

impl fmt::Display for Explanation<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let decision = match self.status {
            Some(status) => format!("{}, answered {status}", self.decision),
            None => format!("{}, forwarded", self.decision),
        };
        let operation = self.operation.map(str::to_owned);
        let needed = self.required_permission.is_some();
        let has = match self.called {
            Called::Key => "key has",
            Called::Caller => "caller has",
        };
        let lines = [
            ("decision", Some(decision)),
            ("reason", Some(self.reason.to_owned())),
            ("mount", self.mount.clone()),
            ("workspace", self.workspace.clone()),
            ("operation", operation.or_else(|| self.no_operation.clone())),
            (
                "needs",
                self.needs.clone().or(self.required_permission.clone()),
            ),
            (
                "granted by",
                needed.then(|| list(&self.granting_scopes, "no configured scope")),
            ),
            ("identity", self.of_another_source()),
            (
                has,
                self.key_scopes
                    .as_ref()
                    .map(|scopes| list(scopes, "no scopes")),
            ),
            (
                "workspaces",
                self.key_workspaces.as_ref().map(|it| list(it, "none")),
            ),
            ("unknown", self.unknown()),
            ("enforced", self.share()),
            (
                "limited to",
                (!self.key_names.is_empty()).then(|| self.key_names.join(", ")),
            ),
            ("name", self.name.clone()),
            ("message", self.message.clone()),
        ];
        for (name, value) in lines {
            if let Some(value) = value {
                writeln!(f, "{:<12}{}", format!("{name}:"), printable(&value))?;
            }
        }
        Ok(())
    }
}

fn no_operation(methods: &[&str], head: &RequestHead<'_>) -> String {
    if methods.is_empty() {
        return format!("not an endpoint of MLflow {COVERS}");
    }
    let served = format!(
        "none: MLflow serves this path only for {}",
        methods.join(", ")
    );
    if head.method() != "OPTIONS" {
        return served;
    }
    format!(
        "{served}; a CORS preflight also has the headers Origin and Access-Control-Request-Method, and needs no key"
    )
}

fn owned(words: Option<Vec<&str>>) -> Vec<String> {
    words
        .unwrap_or_default()
        .into_iter()
        .map(str::to_owned)
        .collect()
}

fn list<T: std::borrow::Borrow<str>>(words: &[T], if_none: &str) -> String {
    if words.is_empty() {
        if_none.to_owned()
    } else {
        words.join(", ")
    }
}
