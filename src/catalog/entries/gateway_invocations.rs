//! Requests the AI gateway hands on to a provider, which somebody pays for.

use crate::catalog::entry::{Operation, ajax, op, root};
use crate::catalog::isolation::Isolation::Shared;
use crate::catalog::needs::{Needs, Parameter, Value};
use crate::catalog::object::{
    Access::{Read, Use},
    Object::{Experiment, Gateway},
};
use crate::catalog::release::Release;

/// The one path that a GET may name since 2.22. `gateway_proxy_handler` also hands on `json_data`, so nothing else may
/// be in the query. The page of an experiment's runs sends it and shows a refusal in red, so whoever may read
/// experiments may send it: it lists names, types, providers, models and rate limits of the deployments server that
/// `MLFLOW_DEPLOYMENTS_TARGET` names, and nothing where there is none. MLflow's own plugin lets every user send it. No
/// workspace has anything in it, so a key that is limited to one may send it too.
const LIST_DEPLOYMENTS_ENDPOINTS: Operation = op(
    "ListDeploymentsEndpoints",
    Gateway,
    Read,
    "server/handlers.py _validate_gateway_path",
    &[ajax(&["GET"], "2.0/mlflow/gateway-proxy")
        .since(Release(2, 7, 0))
        .with(&[Parameter {
            name: "gateway_path",
            value: Value::Path("api/2.0/endpoints"),
        }])],
)
.within(Shared)
.needs(Needs::OwnOrRead(Experiment));

/// Requests the AI gateway hands on to a provider, which somebody pays for.
pub(super) const TABLE: &[Operation] = &[
    op(
        "Invocations",
        Gateway,
        Use,
        "server/auth/__init__.py _get_gateway_validator",
        &[root(&["POST"], "/gateway/{endpoint_name}/mlflow/invocations").since(Release(3, 9, 0))],
    )
    .isolated(),
    op(
        "ChatCompletions",
        Gateway,
        Use,
        "server/auth/__init__.py _get_gateway_validator",
        &[root(&["POST"], "/gateway/mlflow/v1/chat/completions").since(Release(3, 9, 0))],
    )
    .isolated(),
    // Lists the names of the endpoints out of the store; no provider is asked.
    op(
        "ListModels",
        Gateway,
        Read,
        "server/gateway_api.py list_models",
        &[root(&["GET"], "/gateway/mlflow/v1/models").since(Release(3, 17, 0))],
    )
    .isolated(),
    op(
        "OpenaiPassthroughChat",
        Gateway,
        Use,
        "server/auth/__init__.py _get_gateway_validator",
        &[root(&["POST"], "/gateway/openai/v1/chat/completions").since(Release(3, 9, 0))],
    )
    .isolated(),
    op(
        "OpenaiPassthroughEmbeddings",
        Gateway,
        Use,
        "server/auth/__init__.py _get_gateway_validator",
        &[root(&["POST"], "/gateway/openai/v1/embeddings").since(Release(3, 9, 0))],
    )
    .isolated(),
    op(
        "TypesafePassthroughSystemOne",
        Gateway,
        Use,
        "server/auth/__init__.py _get_gateway_validator",
        &[root(&["POST"], "/gateway/typesafe/v1/systemone").since(Release(3, 17, 0))],
    )
    .isolated(),
    op(
        "OpenaiPassthroughResponses",
        Gateway,
        Use,
        "server/auth/__init__.py _get_gateway_validator",
        &[root(&["POST"], "/gateway/openai/v1/responses").since(Release(3, 9, 0))],
    )
    .isolated(),
    op(
        "OpenaiPassthroughResponsesCompact",
        Gateway,
        Use,
        "server/gateway_api.py openai_passthrough_responses_compact",
        &[root(&["POST"], "/gateway/openai/v1/responses/compact").since(Release(3, 14, 0))],
    )
    .isolated(),
    op(
        "AnthropicPassthroughMessages",
        Gateway,
        Use,
        "server/auth/__init__.py _get_gateway_validator",
        &[root(&["POST"], "/gateway/anthropic/v1/messages").since(Release(3, 9, 0))],
    )
    .isolated(),
    op(
        "GeminiPassthroughGenerateContent",
        Gateway,
        Use,
        "server/auth/__init__.py _get_gateway_validator",
        &[root(
            &["POST"],
            "/gateway/gemini/v1beta/models/{endpoint_name}:generateContent",
        )
        .since(Release(3, 9, 0))],
    )
    .isolated(),
    op(
        "GeminiPassthroughStreamGenerateContent",
        Gateway,
        Use,
        "server/auth/__init__.py _get_gateway_validator",
        &[root(
            &["POST"],
            "/gateway/gemini/v1beta/models/{endpoint_name}:streamGenerateContent",
        )
        .since(Release(3, 9, 0))],
    )
    .isolated(),
    op(
        "RawProxy",
        Gateway,
        Use,
        "server/auth/__init__.py _get_gateway_validator",
        &[root(&["POST"], "/gateway/proxy/{endpoint_name}/{*path}").since(Release(3, 13, 0))],
    )
    .isolated(),
    // Calls the deployments server, which MLflow leaves to judge for itself. Before 2.22 a GET goes to any path
    // there, and in every release a HEAD does: `_validate_gateway_path` knows GET and POST only.
    op(
        "GatewayProxy",
        Gateway,
        Use,
        "server/handlers.py gateway_proxy_handler",
        &[ajax(&["GET", "POST"], "2.0/mlflow/gateway-proxy").since(Release(2, 7, 0))],
    )
    .narrowed(&LIST_DEPLOYMENTS_ENDPOINTS),
];
