//! Versions of registered models and of prompts.

use crate::catalog::entry::{Operation, api, op, preview};
use crate::catalog::naming::{
    FieldKind::{Flag, LoggedModelId, Model, Source, Tags, Text, Texts},
    Naming::{Collection, Fields},
};
use crate::catalog::object::{
    Access::{Delete, Promote, Read, Write},
    Object::ModelVersion,
};
use crate::catalog::release::Release;

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
    )
    .isolated()
    .named_by(Fields(&[("name", Model), ("stages", Texts)])),
    op(
        "CreateModelVersion",
        ModelVersion,
        Write,
        "server/auth/__init__.py validate_can_create_model_version",
        &[
            api(&["POST"], "2.0/mlflow/model-versions/create"),
            preview(&["POST"], "2.0/preview/mlflow/model-versions/create"),
        ],
    )
    .isolated()
    .named_by(Fields(&[
        ("name", Model),
        ("source", Source),
        ("run_id", Text),
        ("tags", Tags),
        ("run_link", Text),
        ("description", Text),
        // MLflow tags it with the version; releases before 3.17 do not ask whether it is the source's.
        ("model_id", LoggedModelId),
    ])),
    op(
        "UpdateModelVersion",
        ModelVersion,
        Write,
        "server/auth/__init__.py validate_can_update_model_or_prompt_version",
        &[
            api(&["PATCH"], "2.0/mlflow/model-versions/update"),
            preview(&["PATCH"], "2.0/preview/mlflow/model-versions/update"),
        ],
    )
    .isolated()
    .named_by(Fields(&[
        ("name", Model),
        ("version", Text),
        ("description", Text),
    ])),
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
    )
    .isolated()
    // A stage is no alias: a grant that is limited to aliases does not cover it.
    .named_by(Fields(&[
        ("name", Model),
        ("version", Text),
        ("stage", Text),
        ("archive_existing_versions", Flag),
    ])),
    op(
        "DeleteModelVersion",
        ModelVersion,
        Delete,
        "server/auth/__init__.py validate_can_delete_model_or_prompt_version",
        &[
            api(&["DELETE"], "2.0/mlflow/model-versions/delete"),
            preview(&["DELETE"], "2.0/preview/mlflow/model-versions/delete"),
        ],
    )
    .isolated()
    .named_by(Fields(&[("name", Model), ("version", Text)])),
    op(
        "GetModelVersion",
        ModelVersion,
        Read,
        "server/auth/__init__.py validate_can_read_model_or_prompt_version",
        &[
            api(&["GET"], "2.0/mlflow/model-versions/get"),
            preview(&["GET"], "2.0/preview/mlflow/model-versions/get"),
        ],
    )
    .isolated()
    .named_by(Fields(&[("name", Model), ("version", Text)])),
    op(
        "SearchModelVersions",
        ModelVersion,
        Read,
        "server/auth/__init__.py validate_can_search_model_versions",
        &[
            api(&["GET"], "2.0/mlflow/model-versions/search"),
            preview(&["GET"], "2.0/preview/mlflow/model-versions/search"),
        ],
    )
    .isolated()
    .named_by(Collection),
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
    )
    .isolated()
    .named_by(Fields(&[("name", Model), ("version", Text)])),
    op(
        "SetModelVersionTag",
        ModelVersion,
        Write,
        "server/auth/__init__.py validate_can_update_model_or_prompt_version",
        &[
            api(&["POST"], "2.0/mlflow/model-versions/set-tag"),
            preview(&["POST"], "2.0/preview/mlflow/model-versions/set-tag"),
        ],
    )
    .isolated()
    .named_by(Fields(&[
        ("name", Model),
        ("version", Text),
        ("key", Text),
        ("value", Text),
    ])),
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
    )
    .isolated()
    .named_by(Fields(&[("name", Model), ("version", Text), ("key", Text)])),
    op(
        "GetModelVersionByAlias",
        ModelVersion,
        Read,
        "server/auth/__init__.py validate_can_read_model_or_prompt_version",
        &[api(&["GET"], "2.0/mlflow/registered-models/alias").since(Release(2, 3, 0))],
    )
    .isolated()
    // Read by an alias: the model is what counts, so the alias is text.
    .named_by(Fields(&[("name", Model), ("alias", Text)])),
];
