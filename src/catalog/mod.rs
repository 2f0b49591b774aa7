//! MLflow's REST surface: what every endpoint is, and how a request is told which one it reaches.
//!
//! `entries` is data read from MLflow's sources, `routes` compiles it. Neither knows of keys or scopes.

mod entries;
mod entry;
mod isolation;
mod naming;
mod needs;
mod object;
mod phrase;
mod release;
mod routes;

pub use entry::{Operation, Route, Surface};
pub use isolation::Isolation;
pub use naming::{Field, FieldKind, Naming};
pub use needs::{Needs, Parameter, Value, query_example, query_template};
pub use object::{Access, Object, PublicGroup};
pub use release::{COVERS, RELEASES, Release};
pub use routes::{CATALOG, Catalog};

/// The name of the operation of `/graphql`.
pub const GRAPHQL: &str = "GraphQL";

/// Every operation with paths of its own, in table order.
pub fn operations() -> impl Iterator<Item = &'static Operation> {
    entries::TABLES.iter().flat_map(|table| table.iter())
}

/// Those too that another one is where a query asks for that alone.
pub fn all_operations() -> impl Iterator<Item = &'static Operation> {
    operations().chain(operations().filter_map(|operation| operation.narrowed))
}
