//! Evaluation datasets and the dataset inputs of runs.

use crate::catalog::entry::{Operation, ajax, api, op};
use crate::catalog::object::{
    Access::{Delete, Read, Write},
    Object::Dataset,
};
use crate::catalog::release::Release;

/// Evaluation datasets and the dataset inputs of runs.
pub(super) const TABLE: &[Operation] = &[
    // `/api/2.0mlflow/…` is a real path: the protobuf option lacks a slash, and nothing answers
    // there. The page asks the second one.
    op(
        "SearchDatasets",
        Dataset,
        Read,
        "server/auth/__init__.py validate_can_search_datasets",
        &[
            api(&["POST"], "2.0mlflow/experiments/search-datasets").since(Release(2, 15, 0)),
            ajax(&["POST"], "2.0/mlflow/experiments/search-datasets").since(Release(2, 7, 0)),
            ajax(&["GET"], "2.0/mlflow/experiments/search-datasets")
                .since(Release(2, 5, 0))
                .until(Release(2, 7, 0)),
        ],
    )
    .isolated(),
    op(
        "CreateDataset",
        Dataset,
        Write,
        "server/auth/__init__.py validate_can_create_dataset",
        &[api(&["POST"], "3.0/mlflow/datasets/create").since(Release(3, 4, 0))],
    )
    .isolated(),
    op(
        "GetDataset",
        Dataset,
        Read,
        "server/auth/__init__.py validate_can_read_dataset",
        &[api(&["GET"], "3.0/mlflow/datasets/{dataset_id}").since(Release(3, 4, 0))],
    )
    .isolated(),
    op(
        "DeleteDataset",
        Dataset,
        Delete,
        "server/auth/__init__.py validate_can_delete_dataset",
        &[api(&["DELETE"], "3.0/mlflow/datasets/{dataset_id}").since(Release(3, 4, 0))],
    )
    .isolated(),
    op(
        "SearchEvaluationDatasets",
        Dataset,
        Read,
        "server/auth/__init__.py validate_can_search_evaluation_datasets",
        &[api(&["GET", "POST"], "3.0/mlflow/datasets/search").since(Release(3, 4, 0))],
    )
    .isolated(),
    op(
        "SetDatasetTags",
        Dataset,
        Write,
        "server/auth/__init__.py validate_can_update_dataset",
        &[api(&["PATCH"], "3.0/mlflow/datasets/{dataset_id}/tags").since(Release(3, 4, 0))],
    )
    .isolated(),
    op(
        "DeleteDatasetTag",
        Dataset,
        Write,
        "server/auth/__init__.py validate_can_update_dataset",
        &[api(&["DELETE"], "3.0/mlflow/datasets/{dataset_id}/tags/{key}").since(Release(3, 4, 0))],
    )
    .isolated(),
    op(
        "UpsertDatasetRecords",
        Dataset,
        Write,
        "server/auth/__init__.py validate_can_update_dataset",
        &[api(&["POST"], "3.0/mlflow/datasets/{dataset_id}/records").since(Release(3, 4, 0))],
    )
    .isolated(),
    op(
        "GetDatasetExperimentIds",
        Dataset,
        Read,
        "server/auth/__init__.py validate_can_read_dataset",
        &[
            api(&["GET"], "3.0/mlflow/datasets/{dataset_id}/experiment-ids")
                .since(Release(3, 4, 0)),
        ],
    )
    .isolated(),
    op(
        "GetDatasetRecords",
        Dataset,
        Read,
        "server/auth/__init__.py validate_can_read_dataset",
        &[api(&["GET"], "3.0/mlflow/datasets/{dataset_id}/records").since(Release(3, 4, 0))],
    )
    .isolated(),
    // MLflow asks for an update only; the handler destroys records for good.
    op(
        "DeleteDatasetRecords",
        Dataset,
        Delete,
        "server/handlers.py _delete_dataset_records_handler",
        &[api(&["DELETE"], "3.0/mlflow/datasets/{dataset_id}/records").since(Release(3, 10, 0))],
    )
    .isolated(),
    op(
        "AddDatasetToExperiments",
        Dataset,
        Write,
        "server/auth/__init__.py validate_can_add_dataset_to_experiments",
        &[api(
            &["POST"],
            "3.0/mlflow/datasets/{dataset_id}/add-experiments",
        )
        .since(Release(3, 7, 0))],
    )
    .isolated(),
    op(
        "RemoveDatasetFromExperiments",
        Dataset,
        Write,
        "server/auth/__init__.py validate_can_update_dataset",
        &[api(
            &["POST"],
            "3.0/mlflow/datasets/{dataset_id}/remove-experiments",
        )
        .since(Release(3, 7, 0))],
    )
    .isolated(),
];
