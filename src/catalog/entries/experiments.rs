//! Experiments and their tags.

use crate::catalog::entry::{Operation, api, op, preview};
use crate::catalog::naming::{
    FieldKind::{ExperimentId, ExperimentName, Location, Tags, Text},
    Naming::{Collection, Fields},
};
use crate::catalog::object::{
    Access::{Delete, Read, Write},
    Object::Experiment,
};
use crate::catalog::release::Release;

/// Experiments and their tags.
pub(super) const TABLE: &[Operation] = &[
    op(
        "CreateExperiment",
        Experiment,
        Write,
        "server/auth/__init__.py validate_can_create_experiment",
        &[
            api(&["POST"], "2.0/mlflow/experiments/create"),
            preview(&["POST"], "2.0/preview/mlflow/experiments/create"),
        ],
    )
    .isolated()
    .named_by(Fields(&[
        ("name", ExperimentName),
        ("tags", Tags),
        ("artifact_location", Location),
    ])),
    op(
        "SearchExperiments",
        Experiment,
        Read,
        "server/handlers.py _search_experiments",
        &[api(&["GET", "POST"], "2.0/mlflow/experiments/search")],
    )
    .isolated()
    .named_by(Collection),
    op(
        "GetExperimentByName",
        Experiment,
        Read,
        "server/auth/__init__.py validate_can_read_experiment_by_name",
        &[api(&["GET"], "2.0/mlflow/experiments/get-by-name")],
    )
    .isolated()
    .named_by(Fields(&[("experiment_name", ExperimentName)])),
    op(
        "GetExperiment",
        Experiment,
        Read,
        "server/auth/__init__.py validate_can_read_experiment",
        &[
            api(&["GET"], "2.0/mlflow/experiments/get"),
            preview(&["GET"], "2.0/preview/mlflow/experiments/get"),
        ],
    )
    .isolated()
    .named_by(Fields(&[("experiment_id", ExperimentId)])),
    op(
        "UpdateExperiment",
        Experiment,
        Write,
        "server/auth/__init__.py validate_can_update_experiment",
        &[
            api(&["POST"], "2.0/mlflow/experiments/update"),
            preview(&["POST"], "2.0/preview/mlflow/experiments/update"),
        ],
    )
    .isolated()
    .named_by(Fields(&[
        ("experiment_id", ExperimentId),
        ("new_name", ExperimentName),
    ])),
    op(
        "DeleteExperiment",
        Experiment,
        Delete,
        "server/auth/__init__.py validate_can_delete_experiment",
        &[
            api(&["POST"], "2.0/mlflow/experiments/delete"),
            preview(&["POST"], "2.0/preview/mlflow/experiments/delete"),
        ],
    )
    .isolated()
    .named_by(Fields(&[("experiment_id", ExperimentId)])),
    // MLflow asks for the permission to delete here as well.
    op(
        "RestoreExperiment",
        Experiment,
        Delete,
        "server/auth/__init__.py validate_can_delete_experiment",
        &[
            api(&["POST"], "2.0/mlflow/experiments/restore"),
            preview(&["POST"], "2.0/preview/mlflow/experiments/restore"),
        ],
    )
    .isolated()
    .named_by(Fields(&[("experiment_id", ExperimentId)])),
    op(
        "SetExperimentTag",
        Experiment,
        Write,
        "server/auth/__init__.py validate_can_update_experiment",
        &[
            api(&["POST"], "2.0/mlflow/experiments/set-experiment-tag"),
            preview(
                &["POST"],
                "2.0/preview/mlflow/experiments/set-experiment-tag",
            ),
        ],
    )
    .isolated()
    .named_by(Fields(&[
        ("experiment_id", ExperimentId),
        ("key", Text),
        ("value", Text),
    ])),
    op(
        "DeleteExperimentTag",
        Experiment,
        Write,
        "server/auth/__init__.py validate_can_update_experiment",
        &[api(&["POST"], "2.0/mlflow/experiments/delete-experiment-tag").since(Release(3, 2, 0))],
    )
    .isolated()
    .named_by(Fields(&[("experiment_id", ExperimentId), ("key", Text)])),
    // Before 2.0; later releases search.
    op(
        "ListExperiments",
        Experiment,
        Read,
        "server/handlers.py _list_experiments",
        &[
            api(&["GET"], "2.0/mlflow/experiments/list").until(Release(2, 0, 0)),
            preview(&["GET"], "2.0/preview/mlflow/experiments/list"),
        ],
    )
    .named_by(Collection),
];
