//! How a command fails: what went wrong and what to do about it, on one line.

use std::fmt;

use mlflow_authz::printable::printable;

/// A failure as the user reads it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CliError {
    problem: String,
    remedy: String,
}

impl CliError {
    /// `problem` says what went wrong, `remedy` what to do; neither ends in punctuation, and neither
    /// may hold a key. What is not printable is escaped: what is wrong may quote what is in a file.
    pub fn new(problem: impl Into<String>, remedy: impl Into<String>) -> Self {
        Self {
            problem: printable(&problem.into()).into_owned(),
            remedy: printable(&remedy.into()).into_owned(),
        }
    }
}

impl fmt::Display for CliError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}; {}", self.problem, self.remedy)
    }
}

impl std::error::Error for CliError {}

/// A command of earlier versions: a script that still calls it learns where it is.
const FORMER: &str = "auth-service";

/// A wrong command line in this program's own form, or `None` where clap's text is the answer
/// (help, version).
///
/// clap renders paragraphs: the problem, perhaps tips, usage, a pointer to `--help`.
pub fn from_usage(usage: &clap::Error) -> Option<CliError> {
    use clap::error::{ContextKind, ContextValue, ErrorKind};

    if matches!(
        usage.kind(),
        ErrorKind::DisplayHelp
            | ErrorKind::DisplayVersion
            | ErrorKind::DisplayHelpOnMissingArgumentOrSubcommand
    ) {
        return None;
    }
    if usage.get(ContextKind::InvalidSubcommand) == Some(&ContextValue::String(FORMER.to_owned())) {
        return Some(CliError::new(
            "auth-service is a program of its own now, for development",
            "in a checkout of the sources run scripts/build tools, then target/tools/auth-service",
        ));
    }
    let text = usage.render().to_string();
    let mut paragraphs = text.split("\n\n").map(one_line);
    let problem = paragraphs.next().unwrap_or_default();
    let problem = problem.strip_prefix("error: ").unwrap_or(&problem);
    let remedy = paragraphs
        .find_map(|paragraph| paragraph.strip_prefix("tip: ").map(str::to_owned))
        .unwrap_or_else(|| "see --help for what the command takes".to_owned());
    Some(CliError::new(problem, remedy))
}

fn one_line(paragraph: &str) -> String {
    paragraph.split_whitespace().collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use clap::Parser;

    use super::from_usage;
    use crate::Cli;

    fn usage(args: &[&str]) -> Option<String> {
        let args = ["mlflow-authz"].iter().chain(args);
        from_usage(&Cli::try_parse_from(args).unwrap_err()).map(|error| error.to_string())
    }

    #[test]
    fn usage_errors_are_one_line_with_a_remedy() {
        let cases: [(&[&str], &str); 4] = [
            (
                &["replay"],
                "the following required arguments were not provided: --config <CANDIDATE>; \
                 see --help for what the command takes",
            ),
            (
                &["replay", "--config", "f", "--top", "many"],
                "invalid value 'many' for '--top <N>': invalid digit found in string; \
                 see --help for what the command takes",
            ),
            (
                &["replay", "--confg", "f"],
                "unexpected argument '--confg' found; a similar argument exists: '--config'",
            ),
            (
                &["matrx"],
                "unrecognized subcommand 'matrx'; a similar subcommand exists: 'matrix'",
            ),
        ];
        for (args, text) in cases {
            assert_eq!(usage(args).unwrap(), text, "{args:?}");
        }
    }

    #[test]
    fn the_former_auth_service_says_where_it_went() {
        for arguments in [&["auth-service"][..], &["auth-service", "--keys", "f"]] {
            let error = usage(arguments).unwrap();
            assert!(error.contains("target/tools/auth-service"), "{error}");
        }
    }

    #[test]
    fn help_and_version_stay_claps() {
        for args in [&["--help"][..], &["replay", "--version"], &[]] {
            assert_eq!(usage(args), None, "{args:?}");
        }
    }
}
