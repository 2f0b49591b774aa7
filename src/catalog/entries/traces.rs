//! Traces, with their spans, tags and assessments.

use crate::catalog::entry::{
    Access::{Delete, Read, Write},
    Object::{Run, Trace},
    Operation, ajax, api, op, root,
};

/// Traces, with their spans, tags and assessments.
pub(super) const TABLE: &[Operation] = &[
    op(
        "SetTraceTag",
        Trace,
        Write,
        "server/auth/__init__.py validate_can_update_trace_by_trace_id",
        &[
            api(&["PATCH"], "2.0/mlflow/traces/{request_id}/tags"),
            api(&["PATCH"], "3.0/mlflow/traces/{trace_id}/tags"),
        ],
    ),
    op(
        "DeleteTraceTag",
        Trace,
        Write,
        "server/auth/__init__.py validate_can_update_trace_by_trace_id",
        &[
            api(&["DELETE"], "2.0/mlflow/traces/{request_id}/tags"),
            api(&["DELETE"], "3.0/mlflow/traces/{trace_id}/tags"),
        ],
    ),
    op(
        "StartTrace",
        Trace,
        Write,
        "server/auth/__init__.py validate_can_start_trace, validate_can_start_trace_v3",
        &[
            api(&["POST"], "2.0/mlflow/traces"),
            api(&["POST"], "3.0/mlflow/traces"),
        ],
    ),
    op(
        "EndTrace",
        Trace,
        Write,
        "server/auth/__init__.py validate_can_update_trace_by_request_id",
        &[api(&["PATCH"], "2.0/mlflow/traces/{request_id}")],
    ),
    op(
        "GetTraceInfo",
        Trace,
        Read,
        "server/auth/__init__.py validate_can_read_trace_by_trace_id",
        &[
            api(&["GET"], "2.0/mlflow/traces/{request_id}/info"),
            api(&["GET"], "3.0/mlflow/traces/{trace_id}"),
        ],
    ),
    op(
        "GetTrace",
        Trace,
        Read,
        "server/auth/__init__.py validate_can_read_trace_by_trace_id",
        &[api(&["GET"], "3.0/mlflow/traces/get")],
    ),
    op(
        "BatchGetTraces",
        Trace,
        Read,
        "server/auth/__init__.py validate_can_batch_get_traces",
        &[api(&["GET"], "3.0/mlflow/traces/batchGet")],
    ),
    op(
        "BatchGetTraceInfos",
        Trace,
        Read,
        "server/auth/__init__.py validate_can_batch_get_traces",
        &[api(&["POST"], "3.0/mlflow/traces/batchGetInfos")],
    ),
    op(
        "SearchTraces",
        Trace,
        Read,
        "server/auth/__init__.py validate_can_search_traces, validate_can_search_traces_v3",
        &[
            api(&["GET"], "2.0/mlflow/traces"),
            api(&["POST"], "3.0/mlflow/traces/search"),
        ],
    ),
    // Changes the run: MLflow asks for an update of it and a read of the traces.
    op(
        "LinkTracesToRun",
        Run,
        Write,
        "server/auth/__init__.py validate_can_link_traces_to_run",
        &[api(&["POST"], "2.0/mlflow/traces/link-to-run")],
    ),
    op(
        "LinkPromptsToTrace",
        Trace,
        Write,
        "server/auth/__init__.py validate_can_update_trace_by_trace_id",
        &[api(&["POST"], "2.0/mlflow/traces/link-prompts")],
    ),
    // Registered without a handler: the server answers 501.
    op(
        "SearchUnifiedTraces",
        Trace,
        Read,
        "server/handlers.py _not_implemented",
        &[api(&["GET"], "2.0/mlflow/unified-traces")],
    ),
    // Registered without a handler: the server answers 501.
    op(
        "GetOnlineTraceDetails",
        Trace,
        Read,
        "server/handlers.py _not_implemented",
        &[api(&["GET"], "2.0/mlflow/get-online-trace-details")],
    ),
    op(
        "DeleteTraces",
        Trace,
        Delete,
        "server/auth/__init__.py validate_can_delete_traces",
        &[
            api(&["POST"], "2.0/mlflow/traces/delete-traces"),
            api(&["POST"], "3.0/mlflow/traces/delete-traces"),
        ],
    ),
    op(
        "CalculateTraceFilterCorrelation",
        Trace,
        Read,
        "server/auth/__init__.py validate_can_read_traces_by_experiment_ids",
        &[api(
            &["POST"],
            "3.0/mlflow/traces/calculate-filter-correlation",
        )],
    ),
    op(
        "QueryTraceMetrics",
        Trace,
        Read,
        "server/auth/__init__.py validate_can_query_trace_metrics",
        &[api(&["POST"], "3.0/mlflow/traces/metrics")],
    ),
    op(
        "GetAssessment",
        Trace,
        Read,
        "server/auth/__init__.py validate_can_get_assessment",
        &[api(
            &["GET"],
            "3.0/mlflow/traces/{trace_id}/assessments/{assessment_id}",
        )],
    ),
    op(
        "CreateAssessment",
        Trace,
        Write,
        "server/auth/__init__.py validate_can_create_assessment",
        &[api(&["POST"], "3.0/mlflow/traces/{trace_id}/assessments")],
    ),
    op(
        "UpdateAssessment",
        Trace,
        Write,
        "server/auth/__init__.py validate_can_update_assessment",
        &[api(
            &["PATCH"],
            "3.0/mlflow/traces/{trace_id}/assessments/{assessment_id}",
        )],
    ),
    // MLflow asks for a delete on the assessment, or an update of the experiment.
    op(
        "DeleteAssessment",
        Trace,
        Delete,
        "server/auth/__init__.py validate_can_delete_assessment",
        &[api(
            &["DELETE"],
            "3.0/mlflow/traces/{trace_id}/assessments/{assessment_id}",
        )],
    ),
    // The file is the trace itself, so MLflow judges it as one.
    op(
        "ServeGetTraceArtifact",
        Trace,
        Read,
        "server/auth/__init__.py validate_can_read_trace_artifact",
        &[
            ajax(&["GET"], "2.0/mlflow/get-trace-artifact"),
            ajax(&["GET"], "3.0/mlflow/get-trace-artifact"),
        ],
    ),
    // OpenTelemetry ingestion; not below `/api`.
    op(
        "ExportTraces",
        Trace,
        Write,
        "server/auth/__init__.py _get_otel_validator",
        &[root(&["POST"], "/v1/traces")],
    ),
];
