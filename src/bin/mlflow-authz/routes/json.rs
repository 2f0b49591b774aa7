//! The catalog for programs: one array, one object a line.

use std::io::{self, Write};

use mlflow_authz::policy::Policy;
use serde::Serialize;

use super::{Endpoint, endpoints, permission};

#[derive(Serialize)]
struct Row<'a> {
    operation: &'a str,
    object: &'a str,
    access: &'a str,
    permission: String,
    methods: &'a [&'a str],
    path: &'a str,
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
            public: operation.public.map(|group| group.as_str()),
            source: operation.source,
            scopes: policy.granting(permission).collect(),
        }
    }
}

/// Prints the catalog as JSON.
pub fn print(out: &mut dyn Write, policy: &Policy) -> io::Result<()> {
    out.write_all(b"[")?;
    let mut before: &[u8] = b"\n";
    for endpoint in endpoints() {
        out.write_all(before)?;
        serde_json::to_writer(&mut *out, &Row::new(&endpoint, policy))?;
        before = b",\n";
    }
    out.write_all(b"\n]\n")
}
