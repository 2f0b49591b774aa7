//! `mlflow-authz explain`: what the filter would decide about a request, and why.
//!
//! It runs the filter's own engine and plays the auth service for it: whoever the caller is said to be,
//! that is what the auth service answers.

mod caller;
mod explainer;
mod explanation;
mod headers;
mod line;
mod lines;
mod request;
#[cfg(test)]
mod tests;

use std::ffi::OsString;
use std::io;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::ValueEnum;

use self::caller::{Caller, Identity, Said};
use self::explainer::Explainer;
use self::lines::{Failure, Tally};
use self::request::Request;
use crate::config_file;
use crate::error::CliError;
use crate::output;

const ABOUT_CALLERS: &str = "\
Who calls:
- with scopes, roles, admin, workspaces, a key id or a user id, even as empty lists: a caller of whom the auth service says this, \
which the configuration must have. A key is added unless the headers have a credential.
- with --identity keys and --key-id or --sha256: the owner of that entry of the configuration's keys.
- with --identity jwt and --claims: the owner of a token that has these claims and that Envoy has verified.
- with --identity mtls and --certificate: the owner of a certificate of this name that Envoy has verified.
- with none of these, and a key among the headers: the owner of that key by the configuration's keys. A key that they \
do not list is valid and has no scopes if an auth service is configured, and is not valid otherwise.
- with no credential at all: nobody.

With --stdin each line is a JSON object: {\"method\", \"target\"[, \"scopes\", \"roles\", \"is_admin\", \
\"grants\", \"workspaces\", \"pinned_workspace\", \"key_id\", \"user_id\", \"identity\", \"sha256\", \"claims\", \
\"certificate\", \"workspace\", \"headers\", \"host\", \"body\" or \"body_base64\"]}. null is the same as absent. grants is \
a list of {\"scope\", \"names\", \"workspaces\"}, with either or both of the lists; headers is an object of strings or lists of strings, or a list of [name, value]; body is \
text, or an object or a list, which is sent as JSON. Each line gets one line of output: a decision, or \
{\"error\": \"line N: what\"}; after errors the exit status is 2.

The body counts only where a scope limited to names decides: it may have the name. With \
\"bodies\": \"ignore\", the default, the filter does not read it and answers body_unavailable there. \
Content-Type: application/json and a Content-Length are added to a body unless the headers bring theirs.

Workspaces count if the configuration enables them: workspace is the one that the request selects, workspaces are those \
that the key is limited to, and pinned_workspace is that of its requests that select none. The output has the request's \
workspace, and key_workspaces: those in which the key has any right.

Shares: denials are answered to callers whose percentile, 0 to 99, is below enforce_percent. It follows from the key \
id alone; a caller without one has 99. unknown_scopes and unknown_roles are neither \
defaults nor in the configuration, and grant nothing.

Exit status: 0; with --exit-code 1 if a request is denied (one that is only recorded as such, decision would_deny, is \
forwarded and not denied); 2 on errors.";

/// What the command takes.
#[derive(Debug, clap::Args)]
#[command(after_help = ABOUT_CALLERS)]
pub struct Args {
    /// The method, in upper case
    #[arg(long, required_unless_present_any = ["stdin", "positional"])]
    method: Option<OsString>,
    /// The path with its query, as it would arrive; without --config, MLflow is at /
    #[arg(long, required_unless_present_any = ["stdin", "positional"])]
    target: Option<OsString>,
    /// The key's scopes, separated by commas; model:write:acme-* is limited to names,
    /// acme/model:write to a workspace
    #[arg(long, value_name = "SCOPE,…")]
    scopes: Option<String>,
    /// The caller's roles, separated by commas
    #[arg(long, value_name = "ROLE,…")]
    roles: Option<String>,
    /// The caller is an admin
    #[arg(long)]
    admin: bool,
    /// The workspaces that the key is limited to, separated by commas, * and ? as in patterns
    #[arg(long, value_name = "WORKSPACE,…")]
    workspaces: Option<String>,
    /// The workspace that the key is pinned to: that of its requests without X-MLFLOW-WORKSPACE; without --workspaces,
    /// the key is limited to it
    #[arg(long, value_name = "WORKSPACE")]
    pinned_workspace: Option<String>,
    /// The key's public id, by which enforce_percent counts callers
    #[arg(long, value_name = "ID")]
    key_id: Option<String>,
    /// The user's id
    #[arg(long, value_name = "ID")]
    user_id: Option<String>,
    /// The source of identity that knows the caller [default: auth_service]
    #[arg(long, value_enum)]
    identity: Option<Identity>,
    /// With --identity keys: the digest of a key that the configuration lists, as mlflow-authz key digest prints it
    #[arg(long, value_name = "DIGEST")]
    sha256: Option<String>,
    /// With --identity jwt: a file that holds the claims of a verified token, a JSON object; - for stdin
    #[arg(long, value_name = "FILE")]
    claims: Option<PathBuf>,
    /// With --identity mtls: the name of a verified client certificate
    #[arg(long, value_name = "NAME")]
    certificate: Option<String>,
    /// The workspace that the request selects: the header X-MLFLOW-WORKSPACE
    #[arg(long, value_name = "WORKSPACE")]
    workspace: Option<OsString>,
    /// A request header; may be repeated
    #[arg(long = "header", value_name = "NAME: VALUE")]
    headers: Vec<OsString>,
    /// The Host, or :authority
    #[arg(long)]
    host: Option<OsString>,
    /// The body, read only where a scope limited to names decides
    #[arg(long, value_name = "TEXT")]
    body: Option<OsString>,
    /// A file that holds the body
    #[arg(long, value_name = "FILE", conflicts_with = "body")]
    body_file: Option<PathBuf>,
    /// Decide about the requests on stdin, one JSON object a line
    #[arg(long, conflicts_with_all = [
        "method", "target", "scopes", "roles", "admin", "workspaces", "pinned_workspace", "key_id", "user_id", "identity",
        "sha256", "claims", "certificate", "workspace", "headers", "host",
        "body", "body_file",
    ])]
    stdin: bool,
    /// The plugin configuration; - for stdin [default: the defaults]
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
    /// How to print decisions [default: text; json with --stdin]
    #[arg(long, value_enum)]
    format: Option<Format>,
    /// Exit with status 1 if a request is denied
    #[arg(long)]
    exit_code: bool,
    // Only for the error that says how to write it.
    #[arg(hide = true)]
    positional: Vec<OsString>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Format {
    Text,
    Json,
}

/// Explains one request, or every line on stdin. A denial is an answer, not a failure.
///
/// # Errors
///
/// A configuration that the filter would refuse, a header that is none, lines that are not requests.
pub fn run(args: Args) -> Result<ExitCode, CliError> {
    check_positional(&args)?;
    if args.stdin {
        check_combination(&args)?;
    }
    let explainer = Explainer::new(config_file::read_or_default(args.config.as_deref())?);
    let exit_code = args.exit_code;
    let status = |denied: bool| ExitCode::from(u8::from(exit_code && denied));
    if args.stdin {
        return explain_stdin(&explainer).map(status);
    }
    let format = args.format.unwrap_or(Format::Text);
    let explanation = explainer.explain(&request(args)?).map_err(not_known)?;
    let denied = explanation.is_denial();
    output::to_stdout(|out| match format {
        Format::Text => write!(out, "{explanation}"),
        Format::Json => {
            output::json(out, &explanation)?;
            out.write_all(b"\n")
        }
    })?;
    Ok(status(denied))
}

fn check_positional(args: &Args) -> Result<(), CliError> {
    let words: Vec<&str> = args
        .positional
        .iter()
        .filter_map(|it| it.to_str())
        .collect();
    let is_path = |word: &str| word.starts_with('/');
    let remedy = match *words.as_slice() {
        [] => return Ok(()),
        [method, target] if is_path(target) => {
            format!("write --method {method} --target '{target}'")
        }
        [target, method] if is_path(target) => {
            format!("write --method {method} --target '{target}'")
        }
        _ => "write --method METHOD --target PATH".to_owned(),
    };
    Err(CliError::new(
        format!("explain does not take {:?} by position", words.join(" ")),
        remedy,
    ))
}

fn check_combination(args: &Args) -> Result<(), CliError> {
    if args.format == Some(Format::Text) {
        return Err(CliError::new(
            "--stdin prints JSON only",
            "leave --format out, or explain one request with --method and --target",
        ));
    }
    if args
        .config
        .as_deref()
        .is_some_and(|file| file.as_os_str() == "-")
    {
        return Err(CliError::new(
            "with --stdin the configuration cannot come from stdin as well",
            "write the configuration to a file and pass its name",
        ));
    }
    Ok(())
}

fn not_known(problem: String) -> CliError {
    CliError::new(
        problem,
        "or give --config a configuration that has this caller",
    )
}

fn request(args: Args) -> Result<Request, CliError> {
    let bytes = OsString::into_encoded_bytes;
    let caller = Caller::given(Said {
        scopes: args.scopes.as_deref().map(listed),
        roles: args.roles.as_deref().map(listed),
        is_admin: args.admin.then_some(true),
        grants: None,
        workspaces: args.workspaces.as_deref().map(listed),
        pinned_workspace: args.pinned_workspace,
        key_id: args.key_id,
        user_id: args.user_id,
        identity: args.identity,
        sha256: args.sha256,
        claims: args.claims.as_deref().map(read_claims).transpose()?,
        certificate: args.certificate,
    });
    let caller =
        caller.map_err(|problem| CliError::new(problem, "see mlflow-authz explain --help"))?;
    let headers = args
        .headers
        .into_iter()
        .map(|header| headers::parse(&bytes(header)));
    let headers: Vec<headers::Header> = headers.collect::<Result<_, _>>().map_err(|problem| {
        CliError::new(
            format!("--header: {problem}"),
            "write --header 'name: value'",
        )
    })?;
    let body = match (args.body, args.body_file) {
        (None, Some(file)) => Some(read_body(&file)?),
        (body, _) => body.map(bytes),
    };
    let request = Request::new(
        bytes(args.method.unwrap_or_default()),
        bytes(args.target.unwrap_or_default()),
        args.host.map(bytes),
        headers,
        body,
        caller,
    );
    Ok(request.in_workspace(args.workspace.map(bytes)))
}

fn read_claims(file: &Path) -> Result<Vec<u8>, CliError> {
    config_file::bytes(file).map_err(|error| {
        CliError::new(
            format!("--claims {}: {error}", file.display()),
            "name a file that can be read, or - for stdin",
        )
    })
}

fn read_body(file: &Path) -> Result<Vec<u8>, CliError> {
    std::fs::read(file).map_err(|error| {
        CliError::new(
            format!("--body-file {}: {error}", file.display()),
            "name a file that can be read",
        )
    })
}

fn listed(text: &str) -> Vec<String> {
    text.split(',')
        .map(str::trim)
        .filter(|word| !word.is_empty())
        .map(str::to_owned)
        .collect()
}

/// Whether a request was denied.
fn explain_stdin(explainer: &Explainer) -> Result<bool, CliError> {
    match lines::explain_lines(explainer, io::stdin().lock(), io::stdout().lock()) {
        Ok(tally) => verdict(&tally).map(|()| tally.denied > 0),
        // Who has read enough has not asked for the rest.
        Err(Failure::Write(error)) => output::ended(Err(error)).map(|()| false),
        Err(Failure::Read(error)) => Err(CliError::new(
            format!("cannot read stdin: {error}"),
            "correct what the system reports",
        )),
    }
}

fn verdict(tally: &Tally) -> Result<(), CliError> {
    let Some(first) = tally.first_refused else {
        return Ok(());
    };
    Err(CliError::new(
        format!(
            "{} of {} lines are not requests, line {first} is the first",
            tally.refused, tally.lines
        ),
        "see the \"error\" of each on stdout",
    ))
}
