//! The one clock of a world. It moves when a test says so, in either direction, and never by itself. Timers
//! do not jump with it: they go by the time that really passes.

use std::time::Duration;

/// What a wall clock shows, and how much time has passed.
#[derive(Debug, Clone, Copy)]
pub struct Clock {
    now: Duration,
    passed: Duration,
}

impl Default for Clock {
    /// Some day in 2025.
    fn default() -> Self {
        Self {
            now: Duration::from_secs(1_760_000_000),
            passed: Duration::ZERO,
        }
    }
}

impl Clock {
    /// What the clock shows: time since the UNIX epoch.
    pub const fn now(&self) -> Duration {
        self.now
    }

    /// The time that has passed, whatever the clock shows.
    pub const fn passed(&self) -> Duration {
        self.passed
    }

    /// Time passes.
    pub fn advance(&mut self, by: Duration) {
        self.now += by;
        self.passed += by;
    }

    /// The clock jumps back, at most to the epoch.
    pub fn go_back(&mut self, by: Duration) {
        self.now = self.now.saturating_sub(by);
    }

    /// The clock jumps.
    pub fn jump_to(&mut self, now: Duration) {
        self.now = now;
    }
}
