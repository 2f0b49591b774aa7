//! Request targets: one canonical path, or a refusal.
//!
//! The server decodes percent-escapes before it routes, so the catalog is asked about the decoded path.
//! A target has exactly one reading or it is refused (`target_ambiguous`). The rules:
//!
//! 1. A target is in origin form (RFC 9112 section 3.2.1): a path that starts with `/`, then perhaps a query.
//! 2. A path holds visible ASCII without `#` and `\`: servers and proxies disagree on them.
//! 3. `%` is followed by two hexadecimal digits. Escapes are decoded once. What they may not hide: `/`,
//!    `\`, control bytes, or bytes that are not UTF-8. The one exception is `/` below `/mcp-servers/`: names
//!    of MCP servers hold a slash, MLflow's client escapes it, and the server decodes it before it routes.
//! 4. What is still escaped after that (`%252F` for a name that holds `%2F`) may not hide, at any depth,
//!    a separator, a dot or a control byte. `%25` alone is a legitimate percent sign in a file name. So is, in the
//!    path of an artifact, an escape that MLflow keeps as it is written: that of a control character but tab and
//!    line breaks, in lower case, escaped once (`%2517` for a name that holds `%17`).
//! 5. No segment is `.` or `..`, and none is empty but the last: `/a/` is a path of its own. What follows a
//!    `;` does not count here, since some servers cut it. A `;` may stand in a name, where the catalog has a
//!    parameter; anywhere else it is refused.
//! 6. The path of an artifact may not be one that MLflow reads as another (mlflow/utils/uri.py,
//!    `validate_path_is_safe`, decodes it up to ten times and parses it as a URL): fully decoded, it does not
//!    begin with a space, a control byte or a URL scheme (`file:`), and no `;`, `?` or `#` in it has nothing behind it. What is left of such a
//!    path can be the root of the store. Nor is it `workspaces`, the folder of every workspace.
//! 7. The query is kept as it is; nothing in it changes the path.
//!
//! A target that breaks a rule is none of the filter's business only if no reading of it leads into a
//! mount; [`could_reach`] takes the most generous reading there is.

mod artifact;
mod files;
#[cfg(test)]
mod tests;

use std::borrow::Cow;

pub use artifact::refused_name;
pub use files::Files;

/// A request target with one reading.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Target<'a> {
    /// The path, decoded once.
    pub path: Cow<'a, str>,
    /// What follows the first `?`, as it came.
    pub query: Option<&'a str>,
}

/// Why a target has no single reading.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ambiguity {
    /// There is no `:path`, or it is not a path.
    NotAPath,
    /// A byte that a path cannot hold.
    Byte,
    /// A `%` without two hexadecimal digits.
    Escape,
    /// An escape that hides a separator, a dot or a control byte.
    HiddenByte,
    /// Escapes that do not decode to UTF-8.
    NotUtf8,
    /// An empty segment.
    EmptySegment,
    /// A `.` or `..` segment.
    DotSegment,
    /// A query that holds bytes outside visible ASCII.
    Query,
    /// A `;` that is not part of a name.
    Parameter,
    /// The path of an artifact that MLflow reads as another.
    ArtifactPath,
    /// No method, or one with lower-case letters: werkzeug reads `get` as `GET`, others do not.
    Method,
    /// A header that could override method or path, see [`crate::overrides`].
    Override,
    /// A path by which MLflow takes the request for one that has no workspace.
    WithoutWorkspace,
    /// A host that holds a character which begins a path, a query or a fragment.
    Host,
}

impl Ambiguity {
    /// What is wrong, as a sentence without its full stop.
    pub const fn problem(self) -> &'static str {
        match self {
            Self::NotAPath => "The request target is not a path",
            Self::Byte => "The request target holds a character that a path cannot hold",
            Self::Escape => {
                "The request target holds a percent sign without two hexadecimal digits"
            }
            Self::HiddenByte => {
                "The request target hides a separator, a dot or a control character behind an escape"
            }
            Self::NotUtf8 => "The request target does not decode to UTF-8",
            Self::EmptySegment => "The request target holds an empty segment",
            Self::DotSegment => "The request target holds a dot segment",
            Self::Query => {
                "The request target has a query with a character that a query cannot hold"
            }
            Self::Parameter => "The request target has a path parameter",
            Self::ArtifactPath => {
                "The request target names an artifact by a path that MLflow reads as another"
            }
            Self::Method => "The request method is missing or has lower-case letters",
            Self::Override => "The request carries a header that could override its method or path",
            Self::WithoutWorkspace => {
                "The request target ends in /mlflow/server-info, for which MLflow ignores the workspace"
            }
            Self::Host => "The host of the request holds a /, ? or #",
        }
    }

    /// What to do about it, as a sentence.
    pub const fn remedy(self) -> &'static str {
        match self {
            Self::Method => "Send the method in upper case.",
            Self::Override => "Remove that header.",
            Self::WithoutWorkspace => "Rename what ends so.",
            Self::Host => "Send the plain host.",
            Self::Escape | Self::Query => "Percent-encode it.",
            Self::NotAPath
            | Self::Byte
            | Self::HiddenByte
            | Self::NotUtf8
            | Self::EmptySegment
            | Self::DotSegment
            | Self::Parameter
            | Self::ArtifactPath => "Send the plain path.",
        }
    }
}

impl<'a> Target<'a> {
    /// Reads a `:path` by the rules above.
    ///
    /// # Errors
    /// The first rule it breaks.
    pub fn parse(raw: &'a [u8]) -> Result<Self, Ambiguity> {
        Self::parse_with(raw, &mut Vec::new())
    }

    /// The same; a path that has to be decoded takes `buffer`, see [`Self::into_buffer`].
    ///
    /// # Errors
    /// The first rule it breaks.
    pub(crate) fn parse_with(raw: &'a [u8], buffer: &mut Vec<u8>) -> Result<Self, Ambiguity> {
        let text = std::str::from_utf8(raw).map_err(|_| Ambiguity::Byte)?;
        let (path, query) = match text.split_once('?') {
            Some((path, query)) => (path, Some(query)),
            None => (text, None),
        };
        if !path.starts_with('/') {
            return Err(Ambiguity::NotAPath);
        }
        if query.is_some_and(|query| any(query.as_bytes(), |b| !b.is_ascii_graphic())) {
            return Err(Ambiguity::Query);
        }
        if any(path.as_bytes(), |b| {
            !b.is_ascii_graphic() | (b == b'#') | (b == b'\\')
        }) {
            return Err(Ambiguity::Byte);
        }
        let path = decode_path(path, buffer)?;
        if has_odd_segments(&path) {
            check_segments(&path)?;
        }
        artifact::check(&path)?;
        Ok(Self { path, query })
    }

    /// What the path was decoded into, to be used again.
    pub(crate) fn into_buffer(self) -> Option<Vec<u8>> {
        match self.path {
            Cow::Borrowed(_) => None,
            Cow::Owned(path) => Some(path.into_bytes()),
        }
    }
}

/// To the end whatever it finds, without a branch: most targets are in order, and so it takes many bytes a time.
fn any(bytes: &[u8], is_odd: impl Fn(u8) -> bool) -> bool {
    bytes
        .iter()
        .fold(false, |found, byte| found | is_odd(*byte))
}

/// The same of two bytes side by side.
fn any_pair(bytes: &[u8], is_odd: impl Fn(u8, u8) -> bool) -> bool {
    let behind = bytes.get(1..).unwrap_or_default();
    let pairs = bytes.iter().zip(behind);
    pairs.fold(false, |found, (a, b)| found | is_odd(*a, *b))
}

fn decode_path<'a>(path: &'a str, buffer: &mut Vec<u8>) -> Result<Cow<'a, str>, Ambiguity> {
    if !any(path.as_bytes(), |b| b == b'%') {
        return Ok(Cow::Borrowed(path));
    }
    let mut decoded = std::mem::take(buffer);
    decoded.clear();
    decoded.reserve(path.len());
    let mut bytes = path.bytes();
    let mut in_name = false;
    while let Some(byte) = bytes.next() {
        if byte != b'%' {
            decoded.push(byte);
            continue;
        }
        let escaped = hex_pair(bytes.next(), bytes.next()).ok_or(Ambiguity::Escape)?;
        // Asked once: a caller must not choose how often the path is searched.
        in_name = in_name || (escaped == b'/' && names_mcp_server(&decoded));
        if escaped == b'\\' || (escaped == b'/' && !in_name) || escaped.is_ascii_control() {
            return Err(Ambiguity::HiddenByte);
        }
        decoded.push(escaped);
    }
    let decoded = String::from_utf8(decoded).map_err(|_| Ambiguity::NotUtf8)?;
    if hides_structure(decoded.as_bytes()) {
        return Err(Ambiguity::HiddenByte);
    }
    Ok(Cow::Owned(decoded))
}

/// Whether what follows is the name of an MCP server, or behind it.
fn names_mcp_server(before: &[u8]) -> bool {
    const ABOVE: &[u8] = b"/mcp-servers/";
    before.windows(ABOVE.len()).any(|part| part == ABOVE)
}

/// Whether decoding again, as often as there is something to decode, yields a byte that has a meaning.
/// No escape holds such a byte and decoding removes none, so counting tells.
fn hides_structure(once_decoded: &[u8]) -> bool {
    if !any(once_decoded, |b| b == b'%') {
        return false;
    }
    let count = |bytes: &[u8]| {
        bytes
            .iter()
            .filter(|b| matches!(b, b'/' | b'\\' | b'.') || b.is_ascii_control())
            .count()
    };
    let shown = artifact::without_kept_escapes(once_decoded);
    let decoded = decode_fully(&shown);
    matches!(&decoded, Cow::Owned(decoded) if count(decoded) > count(&shown))
}

/// Whether there is anything for [`check_segments`] to look at. A path begins with a slash, so a segment that is
/// empty but not the last, or begins with a dot, stands behind one.
fn has_odd_segments(path: &str) -> bool {
    let odd = |a, b| (a == b'/') & ((b == b'/') | (b == b'.'));
    any(path.as_bytes(), |b| b == b';') || any_pair(path.as_bytes(), odd)
}

fn check_segments(path: &str) -> Result<(), Ambiguity> {
    let mut segments = path.split('/').skip(1).peekable();
    while let Some(segment) = segments.next() {
        let name = segment.split(';').next().unwrap_or_default();
        match name {
            "" if segments.peek().is_some() || !segment.is_empty() => {
                return Err(Ambiguity::EmptySegment);
            }
            "." | ".." => return Err(Ambiguity::DotSegment),
            _ => {}
        }
    }
    Ok(())
}

/// The part of a canonical path below a mount, starting with `/`; `None` when the path is elsewhere.
pub fn below_mount<'p>(path: &'p str, mount: &str) -> Option<&'p str> {
    let rest = path.strip_prefix(mount.trim_end_matches('/'))?;
    match rest.as_bytes().first() {
        None => Some("/"),
        Some(b'/') => Some(rest),
        Some(_) => None,
    }
}

/// Whether any reading of an ambiguous target could lead below the mount.
///
/// Readings differ in how often they decode, whether they merge slashes and cut parameters, and in which
/// order they resolve dot segments. All of them only split and drop segments: none leads below a mount
/// whose segments do not stand in the fully decoded path, in their order.
pub fn could_reach(raw: &[u8], mount: &str) -> bool {
    let path = raw.split(|b| *b == b'?').next().unwrap_or_default();
    if !path.starts_with(b"/") {
        return true;
    }
    let decoded = decode_fully(path);
    let text = String::from_utf8_lossy(&decoded);
    let mut segments = text
        .split(['/', '\\'])
        .map(|segment| segment.split([';', '#', '?']).next());
    mount
        .split('/')
        .filter(|name| !name.is_empty())
        .all(|name| segments.any(|s| s == Some(name)))
}

/// Decodes until nothing is left to decode, in one pass: a caller must not choose the number of rounds.
fn decode_fully(bytes: &[u8]) -> Cow<'_, [u8]> {
    if !any(bytes, |b| b == b'%') {
        return Cow::Borrowed(bytes);
    }
    let mut decoded: Vec<u8> = Vec::with_capacity(bytes.len());
    for &byte in bytes {
        decoded.push(byte);
        while let Some((rest, [b'%', high, low])) = decoded.split_last_chunk::<3>() {
            let Some(value) = hex_pair(Some(*high), Some(*low)) else {
                break;
            };
            let kept = rest.len();
            decoded.truncate(kept);
            decoded.push(value);
        }
    }
    Cow::Owned(decoded)
}

/// Decodes a query component: `+` is a space, escapes are decoded once, what is not an escape stays.
pub(crate) fn decoded_query_component(component: &str) -> impl Iterator<Item = u8> {
    let mut rest = component.as_bytes();
    std::iter::from_fn(move || {
        let (&byte, tail) = rest.split_first()?;
        rest = tail;
        match (byte, tail) {
            (b'+', _) => Some(b' '),
            (b'%', [high, low, behind @ ..]) => match hex_pair(Some(*high), Some(*low)) {
                Some(value) => {
                    rest = behind;
                    Some(value)
                }
                None => Some(byte),
            },
            _ => Some(byte),
        }
    })
}

fn hex_pair(high: Option<u8>, low: Option<u8>) -> Option<u8> {
    let digit = |byte: u8| {
        char::from(byte)
            .to_digit(16)
            .and_then(|d| u8::try_from(d).ok())
    };
    Some(digit(high?)? << 4 | digit(low?)?)
}
