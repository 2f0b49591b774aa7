//! The keys file: which keys the stand-in knows and what it answers for each.
//!
//!     {"keys": [{"key": "hk_live_…", "user_id": "u1", "key_id": "key_1", "scopes": ["model:read"],
//!                "expires_at": "2026-10-21T07:28:00Z", "cache_control": "max-age=30"},
//!               {"key": "hk_live_…", "status": 429, "retry_after": 7}]}
//!
//! Four fields are orders to the stand-in: `key`; `status`, answered instead of 200; `retry_after`, a
//! number of seconds or any text, sent as `Retry-After`; `cache_control`, text, sent as the
//! `Cache-Control` of a 200. Every other field, `expires_at` too, goes into the reply exactly as it is
//! written, right or wrong: a test orders an odd reply by writing it down.
//!
//! The file is walked by hand and not deserialized, because serde's errors quote the value they did not
//! expect, and that value may be a key.

use std::collections::HashMap;
use std::fmt;
use std::path::{Path, PathBuf};

use axum::http::{HeaderValue, StatusCode};
use serde_json::Value;

use super::super::faults;
use super::Entry;

/// Reads a keys file.
///
/// # Errors
///
/// Every error names the file, and the field where there is one; none holds a key.
pub fn read(file: &Path) -> Result<HashMap<String, Entry>, KeysFileError> {
    let fail = |problem| KeysFileError {
        file: file.to_owned(),
        problem,
    };
    let text = std::fs::read(file).map_err(|error| fail(Problem::Unreadable(error)))?;
    parse(&text).map_err(|defect| fail(Problem::Defect(defect)))
}

/// Reads what a keys file holds.
///
/// # Errors
///
/// As [`read`], but for the name of the file.
pub fn parse(text: &[u8]) -> Result<HashMap<String, Entry>, Defect> {
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
        let (key, entry) = parse_entry(entry).map_err(|defect| Defect::Entry { index, defect })?;
        if let Some(first) = first_index.insert(key.clone(), index) {
            let defect = EntryDefect::Duplicate { first };
            return Err(Defect::Entry { index, defect });
        }
        keys.insert(key, entry);
    }
    Ok(keys)
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
    let cache_control = match reply.remove("cache_control") {
        Some(Value::String(text)) => Some(text),
        Some(_) => return Err(EntryDefect::CacheControl),
        None => None,
    };
    let cache_control = cache_control
        .map(|text| HeaderValue::from_str(&text).map_err(|_| EntryDefect::CacheControl))
        .transpose()?;
    let entry = Entry {
        status,
        retry_after,
        cache_control,
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
    problem: Problem,
}

#[derive(Debug)]
enum Problem {
    Unreadable(std::io::Error),
    Defect(Defect),
}

/// What is wrong with keys, said of a subject: "the body" + " has no field keys". Never holds a key.
#[derive(Debug)]
pub enum Defect {
    /// Not JSON at all.
    NotJson(serde_json::Error),
    /// No field `keys`.
    KeysMissing,
    /// `keys` is something else than a list.
    KeysNotAList,
    /// `keys[index]` cannot be used.
    Entry {
        /// Its place in the list.
        index: usize,
        /// What is wrong with it.
        defect: EntryDefect,
    },
}

/// What is wrong with one entry.
#[derive(Debug)]
pub enum EntryDefect {
    /// It is no object.
    NotAnObject,
    /// It has no key.
    KeyMissing,
    /// No request could carry its key.
    Key,
    /// An entry before it has the same key.
    Duplicate {
        /// That entry's place in the list.
        first: usize,
    },
    /// No reply can have its status.
    Status,
    /// No header can carry its `retry_after`.
    RetryAfter,
    /// No header can carry its `cache_control`.
    CacheControl,
}

impl fmt::Display for KeysFileError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let file = self.file.display();
        match &self.problem {
            Problem::Unreadable(error) => write!(f, "cannot read the keys file {file}: {error}"),
            Problem::Defect(defect) => write!(f, "the keys file {file}{defect}"),
        }
    }
}

impl fmt::Display for Defect {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotJson(error) => write!(f, " is not JSON: {error}"),
            Self::KeysMissing => f.write_str(" has no field keys"),
            Self::KeysNotAList => f.write_str(": keys is not a list"),
            Self::Entry { index, defect } => write!(f, ": keys[{index}]{defect}"),
        }
    }
}

impl fmt::Display for EntryDefect {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotAnObject => f.write_str(" is not an object"),
            Self::KeyMissing => f.write_str(" has no field key"),
            Self::Key => f.write_str(".key is not text that a header can carry"),
            Self::Duplicate { first } => write!(f, ".key is the same as keys[{first}].key"),
            Self::Status => f.write_str(".status is not a whole number from 200 to 599"),
            Self::RetryAfter => {
                f.write_str(".retry_after is neither a number nor text for a header")
            }
            Self::CacheControl => f.write_str(".cache_control is not text for a header"),
        }
    }
}

impl std::error::Error for KeysFileError {}

impl KeysFileError {
    /// What to do about it.
    pub fn remedy(&self) -> String {
        match &self.problem {
            Problem::Unreadable(_) => "give --keys a file that can be read".to_owned(),
            Problem::Defect(defect) => defect.remedy(),
        }
    }
}

impl Defect {
    fn remedy(&self) -> String {
        match self {
            Self::NotJson(_) | Self::KeysMissing | Self::KeysNotAList => {
                r#"write {"keys": [{"key": "…", "scopes": […]}]}"#.to_owned()
            }
            Self::Entry { index, defect } => match defect {
                EntryDefect::NotAnObject => {
                    format!(r#"make keys[{index}] an object such as {{"key": "…", "scopes": […]}}"#)
                }
                EntryDefect::KeyMissing => format!("add keys[{index}].key"),
                EntryDefect::Key => "use visible ASCII characters, no spaces".to_owned(),
                EntryDefect::Duplicate { .. } => "remove one of the two entries".to_owned(),
                EntryDefect::Status => "name the status to answer, such as 429".to_owned(),
                EntryDefect::RetryAfter => "give the seconds to wait, such as 7".to_owned(),
                EntryDefect::CacheControl => r#"write a text such as "max-age=30""#.to_owned(),
            },
        }
    }
}
