//! Fault injection, on the command line or at run time.
//!
//! They touch validations, unless `target` says otherwise, and of all keys, unless `key_prefix` names some; of those the share `share`, and no more than
//! `count`. What they touch follows these rules. Every reply is late by `delay_ms`; then the share
//! `fail_rate` answers 500; of the others each begins with `status`, if one is ordered, with `retry_after`
//! as its `Retry-After`, and has the body `garbage`, if one is ordered (under 200 where no status is).
//! Only what no fault touches follows the contract.

use std::str::FromStr;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use axum::http::StatusCode;
use clap::ValueEnum;
use serde::{Deserialize, Serialize};

/// The faults in force, and what `PUT /faults` takes. An absent field or `null` is no such fault.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Faults {
    /// Which requests the other faults touch; validations if absent.
    #[serde(default)]
    pub target: Option<Target>,
    /// Of validations, only those of keys that begin so.
    #[serde(default)]
    pub key_prefix: Option<String>,
    /// The share of those that they touch; all if absent.
    #[serde(default)]
    pub share: Option<Share>,
    /// How many more they touch; any number if absent.
    #[serde(default)]
    pub count: Option<u64>,
    /// How long every reply is held back, in milliseconds.
    #[serde(default)]
    pub delay_ms: Option<u64>,
    /// The share of requests that answer 500.
    #[serde(default)]
    pub fail_rate: Option<Share>,
    /// What every request is answered.
    #[serde(default)]
    pub status: Option<Status>,
    /// `Retry-After` beside `status`, in seconds.
    #[serde(default)]
    pub retry_after: Option<u64>,
    /// What every reply has for a body.
    #[serde(default)]
    pub garbage: Option<Garbage>,
}

impl Faults {
    fn names(&self, key: Option<&str>) -> bool {
        let prefix = self.key_prefix.as_deref().unwrap_or_default();
        key.unwrap_or_default().starts_with(prefix)
    }
}

/// The requests that faults touch.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ValueEnum)]
#[serde(rename_all = "lowercase")]
pub enum Target {
    /// Validations of keys
    Validate,
    /// Polls of the revocations
    Revocations,
    /// Both
    All,
}

/// What a request asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Asked {
    /// A validation of a key.
    Validation,
    /// The revocations.
    Revocations,
}

impl Target {
    fn covers(self, asked: Asked) -> bool {
        match self {
            Self::Validate => asked == Asked::Validation,
            Self::Revocations => asked == Asked::Revocations,
            Self::All => true,
        }
    }
}

/// A share, from 0 to 1.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(try_from = "f64", into = "f64")]
pub struct Share(f64);

impl TryFrom<f64> for Share {
    type Error = &'static str;

    fn try_from(share: f64) -> Result<Self, Self::Error> {
        if (0.0..=1.0).contains(&share) {
            Ok(Self(share))
        } else {
            Err("a share is a number from 0 to 1")
        }
    }
}

impl From<Share> for f64 {
    fn from(share: Share) -> Self {
        share.0
    }
}

impl FromStr for Share {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        // What does not parse is refused as what is out of range is.
        text.parse().unwrap_or(f64::NAN).try_into()
    }
}

/// The status of a final reply.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "u16", into = "u16")]
pub struct Status(StatusCode);

impl TryFrom<u16> for Status {
    type Error = &'static str;

    fn try_from(status: u16) -> Result<Self, Self::Error> {
        final_status(status)
            .map(Self)
            .ok_or("a status is a whole number from 200 to 599")
    }
}

impl From<Status> for u16 {
    fn from(status: Status) -> Self {
        status.0.as_u16()
    }
}

impl FromStr for Status {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        text.parse().unwrap_or(0_u16).try_into()
    }
}

/// `status` if a reply can end with it: a 1xx only announces another.
pub fn final_status(status: u16) -> Option<StatusCode> {
    (200..=599)
        .contains(&status)
        .then(|| StatusCode::from_u16(status).ok())
        .flatten()
}

/// A reply that is not one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ValueEnum)]
#[serde(rename_all = "lowercase")]
pub enum Garbage {
    /// Text that is not JSON
    Text,
    /// An empty body
    Empty,
    /// An HTML page
    Html,
    /// A valid reply of 5 MB, with every scope
    Huge,
    /// A valid reply that ends before its content-length, by an orderly close
    Truncated,
    /// A valid reply cut by a TCP reset
    Reset,
    /// No reply: a TCP reset in its place
    Nothing,
    /// No reply, on a connection that stays open
    Hang,
}

/// What becomes of one request.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct Fate {
    /// How long the reply is held back.
    pub delay: Duration,
    /// What the reply begins with, if not as the contract says.
    pub status: Option<StatusCode>,
    /// `Retry-After` beside that status, in seconds.
    pub retry_after: Option<u64>,
    /// What its body is, if not as the contract says.
    pub garbage: Option<Garbage>,
}

/// The faults in force and the dice for `share` and `fail_rate`.
#[derive(Debug)]
pub struct Orders {
    seed: u64,
    current: Mutex<Current>,
}

#[derive(Debug)]
struct Current {
    faults: Faults,
    dice: fastrand::Rng,
}

impl Orders {
    /// Orders `faults`; which requests they pick is a function of `seed` and of the requests' number.
    pub fn new(faults: Faults, seed: u64) -> Self {
        let dice = fastrand::Rng::with_seed(seed);
        Self {
            seed,
            current: Mutex::new(Current { faults, dice }),
        }
    }

    /// The faults in force.
    pub fn show(&self) -> Faults {
        self.with(|current| current.faults.clone())
    }

    /// Orders other faults. The dice start over, so that a test sees the same run every time.
    pub fn replace(&self, faults: Faults) {
        self.with(|current| {
            current.faults = faults;
            current.dice = fastrand::Rng::with_seed(self.seed);
        });
    }

    /// Casts the dice for a request that has just arrived.
    pub fn cast(&self, asked: Asked, key: Option<&str>) -> Fate {
        self.with(|current| current.cast(asked, key))
    }

    fn with<T>(&self, use_it: impl FnOnce(&mut Current) -> T) -> T {
        let mut current = self.current.lock().unwrap_or_else(PoisonError::into_inner);
        use_it(&mut current)
    }
}

impl Current {
    fn cast(&mut self, asked: Asked, key: Option<&str>) -> Fate {
        let Self { faults, dice } = self;
        if !faults.target.unwrap_or(Target::Validate).covers(asked)
            || !faults.names(key)
            || faults.count == Some(0)
            || faults.share.is_some_and(|Share(share)| dice.f64() >= share)
        {
            return Fate::default();
        }
        faults.count = faults.count.map(|count| count.saturating_sub(1));
        let delay = Duration::from_millis(faults.delay_ms.unwrap_or(0));
        match faults.fail_rate {
            Some(Share(share)) if dice.f64() < share => Fate {
                delay,
                status: Some(StatusCode::INTERNAL_SERVER_ERROR),
                ..Fate::default()
            },
            _ => Fate {
                delay,
                status: faults.status.map(|status| status.0),
                retry_after: faults.retry_after,
                garbage: faults.garbage,
            },
        }
    }
}
