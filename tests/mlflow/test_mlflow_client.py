"""The real MLflow client against the real MLflow server, with the filter between them.

One client process plays all callers, because importing MLflow takes seconds. Its story is written down
here as it is run, in order; each test looks at some of what came of it.
"""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from harness import keys, mlflow_client
from harness.auth_service import AuthService
from harness.mlflow_server import MlflowServer
from harness.stack import Stack

# Runs in MLflow's environment. A step is done as one caller; its value, or what the client raised, and the
# seconds it took go to stdout.
CLIENT = r"""
import json, os, sys, time
from pathlib import Path
callers = json.loads(sys.argv[1])
import mlflow
from mlflow import MlflowClient

client = MlflowClient()
results = {}
steps = []

def step(caller, name=None):
    def register(action):
        steps.append((name or action.__name__, caller, action))
        return action
    return register

def run():
    for name, caller, action in steps:
        for variable in ("TOKEN", "USERNAME", "PASSWORD"):
            os.environ.pop("MLFLOW_TRACKING_" + variable, None)
        os.environ.update(callers[caller])
        began = time.monotonic()
        try:
            result = {"value": action()}
        except Exception as error:
            result = {"raised": str(error), "code": getattr(error, "error_code", None)}
        results[name] = {**result, "seconds": time.monotonic() - began}

file = Path("model.txt"); file.write_text("weights")
made = {}

@step("write")
def log_run():
    made["experiment"] = client.create_experiment("e")
    with mlflow.start_run(experiment_id=made["experiment"]) as run:
        mlflow.log_params({"depth": 3})
        mlflow.log_metric("auc", 0.91)
        mlflow.log_artifact(str(file), "model")
    made["run"] = run.info.run_id
    return client.get_run(made["run"]).data.metrics

@step("write")
def register():
    client.create_registered_model("m")
    source = client.get_run(made["run"]).info.artifact_uri + "/model"
    version = client.create_model_version("m", source, run_id=made["run"])
    client.set_registered_model_alias("m", "champion", version.version)
    return int(client.get_model_version_by_alias("m", "champion").version)

@step("read")
def search():
    runs = client.search_runs([made["experiment"]])
    models = client.search_registered_models()
    return [run.data.metrics["auc"] for run in runs] + [model.name for model in models]

@step("read")
def download():
    return Path(client.download_artifacts(made["run"], "model/model.txt", ".")).read_text()

@step("register", "register_other")
def register_other():
    return client.create_registered_model("other").name

step("read", "refused create_run")(lambda: client.create_run(made["experiment"]))
step("read", "refused register")(lambda: client.create_registered_model("mine"))
step("read", "refused upload")(lambda: client.log_artifact(made["run"], str(file)))
step("read", "refused metric")(lambda: client.log_metric(made["run"], "auc", 1.0))
step("register", "refused alias")(lambda: client.set_registered_model_alias("m", "champion", "1"))
step("write", "refused delete_run")(lambda: client.delete_run(made["run"]))
step("write", "refused delete_model")(lambda: client.delete_registered_model("m"))
step("nobody", "no key")(lambda: client.search_experiments())
step("unknown", "unknown key")(lambda: client.search_experiments())
step("refused", "refused key")(lambda: client.search_experiments())
step("basic", "basic")(lambda: len(client.search_runs([made["experiment"]])))
step("basic", "refused basic")(lambda: client.create_run(made["experiment"]))
step("basic user", "basic user")(lambda: len(client.search_runs([made["experiment"]])))
step("basic unknown", "basic unknown")(lambda: client.search_experiments())

@step("delete")
def delete_run():
    client.delete_run(made["run"])
    return client.get_run(made["run"]).info.lifecycle_stage

run()
print(json.dumps({"made": made, "results": results}))
"""


def token(entry: keys.Key | str) -> dict[str, str]:
    return {"MLFLOW_TRACKING_TOKEN": entry if isinstance(entry, str) else entry["key"]}


def basic(user: str, password: str) -> dict[str, str]:
    return {"MLFLOW_TRACKING_USERNAME": user, "MLFLOW_TRACKING_PASSWORD": password}


CALLERS = {
    "read": token(keys.READ),
    "write": token(keys.WRITE),
    "register": token(keys.REGISTER),
    "delete": token(keys.DELETE),
    "refused": token(keys.REFUSED),
    "unknown": token(keys.UNKNOWN),
    "nobody": {},
    "basic": basic("anybody", keys.READ["key"]),
    "basic user": basic(keys.READ["key"], ""),
    "basic unknown": basic("anybody", keys.UNKNOWN),
}

Results = dict[str, dict[str, Any]]


@pytest.fixture(scope="module")
def mlflow_stack(tmp_path_factory: pytest.TempPathFactory, auth_service: AuthService) -> Iterator[Stack]:
    """A server and an Envoy of their own: the tests read everything that these hold and log."""
    workdir = tmp_path_factory.mktemp("client-stack")
    (workdir / "mlflow").mkdir()
    with (
        MlflowServer(workdir / "mlflow") as server,
        Stack(workdir / "envoy", auth=auth_service, mlflow=server.address) as started,
    ):
        yield started


@pytest.fixture(scope="module")
def results(mlflow_stack: Stack, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Results]:
    """What came of each step."""
    workdir = tmp_path_factory.mktemp("client")
    said = mlflow_client.run(CLIENT, [json.dumps(CALLERS)], mlflow_stack, workdir)
    yield json.loads(said.splitlines()[-1])["results"]


@pytest.mark.parametrize(
    ("step", "value"),
    [
        ("log_run", {"auc": 0.91}),
        ("register", 1),
        ("search", [0.91, "m"]),
        ("download", "weights"),
        ("register_other", "other"),
        ("basic", 1),
        ("delete_run", "deleted"),
    ],
)
def test_what_the_scopes_grant_works(results: Results, step: str, value: object) -> None:
    assert results[step].get("value") == value, results[step]


@pytest.mark.parametrize(
    ("step", "needs", "scope", "has"),
    [
        ("refused create_run", "run:write", "tracking:write", "model:read"),
        ("refused register", "registered_model:write", "model:register", "model:read"),
        ("refused upload", "artifact:write", "tracking:write", "model:read"),
        ("refused metric", "run:write", "tracking:write", "model:read"),
        ("refused alias", "registered_model:promote", "model:promote", "model:register"),
        ("refused delete_run", "run:delete", "model:delete", "model:write"),
        ("refused delete_model", "registered_model:delete", "model:delete", "model:write"),
        ("refused basic", "run:write", "tracking:write", "model:read"),
    ],
)
def test_a_refusal_tells_what_is_missing(results: Results, step: str, needs: str, scope: str, has: str) -> None:
    message = results[step].get("raised", "")
    assert f"it needs {needs}, which scope {scope} or" in message, results[step]
    assert f"this key has: {has}." in message


@pytest.mark.parametrize(
    ("step", "code", "says"),
    [
        ("refused create_run", "PERMISSION_DENIED", "API key key_read may not create a run"),
        ("no key", "UNAUTHENTICATED", "set MLFLOW_TRACKING_TOKEN"),
        # The client sends no credential at all when MLFLOW_TRACKING_PASSWORD is empty.
        ("basic user", "UNAUTHENTICATED", "No API key"),
        ("unknown key", "UNAUTHENTICATED", "not valid"),
        ("basic unknown", "UNAUTHENTICATED", "not valid"),
        ("refused key", "PERMISSION_DENIED", "refuses this API key"),
    ],
)
def test_the_client_prints_code_and_message(results: Results, step: str, code: str, says: str) -> None:
    assert results[step]["code"] == code, results[step]
    assert results[step]["raised"].startswith(f"{code}: ") and says in results[step]["raised"]


def test_the_client_does_not_try_again(results: Results, mlflow_stack: Stack) -> None:
    refused = {name: result["seconds"] for name, result in results.items() if "raised" in result}
    assert len(refused) == 13
    assert max(refused.values()) < 2, refused
    # Each refusal stands in the audit log once.
    reasons = [record["reason"] for record in mlflow_stack.envoy.audit() if record["decision"] == "deny"]
    assert sorted(reasons) == sorted(
        ["scope_missing"] * 8 + ["credential_missing"] * 2 + ["key_invalid"] * 2 + ["key_refused"]
    )


def test_keys_are_in_no_log(results: Results, mlflow_stack: Stack) -> None:
    assert results
    mlflow_stack.envoy.access_log()
    for log in (mlflow_stack.envoy.process.out, mlflow_stack.envoy.process.err):
        assert "hk_live_" not in Path(log).read_text()


def test_who_asked_is_in_the_access_log(results: Results, mlflow_stack: Stack) -> None:
    assert results
    entries = [entry for entry in mlflow_stack.envoy.access_log() if entry["authz"]]
    creators = {e["authz"]["key_id"] for e in entries if e["authz"]["operation"] == "CreateRegisteredModel"}
    assert creators == {"key_write", "key_register", "key_read"}
    unknown = {entry["path"] for entry in entries if entry["authz"]["operation"] is None}
    assert not unknown  # The catalog knows everything the client sends.
