"""Contributors with clients of any age behind the real Envoy: what a key of a workspace makes is there and nowhere else.

Clients that know nothing of workspaces have keys that are pinned to one. Envoy hands their requests to a recorder, which
writes down what MLflow receives.
"""

import json
import re
import subprocess
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from differential.recorder import Recorder
from harness import keys, mlflow_client, paths
from harness.auth_service import AuthService
from harness.http import bearer
from harness.pool import Pool
from harness.stack import Stack
from isolation.contents import DEFAULT, HEADER, IT, MARKS, ME
from isolation.world import WITH, World

SCOPES = ["model:write", "tracking:write", "model:delete"]
KEYS = {name: keys.key(f"clients_{MARKS[name]}", SCOPES, workspaces=[name]) for name in (IT, ME, DEFAULT)}
PINNED = keys.key("clients_pinned", SCOPES, workspace=ME)
# One process plays all of them; what it keeps of a prompt is not the server's to refuse.
CACHES = ("MLFLOW_ALIAS_PROMPT_CACHE_TTL_SECONDS", "MLFLOW_VERSION_PROMPT_CACHE_TTL_SECONDS")
CLIENTS = paths.ROOT / "tests" / "old_clients"
STORY = paths.ROOT / "tests" / "contributor" / "in_workspaces.py"


@pytest.fixture(scope="module")
def recorder(world: World) -> Iterator[Recorder]:
    with Recorder(world.server.address) as started:
        yield started


@pytest.fixture(scope="module")
def stack(
    recorder: Recorder, auth_service: AuthService, tmp_path_factory: pytest.TempPathFactory, pool: Pool
) -> Iterator[Stack]:
    auth_service.put_keys(PINNED, *KEYS.values())
    with Stack(
        tmp_path_factory.mktemp("workspace-clients"),
        auth=auth_service, mlflow=recorder.address, plugin={"workspaces": {"enabled": True}}, pool=pool,
    ) as started:  # fmt: skip
        yield started


def run(command: list[Any], workdir: Path, environment: dict[str, str] | None = None) -> str:
    finished = subprocess.run(
        command, env=environment, cwd=workdir, text=True, capture_output=True, timeout=300, check=False
    )
    assert finished.returncode == 0, finished.stderr
    return finished.stdout


# --- clients that know nothing of workspaces ---


class Landed:
    """Where what was made since `__init__` is, as the server's database and folder have it."""

    def __init__(self, world: World, recorder: Recorder) -> None:
        world.put(WITH)
        self._world, self._recorder = world, recorder
        self._rows, self._files = world.store.rows(), world.store.files()
        self._first = len(recorder.seen)

    def assert_in(self, workspace: str) -> None:
        """All of it is there, nothing else has changed, and every request upstream had the one right header."""
        rows, files = self._world.store.rows(), self._world.store.files()
        added = rows - self._rows
        assert not self._rows - rows
        assert {name: self._files[name] for name in self._files} == {name: files.get(name) for name in self._files}
        assert added and self._column(added, "workspace") <= {workspace}
        experiments = {row for row in rows if row[0] == "experiments"}
        of_workspace = {
            self._value(row, "experiment_id") for row in experiments if self._value(row, "workspace") == workspace
        }
        assert self._column(added, "experiment_id") <= of_workspace
        assert {
            name for name in files.keys() - self._files.keys() if not name.startswith(f"workspaces/{workspace}/")
        } == set()
        upstream = [
            [value for name, value in headers if name.lower().replace("_", "-") == HEADER.lower()]
            for request, headers in zip(
                self._recorder.seen[self._first :], self._recorder.headers[self._first :], strict=True
            )
            if "/mlflow/server-info" not in str(request)  # Public: asked for in the default workspace.
        ]
        assert upstream and all(values == [workspace] for values in upstream), upstream

    def _column(self, rows: Any, column: str) -> set[object]:
        return {self._value(row, column) for row in rows if column in self._world.store.columns(row[0])}

    def _value(self, row: Any, column: str) -> object:
        return row[1][self._world.store.columns(row[0]).index(column)]


@pytest.fixture
def landed(world: World, recorder: Recorder, stack: Stack) -> Landed:
    return Landed(world, recorder)


OLD = paths.versions()["OLD_CLIENTS"].split()


@pytest.mark.parametrize("release", OLD)
def test_an_old_client_with_a_pinned_key(release: str, landed: Landed, stack: Stack, tmp_path: Path) -> None:
    environment = mlflow_client.environment(tmp_path, stack.url, MLFLOW_TRACKING_TOKEN=PINNED["key"])
    mark = f"old-{release}"
    lines = run([paths.client_python(release), CLIENTS / "python.py", mark], tmp_path, environment).splitlines()
    said = json.loads(lines[-1])
    experiments, models = said.pop("experiments"), said.pop("models")
    assert said == {
        "release": release, "experiment": mark, "metric": 0.5, "files": ["model/words.txt"], "words": f"{mark} weights",
        "version": 1, "runs": [True], **({"trace": {"words": mark}} if release != "2.9.2" else {}),
    }  # fmt: skip
    # What was there before is the workspace's own, and the searches end there.
    assert mark in experiments and mark in models
    assert not [name for name in [*experiments, *models] if name.startswith((MARKS[IT], MARKS[DEFAULT]))]
    assert f"{MARKS[ME]}-experiment" in experiments
    landed.assert_in(ME)


def test_curl_with_a_pinned_key(landed: Landed, stack: Stack, tmp_path: Path) -> None:
    def curl(path: str, *arguments: str) -> str:
        key = f"authorization: Bearer {PINNED['key']}"
        return run(["curl", "-sS", "--fail", "-H", key, *arguments, f"{stack.url}/{path}"], tmp_path)

    body = ("-H", "content-type: application/json", "-d")
    made = json.loads(curl("api/2.0/mlflow/experiments/create", *body, '{"name": "curl"}'))
    path = f"api/2.0/mlflow-artifacts/artifacts/{made['experiment_id']}/words.txt"
    curl(path, "-X", "PUT", "--data-binary", "words")
    assert curl(path) == "words"
    got = json.loads(curl("api/2.0/mlflow/experiments/get-by-name?experiment_name=curl"))
    assert got["experiment"]["experiment_id"] == made["experiment_id"]
    landed.assert_in(ME)


def test_an_otlp_exporter_with_a_pinned_key(world: World, landed: Landed, stack: Stack, tmp_path: Path) -> None:
    experiment = world.names[ME]["experiment"]
    command = [paths.client_python("otlp"), CLIENTS / "exporter.py"]
    trace = run([*command, f"{stack.url}/v1/traces", PINNED["key"], experiment, "otlp"], tmp_path).strip()
    got = stack.client.get(f"/api/mlflow/api/3.0/mlflow/traces/get?trace_id={trace}", [bearer(PINNED["key"])])
    assert [span["name"] for span in got.json()["trace"]["spans"]] == ["otlp"], got
    landed.assert_in(ME)
    # Nothing lands in the experiment of another workspace.
    foreign = world.names[IT]["experiment"]
    run([*command, f"{stack.url}/v1/traces", PINNED["key"], foreign, "otlp"], tmp_path)
    landed.assert_in(ME)


# --- the current client ---

BY_ENVIRONMENT = """
import os, sys
from mlflow import MlflowClient
client = MlflowClient()
print(client.get_experiment(client.create_experiment("by-environment")).name)
os.environ["MLFLOW_WORKSPACE"] = sys.argv[1]
try:
    client.create_experiment("by-environment")
except Exception as error:
    print(error)
"""


def test_the_environment_selects_the_workspace(landed: Landed, stack: Stack, tmp_path: Path) -> None:
    key = KEYS[IT]
    environment = mlflow_client.environment(tmp_path, stack.url, MLFLOW_TRACKING_TOKEN=key["key"], MLFLOW_WORKSPACE=IT)
    made, refused = run([paths.mlflow_python(), "-c", BY_ENVIRONMENT, ME], tmp_path, environment).splitlines()
    assert made == "by-environment"
    assert refused == (
        f"PERMISSION_DENIED: API key {key['key_id']} may not create an experiment in the workspace {ME}; this key has rights"
        f' in the workspace {IT}. Select {IT} with mlflow.set_workspace("{IT}") or MLFLOW_WORKSPACE={IT}.'
    )
    landed.assert_in(IT)


@pytest.fixture(scope="module")
def story(world: World, recorder: Recorder, stack: Stack, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    world.put(WITH)
    workdir = tmp_path_factory.mktemp("story")
    contributors = [{"workspace": name, "mark": MARKS[name], "key": KEYS[name]["key"]} for name in KEYS]
    environment = mlflow_client.environment(workdir, stack.url, MLFLOW_HTTP_REQUEST_MAX_RETRIES="0")
    environment |= dict.fromkeys(CACHES, "0")
    run([paths.mlflow_python(), STORY, json.dumps(contributors)], workdir, environment)
    return json.loads((workdir / "outcomes.json").read_text())


def test_each_does_everything_and_every_search_ends_in_its_workspace(story: dict[str, Any]) -> None:
    for workspace, seen in story["seen"].items():
        mark = MARKS[workspace]
        others = [name for name in MARKS.values() if name != mark]
        made = story["made"][workspace]
        for what in ("experiments", "runs", "models", "logged models", "datasets"):
            assert made["name"] in seen[what], (workspace, what)
        assert made["prompt"] in seen["prompts"]
        assert f"{mark}-secret" in str(seen["traces"]) and made["name"] in str(seen["versions"])
        assert not found(str(seen), others), workspace


def test_what_the_others_made_is_out_of_reach(story: dict[str, Any]) -> None:
    """Every way. Each contributor is an attacker once and a victim once, the one in `default` too."""
    made, wrong = story["made"], []
    counts: dict[str, Counter[str]] = {}
    for tried in story["tried"]:
        victim = tried["victim"]
        count = counts.setdefault(tried["kind"], Counter())
        if tried["kind"] == "view":
            count["changed" if tried["differing"] else "unchanged"] += 1
            wrong += [tried] if tried["differing"] else []
            continue
        said = str(tried.get("value") or tried.get("raised"))
        count[outcome_of(tried)] += 1
        for named in sorted(made[victim].values(), key=len, reverse=True):
            said = said.replace(named, "")
        if found(said, [MARKS[victim]]):
            count["seen"] += 1
            wrong.append(tried)
        if tried["kind"] == "by the header" and not re.search(REFUSED.format(victim), tried.get("raised", "")):
            wrong.append(tried)
    print()
    for kind, count in counts.items():
        print(f"{kind}: {dict(count)}")
    assert not wrong, wrong[:5]
    assert {status for view in story["views"].values() for status, _ in view.values()} == {200}
    assert sum(count.total() for count in counts.values()) > 290


# What the client shows of a refusal: the message, or the status alone where it reads no message.
REFUSED = r"in the workspace {}; this key has rights in the workspace|403 Client Error: Forbidden"


def found(text: str, marks: list[str]) -> list[str]:
    """Marks of these workspaces in a text; the workspaces' own names do not count."""
    return re.findall("|".join(rf"(?<!team-){mark}" for mark in marks), text)


def outcome_of(tried: dict[str, Any]) -> str:
    if "raised" not in tried:
        return "nothing there" if tried["empty"] else "done in its own workspace"
    return tried["code"] or tried["raised"].split(":")[0]
