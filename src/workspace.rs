//! Workspaces of MLflow (3.10 and later, `--enable-workspaces`): what their names are, which one a request is for, and
//! which ones a limit covers.
//!
//! MLflow takes the workspace of a request from one header, `X-MLFLOW-WORKSPACE` (`mlflow/utils/workspace_utils.py`), and
//! its name is valid by `WorkspaceNameValidator` (`mlflow/store/workspace/abstract_store.py`). A limit is a list of
//! patterns, where `*` stands for any characters and `?` for one. Pure: it knows no key and no scope.

mod limit;

#[cfg(test)]
mod tests;

use crate::pattern;
use crate::request::RequestHead;

pub use limit::{LimitPlaces, Pair, Said, Stated, USUAL};

/// The header that selects the workspace of a request.
pub const HEADER: &str = "x-mlflow-workspace";

/// The workspace whose files MLflow keeps at the root of the artifact store, beside those of all others.
pub const AT_THE_ROOT: &str = "default";

/// The lengths of names, in characters.
const LENGTHS: std::ops::RangeInclusive<usize> = 2..=63;

/// The request has the header twice, or its value is not the name of a workspace.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Ambiguous;

/// The workspace that a request names, in any spelling of the header; `None` where it names none. Blanks around a name
/// do not count, and a blank value is none, as MLflow has it.
///
/// # Errors
/// Two headers, or a value that is no name.
pub fn named<'a>(head: &RequestHead<'a>) -> Result<Option<&'a str>, Ambiguous> {
    let mut values = head.all_spellings(HEADER);
    let Some(value) = values.next() else {
        return Ok(None);
    };
    if values.next().is_some() {
        return Err(Ambiguous);
    }
    match std::str::from_utf8(value.trim_ascii()) {
        Ok("") => Ok(None),
        Ok(name) if is_name(name) => Ok(Some(name)),
        _ => Err(Ambiguous),
    }
}

/// Whether a text can be the name of a workspace.
pub fn is_name(text: &str) -> bool {
    let inner = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-';
    LENGTHS.contains(&text.len())
        && text.bytes().all(inner)
        && !text.starts_with('-')
        && !text.ends_with('-')
}

/// Whether a text can be a pattern of names: one that could match some.
pub fn is_pattern(text: &str) -> bool {
    let of_patterns =
        |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || matches!(b, b'-' | b'*' | b'?');
    !text.is_empty() && text.bytes().all(of_patterns)
}

/// Whether a pattern matches exactly one name.
pub fn is_literal(pattern: &str) -> bool {
    is_name(pattern)
}

/// Whether a pattern matches all names that another one does, as far as that can be told: each is taken as text, and a
/// `*` in the other one is met by `*` alone.
pub fn includes(pattern: &str, other: &str) -> bool {
    pattern::matches(pattern, other) && (pattern.contains('*') || !other.contains('*'))
}

/// Whether some pattern of a limit matches the name of a workspace.
pub fn covers(limit: &[String], name: &str) -> bool {
    limit.iter().any(|it| pattern::matches(it, name))
}

/// A word that is limited to workspaces, `acme-*/model:write`, in its parts: the pattern before the slash, which stands
/// before the first colon, and the rest. `None` where it is no such word.
pub fn split(word: &str) -> Option<(&str, &str)> {
    let (limit, rest) = word.split_once('/')?;
    (is_pattern(limit) && !rest.is_empty()).then_some((limit, rest))
}

/// The workspaces that a key belongs to: `workspaces` and `workspace` of its principal. A key that is pinned to a
/// workspace belongs to it alone unless more is said, and one that is pinned to what is no workspace belongs to none.
pub fn membership(
    workspaces: Option<Vec<String>>,
    workspace: Option<String>,
) -> (Option<Vec<String>>, Option<String>) {
    match (workspaces, workspace) {
        (workspaces, None) => (workspaces, None),
        (_, Some(pin)) if !is_name(&pin) => (Some(Vec::new()), None),
        (Some(workspaces), Some(pin)) => (Some(workspaces), Some(pin)),
        (None, Some(pin)) => (Some(vec![pin.clone()]), Some(pin)),
    }
}
