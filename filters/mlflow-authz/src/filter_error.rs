//! Why a request is refused that the engine never decided about. It names the cause and knows no request.

use std::fmt;

use crate::host::HostError;

/// Why the filter could not decide.
pub enum FilterError {
    /// The configuration was refused or never came.
    NoConfiguration,
    /// An event came within an event.
    EngineBusy,
    /// The host did not let the filter do what it has to.
    Host(HostError),
}

impl From<HostError> for FilterError {
    fn from(error: HostError) -> Self {
        Self::Host(error)
    }
}

impl fmt::Display for FilterError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NoConfiguration => f.write_str("no configuration is in force"),
            Self::EngineBusy => f.write_str("the engine is already handling an event"),
            Self::Host(error) => error.fmt(f),
        }
    }
}
