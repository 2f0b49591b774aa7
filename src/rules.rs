//! A configuration compiled for deciding: what every step of a decision reads, and none changes.
//!
//! Owns the mounts in the order in which they are tried, the scope tables, and the callers whom nobody need be asked about. It knows no request.

use std::sync::Arc;

use crate::certificate::Certificates;
use crate::config::Config;
use crate::configured_keys::ConfiguredKeys;
use crate::enforcement::Enforcement;
use crate::policy::Policy;
use crate::terms::Terms;
use crate::token::Tokens;

/// The rules of one configuration.
#[derive(Debug)]
pub struct Rules {
    config: Config,
    enforcement: Enforcement,
    /// Longest first, so that the first match is the longest.
    mounts: Vec<Arc<str>>,
    keys: Arc<ConfiguredKeys>,
    tokens: Option<Arc<Tokens>>,
    certificates: Option<Arc<Certificates>>,
    /// The default workspace, where there are workspaces.
    default_workspace: Option<Arc<str>>,
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
            tokens: (config.jwt.as_ref())
                .map(|jwt| Tokens::new(jwt, config.workspaces.enabled).into()),
            certificates: config
                .mtls
                .as_ref()
                .map(|mtls| Certificates::new(mtls).into()),
            default_workspace: config
                .workspaces
                .enabled
                .then(|| config.workspaces.default.as_str().into()),
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

    /// How verified tokens are read, where they say who callers are.
    pub const fn tokens(&self) -> Option<&Arc<Tokens>> {
        self.tokens.as_ref()
    }

    /// The callers by their certificates, where those say who callers are.
    pub const fn certificates(&self) -> Option<&Arc<Certificates>> {
        self.certificates.as_ref()
    }

    /// The workspace of a request that names none; `None` where there are no workspaces.
    pub const fn default_workspace(&self) -> Option<&Arc<str>> {
        self.default_workspace.as_ref()
    }

    pub(crate) fn mounts(&self) -> &[Arc<str>] {
        &self.mounts
    }
}
