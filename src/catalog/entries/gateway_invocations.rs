//! Requests the AI gateway hands on to a provider, which somebody pays for.

use crate::catalog::entry::{
    Access::{Read, Use},
    Object::Gateway,
    Operation, ajax, op, root,
};

/// Requests the AI gateway hands on to a provider, which somebody pays for.
pub(super) const TABLE: &[Operation] = &[
    op(
        "Invocations",
        Gateway,
        Use,
        "server/auth/__init__.py _get_gateway_validator",
        &[root(
            &["POST"],
            "/gateway/{endpoint_name}/mlflow/invocations",
        )],
    ),
    op(
        "ChatCompletions",
        Gateway,
        Use,
        "server/auth/__init__.py _get_gateway_validator",
        &[root(&["POST"], "/gateway/mlflow/v1/chat/completions")],
    ),
    // Lists the names of the endpoints out of the store; no provider is asked.
    op(
        "ListModels",
        Gateway,
        Read,
        "server/gateway_api.py list_models",
        &[root(&["GET"], "/gateway/mlflow/v1/models")],
    ),
    op(
        "OpenaiPassthroughChat",
        Gateway,
        Use,
        "server/auth/__init__.py _get_gateway_validator",
        &[root(&["POST"], "/gateway/openai/v1/chat/completions")],
    ),
    op(
        "OpenaiPassthroughEmbeddings",
        Gateway,
        Use,
        "server/auth/__init__.py _get_gateway_validator",
        &[root(&["POST"], "/gateway/openai/v1/embeddings")],
    ),
    op(
        "TypesafePassthroughSystemOne",
        Gateway,
        Use,
        "server/auth/__init__.py _get_gateway_validator",
        &[root(&["POST"], "/gateway/typesafe/v1/systemone")],
    ),
    op(
        "OpenaiPassthroughResponses",
        Gateway,
        Use,
        "server/auth/__init__.py _get_gateway_validator",
        &[root(&["POST"], "/gateway/openai/v1/responses")],
    ),
    op(
        "OpenaiPassthroughResponsesCompact",
        Gateway,
        Use,
        "server/gateway_api.py openai_passthrough_responses_compact",
        &[root(&["POST"], "/gateway/openai/v1/responses/compact")],
    ),
    op(
        "AnthropicPassthroughMessages",
        Gateway,
        Use,
        "server/auth/__init__.py _get_gateway_validator",
        &[root(&["POST"], "/gateway/anthropic/v1/messages")],
    ),
    op(
        "GeminiPassthroughGenerateContent",
        Gateway,
        Use,
        "server/auth/__init__.py _get_gateway_validator",
        &[root(
            &["POST"],
            "/gateway/gemini/v1beta/models/{endpoint_name}:generateContent",
        )],
    ),
    op(
        "GeminiPassthroughStreamGenerateContent",
        Gateway,
        Use,
        "server/auth/__init__.py _get_gateway_validator",
        &[root(
            &["POST"],
            "/gateway/gemini/v1beta/models/{endpoint_name}:streamGenerateContent",
        )],
    ),
    op(
        "RawProxy",
        Gateway,
        Use,
        "server/auth/__init__.py _get_gateway_validator",
        &[root(&["POST"], "/gateway/proxy/{endpoint_name}/{*path}")],
    ),
    // Calls the deployments server, which MLflow leaves to judge for itself. GET lists its
    // endpoints, but a HEAD goes to any path there: `_validate_gateway_path` knows GET and POST
    // only.
    op(
        "GatewayProxy",
        Gateway,
        Use,
        "server/handlers.py gateway_proxy_handler",
        &[ajax(&["GET", "POST"], "2.0/mlflow/gateway-proxy")],
    ),
];
