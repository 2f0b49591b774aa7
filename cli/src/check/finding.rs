//! What a rule found.

use mlflow_authz::printable::printable;
use serde::Serialize;

use super::place::{Place, Spot};
use super::rules::{Rule, Severity};

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
