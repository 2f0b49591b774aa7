//! Plugin configurations on the command line: from a file, from stdin, or the defaults.

use std::ffi::OsStr;
use std::io::{self, Read};
use std::path::Path;

use mlflow_authz::Config;
use mlflow_authz::config::ConfigError;

use crate::error::CliError;

/// What commands decide by where no configuration is given: MLflow at the root, the default scopes. Nothing a
/// decision depends on is in the rest.
const DEFAULTS: &[u8] = br#"{"mounts":["/"],"auth_service":{"cluster":"auth_service"}}"#;

/// The document that says what every field takes.
const REFERENCE: &str = "docs/configuration.md";

/// Reads a file, or stdin where the file is `-`.
///
/// # Errors
///
/// A file that cannot be read, and everything the filter would refuse.
pub fn read(file: &Path) -> Result<Config, CliError> {
    parse(&name(file), &contents(file)?)
}

/// The file where there is one, else the defaults.
///
/// # Errors
///
/// See [`read`].
pub fn read_or_default(file: Option<&Path>) -> Result<Config, CliError> {
    match file {
        Some(file) => read(file),
        None => parse("(the defaults)", DEFAULTS),
    }
}

/// Reads a text; `name` is what errors call it.
///
/// # Errors
///
/// Everything the filter would refuse.
pub fn parse(name: &str, text: &[u8]) -> Result<Config, CliError> {
    Config::parse(text).map_err(|error| {
        let (problem, remedy) = problem_and_remedy(&error);
        let field = error.field_name().map(|field| format!("{field}: "));
        let problem = format!("{name}: {}{problem}", field.unwrap_or_default());
        CliError::new(problem, remedy)
    })
}

/// What stands in a file, or on stdin where the file is `-`.
///
/// # Errors
///
/// A file that cannot be read.
pub fn contents(file: &Path) -> Result<Vec<u8>, CliError> {
    bytes(file).map_err(|error| {
        CliError::new(
            format!("{}: cannot read the configuration: {error}", name(file)),
            "give a file that can be read, or - for stdin",
        )
    })
}

/// The bytes of a file, or of stdin where the file is `-`.
///
/// # Errors
///
/// What the system reports.
pub fn bytes(file: &Path) -> io::Result<Vec<u8>> {
    if file.as_os_str() != OsStr::new("-") {
        return std::fs::read(file);
    }
    let mut text = Vec::new();
    io::stdin().lock().read_to_end(&mut text).map(|_| text)
}

/// What errors and summaries call a file.
pub fn name(file: &Path) -> String {
    if file.as_os_str() == OsStr::new("-") {
        return "(stdin)".to_owned();
    }
    file.display().to_string()
}

/// What is wrong with a configuration that was refused, without the field; and what to do about it.
pub fn problem_and_remedy(error: &ConfigError) -> (String, String) {
    let (problem, remedy) = match error {
        ConfigError::NotAnObject => (
            "the configuration does not start with {".to_owned(),
            "give the plugin configuration alone: one JSON object, which in an Envoy file is \
             the text of a google.protobuf.StringValue"
                .to_owned(),
        ),
        ConfigError::Syntax(_) => (
            error.to_string(),
            "correct the JSON there; it has no comments and no trailing commas".to_owned(),
        ),
        ConfigError::UnknownField {
            instead, nearest, ..
        } => {
            let remedy = match (instead, nearest) {
                (Some(instead), _) => (*instead).to_owned(),
                (None, Some(nearest)) => format!("write {nearest}, or remove the field"),
                (None, None) => format!("remove it; {REFERENCE} has every field"),
            };
            ("unknown field".to_owned(), remedy)
        }
        ConfigError::Field {
            problem, remedy, ..
        } => {
            let remedy = remedy.clone();
            let remedy = remedy.unwrap_or_else(|| format!("see {REFERENCE}"));
            (problem.clone(), remedy)
        }
    };
    (problem, remedy)
}
