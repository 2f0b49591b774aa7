//! `mlflow-authz completions` and `mlflow-authz man`: what a shell and man(1) need to know of the command.

use std::io;

use clap::{Command, CommandFactory};
use clap_complete::Shell;

use crate::Cli;
use crate::error::CliError;
use crate::output;

/// What `completions` takes.
#[derive(Debug, clap::Args)]
pub struct CompletionsArgs {
    /// The shell that reads them
    shell: Shell,
}

/// What `man` takes.
#[derive(Debug, clap::Args)]
pub struct ManArgs {
    /// The command whose page it is; without one, the page of mlflow-authz itself
    #[arg(value_name = "COMMAND")]
    command: Option<String>,
}

/// Prints a completion script.
///
/// # Errors
///
/// Stdout that cannot be written to.
pub fn completions(args: &CompletionsArgs) -> Result<(), CliError> {
    let mut script = Vec::new();
    clap_complete::generate(args.shell, &mut Cli::command(), "mlflow-authz", &mut script);
    output::to_stdout(|out| out.write_all(&script))
}

/// Prints a manual page.
///
/// # Errors
///
/// A command that does not exist; stdout that cannot be written to.
pub fn man(args: &ManArgs) -> Result<(), CliError> {
    let mut all = Cli::command();
    all.build();
    let command = match &args.command {
        None => all,
        Some(name) => named(&all, name)?,
    };
    output::to_stdout(|out| page(command, out))
}

fn named(all: &Command, name: &str) -> Result<Command, CliError> {
    all.find_subcommand(name).cloned().ok_or_else(|| {
        let names: Vec<&str> = all.get_subcommands().map(Command::get_name).collect();
        CliError::new(
            format!("there is no command {name}"),
            format!("name one of {}", names.join(", ")),
        )
    })
}

/// The page of `mlflow-authz explain` is called `mlflow-authz-explain`.
fn page(command: Command, out: &mut dyn io::Write) -> io::Result<()> {
    let title = command.get_display_name().unwrap_or("mlflow-authz");
    let title = title.to_owned();
    clap_mangen::Man::new(command).title(title).render(out)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use clap::{CommandFactory, ValueEnum};
    use clap_complete::Shell;

    use super::{named, page};
    use crate::Cli;

    fn all() -> clap::Command {
        let mut all = Cli::command();
        all.build();
        all
    }

    #[test]
    fn every_command_and_option_is_completed_in_every_shell() {
        for shell in Shell::value_variants() {
            let mut script = Vec::new();
            clap_complete::generate(*shell, &mut Cli::command(), "mlflow-authz", &mut script);
            let script = String::from_utf8(script).unwrap();
            for command in all().get_subcommands() {
                assert!(
                    script.contains(command.get_name()),
                    "{shell}: {}",
                    command.get_name()
                );
                for option in command.get_opts().filter_map(clap::Arg::get_long) {
                    assert!(script.contains(option), "{shell}: {option}");
                }
            }
        }
    }

    #[test]
    fn every_command_has_a_page_with_its_options() {
        for command in all().get_subcommands() {
            let mut text = Vec::new();
            page(named(&all(), command.get_name()).unwrap(), &mut text).unwrap();
            // roff writes a hyphen that is no end of a line as \-.
            let text = String::from_utf8(text).unwrap().replace("\\-", "-");
            let title = format!("mlflow-authz-{}", command.get_name());
            assert!(text.contains(&format!(".TH {title} 1")), "{text}");
            for option in command.get_opts().filter_map(clap::Arg::get_long) {
                assert!(text.contains(&format!("--{option}")), "{title}: {option}");
            }
        }
    }

    #[test]
    fn a_page_of_no_command_names_those_there_are() {
        let error = named(&all(), "explian").unwrap_err().to_string();
        assert!(
            error.starts_with("there is no command explian; name one of check, explain"),
            "{error}"
        );
    }
}
