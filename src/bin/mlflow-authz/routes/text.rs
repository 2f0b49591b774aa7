//! The catalog for a terminal: aligned columns.

use std::io::{self, Write};

use mlflow_authz::policy::Policy;

use super::{Endpoint, endpoints, narrowest, permission};

const HEADINGS: [&str; COLUMNS] = ["METHOD", "PATH", "OPERATION", "PERMISSION", "SCOPES"];
const COLUMNS: usize = 5;

/// Prints the catalog as a table.
pub fn print(out: &mut dyn Write, policy: &Policy) -> io::Result<()> {
    let mut rows = vec![HEADINGS.map(str::to_owned)];
    rows.extend(endpoints().iter().map(|endpoint| row(endpoint, policy)));
    let mut widths = [0; COLUMNS];
    for row in &rows {
        for (width, cell) in widths.iter_mut().zip(row) {
            *width = (*width).max(cell.chars().count());
        }
    }
    rows.iter().try_for_each(|row| {
        let line: String = row
            .iter()
            .zip(widths)
            .map(|(cell, width)| format!("{cell:width$}  "))
            .collect();
        writeln!(out, "{}", line.trim_end())
    })
}

fn row(
    Endpoint {
        operation,
        methods,
        path,
    }: &Endpoint,
    policy: &Policy,
) -> [String; COLUMNS] {
    let scopes = narrowest(policy, operation);
    [
        methods.join(","),
        path.clone(),
        operation.name.to_owned(),
        permission(operation).to_string(),
        if scopes.is_empty() {
            "-".to_owned()
        } else {
            scopes.join(" ")
        },
    ]
}
