//! Whether a principal holds what an operation needs.

use super::{Policy, Rights, Within};
use crate::catalog::{Needs, Operation};
use crate::permission::Permission;
use crate::principal::Principal;

impl Rights<'_> {
    /// The first permission that an operation needs and the principal does not hold on every object. Where any
    /// permission will do and it holds none, the operation's own.
    pub fn missing(&self, operation: &Operation) -> Option<Permission> {
        if operation.needs == Needs::Any {
            return (!self.holds_any()).then(|| operation.own_permission());
        }
        let missing = operation
            .required()
            .find(|permission| !self.grants(*permission));
        let may_anyway = || operation.alternative().is_some_and(|it| self.grants(it));
        missing.filter(|_| !may_anyway())
    }
}

impl Policy {
    /// The first permission that an operation needs and the principal does not hold on every object, without a limit to
    /// workspaces.
    pub fn missing(&self, principal: &Principal, operation: &Operation) -> Option<Permission> {
        self.rights(principal, Within::Everywhere)
            .missing(operation)
    }

    /// The scopes to ask for where a permission is missing for an operation, fewest permissions first, at most five:
    /// those that would grant it to this principal.
    pub fn scopes_to_ask_for(
        &self,
        principal: Option<&Principal>,
        operation: Option<&Operation>,
        missing: Permission,
    ) -> Vec<&str> {
        let is_foreign = principal.is_some_and(|it| it.has_foreign_words);
        let counts = |scope: &&str| !(is_foreign && self.bare.contains(*scope));
        let most = super::NAMED_SCOPES;
        match operation.filter(|operation| operation.needs != Needs::Own) {
            Some(operation) => {
                let granting = self.granting_operation(operation);
                granting.filter(counts).take(most).collect()
            }
            None => self.granting(missing).filter(counts).take(most).collect(),
        }
    }

    /// Every scope that grants all an operation needs, fewest permissions first.
    pub fn granting_operation(&self, operation: &Operation) -> impl Iterator<Item = &str> {
        let any = operation.needs == Needs::Any;
        let required: Vec<Permission> = operation.required().collect();
        let alternative = operation.alternative();
        self.by_width
            .iter()
            .filter(move |(_, set)| {
                let holds_all = required.iter().all(|it| set.contains(*it));
                (holds_all && !(any && set.is_empty()))
                    || alternative.is_some_and(|it| set.contains(it))
            })
            .map(|(scope, _)| scope.as_str())
    }
}
