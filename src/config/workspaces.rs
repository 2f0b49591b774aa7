//! Workspaces of MLflow in a configuration: whether keys can be limited to them, and how their names and patterns are
//! read.

use serde::de::{Deserialize, Deserializer, Error};

use super::ConfigError;
use crate::json;
use crate::pattern::Pattern;
use crate::workspace::{self, AT_THE_ROOT};

/// Workspaces of an MLflow server (3.10 and later) that runs with `--enable-workspaces`.
#[derive(Debug, Clone)]
#[cfg_attr(
    feature = "schema",
    derive(schemars::JsonSchema),
    schemars(deny_unknown_fields, default)
)]
pub struct Workspaces {
    /// Whether the server has them. With `true`, scopes and keys can be limited to workspaces, and upstream receives
    /// exactly one `X-MLFLOW-WORKSPACE` with each request. With `false`, what is limited to workspaces grants nothing, and
    /// the header is forwarded as it came. A server before 3.10 ignores the header and keeps nothing apart.
    pub enabled: bool,
    /// The workspace of a request without the header `X-MLFLOW-WORKSPACE`, unless its key is pinned to another one.
    #[cfg_attr(feature = "schema", schemars(schema_with = "super::schema::workspace"))]
    pub default: String,
}

json::object!(Workspaces, start: Self::default(), required: [], {
    "enabled" => enabled,
    "default" => default: name,
});

impl Default for Workspaces {
    fn default() -> Self {
        Self {
            enabled: false,
            default: AT_THE_ROOT.to_owned(),
        }
    }
}

const NO_NAME: &str =
    "is not the name of a workspace; write 2 to 63 lower-case letters, digits and inner hyphens";

const NO_PATTERN: &str = "is not a pattern of workspaces; write lower-case letters, digits and hyphens, with * for any \
                          characters and ? for one";

fn name<'de, D: Deserializer<'de>>(deserializer: D) -> Result<String, D::Error> {
    let text = String::deserialize(deserializer)?;
    if workspace::is_name(&text) {
        Ok(text)
    } else {
        Err(D::Error::custom(format!("{text:?} {NO_NAME}")))
    }
}

/// Reads a pattern of names.
pub(super) fn read_pattern(text: &str) -> Result<Pattern, String> {
    if workspace::is_pattern(text) {
        Ok(Pattern::new(text))
    } else {
        Err(format!("{text:?} {NO_PATTERN}"))
    }
}

/// Checks what an entry of the configuration says of the workspaces of its caller. No value goes into an error: it may
/// be the caller's key.
pub(super) fn validate(
    entry: &str,
    workspaces: Option<&[String]>,
    workspace: Option<&str>,
) -> Result<(), ConfigError> {
    let refuse = |field: &str, problem: &str| {
        Err(ConfigError::field(
            format!("{entry}.{field}"),
            problem.to_owned(),
        ))
    };
    for (index, pattern) in workspaces.into_iter().flatten().enumerate() {
        if !workspace::is_pattern(pattern) {
            return refuse(&format!("workspaces[{index}]"), NO_PATTERN);
        }
    }
    let Some(name) = workspace else { return Ok(()) };
    if !workspace::is_name(name) {
        return refuse("workspace", NO_NAME);
    }
    if workspaces.is_some_and(|it| !workspace::covers(it, name)) {
        return refuse(
            "workspace",
            "is not in `workspaces`; write it there, or leave `workspaces` out",
        );
    }
    Ok(())
}
