"""MLflow's workspaces through the real Envoy: what their header and an artifact's path reach, and what a delete takes along."""

import json
import re
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from differential.compare import cli
from harness import keys
from harness.auth_service import AuthService
from harness.envoy_config import EVERYTHING, routed
from harness.explain import explain
from harness.http import Client, Response, bearer
from harness.mlflow_server import MlflowServer
from harness.pool import Pool
from harness.stack import Stack

READ, WRITE, DELETE = (key["key"] for key in (keys.READ, keys.WRITE, keys.DELETE))
ARTIFACTS = "/api/2.0/mlflow-artifacts/artifacts/"
JSON = ("content-type", "application/json")


@pytest.fixture(scope="module")
def workspaces(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[MlflowServer, Path]]:
    """A server with the workspaces w1 and w2, and the folder of its artifacts."""
    workdir = tmp_path_factory.mktemp("workspaces")
    with MlflowServer(workdir, options=("--enable-workspaces",)) as server:
        for name in ("w1", "w2"):
            body = json.dumps({"name": name}).encode()
            assert Client(*server.address).post("/api/3.0/mlflow/workspaces", [JSON], body).status == 201
        yield server, workdir / "artifacts"


@pytest.fixture(scope="module")
def in_workspaces(
    workspaces: tuple[MlflowServer, Path],
    tmp_path_factory: pytest.TempPathFactory,
    auth_service: AuthService,
    pool: Pool,
) -> Iterator[Client]:
    server, _ = workspaces
    workdir = tmp_path_factory.mktemp("workspaces-envoy")
    # Path normalization off: the filter has to do it alone.
    plugin, edit = {"mounts": ["/"]}, routed(EVERYTHING)
    with Stack(
        workdir, auth=auth_service, mlflow=server.address, plugin=plugin, edit=edit, normalize=False, pool=pool
    ) as stack:
        yield stack.client


def workspace(name: str) -> tuple[str, str]:
    return ("X-MLFLOW-WORKSPACE", name)


def fill(server: MlflowServer) -> None:
    direct = Client(*server.address)
    for headers in ([], [workspace("w1")], [workspace("w2")]):
        assert direct.request("PUT", ARTIFACTS + "1/f.txt", headers, b"x").status == 200


def files(folder: Path) -> set[str]:
    return {str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file()}


EVERY_FILE = {"1/f.txt", "workspaces/w1/1/f.txt", "workspaces/w2/1/f.txt"}


def test_artifacts_of_a_workspace(in_workspaces: Client) -> None:
    target = ARTIFACTS + "workspaces/w1/2/a b.txt".replace(" ", "%20")
    mine = workspace("w1")
    assert in_workspaces.request("PUT", target, [bearer(READ), mine], b"x").status == 403
    assert in_workspaces.request("PUT", target, [mine], b"x").status == 401
    assert in_workspaces.request("PUT", target, [bearer(WRITE), mine], b"x").status == 200
    assert in_workspaces.get(target, [bearer(READ), mine]).body == b"x"
    assert in_workspaces.request("DELETE", target, [bearer(WRITE), mine]).status == 403
    # MLflow itself keeps a path of one workspace out of the others.
    assert in_workspaces.get(target, [bearer(READ), workspace("w2")]).status == 400
    assert in_workspaces.get(target, [bearer(READ)]).status == 400
    assert in_workspaces.request("DELETE", target, [bearer(DELETE), mine]).status == 200


def test_the_header_chooses_the_workspace_and_nothing_else(in_workspaces: Client) -> None:
    """A model of the same name in another workspace is another model: grants by name cover both."""
    create = "/api/2.0/mlflow/registered-models/create"
    for name in ("w1", "w2"):
        headers = [JSON, workspace(name)]
        assert in_workspaces.post(create, [*headers, bearer(READ)], b'{"name": "m"}').status == 403
        assert in_workspaces.post(create, [*headers, bearer(WRITE)], b'{"name": "m"}').status == 200
    get = "/api/2.0/mlflow/registered-models/get?name=m"
    assert in_workspaces.get(get, [bearer(READ), workspace("w2")]).status == 200
    assert in_workspaces.get(get, [bearer(READ)]).status == 404
    assert in_workspaces.get(get, [workspace("w2")]).status == 401


# Headers that MLflow 3.17.2 reads, beside those that only describe the body.
SERVER_HEADERS = [
    ("X-MLFLOW-WORKSPACE", "w2"),
    ("X-Mlflow-Experiment-Id", "7"),
    ("X-Mlflow-Run-Id", "abc"),
    ("X-MLflow-Gateway-Caller", "judge"),
    ("X-Forwarded-For", "127.0.0.1"),
    ("X-Forwarded-Proto", "https"),
    ("X-Forwarded-Host", "other.example"),
    ("Forwarded", "for=127.0.0.1;host=other.example"),
    ("Upgrade", "websocket"),
    ("Range", "bytes=0-0"),
]


def test_no_header_changes_what_a_request_needs() -> None:
    rows = json.loads(subprocess.run([cli(), "routes", "--format", "json"], capture_output=True, check=True).stdout)
    lines, count = [], 0
    for row in rows:
        for method in row["methods"]:
            count += 1
            request = {
                "method": method,
                "target": re.sub("[{}*]", "", row["path"]),
                "scopes": [],
            }
            lines.append(request)
            lines.append({**request, "headers": SERVER_HEADERS})
    decisions = explain(lines)
    assert len(decisions) == 2 * count > 800
    assert [a for a, b in zip(decisions[::2], decisions[1::2], strict=True) if a != b] == []


# --- what acts on more than it names ---

# MLflow's validate_path_is_safe (mlflow/utils/uri.py) reads an artifact's path as a URL before it uses it: it
# decodes up to ten times, cuts leading spaces and an empty query, fragment or parameter at the end, and takes
# `file:` for a scheme. What is left of these is the root, so DELETE removes every artifact of the server.
WHOLE_STORE = [
    ".", "%2e", "%252e", "./", "%20", "%20%20", "%2520", "%3F", "%3f%23", "%23", "%253F", "%3B", ";",
    "%20.", "%20%2e", ".%3F", ".%23", ".%3B", ".;", "%20%3F", "file:", "FILE:", "fi%6Ce:", "file%3A",
    "file:%3Fx", "file:%23", "%20file:",
]  # fmt: skip
# In the default workspace, `workspaces` holds all others, and `./` keeps MLflow from seeing that.
EVERY_WORKSPACE = [
    "workspaces",
    "workspaces%3F",
    "workspaces%23",
    "%20workspaces",
    "workspaces%3B",
    "%20./workspaces",
]


def deletes(client: Client, server: MlflowServer, folder: Path, path: str) -> tuple[Response, set[str]]:
    """What a key that may delete artifacts gets, and what is gone."""
    fill(server)
    answer = client.request("DELETE", ARTIFACTS + path, [bearer(DELETE)])
    return answer, EVERY_FILE - files(folder)


def test_the_server_deletes_everything(workspaces: tuple[MlflowServer, Path]) -> None:
    """Without the filter. If this fails, MLflow has changed, and the rules may be relaxed."""
    server, folder = workspaces
    for path in ("%20", "%3F", "file:", ".%3B", "%2e"):
        fill(server)
        Client(*server.address).request("DELETE", ARTIFACTS + path)
        assert not files(folder) & EVERY_FILE, path


def test_no_spelling_deletes_every_artifact(in_workspaces: Client, workspaces: tuple[MlflowServer, Path]) -> None:
    server, folder = workspaces
    gone = {path: deletes(in_workspaces, server, folder, path) for path in [*WHOLE_STORE, *EVERY_WORKSPACE]}
    wide = {path: answer.status for path, (answer, lost) in gone.items() if len(lost) > 1}
    assert not wide, wide


def test_no_spelling_reads_another_workspace(in_workspaces: Client, workspaces: tuple[MlflowServer, Path]) -> None:
    fill(workspaces[0])
    for path in ("./workspaces/w1/1/f.txt", "%2e/workspaces/w1/1/f.txt", "%20./workspaces/w1/1/f.txt"):
        assert in_workspaces.get(ARTIFACTS + path, [bearer(READ)]).status == 400, path


def test_a_delete_that_names_its_object_still_works(
    in_workspaces: Client, workspaces: tuple[MlflowServer, Path]
) -> None:
    server, folder = workspaces
    answer, lost = deletes(in_workspaces, server, folder, "1/f.txt")
    assert (answer.status, lost) == (200, {"1/f.txt"})
