//! The matrix as a page.

use maud::{Markup, html};

use super::Matrix;
use crate::report;

/// The whole page.
pub fn page(matrix: &Matrix<'_>) -> String {
    let lead = html! {
        "Which scope grants which operation, under "
        @match matrix.config {
            Some(config) => code { (config) },
            None => "the default scopes",
        }
        ". Scopes with the fewest permissions come first; below each is how many of the " (matrix.operations.len())
        " operations it grants. A caller with several scopes has what any of them grants."
    };
    let table = table(matrix);
    let body = html! {
        h2 { "Operations by object" }
        p.about {
            "An operation marked " span.tag { "public" } " needs no key. Roles are not shown; is_admin grants everything, \
             and exceptions for single mounts or hosts (overrides) are not applied."
            @if matrix.has_workspaces {
                " A scope or key that is limited to workspaces does not grant an operation marked "
                span.tag { "not by workspace" } "."
            }
        }
        div.matrix { (report::scrolled("Operations and scopes", &table)) }
    };
    report::page("mlflow-authz matrix", "Permission matrix", &lead, &body)
}

fn table(matrix: &Matrix<'_>) -> Markup {
    html! {
        table {
            thead { tr {
                th scope="col" { "Operation" }
                @for scope in &matrix.scopes {
                    th.scope scope="col" { span { (scope) } }
                }
            } }
            tbody { tr {
                th scope="row" { "Operations granted" }
                @for scope in &matrix.scopes { td { (matrix.granted(scope)) } }
            } }
            @for (object, rows) in matrix.groups() {
                tbody {
                    tr.object { th scope="rowgroup" colspan=(matrix.scopes.len() + 1) { (object) } }
                    @for row in rows {
                        tr {
                            th scope="row" {
                                (row.operation)
                                @if row.public { span.tag { "public" } }
                                @if matrix.has_workspaces && !row.by_workspace { span.tag { "not by workspace" } }
                                span { (row.permission) }
                            }
                            @for scope in &matrix.scopes {
                                @if row.scopes.contains(scope) {
                                    td.yes { span aria-hidden="true" { "✓" } span.unseen { "granted" } }
                                } @else {
                                    td { span.unseen { "not granted" } }
                                }
                            }
                        }
                    }
                }
            }
        }
    }
}
