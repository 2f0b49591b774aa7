//! MLflow's REST surface as data, and the compiled route trie.

mod entries;
mod entry;

pub use entry::{Access, Object, Operation, PublicGroup, Release, Route, Surface};

/// Every operation, in table order.
pub fn operations() -> impl Iterator<Item = &'static Operation> {
    entries::TABLES.iter().flat_map(|table| table.iter())
}
