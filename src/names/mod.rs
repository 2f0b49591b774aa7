//! Which objects a request acts on, by name: read only when a grant limited to names is what decides.
//!
//! MLflow reads names in ways that no other parser repeats (`mlflow/server/handlers.py`,
//! `_get_request_message`: Python's JSON, then protobuf's, which stops silently at what it dislikes). So this
//! reads a strict subset of each request, which all of MLflow's own clients send, and refuses the rest:
//!
//! 1. `GET` names in the query and has no body; other methods name in a JSON body and have no query. `HEAD` is
//!    refused: MLflow reads its body.
//! 2. Where the configuration knows no workspaces, `X-MLFLOW-WORKSPACE` is refused: there, the same name is another
//!    object.
//! 3. [`query`] and [`body`] say what a query and a body may be.
//! 4. A name is 1 to 256 visible ASCII characters or inner spaces; a model's holds no `/` or `:` and is not
//!    `.` or `..`. An experiment's id is decimal without leading zeros: MLflow reads `04` and `+4` as 4.
//!
//! What a name may do is decided elsewhere: this returns demands.

pub mod body;
pub mod query;
mod source;

#[cfg(test)]
mod tests;

use std::fmt;

use http::Method;

use crate::catalog::{Access, FieldKind, Naming, Object, Operation};
use crate::permission::Permission;
use crate::request::RequestHead;
use crate::target::{Target, below_mount};
use crate::workspace;

/// The longest name, in bytes: MLflow's columns hold 256 characters.
const LONGEST_NAME: usize = 256;

/// What a request needs, and on which object.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Demand {
    /// The permission.
    pub permission: Permission,
    /// The object; `None` where only a grant on every object will do.
    pub name: Option<Name>,
}

/// The name of an object.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Name {
    /// As the request gives it.
    pub text: String,
    /// What kind of name it is.
    pub kind: NameKind,
    /// The alias that is set or removed.
    pub alias: Option<String>,
}

/// Names and ids are told apart: a pattern of names is no pattern of ids.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NameKind {
    /// Of a registered model, a prompt or an experiment.
    Name,
    /// The id of an experiment.
    ExperimentId,
}

/// Where a request came in.
#[derive(Debug, Clone, Copy)]
pub struct Place<'a> {
    /// The mount.
    pub mount: &'a str,
    /// Whether the workspace of its names is known.
    pub has_workspaces: bool,
}

/// Where a request's names are.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Located {
    /// Read.
    Here(Vec<Demand>),
    /// In the body.
    InBody,
    /// It acts on many objects.
    Everywhere,
    /// Nowhere that could be read.
    Nowhere,
}

/// Why no name could be read unambiguously.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unclear(String);

impl Unclear {
    pub(crate) fn new(problem: impl Into<String>) -> Self {
        Self(problem.into())
    }
}

impl fmt::Display for Unclear {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Finds the names of a request below a mount as far as its headers tell.
///
/// # Errors
/// A request that MLflow may read in another way.
pub fn locate(
    operation: &Operation,
    required: Permission,
    place: Place<'_>,
    head: &RequestHead<'_>,
) -> Result<Located, Unclear> {
    let naming = operation.naming;
    match naming {
        Naming::Untied => return Ok(Located::Nowhere),
        Naming::Collection => return Ok(Located::Everywhere),
        Naming::ArtifactPath | Naming::ArtifactQuery | Naming::Fields(_) => {}
    }
    if !place.has_workspaces && head.all_spellings(workspace::HEADER).next().is_some() {
        return Err(Unclear::new(
            "its header X-MLFLOW-WORKSPACE selects a workspace, in which a name can be another object",
        ));
    }
    let target = Target::parse(head.raw_target()).map_err(|a| Unclear::new(a.problem()))?;
    match naming {
        Naming::ArtifactPath => {
            // Below the mount: its own path may look like that of an artifact.
            let below = below_mount(&target.path, place.mount).unwrap_or_default();
            let path = below.split_once("/mlflow-artifacts/artifacts/");
            let path = path.map_or("", |(_, path)| path);
            let artifact = artifact(required, path)?;
            let name = artifact.name.filter(|_| !deletes_others(required, path));
            Ok(Located::Here(vec![Demand { name, ..artifact }]))
        }
        _ if head.method() == Method::GET.as_str() => {
            without_body(head)?;
            let query = query::Query::parse(target.query.unwrap_or_default())?;
            let demands = match naming {
                Naming::Fields(fields) => demands(fields, required, |name| query.get(name))?,
                _ => vec![listed(required, query.get("path")?.unwrap_or_default())?],
            };
            Ok(Located::Here(demands))
        }
        _ if head.method() == Method::HEAD.as_str() => Err(Unclear::new("HEAD reads a body")),
        _ if target.query.is_some_and(|query| !query.is_empty()) => {
            Err(Unclear::new("it has a query beside its body"))
        }
        _ => body::check_headers(head).map(|()| Located::InBody),
    }
}

/// Reads the names of a request from its body.
///
/// # Errors
/// A body that MLflow may read in another way.
pub fn read_body(
    operation: &Operation,
    required: Permission,
    head: &RequestHead<'_>,
    bytes: &[u8],
) -> Result<Vec<Demand>, Unclear> {
    let Naming::Fields(fields) = operation.naming else {
        return Err(Unclear::new("its body names nothing"));
    };
    let body = body::Body::parse(head, bytes, fields)?;
    demands(fields, required, |name| Ok(body.text(name)))
}

fn demands<'a>(
    fields: &[(&'static str, FieldKind)],
    required: Permission,
    get: impl Fn(&str) -> Result<Option<&'a str>, Unclear>,
) -> Result<Vec<Demand>, Unclear> {
    let mut demands: Vec<Demand> = Vec::new();
    for (field, kind) in fields {
        let Some(text) = get(field)? else {
            if kind.is_required() {
                return Err(Unclear::new(format!("{field} is missing")));
            }
            continue;
        };
        let named = |kind, text: &str| Demand {
            permission: required,
            name: Some(Name {
                text: text.to_owned(),
                kind,
                alias: None,
            }),
        };
        match kind {
            FieldKind::Model => demands.push(named(NameKind::Name, model_name(field, text)?)),
            FieldKind::ExperimentName => {
                demands.push(named(NameKind::Name, plain_name(field, text)?));
            }
            FieldKind::ExperimentId => {
                demands.push(named(NameKind::ExperimentId, experiment_id(field, text)?));
            }
            FieldKind::Alias => {
                let alias = alias(field, text)?;
                for name in demands.iter_mut().filter_map(|demand| demand.name.as_mut()) {
                    name.alias = Some(alias.to_owned());
                }
            }
            FieldKind::Location => {
                return Err(Unclear::new(format!(
                    "{field} chooses where the server writes, which could be another's files; \
                     leave it out, or create the experiment with an unrestricted scope"
                )));
            }
            FieldKind::Source => demands.extend(source::demand(text)?),
            FieldKind::LoggedModelId if text.is_empty() => {}
            FieldKind::LoggedModelId => demands.push(source::logged_model()),
            FieldKind::Text | FieldKind::Texts | FieldKind::Flag | FieldKind::Tags => {}
        }
    }
    Ok(demands)
}

/// The path of a query, unlike that of a target, may still hide a separator: no escape may be left in it.
fn listed(required: Permission, path: &str) -> Result<Demand, Unclear> {
    let left = |part: &str| part.bytes().take(2).filter(u8::is_ascii_hexdigit).count() == 2;
    if path.split('%').skip(1).any(left) {
        return Err(Unclear::new("its artifact path is escaped twice"));
    }
    artifact(required, path)
}

fn artifact(required: Permission, path: &str) -> Result<Demand, Unclear> {
    experiment_of(path).map(|id| Demand {
        permission: required,
        name: Some(Name {
            text: id.to_owned(),
            kind: NameKind::ExperimentId,
            alias: None,
        }),
    })
}

/// Whether a deletion may take the files of other experiments along: from an object store, MLflow up to 3.15 deletes
/// whatever begins with the path (`delete_artifacts`, mlflow/store/artifact/s3_artifact_repo.py), and `1` begins `11`.
fn deletes_others(required: Permission, path: &str) -> bool {
    let to_the_id = if path.starts_with("workspaces/") {
        3
    } else {
        1
    };
    let segments = path.split('/').filter(|segment| !segment.is_empty());
    required.access == Some(Access::Delete) && segments.count() <= to_the_id
}

/// The experiment whose artifacts lie at a path: its first segment, or the third below `workspaces/`. MLflow
/// decodes what is left of percent-escapes up to ten times more (`mlflow/utils/uri.py`,
/// `validate_path_is_safe`), so before the id there may be none, and behind it none that hides a separator:
/// [`crate::target`] and [`listed`] see to that.
fn experiment_of(path: &str) -> Result<&str, Unclear> {
    let unclear = || Unclear::new("its artifact path does not begin with an experiment's id");
    let mut segments = path.split('/');
    let mut first = segments.next().unwrap_or_default();
    if first == "workspaces" {
        let workspace = segments.next().unwrap_or_default();
        if workspace.is_empty() || workspace.contains('%') {
            return Err(unclear());
        }
        first = segments.next().unwrap_or_default();
    }
    let plain = segments
        .clone()
        .all(|segment| segment != "." && segment != "..");
    if !plain || path.contains(['\\', '#', '?']) || path.bytes().any(|b| b.is_ascii_control()) {
        return Err(unclear());
    }
    experiment_id("path", first).map_err(|_| unclear())
}

fn experiment_id<'a>(field: &str, text: &'a str) -> Result<&'a str, Unclear> {
    let digits = (1..=19).contains(&text.len()) && text.bytes().all(|b| b.is_ascii_digit());
    if digits && (text == "0" || !text.starts_with('0')) {
        Ok(text)
    } else {
        Err(Unclear::new(format!(
            "{field} is not an experiment id in decimal digits"
        )))
    }
}

fn plain_name<'a>(field: &str, text: &'a str) -> Result<&'a str, Unclear> {
    let fits = (1..=LONGEST_NAME).contains(&text.len());
    let visible = text.bytes().all(|b| b == b' ' || b.is_ascii_graphic());
    if !text.is_ascii() {
        return Err(Unclear::new(format!(
            "{field} has non-ASCII characters, which can be written and compared in more than one way; \
             choose a name in ASCII, or use an unrestricted scope"
        )));
    }
    if fits && visible && text.trim() == text {
        Ok(text)
    } else {
        Err(Unclear::new(format!(
            "{field} is not 1 to {LONGEST_NAME} visible ASCII characters or inner spaces"
        )))
    }
}

fn model_name<'a>(field: &str, text: &'a str) -> Result<&'a str, Unclear> {
    let name = plain_name(field, text)?;
    if name.contains(['/', ':']) || matches!(name, "." | "..") {
        return Err(Unclear::new(format!("{field} cannot be a model's name")));
    }
    Ok(name)
}

fn alias<'a>(field: &str, text: &'a str) -> Result<&'a str, Unclear> {
    let plain = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'-');
    if (1..=255).contains(&text.len()) && text.bytes().all(plain) {
        Ok(text)
    } else {
        Err(Unclear::new(format!(
            "{field} is not an alias of letters, digits, _ and -"
        )))
    }
}

/// Whether a request has no body.
///
/// # Errors
/// It may have one.
pub(crate) fn without_body(head: &RequestHead<'_>) -> Result<(), Unclear> {
    let mut lengths = head.all_spellings("content-length");
    let mut transfers = head.all_spellings("transfer-encoding");
    if lengths.all(|length| length == b"0") && transfers.next().is_none() {
        Ok(())
    } else {
        Err(Unclear::new("it is a GET with a body"))
    }
}

/// Whether a permission is on something that has a name.
pub fn is_nameable(permission: Permission) -> bool {
    matches!(
        permission.object,
        Some(
            Object::RegisteredModel | Object::ModelVersion | Object::Experiment | Object::Artifact
        )
    )
}
