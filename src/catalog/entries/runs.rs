//! Runs, with their metrics, parameters, tags, inputs and outputs.

use crate::catalog::entry::{Operation, ajax, api, op, preview};
use crate::catalog::object::{
    Access::{Delete, Read, Write},
    Object::Run,
};
use crate::catalog::release::Release;

/// Runs, with their metrics, parameters, tags, inputs and outputs.
pub(super) const TABLE: &[Operation] = &[
    op(
        "CreateRun",
        Run,
        Write,
        "server/auth/__init__.py validate_can_create_run",
        &[
            api(&["POST"], "2.0/mlflow/runs/create"),
            preview(&["POST"], "2.0/preview/mlflow/runs/create"),
        ],
    )
    .isolated(),
    op(
        "UpdateRun",
        Run,
        Write,
        "server/auth/__init__.py validate_can_update_run",
        &[
            api(&["POST"], "2.0/mlflow/runs/update"),
            preview(&["POST"], "2.0/preview/mlflow/runs/update"),
        ],
    )
    .isolated(),
    op(
        "DeleteRun",
        Run,
        Delete,
        "server/auth/__init__.py validate_can_delete_run",
        &[
            api(&["POST"], "2.0/mlflow/runs/delete"),
            preview(&["POST"], "2.0/preview/mlflow/runs/delete"),
        ],
    )
    .isolated(),
    // MLflow asks for the permission to delete here as well.
    op(
        "RestoreRun",
        Run,
        Delete,
        "server/auth/__init__.py validate_can_delete_run",
        &[
            api(&["POST"], "2.0/mlflow/runs/restore"),
            preview(&["POST"], "2.0/preview/mlflow/runs/restore"),
        ],
    )
    .isolated(),
    op(
        "GetRun",
        Run,
        Read,
        "server/auth/__init__.py validate_can_read_run",
        &[
            api(&["GET"], "2.0/mlflow/runs/get"),
            preview(&["GET"], "2.0/preview/mlflow/runs/get"),
        ],
    )
    .isolated(),
    op(
        "SearchRuns",
        Run,
        Read,
        "server/handlers.py _search_runs",
        &[
            api(&["POST"], "2.0/mlflow/runs/search"),
            preview(&["GET", "POST"], "2.0/preview/mlflow/runs/search"),
        ],
    )
    .isolated(),
    op(
        "LogMetric",
        Run,
        Write,
        "server/auth/__init__.py validate_can_log_metric",
        &[
            api(&["POST"], "2.0/mlflow/runs/log-metric"),
            preview(&["POST"], "2.0/preview/mlflow/runs/log-metric"),
        ],
    )
    .isolated(),
    op(
        "LogParam",
        Run,
        Write,
        "server/auth/__init__.py validate_can_update_run",
        &[
            api(&["POST"], "2.0/mlflow/runs/log-parameter"),
            preview(&["POST"], "2.0/preview/mlflow/runs/log-parameter"),
        ],
    )
    .isolated(),
    op(
        "LogBatch",
        Run,
        Write,
        "server/auth/__init__.py validate_can_log_batch",
        &[
            api(&["POST"], "2.0/mlflow/runs/log-batch"),
            preview(&["POST"], "2.0/preview/mlflow/runs/log-batch"),
        ],
    )
    .isolated(),
    op(
        "LogModel",
        Run,
        Write,
        "server/auth/__init__.py validate_can_update_run",
        &[
            api(&["POST"], "2.0/mlflow/runs/log-model"),
            preview(&["POST"], "2.0/preview/mlflow/runs/log-model"),
        ],
    )
    .isolated(),
    op(
        "LogInputs",
        Run,
        Write,
        "server/auth/__init__.py validate_can_log_inputs",
        &[api(&["POST"], "2.0/mlflow/runs/log-inputs").since(Release(2, 4, 0))],
    )
    .isolated(),
    op(
        "LogOutputs",
        Run,
        Write,
        "server/auth/__init__.py validate_can_log_outputs",
        &[api(&["POST"], "2.0/mlflow/runs/outputs").since(Release(3, 0, 0))],
    )
    .isolated(),
    op(
        "SetTag",
        Run,
        Write,
        "server/auth/__init__.py validate_can_update_run",
        &[
            api(&["POST"], "2.0/mlflow/runs/set-tag"),
            preview(&["POST"], "2.0/preview/mlflow/runs/set-tag"),
        ],
    )
    .isolated(),
    op(
        "DeleteTag",
        Run,
        Write,
        "server/auth/__init__.py validate_can_update_run",
        &[
            api(&["POST"], "2.0/mlflow/runs/delete-tag"),
            preview(&["POST"], "2.0/preview/mlflow/runs/delete-tag"),
        ],
    )
    .isolated(),
    op(
        "GetMetricHistory",
        Run,
        Read,
        "server/auth/__init__.py validate_can_read_run",
        &[
            api(&["GET"], "2.0/mlflow/metrics/get-history"),
            preview(&["GET"], "2.0/preview/mlflow/metrics/get-history"),
        ],
    )
    .isolated(),
    op(
        "GetMetricHistoryBulk",
        Run,
        Read,
        "server/auth/__init__.py validate_can_read_metric_history_bulk",
        &[ajax(&["GET"], "2.0/mlflow/metrics/get-history-bulk").since(Release(2, 2, 0))],
    )
    .isolated(),
    op(
        "GetMetricHistoryBulkInterval",
        Run,
        Read,
        "server/auth/__init__.py validate_can_read_metric_history_bulk_interval",
        &[api(&["GET"], "2.0/mlflow/metrics/get-history-bulk-interval").since(Release(2, 11, 0))],
    )
    .isolated(),
    // Creates a run out of a finished prompt: the model was invoked before, through the gateway.
    op(
        "CreatePromptlabRun",
        Run,
        Write,
        "server/auth/__init__.py validate_can_create_promptlab_run",
        &[ajax(&["POST"], "2.0/mlflow/runs/create-promptlab-run").since(Release(2, 7, 0))],
    )
    .isolated(),
];
