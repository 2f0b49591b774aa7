//! Tells the audit log which configuration is taken and refused. Owns what this VM was given last; whether a
//! configuration is valid is decided before.

use std::cell::RefCell;
use std::collections::HashMap;

use mlflow_authz::config::ConfigError;
use mlflow_authz::config_log::{ConfigLog, Delivery, DeliveryNumber};
use mlflow_authz::rules::Rules;

use crate::host::{self, HostData};

thread_local! {
    /// What this VM was given last, by plugin. The root contexts of one VM follow each other.
    static LAST: RefCell<HashMap<String, DeliveryNumber>> = RefCell::default();
}

/// A configuration that this VM was given and does not use yet.
pub struct Configured {
    log: ConfigLog,
    delivery: Delivery,
}

impl Configured {
    /// A configuration that is valid.
    pub fn new(rules: &Rules, text: &[u8]) -> Self {
        let plugin = plugin_name();
        let log = ConfigLog::new(&plugin);
        let last = LAST.with_borrow(|last| last.get(&plugin).copied());
        let delivery = log.deliver(&HostData, last, rules, text);
        LAST.with_borrow_mut(|last| last.insert(plugin, delivery.number()));
        Self { log, delivery }
    }

    /// This VM uses it.
    pub fn tell(&self) {
        let now = host::now().unwrap_or_default();
        if let Some(line) = self.log.in_force(&HostData, now, &self.delivery) {
            log::warn!("{line}");
        }
    }
}

/// A configuration that is not valid.
pub fn tell_refused(text: &[u8], error: &ConfigError) {
    let log = ConfigLog::new(&plugin_name());
    let now = host::now().unwrap_or_default();
    if let Some(line) = log.refused(&HostData, now, text, error) {
        log::warn!("{line}");
    }
}

/// Several plugins may share the VMs, and so the data.
fn plugin_name() -> String {
    let name = host::property(&["plugin_name"]).unwrap_or_default();
    String::from_utf8_lossy(&name).into_owned()
}
