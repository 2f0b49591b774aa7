"""A contributor whose key is limited to acme-*, with the real MLflow client and the real MLflow server.

The keys may do everything to models, prompts and experiments named acme-*, and to the artifacts of one
experiment. All that is globex's, another contributor's, is made behind the filter's back, and is the same
after the tests.

`scripts/test tests/test_narrow_client.py -s -k table` prints what was done to own and to foreign objects.
"""

import json
import os
import subprocess
import urllib.parse
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from harness import keys, paths
from harness.auth_service import AuthService
from harness.http import Response, bearer
from harness.mlflow_server import MlflowServer
from harness.stack import MOUNT, Stack

API = "/api/2.0/mlflow/"
ARTIFACTS = "/api/2.0/mlflow-artifacts/artifacts"
# What cannot be tied to a name stays wide; without artifacts, which are limited to an experiment.
RUNS = [f"{what}:{access}" for what in ("run", "logged_model", "trace") for access in ("read", "write")]
PLUGIN: dict[str, Any] = {
    "bodies": "inspect",
    "scopes": {"runs": {"permissions": RUNS}},
    "audit": {"allows": True, "max_per_second": 100_000},
}

# Runs in MLflow's environment. Each step is done to an object that the caller's grants cover and to one that
# they do not; what came of both goes to stdout. Between callers the names differ, so that each begins anew.
CLIENT = r'''
import json, os, sys, warnings
from pathlib import Path
warnings.simplefilter("ignore")
world = json.loads(sys.argv[1])
import mlflow, mlflow.genai
from mlflow import MlflowClient
from mlflow.store.artifact.artifact_repository_registry import get_artifact_repository

client = MlflowClient()
file = Path("model.txt"); file.write_text("acme's weights")
steps = []

def step(operation, own, foreign):
    steps.append((operation, own, foreign))

def run_in(experiment):
    return client.create_run(experiment).info.run_id

own_experiment, foreign_experiment = world["own"], world["foreign"]
own_run, foreign_run = world["own_run"], world["foreign_run"]
own_files = f"mlflow-artifacts:/{own_experiment}/{own_run}/artifacts"
foreign_files = f"mlflow-artifacts:/{foreign_experiment}/{foreign_run}/artifacts"
source, foreign_source = own_files + "/model", foreign_files + "/model"

def A(): return "acme-" + caller + "-fraud"
G = "globex-fraud"
def both(action):
    return lambda: action(A()), lambda: action(G)

step("create_registered_model", lambda: client.create_registered_model(A(), tags={"a": "b"}).name,
     lambda: client.create_registered_model("globex-" + caller))
step("create_registered_model (near miss)", None, lambda: client.create_registered_model("Acme-fraud"))
step("create_registered_model (acme)", None, lambda: client.create_registered_model("acme"))
step("create_model_version", *both(lambda n: client.create_model_version(n, source, own_run).version))
step("create_model_version (2)", *both(lambda n: client.create_model_version(n, source, own_run).version))
step("create_model_version (foreign source)", None, lambda: client.create_model_version(A(), foreign_source, foreign_run).version)
step("get_registered_model", *both(lambda n: client.get_registered_model(n).name))
step("get_model_version", *both(lambda n: client.get_model_version(n, "1").version))
step("get_model_version_download_uri", *both(lambda n: client.get_model_version_download_uri(n, "1")))
step("update_registered_model", *both(lambda n: client.update_registered_model(n, "new words").name))
step("update_model_version", *both(lambda n: client.update_model_version(n, "1", "new words").version))
step("set_registered_model_tag", *both(lambda n: client.set_registered_model_tag(n, "k", "v")))
step("delete_registered_model_tag", *both(lambda n: client.delete_registered_model_tag(n, "k")))
step("set_model_version_tag", *both(lambda n: client.set_model_version_tag(n, "1", "k", "v")))
step("set_model_version_tag (by stage)", *both(
    lambda n: client.set_model_version_tag(n, stage="None", key="k2", value="v")))
step("delete_model_version_tag", *both(lambda n: client.delete_model_version_tag(n, "1", "k")))
step("set_registered_model_alias", *both(lambda n: client.set_registered_model_alias(n, "champion", "1")))
step("set_registered_model_alias (move)", *both(lambda n: client.set_registered_model_alias(n, "champion", "2")))
step("get_model_version_by_alias", *both(lambda n: client.get_model_version_by_alias(n, "champion").version))
step("delete_registered_model_alias", *both(lambda n: client.delete_registered_model_alias(n, "champion")))
step("transition_model_version_stage", *both(
    lambda n: client.transition_model_version_stage(n, "1", "Production").current_stage))
step("get_latest_versions", *both(lambda n: len(client.get_latest_versions(n, ["Production"]))))
step("copy_model_version (to)", lambda: client.copy_model_version(f"models:/{A()}/1", A() + "-copy").name,
     lambda: client.copy_model_version(f"models:/{A()}/1", G))
step("copy_model_version (to new)", None, lambda: client.copy_model_version(f"models:/{A()}/1", G + "-" + caller))
step("copy_model_version (from)", lambda: client.copy_model_version(f"models:/{A()}/2", A() + "-copy").version,
     lambda: client.copy_model_version(f"models:/{G}/1", A() + "-stolen").version)
step("create_model_version (from models:/)", None,
     lambda: client.create_model_version(A() + "-copy", f"models:/{G}/1").version)
step("rename_registered_model", lambda: client.rename_registered_model(A() + "-copy", A() + "-renamed"),
     lambda: client.rename_registered_model(G, "globex-" + caller))
step("rename_registered_model (out)", None, lambda: client.rename_registered_model(A() + "-renamed", "globex-new"))
step("rename_registered_model (into)", None, lambda: client.rename_registered_model(G, "acme-stolen"))

step("genai.register_prompt", lambda: mlflow.genai.register_prompt("acme-" + caller + "-prompt", "Hi {{x}}").version,
     lambda: mlflow.genai.register_prompt("globex-" + caller + "-prompt", "Hi {{x}}").version)
def prompt(action):
    return lambda: action("acme-" + caller + "-prompt"), lambda: action("globex-prompt")
step("genai.register_prompt (2)", *prompt(lambda n: mlflow.genai.register_prompt(n, "Hi2 {{x}}").version))
step("genai.set_prompt_alias", *prompt(lambda n: mlflow.genai.set_prompt_alias(n, "prod", 1)))
step("genai.load_prompt", *prompt(lambda n: mlflow.genai.load_prompt(f"prompts:/{n}@prod").template))
step("genai.delete_prompt_alias", *prompt(lambda n: mlflow.genai.delete_prompt_alias(n, "prod")))
step("set_prompt_tag", *prompt(lambda n: client.set_prompt_tag(n, "k", "v")))
step("set_prompt_version_tag", *prompt(lambda n: client.set_prompt_version_tag(n, "1", "k", "v")))
step("delete_prompt_version", *prompt(lambda n: client.delete_prompt_version(n, "1")))
step("delete_prompt", lambda: (client.delete_prompt_version("acme-" + caller + "-prompt", "2"),
                               client.delete_prompt("acme-" + caller + "-prompt"))[1],
     lambda: client.delete_prompt("globex-prompt"))

step("create_experiment", lambda: bool(client.create_experiment("acme-" + caller)),
     lambda: client.create_experiment("globex-" + caller))
step("create_experiment (artifact_location)", None, lambda: client.create_experiment(
    "acme-elsewhere-" + caller, artifact_location=f"mlflow-artifacts:/{foreign_experiment}"))
step("get_experiment_by_name", lambda: client.get_experiment_by_name("acme-exp").name,
     lambda: client.get_experiment_by_name("globex-exp").name)
def experiment(action):
    return lambda: action(own_experiment), lambda: action(foreign_experiment)
step("get_experiment", *experiment(lambda e: client.get_experiment(e).experiment_id == e))
step("set_experiment_tag", *experiment(lambda e: client.set_experiment_tag(e, "k", "v")))
step("delete_experiment_tag", *experiment(lambda e: client.delete_experiment_tag(e, "k")))
step("rename_experiment", lambda: (client.rename_experiment(own_experiment, "acme-exp2"),
                                   client.rename_experiment(own_experiment, "acme-exp"))[1],
     lambda: client.rename_experiment(foreign_experiment, "acme-mine"))
step("rename_experiment (out)", None, lambda: client.rename_experiment(own_experiment, "globex-mine"))
step("delete_experiment", *experiment(lambda e: client.delete_experiment(e)))
step("restore_experiment", *experiment(lambda e: client.restore_experiment(e)))

def log(run):
    client.log_artifact(run, str(file), "model")
    return "logged"
step("log_artifact", lambda: log(run_in(own_experiment)), lambda: log(foreign_run))
def listed(uri): return [f.path for f in get_artifact_repository(uri).list_artifacts("model")]
step("list_artifacts", lambda: listed(own_files), lambda: listed(foreign_files))
def downloaded(uri): return Path(mlflow.artifacts.download_artifacts(uri)).read_text()
step("download_artifacts", lambda: downloaded(source + "/model.txt"), lambda: downloaded(foreign_source + "/model.txt"))
def overwrite(uri):
    get_artifact_repository(uri).log_artifact(str(file))
    return "written"
step("log_artifact (of a version)", lambda: overwrite(source), lambda: overwrite(foreign_source))
def removed(files):
    get_artifact_repository(files).delete_artifacts("model/" + caller + ".txt")
    return "deleted"
def put_and_removed():
    Path(caller + ".txt").write_text("x")
    get_artifact_repository(source).log_artifact(caller + ".txt")
    return removed(own_files)
step("delete_artifacts", put_and_removed, lambda: removed(foreign_files))
def tracked(name):
    with mlflow.start_run(experiment_id=own_experiment) as run:
        mlflow.log_metric("auc", 0.91); mlflow.log_param("depth", 3); mlflow.log_artifact(str(file), "model")
    return client.create_model_version(name, run.info.artifact_uri + "/model", run.info.run_id).name
step("start_run, log_*, create_model_version", *both(tracked))
made = {}
def logged(name):
    model = client.create_logged_model(own_experiment, name="m")
    folder = Path("folder"); folder.mkdir(exist_ok=True); (folder / "MLmodel").write_text("flavors: {}")
    client.log_model_artifacts(model.model_id, str(folder))
    client.finalize_logged_model(model.model_id, "READY")
    made[caller] = model.model_id, mlflow.register_model(model.model_uri, name).version
    return name
step("create_logged_model, register_model(models:/m-…)", *both(logged))
def copied(name):
    return client.copy_model_version(f"models:/{A()}/{made[caller][1]}", name).name
step("copy_model_version (of a logged model)", lambda: copied(A() + "-copied"), lambda: copied(G))

step("delete_model_version", *both(lambda n: client.delete_model_version(n, "1")))
step("delete_registered_model", *both(lambda n: client.delete_registered_model(n)))
step("search_registered_models", lambda: "globex-fraud" in [m.name for m in client.search_registered_models()], None)

def outcome(action):
    if action is None:
        return None
    try:
        return {"value": action()}
    except Exception as error:
        return {"raised": str(error), "code": getattr(error, "error_code", None)}

# What a key that may write no logged models can do with its own version of one. A registry in files keeps a version's
# model_id, one in a database does not; where it is there, the client sends it along with the copy.
def without_logged_models():
    model_id, version = made[caller]
    source = client.get_model_version(A(), version)
    def copy(to):
        return client._get_registry_client().copy_model_version(src_mv=source, dst_name=to).name
    outcomes = {"copy": outcome(lambda: copy(A() + "-copied2"))}
    source._model_id = model_id
    outcomes["copy with model_id"] = outcome(lambda: copy(A() + "-copied3"))
    outcomes["register"] = outcome(lambda: mlflow.register_model(f"models:/{model_id}", A()).name)
    return outcomes

results = {}
for caller, token in world["callers"].items():
    os.environ["MLFLOW_TRACKING_TOKEN"] = token
    results[caller] = {}
    for op, own, foreign in steps:
        results[caller][op] = {"own": outcome(own), "foreign": outcome(foreign)}
        if op == "copy_model_version (of a logged model)":
            os.environ["MLFLOW_TRACKING_TOKEN"] = world["modelless"]
            modelless = without_logged_models()
            os.environ["MLFLOW_TRACKING_TOKEN"] = token
print(json.dumps({"results": results, "modelless": modelless}))
'''


@dataclass
class World:
    """What was there before any contributor came, and who comes."""

    server: MlflowServer
    stack: Stack
    own: str
    """The id of the contributor's experiment."""
    own_run: str
    foreign: str
    foreign_run: str
    reader: keys.Key
    """May read everything, and write what is acme's."""
    alone: keys.Key
    """May not even read what is not acme's."""
    modelless: keys.Key
    """Likewise, and has no right to runs and logged models."""

    def direct(self, method: str, path: str, data: Any = None) -> Any:
        """A request to MLflow itself."""
        return direct(self.server, method, path, data)

    def of_globex(self) -> dict[str, Any]:
        """All that a contributor could have changed."""
        found = {
            name: self.direct("GET", f"{API}registered-models/get?name={name}")["registered_model"]
            for name in ("globex-fraud", "globex-prompt")
        }
        found["models"] = sorted(
            model["name"]
            for model in self.direct("GET", f"{API}registered-models/search?max_results=500")["registered_models"]
            if not model["name"].startswith("acme-")
        )
        found["versions"] = [
            version
            for version in self.direct("GET", f"{API}model-versions/search?max_results=500")["model_versions"]
            if not version["name"].startswith("acme-")
        ]
        found["experiments"] = [
            experiment
            for experiment in self.direct(
                "POST", f"{API}experiments/search", {"max_results": 500, "view_type": "ALL"}
            )["experiments"]
            if not experiment["name"].startswith("acme-")
        ]
        listing = f"{ARTIFACTS}?path={self.foreign}"
        for folder in ("", "/raw", f"/{self.foreign_run}/artifacts", f"/{self.foreign_run}/artifacts/model"):
            found[f"files{folder}"] = self.direct("GET", listing + urllib.parse.quote(folder))
        address = f"{self.server.url}{ARTIFACTS}/{self.foreign}/{self.foreign_run}/artifacts/model/model.txt"
        with urllib.request.urlopen(address) as answer:
            found["weights"] = answer.read().decode()
        return found


def direct(server: MlflowServer, method: str, path: str, data: Any = None) -> Any:
    """A request to MLflow itself; bytes are sent as they are, anything else as JSON."""
    raw = data if isinstance(data, bytes) else None if data is None else json.dumps(data).encode()
    request = urllib.request.Request(server.url + path, raw, method=method)
    if not isinstance(data, bytes):
        request.add_header("content-type", "application/json")
    with urllib.request.urlopen(request, timeout=30) as answer:
        return json.loads(answer.read() or b"null")


@pytest.fixture(scope="module")
def server(session_dir: Path) -> Iterator[MlflowServer]:
    """An MLflow of its own: others count models too."""
    workdir = session_dir / "narrow-mlflow"
    workdir.mkdir()
    with MlflowServer(workdir) as started:
        yield started


@pytest.fixture(scope="module")
def world(session_dir: Path, auth_service: AuthService, server: MlflowServer) -> Iterator[World]:
    """Globex's models, prompts and files; Envoy before MLflow."""

    def admin(path: str, data: Any) -> Any:
        return direct(server, "POST", API + path, data)

    own = admin("experiments/create", {"name": "acme-exp"})["experiment_id"]
    foreign = admin("experiments/create", {"name": "globex-exp"})["experiment_id"]
    runs = [
        admin("runs/create", {"experiment_id": experiment})["run"]["info"]["run_id"] for experiment in (own, foreign)
    ]
    for experiment, run, whose in zip((own, foreign), runs, (b"acme's", b"globex's"), strict=True):
        path = f"{ARTIFACTS}/{experiment}/{run}/artifacts/model/model.txt"
        direct(server, "PUT", path, whose + b" weights")
    source = f"mlflow-artifacts:/{foreign}/{runs[1]}/artifacts/model"
    admin("registered-models/create", {"name": "globex-fraud", "tags": [{"key": "k", "value": "globex's"}]})
    for _ in range(2):
        admin("model-versions/create", {"name": "globex-fraud", "source": source, "run_id": runs[1]})
    admin("registered-models/alias", {"name": "globex-fraud", "alias": "champion", "version": "1"})
    is_prompt = [{"key": "mlflow.prompt.is_prompt", "value": "true"}]
    admin("registered-models/create", {"name": "globex-prompt", "tags": is_prompt})
    text = [*is_prompt, {"key": "mlflow.prompt.text", "value": "Hi"}, {"key": "_mlflow_prompt_type", "value": "text"}]
    admin("model-versions/create", {"name": "globex-prompt", "source": "dummy-source", "tags": text})
    admin("registered-models/alias", {"name": "globex-prompt", "alias": "prod", "version": "1"})

    narrow = [f"model:{verb}:{name}" for verb in ("write", "delete") for name in ("acme-*", own)]
    alone = keys.key("acme_alone", ["runs", *narrow])
    reader = keys.key("acme_reader", ["runs", "model:read", *narrow])
    modelless = keys.key("acme_modelless", narrow)
    auth_service.put_keys(alone, reader, modelless)
    with Stack(
        session_dir / "narrow-client",
        auth=auth_service, mlflow=server.address, plugin=PLUGIN, allow_on_headers_stop_iteration=True,
    ) as stack:  # fmt: skip
        yield World(server, stack, own, runs[0], foreign, runs[1], reader, alone, modelless)


Outcome = dict[str, Any]


@dataclass
class Story:
    """What came of each step, by caller and operation, and globex before and after."""

    results: dict[str, dict[str, dict[str, Outcome | None]]]
    modelless: dict[str, Outcome]
    """What a key that may write no logged models did with an own version of one."""
    before: dict[str, Any]
    after: dict[str, Any]


@pytest.fixture(scope="module")
def story(world: World, tmp_path_factory: pytest.TempPathFactory) -> Story:
    """Runs the client, once for both callers."""
    workdir = tmp_path_factory.mktemp("narrow-client")
    environment = {name: value for name, value in os.environ.items() if not name.startswith("MLFLOW_")}
    environment |= {"HOME": str(workdir), "MLFLOW_DISABLE_TELEMETRY": "true", "PYTHONWARNINGS": "ignore"}
    environment |= {"MLFLOW_TRACKING_URI": world.stack.url, "MLFLOW_REGISTRY_URI": world.stack.url}
    script = workdir / "story.py"
    script.write_text(CLIENT)
    told = {
        "own": world.own,
        "own_run": world.own_run,
        "foreign": world.foreign,
        "foreign_run": world.foreign_run,
        # In this order: the client caches the prompts that it has read.
        "callers": {"alone": world.alone["key"], "reader": world.reader["key"]},
        "modelless": world.modelless["key"],
    }
    before = world.of_globex()
    finished = subprocess.run(
        [paths.mlflow_python(), script, json.dumps(told)],
        capture_output=True, text=True, timeout=240, check=False, cwd=workdir, env=environment,
    )  # fmt: skip
    assert finished.returncode == 0, finished.stderr
    told = json.loads(finished.stdout.splitlines()[-1])
    return Story(told["results"], told["modelless"], before, world.of_globex())


def test_everything_own_works(story: Story) -> None:
    for caller, results in story.results.items():
        # `alone` searches too: a search shows all names, unless the scope says otherwise.
        failed = {op: both["own"] for op, both in results.items() if both["own"] and "raised" in both["own"]}
        assert not failed, (caller, failed)


READS = {
    "get_registered_model",
    "get_model_version",
    "get_model_version_download_uri",
    "get_model_version_by_alias",
    "get_latest_versions",
    "genai.load_prompt",
    "get_experiment_by_name",
    "get_experiment",
    "list_artifacts",
    "download_artifacts",
    # To copy is to read: who may read a model may make its own of it.
    "copy_model_version (from)",
    "create_model_version (from models:/)",
    "create_model_version (foreign source)",
}
# What the refusal names, where it is not the step's obvious object.
NAMES = {
    "create_registered_model (near miss)": "Acme-fraud",
    "create_registered_model (acme)": "acme",
    "rename_registered_model (out)": "globex-new",
    "rename_experiment (out)": "globex-mine",
}
# Refused, but by no name: the message is another.
UNREADABLE = {"create_experiment (artifact_location)": "leave it out, or let a key that is not limited"}


def test_everything_foreign_is_refused(story: Story) -> None:
    for caller, results in story.results.items():
        for operation, both in results.items():
            outcome = both["foreign"]
            if outcome is None:
                continue
            if caller == "reader" and operation in READS:
                assert "value" in outcome, (caller, operation, outcome)
                continue
            said = outcome.get("raised", "").replace('\\"', '"')
            if caller == "alone" and operation == "genai.set_prompt_alias":
                # The client looks the version up, and takes any refusal for its absence.
                assert "does not exist" in said
                continue
            if operation in UNREADABLE:
                assert UNREADABLE[operation] in said, (caller, operation, outcome)
                continue
            assert f"API key key_acme_{caller} may not" in said, (caller, operation, outcome)
            assert "it may on acme-*, " in said, (caller, operation, outcome)
            assert f'on "{NAMES.get(operation, "")}' in said, (caller, operation, outcome)


def test_refusals_name_the_object(story: Story, world: World) -> None:
    said = {
        operation: both["foreign"]["raised"].replace('\\"', '"')
        for operation, both in story.results["reader"].items()
        if both["foreign"] and "raised" in both["foreign"]
    }
    own = f"it may on acme-*, {world.own}"
    assert 'registered_model:write on "globex-fraud", ' in said["update_registered_model"]
    assert own in said["update_registered_model"]
    assert 'model_version:write on "globex-fraud", ' in said["create_model_version"]
    assert 'registered_model:promote on "globex-fraud@champion", ' in said["set_registered_model_alias"]
    assert 'model_version:promote on "globex-fraud", ' in said["transition_model_version_stage"]
    assert 'registered_model:delete on "globex-fraud", ' in said["delete_registered_model"]
    assert 'registered_model:write on "globex-new", ' in said["rename_registered_model (out)"]
    assert 'registered_model:write on "globex-fraud", ' in said["rename_registered_model (into)"]
    assert 'registered_model:delete on "globex-prompt", ' in said["delete_prompt"]
    for operation in ("log_artifact", "log_artifact (of a version)"):
        assert f'artifact:write on "{world.foreign}", ' in said[operation]
    assert f'artifact:delete on "{world.foreign}", ' in said["delete_artifacts"]
    copies = story.results["alone"]["create_model_version (from models:/)"]["foreign"]
    assert 'model_version:read on "globex-fraud", ' in copies["raised"]


def test_a_copy_of_a_logged_models_version_needs_what_tagging_it_needs(story: Story) -> None:
    assert "value" in story.modelless["copy"], story.modelless
    for what in ("copy with model_id", "register"):
        said = story.modelless[what]["raised"]
        assert "API key key_acme_modelless may not create a model version" in said
        assert "it needs logged_model:write" in said and "cannot be tied to a name" in said


def test_nothing_of_globex_changed(story: Story) -> None:
    assert story.after == story.before
    assert story.before["weights"] == "globex's weights"


def test_each_refusal_is_recorded_with_its_name(story: Story, world: World) -> None:
    assert story.results
    records = [r for r in world.stack.envoy.audit() if (r["key_id"] or "").startswith("key_acme_")]
    denied = [record for record in records if record["decision"] == "deny"]
    known = {"name_not_granted", "body_ambiguous", "scope_missing"}
    assert {record["reason"] for record in denied} <= known
    for record in denied:
        if record["reason"] == "name_not_granted":
            assert record["name"] and not record["name"].startswith("acme-"), record
    written = [r for r in records if r["decision"] == "allow" and r["object"] == "registered_model"]
    assert {r["name"] for r in written if r["access"] != "read"} - {None}
    for record in written:
        assert record["access"] == "read" or record["name"].startswith("acme-"), record


def test_table(story: Story) -> None:
    """Not a check of its own: prints what was done."""

    def word(outcome: Outcome | None) -> str:
        if outcome is None:
            return "–"
        if "raised" in outcome:
            return "refused" if "may not" in outcome["raised"] else "refused: unclear"
        return "done"

    print("\n\n| operation | own | foreign, key reads all | foreign, narrow reads |\n|---|---|---|---|")
    for operation, both in story.results["reader"].items():
        alone = story.results["alone"][operation]
        print(f"| {operation} | {word(both['own'])} | {word(both['foreign'])} | {word(alone['foreign'])} |")


# --- raw requests: every operation that names something, without the client's own look-ups before ---

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


def test_every_operation_by_hand_on_own_objects(world: World) -> None:
    values = {**values_of(world), "$M": "acme-raw", "$E": world.own, "$N": "acme-exp"}
    failed = {}
    for row in RAW:
        answer = raw(world, row, values)
        if not 200 <= answer.status < 300:
            failed[row[0]] = (answer.status, answer.body)
    assert not failed


@pytest.mark.parametrize("prefix", ["/api/", "/ajax-api/"])
@pytest.mark.parametrize("row", RAW, ids=lambda row: f"{row[0]}-{row[1]}")
def test_every_operation_by_hand_on_foreign_objects(
    world: World, row: tuple[str, str, str, Fields], prefix: str
) -> None:
    before = world.of_globex()
    values = {**values_of(world), "$M": "globex-fraud", "$E": world.foreign, "$N": "globex-exp"}
    answer = raw(world, row, values, prefix)
    assert (answer.status, answer.json()["reason"]) == (403, "name_not_granted"), answer
    assert answer.json()["operation"] == row[0]
    message = answer.json()["message"]
    assert "it may on acme-*, " in message
    assert any(f' on "{name}' in message for name in ("globex-", world.foreign + '"')), message
    assert world.of_globex() == before


@pytest.mark.parametrize(
    ("what", "path", "fields"),
    [
        ("out", "registered-models/rename", {"name": "acme-mine", "new_name": "globex-mine"}),
        ("into", "registered-models/rename", {"name": "globex-fraud", "new_name": "acme-mine2"}),
        ("out, new name first", "registered-models/rename", {"new_name": "globex-mine", "name": "acme-mine"}),
        ("experiment out", "experiments/update", {"experiment_id": "$E", "new_name": "globex-mine"}),
        ("experiment into", "experiments/update", {"experiment_id": "$F", "new_name": "acme-mine"}),
        ("version's copy", "model-versions/create", {"name": "acme-mine", "source": "models:/globex-fraud/1"}),
        ("alias's copy", "model-versions/create", {"name": "acme-mine", "source": "models:/globex-fraud@champion"}),
        ("files", "model-versions/create", {"name": "acme-mine", "source": "mlflow-artifacts:/$F/$R/artifacts/model", "run_id": "$R"}),
    ],
)  # fmt: skip
def test_the_second_object_counts_too(world: World, what: str, path: str, fields: Fields) -> None:
    before = world.of_globex()
    values = {"$E": world.own, "$F": world.foreign, "$R": world.foreign_run}
    answer = raw(world, (what, "POST", API + path, fields), values)
    assert (answer.status, answer.json()["reason"]) == (403, "name_not_granted"), answer
    assert world.of_globex() == before


@pytest.mark.parametrize(
    ("source", "required"),
    [
        ("s3://bucket/globex", "artifact:read"),
        ("models:/globex-fraud/latest", "artifact:read"),
        ("models:/globex-fraud/Production", "artifact:read"),
        ("models:/m-0123456789abcdef0123456789abcdef", "logged_model:write"),
        ("runs:/$R/model", "run:read"),
    ],
)
def test_a_source_that_is_tied_to_no_name_needs_the_wide_permission(
    world: World, source: str, required: str
) -> None:
    before = world.of_globex()
    fields = {"name": "acme-mine", "source": source}
    row = ("", "POST", f"{API}model-versions/create", fields)
    answer = raw(world, row, {"$R": world.foreign_run}, key=world.modelless)
    assert (answer.status, answer.json()["reason"]) == (403, "scope_missing"), answer
    assert answer.json()["required_permission"] == required
    assert "cannot be tied to a name" in answer.json()["message"]
    assert world.of_globex() == before


def catalog() -> list[dict[str, Any]]:
    command = [paths.cli(), "routes", "--format", "json"]
    return json.loads(subprocess.run(command, capture_output=True, text=True, check=True, timeout=30).stdout)


def test_no_operation_on_named_objects_is_left_out() -> None:
    named = {"registered_model", "model_version", "experiment", "artifact"}
    known = {row["operation"] for row in catalog() if row["object"] in named}
    assert known == {row[0] for row in RAW} | UNTIED


def test_what_names_nothing_is_refused_for_a_narrow_key(world: World) -> None:
    searches = {"SearchRegisteredModels", "SearchModelVersions", "SearchExperiments"}
    searches |= {"ListExperiments", "ListRegisteredModels"}
    rows = [row for row in catalog() if row["operation"] in UNTIED - searches]
    assert {row["operation"] for row in rows} == UNTIED - searches
    for row in rows:
        path = row["path"].replace("{*artifact_path}", f"{world.own}/acme-1").replace("{model_id}", "m-1")
        for method in row["methods"]:
            answer = world.stack.client.request(method, MOUNT + path, [bearer(world.alone["key"])])
            assert (answer.status, answer.json()["reason"]) == (403, "scope_missing"), row
            assert "names no model or experiment" in answer.json()["message"]
