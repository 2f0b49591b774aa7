//! The path of an artifact: which spellings MLflow keeps, and which it reads as another path.
//!
//! `validate_path_is_safe` (mlflow/utils/uri.py) decodes what is left of percent-escapes up to ten times, parses
//! the result as a URL, and escapes control characters again, in lower case. So a name that holds `%17`, as the
//! client of MLflow 2.22 gives to images (`…%timestamp%1795892997123%…`), keeps it, while `%2F` becomes a
//! separator. Parsing drops tabs and line breaks, and at the start every control character. What real servers do
//! with each escape is in `tests/mlflow/test_artifact_names.py`.

use std::borrow::Cow;

use super::{Ambiguity, any, any_pair, decode_fully, hex_pair};

/// Below `/mlflow-artifacts/`, what the path of an artifact follows.
pub(super) const PREFIXES: &[&[u8]] = &[
    b"artifacts/",
    b"presigned/",
    b"mpu/create/",
    b"mpu/complete/",
    b"mpu/abort/",
];

/// What stands for an escape that MLflow keeps: no part of another escape, and nothing with a meaning.
const KEPT: u8 = b'_';

/// Rule 6. A path is taken for an artifact's by its shape, wherever the mount is; a mount, too, may have such a
/// shape, so every place that looks so counts.
pub(super) fn check(path: &str) -> Result<(), Ambiguity> {
    // Two bytes of it that are rare side by side.
    if !any_pair(path.as_bytes(), |a, b| (a == b'w') & (b == b'-')) {
        return Ok(());
    }
    let decoded = decode_fully(path.as_bytes());
    if matches!(decoded, Cow::Owned(_)) && below_artifacts(path.as_bytes()).next().is_none() {
        return Ok(());
    }
    let mut artifacts = artifacts(&decoded);
    // The first is the longest: what the others end in, it ends in too.
    let read_as_another = artifacts.next().is_some_and(is_read_as_another)
        || artifacts.any(|artifact| begins_as_another(artifact).is_some());
    if read_as_another {
        Err(Ambiguity::ArtifactPath)
    } else {
        Ok(())
    }
}

/// A once decoded path in which the escapes that MLflow keeps in the path of an artifact are ordinary characters.
pub(super) fn without_kept_escapes(once_decoded: &[u8]) -> Cow<'_, [u8]> {
    // The last: a mount may look like the path of an artifact too.
    let Some(artifact) = artifacts(once_decoded).last() else {
        return Cow::Borrowed(once_decoded);
    };
    let before = once_decoded.strip_suffix(artifact).unwrap_or_default();
    let mut shown = before.to_vec();
    shown.extend(each(artifact, |high, low| {
        is_kept(high, low).then_some(KEPT)
    }));
    Cow::Owned(shown)
}

/// Bytes with the escapes that `read` takes for a byte in place of that byte.
fn each(bytes: &[u8], read: impl Fn(u8, u8) -> Option<u8>) -> impl Iterator<Item = u8> {
    let mut rest = bytes;
    std::iter::from_fn(move || {
        let (&first, mut behind) = rest.split_first()?;
        let mut byte = first;
        if let (b'%', [high, low, after @ ..]) = (first, behind)
            && let Some(read) = read(*high, *low)
        {
            (byte, behind) = (read, after);
        }
        rest = behind;
        Some(byte)
    })
}

/// A control character that parsing leaves in place, as MLflow writes its escape.
fn is_kept(high: u8, low: u8) -> bool {
    let is_written_so = !high.is_ascii_uppercase() && !low.is_ascii_uppercase();
    let escaped = hex_pair(Some(high), Some(low)).filter(|_| is_written_so);
    escaped.is_some_and(|byte| byte.is_ascii_control() && !matches!(byte, b'\t' | b'\n' | b'\r'))
}

/// Why a target is refused, where it is the name of an artifact that has to change: the end of a sentence that
/// begins with "The path of the artifact". `None` where another spelling of the same name is served.
pub fn refused_name(raw: &[u8], ambiguity: Ambiguity) -> Option<String> {
    let path = raw.split(|byte| *byte == b'?').next()?;
    let artifact = artifacts(path).last()?;
    match ambiguity {
        Ambiguity::HiddenByte => hidden_byte(artifact).map(|byte| {
            let what = match byte {
                b'/' => "an escaped slash",
                b'\\' => "a backslash",
                b'.' => "an escaped dot",
                _ => "an escaped control character",
            };
            format!("holds {what} (%{byte:02X})")
        }),
        Ambiguity::NotUtf8 => Some("holds bytes that are not UTF-8".to_owned()),
        Ambiguity::EmptySegment => Some("holds an empty segment (//)".to_owned()),
        Ambiguity::DotSegment => Some("holds a dot segment (. or ..)".to_owned()),
        Ambiguity::ArtifactPath => {
            let decoded = decode_fully(artifact);
            let beginning = begins_as_another(&decoded);
            Some(
                beginning
                    .unwrap_or("holds ;, ? or # with nothing behind it")
                    .to_owned(),
            )
        }
        Ambiguity::NotAPath
        | Ambiguity::Byte
        | Ambiguity::Escape
        | Ambiguity::Query
        | Ambiguity::Parameter
        | Ambiguity::Method
        | Ambiguity::Override
        | Ambiguity::WithoutWorkspace
        | Ambiguity::Host => None,
    }
}

/// The first byte with a meaning that is hidden behind an escape, at any depth.
fn hidden_byte(artifact: &[u8]) -> Option<u8> {
    let separates = |byte: u8| matches!(byte, b'/' | b'\\') || byte.is_ascii_control();
    // A raw path holds neither backslashes nor control characters, so those come of an escape.
    let decoded = |high, low| hex_pair(Some(high), Some(low));
    let marked = |high, low| decoded(high, low).map(|byte| if separates(byte) { 0 } else { byte });
    let once: Vec<u8> = each(artifact, decoded).collect();
    let place = each(artifact, marked).position(|byte| byte == 0);
    if let Some(place) = place {
        return once.get(place).copied();
    }
    let shown: Vec<u8> = each(&once, |high, low| is_kept(high, low).then_some(KEPT)).collect();
    let has_meaning = |byte: &&u8| separates(**byte) || **byte == b'.';
    let fully = decode_fully(&shown);
    let mut plain = shown.iter().filter(has_meaning);
    // What is written plainly stays in its order: the first that differs was hidden.
    let mut all = fully.iter().filter(has_meaning);
    all.find(|byte| plain.next() != Some(*byte)).copied()
}

/// What is the path of an artifact in a path, at each place that looks so.
fn artifacts(path: &[u8]) -> impl Iterator<Item = &[u8]> {
    below_artifacts(path).filter_map(|below| {
        let mut prefixes = PREFIXES.iter();
        prefixes.find_map(|prefix| below.strip_prefix(*prefix))
    })
}

/// What is behind each `/mlflow-artifacts/`.
fn below_artifacts(path: &[u8]) -> impl Iterator<Item = &[u8]> {
    memchr::memchr_iter(b'-', path).filter_map(|at| {
        let (before, from) = path.split_at_checked(at)?;
        let below = from.strip_prefix(b"-artifacts/")?;
        before.ends_with(b"/mlflow").then_some(below)
    })
}

fn ends_in_nothing(artifact: &[u8]) -> bool {
    let empty_part = |pair: &[u8]| matches!(pair, b";?" | b";#" | b"?#");
    if !any(artifact, |b| (b == b';') | (b == b'?') | (b == b'#')) {
        return false;
    }
    matches!(artifact.last(), Some(b';' | b'?' | b'#')) || artifact.windows(2).any(empty_part)
}

/// Whether MLflow reads a fully decoded path as another.
pub(super) fn is_read_as_another(artifact: &[u8]) -> bool {
    ends_in_nothing(artifact) || begins_as_another(artifact).is_some()
}

/// What is wrong with the beginning of a fully decoded path, if anything is.
fn begins_as_another(artifact: &[u8]) -> Option<&'static str> {
    let whole = artifact.strip_suffix(b"/").unwrap_or(artifact);
    if artifact.first().is_some_and(|first| *first <= b' ') {
        Some("begins with a space or a control character")
    } else if starts_with_scheme(artifact) {
        Some("begins like a URL (with a scheme and a colon)")
    } else if whole.eq_ignore_ascii_case(b"workspaces") {
        Some("is the folder of every workspace")
    } else {
        None
    }
}

/// RFC 3986 section 3.1.
fn starts_with_scheme(path: &[u8]) -> bool {
    let scheme_byte = |b: &u8| b.is_ascii_alphanumeric() || matches!(b, b'+' | b'-' | b'.');
    let end = path.iter().position(|b| !scheme_byte(b));
    path.first().is_some_and(u8::is_ascii_alphabetic)
        && end.is_some_and(|end| path.get(end) == Some(&b':'))
}
