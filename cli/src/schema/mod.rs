//! `mlflow-authz schema`: what a plugin configuration may hold, for editors and for people.

mod markdown;
#[cfg(test)]
mod tests;

use std::io::{self, Write};

use clap::ValueEnum;
use mlflow_authz::Config;
use serde_json::Value;

use crate::error::CliError;
use crate::output;

/// What the command takes.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// JSON Schema (draft 2020-12), or the page docs/configuration.md
    #[arg(long, value_enum, default_value_t = Format::Json)]
    format: Format,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum Format {
    Json,
    Markdown,
}

/// Prints the schema.
///
/// # Errors
///
/// Stdout that cannot be written to.
pub fn run(args: &Args) -> Result<(), CliError> {
    let schema = Config::json_schema();
    output::to_stdout(|out| match args.format {
        Format::Json => json(out, &schema),
        Format::Markdown => markdown::print(out, &schema),
    })
}

fn json(out: &mut dyn Write, schema: &Value) -> io::Result<()> {
    serde_json::to_writer_pretty(&mut *out, schema)?;
    writeln!(out)
}
