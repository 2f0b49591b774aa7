"""Registered models, versions, aliases and prompts: named by text that may exist in several workspaces."""

from ..contents import CHAMPION
from ..steps import API2, Attempt, Step, delete, get, patch, post, tries

_MODELS, _VERSIONS = f"{API2}/registered-models", f"{API2}/model-versions"
_NAME, _SHARED = "{it.registered_model}", "shared"
_TAG = {"key": "zqmade", "value": "zqmade"}
_SEARCH = f"{_VERSIONS}/search?max_results=500"


def _source(source: str, **more: str) -> Step:
    """A version of an own model, whose files lie there."""
    return post(f"{_VERSIONS}/create", {"name": "{me.registered_model}", "source": source, **more}, version="model_version.version")  # fmt: skip


_FOLLOW = "/model-versions/get-artifact?name={me.registered_model}&version={got.version}&path="
_URI = f"{_VERSIONS}/get-download-uri?name={{me.registered_model}}&version={{got.version}}"

MODELS = [
    *tries("CreateRegisteredModel", ("a name that exists there", post(f"{_MODELS}/create", {"name": _NAME})),
           shows="answer"),
    *tries("RenameRegisteredModel",
           ("name", post(f"{_MODELS}/rename", {"name": _NAME, "new_name": "zqmade"}))),
    *tries("RenameRegisteredModel", ("to a name that exists there", post(f"{_MODELS}/rename", {
        "name": _SHARED, "new_name": _NAME})), shows="answer"),
    *tries("UpdateRegisteredModel", ("name", patch(f"{_MODELS}/update", {"name": _NAME, "description": "zqmade"})),
           ("a name in both", patch(f"{_MODELS}/update", {"name": _SHARED, "description": "zqmade"}))),
    *tries("DeleteRegisteredModel", ("name", delete(f"{_MODELS}/delete", {"name": _NAME})),
           ("a name in both", delete(f"{_MODELS}/delete", {"name": _SHARED}))),
    *tries("GetRegisteredModel", ("name", get(f"{_MODELS}/get?name={_NAME}")),
           ("a name in both", get(f"{_MODELS}/get?name={_SHARED}")),
           ("a prompt's name", get(f"{_MODELS}/get?name={{it.prompt}}"))),
    *tries(
        "SearchRegisteredModels",
        ("all", get(f"{_MODELS}/search?max_results=500")),
        ("filter by name", get(f"{_MODELS}/search?filter=name%20%3D%20'{_NAME}'")),
        ("filter by tag", get(f"{_MODELS}/search?filter=tags.`{{it.mark}}tag`%20%3D%20'{{it.mark}}-value'")),
        ("prompts", get(f"{_MODELS}/search?filter=tags.`mlflow.prompt.is_prompt`%20%3D%20'true'")),
        ("page token of the other's search",
         get(f"{_MODELS}/search?max_results=1&page_token=eyJvZmZzZXQiOiAxfQ%3D%3D")),
    ),
    *tries("SetRegisteredModelTag", ("name", post(f"{_MODELS}/set-tag", {"name": _NAME, **_TAG})),
           ("a name in both", post(f"{_MODELS}/set-tag", {"name": _SHARED, **_TAG}))),
    *tries("DeleteRegisteredModelTag",
           ("name", delete(f"{_MODELS}/delete-tag", {"name": _NAME, "key": "{it.mark}tag"})),
           ("a name in both", delete(f"{_MODELS}/delete-tag", {"name": _SHARED, "key": "{it.mark}tag"}))),
    *tries("SetRegisteredModelAlias",
           ("name", post(f"{_MODELS}/alias", {"name": _NAME, "alias": "zqmade", "version": "1"})),
           ("a name in both", post(f"{_MODELS}/alias", {"name": _SHARED, "alias": "zqmade", "version": "1"})),
           ("a version that exists only there", post(f"{_MODELS}/alias", {
               "name": _NAME, "alias": CHAMPION, "version": "2"}))),
    *tries("DeleteRegisteredModelAlias",
           ("name", delete(f"{_MODELS}/alias", {"name": _NAME, "alias": CHAMPION})),
           ("a name in both", delete(f"{_MODELS}/alias", {"name": _SHARED, "alias": CHAMPION}))),
    *tries("GetLatestVersions", ("name", post(f"{_MODELS}/get-latest-versions", {"name": _NAME})),
           ("name, as GET", get(f"{_MODELS}/get-latest-versions?name={_NAME}")),
           ("a name in both", post(f"{_MODELS}/get-latest-versions", {"name": _SHARED}))),
    *tries("GetModelVersionByAlias", ("name", get(f"{_MODELS}/alias?name={_NAME}&alias={CHAMPION}")),
           ("a name in both", get(f"{_MODELS}/alias?name={_SHARED}&alias={CHAMPION}"))),
]  # fmt: skip

VERSIONS = [
    *tries(
        "CreateModelVersion",
        ("name", post(f"{_VERSIONS}/create", {"name": _NAME, "source": "s3://zq/made"})),
        ("a prompt's name", post(f"{_VERSIONS}/create", {
            "name": "{it.prompt}", "source": "dummy-source",
            "tags": [{"key": "mlflow.prompt.is_prompt", "value": "true"}]})),
        ("run_id", _source("runs:/{it.run}/model", run_id="{it.run}")),
        ("run_id with files elsewhere", _source("s3://zq/made", run_id="{it.run}")),
        ("model_id", _source("models:/{it.logged_model}", model_id="{it.logged_model}")),
        ("model_id with files elsewhere", _source("s3://zq/made", model_id="{it.logged_model}")),
        ("model_id of a prompt's version", post(f"{_VERSIONS}/create", {
            "name": "{me.prompt}", "source": "dummy-source", "model_id": "{it.logged_model}",
            "tags": [{"key": "mlflow.prompt.is_prompt", "value": "true"}]})),
        ("source models:/name/version", _source(f"models:/{_NAME}/1")),
        ("source models:/name@alias", _source(f"models:/{_NAME}@{CHAMPION}")),
    ),
    # The version's source names another workspace's files, then the server is asked for one of them.
    *tries(
        "ServeModelVersionArtifact",
        ("name", get(f"/model-versions/get-artifact?name={_NAME}&version=2&path=MLmodel")),
        ("a source mlflow-artifacts:/", _source("mlflow-artifacts:/{it.files}/model"), get(_FOLLOW + "MLmodel")),
        ("the same, with an own run_id",
         _source("mlflow-artifacts:/{it.files}/model", run_id="{me.run}"), get(_FOLLOW + "MLmodel")),
        ("the same, with its run_id",
         _source("mlflow-artifacts:/{it.files}/model", run_id="{it.run}"), get(_FOLLOW + "MLmodel")),
        ("a source mlflow-artifacts:/./",
         _source("mlflow-artifacts:/./{it.files}/model"), get(_FOLLOW + "MLmodel")),
        ("a source of the artifact API's URL",
         _source("http://127.0.0.1/api/2.0/mlflow-artifacts/artifacts/{it.files}/model"), get(_FOLLOW + "MLmodel")),
        ("a source runs:/", _source("runs:/{it.run}/model"), get(_FOLLOW + "MLmodel")),
        ("a source runs:/ with its run_id", _source("runs:/{it.run}/model", run_id="{it.run}"),
         get(_FOLLOW + "MLmodel")),
        ("a source models:/model_id", _source("models:/{it.logged_model}"), get(_FOLLOW + "MLmodel")),
        ("a source models:/model_id with its model_id",
         _source("models:/{it.logged_model}", model_id="{it.logged_model}"), get(_FOLLOW + "MLmodel")),
        ("a source models:/name/version", _source(f"models:/{_NAME}/2"), get(_FOLLOW + "MLmodel")),
        ("a source of the server's file system",
         _source("{it.folder}/{it.files}/model"), get(_FOLLOW + "MLmodel")),
        ("a source file://", _source("file://{it.folder}/{it.files}/model"), get(_FOLLOW + "MLmodel")),
        ("a source file:// with an own run_id",
         _source("file://{it.folder}/{it.files}/model", run_id="{me.run}"), get(_FOLLOW + "MLmodel")),
    ),
    *tries("UpdateModelVersion", ("name", patch(f"{_VERSIONS}/update", {
        "name": _NAME, "version": "1", "description": "zqmade"})),
        ("a name in both", patch(f"{_VERSIONS}/update", {
            "name": _SHARED, "version": "1", "description": "zqmade"}))),
    *tries("TransitionModelVersionStage", ("name", post(f"{_VERSIONS}/transition-stage", {
        "name": _NAME, "version": "1", "stage": "Production", "archive_existing_versions": True})),
        ("a name in both", post(f"{_VERSIONS}/transition-stage", {
            "name": _SHARED, "version": "1", "stage": "Production", "archive_existing_versions": True}))),
    *tries("DeleteModelVersion", ("name", delete(f"{_VERSIONS}/delete", {"name": _NAME, "version": "1"})),
           ("a name in both", delete(f"{_VERSIONS}/delete", {"name": _SHARED, "version": "1"}))),
    *tries("GetModelVersion", ("name", get(f"{_VERSIONS}/get?name={_NAME}&version=1")),
           ("a name in both", get(f"{_VERSIONS}/get?name={_SHARED}&version=1"))),
    *tries(
        "SearchModelVersions",
        ("all", get(_SEARCH)),
        ("filter by name", get(f"{_SEARCH}&filter=name%3D'{_NAME}'")),
        ("filter by run id", get(f"{_SEARCH}&filter=run_id%3D'{{it.run}}'")),
        ("filter by source", get(f"{_SEARCH}&filter=source_path%3D'mlflow-artifacts:/{{it.files}}/model'")),
        ("filter by tag", get(f"{_SEARCH}&filter=tags.`{{it.mark}}tag`%3D'{{it.mark}}-value'")),
    ),
    *tries(
        "GetModelVersionDownloadUri",
        ("name", get(f"{_VERSIONS}/get-download-uri?name={_NAME}&version=2")),
        ("a source models:/model_id", _source("models:/{it.logged_model}"), get(_URI)),
        ("a source models:/name/version", _source(f"models:/{_NAME}/2"), get(_URI)),
        ("a source models:/model_id with its model_id",
         _source("models:/{it.logged_model}", model_id="{it.logged_model}"), get(_URI)),
    ),
    *tries("SetModelVersionTag", ("name", post(f"{_VERSIONS}/set-tag", {"name": _NAME, "version": "1", **_TAG})),
           ("a name in both", post(f"{_VERSIONS}/set-tag", {"name": _SHARED, "version": "1", **_TAG}))),
    *tries("DeleteModelVersionTag", ("name", delete(f"{_VERSIONS}/delete-tag", {
        "name": _NAME, "version": "1", "key": "{it.mark}tag"})),
        ("a name in both", delete(f"{_VERSIONS}/delete-tag", {
            "name": _SHARED, "version": "1", "key": "{it.mark}tag"}))),
]  # fmt: skip

ATTEMPTS: list[Attempt] = [*MODELS, *VERSIONS]
