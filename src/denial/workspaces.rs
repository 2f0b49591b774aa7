//! Denials about workspaces, in words for the caller.

use super::{Called, Denials, MENTIONED_SCOPES, mentioned};
use crate::catalog::{Isolation, Operation};
use crate::decision::{Decision, Reason};
use crate::permission::Permission;
use crate::policy::Within;
use crate::workspace;

/// What is wrong with the header, and what sends it.
pub(super) const AMBIGUOUS: &str = "The request does not name one workspace: the header X-MLFLOW-WORKSPACE must be sent \
     once, with 2 to 63 lower-case letters, digits and inner hyphens. The MLflow client sends it by \
     mlflow.set_workspace(\"…\") or MLFLOW_WORKSPACE.";

impl Denials<'_> {
    /// The patterns of workspaces in which the key has rights.
    pub(super) fn key_workspaces<'d>(&'d self, decision: &'d Decision) -> Option<Vec<&'d str>> {
        let principal = decision.principal.as_deref()?;
        let is_asked = decision.reason == Reason::WorkspaceNotGranted;
        is_asked.then(|| {
            let rights = self.policy.rights(principal, Within::Somewhere);
            rights.workspaces()
        })
    }

    pub(super) fn workspace_not_granted(&self, decision: &Decision) -> String {
        let caller = Called::subject(decision);
        let has = format!("this {}", Called::of(decision).as_str());
        let action = decision
            .operation
            .map_or_else(|| "do this".to_owned(), Operation::phrase);
        let name = decision.workspace.as_deref().unwrap_or_default();
        let held = self.key_workspaces(decision).unwrap_or_default();
        let limits = match mentioned(&held, MENTIONED_SCOPES).as_slice() {
            [] => format!("{has} has no rights in any workspace"),
            [only] => format!("{has} has rights in the workspace {only}"),
            several => format!("{has} has rights in the workspaces {}", several.join(", ")),
        };
        let how = self.how_to_select(decision, &held);
        format!(
            "{caller} may not {action} in the workspace {name}; {limits}.{how}{}",
            self.help()
        )
    }

    /// What selects a workspace in which the key holds the permission.
    fn how_to_select(&self, decision: &Decision, held: &[&str]) -> String {
        let (Some(principal), Some(required)) = (decision.principal.as_deref(), decision.required)
        else {
            return String::new();
        };
        let holds = |within| {
            let rights = self.policy.rights(principal, within);
            rights.grants(required) || !rights.name_patterns(required, false).is_empty()
        };
        let mut of_one = held.iter().filter(|it| workspace::is_literal(it));
        let mut of_many = held.iter().filter(|it| !workspace::is_literal(it));
        if let Some(name) = of_one.find(|it| holds(Within::Workspace(it))) {
            format!(
                " Select {name} with mlflow.set_workspace(\"{name}\") or MLFLOW_WORKSPACE={name}."
            )
        } else if of_many.any(|it| holds(Within::Matching(it))) {
            " Select one with mlflow.set_workspace(\"…\") or MLFLOW_WORKSPACE.".to_owned()
        } else if held.is_empty() {
            String::new()
        } else {
            format!(" It has {required} in none of them.")
        }
    }

    /// Whether a scope more would not help: the key itself is limited, and MLflow keeps no workspaces apart here.
    pub(super) fn helps_no_scope(&self, decision: &Decision, required: Permission) -> bool {
        let limited = decision
            .principal
            .as_deref()
            .filter(|principal| principal.workspaces.is_some() && decision.workspace.is_some());
        limited.is_some_and(|principal| {
            let is_server_wide = decision
                .operation
                .is_none_or(|it| matches!(it.isolation, Isolation::No | Isolation::List));
            let rights = self.policy.rights(principal, Within::Somewhere);
            is_server_wide
                || rights.belongs_nowhere()
                || (decision.reason == Reason::ScopeMissing && rights.grants(required))
        })
    }
}
