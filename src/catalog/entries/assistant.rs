//! The assistant: an agent with a shell, run by the server. MLflow asks for a login only, and for a
//! loopback client.

use crate::catalog::entry::{
    Access::{Admin, Read},
    Object::Assistant,
    Operation, ajax, op,
};

/// The assistant.
pub(super) const TABLE: &[Operation] = &[
    op(
        "SendMessage",
        Assistant,
        Admin,
        "server/assistant/api.py send_message",
        &[ajax(&["POST"], "3.0/mlflow/assistant/message")],
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
        )],
    ),
    op(
        "PatchSession",
        Assistant,
        Admin,
        "server/assistant/api.py patch_session",
        &[ajax(
            &["PATCH"],
            "3.0/mlflow/assistant/sessions/{session_id}",
        )],
    ),
    op(
        "ResolvePermission",
        Assistant,
        Admin,
        "server/assistant/api.py resolve_permission",
        &[ajax(
            &["POST"],
            "3.0/mlflow/assistant/sessions/{session_id}/permission",
        )],
    ),
    op(
        "ResolveClientToolResult",
        Assistant,
        Admin,
        "server/assistant/api.py resolve_client_tool_result",
        &[ajax(
            &["POST"],
            "3.0/mlflow/assistant/sessions/{session_id}/tool-result",
        )],
    ),
    // A GET that starts the provider's program or calls its service.
    op(
        "ProviderHealthCheck",
        Assistant,
        Admin,
        "server/assistant/api.py provider_health_check",
        &[ajax(
            &["GET"],
            "3.0/mlflow/assistant/providers/{provider}/health",
        )],
    ),
    op(
        "GetProviders",
        Assistant,
        Read,
        "server/assistant/api.py get_providers",
        &[ajax(&["GET"], "3.0/mlflow/assistant/providers")],
    ),
    // Keys are left out of the answer.
    op(
        "GetConfig",
        Assistant,
        Read,
        "server/assistant/api.py get_config",
        &[ajax(&["GET"], "3.0/mlflow/assistant/config")],
    ),
    op(
        "UpdateConfig",
        Assistant,
        Admin,
        "server/assistant/api.py update_config",
        &[ajax(&["PUT"], "3.0/mlflow/assistant/config")],
    ),
    op(
        "InstallSkills",
        Assistant,
        Admin,
        "server/assistant/api.py install_skills_endpoint",
        &[ajax(&["POST"], "3.0/mlflow/assistant/skills/install")],
    ),
    // A GET that calls the `base_url` it is given.
    op(
        "ListProviderModels",
        Assistant,
        Admin,
        "server/assistant/api.py list_provider_models",
        &[ajax(
            &["GET"],
            "3.0/mlflow/assistant/providers/{provider}/models",
        )],
    ),
];
