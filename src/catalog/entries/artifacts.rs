//! Files below an artifact root: listed, downloaded, uploaded and deleted, or reached by presigned
//! URLs.

use crate::catalog::entry::{Operation, ajax, api, op, preview, root};
use crate::catalog::isolation::Isolation::Files;
use crate::catalog::naming::{
    FieldKind::{Model, Text},
    Naming::{ArtifactPath, ArtifactQuery, Fields},
};
use crate::catalog::object::{
    Access::{Delete, Read, Write},
    Object::Artifact,
};
use crate::catalog::release::Release;

/// Files below an artifact root.
pub(super) const TABLE: &[Operation] = &[
    op(
        "ListArtifacts",
        Artifact,
        Read,
        "server/auth/__init__.py validate_can_read_run",
        &[
            api(&["GET"], "2.0/mlflow/artifacts/list"),
            preview(&["GET"], "2.0/preview/mlflow/artifacts/list"),
        ],
    )
    .isolated(),
    // Mints a URL that writes past this filter.
    op(
        "CreatePresignedUploadUrl",
        Artifact,
        Write,
        "server/auth/__init__.py validate_can_update_run_or_logged_model",
        &[api(&["POST"], "2.0/mlflow/artifacts/presigned-upload-url").since(Release(3, 12, 0))],
    )
    .isolated(),
    // A POST that reads.
    op(
        "CreatePresignedDownloadUrl",
        Artifact,
        Read,
        "server/auth/__init__.py validate_can_read_run",
        &[api(&["POST"], "2.0/mlflow/artifacts/presigned-download-url").since(Release(3, 15, 0))],
    )
    .isolated(),
    op(
        "ListLoggedModelArtifacts",
        Artifact,
        Read,
        "server/auth/__init__.py validate_can_read_logged_model",
        &[api(
            &["GET"],
            "2.0/mlflow/logged-models/{model_id}/artifacts/directories",
        )
        .since(Release(3, 0, 0))],
    )
    .isolated(),
    // FastAPI answers GET and PUT of this template, Flask DELETE (and all three under `--static-
    // prefix`).
    op(
        "DownloadArtifact",
        Artifact,
        Read,
        "server/auth/__init__.py validate_can_read_experiment_artifact_proxy",
        &[api(
            &["GET"],
            "2.0/mlflow-artifacts/artifacts/{*artifact_path}",
        )],
    )
    .within(Files)
    .named_by(ArtifactPath),
    op(
        "UploadArtifact",
        Artifact,
        Write,
        "server/auth/__init__.py validate_can_update_experiment_artifact_proxy",
        &[api(
            &["PUT"],
            "2.0/mlflow-artifacts/artifacts/{*artifact_path}",
        )],
    )
    .within(Files)
    .named_by(ArtifactPath),
    // The same protobuf method name as `ListArtifacts` above, in another service: named after its
    // handler.
    op(
        "ListArtifactsMlflowArtifacts",
        Artifact,
        Read,
        "server/auth/__init__.py validate_can_read_experiment_artifact_proxy",
        &[api(&["GET"], "2.0/mlflow-artifacts/artifacts")],
    )
    .within(Files)
    .named_by(ArtifactQuery),
    op(
        "DeleteArtifact",
        Artifact,
        Delete,
        "server/auth/__init__.py validate_can_delete_experiment_artifact_proxy",
        &[api(
            &["DELETE"],
            "2.0/mlflow-artifacts/artifacts/{*artifact_path}",
        )],
    )
    .within(Files)
    .named_by(ArtifactPath),
    op(
        "CreateMultipartUpload",
        Artifact,
        Write,
        "server/auth/__init__.py validate_can_update_experiment_artifact_proxy",
        &[api(
            &["POST"],
            "2.0/mlflow-artifacts/mpu/create/{*artifact_path}",
        )
        .since(Release(2, 9, 0))],
    )
    .within(Files),
    op(
        "CompleteMultipartUpload",
        Artifact,
        Write,
        "server/auth/__init__.py validate_can_update_experiment_artifact_proxy",
        &[api(
            &["POST"],
            "2.0/mlflow-artifacts/mpu/complete/{*artifact_path}",
        )
        .since(Release(2, 9, 0))],
    )
    .within(Files),
    // Drops parts nobody could read yet, so MLflow asks for an update.
    op(
        "AbortMultipartUpload",
        Artifact,
        Write,
        "server/auth/__init__.py validate_can_update_experiment_artifact_proxy",
        &[
            api(&["POST"], "2.0/mlflow-artifacts/mpu/abort/{*artifact_path}")
                .since(Release(2, 9, 0)),
        ],
    )
    .within(Files),
    op(
        "GetPresignedDownloadUrl",
        Artifact,
        Read,
        "server/auth/__init__.py validate_can_read_experiment_artifact_proxy",
        &[
            api(&["GET"], "2.0/mlflow-artifacts/presigned/{*artifact_path}")
                .since(Release(3, 11, 0)),
        ],
    )
    .within(Files),
    op(
        "ServeArtifacts",
        Artifact,
        Read,
        "server/auth/__init__.py validate_can_read_run_artifact",
        &[root(&["GET"], "/get-artifact")],
    )
    .isolated(),
    op(
        "ServeModelVersionArtifact",
        Artifact,
        Read,
        "server/auth/__init__.py validate_can_read_model_version_artifact",
        &[root(&["GET"], "/model-versions/get-artifact")],
    )
    .named_by(Fields(&[
        ("name", Model),
        ("version", Text),
        ("path", Text),
    ])),
    op(
        "ServeUploadArtifact",
        Artifact,
        Write,
        "server/auth/__init__.py validate_can_update_run_artifact",
        &[ajax(&["POST"], "2.0/mlflow/upload-artifact").since(Release(2, 7, 0))],
    )
    .isolated(),
    op(
        "ServeGetLoggedModelArtifact",
        Artifact,
        Read,
        "server/auth/__init__.py validate_can_read_logged_model",
        &[ajax(
            &["GET"],
            "2.0/mlflow/logged-models/{model_id}/artifacts/files",
        )
        .since(Release(3, 0, 0))],
    )
    .isolated(),
];
