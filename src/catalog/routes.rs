//! The compiled route trie: from a method and a canonical path to an operation.
//!
//! matchit ends a route at a catch-all, and MLflow has templates that go on behind one
//! (`/mcp-servers/{*name}/versions/{version}`). So the trie finds the prefix up to the catch-all, and such
//! a node carries an ordered list of tail patterns in the server's own registration order; templates with
//! one parameter where another has a catch-all are tails of it too. A path that serves one method does
//! not hide a more general one that serves another: servers go on to the next rule that matches, and so
//! does this table, with the stricter one where several do.

mod template;
mod tree;

#[cfg(test)]
mod tests;

use std::collections::BTreeSet;

use matchit::Router;
use once_cell::sync::Lazy;

use super::entry::Operation;
use super::object::Access;
use super::operations;
use template::{REST, Segment, Served, matches};
use tree::Tree;

/// The catalog of this build, compiled once per VM.
pub static CATALOG: Lazy<Catalog> = Lazy::new(|| Catalog::compile(operations()));

/// Routes compiled for look-up.
#[derive(Debug, Default)]
pub struct Catalog {
    router: Router<usize>,
    nodes: Vec<Node>,
}

#[derive(Debug, Default)]
struct Node {
    /// Served when the path ends here.
    here: Vec<Served>,
    /// Served when the rest behind the prefix matches; the first match wins.
    tails: Vec<Tail>,
}

#[derive(Debug)]
struct Tail {
    pattern: Vec<Segment<'static>>,
    served: Served,
}

/// The name of [`REST`] in what the trie hands over.
const REST_NAME: &str = "rest";

impl Catalog {
    /// Compiles a table. A template that the trie cannot hold is left out, and its endpoint is then
    /// unknown, which needs `*:read` or `*:admin`.
    pub fn compile(operations: impl Iterator<Item = &'static Operation>) -> Self {
        let mut tree = Tree::default();
        for operation in operations {
            tree.insert(operation);
        }
        let mut catalog = Self::default();
        tree.for_each_node(&mut |key, node| catalog.insert(key, node));
        catalog
    }

    fn insert(&mut self, key: &str, node: Node) {
        let index = self.nodes.len();
        if self.router.insert(key, index).is_err() {
            return;
        }
        self.nodes.push(node);
        if let Some(prefix) = key.strip_suffix(REST) {
            // Starlette's path parameters match the empty string too. Where a node for it exists, it stays.
            let _ = self.router.insert(prefix, index);
        }
    }

    /// The operation that a request reaches; `None` when the catalog does not know it.
    /// `HEAD` is `GET`, as the server treats it.
    pub fn find(&self, method: &str, path: &str) -> Option<&'static Operation> {
        let method = if method == "HEAD" { "GET" } else { method };
        let found = self.router.at(path).ok()?;
        let node = self.nodes.get(*found.value)?;
        let here = node.here.iter().find(|served| served.method == method);
        let served = here.or_else(|| {
            let rest = found.params.get(REST_NAME).unwrap_or_default();
            let tail = |tail: &&Tail| tail.served.method == method && matches(&tail.pattern, rest);
            node.tails.iter().find(tail).map(|tail| &tail.served)
        })?;
        Some(served.operation)
    }

    /// The methods by which a path reaches an operation, in order. Empty when the catalog does not know the path.
    pub fn methods(&self, path: &str) -> Vec<&'static str> {
        // Not collected, which sorts: a sort is a large part of a module.
        let mut methods = BTreeSet::new();
        methods.extend(self.served(path).map(|served| served.method));
        methods.into_iter().collect()
    }

    /// Whether some method of a path does more than read.
    pub fn serves_more_than_reads(&self, path: &str) -> bool {
        self.served(path)
            .any(|served| served.operation.access != Access::Read)
    }

    /// What a path reaches, by any method.
    fn served<'a>(&'a self, path: &'a str) -> impl Iterator<Item = &'a Served> {
        let found = self.router.at(path).ok();
        let node = found
            .as_ref()
            .and_then(|found| self.nodes.get(*found.value));
        let rest = found
            .and_then(|found| found.params.get(REST_NAME))
            .unwrap_or_default();
        let here = node.into_iter().flat_map(|node| &node.here);
        let tails = node.into_iter().flat_map(|node| &node.tails);
        let behind = tails.filter(move |tail| matches(&tail.pattern, rest));
        here.chain(behind.map(|tail| &tail.served))
    }
}
