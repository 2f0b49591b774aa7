//! A configuration compiled for deciding: what every step of a decision reads, and none changes.
//!
//! Owns the mounts in the order in which they are tried, the scope tables and the keys that it lists. It knows no request.

use std::sync::Arc;

use crate::config::Config;
use crate::configured_keys::ConfiguredKeys;
use crate::enforcement::Enforcement;
use crate::policy::Policy;
use crate::terms::Terms;

/// The rules of one configuration.
#[derive(Debug)]
pub struct Rules {
    config: Config,
    enforcement: Enforcement,
    /// Longest first, so that the first match is the longest.
    mounts: Vec<Arc<str>>,
    keys: Arc<ConfiguredKeys>,
}

impl Rules {
    /// Compiles a configuration.
    pub fn new(config: Config) -> Self {
        let mut mounts: Vec<Arc<str>> = Vec::with_capacity(config.mounts.len());
        for mount in &config.mounts {
            let at = mounts.partition_point(|other| other.len() >= mount.len());
            mounts.insert(at, mount.as_str().into());
        }
        Self {
            enforcement: Enforcement::new(&config),
            keys: Arc::new(ConfiguredKeys::new(&config.keys)),
            mounts,
            config,
        }
    }

    /// The configuration.
    pub const fn config(&self) -> &Config {
        &self.config
    }

    /// Which denials are answered, for whom.
    pub const fn enforcement(&self) -> &Enforcement {
        &self.enforcement
    }

    /// The scope tables of a request.
    pub fn policy(&self, terms: &Terms) -> &Policy {
        self.enforcement.policy(terms)
    }

    /// The keys that need no auth service.
    pub const fn keys(&self) -> &Arc<ConfiguredKeys> {
        &self.keys
    }

    pub(crate) fn mounts(&self) -> &[Arc<str>] {
        &self.mounts
    }
}
