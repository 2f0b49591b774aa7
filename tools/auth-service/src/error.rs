//! Why the stand-in does not start.

use std::{fmt, io};

use mlflow_authz::config::ConfigError;

use super::keys::KeysFileError;

/// Its text says what went wrong and what to do about it; it never holds a key.
#[derive(Debug)]
pub enum StartError {
    /// The file of `--keys` cannot be used.
    KeysFile(KeysFileError),
    /// What should be a header is none.
    Credential {
        /// Whose value it is.
        option: &'static str,
    },
    /// The address of `--listen` is not free, or not this machine's.
    Listen {
        /// As it was given.
        address: String,
        /// What the system says.
        error: io::Error,
    },
    /// The configuration that `--ext-authz-mount` decides by.
    Checks(ConfigError),
    /// The system refuses.
    System {
        /// What was attempted.
        problem: &'static str,
        /// What the system says.
        error: io::Error,
    },
}

impl StartError {
    /// For `map_err`.
    pub fn system(problem: &'static str) -> impl FnOnce(io::Error) -> Self {
        move |error| Self::System { problem, error }
    }
}

impl fmt::Display for StartError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::KeysFile(error) => write!(f, "{error}; {}", error.remedy()),
            Self::Credential { option } => write!(
                f,
                r#"{option} is not a header; write "name: value", such as "authorization: Bearer …""#
            ),
            Self::Listen { address, error } => write!(
                f,
                "cannot listen on {address}: {error}; give --listen an address of this machine and a free port, \
                 such as 127.0.0.1:0"
            ),
            Self::Checks(error) => write!(f, "{error}; report this as a fault of auth-service"),
            Self::System { problem, error } => write!(f, "{problem}: {error}"),
        }
    }
}

impl std::error::Error for StartError {}

impl From<KeysFileError> for StartError {
    fn from(error: KeysFileError) -> Self {
        Self::KeysFile(error)
    }
}
