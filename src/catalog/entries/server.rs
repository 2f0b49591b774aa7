//! The server itself: health, pages, GraphQL, demo data and telemetry.

use crate::catalog::entry::{Operation, ajax, api, op, root};
use crate::catalog::isolation::Isolation::Shared;
use crate::catalog::needs::Needs;
use crate::catalog::object::{
    Access::{Admin, Read, Write},
    Object::{self, Server},
    PublicGroup,
};
use crate::catalog::release::Release;

/// What the schemas of all covered releases can return: what the REST endpoints of the same names need, and
/// `registered_model`, on which MLflow filters model versions (`GraphQLAuthorizationMiddleware`, 3.17.2).
const GRAPHQL_RETURNS: &[Object] = &[
    Object::Experiment,
    Object::Run,
    Object::RegisteredModel,
    Object::ModelVersion,
    Object::Dataset,
    Object::Artifact,
];

/// The server itself.
pub(super) const TABLE: &[Operation] = &[
    op(
        "Health",
        Server,
        Read,
        "server/__init__.py health",
        &[root(&["GET"], "/health")],
    )
    .within(Shared)
    .public(PublicGroup::Health),
    op(
        "Version",
        Server,
        Read,
        "server/__init__.py version",
        &[root(&["GET"], "/version").since(Release(2, 1, 0))],
    )
    .within(Shared)
    .public(PublicGroup::Health),
    op(
        "GetServerInfo",
        Server,
        Read,
        "server/handlers.py build_server_info_payload",
        &[
            api(&["GET"], "3.0/mlflow/server-info").since(Release(3, 10, 0)),
            root(&["GET"], "/server-info")
                .since(Release(3, 9, 0))
                .until(Release(3, 10, 0)),
        ],
    )
    .within(Shared)
    .public(PublicGroup::Health),
    op(
        "Serve",
        Server,
        Read,
        "server/__init__.py serve",
        &[root(&["GET"], "/")],
    )
    .within(Shared)
    .public(PublicGroup::Ui)
    .needs(Needs::Any),
    op(
        "ServeStaticFile",
        Server,
        Read,
        "server/__init__.py serve_static_file",
        &[root(&["GET"], "/static-files/{*path}")],
    )
    .within(Shared)
    .public(PublicGroup::Ui)
    .needs(Needs::Any),
    // Flask's own endpoint for the same files.
    op(
        "Static",
        Server,
        Read,
        "server/__init__.py app",
        &[root(&["GET"], "/build/{*filename}")],
    )
    .within(Shared)
    .public(PublicGroup::Ui)
    .needs(Needs::Any),
    // One answer can hold all that the schema has: what a body asks for is not read. Its mutations only search, too.
    op(
        "GraphQL",
        Server,
        Read,
        "server/handlers.py _graphql",
        &[root(&["GET", "POST"], "/graphql").since(Release(2, 11, 0))],
    )
    .isolated()
    .needs(Needs::ReadOnAll(GRAPHQL_RETURNS)),
    // Only there with `--expose-prometheus`.
    op(
        "Metrics",
        Server,
        Read,
        "server/prometheus_exporter.py activate_prometheus_exporter",
        &[root(&["GET"], "/metrics")],
    ),
    // MLflow lets any user do it; it writes experiments, traces, datasets, scorers and prompts.
    op(
        "GenerateDemo",
        Server,
        Write,
        "server/handlers.py _generate_demo",
        &[ajax(&["POST"], "3.0/mlflow/demo/generate").since(Release(3, 10, 0))],
    ),
    op(
        "DeleteDemo",
        Server,
        Admin,
        "server/auth/__init__.py BEFORE_REQUEST_VALIDATORS",
        &[ajax(&["POST"], "3.0/mlflow/demo/delete").since(Release(3, 10, 0))],
    ),
    op(
        "GetUiTelemetry",
        Server,
        Read,
        "server/handlers.py get_ui_telemetry_handler",
        &[ajax(&["GET"], "3.0/mlflow/ui-telemetry").since(Release(3, 8, 0))],
    )
    .within(Shared),
    // Hands records of the page's own use to MLflow's telemetry, where that is on. MLflow lets any
    // user do it.
    op(
        "PostUiTelemetry",
        Server,
        Write,
        "server/handlers.py post_ui_telemetry_handler",
        &[ajax(&["POST"], "3.0/mlflow/ui-telemetry").since(Release(3, 8, 0))],
    ),
];
