//! Versions of registered models and of prompts.

use crate::catalog::entry::{
    Access::{Delete, Promote, Read, Write},
    Object::ModelVersion,
    Operation, api, op, preview,
};

/// Versions of registered models and of prompts.
pub(super) const TABLE: &[Operation] = &[
    op(
        "GetLatestVersions",
        ModelVersion,
        Read,
        "server/auth/__init__.py validate_can_read_model_or_prompt_version",
        &[
            api(
                &["GET", "POST"],
                "2.0/mlflow/registered-models/get-latest-versions",
            ),
            preview(
                &["GET"],
                "2.0/preview/mlflow/registered-models/get-latest-versions",
            ),
        ],
    ),
    op(
        "CreateModelVersion",
        ModelVersion,
        Write,
        "server/auth/__init__.py validate_can_create_model_version",
        &[
            api(&["POST"], "2.0/mlflow/model-versions/create"),
            preview(&["POST"], "2.0/preview/mlflow/model-versions/create"),
        ],
    ),
    op(
        "UpdateModelVersion",
        ModelVersion,
        Write,
        "server/auth/__init__.py validate_can_update_model_or_prompt_version",
        &[
            api(&["PATCH"], "2.0/mlflow/model-versions/update"),
            preview(&["PATCH"], "2.0/preview/mlflow/model-versions/update"),
        ],
    ),
    // MLflow asks for an update only.
    op(
        "TransitionModelVersionStage",
        ModelVersion,
        Promote,
        "server/handlers.py _transition_stage",
        &[
            api(&["POST"], "2.0/mlflow/model-versions/transition-stage"),
            preview(
                &["POST"],
                "2.0/preview/mlflow/model-versions/transition-stage",
            ),
        ],
    ),
    op(
        "DeleteModelVersion",
        ModelVersion,
        Delete,
        "server/auth/__init__.py validate_can_delete_model_or_prompt_version",
        &[
            api(&["DELETE"], "2.0/mlflow/model-versions/delete"),
            preview(&["DELETE"], "2.0/preview/mlflow/model-versions/delete"),
        ],
    ),
    op(
        "GetModelVersion",
        ModelVersion,
        Read,
        "server/auth/__init__.py validate_can_read_model_or_prompt_version",
        &[
            api(&["GET"], "2.0/mlflow/model-versions/get"),
            preview(&["GET"], "2.0/preview/mlflow/model-versions/get"),
        ],
    ),
    op(
        "SearchModelVersions",
        ModelVersion,
        Read,
        "server/auth/__init__.py validate_can_search_model_versions",
        &[
            api(&["GET"], "2.0/mlflow/model-versions/search"),
            preview(&["GET"], "2.0/preview/mlflow/model-versions/search"),
        ],
    ),
    op(
        "GetModelVersionDownloadUri",
        ModelVersion,
        Read,
        "server/auth/__init__.py validate_can_read_model_or_prompt_version",
        &[
            api(&["GET"], "2.0/mlflow/model-versions/get-download-uri"),
            preview(
                &["GET"],
                "2.0/preview/mlflow/model-versions/get-download-uri",
            ),
        ],
    ),
    op(
        "SetModelVersionTag",
        ModelVersion,
        Write,
        "server/auth/__init__.py validate_can_update_model_or_prompt_version",
        &[
            api(&["POST"], "2.0/mlflow/model-versions/set-tag"),
            preview(&["POST"], "2.0/preview/mlflow/model-versions/set-tag"),
        ],
    ),
    // Unlike for the tags of a registered model, MLflow asks for the permission to delete.
    op(
        "DeleteModelVersionTag",
        ModelVersion,
        Delete,
        "server/auth/__init__.py validate_can_delete_model_or_prompt_version",
        &[
            api(&["DELETE"], "2.0/mlflow/model-versions/delete-tag"),
            preview(&["DELETE"], "2.0/preview/mlflow/model-versions/delete-tag"),
        ],
    ),
    op(
        "GetModelVersionByAlias",
        ModelVersion,
        Read,
        "server/auth/__init__.py validate_can_read_model_or_prompt_version",
        &[api(&["GET"], "2.0/mlflow/registered-models/alias")],
    ),
];
