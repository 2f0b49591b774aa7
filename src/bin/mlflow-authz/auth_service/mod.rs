//! `mlflow-authz auth-service`: a local stand-in for the auth service.
//!
//! It speaks the contract the filter is built against (`POST {path}` with the caller's key as a bearer
//! token), answers from a keys file, and breaks in the ways that are ordered on its command line or at
//! `/faults`. `/stats` tells what it was asked. It is for tests and demos: keys lie in a file in clear, and
//! whoever reaches its port can order faults. It writes no key to stdout, stderr or `/stats`.

mod contract;
mod faults;
mod garbage;
mod keys;
mod listener;
mod server;
mod signals;
mod stats;
#[cfg(test)]
mod tests;

use std::io::{self, Write};
use std::path::PathBuf;
use std::time::Duration;

use tokio::net::TcpListener;

use self::faults::{Faults, Garbage, Orders, Share, Status};
use self::keys::Keys;
use self::server::Service;
use self::signals::Signals;

use crate::error::CliError;

/// What the command takes.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// The keys it knows: {"keys": [{"key": "…", "user_id": "…", "scopes": […], …}]}
    #[arg(long, value_name = "FILE")]
    keys: PathBuf,
    /// Where to listen; port 0 takes a free one
    #[arg(long, value_name = "ADDRESS:PORT", default_value = "127.0.0.1:0")]
    listen: String,
    /// Where keys are validated
    #[arg(long, default_value = "/api/v1/keys/validate", value_parser = parse_path)]
    path: String,
    /// Hold every reply back this long: 250ms, 2s, 5m, 1h
    #[arg(long, value_name = "DURATION", value_parser = humantime::parse_duration)]
    delay: Option<Duration>,
    /// Answer 500 to this share of validations, from 0 to 1
    #[arg(long, value_name = "SHARE")]
    fail_rate: Option<Share>,
    /// Answer this status to every validation
    #[arg(long)]
    status: Option<Status>,
    /// Answer garbage to every validation
    #[arg(long, value_name = "KIND", num_args = 0..=1, default_missing_value = "text")]
    garbage: Option<Garbage>,
    /// Which validations --fail-rate picks
    #[arg(long, default_value_t = 0)]
    seed: u64,
}

/// Serves until SIGTERM or SIGINT.
///
/// # Errors
///
/// A keys file that cannot be used, an address that cannot be listened on.
pub fn run(args: Args) -> Result<(), CliError> {
    let listen = args.listen.clone();
    let service = service(args)?;
    tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(|error| system("cannot start the runtime", &error))?
        .block_on(listen_and_serve(&listen, service))
}

async fn listen_and_serve(listen: &str, service: Service) -> Result<(), CliError> {
    // Before the address is announced: whoever reads it may already send a signal.
    let signals = Signals::install().map_err(|error| system("cannot handle signals", &error))?;
    let listener = TcpListener::bind(listen).await.map_err(|error| {
        CliError::new(
            format!("cannot listen on {listen}: {error}"),
            "give --listen an address of this machine and a free port, such as 127.0.0.1:0",
        )
    })?;
    announce(&listener).map_err(|error| system("cannot say where it listens", &error))?;
    server::serve(listener, service, signals.any())
        .await
        .map_err(|error| system("cannot serve", &error))
}

fn announce(listener: &TcpListener) -> io::Result<()> {
    let address = listener.local_addr()?;
    let mut stdout = io::stdout().lock();
    writeln!(stdout, "listening on http://{address}")?;
    stdout.flush()
}

fn service(args: Args) -> Result<Service, CliError> {
    let faults = Faults {
        // Finer than a millisecond means nothing here.
        delay_ms: args
            .delay
            .map(|delay| u64::try_from(delay.as_millis()).unwrap_or(u64::MAX)),
        fail_rate: args.fail_rate,
        status: args.status,
        garbage: args.garbage,
    };
    Ok(Service {
        path: args.path,
        keys: Keys::read(&args.keys)?,
        orders: Orders::new(faults, args.seed),
        stats: <_>::default(),
    })
}

/// The path must be one the router takes literally, and free.
fn parse_path(path: &str) -> Result<String, String> {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"/-._~".contains(&byte);
    if !path.starts_with('/') || !path.bytes().all(plain) {
        return Err("a path starts with / and has only letters, digits and -._~/".to_owned());
    }
    if ["/faults", "/stats"].contains(&path) {
        return Err(format!("{path} serves the stand-in itself"));
    }
    Ok(path.to_owned())
}

fn system(problem: &str, error: &io::Error) -> CliError {
    CliError::new(format!("{problem}: {error}"), "see what the system says")
}
