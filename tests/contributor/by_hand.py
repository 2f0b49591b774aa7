"""Every operation that names something as a raw request, without the look-ups that MLflow's client does before it."""

import json
import urllib.parse
from typing import Any

from harness import keys
from harness.http import Response, bearer
from harness.stack import MOUNT

from .world import API, ARTIFACTS, World

Fields = dict[str, Any]
# In an order in which each finds what it needs. $M is a model, $E an experiment's id, $N an experiment's name.
RAW: list[tuple[str, str, str, Fields]] = [
    ("CreateRegisteredModel", "POST", f"{API}registered-models/create", {"name": "$M"}),
    ("CreateModelVersion", "POST", f"{API}model-versions/create", {"name": "$M", "source": "$S", "run_id": "$R"}),
    ("GetRegisteredModel", "GET", f"{API}registered-models/get", {"name": "$M"}),
    ("GetModelVersion", "GET", f"{API}model-versions/get", {"name": "$M", "version": "1"}),
    ("GetModelVersionDownloadUri", "GET", f"{API}model-versions/get-download-uri", {"name": "$M", "version": "1"}),
    ("UpdateRegisteredModel", "PATCH", f"{API}registered-models/update", {"name": "$M", "description": "d"}),
    ("UpdateModelVersion", "PATCH", f"{API}model-versions/update", {"name": "$M", "version": "1", "description": "d"}),
    ("SetRegisteredModelTag", "POST", f"{API}registered-models/set-tag", {"name": "$M", "key": "k", "value": "v"}),
    ("DeleteRegisteredModelTag", "DELETE", f"{API}registered-models/delete-tag", {"name": "$M", "key": "k"}),
    ("SetModelVersionTag", "POST", f"{API}model-versions/set-tag",
     {"name": "$M", "version": "1", "key": "k", "value": "v"}),
    ("DeleteModelVersionTag", "DELETE", f"{API}model-versions/delete-tag", {"name": "$M", "version": "1", "key": "k"}),
    ("SetRegisteredModelAlias", "POST", f"{API}registered-models/alias",
     {"name": "$M", "alias": "champion", "version": "1"}),
    ("GetModelVersionByAlias", "GET", f"{API}registered-models/alias", {"name": "$M", "alias": "champion"}),
    ("DeleteRegisteredModelAlias", "DELETE", f"{API}registered-models/alias", {"name": "$M", "alias": "champion"}),
    ("TransitionModelVersionStage", "POST", f"{API}model-versions/transition-stage",
     {"name": "$M", "version": "1", "stage": "Staging", "archive_existing_versions": False}),
    ("GetLatestVersions", "GET", f"{API}registered-models/get-latest-versions", {"name": "$M"}),
    ("GetLatestVersions", "POST", f"{API}registered-models/get-latest-versions", {"name": "$M", "stages": ["None"]}),
    ("ServeModelVersionArtifact", "GET", "/model-versions/get-artifact",
     {"name": "$M", "version": "1", "path": "model.txt"}),
    ("RenameRegisteredModel", "POST", f"{API}registered-models/rename", {"name": "$M", "new_name": "$M-2"}),
    ("RenameRegisteredModel", "POST", f"{API}registered-models/rename", {"name": "$M-2", "new_name": "$M"}),
    ("DeleteModelVersion", "DELETE", f"{API}model-versions/delete", {"name": "$M", "version": "1"}),
    ("DeleteRegisteredModel", "DELETE", f"{API}registered-models/delete", {"name": "$M"}),
    ("CreateExperiment", "POST", f"{API}experiments/create", {"name": "$M"}),
    ("GetExperimentByName", "GET", f"{API}experiments/get-by-name", {"experiment_name": "$N"}),
    ("GetExperiment", "GET", f"{API}experiments/get", {"experiment_id": "$E"}),
    ("UpdateExperiment", "POST", f"{API}experiments/update", {"experiment_id": "$E", "new_name": "$N"}),
    ("SetExperimentTag", "POST", f"{API}experiments/set-experiment-tag",
     {"experiment_id": "$E", "key": "k", "value": "v"}),
    ("DeleteExperimentTag", "POST", f"{API}experiments/delete-experiment-tag", {"experiment_id": "$E", "key": "k"}),
    ("DeleteExperiment", "POST", f"{API}experiments/delete", {"experiment_id": "$E"}),
    ("RestoreExperiment", "POST", f"{API}experiments/restore", {"experiment_id": "$E"}),
    ("UploadArtifact", "PUT", f"{ARTIFACTS}/$E/raw/a.txt", {}),
    ("DownloadArtifact", "GET", f"{ARTIFACTS}/$E/raw/a.txt", {}),
    ("ListArtifactsMlflowArtifacts", "GET", ARTIFACTS, {"path": "$E/raw"}),
    ("DeleteArtifact", "DELETE", f"{ARTIFACTS}/$E/raw/a.txt", {}),
]  # fmt: skip

# Operations on such objects that no name can be read for: nothing but a wide grant will do.
UNTIED = {
    "SearchRegisteredModels",
    "SearchModelVersions",
    "SearchExperiments",
    "ListExperiments",
    "ListRegisteredModels",
    "CreateMultipartUpload",
    "CompleteMultipartUpload",
    "AbortMultipartUpload",
    "GetPresignedDownloadUrl",
    "CreatePresignedUploadUrl",
    "CreatePresignedDownloadUrl",
    "ListArtifacts",
    "ListLoggedModelArtifacts",
    "ServeArtifacts",
    "ServeUploadArtifact",
    "ServeGetLoggedModelArtifact",
}


def filled(value: Any, values: dict[str, str]) -> Any:
    if isinstance(value, str):
        for mark, text in values.items():
            value = value.replace(mark, text)
    return value


def raw(
    world: World,
    row: tuple[str, str, str, Fields],
    values: dict[str, str],
    prefix: str = "/api/",
    key: keys.Key | None = None,
) -> Response:
    _, method, path, fields = row
    named = {field: filled(value, values) for field, value in fields.items()}
    target = MOUNT + filled(path, values).replace("/api/", prefix, 1)
    headers, body = [bearer((key or world.alone)["key"])], None
    if method == "PUT":
        body = b"raw"
    elif method == "GET":
        target += "?" + urllib.parse.urlencode(named) if named else ""
    elif named:
        headers.append(("content-type", "application/json"))
        body = json.dumps(named).encode()
    return world.stack.client.request(method, target, headers, body)


def values_of(world: World) -> dict[str, str]:
    """A source that the contributor may read, and its run."""
    return {"$S": f"mlflow-artifacts:/{world.own}/{world.own_run}/artifacts/model", "$R": world.own_run}
