//! The assistant: an agent with a shell, run by the server. MLflow asks for a login only, and for a
//! loopback client.

use crate::catalog::entry::{Operation, ajax, op};
use crate::catalog::object::{
    Access::{Admin, Read},
    Object::Assistant,
};
use crate::catalog::release::Release;

/// The assistant.
pub(super) const TABLE: &[Operation] = &[
    op(
        "SendMessage",
        Assistant,
        Admin,
        "server/assistant/api.py send_message",
        &[ajax(&["POST"], "3.0/mlflow/assistant/message").since(Release(3, 9, 0))],
    ),
    // A GET that runs the agent.
    op(
        "StreamResponse",
        Assistant,
        Admin,
        "server/assistant/api.py stream_response",
        &[ajax(
            &["GET"],
            "3.0/mlflow/assistant/sessions/{session_id}/stream",
        )
        .since(Release(3, 9, 0))],
    ),
    op(
        "PatchSession",
        Assistant,
        Admin,
        "server/assistant/api.py patch_session",
        &[ajax(&["PATCH"], "3.0/mlflow/assistant/sessions/{session_id}").since(Release(3, 9, 0))],
    ),
    op(
        "ResolvePermission",
        Assistant,
        Admin,
        "server/assistant/api.py resolve_permission",
        &[ajax(
            &["POST"],
            "3.0/mlflow/assistant/sessions/{session_id}/permission",
        )
        .since(Release(3, 15, 0))],
    ),
    op(
        "ResolveClientToolResult",
        Assistant,
        Admin,
        "server/assistant/api.py resolve_client_tool_result",
        &[ajax(
            &["POST"],
            "3.0/mlflow/assistant/sessions/{session_id}/tool-result",
        )
        .since(Release(3, 16, 0))],
    ),
    // A GET that starts the provider's program or calls its service.
    op(
        "ProviderHealthCheck",
        Assistant,
        Admin,
        "server/assistant/api.py provider_health_check",
        &[
            ajax(&["GET"], "3.0/mlflow/assistant/providers/{provider}/health")
                .since(Release(3, 9, 0)),
        ],
    ),
    op(
        "GetProviders",
        Assistant,
        Read,
        "server/assistant/api.py get_providers",
        &[ajax(&["GET"], "3.0/mlflow/assistant/providers").since(Release(3, 15, 0))],
    ),
    // MLflow asks for a login only. Until 3.15 a provider's API key is in the answer, and to a client whose address is
    // loopback, which may be the proxy's, the folders of projects still are.
    op(
        "GetConfig",
        Assistant,
        Admin,
        "server/assistant/api.py get_config",
        &[ajax(&["GET"], "3.0/mlflow/assistant/config").since(Release(3, 9, 0))],
    ),
    op(
        "UpdateConfig",
        Assistant,
        Admin,
        "server/assistant/api.py update_config",
        &[ajax(&["PUT"], "3.0/mlflow/assistant/config").since(Release(3, 9, 0))],
    ),
    op(
        "InstallSkills",
        Assistant,
        Admin,
        "server/assistant/api.py install_skills_endpoint",
        &[ajax(&["POST"], "3.0/mlflow/assistant/skills/install").since(Release(3, 9, 0))],
    ),
    // A GET that calls the `base_url` it is given.
    op(
        "ListProviderModels",
        Assistant,
        Admin,
        "server/assistant/api.py list_provider_models",
        &[
            ajax(&["GET"], "3.0/mlflow/assistant/providers/{provider}/models")
                .since(Release(3, 13, 0)),
        ],
    ),
];
