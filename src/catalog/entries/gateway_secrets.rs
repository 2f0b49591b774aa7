//! The AI gateway's provider secrets, and whether the server encrypts them well.

use crate::catalog::entry::{Operation, ajax, api, op};
use crate::catalog::isolation::Isolation::Shared;
use crate::catalog::object::{
    Access::{Admin, Read},
    Object::Gateway,
};
use crate::catalog::release::Release;

/// The AI gateway's provider secrets, and whether the server encrypts them well.
pub(super) const TABLE: &[Operation] = &[
    op(
        "CreateGatewaySecret",
        Gateway,
        Admin,
        "server/auth/__init__.py validate_can_create_gateway_secret",
        &[api(&["POST"], "3.0/mlflow/gateway/secrets/create").since(Release(3, 8, 0))],
    ),
    op(
        "GetGatewaySecretInfo",
        Gateway,
        Admin,
        "server/auth/__init__.py validate_can_read_gateway_secret",
        &[api(&["GET"], "3.0/mlflow/gateway/secrets/get").since(Release(3, 8, 0))],
    )
    .isolated(),
    op(
        "UpdateGatewaySecret",
        Gateway,
        Admin,
        "server/auth/__init__.py validate_can_update_gateway_secret",
        &[api(&["POST"], "3.0/mlflow/gateway/secrets/update").since(Release(3, 8, 0))],
    ),
    op(
        "DeleteGatewaySecret",
        Gateway,
        Admin,
        "server/auth/__init__.py validate_can_delete_gateway_secret",
        &[api(&["DELETE"], "3.0/mlflow/gateway/secrets/delete").since(Release(3, 8, 0))],
    )
    .isolated(),
    // MLflow lists to each user the secrets they can read (since 3.16; before, all of them). The answer holds the
    // first three and the last four characters of each secret (`_mask_string_value`), and who made it.
    op(
        "ListGatewaySecretInfos",
        Gateway,
        Admin,
        "server/auth/__init__.py filter_list_gateway_secrets",
        &[api(&["GET"], "3.0/mlflow/gateway/secrets/list").since(Release(3, 8, 0))],
    )
    .isolated(),
    // Two booleans, for every user of MLflow's: no secret among them. Its auth plugin strips
    // `using_default_passphrase` for all but administrators since 3.16.
    op(
        "GetSecretsConfig",
        Gateway,
        Read,
        "server/auth/__init__.py redact_secrets_config_for_non_admins",
        &[ajax(&["GET"], "3.0/mlflow/gateway/secrets/config").since(Release(3, 8, 0))],
    )
    .within(Shared),
];
