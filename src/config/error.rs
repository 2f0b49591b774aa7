//! What can be wrong with a configuration, in words fit for an operator's log.

use std::fmt;

use super::replacements::instead_of;
use crate::json::{self, Problem};

/// Below these fields stand secrets, or keys where somebody took a field for another; their values are not repeated.
const SECRETS: &[&str] = &["revocation", "auth_service.headers", "keys"];

/// Below these fields a name that is none may be a secret, too: a key in the place of its digest, or a header.
const SECRET_NAMES: &[&str] = &["revocation", "auth_service", "keys"];

/// What to write where no mount is named.
pub(super) const MOUNTS_REMEDY: &str = "write the paths at which clients reach MLflow, \
    \"mounts\": [\"/api/mlflow\"], or \"mounts\": [\"/\"] where MLflow is served at the root";

/// What to write where nothing says who callers are.
pub(super) const SOURCES_REMEDY: &str = "write \"keys\" with the digests that `mlflow-authz key new` prints, or \
    \"auth_service\": {\"cluster\": \"…\"} with the Envoy cluster of the auth service, or \"jwt\": {} for tokens that \
    Envoy's jwt_authn has verified, or \"mtls\" for client certificates";

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
        /// What to write where people often write this field.
        instead: Option<&'static str>,
    },
    /// A field with a value it cannot have.
    Field {
        /// The field with its path.
        field: String,
        /// What is wrong with it.
        problem: String,
        /// What to do, where that does not follow from the problem.
        remedy: Option<String>,
    },
}

impl ConfigError {
    pub(super) fn field(field: impl Into<String>, problem: impl Into<String>) -> Self {
        let problem = problem.into();
        let (problem, remedy) = match remedy_in(&problem) {
            Some((problem, remedy)) => (problem.to_owned(), Some(remedy.to_owned())),
            None => (problem, None),
        };
        Self::Field {
            field: field.into(),
            problem,
            remedy,
        }
    }

    /// The field that is wrong, where it is one.
    pub fn field_name(&self) -> Option<&str> {
        match self {
            Self::UnknownField { field, .. } | Self::Field { field, .. } => Some(field),
            Self::NotAnObject | Self::Syntax(_) => None,
        }
    }
}

/// A text `problem; remedy` in its parts: an error of serde is one text.
fn remedy_in(text: &str) -> Option<(&str, &str)> {
    let (problem, remedy) = text.rsplit_once("; ")?;
    let says_what_to_do = |verb: &str| remedy.starts_with(verb);
    ["write ", "use ", "leave ", "it is required"]
        .into_iter()
        .any(says_what_to_do)
        .then_some((problem, remedy))
}

impl From<json::Error> for ConfigError {
    fn from(error: json::Error) -> Self {
        let (field, problem) = error.into_parts();
        match problem {
            Problem::Syntax(problem) if field.is_empty() => Self::Syntax(problem),
            Problem::UnknownField { name, known } => {
                let (nearest, instead) = (nearest(&name, known), instead_of(&field, &name));
                let is_meant = nearest.is_some() || instead.is_some();
                if !is_meant && is_below(SECRET_NAMES, &field) {
                    return Self::field(field, hidden_name(known));
                }
                Self::UnknownField {
                    nearest,
                    instead,
                    field: json::field_of(&field, &name),
                }
            }
            Problem::MissingField(name) => {
                let field = json::field_of(&field, name);
                let problem = format!("is missing; {}", remedy(&field));
                Self::field(field, problem)
            }
            Problem::DuplicatedField(name) => {
                Self::field(json::field_of(&field, name), "is duplicated; write it once")
            }
            Problem::Unexpected { expected, .. } if is_below(SECRETS, &field) => {
                Self::field(field, format!("must be {}", expected_in_words(&expected)))
            }
            Problem::Unexpected { found, expected } => {
                let problem = format!("must be {}, not {found}", expected_in_words(&expected));
                Self::field(field, problem)
            }
            other => Self::field(field, other.to_string()),
        }
    }
}

fn is_below(holders: &[&str], field: &str) -> bool {
    holders.iter().any(|holder| field.starts_with(holder))
}

fn hidden_name(known: &[&str]) -> String {
    format!(
        "has an unknown field, whose name is not shown, since it may be a secret; write no other fields than {}",
        known.join(", ")
    )
}

/// What to write where a required field is missing.
fn remedy(field: &str) -> &'static str {
    match field {
        "mounts" => MOUNTS_REMEDY,
        "auth_service.cluster" => "write the name of the Envoy cluster of the auth service",
        "mtls.by" => "write \"uri_san\", \"dns_san\" or \"subject\"",
        "mtls.principals" => "write the names of the callers' certificates, each with its scopes",
        "revocation.path" => "write the path on the auth service that lists revoked keys",
        _ => "it is required",
    }
}

/// What a reader of JSON expects of a value, in a user's words.
pub fn expected_in_words(expected: &str) -> &str {
    match expected {
        "a string" => "text in quotes",
        "a sequence" => "a list",
        "a map" => "an object",
        "a tuple of size 2" => "a list of two",
        "a boolean" => "true or false",
        other => other,
    }
}

fn nearest(name: &str, known: &[&str]) -> Option<String> {
    let distance = |known: &&&str| strsim::damerau_levenshtein(name, known);
    let nearest = known.iter().min_by_key(distance)?;
    let near_enough = distance(&nearest) <= nearest.len().max(name.len()).div_ceil(2);
    near_enough.then(|| (*nearest).to_owned())
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
                instead: Some(instead),
                ..
            } => write!(f, "{field}: unknown field; {instead}"),
            Self::UnknownField {
                field,
                nearest: Some(nearest),
                ..
            } => {
                write!(f, "{field}: unknown field; did you mean `{nearest}`?")
            }
            Self::UnknownField {
                field,
                nearest: None,
                ..
            } => write!(f, "{field}: unknown field"),
            Self::Field {
                field,
                problem,
                remedy,
            } => {
                if !field.is_empty() {
                    write!(f, "{field}: ")?;
                }
                f.write_str(problem)?;
                match remedy {
                    Some(remedy) => write!(f, "; {remedy}"),
                    None => Ok(()),
                }
            }
        }
    }
}

impl std::error::Error for ConfigError {}
