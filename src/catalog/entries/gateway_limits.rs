//! What holds the AI gateway back: budgets and guardrails.

use crate::catalog::entry::{Operation, api, op};
use crate::catalog::object::{
    Access::{Admin, Delete, Read, Write},
    Object::Gateway,
};
use crate::catalog::release::Release;

/// What holds the AI gateway back.
pub(super) const TABLE: &[Operation] = &[
    op(
        "CreateBudgetPolicy",
        Gateway,
        Admin,
        "server/auth/__init__.py BEFORE_REQUEST_HANDLERS",
        &[api(&["POST"], "3.0/mlflow/gateway/budgets/create").since(Release(3, 11, 0))],
    ),
    op(
        "GetBudgetPolicy",
        Gateway,
        Read,
        "server/auth/__init__.py BEFORE_REQUEST_HANDLERS",
        &[api(&["GET"], "3.0/mlflow/gateway/budgets/get").since(Release(3, 11, 0))],
    )
    .isolated(),
    op(
        "UpdateBudgetPolicy",
        Gateway,
        Admin,
        "server/auth/__init__.py BEFORE_REQUEST_HANDLERS",
        &[api(&["POST"], "3.0/mlflow/gateway/budgets/update").since(Release(3, 11, 0))],
    ),
    op(
        "DeleteBudgetPolicy",
        Gateway,
        Admin,
        "server/auth/__init__.py BEFORE_REQUEST_HANDLERS",
        &[api(&["DELETE"], "3.0/mlflow/gateway/budgets/delete").since(Release(3, 11, 0))],
    )
    .isolated(),
    op(
        "ListBudgetPolicies",
        Gateway,
        Read,
        "server/auth/__init__.py BEFORE_REQUEST_HANDLERS",
        &[api(&["GET"], "3.0/mlflow/gateway/budgets/list").since(Release(3, 11, 0))],
    )
    .isolated(),
    op(
        "ListBudgetWindows",
        Gateway,
        Read,
        "server/auth/__init__.py BEFORE_REQUEST_HANDLERS",
        &[api(&["GET"], "3.0/mlflow/gateway/budgets/windows").since(Release(3, 11, 0))],
    ),
    op(
        "CreateGatewayGuardrail",
        Gateway,
        Admin,
        "server/auth/__init__.py BEFORE_REQUEST_HANDLERS",
        &[api(&["POST"], "3.0/mlflow/gateway/guardrails/create").since(Release(3, 12, 0))],
    ),
    op(
        "GetGatewayGuardrail",
        Gateway,
        Admin,
        "server/auth/__init__.py BEFORE_REQUEST_HANDLERS",
        &[api(&["GET"], "3.0/mlflow/gateway/guardrails/get").since(Release(3, 12, 0))],
    )
    .isolated(),
    op(
        "DeleteGatewayGuardrail",
        Gateway,
        Admin,
        "server/auth/__init__.py BEFORE_REQUEST_HANDLERS",
        &[api(&["DELETE"], "3.0/mlflow/gateway/guardrails/delete").since(Release(3, 12, 0))],
    )
    .isolated(),
    op(
        "ListGatewayGuardrails",
        Gateway,
        Admin,
        "server/auth/__init__.py BEFORE_REQUEST_HANDLERS",
        &[api(&["GET"], "3.0/mlflow/gateway/guardrails/list").since(Release(3, 12, 0))],
    )
    .isolated(),
    op(
        "AddGuardrailToEndpoint",
        Gateway,
        Write,
        "server/auth/__init__.py validate_can_add_guardrail_to_gateway_endpoint",
        &[
            api(&["POST"], "3.0/mlflow/gateway/guardrails/add-to-endpoint")
                .since(Release(3, 12, 0)),
        ],
    )
    .isolated(),
    // MLflow asks for an update of the endpoint; what goes away is a safeguard.
    op(
        "RemoveGuardrailFromEndpoint",
        Gateway,
        Delete,
        "server/handlers.py _remove_guardrail_from_endpoint",
        &[api(
            &["DELETE"],
            "3.0/mlflow/gateway/guardrails/remove-from-endpoint",
        )
        .since(Release(3, 12, 0))],
    )
    .isolated(),
    op(
        "ListEndpointGuardrailConfigs",
        Gateway,
        Read,
        "server/auth/__init__.py validate_can_read_gateway_endpoint_guardrail_configs",
        &[
            api(&["GET"], "3.0/mlflow/gateway/guardrails/list-for-endpoint")
                .since(Release(3, 12, 0)),
        ],
    )
    .isolated(),
    op(
        "UpdateEndpointGuardrailConfig",
        Gateway,
        Write,
        "server/auth/__init__.py validate_can_update_gateway_endpoint_guardrail_config",
        &[api(&["PATCH"], "3.0/mlflow/gateway/guardrails/update-config").since(Release(3, 12, 0))],
    )
    .isolated(),
];
