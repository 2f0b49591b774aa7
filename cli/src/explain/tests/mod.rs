//! The command from lines and arguments to decisions.
#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing)]

mod arguments;
mod bodies;
mod callers;
mod decisions;
mod identities;
mod lines;
mod verified;
mod workspaces;

use clap::Parser;
use serde_json::Value;

use super::explainer::Explainer;
use super::lines::{Tally, explain_lines};
use crate::config_file;

const DEFAULTS: &str =
    r#"{"auth_service":{"cluster":"auth_service"},"mounts":["/api/mlflow","/"]}"#;

/// A command line of this command alone.
#[derive(Debug, Parser)]
struct CommandLine {
    #[command(flatten)]
    args: super::Args,
}

fn explainer(config: &str) -> Explainer {
    Explainer::new(config_file::parse("test", config.as_bytes()).unwrap())
}

/// What `--stdin` makes of some input.
fn explained(config: &str, input: &[u8]) -> (Vec<Value>, Tally) {
    let mut output = Vec::new();
    let tally = explain_lines(&explainer(config), input, &mut output).unwrap();
    let lines = String::from_utf8(output).unwrap();
    assert!(lines.is_empty() || lines.ends_with('\n'));
    (
        lines
            .lines()
            .map(|line| serde_json::from_str(line).unwrap())
            .collect(),
        tally,
    )
}

/// What `--stdin` makes of one line.
fn one(config: &str, line: &str) -> Value {
    explained(config, line.as_bytes()).0.pop().unwrap()
}
