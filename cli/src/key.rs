//! `mlflow-authz key`: keys for the configuration's `keys`, which holds their digests and never the keys.

#[cfg(test)]
mod tests;

use std::io::{self, Read};
use std::time::{Duration, SystemTime};

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use mlflow_authz::config::KeyHash;
use mlflow_authz::credential::MAX_KEY_BYTES;
use mlflow_authz::policy::Policy;
use mlflow_authz::principal::Principal;
use mlflow_authz::printable::printable;
use serde::Serialize;

use crate::error::CliError;
use crate::output;

/// The fewest characters of a key: what 128 random bits take in base64. The digest is not salted, so that whoever reads
/// the configuration can try keys that are easier to guess.
const SHORTEST: usize = 22;

/// The bytes of a new key.
const RANDOM_BYTES: usize = 32;

/// What the command takes.
#[derive(Debug, clap::Args)]
pub struct Args {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, clap::Subcommand)]
enum Command {
    /// Makes a key, and prints it with its entry for `keys`
    New(NewArgs),
    /// Reads a key from stdin and prints its digest, for `sha256`
    Digest,
}

#[derive(Debug, clap::Args)]
struct NewArgs {
    /// The key's public name, which records and messages show
    #[arg(long)]
    key_id: String,
    /// The user the key belongs to
    #[arg(long)]
    user_id: String,
    /// The key's scopes, separated by commas
    #[arg(long, value_delimiter = ',', required = true)]
    scopes: Vec<String>,
    /// How the key begins: letters, digits, `_`, `-`, `.` and `~`
    #[arg(long, default_value = "mk_")]
    prefix: String,
    /// How long the key works, for example 90d; without it, until the entry is removed
    #[arg(long, value_name = "DURATION")]
    expires: Option<humantime::Duration>,
}

/// What `new` prints: the only place where the key stands.
#[derive(Serialize)]
struct New<'a> {
    key: &'a str,
    entry: Entry<'a>,
}

#[derive(Serialize)]
struct Entry<'a> {
    sha256: String,
    key_id: &'a str,
    user_id: &'a str,
    scopes: &'a [String],
    #[serde(skip_serializing_if = "Option::is_none")]
    expires_at: Option<String>,
}

/// Makes a key, or prints a digest.
///
/// # Errors
///
/// A key that cannot be one or is easy to guess; no random bits; stdin and stdout that fail.
pub fn run(args: &Args) -> Result<(), CliError> {
    match &args.command {
        Command::New(args) => {
            let mut random = [0; RANDOM_BYTES];
            getrandom::fill(&mut random).map_err(|error| {
                CliError::new(
                    format!("the system gives no random bits: {error}"),
                    "run the command where /dev/urandom can be read",
                )
            })?;
            let text = new(args, random, SystemTime::now())?;
            if let Some(note) = note_on_scopes(&args.scopes) {
                eprintln!("{}", printable(&note));
            }
            output::to_stdout(|out| out.write_all(text.as_bytes()))
        }
        Command::Digest => {
            let digest = digest_of(io::stdin().lock())?;
            output::to_stdout(|out| writeln!(out, "{digest}"))
        }
    }
}

fn new(args: &NewArgs, random: [u8; RANDOM_BYTES], now: SystemTime) -> Result<String, CliError> {
    for (option, id) in [("--key-id", &args.key_id), ("--user-id", &args.user_id)] {
        if id.trim().is_empty() {
            let remedy = "write a public name, which records and messages show";
            return Err(CliError::new(format!("{option} is empty"), remedy));
        }
    }
    if args
        .scopes
        .iter()
        .any(|scope| scope.is_empty() || scope.contains(char::is_whitespace))
    {
        return Err(CliError::new(
            "--scopes has an empty scope, or one with a space in it",
            "write scopes separated by commas, such as model:read,gateway:use",
        ));
    }
    let is_plain = |b: u8| b.is_ascii_alphanumeric() || b"_-.~".contains(&b);
    if args.prefix.len() > 64 || !args.prefix.bytes().all(is_plain) {
        return Err(CliError::new(
            "--prefix must be at most 64 letters, digits, _, -, . and ~",
            "write one such as mk_",
        ));
    }
    let key = format!("{}{}", args.prefix, URL_SAFE_NO_PAD.encode(random));
    let expires_at = match args.expires {
        Some(after) if after.as_secs() == 0 => {
            return Err(CliError::new(
                "--expires is less than a second: the key would never work",
                "write a duration such as 90d, or leave --expires out",
            ));
        }
        Some(after) => Some(time_after(now, after.into())?),
        None => None,
    };
    let new = New {
        key: &key,
        entry: Entry {
            sha256: KeyHash::of(&key).to_string(),
            key_id: &args.key_id,
            user_id: &args.user_id,
            scopes: &args.scopes,
            expires_at,
        },
    };
    let mut text = Vec::new();
    output::pretty_json(&mut text, &new)
        .ok()
        .and_then(|()| String::from_utf8(text).ok())
        .ok_or_else(|| {
            CliError::new(
                "the entry cannot be written as JSON",
                "report this as a bug",
            )
        })
}

/// A configuration may name scopes of its own, so they are no error.
fn note_on_scopes(scopes: &[String]) -> Option<String> {
    let principal = Principal {
        scopes: scopes.to_vec(),
        ..Principal::default()
    };
    let policy = Policy::of_defaults();
    let unknown = policy.unknown_scopes(&principal);
    (!unknown.is_empty()).then(|| {
        format!(
            "note: not in the default scope table: {}; such a scope grants nothing unless \"scopes\" in the configuration names it",
            unknown.join(", ")
        )
    })
}

/// Whole seconds, as the configuration reads them.
fn time_after(now: SystemTime, after: Duration) -> Result<String, CliError> {
    const YEAR_9999: Duration = Duration::from_secs(253_402_300_799);
    let at = now.checked_add(after);
    let at = at.filter(|at| {
        let since_epoch = at.duration_since(SystemTime::UNIX_EPOCH);
        since_epoch.is_ok_and(|it| it <= YEAR_9999)
    });
    let at = at.ok_or_else(|| {
        CliError::new(
            "--expires is beyond the year 9999",
            "write a duration such as 90d, or leave --expires out",
        )
    })?;
    Ok(humantime::format_rfc3339_seconds(at).to_string())
}

/// Nothing of what was read goes into an error.
fn digest_of(input: impl Read) -> Result<KeyHash, CliError> {
    let mut text = Vec::new();
    let longest = MAX_KEY_BYTES as u64 + 3;
    input
        .take(longest)
        .read_to_end(&mut text)
        .map_err(|error| {
            CliError::new(
                format!("cannot read the key from stdin: {error}"),
                "give the key on stdin",
            )
        })?;
    let key = text.strip_suffix(b"\n").unwrap_or(&text);
    let key = key.strip_suffix(b"\r").unwrap_or(key);
    let is_key = key.len() <= MAX_KEY_BYTES && key.iter().all(u8::is_ascii_graphic);
    let key = std::str::from_utf8(key).ok().filter(|_| is_key);
    let Some(key) = key else {
        return Err(CliError::new(
            format!(
                "the text on stdin is not a key: a key is one line of at most {MAX_KEY_BYTES} visible ASCII \
                 characters"
            ),
            "give the key alone, without spaces: printf %s \"$KEY\" | mlflow-authz key digest",
        ));
    };
    if key.len() < SHORTEST {
        return Err(CliError::new(
            format!(
                "the key has {} characters, fewer than {SHORTEST}: whoever reads the configuration could guess it",
                key.len()
            ),
            "make one with mlflow-authz key new",
        ));
    }
    Ok(KeyHash::of(key))
}
