"""What the contributor does with MLflow's client; runs in MLflow's environment, and takes the world as JSON.

Each step is done to an object that the caller's grants cover and to one that they do not; what came of both goes to
stdout. Between callers the names differ, so that each begins anew.
"""

import json
import os
import sys
import warnings
from pathlib import Path

warnings.simplefilter("ignore")
world = json.loads(sys.argv[1])
import mlflow
import mlflow.genai
from mlflow import MlflowClient
from mlflow.store.artifact.artifact_repository_registry import get_artifact_repository

client = MlflowClient()
file = Path("model.txt")
file.write_text("acme's weights")
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


def A():
    return "acme-" + caller + "-fraud"


G = "globex-fraud"


def both(action):
    return lambda: action(A()), lambda: action(G)


step(
    "create_registered_model",
    lambda: client.create_registered_model(A(), tags={"a": "b"}).name,
    lambda: client.create_registered_model("globex-" + caller),
)
step("create_registered_model (near miss)", None, lambda: client.create_registered_model("Acme-fraud"))
step("create_registered_model (acme)", None, lambda: client.create_registered_model("acme"))
step("create_model_version", *both(lambda n: client.create_model_version(n, source, own_run).version))
step("create_model_version (2)", *both(lambda n: client.create_model_version(n, source, own_run).version))
step(
    "create_model_version (foreign source)",
    None,
    lambda: client.create_model_version(A(), foreign_source, foreign_run).version,
)
step("get_registered_model", *both(lambda n: client.get_registered_model(n).name))
step("get_model_version", *both(lambda n: client.get_model_version(n, "1").version))
step("get_model_version_download_uri", *both(lambda n: client.get_model_version_download_uri(n, "1")))
step("update_registered_model", *both(lambda n: client.update_registered_model(n, "new words").name))
step("update_model_version", *both(lambda n: client.update_model_version(n, "1", "new words").version))
step("set_registered_model_tag", *both(lambda n: client.set_registered_model_tag(n, "k", "v")))
step("delete_registered_model_tag", *both(lambda n: client.delete_registered_model_tag(n, "k")))
step("set_model_version_tag", *both(lambda n: client.set_model_version_tag(n, "1", "k", "v")))
step(
    "set_model_version_tag (by stage)",
    *both(lambda n: client.set_model_version_tag(n, stage="None", key="k2", value="v")),
)
step("delete_model_version_tag", *both(lambda n: client.delete_model_version_tag(n, "1", "k")))
step("set_registered_model_alias", *both(lambda n: client.set_registered_model_alias(n, "champion", "1")))
step("set_registered_model_alias (move)", *both(lambda n: client.set_registered_model_alias(n, "champion", "2")))
step("get_model_version_by_alias", *both(lambda n: client.get_model_version_by_alias(n, "champion").version))
step("delete_registered_model_alias", *both(lambda n: client.delete_registered_model_alias(n, "champion")))
step(
    "transition_model_version_stage",
    *both(lambda n: client.transition_model_version_stage(n, "1", "Production").current_stage),
)
step("get_latest_versions", *both(lambda n: len(client.get_latest_versions(n, ["Production"]))))
step(
    "copy_model_version (to)",
    lambda: client.copy_model_version(f"models:/{A()}/1", A() + "-copy").name,
    lambda: client.copy_model_version(f"models:/{A()}/1", G),
)
step("copy_model_version (to new)", None, lambda: client.copy_model_version(f"models:/{A()}/1", G + "-" + caller))
step(
    "copy_model_version (from)",
    lambda: client.copy_model_version(f"models:/{A()}/2", A() + "-copy").version,
    lambda: client.copy_model_version(f"models:/{G}/1", A() + "-stolen").version,
)
step(
    "create_model_version (from models:/)",
    None,
    lambda: client.create_model_version(A() + "-copy", f"models:/{G}/1").version,
)
step(
    "rename_registered_model",
    lambda: client.rename_registered_model(A() + "-copy", A() + "-renamed"),
    lambda: client.rename_registered_model(G, "globex-" + caller),
)
step("rename_registered_model (out)", None, lambda: client.rename_registered_model(A() + "-renamed", "globex-new"))
step("rename_registered_model (into)", None, lambda: client.rename_registered_model(G, "acme-stolen"))

step(
    "genai.register_prompt",
    lambda: mlflow.genai.register_prompt("acme-" + caller + "-prompt", "Hi {{x}}").version,
    lambda: mlflow.genai.register_prompt("globex-" + caller + "-prompt", "Hi {{x}}").version,
)


def prompt(action):
    return lambda: action("acme-" + caller + "-prompt"), lambda: action("globex-prompt")


step("genai.register_prompt (2)", *prompt(lambda n: mlflow.genai.register_prompt(n, "Hi2 {{x}}").version))
step("genai.set_prompt_alias", *prompt(lambda n: mlflow.genai.set_prompt_alias(n, "prod", 1)))
step("genai.load_prompt", *prompt(lambda n: mlflow.genai.load_prompt(f"prompts:/{n}@prod").template))
step("genai.delete_prompt_alias", *prompt(lambda n: mlflow.genai.delete_prompt_alias(n, "prod")))
step("set_prompt_tag", *prompt(lambda n: client.set_prompt_tag(n, "k", "v")))
step("set_prompt_version_tag", *prompt(lambda n: client.set_prompt_version_tag(n, "1", "k", "v")))
step("delete_prompt_version", *prompt(lambda n: client.delete_prompt_version(n, "1")))
step(
    "delete_prompt",
    lambda: (
        client.delete_prompt_version("acme-" + caller + "-prompt", "2"),
        client.delete_prompt("acme-" + caller + "-prompt"),
    )[1],
    lambda: client.delete_prompt("globex-prompt"),
)

step(
    "create_experiment",
    lambda: bool(client.create_experiment("acme-" + caller)),
    lambda: client.create_experiment("globex-" + caller),
)
step(
    "create_experiment (artifact_location)",
    None,
    lambda: client.create_experiment(
        "acme-elsewhere-" + caller, artifact_location=f"mlflow-artifacts:/{foreign_experiment}"
    ),
)
step(
    "get_experiment_by_name",
    lambda: client.get_experiment_by_name("acme-exp").name,
    lambda: client.get_experiment_by_name("globex-exp").name,
)


def experiment(action):
    return lambda: action(own_experiment), lambda: action(foreign_experiment)


step("get_experiment", *experiment(lambda e: client.get_experiment(e).experiment_id == e))
step("set_experiment_tag", *experiment(lambda e: client.set_experiment_tag(e, "k", "v")))
step("delete_experiment_tag", *experiment(lambda e: client.delete_experiment_tag(e, "k")))
step(
    "rename_experiment",
    lambda: (
        client.rename_experiment(own_experiment, "acme-exp2"),
        client.rename_experiment(own_experiment, "acme-exp"),
    )[1],
    lambda: client.rename_experiment(foreign_experiment, "acme-mine"),
)
step("rename_experiment (out)", None, lambda: client.rename_experiment(own_experiment, "globex-mine"))
step("delete_experiment", *experiment(lambda e: client.delete_experiment(e)))
step("restore_experiment", *experiment(lambda e: client.restore_experiment(e)))


def log(run):
    client.log_artifact(run, str(file), "model")
    return "logged"


step("log_artifact", lambda: log(run_in(own_experiment)), lambda: log(foreign_run))


def listed(uri):
    return [f.path for f in get_artifact_repository(uri).list_artifacts("model")]


step("list_artifacts", lambda: listed(own_files), lambda: listed(foreign_files))


def downloaded(uri):
    return Path(mlflow.artifacts.download_artifacts(uri)).read_text()


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
        mlflow.log_metric("auc", 0.91)
        mlflow.log_param("depth", 3)
        mlflow.log_artifact(str(file), "model")
    return client.create_model_version(name, run.info.artifact_uri + "/model", run.info.run_id).name


step("start_run, log_*, create_model_version", *both(tracked))
made = {}


def logged(name):
    model = client.create_logged_model(own_experiment, name="m")
    folder = Path("folder")
    folder.mkdir(exist_ok=True)
    (folder / "MLmodel").write_text("flavors: {}")
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
