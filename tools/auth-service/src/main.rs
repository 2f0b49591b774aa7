//! `auth-service`: a local stand-in for the auth service.
//!
//! It speaks the contract the filter is built against (`POST {path}` with the caller's key as a bearer
//! token, `GET {revocations_path}` for the key ids that were revoked), answers from a keys file, and breaks
//! in the ways that are ordered on its command line or at `/faults`, or for a while altogether, at
//! `/outage`. `/keys` changes what it knows, `/stats` tells what it was asked. It is for tests and demos:
//! keys lie in a file in clear, and whoever reaches its port can order faults and keys. It writes no key
//! to stdout, stderr or `/stats`.
//!
//! A failure is one line on stderr, `auth-service: <what went wrong>; <what to do>`, and exit status 2.

#![allow(
    clippy::disallowed_methods,
    reason = "the stand-in, unlike the engine, reads the clock"
)]

mod contract;
mod error;
mod ext_authz;
mod faults;
mod garbage;
mod grpc;
mod introspection;
mod key_counts;
mod keys;
mod listener;
mod outage;
mod revocations;
mod server;
mod signals;
mod stats;
#[cfg(test)]
mod tests;

use std::io::{self, Write};
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use clap::Parser;
use clap::builder::NonEmptyStringValueParser;
use mlflow_authz::printable::printable;
use tokio::net::TcpListener;

use self::error::StartError;
use self::ext_authz::Checks;
use self::faults::{Faults, Garbage, Orders, Share, Status, Target};
use self::keys::{AnyKey, Keys};
use self::revocations::{Credential, Revocations};
use self::server::Service;
use self::signals::Signals;

/// A local stand-in for the auth service, with fault injection
#[derive(Debug, Parser)]
#[command(name = "auth-service", version)]
struct Args {
    /// The keys it knows: {"keys": [{"key": "…", "user_id": "…", "scopes": […], …}]}
    #[arg(long, value_name = "FILE")]
    keys: PathBuf,
    /// Where to listen; port 0 takes a free one
    #[arg(long, value_name = "ADDRESS:PORT", default_value = "127.0.0.1:0")]
    listen: String,
    /// Where keys are validated
    #[arg(long, default_value = "/api/v1/keys/validate", value_parser = parse_path)]
    path: String,
    /// Where revoked key ids are polled
    #[arg(long, value_name = "PATH", default_value = "/api/v1/keys/revocations", value_parser = parse_path)]
    revocations_path: String,
    /// A header that whoever polls must send
    #[arg(long, value_name = "NAME: VALUE")]
    revocations_credential: Option<String>,
    /// Also introspect tokens there, as an OAuth 2.0 server does (RFC 7662): /oauth2/introspect
    #[arg(long, value_name = "PATH", value_parser = parse_path)]
    introspection_path: Option<String>,
    /// A header that whoever introspects must send
    #[arg(long, value_name = "NAME: VALUE", requires = "introspection_path")]
    introspection_credential: Option<String>,
    /// Also answer Envoy's ext_authz filter, over HTTP below /ext-authz and over gRPC, for an MLflow that is served here:
    /// /api/mlflow
    #[arg(long, value_name = "MOUNT", value_parser = parse_path)]
    ext_authz_mount: Option<String>,
    /// Every key with this prefix is valid, with key id key_REST and user id user_REST
    #[arg(long, value_name = "PREFIX", requires = "any_key_scopes", value_parser = parse_prefix)]
    any_key_prefix: Option<String>,
    /// The scopes of those keys: model:read,run:write
    #[arg(
        long,
        value_name = "SCOPES",
        requires = "any_key_prefix",
        value_delimiter = ','
    )]
    #[arg(value_parser = NonEmptyStringValueParser::new())]
    any_key_scopes: Vec<String>,
    /// Hold every reply back this long: 250ms, 2s, 5m, 1h
    #[arg(long, value_name = "DURATION", value_parser = humantime::parse_duration)]
    delay: Option<Duration>,
    /// Answer 500 to this share of validations, from 0 to 1
    #[arg(long, value_name = "SHARE")]
    fail_rate: Option<Share>,
    /// Answer this status to every validation
    #[arg(long)]
    status: Option<Status>,
    /// Send Retry-After beside --status
    #[arg(long, value_name = "SECONDS", requires = "status")]
    retry_after: Option<u64>,
    /// Answer garbage to every validation
    #[arg(long, value_name = "KIND", num_args = 0..=1, default_missing_value = "text")]
    garbage: Option<Garbage>,
    /// What the faults above touch, if not validations
    #[arg(long, value_name = "TARGET")]
    fault_target: Option<Target>,
    /// The share of requests they touch, from 0 to 1
    #[arg(long, value_name = "SHARE")]
    fault_share: Option<Share>,
    /// How many requests they touch, from the first on
    #[arg(long, value_name = "NUMBER")]
    fault_count: Option<u64>,
    /// Which requests --fail-rate and --fault-share pick
    #[arg(long, default_value_t = 0)]
    seed: u64,
}

fn main() -> ExitCode {
    match run(Args::parse()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            // Nobody may be reading stderr; the status still tells.
            let _ = writeln!(
                io::stderr(),
                "auth-service: {}",
                printable(&error.to_string())
            );
            ExitCode::from(2)
        }
    }
}

/// Serves until SIGTERM or SIGINT.
fn run(args: Args) -> Result<(), StartError> {
    let listen = args.listen.clone();
    let service = service(args)?;
    tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(StartError::system("cannot start the runtime"))?
        .block_on(listen_and_serve(&listen, service))
}

async fn listen_and_serve(listen: &str, service: Service) -> Result<(), StartError> {
    // Before the address is announced: whoever reads it may already send a signal.
    let signals = Signals::install().map_err(StartError::system("cannot handle signals"))?;
    let listener = TcpListener::bind(listen)
        .await
        .map_err(|error| StartError::Listen {
            address: listen.to_owned(),
            error,
        })?;
    announce(&listener).map_err(StartError::system("cannot say where it listens"))?;
    server::serve(listener, service, signals.any())
        .await
        .map_err(StartError::system("cannot serve"))
}

fn announce(listener: &TcpListener) -> io::Result<()> {
    let address = listener.local_addr()?;
    let mut stdout = io::stdout().lock();
    writeln!(stdout, "listening on http://{address}")?;
    stdout.flush()
}

fn service(args: Args) -> Result<Service, StartError> {
    // Not by clap, which would quote it.
    let credential = |text: Option<String>, option| {
        let text = text.map(|text| Credential::parse(&text));
        text.map(|it| it.ok_or(StartError::Credential { option }))
            .transpose()
    };
    let revocations_credential =
        credential(args.revocations_credential, "--revocations-credential")?;
    let introspection_credential =
        credential(args.introspection_credential, "--introspection-credential")?;
    let scopes = args.any_key_scopes;
    let any = args
        .any_key_prefix
        .map(|prefix| AnyKey::new(prefix, scopes));
    let faults = Faults {
        target: args.fault_target,
        key_prefix: None,
        share: args.fault_share,
        count: args.fault_count,
        // Finer than a millisecond means nothing here.
        delay_ms: args
            .delay
            .map(|delay| u64::try_from(delay.as_millis()).unwrap_or(u64::MAX)),
        fail_rate: args.fail_rate,
        status: args.status,
        retry_after: args.retry_after,
        garbage: args.garbage,
    };
    let checks = args.ext_authz_mount.map(Checks::new).transpose();
    Ok(Service {
        path: args.path,
        checks: checks.map_err(StartError::Checks)?,
        revocations_path: args.revocations_path,
        revocations_credential,
        introspection_path: args.introspection_path,
        introspection_credential,
        keys: Keys::read(&args.keys, any)?,
        revocations: Revocations::remembering(revocations::REMEMBERED),
        orders: Orders::new(faults, args.seed),
        stats: <_>::default(),
        outages: <_>::default(),
    })
}

/// The path must be one the router takes literally, and free.
fn parse_path(path: &str) -> Result<String, String> {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"/-._~".contains(&byte);
    if !path.starts_with('/') || !path.bytes().all(plain) {
        return Err("a path starts with / and has only letters, digits and -._~/".to_owned());
    }
    if ["/faults", "/keys", "/outage", "/stats"].contains(&path) || path.starts_with("/keys/") {
        return Err(format!("{path} serves the stand-in itself"));
    }
    Ok(path.to_owned())
}

/// What comes before a load key's own part.
fn parse_prefix(prefix: &str) -> Result<String, String> {
    if prefix.is_empty() || !prefix.bytes().all(|byte| byte.is_ascii_graphic()) {
        return Err("a prefix is one or more visible ASCII characters, no spaces".to_owned());
    }
    Ok(prefix.to_owned())
}
