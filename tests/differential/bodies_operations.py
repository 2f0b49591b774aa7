"""The operations whose requests name something, and what callers are granted of it."""

from dataclasses import dataclass

GRANTED_NAMES = ["acme-fraud", "acme-a", "acme-b c", "acme-2", "acme-"]
GRANTED_IDS = ["7", "42"]
GRANTS: dict[str, tuple[str, ...]] = {
    "all aliases": ("acme-*", "7", "42"),
    "some aliases": ("acme-*@cand*", "7", "42"),
    "one name": ("acme-fraud", "7", "42"),
}
"""What callers are granted: patterns of names."""


@dataclass(frozen=True)
class Operation:
    """An operation of MLflow that names something."""

    name: str
    method: str
    path: str
    fields: tuple[tuple[str, str], ...]
    """Those it needs, with what they hold: a name, an id, …"""
    optional: tuple[tuple[str, str], ...] = ()
    """Others, with JSON."""

    @property
    def artifact(self) -> bool:
        """Whether it names in its path."""
        return not self.fields

    @property
    def in_body(self) -> bool:
        return self.method != "GET" and not self.artifact


def _api(name: str, method: str, path: str, fields: str, *optional: tuple[str, str]) -> Operation:
    pairs = [word.partition(":") for word in fields.split()]
    kinds = tuple((field, kind or field) for field, _, kind in pairs)
    return Operation(name, method, "/{surface}/2.0/mlflow/" + path, kinds, optional)


_TAGS = (
    ("tags", '[{"key":"mlflow.prompt.is_prompt","value":"true"}]'),
    ("tags", '[{"key":"a","value":"b"}]'),
)
_TEXT = ("description", '"d"')

OPERATIONS = [
    _api(
        "CreateRegisteredModel",
        "POST",
        "registered-models/create",
        "name",
        *_TAGS,
        _TEXT,
        ("deployment_job_id", '"j"'),
    ),
    _api("RenameRegisteredModel", "POST", "registered-models/rename", "name new_name:name"),
    _api("RenameRegisteredModel", "POST", "registered-models/rename", "name new_name:name"),
    _api(
        "UpdateRegisteredModel",
        "PATCH",
        "registered-models/update",
        "name",
        _TEXT,
        ("deployment_job_id", '"j"'),
    ),
    _api("DeleteRegisteredModel", "DELETE", "registered-models/delete", "name"),
    _api("GetRegisteredModel", "GET", "registered-models/get", "name"),
    _api("SetRegisteredModelTag", "POST", "registered-models/set-tag", "name key value:text"),
    _api("DeleteRegisteredModelTag", "DELETE", "registered-models/delete-tag", "name key"),
    _api("SetRegisteredModelAlias", "POST", "registered-models/alias", "name alias version"),
    _api("SetRegisteredModelAlias", "POST", "registered-models/alias", "name alias version"),
    _api("DeleteRegisteredModelAlias", "DELETE", "registered-models/alias", "name alias"),
    _api("GetModelVersionByAlias", "GET", "registered-models/alias", "name alias"),
    _api("GetLatestVersions", "POST", "registered-models/get-latest-versions", "name", ("stages", '["None"]')),
    _api("GetLatestVersions", "GET", "registered-models/get-latest-versions", "name"),
    *[
        _api(
            "CreateModelVersion",
            "POST",
            "model-versions/create",
            "name source",
            ("run_id", '"0123456789abcdef0123456789abcdef"'),
            ("model_id", '"m-0123456789abcdef0123456789abcdef"'),
            ("run_link", '"l"'),
            *_TAGS,
            _TEXT,
        )
    ]
    * 3,
    _api("UpdateModelVersion", "PATCH", "model-versions/update", "name version", _TEXT),
    _api(
        "TransitionModelVersionStage",
        "POST",
        "model-versions/transition-stage",
        "name version stage",
        ("archive_existing_versions", "true"),
    ),
    _api("DeleteModelVersion", "DELETE", "model-versions/delete", "name version"),
    _api("GetModelVersion", "GET", "model-versions/get", "name version"),
    _api("GetModelVersionDownloadUri", "GET", "model-versions/get-download-uri", "name version"),
    _api("SetModelVersionTag", "POST", "model-versions/set-tag", "name version key value:text"),
    _api("DeleteModelVersionTag", "DELETE", "model-versions/delete-tag", "name version key"),
    Operation(
        "ServeModelVersionArtifact",
        "GET",
        "/model-versions/get-artifact",
        (("name", "name"), ("version", "version"), ("path", "path")),
    ),
    _api("CreateExperiment", "POST", "experiments/create", "name", *_TAGS, ("artifact_location", '"s3://b/x"')),
    _api("GetExperimentByName", "GET", "experiments/get-by-name", "experiment_name:name"),
    *[_api("UpdateExperiment", "POST", "experiments/update", "experiment_id:id new_name:name")] * 3,
    _api("GetExperiment", "GET", "experiments/get", "experiment_id:id"),
    _api("DeleteExperiment", "POST", "experiments/delete", "experiment_id:id"),
    _api("RestoreExperiment", "POST", "experiments/restore", "experiment_id:id"),
    _api("SetExperimentTag", "POST", "experiments/set-experiment-tag", "experiment_id:id key value:text"),
    _api("DeleteExperimentTag", "POST", "experiments/delete-experiment-tag", "experiment_id:id key"),
    # What a grant that is limited to names cannot cover.
    _api("CreateRun", "POST", "runs/create", "experiment_id:id", ("user_id", '"u"'), ("run_name", '"r"')),
    Operation("DownloadArtifact", "GET", "/{surface}/2.0/mlflow-artifacts/artifacts", ()),
    Operation("UploadArtifact", "PUT", "/{surface}/2.0/mlflow-artifacts/artifacts", ()),
    Operation("DeleteArtifact", "DELETE", "/{surface}/2.0/mlflow-artifacts/artifacts", ()),
    Operation(
        "ListArtifactsMlflowArtifacts",
        "GET",
        "/{surface}/2.0/mlflow-artifacts/artifacts",
        (("path", "artifact"),),
    ),
]
