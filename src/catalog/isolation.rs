//! What keeps an operation within the workspace of its request.
//!
//! Measured on real servers of every release that has workspaces, and relied on from 3.12: an object of one workspace is asked for from
//! another one, in every way in which it can be named. What was not measured, or leaked in one release, is not isolated, but
//! for the few that docs/mlflow/workspaces.md names as open.

/// What keeps an operation within the workspace of its request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Isolation {
    /// Nothing that can be relied on: it needs a grant that is not limited to workspaces.
    No,
    /// MLflow: rows of other workspaces are not found.
    Rows,
    /// The path of the files that it names, see [`crate::target::Files`].
    Files,
    /// It is the same in all workspaces, and reveals nothing of any.
    Shared,
    /// It lists workspaces: the filter answers for keys that are limited to some.
    List,
}

impl Isolation {
    /// The word used in listings.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::No => "no",
            Self::Rows => "rows",
            Self::Files => "files",
            Self::Shared => "shared",
            Self::List => "list",
        }
    }
}
