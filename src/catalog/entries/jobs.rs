//! Jobs the server runs: submitted, watched and cancelled.

use crate::catalog::entry::{Operation, ajax, api, op};
use crate::catalog::object::{
    Access::{Admin, Delete, Read, Use, Write},
    Object::Job,
};
use crate::catalog::release::Release;

/// Jobs the server runs.
pub(super) const TABLE: &[Operation] = &[
    // Administrators only since 3.18, any user before: a job's parameters name experiments and traces that nothing checks.
    op(
        "SubmitJob",
        Job,
        Admin,
        "server/auth/__init__.py _get_job_route_validator",
        &[ajax(&["POST"], "3.0/jobs/").since(Release(3, 5, 0))],
    ),
    // The first is FastAPI's and shows the parameters too, the second Flask's. MLflow shows a job
    // to its creator only.
    op(
        "GetJob",
        Job,
        Read,
        "server/auth/__init__.py validate_is_job_owner, _get_job_route_validator",
        &[
            ajax(&["GET"], "3.0/jobs/{job_id}").since(Release(3, 5, 0)),
            ajax(&["GET"], "3.0/mlflow/jobs/{job_id}").since(Release(3, 11, 0)),
        ],
    )
    .isolated(),
    op(
        "CancelJob",
        Job,
        Write,
        "server/auth/__init__.py validate_is_job_owner, _get_job_route_validator",
        &[
            ajax(&["PATCH"], "3.0/jobs/cancel/{job_id}").since(Release(3, 9, 0)),
            ajax(&["PATCH"], "3.0/mlflow/jobs/cancel/{job_id}").since(Release(3, 11, 0)),
        ],
    )
    .isolated(),
    op(
        "SearchJobs",
        Job,
        Read,
        "server/auth/__init__.py _filter_search_jobs",
        &[ajax(&["POST"], "3.0/jobs/search").since(Release(3, 5, 0))],
    )
    .isolated(),
    // MLflow asks for an update of the experiment; the job it starts calls models many times.
    op(
        "CreatePromptOptimizationJob",
        Job,
        Use,
        "server/handlers.py _create_prompt_optimization_job",
        &[api(&["POST"], "3.0/mlflow/prompt-optimization/jobs").since(Release(3, 10, 0))],
    ),
    op(
        "GetPromptOptimizationJob",
        Job,
        Read,
        "server/auth/__init__.py validate_can_read_prompt_optimization_job",
        &[api(&["GET"], "3.0/mlflow/prompt-optimization/jobs/{job_id}").since(Release(3, 10, 0))],
    )
    .isolated(),
    op(
        "SearchPromptOptimizationJobs",
        Job,
        Read,
        "server/auth/__init__.py validate_can_read_experiment",
        &[api(
            &["GET", "POST"],
            "3.0/mlflow/prompt-optimization/jobs/search",
        )
        .since(Release(3, 10, 0))],
    )
    .isolated(),
    op(
        "CancelPromptOptimizationJob",
        Job,
        Write,
        "server/auth/__init__.py validate_can_update_prompt_optimization_job",
        &[api(
            &["POST"],
            "3.0/mlflow/prompt-optimization/jobs/{job_id}/cancel",
        )
        .since(Release(3, 10, 0))],
    )
    .isolated(),
    op(
        "DeletePromptOptimizationJob",
        Job,
        Delete,
        "server/auth/__init__.py validate_can_delete_prompt_optimization_job",
        &[
            api(&["DELETE"], "3.0/mlflow/prompt-optimization/jobs/{job_id}")
                .since(Release(3, 10, 0)),
        ],
    )
    .isolated(),
];
