//! The matrix for a terminal: scopes by number, so that a row fits.

use mlflow_authz::printable::printable;
use std::io::{self, Write};

use super::Matrix;

/// Prints the scopes with their numbers, then the matrix.
pub fn print(out: &mut dyn Write, matrix: &Matrix<'_>) -> io::Result<()> {
    for (index, scope) in matrix.scopes.iter().enumerate() {
        let granted = matrix.granted(scope);
        writeln!(
            out,
            "{:>3}  {} ({granted} operations)",
            index + 1,
            printable(scope)
        )?;
    }
    let columns = || matrix.scopes.iter().enumerate();
    let widest =
        |texts: &mut dyn Iterator<Item = &str>| texts.map(str::len).max().unwrap_or_default();
    let name = widest(&mut matrix.operations.iter().map(|row| row.operation));
    let permission = widest(&mut matrix.operations.iter().map(|row| row.permission.as_str()));
    let heading: String = columns()
        .map(|(index, _)| format!(" {:>2}", index + 1))
        .collect();
    writeln!(
        out,
        "\n{:name$}  {:permission$} {heading}",
        "OPERATION", "PERMISSION"
    )?;
    for row in &matrix.operations {
        let cells: String = columns()
            .map(|(_, scope)| {
                if row.scopes.contains(scope) {
                    "  x"
                } else {
                    "  ."
                }
            })
            .collect();
        let public = if row.public { "  public" } else { "" };
        let unlimited = if matrix.has_workspaces && !row.by_workspace {
            "  not by workspace"
        } else {
            ""
        };
        writeln!(
            out,
            "{:name$}  {:permission$} {cells}{public}{unlimited}",
            row.operation, row.permission
        )?;
    }
    if matrix.has_workspaces {
        let note =
            "not by workspace: a scope or key that is limited to workspaces does not grant it";
        writeln!(out, "\n{note}")?;
    }
    Ok(())
}
