//! Traces, with their spans, tags and assessments.
//!
//! Up to 3.1, what is below `3.0` today was registered below `2.0` without a handler, which answers 404.
//! Those routes hold `{assessment.trace_id}` by the letter, where the tables have a parameter.

use crate::catalog::entry::{Operation, ajax, api, op, root};
use crate::catalog::object::{
    Access::{Delete, Read, Write},
    Object::{Run, Trace},
};
use crate::catalog::release::Release;

/// Traces, with their spans, tags and assessments.
pub(super) const TABLE: &[Operation] = &[
    op(
        "SetTraceTag",
        Trace,
        Write,
        "server/auth/__init__.py validate_can_update_trace_by_trace_id",
        &[
            api(&["PATCH"], "2.0/mlflow/traces/{request_id}/tags").since(Release(2, 13, 0)),
            api(&["PATCH"], "3.0/mlflow/traces/{trace_id}/tags").since(Release(3, 3, 0)),
        ],
    )
    .isolated(),
    op(
        "DeleteTraceTag",
        Trace,
        Write,
        "server/auth/__init__.py validate_can_update_trace_by_trace_id",
        &[
            api(&["DELETE"], "2.0/mlflow/traces/{request_id}/tags").since(Release(2, 13, 0)),
            api(&["DELETE"], "3.0/mlflow/traces/{trace_id}/tags").since(Release(3, 3, 0)),
        ],
    )
    .isolated(),
    op(
        "StartTrace",
        Trace,
        Write,
        "server/auth/__init__.py validate_can_start_trace, validate_can_start_trace_v3",
        &[
            api(&["POST"], "2.0/mlflow/traces").since(Release(2, 13, 0)),
            api(&["POST"], "3.0/mlflow/traces").since(Release(3, 2, 0)),
        ],
    )
    .isolated(),
    op(
        "EndTrace",
        Trace,
        Write,
        "server/auth/__init__.py validate_can_update_trace_by_request_id",
        &[api(&["PATCH"], "2.0/mlflow/traces/{request_id}").since(Release(2, 13, 0))],
    )
    .isolated(),
    op(
        "GetTraceInfo",
        Trace,
        Read,
        "server/auth/__init__.py validate_can_read_trace_by_trace_id",
        &[
            api(&["GET"], "2.0/mlflow/traces/{request_id}/info").since(Release(2, 13, 0)),
            api(&["GET"], "2.0/mlflow/traces/{trace_id}")
                .since(Release(2, 20, 0))
                .until(Release(3, 2, 0)),
            api(&["GET"], "3.0/mlflow/traces/{trace_id}").since(Release(3, 2, 0)),
        ],
    )
    .isolated(),
    op(
        "GetTrace",
        Trace,
        Read,
        "server/auth/__init__.py validate_can_read_trace_by_trace_id",
        &[api(&["GET"], "3.0/mlflow/traces/get").since(Release(3, 7, 0))],
    )
    .isolated(),
    op(
        "BatchGetTraces",
        Trace,
        Read,
        "server/auth/__init__.py validate_can_batch_get_traces",
        &[api(&["GET"], "3.0/mlflow/traces/batchGet").since(Release(3, 6, 0))],
    )
    .isolated(),
    op(
        "BatchGetTraceInfos",
        Trace,
        Read,
        "server/auth/__init__.py validate_can_batch_get_traces",
        &[api(&["POST"], "3.0/mlflow/traces/batchGetInfos").since(Release(3, 11, 0))],
    )
    .isolated(),
    op(
        "SearchTraces",
        Trace,
        Read,
        "server/auth/__init__.py validate_can_search_traces, validate_can_search_traces_v3",
        &[
            api(&["GET"], "2.0/mlflow/traces").since(Release(2, 13, 0)),
            api(&["POST"], "2.0/mlflow/traces/search")
                .since(Release(3, 0, 0))
                .until(Release(3, 2, 0)),
            api(&["POST"], "3.0/mlflow/traces/search").since(Release(3, 2, 0)),
        ],
    )
    .isolated(),
    // Changes the run: MLflow asks for an update of it and a read of the traces.
    op(
        "LinkTracesToRun",
        Run,
        Write,
        "server/auth/__init__.py validate_can_link_traces_to_run",
        &[api(&["POST"], "2.0/mlflow/traces/link-to-run").since(Release(3, 3, 0))],
    )
    .isolated(),
    op(
        "LinkPromptsToTrace",
        Trace,
        Write,
        "server/auth/__init__.py validate_can_update_trace_by_trace_id",
        &[api(&["POST"], "2.0/mlflow/traces/link-prompts").since(Release(3, 7, 0))],
    )
    .isolated(),
    // Registered without a handler: the server answers 404.
    op(
        "SearchUnifiedTraces",
        Trace,
        Read,
        "server/handlers.py _not_implemented",
        &[api(&["GET"], "2.0/mlflow/unified-traces").since(Release(3, 0, 0))],
    ),
    // Registered without a handler: the server answers 404.
    op(
        "GetOnlineTraceDetails",
        Trace,
        Read,
        "server/handlers.py _not_implemented",
        &[api(&["GET"], "2.0/mlflow/get-online-trace-details").since(Release(3, 0, 0))],
    ),
    op(
        "DeleteTraces",
        Trace,
        Delete,
        "server/auth/__init__.py validate_can_delete_traces",
        &[
            api(&["POST"], "2.0/mlflow/traces/delete-traces").since(Release(2, 13, 0)),
            api(&["POST"], "3.0/mlflow/traces/delete-traces").since(Release(3, 3, 0)),
        ],
    ),
    op(
        "CalculateTraceFilterCorrelation",
        Trace,
        Read,
        "server/auth/__init__.py validate_can_read_traces_by_experiment_ids",
        &[
            api(&["POST"], "3.0/mlflow/traces/calculate-filter-correlation")
                .since(Release(3, 4, 0)),
        ],
    )
    .isolated(),
    op(
        "QueryTraceMetrics",
        Trace,
        Read,
        "server/auth/__init__.py validate_can_query_trace_metrics",
        &[api(&["POST"], "3.0/mlflow/traces/metrics").since(Release(3, 9, 0))],
    )
    .isolated(),
    op(
        "GetAssessment",
        Trace,
        Read,
        "server/auth/__init__.py validate_can_get_assessment",
        &[
            api(
                &["GET"],
                "2.0/mlflow/traces/{trace_id}/assessments/{assessment_id}",
            )
            .since(Release(3, 1, 0))
            .until(Release(3, 2, 0)),
            api(
                &["GET"],
                "3.0/mlflow/traces/{trace_id}/assessments/{assessment_id}",
            )
            .since(Release(3, 2, 0)),
        ],
    )
    .isolated(),
    op(
        "CreateAssessment",
        Trace,
        Write,
        "server/auth/__init__.py validate_can_create_assessment",
        &[
            api(&["POST"], "2.0/mlflow/traces/{trace_id}/assessments")
                .since(Release(2, 20, 0))
                .until(Release(3, 2, 0)),
            api(&["POST"], "3.0/mlflow/traces/{trace_id}/assessments").since(Release(3, 2, 0)),
        ],
    )
    .isolated(),
    op(
        "UpdateAssessment",
        Trace,
        Write,
        "server/auth/__init__.py validate_can_update_assessment",
        &[
            api(
                &["PATCH"],
                "2.0/mlflow/traces/{trace_id}/assessments/{assessment_id}",
            )
            .since(Release(2, 20, 0))
            .until(Release(3, 2, 0)),
            api(
                &["PATCH"],
                "3.0/mlflow/traces/{trace_id}/assessments/{assessment_id}",
            )
            .since(Release(3, 2, 0)),
        ],
    )
    .isolated(),
    // MLflow asks for a delete on the assessment, or an update of the experiment.
    op(
        "DeleteAssessment",
        Trace,
        Delete,
        "server/auth/__init__.py validate_can_delete_assessment",
        &[
            api(
                &["DELETE"],
                "2.0/mlflow/traces/{trace_id}/assessments/{assessment_id}",
            )
            .since(Release(2, 20, 0))
            .until(Release(3, 2, 0)),
            api(
                &["DELETE"],
                "3.0/mlflow/traces/{trace_id}/assessments/{assessment_id}",
            )
            .since(Release(3, 2, 0)),
        ],
    )
    .isolated(),
    // The file is the trace itself, so MLflow judges it as one.
    op(
        "ServeGetTraceArtifact",
        Trace,
        Read,
        "server/auth/__init__.py validate_can_read_trace_artifact",
        &[
            ajax(&["GET"], "2.0/mlflow/get-trace-artifact").since(Release(2, 14, 0)),
            ajax(&["GET"], "3.0/mlflow/get-trace-artifact").since(Release(3, 9, 0)),
        ],
    ),
    // OpenTelemetry ingestion; not below `/api`.
    op(
        "ExportTraces",
        Trace,
        Write,
        "server/auth/__init__.py _get_otel_validator",
        &[root(&["POST"], "/v1/traces").since(Release(3, 4, 0))],
    )
    .isolated(),
];
