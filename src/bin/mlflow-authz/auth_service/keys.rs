//! The keys file: which keys the stand-in knows and what it answers for each.
//!
//!     {"keys": [{"key": "hk_live_…", "user_id": "u1", "key_id": "key_1", "scopes": ["model:read"]},
//!               {"key": "hk_live_…", "status": 429, "retry_after": 7}]}
//!
//! Three fields are orders to the stand-in: `key`; `status`, answered instead of 200; `retry_after`, a
//! number of seconds or any text, sent as `Retry-After`. Every other field goes into the reply exactly as
//! it is written, right or wrong: a test orders an odd reply by writing it down.
//!
//! The file is walked by hand and not deserialized, because serde's errors quote the value they did not
//! expect, and that value may be a key.

use std::collections::HashMap;
use std::fmt;
use std::path::{Path, PathBuf};

use axum::http::{HeaderValue, StatusCode};
use serde_json::{Map, Value};

use super::faults;
use crate::error::CliError;

/// What the stand-in answers for one key.
#[derive(Debug, Clone)]
pub struct Entry {
    /// 200 but where the file orders another.
    pub status: StatusCode,
    /// `Retry-After`, in the file's own words.
    pub retry_after: Option<HeaderValue>,
    /// The reply for a status of 200.
    pub reply: Map<String, Value>,
}

/// The keys by their text.
///
/// A lookup is an ordinary, data-dependent comparison: this is a stand-in that holds test keys, in a file,
/// in clear, so there is nothing its timing could tell that is worth hiding.
pub struct Keys(HashMap<String, Entry>);

impl Keys {
    /// Reads a keys file.
    ///
    /// # Errors
    ///
    /// Every error names the file, and the field where there is one; none holds a key.
    pub fn read(file: &Path) -> Result<Self, KeysFileError> {
        let fail = |defect| KeysFileError {
            file: file.to_owned(),
            defect,
        };
        let text = std::fs::read(file).map_err(|error| fail(Defect::Unreadable(error)))?;
        Self::parse(&text).map_err(fail)
    }

    fn parse(text: &[u8]) -> Result<Self, Defect> {
        // Into a `Value`, only the syntax can be wrong, and such an error gives a position, no text.
        let root: Value = serde_json::from_slice(text).map_err(Defect::NotJson)?;
        let entries = match root.get("keys") {
            Some(Value::Array(entries)) => entries,
            Some(_) => return Err(Defect::KeysNotAList),
            None => return Err(Defect::KeysMissing),
        };
        let mut keys = HashMap::with_capacity(entries.len());
        let mut first_index = HashMap::with_capacity(entries.len());
        for (index, entry) in entries.iter().enumerate() {
            let (key, entry) =
                parse_entry(entry).map_err(|defect| Defect::Entry { index, defect })?;
            if let Some(first) = first_index.insert(key.clone(), index) {
                let defect = EntryDefect::Duplicate { first };
                return Err(Defect::Entry { index, defect });
            }
            keys.insert(key, entry);
        }
        Ok(Self(keys))
    }

    /// The entry of the key a caller presents, if the file has it.
    pub fn get(&self, key: &str) -> Option<&Entry> {
        self.0.get(key)
    }
}

fn parse_entry(entry: &Value) -> Result<(String, Entry), EntryDefect> {
    let Value::Object(fields) = entry else {
        return Err(EntryDefect::NotAnObject);
    };
    let mut reply = fields.clone();
    let key = match reply.remove("key") {
        Some(Value::String(key)) if fits_a_bearer_header(&key) => key,
        Some(_) => return Err(EntryDefect::Key),
        None => return Err(EntryDefect::KeyMissing),
    };
    let status = match reply.remove("status") {
        Some(status) => status
            .as_u64()
            .and_then(|status| u16::try_from(status).ok())
            .and_then(faults::final_status)
            .ok_or(EntryDefect::Status)?,
        None => StatusCode::OK,
    };
    let retry_after = match reply.remove("retry_after") {
        Some(Value::String(text)) => Some(text),
        Some(Value::Number(number)) => Some(number.to_string()),
        Some(_) => return Err(EntryDefect::RetryAfter),
        None => None,
    };
    let retry_after = retry_after
        .map(|text| HeaderValue::from_str(&text).map_err(|_| EntryDefect::RetryAfter))
        .transpose()?;
    let entry = Entry {
        status,
        retry_after,
        reply,
    };
    Ok((key, entry))
}

/// A key no request can carry would never match, which is a riddle to whoever wrote the file.
fn fits_a_bearer_header(key: &str) -> bool {
    !key.is_empty() && key.bytes().all(|byte| byte.is_ascii_graphic())
}

/// Why a keys file cannot be used. Its text never holds a key.
#[derive(Debug)]
pub struct KeysFileError {
    file: PathBuf,
    defect: Defect,
}

#[derive(Debug)]
enum Defect {
    Unreadable(std::io::Error),
    NotJson(serde_json::Error),
    KeysMissing,
    KeysNotAList,
    Entry { index: usize, defect: EntryDefect },
}

#[derive(Debug)]
enum EntryDefect {
    NotAnObject,
    KeyMissing,
    Key,
    Duplicate { first: usize },
    Status,
    RetryAfter,
}

impl fmt::Display for KeysFileError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let file = self.file.display();
        match &self.defect {
            Defect::Unreadable(error) => write!(f, "cannot read the keys file {file}: {error}"),
            Defect::NotJson(error) => write!(f, "the keys file {file} is not JSON: {error}"),
            Defect::KeysMissing => write!(f, "the keys file {file} has no field keys"),
            Defect::KeysNotAList => write!(f, "the keys file {file}: keys is not a list"),
            Defect::Entry { index, defect } => {
                write!(f, "the keys file {file}: keys[{index}]")?;
                match defect {
                    EntryDefect::NotAnObject => f.write_str(" is not an object"),
                    EntryDefect::KeyMissing => f.write_str(" has no field key"),
                    EntryDefect::Key => f.write_str(".key is not text that a header can carry"),
                    EntryDefect::Duplicate { first } => {
                        write!(f, ".key is the same as keys[{first}].key")
                    }
                    EntryDefect::Status => {
                        f.write_str(".status is not a whole number from 200 to 599")
                    }
                    EntryDefect::RetryAfter => {
                        f.write_str(".retry_after is neither a number nor text for a header")
                    }
                }
            }
        }
    }
}

impl std::error::Error for KeysFileError {}

impl From<KeysFileError> for CliError {
    fn from(error: KeysFileError) -> Self {
        let remedy = match &error.defect {
            Defect::Unreadable(_) => "give --keys a file that can be read".to_owned(),
            Defect::NotJson(_) | Defect::KeysMissing | Defect::KeysNotAList => {
                r#"write {"keys": [{"key": "…", "scopes": […]}]}"#.to_owned()
            }
            Defect::Entry { index, defect } => match defect {
                EntryDefect::NotAnObject => {
                    format!(r#"make keys[{index}] an object such as {{"key": "…", "scopes": […]}}"#)
                }
                EntryDefect::KeyMissing => format!("add keys[{index}].key"),
                EntryDefect::Key => "use visible ASCII characters, no spaces".to_owned(),
                EntryDefect::Duplicate { .. } => "remove one of the two entries".to_owned(),
                EntryDefect::Status => "name the status to answer, such as 429".to_owned(),
                EntryDefect::RetryAfter => "give the seconds to wait, such as 7".to_owned(),
            },
        };
        Self::new(error.to_string(), remedy)
    }
}
