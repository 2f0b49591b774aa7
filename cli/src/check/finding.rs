//! What a rule found.

use std::fmt;

use mlflow_authz::printable::printable;
use serde::Serialize;

use super::place::Place;
use super::rules::Rule;

/// How bad it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Severity {
    /// The filter would not run, or would not protect.
    Error,
    /// It runs, with less protection or use than it could have.
    Warning,
}

impl fmt::Display for Severity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Error => "error",
            Self::Warning => "warning",
        })
    }
}

/// Where it was found.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Spot {
    /// As it was named on the command line.
    pub file: String,
    /// Which document of the file, counted from 1, where it holds more than one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub document: Option<usize>,
    /// Counted from 1.
    pub line: u64,
    /// The path in the document; empty for the whole.
    pub path: String,
}

/// One finding: where, what is wrong, what to do.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Finding {
    pub severity: Severity,
    pub code: &'static str,
    #[serde(flatten)]
    pub spot: Spot,
    pub problem: String,
    pub remedy: String,
}

/// All findings, in the order of the rules until they are sorted.
#[derive(Debug, Default)]
pub struct Findings(Vec<Finding>);

impl Findings {
    /// Adds a finding at a place.
    pub fn add(
        &mut self,
        rule: Rule,
        place: &Place<'_>,
        problem: impl Into<String>,
        remedy: impl Into<String>,
    ) {
        self.add_at(rule, place.spot(), problem, remedy);
    }

    /// Adds a finding at a spot. What is wrong may quote the file: control characters are escaped.
    pub fn add_at(
        &mut self,
        rule: Rule,
        spot: Spot,
        problem: impl Into<String>,
        remedy: impl Into<String>,
    ) {
        let path = printable(&spot.path).into_owned();
        let finding = Finding {
            severity: rule.severity,
            code: rule.code,
            spot: Spot { path, ..spot },
            problem: printable(&problem.into()).into_owned(),
            remedy: printable(&remedy.into()).into_owned(),
        };
        // A rule may look at a place once for each chain of filters.
        if !self.0.contains(&finding) {
            self.0.push(finding);
        }
    }

    /// As they stand in the files, each once.
    pub fn sorted(mut self) -> Vec<Finding> {
        let place = |finding: &Finding| {
            (
                finding.spot.file.clone(),
                finding.spot.document,
                finding.spot.line,
            )
        };
        self.0.sort_by(|a, b| {
            place(a)
                .cmp(&place(b))
                .then_with(|| a.severity.cmp(&b.severity))
        });
        self.0
    }
}
