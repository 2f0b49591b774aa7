"""Contributors in workspaces of their own, played by one process of the real client; runs in MLflow's environment.

Each makes one of everything and searches. Then each tries, in every way below, to reach what the next one made. What a
victim can read of its own is compared before and after.
"""

import json
import os
import sys
import warnings
from pathlib import Path

warnings.simplefilter("ignore")
contributors = {one["workspace"]: one for one in json.loads(sys.argv[1])}
import mlflow
import mlflow.genai
import numpy
import requests
from mlflow import MlflowClient
from mlflow.entities import Dataset, DatasetInput, LoggedModelOutput, Metric
from mlflow.genai import datasets
from mlflow.store.artifact.artifact_repository_registry import get_artifact_repository

client = MlflowClient()
made = {}
Path("other.txt").write_text("other")
SHARED = "story-shared"
"""A model that each of them has."""


def become(workspace):
    mlflow.flush_trace_async_logging()
    mlflow.set_workspace(workspace)
    os.environ["MLFLOW_TRACKING_TOKEN"] = contributors[workspace]["key"]


# --- what each makes ---


def everything(mark):
    secret = f"{mark}-secret"
    name = f"{mark}-story"
    experiment = client.create_experiment(name, tags={"words": secret})
    mlflow.set_experiment(experiment_id=experiment)
    with mlflow.start_run(run_name=name, description=secret) as started:
        mlflow.log_param("words", secret)
        mlflow.log_metrics({"loss": 0.5, f"{mark}-loss": 0.25})
        mlflow.log_text(secret, "model/words.txt")
        mlflow.log_input(mlflow.data.from_numpy(numpy.array([1.0]), name=name), "training")
    run = started.info.run_id
    files = started.info.artifact_uri
    logged = client.create_logged_model(experiment, name=name, source_run_id=run, tags={"words": secret}).model_id
    folder = Path(name)
    folder.mkdir()
    (folder / "MLmodel").write_text(f"flavors: {{}}\n# {secret}\n")
    client.log_model_artifacts(logged, str(folder))
    client.finalize_logged_model(logged, "READY")
    with mlflow.start_span(name) as span:
        span.set_inputs({"words": secret})
        span.set_outputs({"words": secret})
    mlflow.flush_trace_async_logging()
    trace = span.trace_id
    client.set_trace_tag(trace, "words", secret)
    feedback = mlflow.log_feedback(trace_id=trace, name="quality", value=secret).assessment_id
    client.link_traces_to_run([trace], run)
    for model in (name, SHARED):
        client.create_registered_model(model, description=secret, tags={"words": secret})
        client.create_model_version(model, f"{files}/model", run, description=secret, tags={"words": secret})
        client.create_model_version(model, f"models:/{logged}", model_id=logged)
        client.set_registered_model_alias(model, "champion", "1")
    prompt = f"{mark}-story-prompt"
    mlflow.genai.register_prompt(prompt, secret + " {{x}}")
    mlflow.genai.set_prompt_alias(prompt, "production", 1)
    dataset = datasets.create_dataset(name=name, experiment_id=experiment, tags={"words": secret})
    dataset.merge_records([{"inputs": {"words": secret}, "expectations": {"words": secret}}])
    return {
        "name": name, "experiment": experiment, "run": run, "files": files, "logged": logged, "trace": trace,
        "feedback": feedback, "prompt": prompt, "dataset": dataset.dataset_id,
    }  # fmt: skip


def searches():
    """What every search shows to one who names nothing."""
    everywhere = [each.experiment_id for each in client.search_experiments()]
    return {
        "experiments": [each.name for each in client.search_experiments()],
        "runs": [each.info.run_name for each in client.search_runs(everywhere)],
        "models": [each.name for each in client.search_registered_models()],
        "versions": [str(each) for each in client.search_model_versions()],
        "logged models": [each.name for each in client.search_logged_models(everywhere)],
        "traces": [str(each.to_dict()) for each in client.search_traces(locations=everywhere, include_spans=True)],
        "prompts": [each.name for each in mlflow.genai.search_prompts()],
        "datasets": [each.name for each in datasets.search_datasets(experiment_ids=everywhere)],
        "by one name": str(client.get_registered_model(SHARED)),
    }


# --- what each tries ---


def repository(uri):
    return get_artifact_repository(uri)


def downloaded(uri):
    return Path(mlflow.artifacts.download_artifacts(uri)).read_text()


def uploaded(uri):
    repository(uri).log_artifact("other.txt")


def own(model):
    return model + "-taken"


READS = {
    "get_experiment": lambda me, it: client.get_experiment(it["experiment"]),
    "get_experiment_by_name": lambda me, it: client.get_experiment_by_name(it["name"]),
    "search_experiments (name)": lambda me, it: client.search_experiments(filter_string=f"name = '{it['name']}'"),
    "get_run": lambda me, it: client.get_run(it["run"]),
    "search_runs": lambda me, it: client.search_runs([it["experiment"]]),
    "search_runs (with own)": lambda me, it: [
        each for each in client.search_runs([me["experiment"], it["experiment"]]) if each.info.run_id != me["run"]
    ],
    "get_metric_history": lambda me, it: client.get_metric_history(it["run"], "loss"),
    "get_parent_run": lambda me, it: client.get_parent_run(it["run"]),
    "list_artifacts": lambda me, it: client.list_artifacts(it["run"]),
    "list_artifacts (uri)": lambda me, it: repository(it["files"]).list_artifacts(),
    "list_artifacts (root)": lambda me, it: repository("mlflow-artifacts:/workspaces").list_artifacts(),
    "download (runs:/)": lambda me, it: downloaded(f"runs:/{it['run']}/model/words.txt"),
    "download (mlflow-artifacts:/)": lambda me, it: downloaded(f"{it['files']}/model/words.txt"),
    "download (models:/NAME)": lambda me, it: downloaded(f"models:/{it['name']}/1/words.txt"),
    "download (models:/NAME@)": lambda me, it: downloaded(f"models:/{it['name']}@champion/words.txt"),
    "download (models:/ID)": lambda me, it: downloaded(f"models:/{it['logged']}/MLmodel"),
    "get_logged_model": lambda me, it: client.get_logged_model(it["logged"]),
    "search_logged_models": lambda me, it: list(client.search_logged_models([it["experiment"]])),
    "list_logged_model_artifacts": lambda me, it: client.list_logged_model_artifacts(it["logged"]),
    "get_registered_model": lambda me, it: client.get_registered_model(it["name"]),
    "search_registered_models (name)": lambda me, it: list(client.search_registered_models(f"name = '{it['name']}'")),
    "get_latest_versions": lambda me, it: client.get_latest_versions(it["name"]),
    "get_model_version": lambda me, it: client.get_model_version(it["name"], "1"),
    "get_model_version_by_alias": lambda me, it: client.get_model_version_by_alias(it["name"], "champion"),
    "get_model_version_download_uri": lambda me, it: client.get_model_version_download_uri(it["name"], "1"),
    "search_model_versions (name)": lambda me, it: list(client.search_model_versions(f"name = '{it['name']}'")),
    "search_model_versions (run)": lambda me, it: list(client.search_model_versions(f"run_id = '{it['run']}'")),
    "get_trace": lambda me, it: client.get_trace(it["trace"]),
    "search_traces": lambda me, it: list(client.search_traces(locations=[it["experiment"]])),
    "search_traces (with own)": lambda me, it: [
        each
        for each in client.search_traces(locations=[me["experiment"], it["experiment"]])
        if each.info.trace_id != me["trace"]
    ],
    "get_assessment": lambda me, it: mlflow.get_assessment(it["trace"], it["feedback"]),
    "load_prompt": lambda me, it: mlflow.genai.load_prompt(it["prompt"], version=1),
    "load_prompt (alias)": lambda me, it: mlflow.genai.load_prompt(f"prompts:/{it['prompt']}@production"),
    "search_prompts (name)": lambda me, it: list(mlflow.genai.search_prompts(f"name = '{it['prompt']}'")),
    "get_dataset": lambda me, it: datasets.get_dataset(dataset_id=it["dataset"]),
    "search_datasets": lambda me, it: list(datasets.search_datasets(experiment_ids=[it["experiment"]])),
}

CHANGES = {
    "rename_experiment": lambda me, it: client.rename_experiment(it["experiment"], "taken"),
    "set_experiment_tag": lambda me, it: client.set_experiment_tag(it["experiment"], "words", "taken"),
    "create_run": lambda me, it: client.create_run(it["experiment"]),
    "log_metric": lambda me, it: client.log_metric(it["run"], "loss", 9.0),
    "log_param": lambda me, it: client.log_param(it["run"], "other", "taken"),
    "log_batch": lambda me, it: client.log_batch(it["run"], metrics=[Metric("loss", 9.0, 1, 1)]),
    "set_tag": lambda me, it: client.set_tag(it["run"], "words", "taken"),
    "update_run": lambda me, it: client.update_run(it["run"], name="taken"),
    "set_terminated": lambda me, it: client.set_terminated(it["run"], "FAILED"),
    "upload (run)": lambda me, it: client.log_artifact(it["run"], "other.txt"),
    "upload (uri)": lambda me, it: uploaded(it["files"] + "/model"),
    "upload (logged model)": lambda me, it: client.log_model_artifacts(it["logged"], me["name"]),
    "set_logged_model_tags": lambda me, it: client.set_logged_model_tags(it["logged"], {"words": "taken"}),
    "finalize_logged_model": lambda me, it: client.finalize_logged_model(it["logged"], "FAILED"),
    "create_logged_model": lambda me, it: client.create_logged_model(it["experiment"], name="taken"),
    "update_registered_model": lambda me, it: client.update_registered_model(it["name"], "taken"),
    "rename_registered_model": lambda me, it: client.rename_registered_model(it["name"], "taken"),
    "set_registered_model_tag": lambda me, it: client.set_registered_model_tag(it["name"], "words", "taken"),
    "set_registered_model_alias": lambda me, it: client.set_registered_model_alias(it["name"], "champion", "2"),
    "update_model_version": lambda me, it: client.update_model_version(it["name"], "1", "taken"),
    "set_model_version_tag": lambda me, it: client.set_model_version_tag(it["name"], "1", "words", "taken"),
    "transition_model_version_stage": lambda me, it: client.transition_model_version_stage(
        it["name"], "1", "Production"
    ),
    "create_model_version": lambda me, it: client.create_model_version(it["name"], me["files"] + "/model", me["run"]),
    "set_trace_tag": lambda me, it: client.set_trace_tag(it["trace"], "words", "taken"),
    "log_feedback": lambda me, it: mlflow.log_feedback(trace_id=it["trace"], name="quality", value="taken"),
    "set_prompt_alias": lambda me, it: mlflow.genai.set_prompt_alias(it["prompt"], "other", 1),
    "set_prompt_tag": lambda me, it: client.set_prompt_tag(it["prompt"], "words", "taken"),
    "set_dataset_tags": lambda me, it: datasets.set_dataset_tags(dataset_id=it["dataset"], tags={"words": "taken"}),
}

DELETES = {
    "delete_experiment": lambda me, it: client.delete_experiment(it["experiment"]),
    "delete_run": lambda me, it: client.delete_run(it["run"]),
    "delete_tag": lambda me, it: client.delete_tag(it["run"], "mlflow.note.content"),
    "delete files (uri)": lambda me, it: repository(it["files"]).delete_artifacts("model"),
    "delete files (all)": lambda me, it: repository("mlflow-artifacts:/workspaces").delete_artifacts(),
    "delete_logged_model": lambda me, it: client.delete_logged_model(it["logged"]),
    "delete_registered_model": lambda me, it: client.delete_registered_model(it["name"]),
    "delete_registered_model_alias": lambda me, it: client.delete_registered_model_alias(it["name"], "champion"),
    "delete_registered_model_tag": lambda me, it: client.delete_registered_model_tag(it["name"], "words"),
    "delete_model_version": lambda me, it: client.delete_model_version(it["name"], "2"),
    "delete_trace_tag": lambda me, it: client.delete_trace_tag(it["trace"], "words"),
    "delete_traces": lambda me, it: client.delete_traces(it["experiment"], trace_ids=[it["trace"]]),
    "delete_assessment": lambda me, it: mlflow.delete_assessment(it["trace"], it["feedback"]),
    "delete_prompt_version": lambda me, it: client.delete_prompt_version(it["prompt"], "1"),
    "delete_prompt_alias": lambda me, it: mlflow.genai.delete_prompt_alias(it["prompt"], "production"),
    "delete_dataset": lambda me, it: datasets.delete_dataset(dataset_id=it["dataset"]),
}

LINKS = {
    "log_inputs (dataset of the same name)": lambda me, it: client.log_inputs(
        me["run"], datasets=[DatasetInput(Dataset(it["name"], "d", "local", "s"), [])]
    ),
    "log_outputs (model_id)": lambda me, it: client.log_outputs(me["run"], [LoggedModelOutput(it["logged"], 0)]),
    "link_traces_to_run (their trace)": lambda me, it: client.link_traces_to_run([it["trace"]], me["run"]),
    "link_traces_to_run (their run)": lambda me, it: client.link_traces_to_run([me["trace"]], it["run"]),
    "create_run (parent)": lambda me, it: (
        client.create_run(me["experiment"], tags={"mlflow.parentRunId": it["run"]}).data.tags["mlflow.parentRunId"]
        and None
    ),
    "create_model_version (runs:/)": lambda me, it: client.create_model_version(
        me["name"], f"runs:/{it['run']}/model", it["run"]
    ),
    "create_model_version (models:/ID)": lambda me, it: client.create_model_version(
        me["name"], f"models:/{it['logged']}", model_id=it["logged"]
    ),
    "create_model_version (mlflow-artifacts:/)": lambda me, it: client.create_model_version(
        me["name"], it["files"] + "/model"
    ),
    "copy_model_version (from)": lambda me, it: client.copy_model_version(f"models:/{it['name']}/1", me["name"]),
    "copy_model_version (to)": lambda me, it: client.copy_model_version(f"models:/{me['name']}/1", it["name"]),
    "add_dataset_to_experiments (theirs)": lambda me, it: datasets.add_dataset_to_experiments(
        it["dataset"], [me["experiment"]]
    ),
    "add_dataset_to_experiments (to theirs)": lambda me, it: datasets.add_dataset_to_experiments(
        me["dataset"], [it["experiment"]]
    ),
    "link_prompt_version_to_run": lambda me, it: client.link_prompt_version_to_run(
        it["run"], f"prompts:/{me['prompt']}/1"
    ),
}


def there(action):
    """The same with the header of the victim's workspace."""

    def attempt(me, it):
        mlflow.set_workspace(it["workspace"])
        try:
            return action(me, it)
        finally:
            mlflow.set_workspace(me["workspace"])

    return attempt


HEADERS = {
    "search_experiments": there(lambda me, it: client.search_experiments()),
    "search_registered_models": there(lambda me, it: client.search_registered_models()),
    "get_run": there(READS["get_run"]),
    "get_registered_model": there(READS["get_registered_model"]),
    "get_trace": there(READS["get_trace"]),
    "load_prompt": there(READS["load_prompt"]),
    "list_artifacts (uri)": there(READS["list_artifacts (uri)"]),
    "create_experiment": there(lambda me, it: client.create_experiment("taken")),
    "set_registered_model_alias": there(CHANGES["set_registered_model_alias"]),
    "log_metric": there(CHANGES["log_metric"]),
    "upload (uri)": there(CHANGES["upload (uri)"]),
    "delete_registered_model": there(DELETES["delete_registered_model"]),
    "delete files (uri)": there(DELETES["delete files (uri)"]),
}

KINDS = {"read": READS, "change": CHANGES, "delete": DELETES, "link": LINKS, "by the header": HEADERS}


def outcome(action, me, it):
    try:
        value = action(me, it)
    except Exception as error:
        return {"raised": f"{type(error).__name__}: {error}", "code": getattr(error, "error_code", None)}
    return {"value": str(value), "empty": not value}


# --- what a victim sees of its own ---


def view(it):
    """Every answer about the victim's objects, as they come, with the numbers of what is there."""
    api, api3 = "api/2.0/mlflow", "api/3.0/mlflow"
    experiments = {"experiment_ids": [it["experiment"]]}
    locations = {"locations": [{"type": "MLFLOW_EXPERIMENT", "mlflow_experiment": {"experiment_id": it["experiment"]}}]}
    asked = [
        ("GET", f"{api}/experiments/get?experiment_id={it['experiment']}", None),
        ("POST", f"{api}/experiments/search", {"max_results": 1000, "view_type": "ALL"}),
        ("GET", f"{api}/runs/get?run_id={it['run']}", None),
        ("POST", f"{api}/runs/search", {**experiments, "run_view_type": "ALL"}),
        ("GET", f"{api}/metrics/get-history?run_id={it['run']}&metric_key=loss", None),
        ("GET", f"{api}/artifacts/list?run_id={it['run']}&path=model", None),
        ("GET", f"{api}/logged-models/{it['logged']}", None),
        ("GET", f"{api}/logged-models/{it['logged']}/artifacts/directories", None),
        ("POST", f"{api}/logged-models/search", experiments),
        ("GET", f"{api}/registered-models/get?name={it['name']}", None),
        ("GET", f"{api}/registered-models/get?name={SHARED}", None),
        ("GET", f"{api}/registered-models/get?name={it['prompt']}", None),
        ("GET", f"{api}/registered-models/search?max_results=1000", None),
        ("GET", f"{api}/model-versions/search?max_results=1000", None),
        ("GET", f"{api}/registered-models/alias?name={it['name']}&alias=champion", None),
        ("GET", f"{api3}/traces/get?trace_id={it['trace']}", None),
        ("POST", f"{api3}/traces/search", locations),
        ("GET", f"{api3}/datasets/{it['dataset']}", None),
        ("GET", f"{api3}/datasets/{it['dataset']}/records", None),
        ("POST", f"{api3}/datasets/search", experiments),
    ]
    one = contributors[it["workspace"]]
    headers = {"authorization": f"Bearer {one['key']}", "x-mlflow-workspace": it["workspace"]}
    server = os.environ["MLFLOW_TRACKING_URI"]
    answers = {
        f"{method} {path}": requests.request(method, f"{server}/{path}", json=body, headers=headers)
        for method, path, body in asked
    }
    found = {path: (answer.status_code, answer.text) for path, answer in answers.items()}
    become(it["workspace"])
    found["words"] = (200, downloaded(it["files"] + "/model/words.txt"))
    return found


for workspace, one in contributors.items():
    become(workspace)
    made[workspace] = {"workspace": workspace, **everything(one["mark"])}
seen = {}
for workspace in contributors:
    become(workspace)
    seen[workspace] = searches()

tried = []
victims = [*list(contributors)[1:], *list(contributors)[:1]]
for attacker, victim in zip(contributors, victims, strict=True):
    me, it = made[attacker], made[victim]
    before = view(it)
    become(attacker)
    for kind, ways in KINDS.items():
        for way, action in ways.items():
            came = outcome(action, me, it)
            tried.append({"attacker": attacker, "victim": victim, "kind": kind, "way": way, **came})
    after = view(it)
    differing = [path for path in before if before[path] != after[path]]
    tried.append({"attacker": attacker, "victim": victim, "kind": "view", "differing": differing})
Path("outcomes.json").write_text(
    json.dumps({"made": made, "seen": seen, "tried": tried, "views": {w: view(made[w]) for w in made}})
)
