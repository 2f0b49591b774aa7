"""MCP servers, webhooks, workspaces themselves, GraphQL, and what belongs to the whole server."""

from ..contents import CHAMPION
from ..steps import AJAX3, API2, API3, Attempt, delete, get, patch, post, tries

_MCP = f"{API3}/mcp-servers"
_ONE = f"{_MCP}/{{it.mcp}}"
_VERSION = f"{_ONE}/versions/1.0.0"
_END = f"{_ONE}/endpoints/{{it.mcp_endpoint}}"
_TAG = {"key": "zqmade", "value": "zqmade"}
_SPARE = f"{_MCP}/{{it.spare_mcp}}"
_JSON = {"name": "{it.mcp}", "version": "1.0.0", "description": "zqmade"}

MCP = [
    *tries("CreateMcpServer", ("a name that exists there", post(_MCP, {"name": "{it.mcp}"})), shows="answer"),
    *tries("SearchMcpServers", ("all", get(_MCP)),
           ("filter by name", get(f"{_MCP}?filter_string=name%20%3D%20'{{it.mcp}}'"))),
    *tries("SearchAllAccessEndpoints", ("all", get(f"{_MCP}/endpoints"))),
    *tries("SetMcpServerVersionTag", ("name", post(f"{_VERSION}/tags", _TAG))),
    *tries("DeleteMcpServerVersionTag", ("name", delete(f"{_VERSION}/tags/{{it.mark}}tag"))),
    *tries("GetMcpServerVersion", ("name", get(_VERSION))),
    *tries("UpdateMcpServerVersion", ("name", patch(_VERSION, {"status": "deprecated"}))),
    *tries("DeleteMcpServerVersion", ("name", delete(f"{_SPARE}/versions/1.0.0"))),
    *tries("CreateMcpServerVersion",
           ("name and version that exist there", post(f"{_ONE}/versions", {"server_json": _JSON})), shows="answer"),
    *tries("SearchMcpServerVersions", ("name", get(f"{_ONE}/versions"))),
    *tries("CreateMcpAccessEndpoint", ("name", post(f"{_ONE}/endpoints", {
        "server_version": "1.0.0", "url": "https://zqmade.invalid/mcp"}))),
    *tries("GetMcpAccessEndpoint", ("name and id", get(_END))),
    *tries("GetMcpAccessEndpoint", ("an own name, another's id",
                                    get(f"{_MCP}/{{me.mcp}}/endpoints/{{it.mcp_endpoint}}")), control=(get(_END),)),
    *tries("UpdateMcpAccessEndpoint", ("name and id", patch(_END, {"url": "https://zqmade.invalid/2"}))),
    *tries("DeleteMcpAccessEndpoint", ("name and id", delete(_END))),
    *tries("DeleteMcpAccessEndpoint", ("an own name, another's id",
                                       delete(f"{_MCP}/{{me.mcp}}/endpoints/{{it.mcp_endpoint}}"))),
    *tries("SearchServerAccessEndpoints", ("name", get(f"{_ONE}/endpoints"))),
    *tries("SetMcpServerTag", ("name", post(f"{_ONE}/tags", _TAG))),
    *tries("DeleteMcpServerTag", ("name", delete(f"{_ONE}/tags/{{it.mark}}tag"))),
    *tries("SetMcpServerAlias", ("name", post(f"{_ONE}/aliases", {"alias": "zqmade", "version": "1.0.0"}))),
    *tries("GetVersionByAlias", ("name", get(f"{_ONE}/aliases/{CHAMPION}"))),
    *tries("DeleteMcpServerAlias", ("name", delete(f"{_ONE}/aliases/{CHAMPION}"))),
    *tries("GetMcpServer", ("name", get(_ONE))),
    *tries("UpdateMcpServer", ("name", patch(_ONE, {"description": "zqmade"}))),
    *tries("DeleteMcpServer", ("name", delete(_SPARE))),
]  # fmt: skip

_HOOKS = f"{API2}/webhooks"
_HOOK = f"{_HOOKS}/{{it.webhook}}"

WEBHOOKS = [
    *tries("CreateWebhook", ("on events of its own", post(_HOOKS, {
        "name": "zqmade", "url": "http://127.0.0.1:9/zq", "status": "DISABLED",
        "events": [{"entity": "REGISTERED_MODEL", "action": "CREATED"}]})), shows="none"),
    *tries("ListWebhooks", ("all", get(_HOOKS))),
    *tries("GetWebhook", ("id", get(_HOOK))),
    *tries("UpdateWebhook", ("id", patch(_HOOK, {"webhook_id": "{it.webhook}", "description": "zqmade"}))),
    *tries("DeleteWebhook", ("id", delete(_HOOK))),
    *tries("TestWebhook", ("id", post(f"{_HOOK}/test", {"webhook_id": "{it.webhook}"})), shows="answer"),
]  # fmt: skip

_SPACES = f"{API3}/workspaces"
_SPACE = f"{_SPACES}/{{it.workspace}}"

WORKSPACES = [
    *tries("ListWorkspaces", ("all", get(_SPACES)), shows="none"),
    *tries("CreateWorkspace", ("a new one", post(_SPACES, {"name": "zqmade"})), shows="none"),
    *tries("GetWorkspace", ("name", get(_SPACE)), shows="none"),
    *tries("UpdateWorkspace", ("name", patch(_SPACE, {"description": "zqmade"})), shows="none"),
    *tries("DeleteWorkspace", ("name", delete(f"{_SPACE}?mode=CASCADE")), shows="none"),
]  # fmt: skip


def _graphql(way: str, query: str, shows: str = "sees") -> list[Attempt]:
    return tries("GraphQL", (way, post("/graphql", {"query": query})), shows=shows)


_FIELDS = "info { runId runName experimentId artifactUri } data { tags { key value } }"

GRAPHQL = [
    *_graphql("mlflowGetExperiment", '{ mlflowGetExperiment(input: {experimentId: "{it.experiment}"})'
              " { experiment { name artifactLocation } apiError { code message } } }"),
    *_graphql("mlflowGetRun", '{ mlflowGetRun(input: {runId: "{it.run}"}) { run { '
              f"{_FIELDS} experiment {{ name }} modelVersions {{ name version source }} }} apiError {{ message }} }} }}"),
    *_graphql("mlflowGetRun, an own run whose output is another's model",
              '{ mlflowGetRun(input: {runId: "{it.run}"}) { run { outputs { modelOutputs { modelId } } } } }'),
    *_graphql("mlflowGetMetricHistoryBulkInterval",
              '{ mlflowGetMetricHistoryBulkInterval(input: {runIds: ["{it.run}"], metricKey: "{it.mark}loss",'
              " maxResults: 5}) { metrics { key value runId } apiError { message } } }"),
    *_graphql("mlflowListArtifacts", '{ mlflowListArtifacts(input: {runId: "{it.run}"})'
              " { rootUri files { path } apiError { message } } }"),
    *_graphql("mlflowSearchModelVersions, all",
              "{ mlflowSearchModelVersions(input: {maxResults: 500}) { modelVersions { name source runId } } }"),
    *_graphql("mlflowSearchModelVersions, filter by run",
              "{ mlflowSearchModelVersions(input: {filter: \"run_id = '{it.run}'\"}) { modelVersions { name source } } }"),
    *_graphql("mlflowSearchRuns", '{ mlflowSearchRuns(input: {experimentIds: ["{it.experiment}"]}) { runs { '
              f"{_FIELDS} experiment {{ name }} }} apiError {{ message }} }} }}"),
    *_graphql("mlflowSearchRuns as a mutation",
              'mutation { mlflowSearchRuns(input: {experimentIds: ["{it.experiment}"]}) { runs { '
              f"{_FIELDS} }} apiError {{ message }} }} }}"),
    *_graphql("mlflowSearchDatasets", 'mutation { mlflowSearchDatasets(input: {experimentIds: ["{it.experiment}"]})'
              " { datasetSummaries { name digest } apiError { message } } }"),
]  # fmt: skip

WHOLE = [
    *tries("GenerateDemo", ("in an own workspace", post(f"{AJAX3}/demo/generate", {"features": ["prompts"]})),
           shows="none"),
    *tries("GetUiTelemetry", ("the server's", get(f"{AJAX3}/ui-telemetry")), shows="none"),
    *tries("Health", ("the server's", get("/health")), shows="none"),
    *tries("Version", ("the server's", get("/version")), shows="none"),
    *tries("GetServerInfo", ("the server's", get(f"{API3}/server-info")), shows="none"),
    *tries("Serve", ("the page", get("/")), shows="none"),
    *tries("Serve", ("the page, a query that names the run", get("/?run_id={it.run}")), shows="none"),
    *tries("ListSupportedProviders", ("the server's", get(f"{AJAX3}/gateway/supported-providers")), shows="none"),
    *tries("ListSupportedModels", ("the server's", get(f"{AJAX3}/gateway/supported-models?provider=openai")),
           shows="none"),
    *tries("GetProviderConfig", ("the server's", get(f"{AJAX3}/gateway/provider-config?provider=openai")),
           shows="none"),
    *tries("GetProviders", ("the server's", get(f"{AJAX3}/assistant/providers")), shows="none"),
]  # fmt: skip

ATTEMPTS: list[Attempt] = [*MCP, *WEBHOOKS, *WORKSPACES, *GRAPHQL, *WHOLE]
