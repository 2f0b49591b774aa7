//! What was found, for people and for programs.

use std::io::{self, Write};

use serde::Serialize;

use super::finding::Finding;
use super::input::{File, Kind};
use super::plugin;
use super::rules::Severity;

/// A line a finding, in the form that editors and CI systems know from compilers, and a line a file.
pub fn text(out: &mut dyn Write, files: &[File], findings: &[Finding]) -> io::Result<()> {
    for finding in findings {
        let Finding {
            severity,
            code,
            spot,
            problem,
            remedy,
        } = finding;
        let document = spot
            .document
            .map(|number| format!("document {number}: "))
            .unwrap_or_default();
        let path = if spot.path.is_empty() {
            String::new()
        } else {
            format!("{}: ", spot.path)
        };
        writeln!(
            out,
            "{}:{}: {severity}[{code}]: {document}{path}{problem}; {remedy}",
            spot.file, spot.line
        )?;
    }
    for file in files {
        let of_file = || {
            findings
                .iter()
                .filter(|finding| finding.spot.file == file.name)
        };
        let count = |severity| {
            of_file()
                .filter(|finding| finding.severity == severity)
                .count()
        };
        let verdict = match (count(Severity::Error), count(Severity::Warning)) {
            (0, 0) => "ok".to_owned(),
            (0, warnings) => counted(warnings, "warning"),
            (errors, 0) => counted(errors, "error"),
            (errors, warnings) => format!(
                "{}, {}",
                counted(errors, "error"),
                counted(warnings, "warning")
            ),
        };
        writeln!(out, "{}: {verdict}{}", file.name, summary(file))?;
    }
    Ok(())
}

fn counted(count: usize, word: &str) -> String {
    format!("{count} {word}{}", if count == 1 { "" } else { "s" })
}

/// A plugin configuration by itself is summed up.
fn summary(file: &File) -> String {
    let plugin = file
        .documents()
        .into_iter()
        .find(|document| document.kind == Kind::Plugin);
    plugin
        .and_then(|document| mlflow_authz::Config::parse(document.text.as_bytes()).ok())
        .map(|config| format!(": {}", plugin::summary(&config)))
        .unwrap_or_default()
}

/// One object.
pub fn json(out: &mut dyn Write, files: &[File], findings: &[Finding]) -> io::Result<()> {
    #[derive(Serialize)]
    struct Report<'a> {
        files: Vec<&'a str>,
        errors: usize,
        warnings: usize,
        findings: &'a [Finding],
    }

    let count = |severity| {
        findings
            .iter()
            .filter(|finding| finding.severity == severity)
            .count()
    };
    let report = Report {
        files: files.iter().map(|file| file.name.as_str()).collect(),
        errors: count(Severity::Error),
        warnings: count(Severity::Warning),
        findings,
    };
    crate::output::pretty_json(out, &report)
}
