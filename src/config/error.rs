//! What can be wrong with a configuration, in words fit for an operator's log.

use std::fmt;

/// Below this field stands a secret; its values are not repeated.
const SECRET: &str = "revocation";

/// A configuration that was refused.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ConfigError {
    /// Not a JSON object: most often a `Struct`, which Envoy hands over as binary protobuf.
    NotAnObject,
    /// Not JSON.
    Syntax(String),
    /// A field that does not exist.
    UnknownField {
        /// The field with its path, `auth_service.tiemout`.
        field: String,
        /// The nearest field that exists.
        nearest: Option<String>,
    },
    /// A field with a value it cannot have.
    Field {
        /// The field with its path.
        field: String,
        /// What is wrong with it.
        problem: String,
    },
}

impl ConfigError {
    pub(super) fn field(field: impl Into<String>, problem: impl Into<String>) -> Self {
        Self::Field {
            field: field.into(),
            problem: problem.into(),
        }
    }

    pub(super) fn from_serde(error: &serde_path_to_error::Error<serde_json::Error>) -> Self {
        let inner = error.inner();
        if !inner.is_data() {
            return Self::Syntax(inner.to_string());
        }
        let path = error.path().to_string();
        let problem = inner.to_string();
        match UnknownField::read(&problem) {
            Some(unknown) => {
                let nearest = unknown.nearest();
                Self::UnknownField {
                    field: with_leaf(&path, unknown.name),
                    nearest,
                }
            }
            None => {
                let problem = without_position(&problem);
                let problem = if path.starts_with(SECRET) {
                    without_value(problem)
                } else {
                    problem.to_owned()
                };
                Self::Field {
                    field: path,
                    problem,
                }
            }
        }
    }
}

/// serde reports an unknown field only as text: "unknown field `x`, expected one of `a`, `b`".
struct UnknownField<'a> {
    name: &'a str,
    expected: Vec<&'a str>,
}

impl<'a> UnknownField<'a> {
    fn read(problem: &'a str) -> Option<Self> {
        let quoted = problem.strip_prefix("unknown field `")?;
        let (name, rest) = quoted.split_once('`')?;
        let expected = rest.split('`').skip(1).step_by(2).collect();
        Some(Self { name, expected })
    }

    fn nearest(&self) -> Option<String> {
        let distance = |known: &&&str| strsim::damerau_levenshtein(self.name, known);
        let nearest = self.expected.iter().min_by_key(distance)?;
        let near_enough = distance(&nearest) <= nearest.len().max(self.name.len()).div_ceil(2);
        near_enough.then(|| (*nearest).to_owned())
    }
}

fn with_leaf(path: &str, leaf: &str) -> String {
    if path == leaf || path.ends_with(&format!(".{leaf}")) {
        path.to_owned()
    } else if path == "." || path.is_empty() {
        leaf.to_owned()
    } else {
        format!("{path}.{leaf}")
    }
}

/// "invalid type: string "…", expected an object": only what was expected.
fn without_value(problem: &str) -> String {
    match problem.rsplit_once(", expected ") {
        Some((_, expected)) => format!("expected {expected}"),
        None => problem.to_owned(),
    }
}

fn without_position(problem: &str) -> &str {
    problem
        .rsplit_once(" at line ")
        .map_or(problem, |(text, _)| text)
}

impl fmt::Display for ConfigError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotAnObject => f.write_str(
                "the configuration does not start with `{`: wrap the JSON in a \
                 google.protobuf.StringValue (a Struct reaches the filter as binary protobuf)",
            ),
            Self::Syntax(problem) => write!(f, "the configuration is not JSON: {problem}"),
            Self::UnknownField {
                field,
                nearest: Some(nearest),
            } => {
                write!(f, "{field}: unknown field; did you mean `{nearest}`?")
            }
            Self::UnknownField {
                field,
                nearest: None,
            } => write!(f, "{field}: unknown field"),
            Self::Field { field, problem } if field == "." => f.write_str(problem),
            Self::Field { field, problem } => write!(f, "{field}: {problem}"),
        }
    }
}

impl std::error::Error for ConfigError {}
