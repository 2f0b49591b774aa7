//! The MCP server registry. Its names hold slashes, so the order of the rows decides, as it does in
//! the server.

use crate::catalog::entry::{Operation, api, op};
use crate::catalog::object::{
    Access::{Delete, Promote, Read, Write},
    Object::McpServer,
};
use crate::catalog::release::Release;

/// The MCP server registry.
pub(super) const TABLE: &[Operation] = &[
    op(
        "CreateMcpServer",
        McpServer,
        Write,
        "server/auth/__init__.py validate_can_create_mcp_server",
        &[api(&["POST"], "3.0/mlflow/mcp-servers").since(Release(3, 15, 0))],
    )
    .isolated(),
    op(
        "SearchMcpServers",
        McpServer,
        Read,
        "server/auth/__init__.py _filter_search_mcp_servers",
        &[api(&["GET"], "3.0/mlflow/mcp-servers").since(Release(3, 15, 0))],
    )
    .isolated(),
    op(
        "SearchAllAccessEndpoints",
        McpServer,
        Read,
        "server/auth/__init__.py _get_mcp_server_validator",
        &[api(&["GET"], "3.0/mlflow/mcp-servers/endpoints").since(Release(3, 15, 0))],
    )
    .isolated(),
    op(
        "SetMcpServerVersionTag",
        McpServer,
        Write,
        "server/auth/__init__.py _mcp_version_action",
        &[api(
            &["POST"],
            "3.0/mlflow/mcp-servers/{*name}/versions/{*version}/tags",
        )
        .since(Release(3, 15, 0))],
    )
    .isolated(),
    // MLflow judges by the method: a DELETE needs the permission to delete, for a tag as well.
    op(
        "DeleteMcpServerVersionTag",
        McpServer,
        Delete,
        "server/auth/__init__.py _mcp_version_action",
        &[api(
            &["DELETE"],
            "3.0/mlflow/mcp-servers/{*name}/versions/{*version}/tags/{*key}",
        )
        .since(Release(3, 15, 0))],
    )
    .isolated(),
    op(
        "GetMcpServerVersion",
        McpServer,
        Read,
        "server/auth/__init__.py _mcp_version_action",
        &[api(
            &["GET"],
            "3.0/mlflow/mcp-servers/{*name}/versions/{*version}",
        )
        .since(Release(3, 15, 0))],
    )
    .isolated(),
    op(
        "UpdateMcpServerVersion",
        McpServer,
        Write,
        "server/auth/__init__.py _mcp_version_action",
        &[api(
            &["PATCH"],
            "3.0/mlflow/mcp-servers/{*name}/versions/{*version}",
        )
        .since(Release(3, 15, 0))],
    )
    .isolated(),
    op(
        "DeleteMcpServerVersion",
        McpServer,
        Delete,
        "server/auth/__init__.py _mcp_version_action",
        &[api(
            &["DELETE"],
            "3.0/mlflow/mcp-servers/{*name}/versions/{*version}",
        )
        .since(Release(3, 15, 0))],
    )
    .isolated(),
    op(
        "CreateMcpServerVersion",
        McpServer,
        Write,
        "server/auth/__init__.py _get_mcp_server_validator",
        &[api(&["POST"], "3.0/mlflow/mcp-servers/{*name}/versions").since(Release(3, 15, 0))],
    )
    .isolated(),
    op(
        "SearchMcpServerVersions",
        McpServer,
        Read,
        "server/auth/__init__.py _mcp_version_action",
        &[api(&["GET"], "3.0/mlflow/mcp-servers/{*name}/versions").since(Release(3, 15, 0))],
    )
    .isolated(),
    op(
        "CreateMcpAccessEndpoint",
        McpServer,
        Write,
        "server/auth/__init__.py _get_mcp_server_validator",
        &[api(&["POST"], "3.0/mlflow/mcp-servers/{*name}/endpoints").since(Release(3, 15, 0))],
    )
    .isolated(),
    op(
        "GetMcpAccessEndpoint",
        McpServer,
        Read,
        "server/auth/__init__.py _get_mcp_server_validator",
        &[api(
            &["GET"],
            "3.0/mlflow/mcp-servers/{*name}/endpoints/{endpoint_id}",
        )
        .since(Release(3, 15, 0))],
    )
    .isolated(),
    // Can point the endpoint at another version or alias: MLflow asks for an update, the effect is
    // a promotion.
    op(
        "UpdateMcpAccessEndpoint",
        McpServer,
        Promote,
        "server/mcp_server_api.py update_mcp_access_endpoint",
        &[api(
            &["PATCH"],
            "3.0/mlflow/mcp-servers/{*name}/endpoints/{endpoint_id}",
        )
        .since(Release(3, 15, 0))],
    )
    .isolated(),
    op(
        "DeleteMcpAccessEndpoint",
        McpServer,
        Delete,
        "server/auth/__init__.py _get_mcp_server_validator",
        &[api(
            &["DELETE"],
            "3.0/mlflow/mcp-servers/{*name}/endpoints/{endpoint_id}",
        )
        .since(Release(3, 15, 0))],
    )
    .isolated(),
    op(
        "SearchServerAccessEndpoints",
        McpServer,
        Read,
        "server/auth/__init__.py _get_mcp_server_validator",
        &[api(&["GET"], "3.0/mlflow/mcp-servers/{*name}/endpoints").since(Release(3, 15, 0))],
    )
    .isolated(),
    op(
        "SetMcpServerTag",
        McpServer,
        Write,
        "server/auth/__init__.py _get_mcp_server_validator",
        &[api(&["POST"], "3.0/mlflow/mcp-servers/{*name}/tags").since(Release(3, 15, 0))],
    )
    .isolated(),
    // As for the tags of a version.
    op(
        "DeleteMcpServerTag",
        McpServer,
        Delete,
        "server/auth/__init__.py _get_mcp_server_validator",
        &[api(&["DELETE"], "3.0/mlflow/mcp-servers/{*name}/tags/{*key}").since(Release(3, 15, 0))],
    )
    .isolated(),
    op(
        "SetMcpServerAlias",
        McpServer,
        Promote,
        "server/mcp_server_api.py set_mcp_server_alias",
        &[api(&["POST"], "3.0/mlflow/mcp-servers/{*name}/aliases").since(Release(3, 15, 0))],
    )
    .isolated(),
    op(
        "GetVersionByAlias",
        McpServer,
        Read,
        "server/auth/__init__.py _mcp_version_action",
        &[
            api(&["GET"], "3.0/mlflow/mcp-servers/{*name}/aliases/{*alias}")
                .since(Release(3, 15, 0)),
        ],
    )
    .isolated(),
    // MLflow asks for the permission to delete the server; what happens is that traffic moves.
    op(
        "DeleteMcpServerAlias",
        McpServer,
        Promote,
        "server/mcp_server_api.py delete_mcp_server_alias",
        &[api(
            &["DELETE"],
            "3.0/mlflow/mcp-servers/{*name}/aliases/{*alias}",
        )
        .since(Release(3, 15, 0))],
    )
    .isolated(),
    op(
        "GetMcpServer",
        McpServer,
        Read,
        "server/auth/__init__.py _get_mcp_server_validator",
        &[api(&["GET"], "3.0/mlflow/mcp-servers/{*name}").since(Release(3, 15, 0))],
    )
    .isolated(),
    op(
        "UpdateMcpServer",
        McpServer,
        Write,
        "server/auth/__init__.py _get_mcp_server_validator",
        &[api(&["PATCH"], "3.0/mlflow/mcp-servers/{*name}").since(Release(3, 15, 0))],
    )
    .isolated(),
    op(
        "DeleteMcpServer",
        McpServer,
        Delete,
        "server/auth/__init__.py _get_mcp_server_validator",
        &[api(&["DELETE"], "3.0/mlflow/mcp-servers/{*name}").since(Release(3, 15, 0))],
    )
    .isolated(),
];
