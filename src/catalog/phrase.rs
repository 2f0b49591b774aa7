//! Operations as verb phrases, for messages to callers: `CreateRegisteredModel` is "create a registered model".
//!
//! Names of MLflow's own kind (`CreateX`, `SearchXs`) are split into words. The others stand in a table.

#[cfg(test)]
mod tests;

use super::entry::Operation;
use super::object::Access;

/// Verbs whose object is named with an article when it is one.
const TAKES_ARTICLE: &[&str] = &[
    "abort",
    "cancel",
    "complete",
    "create",
    "delete",
    "download",
    "finalize",
    "get",
    "register",
    "rename",
    "restore",
    "set",
    "start",
    "submit",
    "test",
    "transition",
    "update",
    "upload",
];

/// Words that are not written in lower case.
const SPELLED: &[&str] = &["MCP", "URI", "URL"];

const LONGEST_ARTICLE: usize = " an".len();

impl Operation {
    /// The operation as a verb phrase, for messages to callers.
    pub fn phrase(&self) -> String {
        irregular(self.name).map_or_else(|| regular(self.name), ToOwned::to_owned)
    }

    /// What a caller with the permission to write wonders about, as a sentence.
    pub fn note(&self) -> Option<&'static str> {
        let is_part = self.name.ends_with("Tag")
            || self.name == "DeleteAssessment"
            || self.name == "RemoveItemsFromReviewQueue"
            || self.name.starts_with("Restore");
        (self.access == Access::Delete && is_part).then_some(
            "MLflow's own permission check asks for delete here, so the permission to write is not enough.",
        )
    }
}

fn regular(name: &str) -> String {
    let words = words(name);
    let Some((verb, rest)) = words.split_first() else {
        return String::new();
    };
    let mut phrase = String::with_capacity(name.len() + words.len() + LONGEST_ARTICLE);
    push_in_lower_case(&mut phrase, verb);
    let takes_article = TAKES_ARTICLE.contains(&phrase.as_str());
    let plural = rest.last().is_none_or(|word| is_plural(word));
    if let (true, false, Some(noun)) = (takes_article, plural, rest.first()) {
        phrase.push_str(article(noun));
    }
    for word in rest {
        phrase.push(' ');
        match SPELLED.iter().find(|it| it.eq_ignore_ascii_case(word)) {
            Some(spelled) => phrase.push_str(spelled),
            None => push_in_lower_case(&mut phrase, word),
        }
    }
    phrase
}

fn push_in_lower_case(phrase: &mut String, word: &str) {
    phrase.extend(word.chars().map(|it| it.to_ascii_lowercase()));
}

/// By the sound: "an MCP server", but "a user".
fn article(noun: &str) -> &'static str {
    if noun.starts_with(['A', 'E', 'I', 'O']) || noun.eq_ignore_ascii_case("mcp") {
        " an"
    } else {
        " a"
    }
}

/// By its ending: "models" is, "alias" and "status" are not.
fn is_plural(word: &str) -> bool {
    word.ends_with('s')
        && !["as", "is", "ss", "us"]
            .iter()
            .any(|ending| word.ends_with(ending))
}

/// Splits UpperCamelCase; a run of capitals is one word.
fn words(name: &str) -> Vec<&str> {
    let mut words = Vec::with_capacity(MOST_WORDS);
    let mut rest = name;
    while let Some((word, behind)) = rest.split_at_checked(first_word(rest.as_bytes()))
        && !word.is_empty()
    {
        words.push(word);
        rest = behind;
    }
    words
}

/// Most names have fewer.
const MOST_WORDS: usize = 8;

/// How long the first word of a name is, in bytes.
fn first_word(name: &[u8]) -> usize {
    let is_capital = |at: usize| name.get(at).is_some_and(u8::is_ascii_uppercase);
    let is_lower = |at: usize| name.get(at).is_some_and(u8::is_ascii_lowercase);
    let ends = |at: &usize| is_capital(*at) && (!is_capital(at - 1) || is_lower(at + 1));
    (1..name.len()).find(ends).unwrap_or(name.len())
}

/// Those that a reader could not make sense of word by word.
fn irregular(name: &str) -> Option<&'static str> {
    Some(match name {
        "AddDatasetToExperiments" => "add a dataset to experiments",
        "AddGuardrailToEndpoint" => "add a guardrail to a gateway endpoint",
        "AddItemsToReviewQueue" => "add items to a review queue",
        "AddRolePermission" => "add a permission to a role",
        "AnthropicPassthroughMessages" => "call Anthropic's messages API through the gateway",
        "AssignRole" => "assign a role to a user",
        "AttachModelToEndpoint" => "attach a model to a gateway endpoint",
        "BatchGetTraceInfos" => "get information about traces",
        "BatchGetTraces" => "get traces",
        "BulkRegisterSkills" => "register skills",
        "CalculateTraceFilterCorrelation" => "calculate the correlation of trace filters",
        "ChatCompletions" => "call the gateway's chat completions",
        "CreateEndpointBinding" => "bind a gateway endpoint to a resource",
        "CreatePromptlabRun" => "create a run of the prompt lab",
        "CreateUserUi" => "create a user on the sign-up page",
        "DeleteDatasetRecords" => "delete records of a dataset",
        "DeleteDemo" => "delete the demo data",
        "DeleteEndpointBinding" => "remove the binding of a gateway endpoint",
        "DeleteTag" => "delete a tag of a run",
        "DetachModelFromEndpoint" => "detach a model from a gateway endpoint",
        "EndTrace" => "end a trace",
        "ExportTraces" => "send traces over OTLP",
        "GatewayProxy" => "send a request through the gateway's proxy",
        "GeminiPassthroughGenerateContent" => "call Gemini's content API through the gateway",
        "GeminiPassthroughStreamGenerateContent" => {
            "stream from Gemini's content API through the gateway"
        }
        "GenerateDemo" => "generate demo data",
        "GetConfig" => "get the assistant's configuration",
        "GetCurrentUser" => "get the current user",
        "GetDatasetExperimentIds" => "list the experiments of a dataset",
        "GetDatasetRecords" => "get records of a dataset",
        "GetGatewaySecretInfo" => "get information about a gateway secret",
        "GetLatestVersions" => "get the latest versions of a registered model",
        "GetMetricHistory" => "get the history of a metric",
        "GetMetricHistoryBulk" | "GetMetricHistoryBulkInterval" => {
            "get the history of a metric of several runs"
        }
        "GetModelVersionDownloadUri" => "get the download URI of a model version",
        "GetOnlineScoringConfigs" => "get the configurations of online scoring",
        "GetOnlineTraceDetails" => "get the details of a trace",
        "GetOrCreateUserQueue" => "get or create the review queue of a user",
        "GetProviderConfig" => "get the configuration of a provider",
        "GetProviders" => "list the assistant's providers",
        "GetSecretsConfig" => "get the configuration of gateway secrets",
        "GetServerInfo" => "get information about the server",
        "GetTraceInfo" => "get information about a trace",
        "GetUiTelemetry" => "get the configuration of the page's telemetry",
        "GetVersionByAlias" => "get an MCP server version by alias",
        "GrantUserPermission" => "grant a permission to a user",
        "GraphQL" => "send a GraphQL query",
        "Health" => "check the server's health",
        "InstallSkills" => "install skills for the assistant",
        "Invocations" => "call a gateway endpoint",
        "InvokeGenaiEvaluate" => "run an evaluation",
        "InvokeIssueDetection" => "run a detection of issues",
        "InvokeScorer" => "run a scorer",
        "LinkPromptsToTrace" => "link prompts to a trace",
        "LinkTracesToRun" => "link traces to a run",
        "ListArtifactsMlflowArtifacts" => "list artifacts",
        "ListCurrentUserPermissions" => "list the current user's permissions",
        "ListEndpointGuardrailConfigs" => "list the guardrails of a gateway endpoint",
        "ListGatewaySecretInfos" => "list gateway secrets",
        "ListLoggedModelArtifacts" => "list artifacts of a logged model",
        "ListModels" => "list the gateway's models",
        "ListProviderModels" => "list models of the assistant's provider",
        "ListReviewQueueItems" => "list the items of a review queue",
        "ListRolePermissions" => "list the permissions of a role",
        "ListRoleUsers" => "list the users of a role",
        "ListUserPermissions" => "list the permissions of a user",
        "ListUserRoles" => "list the roles of a user",
        "ListUserWorkspacePermissions" => "list the workspace permissions of a user",
        "LogBatch" => "log metrics, parameters and tags",
        "LogInputs" => "log inputs of a run",
        "LogLoggedModelParams" => "log parameters of a logged model",
        "LogMetric" => "log a metric",
        "LogModel" => "log a model",
        "LogOutputs" => "log outputs of a run",
        "LogParam" => "log a parameter",
        "Metrics" => "get the server's metrics",
        "OpenaiPassthroughChat" => "call OpenAI's chat API through the gateway",
        "OpenaiPassthroughEmbeddings" => "call OpenAI's embeddings API through the gateway",
        "OpenaiPassthroughResponses" => "call OpenAI's responses API through the gateway",
        "OpenaiPassthroughResponsesCompact" => {
            "compact a conversation of OpenAI's responses API through the gateway"
        }
        "PatchSession" => "update a session of the assistant",
        "PostUiTelemetry" => "send the page's telemetry",
        "ProviderHealthCheck" => "check a provider of the assistant",
        "QueryTraceMetrics" => "query metrics of traces",
        "RawProxy" => "call a provider's own API through the gateway",
        "RemoveDatasetFromExperiments" => "remove a dataset from experiments",
        "RemoveGuardrailFromEndpoint" => "remove a guardrail from a gateway endpoint",
        "RemoveItemsFromReviewQueue" => "remove items from a review queue",
        "RemoveRolePermission" => "remove a permission from a role",
        "ResolveClientToolResult" => "return the result of a tool to the assistant",
        "ResolvePermission" => "answer what the assistant asks permission for",
        "RevokeUserPermission" => "revoke a permission of a user",
        "SearchAllAccessEndpoints" => "search access endpoints of MCP servers",
        "SearchServerAccessEndpoints" => "search access endpoints of an MCP server",
        "SearchUnifiedTraces" => "search traces",
        "SendMessage" => "send a message to the assistant",
        "Serve" => "load MLflow's page",
        "ServeArtifacts" => "download an artifact",
        "ServeGetLoggedModelArtifact" => "download an artifact of a logged model",
        "ServeGetTraceArtifact" => "download an artifact of a trace",
        "ServeModelVersionArtifact" => "download an artifact of a model version",
        "ServeStaticFile" | "Static" => "load a file of MLflow's page",
        "ServeUploadArtifact" => "upload an artifact",
        "SetReviewQueueItemStatus" => "set the status of a review queue item",
        "SetTag" => "set a tag of a run",
        "Signup" => "load the sign-up page",
        "StreamResponse" => "stream a response of the assistant",
        "SyncIssueDetectionScheduleState" => "update the state of a schedule that detects issues",
        "TransitionModelVersionStage" => "transition a model version to a stage",
        "TypesafePassthroughSystemOne" => "call Typesafe's System One API through the gateway",
        "UnassignRole" => "take a role from a user",
        "UpdateConfig" => "update the assistant's configuration",
        "UpdateEndpointGuardrailConfig" => "update a guardrail of a gateway endpoint",
        "UpdateUserAdmin" => "change whether a user is an administrator",
        "UpdateUserPassword" => "change the password of a user",
        "UpsertDatasetRecords" => "write records of a dataset",
        "UpsertOnlineScoringConfig" => "write a configuration of online scoring",
        "Version" => "get the server's version",
        _ => return None,
    })
}
