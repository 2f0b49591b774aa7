//! What is wrong with a JSON text, and where. Owns the words for it; who reads the text may choose others.

use std::fmt;

use serde::de::{Expected, Unexpected};

/// Boxed, since every step of a reading returns it.
#[derive(Debug)]
pub(crate) struct Error(Box<Inner>);

#[derive(Debug)]
struct Inner {
    path: String,
    problem: Problem,
}

/// What is wrong.
#[derive(Debug)]
pub(crate) enum Problem {
    /// The text is not JSON.
    Syntax(String),
    /// A name that the object does not have.
    UnknownField {
        name: String,
        known: &'static [&'static str],
    },
    /// A field that is not there.
    MissingField(&'static str),
    /// A duplicated field.
    DuplicatedField(&'static str),
    /// A value of another kind or range.
    Unexpected { found: String, expected: String },
    /// In the words of whoever reads the field.
    Other(String),
}

impl Error {
    fn new(problem: Problem) -> Self {
        Self(Box::new(Inner {
            path: String::new(),
            problem,
        }))
    }

    /// Text that is not JSON, and where: the line, and its byte, counted from 1.
    pub(super) fn syntax(text: &[u8], offset: usize, problem: &str) -> Self {
        let read = text.get(..text.len().min(offset + 1)).unwrap_or_default();
        let before = text.get(..offset).unwrap_or_default();
        let line_start = before
            .iter()
            .rposition(|b| *b == b'\n')
            .map_or(0, |at| at + 1);
        let line = before.iter().filter(|b| **b == b'\n').count() + 1;
        let column = read.len().saturating_sub(line_start);
        Self::new(Problem::Syntax(format!(
            "{problem} at line {line} column {column}"
        )))
    }

    /// A string or a number that is well-formed, and stands for nothing.
    pub(super) fn undecodable(problem: &str) -> Self {
        Self::new(Problem::Syntax(problem.to_owned()))
    }

    /// The error as one of what holds the value: below `scopes` it is at `scopes[0]`.
    pub(super) fn below(mut self, parent: &str) -> Self {
        let path = &mut self.0.path;
        if !path.is_empty() && !path.starts_with('[') {
            path.insert(0, '.');
        }
        path.insert_str(0, parent);
        self
    }

    fn unexpected(found: Unexpected<'_>, expected: &dyn Expected) -> Self {
        let expected = expected.to_string();
        let expected = match expected.as_str() {
            "a sequence" => "a list",
            "u32" | "u64" => "a whole number, not negative",
            other => other,
        };
        Self::new(Problem::Unexpected {
            found: in_words(found),
            expected: expected.to_owned(),
        })
    }

    /// Where it is, `auth_service.breaker` or `scopes[0]`; empty for the whole, and what it is.
    pub(crate) fn into_parts(self) -> (String, Problem) {
        (self.0.path, self.0.problem)
    }
}

/// Where a field of the object at `path` is.
pub(crate) fn field_of(path: &str, name: &str) -> String {
    if path.is_empty() {
        name.to_owned()
    } else {
        format!("{path}.{name}")
    }
}

/// In JSON's words; serde's are Rust's.
fn in_words(found: Unexpected<'_>) -> String {
    match found {
        Unexpected::Bool(it) => it.to_string(),
        Unexpected::Unsigned(it) => it.to_string(),
        Unexpected::Signed(it) => it.to_string(),
        Unexpected::Str(it) => format!("{it:?}"),
        Unexpected::Other(it) => it.to_owned(),
        Unexpected::Float(_) => "a number with a fraction or an exponent".to_owned(),
        Unexpected::Unit => "null".to_owned(),
        Unexpected::Seq => "a list".to_owned(),
        Unexpected::Map => "an object".to_owned(),
        _ => "another value".to_owned(),
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Syntax(problem) | Self::Other(problem) => f.write_str(problem),
            Self::UnknownField { name, .. } => write!(f, "unknown field `{name}`"),
            Self::MissingField(name) => write!(f, "field `{name}` is missing"),
            Self::DuplicatedField(name) => write!(f, "field `{name}` is duplicated"),
            Self::Unexpected { found, expected } => write!(f, "expected {expected}, found {found}"),
        }
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.0.path, self.0.problem)
    }
}

impl std::error::Error for Error {}

impl serde::de::Error for Error {
    fn custom<T: fmt::Display>(problem: T) -> Self {
        Self::new(Problem::Other(problem.to_string()))
    }

    fn invalid_type(found: Unexpected<'_>, expected: &dyn Expected) -> Self {
        Self::unexpected(found, expected)
    }

    fn invalid_value(found: Unexpected<'_>, expected: &dyn Expected) -> Self {
        Self::unexpected(found, expected)
    }

    fn unknown_field(name: &str, known: &'static [&'static str]) -> Self {
        let name = name.to_owned();
        Self::new(Problem::UnknownField { name, known })
    }

    fn missing_field(name: &'static str) -> Self {
        Self::new(Problem::MissingField(name))
    }

    fn duplicate_field(name: &'static str) -> Self {
        Self::new(Problem::DuplicatedField(name))
    }
}
