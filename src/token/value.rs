//! The bytes of one claim as a value of the type that is wanted: the host's encoding carries none.
//!
//! Text is raw, a number eight bytes of a little-endian double, a flag one byte, a list or an object in the encoding of
//! [`crate::pairs`]. Text with a control byte is not text, so that no list, no object, no flag and hardly a number is
//! taken for one. Total: any bytes are a value of a type or none.

#[cfg(test)]
mod tests;

use crate::pairs::{self, Pair};
use crate::principal::{Grant, Timestamp, scopes_of_text};

/// 9999-12-31T23:59:59Z in seconds since the UNIX epoch: a larger number is not in seconds.
const LATEST: f64 = 253_402_300_799.0;

/// The largest number of which every smaller one is exact in a double.
const LARGEST_EXACT: f64 = 9_007_199_254_740_991.0;

/// Text without a control byte.
pub(super) fn text(bytes: &[u8]) -> Option<&str> {
    let has_control = bytes.iter().any(u8::is_ascii_control);
    std::str::from_utf8(bytes).ok().filter(|_| !has_control)
}

pub(super) fn number(bytes: &[u8]) -> Option<f64> {
    let bytes = <[u8; 8]>::try_from(bytes).ok()?;
    Some(f64::from_le_bytes(bytes)).filter(|number| number.is_finite())
}

/// Seconds since the UNIX epoch.
pub(super) fn time(bytes: &[u8]) -> Option<Timestamp> {
    let seconds = number(bytes).filter(|it| *it <= LATEST)?;
    Timestamp::try_from_secs_f64(seconds).ok()
}

pub(super) fn flag(bytes: &[u8]) -> Option<bool> {
    match bytes {
        [0] => Some(false),
        [1] => Some(true),
        _ => None,
    }
}

/// Text, or a whole number as its digits.
#[allow(
    clippy::cast_possible_truncation,
    reason = "whole and in range; and what formats floating point numbers is a large part of a module"
)]
pub(super) fn id(bytes: &[u8]) -> Option<String> {
    let digits = || {
        let whole = number(bytes).filter(|it| it.fract() == 0.0 && it.abs() <= LARGEST_EXACT)?;
        Some((whole as i64).to_string())
    };
    text(bytes).map(str::to_owned).or_else(digits)
}

/// The elements of a list.
pub(super) fn list(bytes: &[u8]) -> Option<Vec<&[u8]>> {
    let pairs = whole(bytes)?;
    let elements = pairs
        .into_iter()
        .map(|(element, value)| value.is_empty().then_some(element));
    elements.collect()
}

/// The fields of an object.
fn object(bytes: &[u8]) -> Option<Vec<Pair<'_>>> {
    whole(bytes)
}

fn whole(bytes: &[u8]) -> Option<Vec<Pair<'_>>> {
    pairs::read(bytes)
        .filter(|(_, rest)| rest.is_empty())
        .map(|(pairs, _)| pairs)
}

/// A list of texts.
pub(super) fn texts(bytes: &[u8]) -> Option<Vec<String>> {
    let texts = list(bytes)?.into_iter();
    texts
        .map(|element| text(element).map(str::to_owned))
        .collect()
}

/// A list of texts, or one text with spaces between them.
pub(super) fn words(bytes: &[u8]) -> Option<Vec<String>> {
    text(bytes).map(scopes_of_text).or_else(|| texts(bytes))
}

/// A list of scopes limited to names or workspaces.
pub(super) fn grants(bytes: &[u8]) -> Option<Vec<Grant>> {
    list(bytes)?.into_iter().map(grant).collect()
}

fn grant(bytes: &[u8]) -> Option<Grant> {
    let fields = object(bytes)?;
    let field = |name: &str| {
        let mut found = fields.iter().filter(|(it, _)| *it == name.as_bytes());
        let value = found.next().map(|(_, value)| *value);
        found.next().is_none().then_some(value)
    };
    // A limit that cannot be read must not be lost, nor one by the name of a key's.
    if field("workspace")?.is_some() {
        return None;
    }
    let limit = |name: &str| match field(name)? {
        Some(value) => texts(value).map(Some),
        None => Some(None),
    };
    let grant = Grant {
        scope: text(field("scope")??)?.to_owned(),
        names: limit("names")?,
        workspaces: limit("workspaces")?,
    };
    (grant.names.is_some() || grant.workspaces.is_some()).then_some(grant)
}
