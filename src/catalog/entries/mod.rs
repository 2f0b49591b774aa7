//! MLflow's REST surface as data: one table per area, each row an operation with its routes.
//!
//! Rows are in the server's own registration order where their templates overlap.

use super::entry::Operation;

/// Every table.
pub(super) const TABLES: &[&[Operation]] = &[];
