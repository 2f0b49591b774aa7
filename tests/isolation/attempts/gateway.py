"""The AI gateway: secrets, model definitions, endpoints, budgets, guardrails and what passes through it."""

from typing import Any

from ..steps import AJAX2, AJAX3, API3, Attempt, Step, delete, get, patch, post, tries

_BASE = f"{API3}/gateway"
_SECRETS, _DEFINITIONS, _ENDPOINTS = f"{_BASE}/secrets", f"{_BASE}/model-definitions", f"{_BASE}/endpoints"
_BUDGETS, _GUARDRAILS = f"{_BASE}/budgets", f"{_BASE}/guardrails"
_SECRET, _ENDPOINT = {"secret_id": "{it.secret}"}, {"endpoint_id": "{it.endpoint}"}
_DEFINITION, _GUARDRAIL = {"model_definition_id": "{it.definition}"}, {"guardrail_id": "{it.guardrail}"}
_MINE = {"endpoint_id": "{me.endpoint}"}
_BINDING = {"resource_type": "scorer", "resource_id": "{it.scorer_id}"}


def _config(definition: str) -> dict[str, Any]:
    return {"model_definition_id": definition, "linkage_type": "PRIMARY", "weight": 1}


KEYS = [
    *tries("CreateGatewaySecret", ("a name that exists there", post(f"{_SECRETS}/create", {
        "secret_name": "{it.secret_name}", "secret_value": {"api_key": "zqmade"}, "provider": "openai"})),
        shows="answer"),
    *tries("GetGatewaySecretInfo", ("id", get(f"{_SECRETS}/get?secret_id={{it.secret}}")),
           ("name", get(f"{_SECRETS}/get?secret_name={{it.secret_name}}"))),
    *tries("UpdateGatewaySecret", ("id", post(f"{_SECRETS}/update", {
        **_SECRET, "secret_value": {"api_key": "zqmade"}}))),
    *tries("DeleteGatewaySecret", ("id", delete(f"{_SECRETS}/delete", _SECRET))),
    *tries("ListGatewaySecretInfos", ("all", get(f"{_SECRETS}/list")),
           ("provider", get(f"{_SECRETS}/list?provider=openai"))),
    *tries("CreateGatewayModelDefinition", ("a secret there", post(f"{_DEFINITIONS}/create", {
        "name": "zqmade", **_SECRET, "provider": "openai", "model_name": "zqmade"}))),
    *tries("GetGatewayModelDefinition",
           ("id", get(f"{_DEFINITIONS}/get?model_definition_id={{it.definition}}"))),
    *tries("ListGatewayModelDefinitions", ("all", get(f"{_DEFINITIONS}/list")),
           ("secret", get(f"{_DEFINITIONS}/list?secret_id={{it.secret}}"))),
    *tries("UpdateGatewayModelDefinition",
           ("id", post(f"{_DEFINITIONS}/update", {**_DEFINITION, "model_name": "zqmade"}))),
    *tries("UpdateGatewayModelDefinition",
           ("an own definition, another's secret", post(f"{_DEFINITIONS}/update", {
               "model_definition_id": "{me.definition}", **_SECRET}))),
    *tries("DeleteGatewayModelDefinition",
           ("id", delete(f"{_DEFINITIONS}/delete", {"model_definition_id": "{it.spare_definition}"}))),
]  # fmt: skip

ENDPOINTS = [
    *tries("CreateGatewayEndpoint",
           ("another's model definition", post(f"{_ENDPOINTS}/create", {
               "name": "zqmade", "model_configs": [_config("{it.definition}")], "usage_tracking": False})),
           ("another's experiment", post(f"{_ENDPOINTS}/create", {
               "name": "zqmade", "model_configs": [_config("{me.definition}")], "usage_tracking": True,
               "experiment_id": "{it.experiment}"}))),
    *tries("GetGatewayEndpoint", ("id", get(f"{_ENDPOINTS}/get?endpoint_id={{it.endpoint}}")),
           ("name", get(f"{_ENDPOINTS}/get?name={{it.endpoint_name}}"))),
    *tries("UpdateGatewayEndpoint", ("id", post(f"{_ENDPOINTS}/update", {**_ENDPOINT, "name": "zqmade"})),
           ("an own endpoint, another's model definition", post(f"{_ENDPOINTS}/update", {
               **_MINE, "model_configs": [_config("{it.spare_definition}")]})),
           ("an own endpoint, another's experiment", post(f"{_ENDPOINTS}/update", {
               **_MINE, "experiment_id": "{it.experiment}", "usage_tracking": True}))),
    *tries("DeleteGatewayEndpoint", ("id", delete(f"{_ENDPOINTS}/delete", _ENDPOINT))),
    *tries("ListGatewayEndpoints", ("all", get(f"{_ENDPOINTS}/list")),
           ("secret", get(f"{_ENDPOINTS}/list?secret_id={{it.secret}}"))),
    *tries("AttachModelToEndpoint",
           ("another's endpoint", post(f"{_ENDPOINTS}/models/attach", {
               **_ENDPOINT, "model_config": _config("{me.spare_definition}")})),
           ("another's model definition", post(f"{_ENDPOINTS}/models/attach", {
               **_MINE, "model_config": _config("{it.spare_definition}")}))),
    *tries("DetachModelFromEndpoint", ("ids", post(f"{_ENDPOINTS}/models/detach", {**_ENDPOINT, **_DEFINITION}))),
    *tries("CreateEndpointBinding", ("another's endpoint", post(f"{_ENDPOINTS}/bindings/create", {
        **_ENDPOINT, "resource_type": "scorer", "resource_id": "zqmade"})),
        ("another's scorer", post(f"{_ENDPOINTS}/bindings/create", {
            **_MINE, "resource_type": "scorer", "resource_id": "{it.spare_scorer_id}"}))),
    *tries("DeleteEndpointBinding", ("ids", delete(f"{_ENDPOINTS}/bindings/delete", {**_ENDPOINT, **_BINDING}))),
    *tries("ListEndpointBindings", ("all", get(f"{_ENDPOINTS}/bindings/list"))),
    *tries("ListBindingsOfEndpoint",
           ("id", get(f"{_ENDPOINTS}/bindings/list?endpoint_id={{it.endpoint}}"))),
    *tries("SetGatewayEndpointTag", ("id", post(f"{_ENDPOINTS}/set-tag", {
        **_ENDPOINT, "key": "zqmade", "value": "zqmade"}))),
    *tries("DeleteGatewayEndpointTag", ("id", delete(f"{_ENDPOINTS}/delete-tag", {**_ENDPOINT, "key": "{it.mark}tag"}))),
]  # fmt: skip

_BUDGET = {
    "budget_unit": "USD", "budget_amount": 1, "duration": {"unit": "DAYS", "value": 7},
    "target_scope": "GLOBAL", "budget_action": "REJECT",
}  # fmt: skip
_CONFIGURED = {**_ENDPOINT, **_GUARDRAIL}

RULES = [
    *tries("CreateBudgetPolicy", ("for all workspaces", post(f"{_BUDGETS}/create", _BUDGET)), shows="none"),
    *tries("GetBudgetPolicy", ("id", get(f"{_BUDGETS}/get?budget_policy_id={{it.budget}}"))),
    *tries("UpdateBudgetPolicy", ("id", post(f"{_BUDGETS}/update", {
        "budget_policy_id": "{it.budget}", "budget_amount": 1}))),
    *tries("DeleteBudgetPolicy", ("id", delete(f"{_BUDGETS}/delete", {"budget_policy_id": "{it.budget}"}))),
    *tries("ListBudgetPolicies", ("all", get(f"{_BUDGETS}/list"))),
    *tries("ListBudgetWindows", ("all", get(f"{_BUDGETS}/windows")), shows="none"),
    *tries("CreateGatewayGuardrail", ("another's scorer", post(f"{_GUARDRAILS}/create", {
        "name": "zqmade", "scorer_id": "{it.scorer_id}", "scorer_version": 1, "stage": "BEFORE",
        "action": "VALIDATION"})),
        ("another's endpoint", post(f"{_GUARDRAILS}/create", {
            "name": "zqmade", "scorer_id": "{me.scorer_id}", "scorer_version": 1, "stage": "BEFORE",
            "action": "SANITIZATION", "action_endpoint_id": "{it.endpoint}"}))),
    *tries("GetGatewayGuardrail", ("id", get(f"{_GUARDRAILS}/get?guardrail_id={{it.guardrail}}"))),
    *tries("DeleteGatewayGuardrail", ("id", delete(f"{_GUARDRAILS}/delete", _GUARDRAIL))),
    *tries("ListGatewayGuardrails", ("all", get(f"{_GUARDRAILS}/list"))),
    *tries("AddGuardrailToEndpoint",
           ("another's endpoint", post(f"{_GUARDRAILS}/add-to-endpoint", {
               **_ENDPOINT, "guardrail_id": "{me.spare_guardrail}", "execution_order": 2})),
           ("another's guardrail", post(f"{_GUARDRAILS}/add-to-endpoint", {
               **_MINE, "guardrail_id": "{it.spare_guardrail}", "execution_order": 2}))),
    *tries("RemoveGuardrailFromEndpoint", ("ids", delete(f"{_GUARDRAILS}/remove-from-endpoint", _CONFIGURED))),
    *tries("ListEndpointGuardrailConfigs",
           ("id", get(f"{_GUARDRAILS}/list-for-endpoint?endpoint_id={{it.endpoint}}"))),
    *tries("UpdateEndpointGuardrailConfig", ("ids", patch(f"{_GUARDRAILS}/update-config", {
        **_CONFIGURED, "execution_order": 5}))),
]  # fmt: skip

_SAY = {"messages": [{"role": "user", "content": "zq"}]}
_MODEL = {"model": "{it.endpoint_name}"}


def _passes(operation: str, path: str, body: dict[str, Any]) -> list[Attempt]:
    """Nobody listens at the provider's address: the owner's answer says that, another's that there is no endpoint."""
    return tries(operation, ("endpoint", Step("POST", f"/gateway/{path}", body)), shows="answer")


PASSING = [
    *_passes("Invocations", "{it.endpoint_name}/mlflow/invocations", _SAY),
    *_passes("ChatCompletions", "mlflow/v1/chat/completions", {**_SAY, **_MODEL}),
    *tries("ListModels", ("all", get("/gateway/mlflow/v1/models"))),
    *_passes("OpenaiPassthroughChat", "openai/v1/chat/completions", {**_SAY, **_MODEL}),
    *_passes("OpenaiPassthroughEmbeddings", "openai/v1/embeddings", {"input": "zq", **_MODEL}),
    *_passes("TypesafePassthroughSystemOne", "typesafe/v1/systemone", {**_SAY, **_MODEL}),
    *_passes("OpenaiPassthroughResponses", "openai/v1/responses", {"input": "zq", **_MODEL}),
    *_passes("OpenaiPassthroughResponsesCompact", "openai/v1/responses/compact", {"input": "zq", **_MODEL}),
    *_passes("AnthropicPassthroughMessages", "anthropic/v1/messages", {"max_tokens": 5, **_SAY, **_MODEL}),
    *_passes("GeminiPassthroughGenerateContent", "gemini/v1beta/models/{it.endpoint_name}:generateContent",
             {"contents": [{"parts": [{"text": "zq"}]}]}),
    *_passes("GeminiPassthroughStreamGenerateContent",
             "gemini/v1beta/models/{it.endpoint_name}:streamGenerateContent",
             {"contents": [{"parts": [{"text": "zq"}]}]}),
    *_passes("RawProxy", "proxy/{it.endpoint_name}/chat/completions", _SAY),
    *tries("GetSecretsConfig", ("the server's", get(f"{AJAX3}/gateway/secrets/config")), shows="none"),
    *tries("GatewayProxy", ("the server's", get(f"{AJAX2}/gateway-proxy?gateway_path=api/2.0/endpoints")),
           shows="none"),
]  # fmt: skip

ATTEMPTS: list[Attempt] = [*KEYS, *ENDPOINTS, *RULES, *PASSING]
