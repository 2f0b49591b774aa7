//! The AI gateway's configuration: endpoints, model definitions, bindings and tags.

use crate::catalog::entry::{Operation, ajax, api, op};
use crate::catalog::isolation::Isolation::Shared;
use crate::catalog::needs::{Parameter, Value};
use crate::catalog::object::{
    Access::{Admin, Delete, Read, Write},
    Object::Gateway,
};
use crate::catalog::release::Release;

/// With an `endpoint_id` every release asks for read on that endpoint.
const LIST_BINDINGS_OF_ENDPOINT: Operation = op(
    "ListBindingsOfEndpoint",
    Gateway,
    Read,
    "server/auth/__init__.py validate_can_list_gateway_endpoint_bindings",
    &[api(&["GET"], "3.0/mlflow/gateway/endpoints/bindings/list")
        .since(Release(3, 8, 0))
        .with(&[
            Parameter {
                name: "endpoint_id",
                value: Value::Present,
            },
            Parameter {
                name: "resource_type",
                value: Value::Optional,
            },
            Parameter {
                name: "resource_id",
                value: Value::Optional,
            },
        ])],
)
.isolated();

/// The AI gateway's configuration.
pub(super) const TABLE: &[Operation] = &[
    op(
        "CreateGatewayEndpoint",
        Gateway,
        Write,
        "server/auth/__init__.py validate_can_create_gateway_endpoint",
        &[api(&["POST"], "3.0/mlflow/gateway/endpoints/create").since(Release(3, 8, 0))],
    )
    .isolated(),
    op(
        "GetGatewayEndpoint",
        Gateway,
        Read,
        "server/auth/__init__.py validate_can_read_gateway_endpoint",
        &[api(&["GET"], "3.0/mlflow/gateway/endpoints/get").since(Release(3, 8, 0))],
    )
    .isolated(),
    op(
        "UpdateGatewayEndpoint",
        Gateway,
        Write,
        "server/auth/__init__.py validate_can_update_gateway_endpoint",
        &[api(&["POST"], "3.0/mlflow/gateway/endpoints/update").since(Release(3, 8, 0))],
    )
    .isolated(),
    op(
        "DeleteGatewayEndpoint",
        Gateway,
        Delete,
        "server/auth/__init__.py validate_can_delete_gateway_endpoint",
        &[api(&["DELETE"], "3.0/mlflow/gateway/endpoints/delete").since(Release(3, 8, 0))],
    )
    .isolated(),
    op(
        "ListGatewayEndpoints",
        Gateway,
        Read,
        "server/auth/__init__.py filter_list_gateway_endpoints",
        &[api(&["GET"], "3.0/mlflow/gateway/endpoints/list").since(Release(3, 8, 0))],
    )
    .isolated(),
    op(
        "CreateGatewayModelDefinition",
        Gateway,
        Write,
        "server/auth/__init__.py validate_can_create_gateway_model_definition",
        &[api(&["POST"], "3.0/mlflow/gateway/model-definitions/create").since(Release(3, 8, 0))],
    )
    .isolated(),
    op(
        "GetGatewayModelDefinition",
        Gateway,
        Read,
        "server/auth/__init__.py validate_can_read_gateway_model_definition",
        &[api(&["GET"], "3.0/mlflow/gateway/model-definitions/get").since(Release(3, 8, 0))],
    )
    .isolated(),
    op(
        "ListGatewayModelDefinitions",
        Gateway,
        Read,
        "server/auth/__init__.py validate_can_list_gateway_model_definitions",
        &[api(&["GET"], "3.0/mlflow/gateway/model-definitions/list").since(Release(3, 8, 0))],
    )
    .isolated(),
    op(
        "UpdateGatewayModelDefinition",
        Gateway,
        Write,
        "server/auth/__init__.py validate_can_update_gateway_model_definition",
        &[api(&["POST"], "3.0/mlflow/gateway/model-definitions/update").since(Release(3, 8, 0))],
    )
    .isolated(),
    op(
        "DeleteGatewayModelDefinition",
        Gateway,
        Delete,
        "server/auth/__init__.py validate_can_delete_gateway_model_definition",
        &[api(&["DELETE"], "3.0/mlflow/gateway/model-definitions/delete").since(Release(3, 8, 0))],
    )
    .isolated(),
    op(
        "AttachModelToEndpoint",
        Gateway,
        Write,
        "server/auth/__init__.py validate_can_attach_model_to_gateway_endpoint",
        &[api(&["POST"], "3.0/mlflow/gateway/endpoints/models/attach").since(Release(3, 8, 0))],
    )
    .isolated(),
    op(
        "DetachModelFromEndpoint",
        Gateway,
        Write,
        "server/auth/__init__.py validate_can_detach_model_from_gateway_endpoint",
        &[api(&["POST"], "3.0/mlflow/gateway/endpoints/models/detach").since(Release(3, 8, 0))],
    )
    .isolated(),
    op(
        "CreateEndpointBinding",
        Gateway,
        Write,
        "server/auth/__init__.py validate_can_create_gateway_endpoint_binding",
        &[api(&["POST"], "3.0/mlflow/gateway/endpoints/bindings/create").since(Release(3, 8, 0))],
    )
    .isolated(),
    // MLflow asks for an update of the endpoint; the handler deletes the binding.
    op(
        "DeleteEndpointBinding",
        Gateway,
        Delete,
        "server/handlers.py _delete_gateway_endpoint_binding",
        &[
            api(&["DELETE"], "3.0/mlflow/gateway/endpoints/bindings/delete")
                .since(Release(3, 8, 0)),
        ],
    )
    .isolated(),
    // Without an `endpoint_id` MLflow leaves it to its administrators.
    op(
        "ListEndpointBindings",
        Gateway,
        Admin,
        "server/auth/__init__.py validate_can_list_gateway_endpoint_bindings",
        &[api(&["GET"], "3.0/mlflow/gateway/endpoints/bindings/list").since(Release(3, 8, 0))],
    )
    .isolated()
    .narrowed(&LIST_BINDINGS_OF_ENDPOINT),
    op(
        "SetGatewayEndpointTag",
        Gateway,
        Write,
        "server/auth/__init__.py validate_can_set_gateway_endpoint_tag",
        &[api(&["POST"], "3.0/mlflow/gateway/endpoints/set-tag").since(Release(3, 8, 0))],
    )
    .isolated(),
    op(
        "DeleteGatewayEndpointTag",
        Gateway,
        Write,
        "server/auth/__init__.py validate_can_delete_gateway_endpoint_tag",
        &[api(&["DELETE"], "3.0/mlflow/gateway/endpoints/delete-tag").since(Release(3, 8, 0))],
    )
    .isolated(),
    op(
        "ListSupportedProviders",
        Gateway,
        Read,
        "server/handlers.py _list_supported_providers",
        &[ajax(&["GET"], "3.0/mlflow/gateway/supported-providers").since(Release(3, 8, 0))],
    )
    .within(Shared),
    op(
        "ListSupportedModels",
        Gateway,
        Read,
        "server/handlers.py _list_supported_models",
        &[ajax(&["GET"], "3.0/mlflow/gateway/supported-models").since(Release(3, 8, 0))],
    )
    .within(Shared),
    op(
        "GetProviderConfig",
        Gateway,
        Read,
        "server/handlers.py _get_provider_config",
        &[ajax(&["GET"], "3.0/mlflow/gateway/provider-config").since(Release(3, 8, 0))],
    )
    .within(Shared),
];
