//! Scopes limited to names: `model:write:acme-*`, `model:promote:acme-*@champion`.
//!
//! A scope that the tables do not know as a whole is read as a known scope, a colon and a pattern. The longest
//! known scope counts. A pattern of names holds `*` for any characters and `?` for one; what follows the last
//! `@` is a pattern of aliases, which limits setting and removing them. A pattern that is all digits, or `*`
//! alone, is also a pattern of experiment ids: `2*` is one of names only.

use crate::catalog::Access;
use crate::names::{Demand, Name, NameKind};
use crate::pattern::Pattern;

/// A pattern of names, perhaps with one of aliases.
#[derive(Debug, Clone)]
pub struct NamePattern {
    text: String,
    names: Pattern,
    covers_ids: bool,
    aliases: Option<Pattern>,
}

impl NamePattern {
    pub(super) fn new(text: &str) -> Self {
        let (names, aliases) = match text.rsplit_once('@') {
            Some((names, aliases)) => (names, Some(Pattern::new(aliases))),
            None => (text, None),
        };
        Self {
            text: text.to_owned(),
            names: Pattern::new(names),
            covers_ids: names == "*" || names.bytes().all(|b| b.is_ascii_digit()),
            aliases,
        }
    }

    /// As it was granted.
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// Whether it says no more than the scope itself.
    pub(super) fn covers(&self, demand: &Demand) -> bool {
        let Some(Name { text, kind, alias }) = &demand.name else {
            return false;
        };
        if *kind == NameKind::ExperimentId && !self.covers_ids {
            return false;
        }
        let promotes = demand.permission.access == Some(Access::Promote);
        let alias_granted = match (&self.aliases, alias) {
            (None, _) => true,
            (Some(aliases), Some(alias)) => aliases.matches(alias),
            // A stage transition moves traffic without an alias.
            (Some(_), None) => !promotes,
        };
        self.names.matches(text) && alias_granted
    }
}

/// A scope's name and the pattern behind it, the longest name first. The name holds a colon itself: `read:users` is
/// somebody else's word, not the scope `read` limited to the model `users`.
pub(super) fn splits(word: &str) -> impl Iterator<Item = (&str, &str)> {
    word.rmatch_indices(':')
        .map(|(at, _)| {
            (
                word.get(..at).unwrap_or_default(),
                word.get(at + 1..).unwrap_or_default(),
            )
        })
        .filter(|(scope, pattern)| scope.contains(':') && !pattern.is_empty())
}
