//! `mlflow-authz replay`: what a configuration would have decided about recorded requests.
//!
//! | module | what it does |
//! |---|---|
//! | `input`, `zstd` | files, compressed or not |
//! | `record`, `text` | lines of logs as records |
//! | `judge`, `identified`, `named`, `remembered` | the engine again |
//! | `outcome`, `tally`, `bounded` | what changes, counted in bounded memory |
//! | `findings`, `as_text`, `as_html` | what is shown |

mod as_html;
mod as_text;
mod bounded;
mod findings;
mod identified;
mod input;
mod judge;
mod named;
mod outcome;
mod record;
mod remembered;
mod tally;
#[cfg(test)]
mod tests;
mod text;
mod zstd;

use std::io::BufRead;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::ValueEnum;
use indicatif::ProgressBar;
use mlflow_authz::Config;

use self::findings::Findings;
use self::judge::Judge;
use self::outcome::{Change, Outcome, Verdict};
use self::record::{Line, Record};
use self::tally::{Seen, Tally};
use crate::config_file;
use crate::error::CliError;
use crate::line_reader::{Length, read_line};
use crate::output;

/// The longest line that is read, in bytes.
const LONGEST_LINE: usize = 1024 * 1024;

/// Exit status of new denials, where they are to fail.
const NEW_DENIALS: u8 = 1;

const ABOUT_RECORDS: &str = "\
Reads the filter's audit records, alone or inside Envoy's log, and Envoy's JSON access log with the fields of \
envoy/envoy.yaml; plain, gzip or zstd. Other lines are ignored. Give one of the two logs: a request in both counts \
twice. Audit records have allowed requests only with \"audit\": {\"allows\": true}.

A denial because of the key itself (401, 429, 503) stays, because the auth service decided it. For a key in the \
configuration (identity keys), the entry with its key id decides. If a record lacks something that the decision depends \
on, it is counted as not decidable, with the reason. Records have neither keys nor headers, so the candidate's \
credentials and key_pattern are not tried.

Exit status: 0, or 1 with --fail-on-new-denials where a request that was let through would be refused; 2 for errors.";

/// What the command takes.
#[derive(Debug, clap::Args)]
#[command(after_help = ABOUT_RECORDS)]
pub struct Args {
    /// The plugin configuration to decide under
    #[arg(long, value_name = "CANDIDATE")]
    config: PathBuf,
    /// Compare with what this configuration decides, not with what was recorded
    #[arg(long, value_name = "BASELINE")]
    was: Option<PathBuf>,
    /// How to print what would change
    #[arg(long, value_enum, default_value_t = Format::Text)]
    format: Format,
    /// Also write a report as one HTML file
    #[arg(long, value_name = "FILE")]
    html: Option<PathBuf>,
    /// Rows of each list in text and report
    #[arg(long, value_name = "N", default_value_t = 20)]
    top: usize,
    /// Exit with 1 if a request that was let through would be refused
    #[arg(long)]
    fail_on_new_denials: bool,
    /// Files of records; - for stdin
    #[arg(value_name = "FILE", default_value = "-")]
    files: Vec<PathBuf>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Format {
    Text,
    Json,
}

/// Replays records.
///
/// # Errors
///
/// A configuration that the filter would refuse, a file that cannot be read or holds no record, a report that
/// cannot be written.
pub fn run(args: &Args) -> Result<ExitCode, CliError> {
    check_stdin(args)?;
    let baseline = args.was.as_deref().map(config_file::read).transpose()?;
    let mut replay = Replay::new(config_file::read(&args.config)?, baseline);
    let progress = input::progress(&args.files);
    for file in &args.files {
        replay.file(file, &progress)?;
    }
    progress.finish_and_clear();
    let findings = Findings::new(
        &replay.tally,
        config_file::name(&args.config),
        args.was.as_deref().map(config_file::name),
        args.files
            .iter()
            .map(|file| config_file::name(file))
            .collect(),
    );
    if let Some(file) = &args.html {
        write_report(file, &as_html::page(&findings, args.top))?;
    }
    output::to_stdout(|out| match args.format {
        Format::Text => as_text::print(out, &findings, args.top),
        Format::Json => output::pretty_json(out, &findings),
    })?;
    let fails = args.fail_on_new_denials && replay.tally.all.new_denials > 0;
    Ok(ExitCode::from(if fails { NEW_DENIALS } else { 0 }))
}

fn check_stdin(args: &Args) -> Result<(), CliError> {
    let inputs = args.files.iter().chain([&args.config]).chain(&args.was);
    if inputs.filter(|file| file.as_os_str() == "-").count() > 1 {
        return Err(CliError::new(
            "stdin cannot be read twice",
            "name files, of which one at most is -",
        ));
    }
    Ok(())
}

fn write_report(file: &Path, page: &str) -> Result<(), CliError> {
    std::fs::write(file, page).map_err(|error| {
        CliError::new(
            format!("--html {}: {error}", file.display()),
            "name a file that can be written",
        )
    })
}

/// The whole run, file by file.
struct Replay {
    candidate: Judge,
    baseline: Option<Judge>,
    tally: Tally,
}

impl Replay {
    fn new(candidate: Config, baseline: Option<Config>) -> Self {
        Self {
            candidate: Judge::new(candidate),
            baseline: baseline.map(Judge::new),
            tally: Tally::new(),
        }
    }

    fn file(&mut self, file: &Path, progress: &ProgressBar) -> Result<(), CliError> {
        self.read(&config_file::name(file), input::open(file, progress)?)
    }

    fn read(&mut self, name: &str, mut input: impl BufRead) -> Result<(), CliError> {
        let (mut line, mut records) = (0, 0);
        let mut first_unreadable = None;
        let mut text = Vec::new();
        let mut room = String::new();
        while let Some(length) = read_line(&mut input, &mut text, LONGEST_LINE)
            .map_err(|error| input::unreadable(name, line, &error))?
        {
            line += 1;
            self.tally.lines.lines += 1;
            let read = match length {
                Length::Fits => record::read(&text, &mut room),
                Length::TooLong => {
                    Line::Unreadable(format!("it is longer than {LONGEST_LINE} bytes"))
                }
            };
            match read {
                Line::Other => self.tally.lines.other_lines += 1,
                Line::Unreadable(problem) => {
                    first_unreadable.get_or_insert_with(|| (line, problem.clone()));
                    self.tally.add_unreadable(name, line, problem);
                }
                Line::Record(record) => {
                    records += 1;
                    self.record(name, line, &record)?;
                }
            }
        }
        if records > 0 {
            return Ok(());
        }
        let first = first_unreadable.map_or_else(String::new, |(line, problem)| {
            format!(", line {line} cannot be read: {problem}")
        });
        Err(CliError::new(
            format!("{name}: none of its {line} lines is a record of a decision{first}"),
            "give audit records of the filter, or Envoy's JSON access log with the field authz of envoy/envoy.yaml",
        ))
    }

    fn record(&mut self, file: &str, line: u64, record: &Record<'_>) -> Result<(), CliError> {
        let again = self.candidate.decide(record);
        let recorded = Verdict {
            word: record.word,
            reason: record.reason.as_ref().into(),
        };
        let (before, again) = match &mut self.baseline {
            None => (recorded, again),
            Some(baseline) => match baseline.decide(record).outcome {
                Outcome::Decided(before) => (before, again),
                Outcome::Open(why) => (recorded, again.but_open(why)),
            },
        };
        let change = match &again.outcome {
            Outcome::Decided(after) => Change::between(&before, after),
            Outcome::Open(_) => None,
        };
        self.tally.add(&Seen {
            file,
            line,
            record,
            before,
            again,
            change,
        });
        Ok(())
    }
}
