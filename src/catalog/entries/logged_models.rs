//! Logged models (MLflow 3).

use crate::catalog::entry::{Operation, api, op};
use crate::catalog::object::{
    Access::{Delete, Read, Write},
    Object::LoggedModel,
};
use crate::catalog::release::Release;

/// Logged models (MLflow 3).
pub(super) const TABLE: &[Operation] = &[
    op(
        "CreateLoggedModel",
        LoggedModel,
        Write,
        "server/auth/__init__.py validate_can_create_logged_model",
        &[api(&["POST"], "2.0/mlflow/logged-models").since(Release(3, 0, 0))],
    )
    .isolated(),
    op(
        "FinalizeLoggedModel",
        LoggedModel,
        Write,
        "server/auth/__init__.py validate_can_update_logged_model",
        &[api(&["PATCH"], "2.0/mlflow/logged-models/{model_id}").since(Release(3, 0, 0))],
    )
    .isolated(),
    op(
        "GetLoggedModel",
        LoggedModel,
        Read,
        "server/auth/__init__.py validate_can_read_logged_model",
        &[api(&["GET"], "2.0/mlflow/logged-models/{model_id}").since(Release(3, 0, 0))],
    )
    .isolated(),
    op(
        "DeleteLoggedModel",
        LoggedModel,
        Delete,
        "server/auth/__init__.py validate_can_delete_logged_model",
        &[api(&["DELETE"], "2.0/mlflow/logged-models/{model_id}").since(Release(3, 0, 0))],
    )
    .isolated(),
    op(
        "SearchLoggedModels",
        LoggedModel,
        Read,
        "server/auth/__init__.py validate_can_search_logged_models",
        &[api(&["POST"], "2.0/mlflow/logged-models/search").since(Release(3, 0, 0))],
    )
    .isolated(),
    op(
        "SetLoggedModelTags",
        LoggedModel,
        Write,
        "server/auth/__init__.py validate_can_update_logged_model",
        &[api(&["PATCH"], "2.0/mlflow/logged-models/{model_id}/tags").since(Release(3, 0, 0))],
    )
    .isolated(),
    // Unlike for the tags of most entities, MLflow asks for the permission to delete.
    op(
        "DeleteLoggedModelTag",
        LoggedModel,
        Delete,
        "server/auth/__init__.py validate_can_delete_logged_model",
        &[api(
            &["DELETE"],
            "2.0/mlflow/logged-models/{model_id}/tags/{tag_key}",
        )
        .since(Release(3, 0, 0))],
    )
    .isolated(),
    op(
        "LogLoggedModelParams",
        LoggedModel,
        Write,
        "server/auth/__init__.py validate_can_update_logged_model",
        &[api(&["POST"], "2.0/mlflow/logged-models/{model_id}/params").since(Release(3, 0, 0))],
    )
    .isolated(),
];
