//! `mlflow-authz`, the native command line beside the filter: one module per command.
//!
//! A failure is one line on stderr, `mlflow-authz: <what went wrong>; <what to do>`, and exit status 2. Status 1 is
//! "no" as an answer: `check` found errors, `explain --exit-code` a denial.

#![allow(
    clippy::disallowed_methods,
    reason = "the command, unlike the engine, reads the clock"
)]

mod check;
mod config_file;
mod error;
mod explain;
mod json_error;
mod key;
mod line_reader;
mod listed_key;
mod matrix;
mod output;
mod replay;
mod report;
mod routes;
mod schema;
mod shell;

use std::io::{self, Write};
use std::process::ExitCode;
use std::sync::LazyLock;

use clap::{Parser, Subcommand};
use mlflow_authz::catalog::COVERS;

use crate::error::CliError;

/// Exit status of every failure, as clap and grep have it; 1 is "no" as an answer.
const FAILURE: u8 = 2;

static VERSION: LazyLock<String> =
    LazyLock::new(|| format!("{} (MLflow {COVERS})", env!("CARGO_PKG_VERSION")));

/// Tools around the mlflow-authz filter.
#[derive(Debug, Parser)]
#[command(name = "mlflow-authz", version = VERSION.as_str(), propagate_version = true)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Says what is wrong with plugin configurations, Envoy files, and manifests of Istio and Envoy Gateway
    Check(check::Args),
    /// Says what the filter would decide about a request, and why
    Explain(Box<explain::Args>),
    /// Lists every endpoint, what it needs, and which scopes grant that
    Routes(routes::Args),
    /// Decides again about recorded requests, and says what a configuration would change
    Replay(replay::Args),
    /// Shows which scope grants which operation
    Matrix(matrix::Args),
    /// Makes keys for the configuration, and digests of keys
    Key(key::Args),
    /// Prints the JSON Schema of the plugin configuration, or its reference
    Schema(schema::Args),
    /// Prints a completion script for a shell
    Completions(shell::CompletionsArgs),
    /// Prints a manual page, for man -l -
    Man(shell::ManArgs),
}

impl Command {
    fn run(self) -> Result<ExitCode, CliError> {
        match self {
            Self::Check(args) => return check::run(&args),
            Self::Explain(args) => return explain::run(*args),
            Self::Routes(args) => routes::run(&args),
            Self::Replay(args) => return replay::run(&args),
            Self::Matrix(args) => matrix::run(&args),
            Self::Key(args) => key::run(&args),
            Self::Schema(args) => schema::run(&args),
            Self::Completions(args) => shell::completions(&args),
            Self::Man(args) => shell::man(&args),
        }
        .map(|()| ExitCode::SUCCESS)
    }
}

fn main() -> ExitCode {
    let outcome = match Cli::try_parse() {
        Ok(cli) => cli.command.run(),
        Err(usage) => match error::from_usage(&usage) {
            Some(error) => Err(error),
            // Help and version, asked for or shown because there was no command: clap's own text.
            None => {
                let _ = usage.print();
                return ExitCode::from(if usage.use_stderr() { FAILURE } else { 0 });
            }
        },
    };
    match outcome {
        Ok(status) => status,
        Err(error) => {
            // Nobody may be reading stderr; the status still tells.
            let _ = writeln!(io::stderr(), "mlflow-authz: {error}");
            ExitCode::from(FAILURE)
        }
    }
}
