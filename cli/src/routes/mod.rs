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
use mlflow_authz::catalog::{self, COVERS, Operation, Release, Route};
use mlflow_authz::policy::Policy;

use crate::config_file;
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
    /// Only what this release of MLflow serves [default: what any release does]
    #[arg(long, value_name = "RELEASE", value_parser = release)]
    mlflow: Option<Release>,
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
    let policy = Policy::new(&config_file::read_or_default(file)?);
    let config_name = file.map(config_file::name);
    let table = Table {
        policy: &policy,
        config_name: config_name.as_deref(),
        mlflow: args.mlflow,
    };
    output::to_stdout(|out| print(out, args.format, &table))
}

/// The covered release that an argument names.
fn release(text: &str) -> Result<Release, String> {
    let named = Release::parse(text).ok_or("a release is like 3.4.0 or 3.4")?;
    let not_covered = || format!("the catalog covers {COVERS}, and 1.30");
    named.covered().ok_or_else(not_covered)
}

fn print(out: &mut dyn Write, format: Format, table: &Table<'_>) -> io::Result<()> {
    match format {
        Format::Text => text::print(out, table),
        Format::Json => json::print(out, table),
        Format::Markdown => markdown::print(out, table),
    }
}

/// What is printed: some routes, and the scopes that grant them.
struct Table<'a> {
    policy: &'a Policy,
    /// The configuration whose scopes these are, if not the defaults.
    config_name: Option<&'a str>,
    /// The only release whose routes are printed, if not every one's.
    mlflow: Option<Release>,
}

impl Table<'_> {
    fn routes(&self, operation: &'static Operation) -> impl Iterator<Item = &'static Route> {
        let chosen = |route: &&Route| self.mlflow.is_none_or(|mlflow| route.is_served_by(mlflow));
        operation.routes.iter().filter(chosen)
    }

    /// Every path of every operation, once for all methods that the same releases serve.
    fn endpoints(&self) -> Vec<Endpoint> {
        self.endpoints_among(catalog::operations())
    }

    /// The same of some operations.
    fn endpoints_among(
        &self,
        operations: impl Iterator<Item = &'static Operation>,
    ) -> Vec<Endpoint> {
        operations
            .flat_map(|operation| self.endpoints_of(operation))
            .collect()
    }

    fn endpoints_of(&self, operation: &'static Operation) -> Vec<Endpoint> {
        let mut endpoints: Vec<Endpoint> = Vec::new();
        let pairs = self
            .routes(operation)
            .flat_map(|route| route.paths().map(move |path| (route, path)));
        for (route, path) in pairs {
            let releases = (route.since, route.until);
            let query = catalog::query_template(route.query);
            match endpoints.iter_mut().find(|endpoint| {
                (&endpoint.path, &endpoint.query, endpoint.releases) == (&path, &query, releases)
            }) {
                Some(endpoint) => add_methods(&mut endpoint.methods, route),
                None => endpoints.push(Endpoint {
                    operation,
                    methods: route.methods.to_vec(),
                    path,
                    query,
                    releases,
                }),
            }
        }
        endpoints
    }
}

/// One path of one operation.
#[derive(Debug)]
struct Endpoint {
    operation: &'static Operation,
    methods: Vec<&'static str>,
    path: String,
    /// The only query it is for, as a template; empty for every query.
    query: String,
    releases: Releases,
}

/// Since and until which release, as in [`Route`].
type Releases = (Option<Release>, Option<Release>);

fn add_methods(methods: &mut Vec<&'static str>, route: &Route) {
    for method in route.methods {
        if !methods.contains(method) {
            methods.push(method);
        }
    }
}

/// The releases for people; empty for all that are covered.
fn in_words((since, until): Releases) -> String {
    let word = |word, release: Option<Release>| release.map(|r| format!("{word} {}", minor(r)));
    let words = [word("since", since), word("until", until)];
    words.into_iter().flatten().collect::<Vec<_>>().join(" ")
}

/// A release without its patch, as routes come and go with minor releases.
fn minor(release: Release) -> String {
    format!("{}.{}", release.0, release.1)
}

fn with_query(path: &str, query: &str) -> String {
    if query.is_empty() {
        path.to_owned()
    } else {
        format!("{path}?{query}")
    }
}

/// The narrowest scopes that grant an operation; the last is `…` where there are more.
fn narrowest<'p>(policy: &'p Policy, operation: &Operation) -> Vec<&'p str> {
    let mut granting = policy.granting_operation(operation);
    let mut shown: Vec<&str> = granting.by_ref().take(SCOPES_SHOWN).collect();
    shown.extend(granting.next().map(|_| "…"));
    shown
}
