//! Users, roles and permissions of MLflow's own auth plugin (`--app-name basic-auth`).

use crate::catalog::entry::{Operation, ajax, api, api_only, op, root};
use crate::catalog::object::{
    Access::{Admin, Read},
    Object::{Server, User},
};
use crate::catalog::release::Release;

/// Users, roles and permissions of MLflow's own auth plugin (`--app-name basic-auth`).
pub(super) const TABLE: &[Operation] = &[
    // The form behind which `CreateUserUi` is.
    op(
        "Signup",
        User,
        Admin,
        "server/auth/__init__.py validate_can_create_user",
        &[root(&["GET"], "/signup").since(Release(2, 3, 0))],
    ),
    // Has no validator of its own: unless it fails closed, MLflow lets any user create users here.
    op(
        "CreateUserUi",
        User,
        Admin,
        "server/auth/__init__.py create_user_ui",
        &[api_only(&["POST"], "2.0/mlflow/users/create-ui").since(Release(2, 20, 0))],
    ),
    op(
        "CreateUser",
        User,
        Admin,
        "server/auth/__init__.py validate_can_create_user",
        &[
            api_only(&["POST"], "2.0/mlflow/users/create").since(Release(2, 3, 0)),
            ajax(&["POST"], "2.0/mlflow/users/create").since(Release(3, 13, 0)),
        ],
    ),
    op(
        "GetUser",
        User,
        Admin,
        "server/auth/__init__.py get_user",
        &[
            api_only(&["GET"], "2.0/mlflow/users/get").since(Release(2, 4, 0)),
            api_only(&["POST"], "2.0/mlflow/users/get")
                .since(Release(2, 3, 0))
                .until(Release(2, 4, 0)),
            ajax(&["GET"], "2.0/mlflow/users/get").since(Release(3, 13, 0)),
        ],
    ),
    op(
        "ListUsers",
        User,
        Admin,
        "server/auth/__init__.py list_users",
        &[api(&["GET"], "2.0/mlflow/users/list").since(Release(3, 10, 0))],
    ),
    // Tells callers about themselves only, as does the next.
    op(
        "GetCurrentUser",
        Server,
        Read,
        "server/auth/__init__.py get_current_user",
        &[api(&["GET"], "2.0/mlflow/users/current").since(Release(3, 13, 0))],
    ),
    op(
        "ListCurrentUserPermissions",
        Server,
        Read,
        "server/auth/__init__.py list_current_user_permissions",
        &[api(&["GET"], "3.0/mlflow/users/current/permissions").since(Release(3, 13, 0))],
    ),
    op(
        "ListUserPermissions",
        User,
        Admin,
        "server/auth/__init__.py validate_can_view_user_roles",
        &[api(&["GET"], "3.0/mlflow/users/permissions/list").since(Release(3, 13, 0))],
    ),
    op(
        "UpdateUserPassword",
        User,
        Admin,
        "server/auth/__init__.py update_user_password",
        &[
            api_only(&["PATCH"], "2.0/mlflow/users/update-password").since(Release(2, 3, 0)),
            ajax(&["PATCH"], "2.0/mlflow/users/update-password").since(Release(3, 13, 0)),
        ],
    ),
    op(
        "UpdateUserAdmin",
        User,
        Admin,
        "server/auth/__init__.py validate_can_update_user_admin",
        &[
            api_only(&["PATCH"], "2.0/mlflow/users/update-admin").since(Release(2, 3, 0)),
            ajax(&["PATCH"], "2.0/mlflow/users/update-admin").since(Release(3, 13, 0)),
        ],
    ),
    op(
        "DeleteUser",
        User,
        Admin,
        "server/auth/__init__.py validate_can_delete_user",
        &[
            api_only(&["DELETE"], "2.0/mlflow/users/delete").since(Release(2, 3, 0)),
            ajax(&["DELETE"], "2.0/mlflow/users/delete").since(Release(3, 13, 0)),
        ],
    ),
    op(
        "CreateRole",
        User,
        Admin,
        "server/auth/__init__.py validate_can_manage_roles",
        &[api(&["POST"], "3.0/mlflow/roles/create").since(Release(3, 12, 0))],
    ),
    op(
        "GetRole",
        User,
        Admin,
        "server/auth/__init__.py validate_can_view_roles",
        &[api(&["GET"], "3.0/mlflow/roles/get").since(Release(3, 12, 0))],
    ),
    op(
        "ListRoles",
        User,
        Admin,
        "server/auth/__init__.py validate_can_list_roles",
        &[api(&["GET"], "3.0/mlflow/roles/list").since(Release(3, 12, 0))],
    ),
    op(
        "UpdateRole",
        User,
        Admin,
        "server/auth/__init__.py validate_can_manage_roles",
        &[api(&["PATCH"], "3.0/mlflow/roles/update").since(Release(3, 12, 0))],
    ),
    op(
        "DeleteRole",
        User,
        Admin,
        "server/auth/__init__.py validate_can_manage_roles",
        &[api(&["DELETE"], "3.0/mlflow/roles/delete").since(Release(3, 12, 0))],
    ),
    op(
        "AddRolePermission",
        User,
        Admin,
        "server/auth/__init__.py validate_can_manage_roles",
        &[api(&["POST"], "3.0/mlflow/roles/permissions/add").since(Release(3, 12, 0))],
    ),
    op(
        "RemoveRolePermission",
        User,
        Admin,
        "server/auth/__init__.py validate_can_manage_roles",
        &[api(&["DELETE"], "3.0/mlflow/roles/permissions/remove").since(Release(3, 12, 0))],
    ),
    op(
        "ListRolePermissions",
        User,
        Admin,
        "server/auth/__init__.py validate_can_view_roles",
        &[api(&["GET"], "3.0/mlflow/roles/permissions/list").since(Release(3, 12, 0))],
    ),
    op(
        "UpdateRolePermission",
        User,
        Admin,
        "server/auth/__init__.py validate_can_manage_roles",
        &[api(&["PATCH"], "3.0/mlflow/roles/permissions/update").since(Release(3, 12, 0))],
    ),
    op(
        "AssignRole",
        User,
        Admin,
        "server/auth/__init__.py validate_can_manage_roles",
        &[api(&["POST"], "3.0/mlflow/roles/assign").since(Release(3, 12, 0))],
    ),
    op(
        "UnassignRole",
        User,
        Admin,
        "server/auth/__init__.py validate_can_manage_roles",
        &[api(&["DELETE"], "3.0/mlflow/roles/unassign").since(Release(3, 12, 0))],
    ),
    op(
        "ListUserRoles",
        User,
        Admin,
        "server/auth/__init__.py validate_can_view_user_roles",
        &[api(&["GET"], "3.0/mlflow/users/roles/list").since(Release(3, 12, 0))],
    ),
    op(
        "ListRoleUsers",
        User,
        Admin,
        "server/auth/__init__.py validate_can_manage_roles",
        &[api(&["GET"], "3.0/mlflow/roles/users/list").since(Release(3, 12, 0))],
    ),
    op(
        "GrantUserPermission",
        User,
        Admin,
        "server/auth/__init__.py validate_can_manage_resource",
        &[api(&["POST"], "3.0/mlflow/users/permissions/grant").since(Release(3, 13, 0))],
    ),
    op(
        "RevokeUserPermission",
        User,
        Admin,
        "server/auth/__init__.py validate_can_manage_resource",
        &[api(&["POST"], "3.0/mlflow/users/permissions/revoke").since(Release(3, 13, 0))],
    ),
    op(
        "GetUserPermission",
        User,
        Admin,
        "server/auth/__init__.py validate_can_get_user_permission",
        &[api(&["GET"], "3.0/mlflow/users/permissions/get").since(Release(3, 13, 0))],
    ),
];
