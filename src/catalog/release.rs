//! Releases of MLflow: which ones the catalog covers, and how they are compared.
//!
//! Routes come and go with minor releases, so a route is served *since* a minor release and *until* one,
//! and every patch of a minor release has the routes of that minor's last patch.

use std::fmt;

#[cfg(test)]
mod tests;

/// The releases whose routes the entries were compared with, oldest first: the last patch of each minor
/// release. `scripts/dump-routes` asked them, `tests/mlflow/test_catalog.py` compares.
pub const RELEASES: &[Release] = &[
    Release(2, 9, 2),
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

/// The minor releases covered, for people: `2.9, 2.22 and 3.0 to 3.17`.
pub fn releases_in_words() -> String {
    let mut runs: Vec<(Release, Release)> = Vec::new();
    for &release in RELEASES {
        match runs.last_mut() {
            Some((_, last)) if (last.0, last.1 + 1) == release.minor() => *last = release,
            _ => runs.push((release, release)),
        }
    }
    let mut words: Vec<String> = runs
        .into_iter()
        .map(|(first, last)| {
            if first == last {
                format!("{}.{}", first.0, first.1)
            } else {
                format!("{}.{} to {}.{}", first.0, first.1, last.0, last.1)
            }
        })
        .collect();
    match (words.pop(), words.is_empty()) {
        (Some(last), false) => format!("{} and {last}", words.join(", ")),
        (last, _) => last.unwrap_or_default(),
    }
}
