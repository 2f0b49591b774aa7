//! How long a reply to a key validation may be used: `Cache-Control` and the time limits in the body.
//!
//! Reads, and decides nothing: the cache takes the shortest of these and its own TTL.

#[cfg(test)]
mod tests;

use std::time::{Duration, SystemTime};

use super::scalar::Scalar;
use crate::principal::Timestamp;

/// How far ahead of the proxy's clock a key's first moment may be: clocks differ, a key is used as soon as it is issued, and
/// MLflow's client repeats no 401.
const LEEWAY: Duration = Duration::from_secs(10);

/// The limits that the service set.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Lifetime {
    /// `max-age`, counted from the request; zero for `no-store` and `no-cache` (RFC 9111 section 5.2.2).
    pub max_age: Option<Duration>,
    /// When the key itself expires. Nothing is served beyond it, not even while the service is down.
    pub expires_at: Option<Timestamp>,
    /// How long the key is still valid, counted from the request; [`Self::since`] makes `expires_at` of it.
    pub expires_in: Option<Duration>,
    /// Before this time the key is not valid yet.
    pub not_before: Option<Timestamp>,
}

impl Lifetime {
    /// Whether the key itself has expired.
    pub fn has_expired(&self, now: Timestamp) -> bool {
        self.expires_at.is_some_and(|at| at <= now)
    }

    /// Whether the key is not valid yet, and will not be in a moment.
    pub fn is_early(&self, now: Timestamp) -> bool {
        self.not_before
            .is_some_and(|at| now.saturating_add(LEEWAY) < at)
    }

    /// The same limits for a request that was sent at `asked_at`.
    pub fn since(self, asked_at: Timestamp) -> Self {
        let counted = self.expires_in.and_then(|it| asked_at.checked_add(it));
        Self {
            expires_at: earliest(self.expires_at, counted),
            expires_in: None,
            ..self
        }
    }

    pub(super) fn with_cache_control(self, cache_control: Option<&[u8]>) -> Self {
        Self {
            max_age: cache_control.and_then(max_age),
            ..self
        }
    }

    /// The limits of both: the earliest end, the latest start.
    pub(super) fn and(self, other: Self) -> Self {
        Self {
            max_age: earliest(self.max_age, other.max_age),
            expires_at: earliest(self.expires_at, other.expires_at),
            expires_in: earliest(self.expires_in, other.expires_in),
            not_before: self.not_before.max(other.not_before),
        }
    }
}

fn earliest(one: Option<Duration>, other: Option<Duration>) -> Option<Duration> {
    one.into_iter().chain(other).min()
}

/// A `max-age` that cannot be read is none at all to a cache that must not guess: zero.
fn max_age(cache_control: &[u8]) -> Option<Duration> {
    let text = std::str::from_utf8(cache_control).unwrap_or("no-store");
    text.split(',').filter_map(directive_age).min()
}

fn directive_age(directive: &str) -> Option<Duration> {
    let (name, value) = match directive.split_once('=') {
        Some((name, value)) => (name, value.trim().trim_matches('"')),
        None => (directive, ""),
    };
    match name.trim().to_ascii_lowercase().as_str() {
        "no-store" | "no-cache" => Some(Duration::ZERO),
        "max-age" => {
            let digits = !value.is_empty() && value.bytes().all(|b| b.is_ascii_digit());
            let seconds = if digits {
                value.parse().unwrap_or(u64::MAX)
            } else {
                0
            };
            Some(Duration::from_secs(seconds))
        }
        _ => None,
    }
}

/// 9999-12-31T23:59:59Z, the last second that RFC 3339 can write, in seconds since the UNIX epoch. A larger number is
/// not in seconds: as milliseconds it would be 1978, and a key that expired in 2020 would be valid for 50,000 years.
const LATEST: u64 = 253_402_300_799;

/// What [`time`] reads, in words.
pub(super) const A_TIME: &str = "expected an RFC 3339 time or seconds (not milliseconds) since the UNIX epoch, before the year 10000";

/// An RFC 3339 time (one without an offset is in UTC), or seconds since the UNIX epoch, up to [`LATEST`].
pub(super) fn time(value: &Scalar) -> Option<Timestamp> {
    let time = match value {
        Scalar::Text(text) => parse_time(text)?,
        Scalar::Whole(seconds) => Duration::from_secs(*seconds),
        Scalar::Number(seconds) => Duration::try_from_secs_f64(seconds.max(0.0)).ok()?,
        Scalar::Null | Scalar::Flag(_) | Scalar::Empty | Scalar::Other => return None,
    };
    (time.as_secs() <= LATEST).then_some(time)
}

fn parse_time(text: &str) -> Option<Timestamp> {
    let (local, ahead, offset) = split_offset(text)?;
    let time = humantime::parse_rfc3339_weak(local).ok()?;
    let since_epoch = time
        .duration_since(SystemTime::UNIX_EPOCH)
        .unwrap_or_default();
    if ahead {
        Some(since_epoch.saturating_sub(offset))
    } else {
        since_epoch.checked_add(offset)
    }
}

/// A time without its `+hh:mm` or `-hh:mm`, whether the clock shown is ahead of UTC, and by how much.
fn split_offset(text: &str) -> Option<(&str, bool, Duration)> {
    let none = Some((text, true, Duration::ZERO));
    let Some((local, tail)) = text
        .len()
        .checked_sub(6)
        .and_then(|at| text.split_at_checked(at))
    else {
        return none;
    };
    let Some(sign @ ('+' | '-')) = tail.chars().next() else {
        return none;
    };
    let Some((hours, minutes)) = tail.get(1..).and_then(|offset| offset.split_once(':')) else {
        return none;
    };
    let number = |digits: &str| {
        let two = digits.len() == 2 && digits.bytes().all(|b| b.is_ascii_digit());
        two.then(|| digits.parse::<u64>().ok()).flatten()
    };
    let (hours, minutes) = (number(hours)?, number(minutes)?);
    let offset = Duration::from_secs(hours * 3600 + minutes * 60);
    Some((local, sign == '+', offset))
}
