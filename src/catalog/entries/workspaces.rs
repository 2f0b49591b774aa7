//! Workspaces. MLflow shows them to their members and leaves the rest to its administrators.

use crate::catalog::entry::{Operation, api, op};
use crate::catalog::isolation::Isolation::List;
use crate::catalog::object::{
    Access::{Admin, Read},
    Object::Workspace,
};
use crate::catalog::release::Release;

/// Workspaces.
pub(super) const TABLE: &[Operation] = &[
    op(
        "ListWorkspaces",
        Workspace,
        Read,
        "server/auth/__init__.py filter_list_workspaces",
        &[api(&["GET"], "3.0/mlflow/workspaces").since(Release(3, 10, 0))],
    )
    .within(List),
    op(
        "CreateWorkspace",
        Workspace,
        Admin,
        "server/auth/__init__.py BEFORE_REQUEST_HANDLERS",
        &[api(&["POST"], "3.0/mlflow/workspaces").since(Release(3, 10, 0))],
    ),
    op(
        "GetWorkspace",
        Workspace,
        Read,
        "server/auth/__init__.py validate_can_view_workspace",
        &[api(&["GET"], "3.0/mlflow/workspaces/{workspace_name}").since(Release(3, 10, 0))],
    ),
    op(
        "UpdateWorkspace",
        Workspace,
        Admin,
        "server/auth/__init__.py BEFORE_REQUEST_HANDLERS",
        &[api(&["PATCH"], "3.0/mlflow/workspaces/{workspace_name}").since(Release(3, 10, 0))],
    ),
    op(
        "DeleteWorkspace",
        Workspace,
        Admin,
        "server/auth/__init__.py BEFORE_REQUEST_HANDLERS",
        &[api(&["DELETE"], "3.0/mlflow/workspaces/{workspace_name}").since(Release(3, 10, 0))],
    ),
];
