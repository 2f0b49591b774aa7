"""Every operation of MLflow, and every way to name in it what belongs to another workspace."""

from collections.abc import Iterable

from ..steps import Attempt
from . import artifacts, gateway, genai, registry, runs, servers, skills, traces

_FAMILIES = (runs, registry, artifacts, traces, genai, gateway, servers, skills)
ATTEMPTS: list[Attempt] = [attempt for family in _FAMILIES for attempt in family.ATTEMPTS]


def family(attempt: Attempt) -> str:
    """What it is about: the name of the module that has it."""
    return next(module.__name__.rpartition(".")[2] for module in _FAMILIES if attempt in module.ATTEMPTS)


def attempts_for(release: str, operations: Iterable[str]) -> list[Attempt]:
    """Those of these operations that the release may have."""
    wanted, minor = set(operations), _order(release)[:2]
    return [
        attempt
        for attempt in ATTEMPTS
        if attempt.operation in wanted and _order(attempt.since) <= minor <= _order(attempt.until)
    ]


def _order(release: str) -> tuple[int, ...]:
    return tuple(int(part) for part in release.split("."))


_DATABRICKS = "only Databricks' store answers it; this server says that it is not supported"
_ACCOUNTS = "accounts and roles of the plugin basic-auth: they belong to the whole server"
_ASSISTANT = "runs an agent on the server's machine; it belongs to the whole server"

NOT_TRIED = {
    "SearchUnifiedTraces": _DATABRICKS,
    "GetOnlineTraceDetails": _DATABRICKS,
    "ServeStaticFile": "the page's own files",
    "Static": "the files of the plugin's page",
    "Metrics": "counters of the whole server, and only with --expose-prometheus",
    "PostUiTelemetry": "sends what it is given to MLflow's makers",
    "DeleteDemo": "deletes the demo's experiment by its fixed name, as DeleteExperiment does",
    "ListDeploymentsEndpoints": "what a gateway outside MLflow lists, for GatewayProxy",
    **dict.fromkeys(
        ("SendMessage", "StreamResponse", "PatchSession", "ResolvePermission", "ResolveClientToolResult",
         "ProviderHealthCheck", "GetConfig", "UpdateConfig", "InstallSkills", "ListProviderModels"),
        _ASSISTANT,
    ),
    **dict.fromkeys(
        ("Signup", "CreateUserUi", "CreateUser", "GetUser", "ListUsers", "GetCurrentUser",
         "ListCurrentUserPermissions", "ListUserPermissions", "UpdateUserPassword", "UpdateUserAdmin", "DeleteUser",
         "CreateRole", "GetRole", "ListRoles", "UpdateRole", "DeleteRole", "AddRolePermission",
         "RemoveRolePermission", "ListRolePermissions", "UpdateRolePermission", "AssignRole", "UnassignRole",
         "ListUserRoles", "ListRoleUsers", "GrantUserPermission", "RevokeUserPermission", "GetUserPermission",
         "ListWorkspacePermissions", "SetWorkspacePermission", "DeleteWorkspacePermission",
         "ListUserWorkspacePermissions"),
        _ACCOUNTS,
    ),
    **{
        f"{verb}{kind}Permission": _ACCOUNTS
        for verb in ("Create", "Get", "Update", "Delete")
        for kind in ("Experiment", "RegisteredModel", "Scorer", "GatewaySecret", "GatewayModelDefinition",
                     "GatewayEndpoint")
    },
}  # fmt: skip
"""Operations that are not asked, and why. They count as not isolated."""

_SETTINGS = "the server's own settings"
# Nothing of any workspace is in them: the filter may let every key have them.
SHARED = (
    "Health", "Version", "GetServerInfo", "Serve", "ListSupportedProviders", "ListSupportedModels",
    "GetProviderConfig", "GetProviders", "GetSecretsConfig", "GetUiTelemetry", "GatewayProxy",
)  # fmt: skip
_SPACES = "workspaces themselves: one workspace's request makes, changes or deletes another"

SERVER_WIDE = {
    **dict.fromkeys(SHARED, _SETTINGS),
    "Serve": "the page is the same for everybody, without data of any workspace",
    **dict.fromkeys(("CreateWorkspace", "UpdateWorkspace", "DeleteWorkspace"), _SPACES),
    **dict.fromkeys(("ListWorkspaces", "GetWorkspace"), "names and settings of every workspace"),
    "CreateBudgetPolicy": "a budget with target_scope GLOBAL holds for calls from every workspace",
    "ListBudgetWindows": "shows what was spent under GLOBAL budgets, by calls from every workspace",
    "InvokeIssueDetection": "a start that fails leaves its run active in the server's process: the next one fails, from"
    " any workspace",
    "GenerateDemo": "sets MLFLOW_WORKSPACE for the whole server process while it runs",
}  # fmt: skip
"""Operations on the whole server. They count as not isolated, whatever is answered."""
