//! What is missing, and which scope grants it.

use super::{Called, Denials, MENTIONED_SCOPES, mentioned, methods_served};
use crate::catalog::{COVERS, Needs, Operation};
use crate::decision::{Decision, Reason};
use crate::permission::Permission;
use crate::policy::Within;
use crate::principal::Principal;
use crate::printable::printable;
use crate::request::RequestHead;

/// The longest method that an answer repeats, in characters.
const LONGEST_METHOD: usize = 20;

impl Denials<'_> {
    pub(super) fn missing_permission(
        &self,
        decision: &Decision,
        head: &RequestHead<'_>,
        granting: &[&str],
    ) -> String {
        let caller = Called::subject(decision);
        let action = decision
            .operation
            .map_or_else(|| unknown(decision, head), Operation::phrase);
        let lacking = decision.required.map_or_else(String::new, |required| {
            self.lacking(decision, required, granting)
        });
        let (space, note) = match decision.operation.and_then(Operation::note) {
            Some(note) => (" ", note),
            None => ("", ""),
        };
        let help = self.help();
        [
            &caller,
            " may not ",
            &action,
            &lacking,
            ".",
            space,
            note,
            &help,
        ]
        .concat()
    }

    /// `: it needs PERMISSION, which SCOPES grant; this key has: SCOPES`.
    fn lacking(&self, decision: &Decision, required: Permission, granting: &[&str]) -> String {
        let called = Called::of(decision).as_str();
        let granting = match granting {
            _ if self.helps_no_scope(decision, required) => &[
                "no scope grants to a ",
                called,
                " that is limited to workspaces",
            ],
            [] => ["no configured scope grants", "", ""].as_slice(),
            [only] => &["scope ", only, " grants"],
            [narrowest, next, ..] => &["scope ", narrowest, " or ", next, " grants"],
        };
        let object = decision.name.as_deref().map_or_else(String::new, |name| {
            [" on ", &printable(&format!("{name:?}"))].concat()
        });
        let unclear = decision
            .unclear
            .as_deref()
            .map_or_else(String::new, |unclear| [" (", unclear, ")"].concat());
        let required = required.to_string();
        let needed = match decision
            .operation
            .map(|operation| (operation, operation.needs))
        {
            Some((_, Needs::Any)) => format!("any permission ({required} would do)"),
            Some((operation, Needs::ReadOnAll(_))) => format!(
                "each of {} and lacks {required}",
                operation.required_in_words()
            ),
            Some((operation, Needs::OwnOrRead(_))) => operation.required_in_words(),
            _ => required,
        };
        let held = held_scopes(decision.principal.as_deref());
        let names = self.held_names(decision);
        [
            &[": it needs ", &needed, &object, &unclear, ", which "],
            granting,
            &["; this ", called, " has: ", &held, &names],
        ]
        .concat()
        .concat()
    }

    /// The patterns that the key's grants limit the permission to.
    fn held_names(&self, decision: &Decision) -> String {
        let (Reason::NameNotGranted, Some(principal), Some(required)) = (
            decision.reason,
            decision.principal.as_deref(),
            decision.required,
        ) else {
            return String::new();
        };
        let within = match &decision.workspace {
            Some(name) => Within::Workspace(name),
            None => Within::Everywhere,
        };
        let rights = self.policy.rights(principal, within);
        let patterns = rights.name_patterns(required, false);
        let mut named: Vec<String> = Vec::new();
        for pattern in patterns.iter().take(MENTIONED_SCOPES) {
            let pattern = printable(pattern.as_str()).into_owned();
            if !named.contains(&pattern) {
                named.push(pattern);
            }
        }
        if named.is_empty() {
            String::new()
        } else {
            format!("; it may do so on names that match {}", named.join(", "))
        }
    }
}

/// What a request asks for that is no operation of the catalog.
fn unknown(decision: &Decision, head: &RequestHead<'_>) -> String {
    let methods = methods_served(decision, head);
    if methods.is_empty() {
        return format!("call this endpoint, which MLflow {COVERS} does not have");
    }
    let method: String = printable(head.method())
        .chars()
        .take(LONGEST_METHOD)
        .collect();
    format!(
        "send {method} to this endpoint, which MLflow serves only for {}",
        methods.join(", ")
    )
}

fn held_scopes(principal: Option<&Principal>) -> String {
    let scopes = principal.map(|p| p.scopes.as_slice()).unwrap_or_default();
    if scopes.is_empty() {
        return "no scopes".to_owned();
    }
    mentioned(scopes, MENTIONED_SCOPES).join(", ")
}
