//! What is in force for one request: whether its denial would be answered, for whom, and by which scope tables.
//!
//! Data that a decision carries; [`crate::enforcement`] works it out.

use sha2::{Digest as _, Sha256};

use crate::config::Mode;
use crate::principal::Principal;

/// What is in force for one request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Terms {
    /// Whether denials are answered.
    pub mode: Mode,
    /// For how many of a hundred callers.
    pub enforce_percent: u64,
    /// Whether the operation needs no key, where an override says so.
    pub public: Option<bool>,
    /// The scope tables: which of those of the configuration's [`crate::enforcement::Enforcement`].
    pub(crate) table: usize,
}

impl Terms {
    /// Every denial is answered.
    pub const STRICT: Self = Self {
        mode: Mode::Enforce,
        enforce_percent: 100,
        public: None,
        table: 0,
    };

    /// The same, but every denial is answered.
    #[must_use]
    pub fn enforced(self) -> Self {
        Self {
            mode: Mode::Enforce,
            enforce_percent: 100,
            ..self
        }
    }

    /// Whether a denial is answered to anybody.
    pub fn can_enforce(&self) -> bool {
        self.percent_enforced() > 0
    }

    /// Whether a denial is answered to this caller. One without a key id counts as the last percent.
    pub fn enforces(&self, principal: Option<&Principal>) -> bool {
        let percent = self.percent_enforced();
        percent >= 100 || percentile(principal) < percent
    }

    /// For how many of a hundred callers denials are answered, 0 in shadow mode.
    pub const fn percent_enforced(&self) -> u64 {
        match self.mode {
            Mode::Enforce => self.enforce_percent,
            Mode::Shadow => 0,
        }
    }
}

/// Where a caller stands among a hundred, 0 to 99: denials are answered to it once `enforce_percent` is larger.
pub fn percentile(principal: Option<&Principal>) -> u64 {
    let Some(key_id) = principal.and_then(|principal| principal.key_id.as_deref()) else {
        return 99;
    };
    let digest = Sha256::digest(key_id.as_bytes());
    digest
        .first_chunk()
        .map_or(99, |bytes| u64::from_be_bytes(*bytes) % 100)
}
