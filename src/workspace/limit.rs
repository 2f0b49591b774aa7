//! Which workspaces a source says that a key is limited to: where the configuration names the places of the limit, and
//! where it names none.
//!
//! What grants rights is read only where it is named. A limit is read in its usual places too, so that none is dropped
//! because the configuration does not name it.

#[cfg(test)]
mod tests;

use super::covers;
use crate::pointer::Pointers;

/// `workspaces` and `workspace` of a key.
pub type Said = (Option<Vec<String>>, Option<String>);

/// Where both stand.
pub type Pair<T> = [T; 2];

/// Where sources have them, unless the configuration names other places.
pub const USUAL: Pair<&str> = ["/workspaces", "/workspace"];

/// Where a source has the limit of a key.
#[derive(Debug, Clone)]
pub struct LimitPlaces {
    /// The places that the configuration names, if it names one.
    named: Option<Pair<Pointers>>,
    /// The usual places, without those for which the configuration names others. The first pair that has a value counts.
    usual: Vec<Pair<Pointers>>,
}

/// What a source says of the workspaces of a key.
#[derive(Debug, PartialEq, Eq)]
pub struct Stated {
    /// Both values.
    pub said: Said,
    /// Whether places are named and empty. Issuers do that for members of no group: such a key belongs to no workspace,
    /// unless it may do everything.
    pub is_missing: bool,
}

impl LimitPlaces {
    /// By a configuration, in which an empty list is nowhere.
    pub fn new(named: Pair<Option<&Pointers>>, usual: &[Pair<&'static str>]) -> Self {
        let [workspaces, workspace] = named.map(|it| it.is_some());
        let unless = |is_named: bool, place: &'static str| {
            let place = (!is_named).then_some(place);
            place.into_iter().collect()
        };
        let has_places = |it: &Pointers| !it.is_empty();
        Self {
            named: (named.iter().flatten().any(|it| has_places(it)))
                .then(|| named.map(|it| it.cloned().unwrap_or_default())),
            usual: (usual.iter())
                .map(|[list, one]| [unless(workspaces, list), unless(workspace, one)])
                .collect(),
        }
    }

    /// What the source says, by what `read` finds in a pair of places. What stands in the usual places only takes rights
    /// away: it limits a key that has no limit, and leaves none to a key that is pinned outside it.
    ///
    /// # Errors
    /// Those of `read`.
    pub fn read<E>(
        &self,
        is_admin: bool,
        mut read: impl FnMut(&Pair<Pointers>) -> Result<Said, E>,
    ) -> Result<Stated, E> {
        let named = self.named.as_ref().map(&mut read).transpose()?;
        let is_missing = !is_admin && matches!(named, Some((None, None)));
        let mut usual = || {
            let mut pairs = self.usual.iter().map(&mut read);
            let found = pairs.find(|it| !matches!(it, Ok((None, None))));
            found.unwrap_or(Ok((None, None)))
        };
        let nowhere = || (Some(Vec::new()), None);
        let said = match named.unwrap_or_default() {
            _ if is_missing => nowhere(),
            (Some(workspaces), workspace) => (Some(workspaces), workspace),
            (None, None) => usual()?,
            (None, Some(pin)) => match usual()? {
                (Some(limit), _) if !covers(&limit, &pin) => nowhere(),
                _ => (None, Some(pin)),
            },
        };
        Ok(Stated { said, is_missing })
    }
}
