"""Files: through runs and models that own them, and through the proxied artifact store by path."""

from ..steps import AJAX2, API2, ARTIFACTS, Attempt, Step, delete, get, post, put, tries

_MPU = "/api/2.0/mlflow-artifacts/mpu"
_MODEL = f"{API2}/logged-models/{{it.logged_model}}"


def _paths(operation: str, make: object, default: dict[str, str], shows: str = "sees") -> list[Attempt]:
    """The path of the other's file, and the spellings by which the default workspace gets around the check."""
    assert callable(make)
    found = tries(operation, ("path", make("{it.files}/file.txt")), shows=shows)
    plain = found[0].steps
    odd = {
        "a path with ..": "{me.root}../{it.workspace}/{it.experiment}/{it.run}/artifacts/file.txt",
        "a path with an escaped ..": "{me.root}%2e%2e/{it.workspace}/{it.experiment}/{it.run}/artifacts/file.txt",
    }
    for way, path in odd.items():
        found += tries(operation, (way, make(path)), control=plain, shows=shows)
    for way, path in default.items():
        found += tries(operation, (way, make(path)), control=plain, only_from="default", shows=shows)
    return found


_DOTS = {
    "a path that begins with ./": "./{it.files}/file.txt",
    "a path with /./": "workspaces/./{it.workspace}/{it.experiment}/{it.run}/artifacts/file.txt",
    "a path that begins with %20./": "%20./{it.files}/file.txt",
    "a path that begins with //": "//{it.files}/file.txt",
    "a path with //": "workspaces//{it.workspace}/{it.experiment}/{it.run}/artifacts/file.txt",
}
_LISTS = f"{ARTIFACTS}?path="
_OWN = get(f"{_LISTS}{{it.root}}{{it.experiment}}")

PROXY = [
    *_paths("DownloadArtifact", lambda path: get(f"{ARTIFACTS}/{path}"), _DOTS),
    *_paths("UploadArtifact", lambda path: put(f"{ARTIFACTS}/{path}"), _DOTS),
    *_paths("DeleteArtifact", lambda path: delete(f"{ARTIFACTS}/{path}"), _DOTS),
    *tries("DeleteArtifact", ("workspaces", delete(f"{ARTIFACTS}/workspaces")),
           ("./workspaces", delete(f"{ARTIFACTS}/./workspaces")),
           ("the root", delete(f"{ARTIFACTS}/%20")),
           control=(delete(f"{ARTIFACTS}/{{it.files}}/file.txt"),), only_from="default"),
    *tries("ListArtifactsMlflowArtifacts", ("path", _OWN)),
    *tries("ListArtifactsMlflowArtifacts", ("a path with ..", get(f"{_LISTS}{{me.root}}../{{it.workspace}}")),
           control=(_OWN,)),
    *tries(
        "ListArtifactsMlflowArtifacts",
        ("the root", get(ARTIFACTS)),
        ("the root, path=.", get(f"{_LISTS}.")),
        ("path=workspaces", get(f"{_LISTS}workspaces")),
        ("path=./workspaces/W", get(f"{_LISTS}./workspaces/{{it.workspace}}")),
        ("path=workspaces/./W", get(f"{_LISTS}workspaces/./{{it.workspace}}")),
        ("path=./workspaces", get(f"{_LISTS}./workspaces")),
        control=(_OWN,), only_from="default",
    ),
    # A local store has no multipart uploads and no presigned URLs: the owner's answer is that.
    *tries("CreateMultipartUpload",
           ("path", post(f"{_MPU}/create/{{it.files}}", {"path": "file.txt", "num_parts": 1})), shows="answer"),
    *tries("CompleteMultipartUpload", ("path", post(f"{_MPU}/complete/{{it.files}}", {
        "path": "file.txt", "upload_id": "1", "parts": []})), shows="answer"),
    *tries("AbortMultipartUpload",
           ("path", post(f"{_MPU}/abort/{{it.files}}", {"path": "file.txt", "upload_id": "1"})), shows="answer"),
    *tries("GetPresignedDownloadUrl",
           ("path", get("/api/2.0/mlflow-artifacts/presigned/{it.files}/file.txt")), shows="answer"),
    *tries("DownloadArtifact",
           ("a path that ends in /mlflow/server-info",
            get(f"{ARTIFACTS}/{{it.root}}{{it.experiment}}/mlflow/server-info")),
           control=(get(f"{ARTIFACTS}/{{it.files}}/file.txt"),)),
]  # fmt: skip

OWNED = [
    *tries("ListArtifacts", ("id", get(f"{API2}/artifacts/list?run_id={{it.run}}")),
           ("run_uuid", get(f"{API2}/artifacts/list?run_uuid={{it.run}}")),
           ("id with a path", get(f"{API2}/artifacts/list?run_id={{it.run}}&path=model"))),
    *tries("ListArtifacts", ("own run, a path with ..",
                             get(f"{API2}/artifacts/list?run_id={{me.run}}&path=../../../{{it.files}}")),
           control=(get(f"{API2}/artifacts/list?run_id={{it.run}}"),)),
    *tries("CreatePresignedUploadUrl",
           ("run_id", post(f"{API2}/artifacts/presigned-upload-url", {"run_id": "{it.run}", "path": "f"})),
           ("model_id", post(f"{API2}/artifacts/presigned-upload-url", {
               "model_id": "{it.logged_model}", "path": "f"})), shows="answer"),
    *tries("CreatePresignedDownloadUrl",
           ("run_id", post(f"{API2}/artifacts/presigned-download-url", {"run_id": "{it.run}", "path": "file.txt"})),
           shows="answer"),
    *tries("ListLoggedModelArtifacts", ("id", get(f"{_MODEL}/artifacts/directories"))),
    *tries("ServeArtifacts", ("id", get("/get-artifact?run_id={it.run}&path=file.txt")),
           ("run_uuid", get("/get-artifact?run_uuid={it.run}&path=file.txt"))),
    *tries("ServeArtifacts",
           ("own run, a path with ..", get("/get-artifact?run_id={me.run}&path=../../../{it.files}/file.txt")),
           control=(get("/get-artifact?run_id={it.run}&path=file.txt"),)),
    *tries("ServeUploadArtifact",
           ("id", Step("POST", f"{AJAX2}/upload-artifact?run_uuid={{it.run}}&path=zqmade.txt", b"zqmade",
                       headers=(("content-type", "text/plain"),)))),
    *tries("ServeGetLoggedModelArtifact", ("id", get(
        f"{AJAX2}/logged-models/{{it.logged_model}}/artifacts/files?artifact_file_path=MLmodel"))),
]  # fmt: skip

ATTEMPTS: list[Attempt] = [*PROXY, *OWNED]
