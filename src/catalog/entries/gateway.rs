//! The AI gateway's configuration: endpoints, model definitions, bindings and tags.

use crate::catalog::entry::{
    Access::{Admin, Delete, Read, Write},
    Object::Gateway,
    Operation, ajax, api, op,
};

/// The AI gateway's configuration.
pub(super) const TABLE: &[Operation] = &[
    op(
        "CreateGatewayEndpoint",
        Gateway,
        Write,
        "server/auth/__init__.py validate_can_create_gateway_endpoint",
        &[api(&["POST"], "3.0/mlflow/gateway/endpoints/create")],
    ),
    op(
        "GetGatewayEndpoint",
        Gateway,
        Read,
        "server/auth/__init__.py validate_can_read_gateway_endpoint",
        &[api(&["GET"], "3.0/mlflow/gateway/endpoints/get")],
    ),
    op(
        "UpdateGatewayEndpoint",
        Gateway,
        Write,
        "server/auth/__init__.py validate_can_update_gateway_endpoint",
        &[api(&["POST"], "3.0/mlflow/gateway/endpoints/update")],
    ),
    op(
        "DeleteGatewayEndpoint",
        Gateway,
        Delete,
        "server/auth/__init__.py validate_can_delete_gateway_endpoint",
        &[api(&["DELETE"], "3.0/mlflow/gateway/endpoints/delete")],
    ),
    op(
        "ListGatewayEndpoints",
        Gateway,
        Read,
        "server/auth/__init__.py filter_list_gateway_endpoints",
        &[api(&["GET"], "3.0/mlflow/gateway/endpoints/list")],
    ),
    op(
        "CreateGatewayModelDefinition",
        Gateway,
        Write,
        "server/auth/__init__.py validate_can_create_gateway_model_definition",
        &[api(
            &["POST"],
            "3.0/mlflow/gateway/model-definitions/create",
        )],
    ),
    op(
        "GetGatewayModelDefinition",
        Gateway,
        Read,
        "server/auth/__init__.py validate_can_read_gateway_model_definition",
        &[api(&["GET"], "3.0/mlflow/gateway/model-definitions/get")],
    ),
    op(
        "ListGatewayModelDefinitions",
        Gateway,
        Read,
        "server/auth/__init__.py validate_can_list_gateway_model_definitions",
        &[api(&["GET"], "3.0/mlflow/gateway/model-definitions/list")],
    ),
    op(
        "UpdateGatewayModelDefinition",
        Gateway,
        Write,
        "server/auth/__init__.py validate_can_update_gateway_model_definition",
        &[api(
            &["POST"],
            "3.0/mlflow/gateway/model-definitions/update",
        )],
    ),
    op(
        "DeleteGatewayModelDefinition",
        Gateway,
        Delete,
        "server/auth/__init__.py validate_can_delete_gateway_model_definition",
        &[api(
            &["DELETE"],
            "3.0/mlflow/gateway/model-definitions/delete",
        )],
    ),
    op(
        "AttachModelToEndpoint",
        Gateway,
        Write,
        "server/auth/__init__.py validate_can_attach_model_to_gateway_endpoint",
        &[api(&["POST"], "3.0/mlflow/gateway/endpoints/models/attach")],
    ),
    op(
        "DetachModelFromEndpoint",
        Gateway,
        Write,
        "server/auth/__init__.py validate_can_detach_model_from_gateway_endpoint",
        &[api(&["POST"], "3.0/mlflow/gateway/endpoints/models/detach")],
    ),
    op(
        "CreateEndpointBinding",
        Gateway,
        Write,
        "server/auth/__init__.py validate_can_create_gateway_endpoint_binding",
        &[api(
            &["POST"],
            "3.0/mlflow/gateway/endpoints/bindings/create",
        )],
    ),
    // MLflow asks for an update of the endpoint; the handler deletes the binding.
    op(
        "DeleteEndpointBinding",
        Gateway,
        Delete,
        "server/handlers.py _delete_gateway_endpoint_binding",
        &[api(
            &["DELETE"],
            "3.0/mlflow/gateway/endpoints/bindings/delete",
        )],
    ),
    // Without an `endpoint_id`, which the path does not show, MLflow leaves it to its
    // administrators.
    op(
        "ListEndpointBindings",
        Gateway,
        Admin,
        "server/auth/__init__.py validate_can_list_gateway_endpoint_bindings",
        &[api(&["GET"], "3.0/mlflow/gateway/endpoints/bindings/list")],
    ),
    op(
        "SetGatewayEndpointTag",
        Gateway,
        Write,
        "server/auth/__init__.py validate_can_set_gateway_endpoint_tag",
        &[api(&["POST"], "3.0/mlflow/gateway/endpoints/set-tag")],
    ),
    op(
        "DeleteGatewayEndpointTag",
        Gateway,
        Write,
        "server/auth/__init__.py validate_can_delete_gateway_endpoint_tag",
        &[api(&["DELETE"], "3.0/mlflow/gateway/endpoints/delete-tag")],
    ),
    op(
        "ListSupportedProviders",
        Gateway,
        Read,
        "server/handlers.py _list_supported_providers",
        &[ajax(&["GET"], "3.0/mlflow/gateway/supported-providers")],
    ),
    op(
        "ListSupportedModels",
        Gateway,
        Read,
        "server/handlers.py _list_supported_models",
        &[ajax(&["GET"], "3.0/mlflow/gateway/supported-models")],
    ),
    op(
        "GetProviderConfig",
        Gateway,
        Read,
        "server/handlers.py _get_provider_config",
        &[ajax(&["GET"], "3.0/mlflow/gateway/provider-config")],
    ),
];
