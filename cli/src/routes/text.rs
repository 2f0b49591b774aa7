//! The catalog for a terminal: aligned columns.

use std::io::{self, Write};

use mlflow_authz::catalog;
use mlflow_authz::policy::Policy;

use super::{Endpoint, Table, in_words, narrowest, with_query};

const HEADINGS: [&str; COLUMNS] = [
    "METHOD",
    "PATH",
    "OPERATION",
    "PERMISSION",
    "MLFLOW",
    "SCOPES",
];
const COLUMNS: usize = 6;

/// Prints the catalog as a table.
pub fn print(out: &mut dyn Write, table: &Table<'_>) -> io::Result<()> {
    let mut rows = vec![HEADINGS.map(str::to_owned)];
    let endpoints = table.endpoints_among(catalog::all_operations());
    rows.extend(endpoints.iter().map(|endpoint| row(endpoint, table.policy)));
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
        query,
        releases,
    }: &Endpoint,
    policy: &Policy,
) -> [String; COLUMNS] {
    let scopes = narrowest(policy, operation);
    [
        methods.join(","),
        with_query(path, query),
        operation.name.to_owned(),
        operation.required_in_words(),
        or_dash(in_words(*releases)),
        or_dash(scopes.join(" ")),
    ]
}

fn or_dash(text: String) -> String {
    if text.is_empty() {
        "-".to_owned()
    } else {
        text
    }
}
