//! MLflow's REST surface: what every endpoint is, and how a request is told which one it reaches.
//!
//! `entries` is data read from MLflow's sources, `routes` compiles it. Neither knows of keys or scopes.

mod entries;
mod entry;
mod naming;
mod phrase;
mod release;
mod routes;

pub use entry::{Access, Object, Operation, PublicGroup, Route, Surface};
pub use naming::{Field, FieldKind, Naming};
pub use release::{RELEASES, Release, releases_in_words};
pub use routes::{CATALOG, Catalog};

/// Every operation, in table order.
pub fn operations() -> impl Iterator<Item = &'static Operation> {
    entries::TABLES.iter().flat_map(|table| table.iter())
}
