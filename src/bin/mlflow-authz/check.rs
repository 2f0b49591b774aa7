//! `mlflow-authz check`: reads a plugin configuration with the parser the filter uses.

#[cfg(test)]
mod tests;

use std::path::PathBuf;

use mlflow_authz::Config;

use crate::config_file::{self, ConfigFile};
use crate::error::CliError;
use crate::output;

/// What the command takes.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// The plugin configuration, as JSON; - for stdin
    #[arg(value_name = "CONFIG")]
    file: PathBuf,
}

/// Prints one line about a good configuration.
///
/// # Errors
///
/// A configuration that the filter would refuse; the error names the field.
pub fn run(args: &Args) -> Result<std::process::ExitCode, CliError> {
    let ConfigFile { config, .. } = ConfigFile::read(&args.file)?;
    let name = config_file::name(&args.file);
    output::to_stdout(|out| writeln!(out, "{name}: ok: {}", summary(&config)))?;
    Ok(std::process::ExitCode::SUCCESS)
}

fn summary(config: &Config) -> String {
    let service = &config.auth_service;
    format!(
        "mode {}, mounts {}, auth service {} at {}{}, scopes configured: {}, roles configured: {}",
        config.mode.as_str(),
        config.mounts.join(" "),
        service.cluster,
        service.authority,
        service.path,
        config.scopes.len(),
        config.roles.len(),
    )
}
