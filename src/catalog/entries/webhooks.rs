//! Webhooks. MLflow leaves all of them to its administrators, the reads included, in every release that has them.

use crate::catalog::entry::{Operation, api, op};
use crate::catalog::object::{Access::Admin, Object::Webhook};
use crate::catalog::release::Release;

/// Webhooks.
pub(super) const TABLE: &[Operation] = &[
    op(
        "CreateWebhook",
        Webhook,
        Admin,
        "server/auth/__init__.py WEBHOOK_BEFORE_REQUEST_HANDLERS",
        &[api(&["POST"], "2.0/mlflow/webhooks").since(Release(3, 3, 0))],
    ),
    op(
        "ListWebhooks",
        Webhook,
        Admin,
        "server/auth/__init__.py WEBHOOK_BEFORE_REQUEST_HANDLERS",
        &[api(&["GET"], "2.0/mlflow/webhooks").since(Release(3, 3, 0))],
    )
    .isolated(),
    op(
        "GetWebhook",
        Webhook,
        Admin,
        "server/auth/__init__.py WEBHOOK_BEFORE_REQUEST_HANDLERS",
        &[api(&["GET"], "2.0/mlflow/webhooks/{webhook_id}").since(Release(3, 3, 0))],
    )
    .isolated(),
    op(
        "UpdateWebhook",
        Webhook,
        Admin,
        "server/auth/__init__.py WEBHOOK_BEFORE_REQUEST_HANDLERS",
        &[api(&["PATCH"], "2.0/mlflow/webhooks/{webhook_id}").since(Release(3, 3, 0))],
    ),
    op(
        "DeleteWebhook",
        Webhook,
        Admin,
        "server/auth/__init__.py WEBHOOK_BEFORE_REQUEST_HANDLERS",
        &[api(&["DELETE"], "2.0/mlflow/webhooks/{webhook_id}").since(Release(3, 3, 0))],
    )
    .isolated(),
    op(
        "TestWebhook",
        Webhook,
        Admin,
        "server/auth/__init__.py WEBHOOK_BEFORE_REQUEST_HANDLERS",
        &[api(&["POST"], "2.0/mlflow/webhooks/{webhook_id}/test").since(Release(3, 3, 0))],
    ),
];
