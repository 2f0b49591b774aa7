//! The catalog for programs: one array, one object a line.

use std::io::{self, Write};

use mlflow_authz::catalog::{self, Needs, Operation};
use mlflow_authz::policy::Policy;
use serde::Serialize;

use super::{Endpoint, Table, minor};

#[derive(Serialize)]
struct Row<'a> {
    operation: &'a str,
    object: &'a str,
    access: &'a str,
    permission: String,
    /// What a key must hold, where that is not `permission`.
    #[serde(skip_serializing_if = "Option::is_none")]
    needs: Option<String>,
    methods: &'a [&'a str],
    path: &'a str,
    /// The first release that serves it, if not the oldest one covered.
    since: Option<String>,
    /// The first release that no longer serves it, if any.
    until: Option<String>,
    public: Option<&'a str>,
    source: &'a str,
    /// Every one that grants it, narrowest first.
    scopes: Vec<&'a str>,
    /// What the same GET is with a certain query and nothing more in it.
    #[serde(skip_serializing_if = "Option::is_none")]
    narrowed: Option<Narrowed<'a>>,
}

#[derive(Serialize)]
struct Narrowed<'a> {
    query: String,
    operation: &'a str,
    permission: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    needs: Option<String>,
    source: &'a str,
    scopes: Vec<&'a str>,
}

impl<'a> Narrowed<'a> {
    fn new(operation: &'static Operation, policy: &'a Policy) -> Self {
        let query = operation.routes.first().map(|route| route.query);
        Self {
            query: catalog::query_template(query.unwrap_or_default()),
            operation: operation.name,
            permission: operation.own_permission().to_string(),
            needs: needs(operation),
            source: operation.source,
            scopes: policy.granting_operation(operation).collect(),
        }
    }
}

fn needs(operation: &Operation) -> Option<String> {
    (operation.needs != Needs::Own).then(|| operation.required_in_words())
}

impl<'a> Row<'a> {
    fn new(endpoint: &'a Endpoint, policy: &'a Policy) -> Self {
        let operation = endpoint.operation;
        Self {
            operation: operation.name,
            object: operation.object.as_str(),
            access: operation.access.as_str(),
            permission: operation.own_permission().to_string(),
            needs: needs(operation),
            narrowed: operation
                .narrowed
                .map(|narrowed| Narrowed::new(narrowed, policy)),
            methods: &endpoint.methods,
            path: &endpoint.path,
            since: endpoint.releases.0.map(minor),
            until: endpoint.releases.1.map(minor),
            public: operation.public.map(|group| group.as_str()),
            source: operation.source,
            scopes: policy.granting_operation(operation).collect(),
        }
    }
}

/// Prints the catalog as JSON.
pub fn print(out: &mut dyn Write, table: &Table<'_>) -> io::Result<()> {
    out.write_all(b"[")?;
    let mut before: &[u8] = b"\n";
    for endpoint in table.endpoints() {
        out.write_all(before)?;
        crate::output::json(out, &Row::new(&endpoint, table.policy))?;
        before = b",\n";
    }
    out.write_all(b"\n]\n")
}
