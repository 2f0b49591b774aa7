//! So many events a second, and how many were left out.

use crate::principal::Timestamp;

/// Admits so many events per second of the host's clock.
#[derive(Debug)]
pub(crate) struct PerSecond {
    limit: u64,
    second: u64,
    admitted: u64,
    suppressed: u64,
}

impl PerSecond {
    pub(crate) const fn new(limit: u64) -> Self {
        Self {
            limit,
            second: 0,
            admitted: 0,
            suppressed: 0,
        }
    }

    /// How many events were left out since the last one admitted; `None` when this one is left out.
    pub(crate) fn admit(&mut self, now: Timestamp) -> Option<u64> {
        if now.as_secs() != self.second {
            self.second = now.as_secs();
            self.admitted = 0;
        }
        if self.admitted >= self.limit {
            self.suppressed += 1;
            return None;
        }
        self.admitted += 1;
        Some(std::mem::take(&mut self.suppressed))
    }
}
