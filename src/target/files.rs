//! Whose files a request names: in one artifact store, MLflow keeps those of the workspace W below `workspaces/W/`, and
//! those of the workspace `default` beside that folder.
//!
//! MLflow decodes the path of an artifact up to ten times (`validate_path_is_safe`, mlflow/utils/uri.py) and then asks
//! whether it begins with `workspaces/` (`_get_workspace_scoped_repo_path_if_enabled`, mlflow/server/handlers.py), so a
//! path is fully decoded here, too. What is refused of the path of a target is refused of a path in a query.

#[cfg(test)]
mod tests;

use std::borrow::Cow;

use super::{Ambiguity, artifact, decode_fully};
use crate::workspace::AT_THE_ROOT;

/// Whose files a request names.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Files {
    /// None, or those of the workspace of the request.
    Own,
    /// The root, or what a file system may take for the folder of the workspaces: all of the workspace of the request,
    /// which in `default` is those of every workspace.
    Root,
    /// Those of this workspace.
    Of(Box<str>),
    /// Those of the workspaces whose names begin with that of one.
    Neighbours,
}

/// The folder of the workspaces but the default one.
const FOLDER: &[u8] = b"workspaces";

impl Files {
    /// Of a canonical path below a mount, for an operation on files.
    ///
    /// # Errors
    /// A path that MLflow may read as another.
    pub fn of_path(path: &str) -> Result<Self, Ambiguity> {
        let files = Self::of(&artifact_of(path))?;
        Ok(if is_presigned(path) {
            files.at_the_root()
        } else {
            files
        })
    }

    /// Likewise, for an operation that deletes. From an object store MLflow deletes whatever begins with the path, up to
    /// 3.15 (`delete_artifacts`, mlflow/store/artifact/s3_artifact_repo.py): `workspaces/acme` takes
    /// `workspaces/acme-prod` along, and `w` all workspaces.
    ///
    /// # Errors
    /// A path that MLflow may read as another.
    pub fn of_deleted(path: &str) -> Result<Self, Ambiguity> {
        let artifact = artifact_of(path);
        Ok(Self::of(&artifact)?.begun_by(&artifact))
    }

    /// Of the `path` of a query, decoded once.
    ///
    /// # Errors
    /// A path that MLflow may read as another.
    pub fn of_query(path: &str) -> Result<Self, Ambiguity> {
        let decoded = decode_fully(path.as_bytes());
        if artifact::is_read_as_another(&decoded) || decoded.iter().any(u8::is_ascii_control) {
            return Err(Ambiguity::ArtifactPath);
        }
        Self::of(&decoded)
    }

    /// Whether a request for a workspace may name them by rights in that workspace.
    pub fn are_in(&self, workspace: &str) -> bool {
        match self {
            Self::Own => true,
            Self::Root => workspace != AT_THE_ROOT,
            Self::Of(owner) => **owner == *workspace,
            Self::Neighbours => false,
        }
    }

    /// Whose files they are if the workspace of the request does not count. MLflow up to 3.14 makes a URL for any path
    /// below the root, whatever the workspace is (`_get_presigned_download_url`, mlflow/server/handlers.py).
    fn at_the_root(self) -> Self {
        match self {
            Self::Own => Self::Of(AT_THE_ROOT.into()),
            Self::Root => Self::Neighbours,
            files => files,
        }
    }

    /// What deleting by prefix takes away.
    fn begun_by(self, artifact: &[u8]) -> Self {
        let plain = artifact.strip_suffix(b"/").unwrap_or(artifact);
        let begins_the_folder = FOLDER
            .get(..plain.len())
            .is_some_and(|start| plain.eq_ignore_ascii_case(start));
        match self {
            Self::Own if begins_the_folder => Self::Root,
            Self::Of(_) if plain.split(|b| *b == b'/').nth(2).is_none() => Self::Neighbours,
            Self::Root if plain.is_empty() => Self::Neighbours,
            files => files,
        }
    }

    /// Of a fully decoded path. Where the store ignores case, `Workspaces` is the folder, too.
    fn of(artifact: &[u8]) -> Result<Self, Ambiguity> {
        let plain = artifact.strip_suffix(b"/").unwrap_or(artifact);
        if plain.is_empty() {
            return Ok(Self::Root);
        }
        let mut segments = plain.split(|b| *b == b'/');
        let is_odd = |segment: &[u8]| matches!(segment, b"" | b"." | b"..");
        if segments.clone().any(is_odd) || plain.contains(&b'\\') {
            return Err(Ambiguity::ArtifactPath);
        }
        let first = segments.next().unwrap_or_default();
        if !first.eq_ignore_ascii_case(FOLDER) {
            return Ok(if has_one_spelling(first) {
                Self::Own
            } else {
                Self::Root
            });
        }
        match segments.next().map(std::str::from_utf8) {
            Some(Ok(owner)) => Ok(Self::Of(owner.into())),
            Some(Err(_)) | None => Err(Ambiguity::ArtifactPath),
        }
    }
}

/// Whether no file system takes the name of a folder for another one, beside its case: Windows drops dots and blanks at
/// the end, and knows `WORKSP~1` and `workspaces::$INDEX_ALLOCATION`; macOS folds letters beyond ASCII, and drops some.
fn has_one_spelling(name: &[u8]) -> bool {
    let is_plain = |b: &u8| matches!(b, b' '..=b'}') && *b != b':';
    name.iter().all(is_plain) && !matches!(name.last(), Some(b'.' | b' '))
}

fn is_presigned(path: &str) -> bool {
    below_artifacts(path).starts_with(b"presigned/")
}

fn below_artifacts(path: &str) -> &[u8] {
    let below = path.split_once("/mlflow-artifacts/");
    below.map_or("", |(_, below)| below).as_bytes()
}

/// The artifact's path within a target, fully decoded.
fn artifact_of(path: &str) -> Cow<'_, [u8]> {
    let below = below_artifacts(path);
    let mut prefixes = artifact::PREFIXES.iter();
    let artifact = prefixes.find_map(|prefix| below.strip_prefix(*prefix));
    decode_fully(artifact.unwrap_or_default())
}
