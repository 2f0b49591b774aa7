//! `mlflow-authz check`: reads plugin configurations with the filter's own parser, and what is around them: Envoy
//! files, manifests of Istio and of Envoy Gateway.
//!
//! All files together are one deployment: a cluster in one may serve the filter in another.

mod digest;
mod envoy;
mod finding;
mod gateway;
mod headers;
mod hosts;
mod input;
mod istio;
mod kubernetes;
mod manifests;
mod node;
mod patches;
mod place;
mod plugin;
mod report;
mod rules;
#[cfg(test)]
mod tests;
mod verification;

use std::path::PathBuf;
use std::process::ExitCode;

use clap::ValueEnum;

use self::finding::{Finding, Findings};
use self::input::{Document, File, Kind};
use self::rules::Severity;
use crate::config_file;
use crate::error::CliError;
use crate::output;

/// Exit status where findings say no.
const FOUND: u8 = 1;

/// What the command takes.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// Plugin configurations (JSON), Envoy files, manifests of Istio and Envoy Gateway; - for stdin
    #[arg(value_name = "FILE", required = true)]
    files: Vec<PathBuf>,
    /// Let warnings count as errors
    #[arg(long)]
    strict: bool,
    /// How to print what was found
    #[arg(long, value_enum, default_value_t = Format::Text)]
    format: Format,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum Format {
    Text,
    Json,
}

/// Prints what was found. The status is 1 with errors, or with anything under `--strict`.
///
/// # Errors
///
/// A file that cannot be read, or is neither JSON nor YAML; stdout that cannot be written to.
pub fn run(args: &Args) -> Result<ExitCode, CliError> {
    let mut files = Vec::new();
    for file in &args.files {
        let text = config_file::contents(file)?;
        files.push(File::read(config_file::name(file), text)?);
    }
    let findings = check(&files);
    output::to_stdout(|out| match args.format {
        Format::Text => report::text(out, &files, &findings),
        Format::Json => report::json(out, &files, &findings),
    })?;
    let counts = |finding: &Finding| args.strict || finding.severity == Severity::Error;
    let refused = findings.iter().any(counts);
    Ok(if refused {
        ExitCode::from(FOUND)
    } else {
        ExitCode::SUCCESS
    })
}

/// What every rule finds in the files.
fn check(files: &[File]) -> Vec<Finding> {
    let mut findings = Findings::default();
    let documents: Vec<Document<'_>> = files.iter().flat_map(File::documents).collect();
    for document in documents
        .iter()
        .filter(|document| document.kind == Kind::Plugin)
    {
        plugin::check_document(&mut findings, document);
    }
    let mut filters = envoy::check(&mut findings, &documents);
    filters += kubernetes::check(&mut findings, &documents);
    let around = documents
        .iter()
        .find(|document| document.kind != Kind::Plugin);
    if let (0, Some(document)) = (filters, around) {
        findings.add(
            rules::NO_FILTER,
            &document.root,
            "the given files hold no mlflow-authz filter, so little was checked",
            "also give the file that holds the filter",
        );
    }
    findings.sorted()
}
