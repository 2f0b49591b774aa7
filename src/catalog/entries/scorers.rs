//! Scorers, their online scoring and their runs.

use crate::catalog::entry::{Operation, ajax, api, op};
use crate::catalog::object::{
    Access::{Delete, Read, Use, Write},
    Object::Scorer,
};
use crate::catalog::release::Release;

/// Scorers, their online scoring and their runs.
pub(super) const TABLE: &[Operation] = &[
    op(
        "RegisterScorer",
        Scorer,
        Write,
        "server/auth/__init__.py validate_can_register_scorer",
        &[api(&["POST"], "3.0/mlflow/scorers/register").since(Release(3, 4, 0))],
    )
    .isolated(),
    op(
        "ListScorers",
        Scorer,
        Read,
        "server/auth/__init__.py validate_can_read_scorer_list",
        &[api(&["GET"], "3.0/mlflow/scorers/list").since(Release(3, 4, 0))],
    )
    .isolated(),
    op(
        "ListScorerVersions",
        Scorer,
        Read,
        "server/auth/__init__.py validate_can_read_scorer",
        &[api(&["GET"], "3.0/mlflow/scorers/versions").since(Release(3, 4, 0))],
    )
    .isolated(),
    op(
        "GetScorer",
        Scorer,
        Read,
        "server/auth/__init__.py validate_can_read_scorer",
        &[api(&["GET"], "3.0/mlflow/scorers/get").since(Release(3, 4, 0))],
    )
    .isolated(),
    op(
        "DeleteScorer",
        Scorer,
        Delete,
        "server/auth/__init__.py validate_can_delete_scorer",
        &[api(&["DELETE"], "3.0/mlflow/scorers/delete").since(Release(3, 4, 0))],
    )
    .isolated(),
    op(
        "GetOnlineScoringConfigs",
        Scorer,
        Read,
        "server/auth/__init__.py validate_can_read_online_scoring_configs",
        &[api(&["GET"], "3.0/mlflow/scorers/online-configs").since(Release(3, 9, 0))],
    )
    .isolated(),
    // MLflow asks for an update of the experiment; from then on the server pays for a judge on its
    // traces.
    op(
        "UpsertOnlineScoringConfig",
        Scorer,
        Use,
        "server/handlers.py _upsert_online_scoring_config",
        &[api(&["PUT"], "3.0/mlflow/scorers/online-config").since(Release(3, 9, 0))],
    ),
    // MLflow asks for an update of the experiment; the handler submits jobs that run a judge.
    op(
        "InvokeScorer",
        Scorer,
        Use,
        "server/handlers.py _invoke_scorer_handler",
        &[ajax(&["POST"], "3.0/mlflow/scorer/invoke").since(Release(3, 9, 0))],
    ),
    // MLflow asks for an update of the experiment; the handler submits a job that runs scorers.
    op(
        "InvokeGenaiEvaluate",
        Scorer,
        Use,
        "server/handlers.py _invoke_genai_evaluate_handler",
        &[ajax(&["POST"], "3.0/mlflow/genai/evaluate/invoke").since(Release(3, 14, 0))],
    ),
];
