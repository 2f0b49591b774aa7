//! Releases of MLflow: which ones the catalog covers, and how they are compared.
//!
//! Routes come and go with minor releases, so a route is served *since* a minor release and *until* one,
//! and every patch of a minor release has the routes of that minor's last patch.

use std::fmt;

#[cfg(test)]
mod tests;

/// The minor releases covered, each of them, for people. Of 1.x the last one is, too.
pub const COVERS: &str = "2.0 to 3.18";

/// The releases whose routes the entries were compared with, oldest first: the last patch of each minor
/// release. `scripts/dump-routes` asked them, `tests/mlflow/test_catalog.py` compares.
pub const RELEASES: &[Release] = &[
    Release(1, 30, 1),
    Release(2, 0, 1),
    Release(2, 1, 1),
    Release(2, 2, 2),
    Release(2, 3, 2),
    Release(2, 4, 2),
    Release(2, 5, 0),
    Release(2, 6, 0),
    Release(2, 7, 1),
    Release(2, 8, 1),
    Release(2, 9, 2),
    Release(2, 10, 2),
    Release(2, 11, 5),
    Release(2, 12, 2),
    Release(2, 13, 2),
    Release(2, 14, 3),
    Release(2, 15, 1),
    Release(2, 16, 2),
    Release(2, 17, 2),
    Release(2, 18, 0),
    Release(2, 19, 0),
    Release(2, 20, 4),
    Release(2, 21, 3),
    Release(2, 22, 5),
    Release(3, 0, 1),
    Release(3, 1, 4),
    Release(3, 2, 0),
    Release(3, 3, 2),
    Release(3, 4, 0),
    Release(3, 5, 1),
    Release(3, 6, 0),
    Release(3, 7, 0),
    Release(3, 8, 1),
    Release(3, 9, 0),
    Release(3, 10, 1),
    Release(3, 11, 1),
    Release(3, 12, 0),
    Release(3, 13, 0),
    Release(3, 14, 0),
    Release(3, 15, 2),
    Release(3, 16, 1),
    Release(3, 17, 2),
    Release(3, 18, 0),
];

/// A release of MLflow as `major.minor.patch`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Release(pub u16, pub u16, pub u16);

impl Release {
    /// The release that `3.4.0` or `3.4` names.
    pub fn parse(text: &str) -> Option<Self> {
        let mut parts = text.split('.').map(number);
        let major = parts.next()??;
        let minor = parts.next()??;
        let patch = parts.next().unwrap_or(Some(0))?;
        parts.next().is_none().then_some(Self(major, minor, patch))
    }

    /// The covered release of the same minor, whose routes stand for this one's.
    pub fn covered(self) -> Option<Self> {
        RELEASES
            .iter()
            .copied()
            .find(|covered| covered.minor() == self.minor())
    }

    /// What releases are compared by.
    pub(super) const fn minor(self) -> (u16, u16) {
        (self.0, self.1)
    }
}

impl fmt::Display for Release {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}.{}", self.0, self.1, self.2)
    }
}

/// Digits alone: `u16::from_str` would take `+3` as well.
fn number(digits: &str) -> Option<u16> {
    let plain = digits.bytes().all(|byte| byte.is_ascii_digit());
    digits.parse().ok().filter(|_| plain)
}
