//! The skill registry: skills by name, below an organization or without one.
//!
//! An organization and a skill have no slash in their names, and a name does not begin with `@`.

use crate::catalog::entry::{Operation, Route, api, op};
use crate::catalog::object::{
    Access::{Delete, Promote, Read, Write},
    Object::Skill,
};
use crate::catalog::release::Release;

/// What MLflow's auth plugin asks for, by handler.
const VALIDATOR: &str = "server/auth/__init__.py _SKILL_ROUTE_OPERATIONS";

const fn skills(methods: &'static [&'static str], template: &'static str) -> Route {
    api(methods, template).since(Release(3, 18, 0))
}

/// The skill registry.
pub(super) const TABLE: &[Operation] = &[
    op(
        "CreateSkill",
        Skill,
        Write,
        "server/auth/__init__.py validate_can_create_skill",
        &[skills(&["POST"], "3.0/mlflow/skills")],
    )
    .isolated(),
    op(
        "SearchSkills",
        Skill,
        Read,
        "server/auth/__init__.py skill_search_permission_scope",
        &[skills(&["GET"], "3.0/mlflow/skills")],
    )
    .isolated(),
    op(
        "BulkRegisterSkills",
        Skill,
        Write,
        "server/auth/__init__.py validate_can_register_skill",
        &[skills(&["POST"], "3.0/mlflow/skills/bulk-register")],
    )
    .isolated(),
    op(
        "GetSkill",
        Skill,
        Read,
        VALIDATOR,
        &[
            skills(&["GET"], "3.0/mlflow/skills/@{organization}/{name}"),
            skills(&["GET"], "3.0/mlflow/skills/{name}"),
        ],
    )
    .isolated(),
    op(
        "UpdateSkill",
        Skill,
        Write,
        VALIDATOR,
        &[
            skills(&["PATCH"], "3.0/mlflow/skills/@{organization}/{name}"),
            skills(&["PATCH"], "3.0/mlflow/skills/{name}"),
        ],
    )
    .isolated(),
    op(
        "DeleteSkill",
        Skill,
        Delete,
        VALIDATOR,
        &[
            skills(&["DELETE"], "3.0/mlflow/skills/@{organization}/{name}"),
            skills(&["DELETE"], "3.0/mlflow/skills/{name}"),
        ],
    )
    .isolated(),
    op(
        "SearchSkillVersions",
        Skill,
        Read,
        VALIDATOR,
        &[
            skills(
                &["GET"],
                "3.0/mlflow/skills/@{organization}/{name}/versions",
            ),
            skills(&["GET"], "3.0/mlflow/skills/{name}/versions"),
        ],
    )
    .isolated(),
    op(
        "CreateSkillVersion",
        Skill,
        Write,
        "server/auth/__init__.py validate_can_register_skill",
        &[
            skills(
                &["POST"],
                "3.0/mlflow/skills/@{organization}/{name}/versions",
            ),
            skills(&["POST"], "3.0/mlflow/skills/{name}/versions"),
        ],
    )
    .isolated(),
    op(
        "GetSkillVersion",
        Skill,
        Read,
        VALIDATOR,
        &[
            skills(
                &["GET"],
                "3.0/mlflow/skills/@{organization}/{name}/versions/{version}",
            ),
            skills(&["GET"], "3.0/mlflow/skills/{name}/versions/{version}"),
        ],
    )
    .isolated(),
    // The body may say `"status": "deleted"`, for which MLflow asks for what deleting takes.
    op(
        "UpdateSkillVersion",
        Skill,
        Delete,
        "server/auth/__init__.py _get_skill_registry_validator",
        &[
            skills(
                &["PATCH"],
                "3.0/mlflow/skills/@{organization}/{name}/versions/{version}",
            ),
            skills(&["PATCH"], "3.0/mlflow/skills/{name}/versions/{version}"),
        ],
    )
    .isolated(),
    op(
        "DeleteSkillVersion",
        Skill,
        Delete,
        VALIDATOR,
        &[
            skills(
                &["DELETE"],
                "3.0/mlflow/skills/@{organization}/{name}/versions/{version}",
            ),
            skills(&["DELETE"], "3.0/mlflow/skills/{name}/versions/{version}"),
        ],
    )
    .isolated(),
    op(
        "SetSkillTag",
        Skill,
        Write,
        VALIDATOR,
        &[
            skills(&["POST"], "3.0/mlflow/skills/@{organization}/{name}/tags"),
            skills(&["POST"], "3.0/mlflow/skills/{name}/tags"),
        ],
    )
    .isolated(),
    op(
        "DeleteSkillTag",
        Skill,
        Write,
        VALIDATOR,
        &[
            skills(
                &["DELETE"],
                "3.0/mlflow/skills/@{organization}/{name}/tags/{*key}",
            ),
            skills(&["DELETE"], "3.0/mlflow/skills/{name}/tags/{*key}"),
        ],
    )
    .isolated(),
    op(
        "SetSkillVersionTag",
        Skill,
        Write,
        VALIDATOR,
        &[
            skills(
                &["POST"],
                "3.0/mlflow/skills/@{organization}/{name}/versions/{version}/tags",
            ),
            skills(
                &["POST"],
                "3.0/mlflow/skills/{name}/versions/{version}/tags",
            ),
        ],
    )
    .isolated(),
    // MLflow asks for the permission to delete, here and not for a tag of the skill itself.
    op(
        "DeleteSkillVersionTag",
        Skill,
        Delete,
        VALIDATOR,
        &[
            skills(
                &["DELETE"],
                "3.0/mlflow/skills/@{organization}/{name}/versions/{version}/tags/{*key}",
            ),
            skills(
                &["DELETE"],
                "3.0/mlflow/skills/{name}/versions/{version}/tags/{*key}",
            ),
        ],
    )
    .isolated(),
    op(
        "SetSkillAlias",
        Skill,
        Promote,
        "server/skill_registry_api.py set_skill_alias",
        &[
            skills(
                &["POST"],
                "3.0/mlflow/skills/@{organization}/{name}/aliases",
            ),
            skills(&["POST"], "3.0/mlflow/skills/{name}/aliases"),
        ],
    )
    .isolated(),
    op(
        "GetSkillVersionByAlias",
        Skill,
        Read,
        VALIDATOR,
        &[
            skills(
                &["GET"],
                "3.0/mlflow/skills/@{organization}/{name}/aliases/{alias}",
            ),
            skills(&["GET"], "3.0/mlflow/skills/{name}/aliases/{alias}"),
        ],
    )
    .isolated(),
    op(
        "DeleteSkillAlias",
        Skill,
        Promote,
        "server/skill_registry_api.py delete_skill_alias",
        &[
            skills(
                &["DELETE"],
                "3.0/mlflow/skills/@{organization}/{name}/aliases/{alias}",
            ),
            skills(&["DELETE"], "3.0/mlflow/skills/{name}/aliases/{alias}"),
        ],
    )
    .isolated(),
];
