//! Permissions of MLflow's own auth plugin on one object each. 3.13 replaced them by roles, which are
//! among the users' rows.

use crate::catalog::entry::{Operation, api_only, op};
use crate::catalog::object::{Access::Admin, Object::User};
use crate::catalog::release::Release;

/// Permissions on one object each.
pub(super) const TABLE: &[Operation] = &[
    op(
        "CreateExperimentPermission",
        User,
        Admin,
        "server/auth/__init__.py validate_can_manage_experiment",
        &[
            api_only(&["POST"], "2.0/mlflow/experiments/permissions/create")
                .since(Release(2, 3, 0))
                .until(Release(3, 13, 0)),
        ],
    ),
    op(
        "GetExperimentPermission",
        User,
        Admin,
        "server/auth/__init__.py validate_can_manage_experiment",
        &[api_only(&["GET"], "2.0/mlflow/experiments/permissions/get")
            .since(Release(2, 3, 0))
            .until(Release(3, 13, 0))],
    ),
    op(
        "UpdateExperimentPermission",
        User,
        Admin,
        "server/auth/__init__.py validate_can_manage_experiment",
        &[
            api_only(&["PATCH"], "2.0/mlflow/experiments/permissions/update")
                .since(Release(2, 3, 0))
                .until(Release(3, 13, 0)),
        ],
    ),
    op(
        "DeleteExperimentPermission",
        User,
        Admin,
        "server/auth/__init__.py validate_can_manage_experiment",
        &[
            api_only(&["DELETE"], "2.0/mlflow/experiments/permissions/delete")
                .since(Release(2, 3, 0))
                .until(Release(3, 13, 0)),
        ],
    ),
    op(
        "CreateRegisteredModelPermission",
        User,
        Admin,
        "server/auth/__init__.py validate_can_manage_registered_model",
        &[
            api_only(&["POST"], "2.0/mlflow/registered-models/permissions/create")
                .since(Release(2, 3, 0))
                .until(Release(3, 13, 0)),
        ],
    ),
    op(
        "GetRegisteredModelPermission",
        User,
        Admin,
        "server/auth/__init__.py validate_can_manage_registered_model",
        &[
            api_only(&["GET"], "2.0/mlflow/registered-models/permissions/get")
                .since(Release(2, 3, 0))
                .until(Release(3, 13, 0)),
        ],
    ),
    op(
        "UpdateRegisteredModelPermission",
        User,
        Admin,
        "server/auth/__init__.py validate_can_manage_registered_model",
        &[api_only(
            &["PATCH"],
            "2.0/mlflow/registered-models/permissions/update",
        )
        .since(Release(2, 3, 0))
        .until(Release(3, 13, 0))],
    ),
    op(
        "DeleteRegisteredModelPermission",
        User,
        Admin,
        "server/auth/__init__.py validate_can_manage_registered_model",
        &[api_only(
            &["DELETE"],
            "2.0/mlflow/registered-models/permissions/delete",
        )
        .since(Release(2, 3, 0))
        .until(Release(3, 13, 0))],
    ),
    op(
        "CreateScorerPermission",
        User,
        Admin,
        "server/auth/__init__.py validate_can_manage_scorer_permission",
        &[api_only(&["POST"], "3.0/mlflow/scorers/permissions/create")
            .since(Release(3, 7, 0))
            .until(Release(3, 13, 0))],
    ),
    op(
        "GetScorerPermission",
        User,
        Admin,
        "server/auth/__init__.py validate_can_manage_scorer_permission",
        &[api_only(&["GET"], "3.0/mlflow/scorers/permissions/get")
            .since(Release(3, 7, 0))
            .until(Release(3, 13, 0))],
    ),
    op(
        "UpdateScorerPermission",
        User,
        Admin,
        "server/auth/__init__.py validate_can_manage_scorer_permission",
        &[
            api_only(&["PATCH"], "3.0/mlflow/scorers/permissions/update")
                .since(Release(3, 7, 0))
                .until(Release(3, 13, 0)),
        ],
    ),
    op(
        "DeleteScorerPermission",
        User,
        Admin,
        "server/auth/__init__.py validate_can_manage_scorer_permission",
        &[
            api_only(&["DELETE"], "3.0/mlflow/scorers/permissions/delete")
                .since(Release(3, 7, 0))
                .until(Release(3, 13, 0)),
        ],
    ),
    op(
        "CreateGatewaySecretPermission",
        User,
        Admin,
        "server/auth/__init__.py validate_can_manage_gateway_secret",
        &[
            api_only(&["POST"], "3.0/mlflow/gateway/secrets/permissions/create")
                .since(Release(3, 9, 0))
                .until(Release(3, 13, 0)),
        ],
    ),
    op(
        "GetGatewaySecretPermission",
        User,
        Admin,
        "server/auth/__init__.py validate_can_manage_gateway_secret",
        &[
            api_only(&["GET"], "3.0/mlflow/gateway/secrets/permissions/get")
                .since(Release(3, 9, 0))
                .until(Release(3, 13, 0)),
        ],
    ),
    op(
        "UpdateGatewaySecretPermission",
        User,
        Admin,
        "server/auth/__init__.py validate_can_manage_gateway_secret",
        &[
            api_only(&["PATCH"], "3.0/mlflow/gateway/secrets/permissions/update")
                .since(Release(3, 9, 0))
                .until(Release(3, 13, 0)),
        ],
    ),
    op(
        "DeleteGatewaySecretPermission",
        User,
        Admin,
        "server/auth/__init__.py validate_can_manage_gateway_secret",
        &[
            api_only(&["DELETE"], "3.0/mlflow/gateway/secrets/permissions/delete")
                .since(Release(3, 9, 0))
                .until(Release(3, 13, 0)),
        ],
    ),
    op(
        "CreateGatewayEndpointPermission",
        User,
        Admin,
        "server/auth/__init__.py validate_can_manage_gateway_endpoint",
        &[
            api_only(&["POST"], "3.0/mlflow/gateway/endpoints/permissions/create")
                .since(Release(3, 9, 0))
                .until(Release(3, 13, 0)),
        ],
    ),
    op(
        "GetGatewayEndpointPermission",
        User,
        Admin,
        "server/auth/__init__.py validate_can_manage_gateway_endpoint",
        &[
            api_only(&["GET"], "3.0/mlflow/gateway/endpoints/permissions/get")
                .since(Release(3, 9, 0))
                .until(Release(3, 13, 0)),
        ],
    ),
    op(
        "UpdateGatewayEndpointPermission",
        User,
        Admin,
        "server/auth/__init__.py validate_can_manage_gateway_endpoint",
        &[api_only(
            &["PATCH"],
            "3.0/mlflow/gateway/endpoints/permissions/update",
        )
        .since(Release(3, 9, 0))
        .until(Release(3, 13, 0))],
    ),
    op(
        "DeleteGatewayEndpointPermission",
        User,
        Admin,
        "server/auth/__init__.py validate_can_manage_gateway_endpoint",
        &[api_only(
            &["DELETE"],
            "3.0/mlflow/gateway/endpoints/permissions/delete",
        )
        .since(Release(3, 9, 0))
        .until(Release(3, 13, 0))],
    ),
    op(
        "CreateGatewayModelDefinitionPermission",
        User,
        Admin,
        "server/auth/__init__.py validate_can_manage_gateway_model_definition",
        &[api_only(
            &["POST"],
            "3.0/mlflow/gateway/model-definitions/permissions/create",
        )
        .since(Release(3, 9, 0))
        .until(Release(3, 13, 0))],
    ),
    op(
        "GetGatewayModelDefinitionPermission",
        User,
        Admin,
        "server/auth/__init__.py validate_can_manage_gateway_model_definition",
        &[api_only(
            &["GET"],
            "3.0/mlflow/gateway/model-definitions/permissions/get",
        )
        .since(Release(3, 9, 0))
        .until(Release(3, 13, 0))],
    ),
    op(
        "UpdateGatewayModelDefinitionPermission",
        User,
        Admin,
        "server/auth/__init__.py validate_can_manage_gateway_model_definition",
        &[api_only(
            &["PATCH"],
            "3.0/mlflow/gateway/model-definitions/permissions/update",
        )
        .since(Release(3, 9, 0))
        .until(Release(3, 13, 0))],
    ),
    op(
        "DeleteGatewayModelDefinitionPermission",
        User,
        Admin,
        "server/auth/__init__.py validate_can_manage_gateway_model_definition",
        &[api_only(
            &["DELETE"],
            "3.0/mlflow/gateway/model-definitions/permissions/delete",
        )
        .since(Release(3, 9, 0))
        .until(Release(3, 13, 0))],
    ),
    op(
        "ListWorkspacePermissions",
        User,
        Admin,
        "server/auth/__init__.py validate_can_list_workspace_permissions",
        &[api_only(
            &["GET"],
            "3.0/mlflow/workspaces/{workspace_name}/permissions",
        )
        .since(Release(3, 10, 0))
        .until(Release(3, 13, 0))],
    ),
    op(
        "SetWorkspacePermission",
        User,
        Admin,
        "server/auth/__init__.py validate_can_modify_workspace_permission",
        &[api_only(
            &["POST"],
            "3.0/mlflow/workspaces/{workspace_name}/permissions",
        )
        .since(Release(3, 10, 0))
        .until(Release(3, 13, 0))],
    ),
    op(
        "DeleteWorkspacePermission",
        User,
        Admin,
        "server/auth/__init__.py validate_can_modify_workspace_permission",
        &[api_only(
            &["DELETE"],
            "3.0/mlflow/workspaces/{workspace_name}/permissions",
        )
        .since(Release(3, 10, 0))
        .until(Release(3, 13, 0))],
    ),
    op(
        "ListUserWorkspacePermissions",
        User,
        Admin,
        "server/auth/__init__.py list_user_workspace_permissions",
        &[api_only(&["GET"], "3.0/mlflow/workspace-permissions")
            .since(Release(3, 10, 0))
            .until(Release(3, 13, 0))],
    ),
];
