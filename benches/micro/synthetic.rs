//! Tables of made-up operations, to see what a table's size costs.

use mlflow_authz::catalog::{Access, Object, Operation, Route, Surface};

/// Sizes to compare.
pub const SIZES: [usize; 3] = [100, 1_000, 10_000];

/// So many operations with a route each; every other one has a parameter.
pub fn operations(count: usize) -> Vec<&'static Operation> {
    (0..count).map(operation).collect()
}

/// A path to an operation in the middle.
pub fn path(count: usize) -> String {
    template((count / 2) | 1).replace("{id}", "4f1c2d3e")
}

fn template(number: usize) -> String {
    let group = number / 10;
    if number.is_multiple_of(2) {
        format!("/api/2.0/mlflow/things-{group}/act-{number}")
    } else {
        format!("/api/2.0/mlflow/things-{group}/{{id}}/act-{number}")
    }
}

/// Lives as long as the process, as the catalog's own do.
fn operation(number: usize) -> &'static Operation {
    let route = Route {
        query: &[],
        methods: &["POST"],
        surface: Surface::Root,
        template: template(number).leak(),
        since: None,
        until: None,
    };
    Box::leak(Box::new(Operation {
        needs: mlflow_authz::catalog::Needs::Own,
        naming: mlflow_authz::catalog::Naming::Untied,
        isolation: mlflow_authz::catalog::Isolation::No,
        narrowed: None,
        name: format!("Act{number}").leak(),
        object: Object::Run,
        access: Access::Write,
        source: "made up",
        routes: vec![route].leak(),
        public: None,
    }))
}
