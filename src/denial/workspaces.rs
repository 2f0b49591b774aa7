//! Denials about workspaces, in words for the caller.

use super::{Called, Denials, MENTIONED_SCOPES, mentioned};
use crate::catalog::Operation;
use crate::decision::{Decision, Reason};
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
        let first = held.iter().find(|it| workspace::is_literal(it));
        let limits = match mentioned(&held, MENTIONED_SCOPES).as_slice() {
            [] => format!("{has} has no rights in any workspace"),
            [only] => format!("{has} has rights in the workspace {only}"),
            several => format!("{has} has rights in the workspaces {}", several.join(", ")),
        };
        let how = match first {
            Some(first) => {
                format!(
                    " Select it with mlflow.set_workspace(\"{first}\") or MLFLOW_WORKSPACE={first}."
                )
            }
            None if held.is_empty() => String::new(),
            None => " Select one with mlflow.set_workspace(\"…\") or MLFLOW_WORKSPACE.".to_owned(),
        };
        format!(
            "{caller} may not {action} in the workspace {name}; {limits}.{how}{}",
            self.help()
        )
    }
}
