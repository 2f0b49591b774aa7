//! The catalog for programs: one array, one object a line.

use std::io::{self, Write};

use mlflow_authz::policy::Policy;
use serde::Serialize;

use super::{Endpoint, Table, minor, permission};

#[derive(Serialize)]
struct Row<'a> {
    operation: &'a str,
    object: &'a str,
    access: &'a str,
    permission: String,
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
}

impl<'a> Row<'a> {
    fn new(endpoint: &'a Endpoint, policy: &'a Policy) -> Self {
        let operation = endpoint.operation;
        let permission = permission(operation);
        Self {
            operation: operation.name,
            object: operation.object.as_str(),
            access: operation.access.as_str(),
            permission: permission.to_string(),
            methods: &endpoint.methods,
            path: &endpoint.path,
            since: endpoint.releases.0.map(minor),
            until: endpoint.releases.1.map(minor),
            public: operation.public.map(|group| group.as_str()),
            source: operation.source,
            scopes: policy.granting(permission).collect(),
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
