//! What a table of routes is often searched with instead: one template after the other, or one large set of
//! regular expressions.

use mlflow_authz::catalog::{Operation, Route};
use regex::{RegexSet, RegexSetBuilder};

/// One method of one template.
type Row = (&'static str, String, &'static Operation);

/// Every row of a table, in its order.
fn rows(operations: &[&'static Operation]) -> Vec<Row> {
    let of_route = |operation, route: &'static Route| -> Vec<Row> {
        let paths: Vec<String> = route.paths().collect();
        let methods = route.methods.iter();
        methods
            .flat_map(|method| paths.iter().map(|path| (*method, path.clone(), operation)))
            .collect()
    };
    operations
        .iter()
        .flat_map(|operation| {
            let routes = operation.routes.iter();
            routes.flat_map(|route| of_route(*operation, route))
        })
        .collect()
}

/// Templates that are tried in order.
pub struct LinearScan(Vec<Row>);

impl LinearScan {
    pub fn new(operations: &[&'static Operation]) -> Self {
        Self(rows(operations))
    }

    pub fn find(&self, method: &str, path: &str) -> Option<&'static Operation> {
        let reaches = |row: &&Row| row.0 == method && fits(&row.1, path);
        self.0.iter().find(reaches).map(|row| row.2)
    }
}

/// Segment by segment, without allocation. A catch-all takes all that is left.
fn fits(template: &str, path: &str) -> bool {
    let mut segments = path.split('/');
    for expected in template.split('/') {
        let Some(segment) = segments.next() else {
            return false;
        };
        if expected.starts_with("{*") {
            return true;
        }
        if expected != segment && !expected.starts_with('{') {
            return false;
        }
    }
    segments.next().is_none()
}

/// All templates as one automaton.
pub struct OneRegexSet(RegexSet, Vec<Row>);

impl OneRegexSet {
    pub fn new(operations: &[&'static Operation]) -> Self {
        let rows = rows(operations);
        let patterns = rows.iter().map(|(method, path, _)| {
            let segments = path.split('/').map(|segment| match segment {
                catch_all if catch_all.starts_with("{*") => ".+".to_owned(),
                one if one.starts_with('{') => "[^/]+".to_owned(),
                text => regex::escape(text),
            });
            format!("^{method} {}$", segments.collect::<Vec<_>>().join("/"))
        });
        let set = RegexSetBuilder::new(patterns).size_limit(1 << 30).build();
        Self(set.unwrap(), rows)
    }

    /// The request line must be one text.
    pub fn find(&self, method_and_path: &str) -> Option<&'static Operation> {
        let first = self.0.matches(method_and_path).iter().next()?;
        self.1.get(first).map(|row| row.2)
    }
}
