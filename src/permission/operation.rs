//! What the catalog's operations need, as permissions.

use super::Permission;
use crate::catalog::{Access, Needs, Object, Operation};

impl Operation {
    /// Its own access to its own object: what records and metrics call it.
    pub const fn own_permission(&self) -> Permission {
        Permission::new(self.object, self.access)
    }

    /// What a key must hold, one by one; nothing where any permission will do. Where another does as well, without it.
    pub fn required(&self) -> impl Iterator<Item = Permission> + use<> {
        let (own, objects): (_, &'static [Object]) = match self.needs {
            Needs::Own | Needs::OwnOrRead(_) => (Some(self.own_permission()), &[]),
            Needs::Any => (None, &[]),
            Needs::ReadOnAll(objects) => (None, objects),
        };
        let reads = objects.iter();
        own.into_iter()
            .chain(reads.map(|object| Permission::new(*object, Access::Read)))
    }

    /// What does as well as all that is required.
    pub fn alternative(&self) -> Option<Permission> {
        match self.needs {
            Needs::OwnOrRead(object) => Some(Permission::new(object, Access::Read)),
            Needs::Own | Needs::Any | Needs::ReadOnAll(_) => None,
        }
    }

    /// What a key must hold, in words.
    pub fn required_in_words(&self) -> String {
        let required: Vec<String> = self.required().map(|it| it.to_string()).collect();
        match self.alternative() {
            Some(alternative) => format!("{} or {alternative}", required.join(", ")),
            None if required.is_empty() => "any permission".to_owned(),
            None => required.join(", "),
        }
    }
}
