//! `mlflow-authz matrix`: which scope grants which operation.

mod as_html;
mod as_text;
#[cfg(test)]
mod tests;

use std::io::{self, Write};
use std::path::PathBuf;

use clap::ValueEnum;
use mlflow_authz::Config;
use mlflow_authz::catalog::{self, Isolation, Operation, PublicGroup};
use mlflow_authz::policy::Policy;
use serde::Serialize;

use crate::config_file;
use crate::error::CliError;
use crate::output;

/// What the command takes.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// How to print the matrix; html is one self-contained page
    #[arg(long, value_enum, default_value_t = Format::Text)]
    format: Format,
    /// The plugin configuration whose scopes are shown; - for stdin [default: the default scopes]
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum Format {
    Text,
    Json,
    Html,
}

/// Prints the matrix.
///
/// # Errors
///
/// A configuration that the filter would refuse; stdout that cannot be written to.
pub fn run(args: &Args) -> Result<(), CliError> {
    let file = args.config.as_deref();
    let config = config_file::read_or_default(file)?;
    let policy = Policy::new(&config);
    let name = file.map(config_file::name);
    let matrix = Matrix::new(&policy, &config, name.as_deref());
    output::to_stdout(|out| print(out, args.format, &matrix))
}

fn print(out: &mut dyn Write, format: Format, matrix: &Matrix<'_>) -> io::Result<()> {
    match format {
        Format::Text => as_text::print(out, matrix),
        Format::Json => output::pretty_json(out, matrix),
        Format::Html => out.write_all(as_html::page(matrix).as_bytes()),
    }
}

/// Operations by object, and what each scope grants of them.
#[derive(Debug, Serialize)]
struct Matrix<'a> {
    /// The configuration whose scopes these are, if not the defaults.
    config: Option<&'a str>,
    /// Whether it enables workspaces.
    has_workspaces: bool,
    /// Narrowest first.
    scopes: Vec<&'a str>,
    operations: Vec<Row<'a>>,
}

/// One operation.
#[derive(Debug, Serialize)]
struct Row<'a> {
    operation: &'static str,
    object: &'static str,
    permission: String,
    /// Whether the configuration lets it through without a key.
    public: bool,
    /// Whether a scope limited to workspaces grants it there; else it needs one without that limit.
    by_workspace: bool,
    /// Those that grant it, narrowest first.
    scopes: Vec<&'a str>,
}

impl<'a> Matrix<'a> {
    fn new(policy: &'a Policy, config: &Config, name: Option<&'a str>) -> Self {
        let mut operations: Vec<Row<'a>> = catalog::operations()
            .map(|operation| row(operation, policy, &config.public))
            .collect();
        operations.sort_by_key(|row| row.object);
        Self {
            config: name,
            has_workspaces: config.workspaces.enabled,
            scopes: policy.scopes().collect(),
            operations,
        }
    }

    /// Rows by object.
    fn groups(&self) -> impl Iterator<Item = (&'static str, &[Row<'a>])> {
        let groups = self.operations.chunk_by(|a, b| a.object == b.object);
        groups.filter_map(|rows| Some((rows.first()?.object, rows)))
    }

    /// How many operations a scope grants.
    fn granted(&self, scope: &str) -> usize {
        let rows = self.operations.iter();
        rows.filter(|row| row.scopes.contains(&scope)).count()
    }
}

fn row<'a>(operation: &'static Operation, policy: &'a Policy, public: &[PublicGroup]) -> Row<'a> {
    Row {
        operation: operation.name,
        object: operation.object.as_str(),
        permission: operation.required_in_words(),
        public: operation
            .public
            .is_some_and(|group| public.contains(&group)),
        by_workspace: operation.isolation != Isolation::No,
        scopes: policy.granting_operation(operation).collect(),
    }
}
