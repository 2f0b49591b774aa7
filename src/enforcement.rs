//! Which denials are answered, for whom: mode, share of callers, and the ordered overrides.
//!
//! Of the overrides that match a request, the first that has a setting decides it; what none has is as the
//! configuration says of all requests. A caller stands on one side of `enforce_percent` by a hash of the key's
//! public id, so that a larger share only adds callers.
//!
//! It decides from a request's head and what the catalog says of it, and knows no key.

#[cfg(test)]
mod tests;

use crate::authority;
use crate::catalog::{self, Access, Operation};
use crate::config::{Config, Match, Mode, Override};
use crate::permission::Permission;
use crate::policy::Policy;
use crate::request::RequestHead;

pub use crate::terms::{Terms, percentile};

/// The settings of a configuration, and the scope tables that go with them.
#[derive(Debug)]
pub struct Enforcement {
    base: Terms,
    overrides: Vec<Override>,
    /// The configuration's own, then one for each override that has scopes.
    policies: Vec<Policy>,
    /// For each override, which of the policies it has.
    tables: Vec<Option<usize>>,
}

impl Enforcement {
    /// Compiles a configuration.
    pub fn new(config: &Config) -> Self {
        let mut policies = vec![Policy::new(config)];
        let mut tables = Vec::new();
        for over in &config.overrides {
            tables.push(over.scopes.as_ref().map(|scopes| {
                policies.push(Policy::with_scopes(config, scopes));
                policies.len() - 1
            }));
        }
        Self {
            base: Terms {
                mode: config.mode,
                enforce_percent: config.enforce_percent,
                ..Terms::STRICT
            },
            overrides: config.overrides.clone(),
            policies,
            tables,
        }
    }

    /// The scope tables of all requests that no override gives others.
    pub fn base_policy(&self) -> &Policy {
        self.policy(&Terms::STRICT)
    }

    /// The scope tables that decide.
    #[allow(
        clippy::indexing_slicing,
        reason = "`new` makes a table for each number it gives out"
    )]
    pub fn policy(&self, terms: &Terms) -> &Policy {
        &self.policies[terms.table]
    }

    /// What is in force for a request, as far as it is known what it asks for.
    pub fn terms(&self, subject: &Subject<'_>, head: &RequestHead<'_>) -> Terms {
        if self.overrides.is_empty() {
            return self.base;
        }
        let unread = || head.text(":authority").unwrap_or_default().into();
        let host = authority::host_of(head).unwrap_or_else(unread);
        let all = self.overrides.iter().zip(&self.tables);
        let matching = all.filter(|(over, _)| subject.is_under(&over.matches, &host));
        let (mut mode, mut percent, mut public, mut scopes) = (None, None, None, None);
        for (over, table) in matching {
            mode = mode.or(over.mode);
            percent = percent.or(over.enforce_percent);
            public = public.or(over.public);
            scopes = scopes.or(*table);
        }
        Terms {
            mode: mode.unwrap_or(self.base.mode),
            enforce_percent: percent.unwrap_or(self.base.enforce_percent),
            public,
            table: scopes.unwrap_or(self.base.table),
        }
    }

    /// The percent of an access's operations times callers for which denials are answered, rounded down.
    /// Overrides that hold on some mounts, hosts or workspaces only count where they lower it.
    pub fn percent_in_force(&self, access: Access) -> u64 {
        let operations = || catalog::operations().filter(|operation| operation.access == access);
        let total: u64 = operations()
            .map(|operation| self.least_percent(operation))
            .sum();
        total
            .checked_div(operations().count() as u64)
            .unwrap_or_default()
    }

    fn least_percent(&self, operation: &Operation) -> u64 {
        let matching = || {
            let all = self.overrides.iter();
            all.filter(|over| over.matches.names(operation))
        };
        let modes = possible(matching(), |over| over.mode, self.base.mode);
        if modes.contains(&Mode::Shadow) {
            return 0;
        }
        let percents = possible(
            matching(),
            |over| over.enforce_percent,
            self.base.enforce_percent,
        );
        percents.into_iter().min().unwrap_or_default()
    }
}

/// What a setting can be, where overrides that hold somewhere only may hold or not.
fn possible<'a, T>(
    overrides: impl Iterator<Item = &'a Override>,
    setting: impl Fn(&Override) -> Option<T>,
    base: T,
) -> Vec<T> {
    let mut possible = Vec::new();
    for over in overrides {
        if let Some(value) = setting(over) {
            possible.push(value);
            let matches = &over.matches;
            let holds_everywhere =
                matches.mount.is_none() && matches.host.is_none() && matches.workspace.is_none();
            if holds_everywhere {
                return possible;
            }
        }
    }
    possible.push(base);
    possible
}

/// What an override's `match` is held against, beside the host.
#[derive(Debug, Clone, Copy, Default)]
pub struct Subject<'a> {
    /// The mount that the request came in by.
    pub mount: Option<&'a str>,
    /// The workspace that it is for.
    pub workspace: Option<&'a str>,
    /// What it asks MLflow to do, where the catalog knows.
    pub operation: Option<&'static Operation>,
    /// What it needs.
    pub required: Option<Permission>,
}

impl Subject<'_> {
    fn is_under(&self, matches: &Match, host: &str) -> bool {
        let object = self.required.and_then(|required| required.object);
        let access = self.required.and_then(|required| required.access);
        let named = self.operation.map(|operation| operation.name);
        holds(matches.mount.as_ref(), |it| Some(it.as_str()) == self.mount)
            && holds(matches.host.as_ref(), |it| it.matches(host))
            && holds(matches.workspace.as_ref(), |it| {
                self.workspace.is_some_and(|name| it.matches(name))
            })
            && holds(matches.object.as_ref(), |it| Some(*it) == object)
            && holds(matches.access.as_ref(), |it| Some(*it) == access)
            && holds(matches.operation.as_ref(), |it| Some(it.name) == named)
    }
}

fn holds<T>(wanted: Option<&Vec<T>>, is_met: impl FnMut(&T) -> bool) -> bool {
    wanted.is_none_or(|wanted| wanted.iter().any(is_met))
}
