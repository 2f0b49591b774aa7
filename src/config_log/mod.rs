//! The audit trail of configurations: one line when a configuration is taken or refused, with what it changes.
//!
//! Every VM of a proxy is configured by itself, one after the other, and a VM may be new at any time. So the VMs keep a
//! common history in shared data, see `history`: the VM that finds a configuration in force first writes the line, and
//! compares with the summary that the one before left there. Nothing here decides about a request.
//!
//! | module | what it does |
//! |---|---|
//! | `summary` | what of a configuration is compared, small enough to be kept |
//! | `difference` | what a summary grants more and less than another |
//! | `fingerprint` | whether two values of a field are the same |
//! | `listed_keys` | the keys that it lists, by their public names |
//! | `history` | which configurations the VMs were given, and which of them has its line |

mod difference;
mod fingerprint;
mod history;
mod listed_keys;
mod summary;

#[cfg(test)]
mod tests;

use serde::Serialize;

use crate::audit::rfc3339;
use crate::config::ConfigError;
use crate::principal::Timestamp;
use crate::printable;
use crate::rules::Rules;
use crate::shared_data::{SharedData, update};
use difference::{Difference, GrantsChanged, Omitted};
use history::History;
use listed_keys::KeyChanged;
use summary::Summary;

pub use history::DeliveryNumber;
pub use summary::{config_hash, config_hash_digits};

/// The longest error that a line repeats, in bytes.
const LONGEST_ERROR: usize = 2048;

/// The history of one plugin's configurations.
#[derive(Debug, Clone)]
pub struct ConfigLog {
    plugin: String,
    shared_name: String,
}

/// A configuration that a VM was given and that has no line yet, as far as this VM knows.
#[derive(Debug)]
pub struct Delivery {
    number: DeliveryNumber,
    summary: Summary,
}

impl Delivery {
    /// Its place in the history.
    pub const fn number(&self) -> DeliveryNumber {
        self.number
    }
}

#[derive(Serialize)]
struct Taken<'a> {
    time: String,
    event: &'static str,
    plugin: &'a str,
    old: Option<&'a str>,
    new: &'a str,
    old_mode: Option<&'a str>,
    mode: &'a str,
    old_enforce_percent: Option<u64>,
    enforce_percent: u64,
    // Field by field: what serde needs to flatten is a large part of a module.
    compared_with: &'static str,
    scopes: &'a [GrantsChanged<'a>],
    roles: &'a [GrantsChanged<'a>],
    #[serde(skip_serializing_if = "<[_]>::is_empty")]
    keys: &'a [KeyChanged<'a>],
    changed: &'a [&'a str],
    #[serde(skip_serializing_if = "Omitted::is_nothing")]
    omitted: &'a Omitted,
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    not_compared: bool,
}

#[derive(Serialize)]
struct Refused<'a> {
    time: String,
    event: &'static str,
    plugin: &'a str,
    old: Option<&'a str>,
    new: &'a str,
    error: &'a str,
}

impl ConfigLog {
    /// The history of the plugin with this name. Plugins of one name in one proxy have one history.
    pub fn new(plugin: &str) -> Self {
        Self {
            shared_name: format!("mlflow_authz_configurations:{plugin}"),
            plugin: plugin.to_owned(),
        }
    }

    /// A VM was given a valid configuration. `last` is what this VM was given before; `None` where it is new.
    pub fn deliver(
        &self,
        shared: &dyn SharedData,
        last: Option<DeliveryNumber>,
        rules: &Rules,
        text: &[u8],
    ) -> Delivery {
        let summary = Summary::of(rules, text);
        let mut number = DeliveryNumber::default();
        update(shared, &self.shared_name, |kept| {
            let mut history = History::read(kept);
            number = history.deliver(last, &summary.hash);
            Some(history.written())
        });
        Delivery { number, summary }
    }

    /// The VM runs the configuration. Returns the line to be logged, if no other VM has it already.
    pub fn in_force(
        &self,
        shared: &dyn SharedData,
        now: Timestamp,
        delivery: &Delivery,
    ) -> Option<String> {
        let before = self.tell(shared, delivery)?;
        let new = &delivery.summary;
        let old = before.as_ref();
        if old.is_some_and(|old| old.hash == new.hash) {
            return None;
        }
        let defaults = Summary::of_defaults();
        let difference = Difference::between(old.unwrap_or(&defaults), new, old.is_none());
        let taken = Taken {
            time: rfc3339(now),
            event: "configuration_taken",
            plugin: &self.plugin,
            old: old.map(|old| old.hash.as_str()),
            new: &new.hash,
            old_mode: old.map(|old| old.mode.as_str()),
            mode: &new.mode,
            old_enforce_percent: old.map(|old| old.enforce_percent),
            enforce_percent: new.enforce_percent,
            compared_with: difference.compared_with,
            scopes: &difference.scopes,
            roles: &difference.roles,
            keys: &difference.keys,
            changed: &difference.changed,
            omitted: &difference.omitted,
            not_compared: difference.not_compared,
        };
        printable::json(&taken)
    }

    /// What was in force before, if this VM is to write the line.
    fn tell(&self, shared: &dyn SharedData, delivery: &Delivery) -> Option<Option<Summary>> {
        let kept = shared.get(&self.shared_name);
        if kept.is_none_or(|(kept, _)| kept.is_empty()) {
            // Where nothing is shared, or the host did not take what was delivered, every VM writes a line of its own:
            // better than none.
            return Some(None);
        }
        let mut before = None;
        let written = update(shared, &self.shared_name, |kept| {
            let mut history = History::read(kept);
            before = history.tell(delivery.number, &delivery.summary);
            before.as_ref().map(|_| history.written())
        });
        // Nor can another VM know of this line.
        if before.is_some() && !written {
            return Some(None);
        }
        before
    }

    /// The line about a configuration that is not valid.
    pub fn refused(
        &self,
        shared: &dyn SharedData,
        now: Timestamp,
        text: &[u8],
        error: &ConfigError,
    ) -> Option<String> {
        let kept = shared.get(&self.shared_name).map(|(kept, _)| kept);
        let history = History::read(&kept.unwrap_or_default());
        let mut error = error.to_string();
        error.truncate(error.floor_char_boundary(LONGEST_ERROR));
        let refused = Refused {
            time: rfc3339(now),
            event: "configuration_refused",
            plugin: &self.plugin,
            old: history.in_force().map(|old| old.hash.as_str()),
            new: &config_hash_digits(text),
            error: &error,
        };
        printable::json(&refused)
    }
}
