//! Reviews of traces by people: issues, label schemas and review queues.

use crate::catalog::entry::{Operation, ajax, api, op};
use crate::catalog::object::{
    Access::{Admin, Delete, Read, Use, Write},
    Object::{Issue, LabelSchema, ReviewQueue},
};
use crate::catalog::release::Release;

/// Reviews of traces by people.
pub(super) const TABLE: &[Operation] = &[
    op(
        "CreateIssue",
        Issue,
        Write,
        "server/auth/__init__.py validate_can_create_issue",
        &[api(&["POST"], "3.0/mlflow/issues").since(Release(3, 11, 0))],
    )
    .isolated(),
    op(
        "UpdateIssue",
        Issue,
        Write,
        "server/auth/__init__.py validate_can_update_issue",
        &[api(&["PATCH"], "3.0/mlflow/issues/{issue_id}").since(Release(3, 11, 0))],
    )
    .isolated(),
    op(
        "GetIssue",
        Issue,
        Read,
        "server/auth/__init__.py validate_can_read_issue",
        &[api(&["GET"], "3.0/mlflow/issues/{issue_id}").since(Release(3, 11, 0))],
    )
    .isolated(),
    op(
        "SearchIssues",
        Issue,
        Read,
        "server/auth/__init__.py validate_can_search_issues",
        &[api(&["POST"], "3.0/mlflow/issues/search").since(Release(3, 11, 0))],
    )
    .isolated(),
    // Decrypts a gateway secret and runs a job that calls a model.
    op(
        "InvokeIssueDetection",
        Issue,
        Use,
        "server/auth/__init__.py validate_can_invoke_issue_detection",
        &[ajax(&["POST"], "3.0/mlflow/issues/invoke").since(Release(3, 11, 0))],
    ),
    // No validator: any user of MLflow's own may call it. It writes the state of a schedule into the experiment's tags.
    op(
        "SyncIssueDetectionScheduleState",
        Issue,
        Write,
        "server/handlers.py _sync_issue_detection_schedule_state_handler",
        &[ajax(&["POST"], "3.0/mlflow/issues/schedule/state").since(Release(3, 18, 0))],
    ),
    // MANAGE, here and for the update below: above EDIT, which is what `write` stands for.
    op(
        "CreateLabelSchema",
        LabelSchema,
        Admin,
        "server/auth/__init__.py validate_can_create_label_schema",
        &[api(&["POST"], "3.0/mlflow/label-schemas/create").since(Release(3, 14, 0))],
    )
    .isolated(),
    op(
        "GetLabelSchema",
        LabelSchema,
        Read,
        "server/auth/__init__.py validate_can_read_label_schema",
        &[api(&["GET"], "3.0/mlflow/label-schemas/get").since(Release(3, 14, 0))],
    )
    .isolated(),
    op(
        "GetLabelSchemaByName",
        LabelSchema,
        Read,
        "server/auth/__init__.py validate_can_read_experiment",
        &[api(&["GET"], "3.0/mlflow/label-schemas/get-by-name").since(Release(3, 14, 0))],
    )
    .isolated(),
    op(
        "ListLabelSchemas",
        LabelSchema,
        Read,
        "server/auth/__init__.py validate_can_read_experiment",
        &[api(&["GET"], "3.0/mlflow/label-schemas/list").since(Release(3, 14, 0))],
    )
    .isolated(),
    op(
        "UpdateLabelSchema",
        LabelSchema,
        Admin,
        "server/auth/__init__.py validate_can_manage_label_schema",
        &[api(&["PATCH"], "3.0/mlflow/label-schemas/update").since(Release(3, 14, 0))],
    )
    .isolated(),
    op(
        "DeleteLabelSchema",
        LabelSchema,
        Delete,
        "server/auth/__init__.py validate_can_manage_label_schema",
        &[api(&["DELETE"], "3.0/mlflow/label-schemas/delete").since(Release(3, 14, 0))],
    )
    .isolated(),
    op(
        "CreateReviewQueue",
        ReviewQueue,
        Write,
        "server/auth/__init__.py validate_can_create_review_queue",
        &[api(&["POST"], "3.0/mlflow/review-queues/create").since(Release(3, 14, 0))],
    )
    .isolated(),
    op(
        "GetOrCreateUserQueue",
        ReviewQueue,
        Write,
        "server/auth/__init__.py validate_can_get_or_create_user_queue",
        &[api(&["POST"], "3.0/mlflow/review-queues/get-or-create-user").since(Release(3, 14, 0))],
    )
    .isolated(),
    op(
        "GetReviewQueue",
        ReviewQueue,
        Read,
        "server/auth/__init__.py validate_can_view_review_queue",
        &[api(&["GET"], "3.0/mlflow/review-queues/get").since(Release(3, 14, 0))],
    )
    .isolated(),
    op(
        "GetReviewQueueByName",
        ReviewQueue,
        Read,
        "server/auth/__init__.py validate_can_view_review_queue_by_name",
        &[api(&["GET"], "3.0/mlflow/review-queues/get-by-name").since(Release(3, 14, 0))],
    )
    .isolated(),
    op(
        "ListReviewQueues",
        ReviewQueue,
        Read,
        "server/auth/__init__.py validate_can_read_experiment",
        &[api(&["GET"], "3.0/mlflow/review-queues/list").since(Release(3, 14, 0))],
    )
    .isolated(),
    // A new owner is MANAGE, and only the body says whether it names one.
    op(
        "UpdateReviewQueue",
        ReviewQueue,
        Admin,
        "server/auth/__init__.py validate_can_update_review_queue",
        &[api(&["POST"], "3.0/mlflow/review-queues/update").since(Release(3, 14, 0))],
    )
    .isolated(),
    op(
        "DeleteReviewQueue",
        ReviewQueue,
        Delete,
        "server/auth/__init__.py validate_can_delete_review_queue",
        &[api(&["POST"], "3.0/mlflow/review-queues/delete").since(Release(3, 14, 0))],
    )
    .isolated(),
    op(
        "AddItemsToReviewQueue",
        ReviewQueue,
        Write,
        "server/auth/__init__.py validate_can_add_items_to_review_queue",
        &[api(&["POST"], "3.0/mlflow/review-queues/items/add").since(Release(3, 14, 0))],
    )
    .isolated(),
    // Taking work away needs what deleting the queue needs (`_can_delete_or_prune_review_queue`).
    op(
        "RemoveItemsFromReviewQueue",
        ReviewQueue,
        Delete,
        "server/auth/__init__.py validate_can_remove_items_from_review_queue",
        &[api(&["POST"], "3.0/mlflow/review-queues/items/remove").since(Release(3, 14, 0))],
    )
    .isolated(),
    op(
        "ListReviewQueueItems",
        ReviewQueue,
        Read,
        "server/auth/__init__.py validate_can_view_review_queue",
        &[api(&["GET"], "3.0/mlflow/review-queues/items/list").since(Release(3, 14, 0))],
    )
    .isolated(),
    op(
        "SetReviewQueueItemStatus",
        ReviewQueue,
        Write,
        "server/auth/__init__.py validate_can_review_queue_item",
        &[api(&["POST"], "3.0/mlflow/review-queues/items/set-status").since(Release(3, 14, 0))],
    )
    .isolated(),
];
