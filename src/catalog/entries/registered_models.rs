//! Registered models and prompts, which MLflow keeps as registered models.

use crate::catalog::entry::{Operation, api, op, preview};
use crate::catalog::naming::{
    FieldKind::{Alias, Model, Tags, Text},
    Naming::{Collection, Fields},
};
use crate::catalog::object::{
    Access::{Delete, Promote, Read, Write},
    Object::RegisteredModel,
};
use crate::catalog::release::Release;

/// Registered models and prompts, which MLflow keeps as registered models.
pub(super) const TABLE: &[Operation] = &[
    op(
        "CreateRegisteredModel",
        RegisteredModel,
        Write,
        "server/auth/__init__.py validate_can_create_registered_model",
        &[
            api(&["POST"], "2.0/mlflow/registered-models/create"),
            preview(&["POST"], "2.0/preview/mlflow/registered-models/create"),
        ],
    )
    .isolated()
    .named_by(Fields(&[
        ("name", Model),
        ("tags", Tags),
        ("description", Text),
        ("deployment_job_id", Text),
    ])),
    op(
        "RenameRegisteredModel",
        RegisteredModel,
        Write,
        "server/auth/__init__.py _validate_can_update_registered_model_or_prompt",
        &[
            api(&["POST"], "2.0/mlflow/registered-models/rename"),
            preview(&["POST"], "2.0/preview/mlflow/registered-models/rename"),
        ],
    )
    .isolated()
    .named_by(Fields(&[("name", Model), ("new_name", Model)])),
    op(
        "UpdateRegisteredModel",
        RegisteredModel,
        Write,
        "server/auth/__init__.py _validate_can_update_registered_model_or_prompt",
        &[
            api(&["PATCH"], "2.0/mlflow/registered-models/update"),
            preview(&["PATCH"], "2.0/preview/mlflow/registered-models/update"),
        ],
    )
    .isolated()
    .named_by(Fields(&[
        ("name", Model),
        ("description", Text),
        ("deployment_job_id", Text),
    ])),
    op(
        "DeleteRegisteredModel",
        RegisteredModel,
        Delete,
        "server/auth/__init__.py validate_can_delete_registered_model_or_prompt_cascade",
        &[
            api(&["DELETE"], "2.0/mlflow/registered-models/delete"),
            preview(&["DELETE"], "2.0/preview/mlflow/registered-models/delete"),
        ],
    )
    .isolated()
    .named_by(Fields(&[("name", Model)])),
    op(
        "GetRegisteredModel",
        RegisteredModel,
        Read,
        "server/auth/__init__.py _validate_can_read_registered_model_or_prompt",
        &[
            api(&["GET"], "2.0/mlflow/registered-models/get"),
            preview(&["GET"], "2.0/preview/mlflow/registered-models/get"),
        ],
    )
    .isolated()
    .named_by(Fields(&[("name", Model)])),
    op(
        "SearchRegisteredModels",
        RegisteredModel,
        Read,
        "server/auth/__init__.py filter_search_registered_models",
        &[
            api(&["GET"], "2.0/mlflow/registered-models/search"),
            preview(&["GET"], "2.0/preview/mlflow/registered-models/search"),
        ],
    )
    .isolated()
    .named_by(Collection),
    op(
        "SetRegisteredModelTag",
        RegisteredModel,
        Write,
        "server/auth/__init__.py _validate_can_update_registered_model_or_prompt",
        &[
            api(&["POST"], "2.0/mlflow/registered-models/set-tag"),
            preview(&["POST"], "2.0/preview/mlflow/registered-models/set-tag"),
        ],
    )
    .isolated()
    .named_by(Fields(&[("name", Model), ("key", Text), ("value", Text)])),
    op(
        "DeleteRegisteredModelTag",
        RegisteredModel,
        Write,
        "server/auth/__init__.py _validate_can_update_registered_model_or_prompt",
        &[
            api(&["DELETE"], "2.0/mlflow/registered-models/delete-tag"),
            preview(
                &["DELETE"],
                "2.0/preview/mlflow/registered-models/delete-tag",
            ),
        ],
    )
    .isolated()
    .named_by(Fields(&[("name", Model), ("key", Text)])),
    op(
        "SetRegisteredModelAlias",
        RegisteredModel,
        Promote,
        "server/auth/__init__.py validate_can_set_model_or_prompt_version_alias",
        &[api(&["POST"], "2.0/mlflow/registered-models/alias").since(Release(2, 3, 0))],
    )
    .isolated()
    .named_by(Fields(&[
        ("name", Model),
        ("alias", Alias),
        ("version", Text),
    ])),
    // MLflow asks for the permission to delete the model; what happens is that traffic moves.
    op(
        "DeleteRegisteredModelAlias",
        RegisteredModel,
        Promote,
        "server/auth/__init__.py validate_can_delete_model_or_prompt_version_alias",
        &[api(&["DELETE"], "2.0/mlflow/registered-models/alias").since(Release(2, 3, 0))],
    )
    .isolated()
    .named_by(Fields(&[("name", Model), ("alias", Alias)])),
    // Before 2.0; later releases search.
    op(
        "ListRegisteredModels",
        RegisteredModel,
        Read,
        "server/handlers.py _list_registered_models",
        &[
            api(&["GET"], "2.0/mlflow/registered-models/list").until(Release(2, 0, 0)),
            preview(&["GET"], "2.0/preview/mlflow/registered-models/list"),
        ],
    )
    .named_by(Collection),
];
