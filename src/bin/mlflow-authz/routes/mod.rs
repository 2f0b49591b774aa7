//! `mlflow-authz routes`: the whole catalog, with the scopes that grant each operation.
//!
//! Everything is in the catalog's own order, which is the server's where templates overlap.

mod json;
mod markdown;
#[cfg(test)]
mod tests;
mod text;

use std::io::{self, Write};
use std::path::PathBuf;

use clap::ValueEnum;
use mlflow_authz::catalog::{self, Object, Operation, Route};
use mlflow_authz::policy::{Permission, Policy};

use crate::config_file::{self, ConfigFile};
use crate::error::CliError;
use crate::output;

/// Scopes that a table for people names before it cuts the list.
const SCOPES_SHOWN: usize = 3;

/// What the command takes.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// How to print the catalog; markdown makes docs/endpoints.md
    #[arg(long, value_enum, default_value_t = Format::Text)]
    format: Format,
    /// The plugin configuration whose scopes are named; - for stdin [default: the default scopes]
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum Format {
    Text,
    Json,
    Markdown,
}

/// Prints the catalog.
///
/// # Errors
///
/// A configuration that the filter would refuse; stdout that cannot be written to.
pub fn run(args: &Args) -> Result<(), CliError> {
    let file = args.config.as_deref();
    let policy = Policy::new(&ConfigFile::read_or_default(file)?.config);
    let config_name = file.map(config_file::name);
    output::to_stdout(|out| print(out, args.format, &policy, config_name.as_deref()))
}

fn print(
    out: &mut dyn Write,
    format: Format,
    policy: &Policy,
    config_name: Option<&str>,
) -> io::Result<()> {
    match format {
        Format::Text => text::print(out, policy),
        Format::Json => json::print(out, policy),
        Format::Markdown => markdown::print(out, policy, config_name),
    }
}

/// One path of one operation.
#[derive(Debug)]
struct Endpoint {
    operation: &'static Operation,
    methods: Vec<&'static str>,
    path: String,
}

/// Every path of every operation, once each.
fn endpoints() -> Vec<Endpoint> {
    catalog::operations().flat_map(of_operation).collect()
}

fn of_operation(operation: &'static Operation) -> Vec<Endpoint> {
    let mut endpoints: Vec<Endpoint> = Vec::new();
    let pairs = operation
        .routes
        .iter()
        .flat_map(|route| route.paths().map(move |path| (route, path)));
    for (route, path) in pairs {
        match endpoints.iter_mut().find(|endpoint| endpoint.path == path) {
            Some(endpoint) => add_methods(&mut endpoint.methods, route),
            None => endpoints.push(Endpoint {
                operation,
                methods: route.methods.to_vec(),
                path,
            }),
        }
    }
    endpoints
}

fn add_methods(methods: &mut Vec<&'static str>, route: &Route) {
    for method in route.methods {
        if !methods.contains(method) {
            methods.push(method);
        }
    }
}

fn permission(operation: &Operation) -> Permission {
    Permission::new(operation.object, operation.access)
}

/// The narrowest scopes that grant an operation; the last is `…` where there are more.
fn narrowest<'p>(policy: &'p Policy, operation: &Operation) -> Vec<&'p str> {
    let mut granting = policy.granting(permission(operation));
    let mut shown: Vec<&str> = granting.by_ref().take(SCOPES_SHOWN).collect();
    shown.extend(granting.next().map(|_| "…"));
    shown
}

/// The objects that some operation acts on.
fn objects() -> impl Iterator<Item = Object> {
    let used = |object: &Object| catalog::operations().any(|operation| operation.object == *object);
    Object::ALL.iter().copied().filter(used)
}
