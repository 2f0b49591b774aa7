//! Reviews of traces by people: issues, label schemas and review queues.

use crate::catalog::entry::{
    Access::{Delete, Read, Use, Write},
    Object::{Issue, LabelSchema, ReviewQueue},
    Operation, ajax, api, op,
};

/// Reviews of traces by people.
pub(super) const TABLE: &[Operation] = &[
    op(
        "CreateIssue",
        Issue,
        Write,
        "server/auth/__init__.py validate_can_create_issue",
        &[api(&["POST"], "3.0/mlflow/issues")],
    ),
    op(
        "UpdateIssue",
        Issue,
        Write,
        "server/auth/__init__.py validate_can_update_issue",
        &[api(&["PATCH"], "3.0/mlflow/issues/{issue_id}")],
    ),
    op(
        "GetIssue",
        Issue,
        Read,
        "server/auth/__init__.py validate_can_read_issue",
        &[api(&["GET"], "3.0/mlflow/issues/{issue_id}")],
    ),
    op(
        "SearchIssues",
        Issue,
        Read,
        "server/auth/__init__.py validate_can_search_issues",
        &[api(&["POST"], "3.0/mlflow/issues/search")],
    ),
    // Decrypts a gateway secret and runs a job that calls a model.
    op(
        "InvokeIssueDetection",
        Issue,
        Use,
        "server/auth/__init__.py validate_can_invoke_issue_detection",
        &[ajax(&["POST"], "3.0/mlflow/issues/invoke")],
    ),
    // MLflow asks for its MANAGE here and for the update below: above EDIT, which is as much as
    // `write` can say.
    op(
        "CreateLabelSchema",
        LabelSchema,
        Write,
        "server/auth/__init__.py validate_can_create_label_schema",
        &[api(&["POST"], "3.0/mlflow/label-schemas/create")],
    ),
    op(
        "GetLabelSchema",
        LabelSchema,
        Read,
        "server/auth/__init__.py validate_can_read_label_schema",
        &[api(&["GET"], "3.0/mlflow/label-schemas/get")],
    ),
    op(
        "GetLabelSchemaByName",
        LabelSchema,
        Read,
        "server/auth/__init__.py validate_can_read_experiment",
        &[api(&["GET"], "3.0/mlflow/label-schemas/get-by-name")],
    ),
    op(
        "ListLabelSchemas",
        LabelSchema,
        Read,
        "server/auth/__init__.py validate_can_read_experiment",
        &[api(&["GET"], "3.0/mlflow/label-schemas/list")],
    ),
    op(
        "UpdateLabelSchema",
        LabelSchema,
        Write,
        "server/auth/__init__.py validate_can_manage_label_schema",
        &[api(&["PATCH"], "3.0/mlflow/label-schemas/update")],
    ),
    op(
        "DeleteLabelSchema",
        LabelSchema,
        Delete,
        "server/auth/__init__.py validate_can_manage_label_schema",
        &[api(&["DELETE"], "3.0/mlflow/label-schemas/delete")],
    ),
    op(
        "CreateReviewQueue",
        ReviewQueue,
        Write,
        "server/auth/__init__.py validate_can_create_review_queue",
        &[api(&["POST"], "3.0/mlflow/review-queues/create")],
    ),
    op(
        "GetOrCreateUserQueue",
        ReviewQueue,
        Write,
        "server/auth/__init__.py validate_can_get_or_create_user_queue",
        &[api(
            &["POST"],
            "3.0/mlflow/review-queues/get-or-create-user",
        )],
    ),
    op(
        "GetReviewQueue",
        ReviewQueue,
        Read,
        "server/auth/__init__.py validate_can_view_review_queue",
        &[api(&["GET"], "3.0/mlflow/review-queues/get")],
    ),
    op(
        "GetReviewQueueByName",
        ReviewQueue,
        Read,
        "server/auth/__init__.py validate_can_view_review_queue_by_name",
        &[api(&["GET"], "3.0/mlflow/review-queues/get-by-name")],
    ),
    op(
        "ListReviewQueues",
        ReviewQueue,
        Read,
        "server/auth/__init__.py validate_can_read_experiment",
        &[api(&["GET"], "3.0/mlflow/review-queues/list")],
    ),
    op(
        "UpdateReviewQueue",
        ReviewQueue,
        Write,
        "server/auth/__init__.py validate_can_update_review_queue",
        &[api(&["POST"], "3.0/mlflow/review-queues/update")],
    ),
    op(
        "DeleteReviewQueue",
        ReviewQueue,
        Delete,
        "server/auth/__init__.py validate_can_delete_review_queue",
        &[api(&["POST"], "3.0/mlflow/review-queues/delete")],
    ),
    op(
        "AddItemsToReviewQueue",
        ReviewQueue,
        Write,
        "server/auth/__init__.py validate_can_add_items_to_review_queue",
        &[api(&["POST"], "3.0/mlflow/review-queues/items/add")],
    ),
    // Taking work away needs what deleting the queue needs (`_can_delete_or_prune_review_queue`).
    op(
        "RemoveItemsFromReviewQueue",
        ReviewQueue,
        Delete,
        "server/auth/__init__.py validate_can_remove_items_from_review_queue",
        &[api(&["POST"], "3.0/mlflow/review-queues/items/remove")],
    ),
    op(
        "ListReviewQueueItems",
        ReviewQueue,
        Read,
        "server/auth/__init__.py validate_can_view_review_queue",
        &[api(&["GET"], "3.0/mlflow/review-queues/items/list")],
    ),
    op(
        "SetReviewQueueItemStatus",
        ReviewQueue,
        Write,
        "server/auth/__init__.py validate_can_review_queue_item",
        &[api(&["POST"], "3.0/mlflow/review-queues/items/set-status")],
    ),
];
