//! MLflow's REST surface as data: one table per area, each row an operation with its routes.
//!
//! Read from MLflow 3.17.2 and 3.18.0, row by row, or from the last release that has the route: `source` names the
//! function that decided the object and the access, the stricter of what MLflow's own validators demand
//! and what the handler does:
//!
//! - a handler that only reads is `read`, whatever its method;
//! - removing a tag or a membership changes what carries it: `write`, unless MLflow asks for the
//!   permission to delete;
//! - removing anything that was created by itself is `delete`, and so is restoring it;
//! - moving an alias or a stage is `promote`, even where MLflow asks for something else;
//! - starting a job or calling a provider is `use`.
//!
//! Rows are in the server's own registration order where their templates overlap.
//!
//! The filter does not know which release it stands before, so every table holds the routes of all of them,
//! each with the releases that serve it (`scripts/dump-routes`), and an operation that once did more than
//! it does today needs what it needed then. `tests/mlflow/test_catalog.py` compares the tables with the routes of
//! every release.

use super::entry::Operation;

mod artifacts;
mod assistant;
mod datasets;
mod experiments;
mod gateway;
mod gateway_invocations;
mod gateway_limits;
mod gateway_secrets;
mod jobs;
mod logged_models;
mod mcp_servers;
mod model_versions;
mod permissions;
mod registered_models;
mod reviews;
mod runs;
mod scorers;
mod server;
mod skills;
mod traces;
mod users;
mod webhooks;
mod workspaces;

#[cfg(test)]
mod tests;

/// Every table.
pub(super) const TABLES: &[&[Operation]] = &[
    experiments::TABLE,
    runs::TABLE,
    registered_models::TABLE,
    model_versions::TABLE,
    logged_models::TABLE,
    artifacts::TABLE,
    traces::TABLE,
    datasets::TABLE,
    scorers::TABLE,
    webhooks::TABLE,
    gateway_secrets::TABLE,
    gateway::TABLE,
    gateway_limits::TABLE,
    gateway_invocations::TABLE,
    jobs::TABLE,
    workspaces::TABLE,
    reviews::TABLE,
    mcp_servers::TABLE,
    skills::TABLE,
    assistant::TABLE,
    users::TABLE,
    permissions::TABLE,
    server::TABLE,
];
