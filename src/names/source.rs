//! `source` of `CreateModelVersion`: a second object, which the new version's files are read from.
//!
//! Read are the forms that MLflow's clients send; any other (`s3://…`, `MODELS:/…`, `models:/n/latest`, …) needs the
//! unrestricted permission to read artifacts, since the server reads it with its own credentials.

use super::{Demand, Name, NameKind, Unclear, alias, experiment_of, model_name};
use crate::catalog::Access::{Read, Write};
use crate::catalog::Object::{Artifact, LoggedModel, ModelVersion, Run};
use crate::permission::Permission;

/// What a source needs beside the new version's own name; `None` for nothing.
pub(super) fn demand(source: &str) -> Result<Option<Demand>, Unclear> {
    let unrestricted = |object, access| {
        Some(Demand {
            permission: Permission::new(object, access),
            name: None,
        })
    };
    let named = |object, kind, text: &str| {
        Some(Demand {
            permission: Permission::new(object, Read),
            name: Some(Name {
                text: text.to_owned(),
                kind,
                alias: None,
            }),
        })
    };
    if let Some(rest) = source.strip_prefix("models:/") {
        if rest.starts_with("m-") && !rest.contains(['/', '@']) {
            return Ok(Some(logged_model()));
        }
        let (name, plain) = match (rest.split_once('/'), rest.split_once('@')) {
            (Some((name, version)), _) => (name, is_version(version)),
            (None, Some((name, text))) => (name, alias("source", text).is_ok()),
            (None, None) => (rest, false),
        };
        if plain && !name.contains(['%', '?', '#', '@']) {
            let name = model_name("source", name)?;
            return Ok(named(ModelVersion, NameKind::Name, name));
        }
        return Ok(unrestricted(Artifact, Read));
    }
    // A prompt's version has no files; its text stands in a tag.
    if source == "dummy-source" || source == "prompt-template" {
        return Ok(None);
    }
    if source.starts_with("runs:/") {
        return Ok(unrestricted(Run, Read));
    }
    let below = source.strip_prefix("mlflow-artifacts:/");
    if let Some(path) = below.filter(|path| !path.starts_with('/') && !path.contains('%'))
        && let Ok(id) = experiment_of(path)
        && path.split('/').all(|segment| !segment.is_empty())
    {
        return Ok(named(Artifact, NameKind::ExperimentId, id));
    }
    Ok(unrestricted(Artifact, Read))
}

/// What a version of a logged model demands: MLflow tags the logged model with it.
pub(super) fn logged_model() -> Demand {
    Demand {
        permission: Permission::new(LoggedModel, Write),
        name: None,
    }
}

fn is_version(text: &str) -> bool {
    let digits = !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit());
    digits && !text.starts_with('0')
}
