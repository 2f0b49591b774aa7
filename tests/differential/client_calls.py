"""Calls much of MLflow's Python API, with names that are hard to spell. Runs in MLflow's environment.

The tracking server comes from MLFLOW_TRACKING_URI. Each call is made for the requests it sends; whether the
server likes them is of no interest here, so errors are counted on standard output and forgotten.
"""

import json
import logging
import os
import tempfile
import traceback
import warnings
from pathlib import Path

warnings.simplefilter("ignore")
logging.disable(logging.CRITICAL)

import mlflow  # noqa: E402
from mlflow import MlflowClient  # noqa: E402
from mlflow.store.artifact.artifact_repository_registry import get_artifact_repository  # noqa: E402

FILES = [
    "plain.txt", "a b.txt", " leading", "trailing ", "ü.txt", "日本語.txt", "🎉.bin", "é", "100%.csv",
    "50%25.txt", "a%20b.txt", "%", "%zz", "a+b.txt", "c++", "a#b.txt", "a;b.txt", "a&b=c.txt", "a=b",
    "a,b", "a:b", "a@b", "a!b", "a$b", "a'b", 'a"b', "(a)", "[a]", "{a}", "<a>", "a|b", "a^b", "a`b",
    "a~b", "~", "a*b", "a?b.txt", "a\\b.txt", ".hidden", "..data", "a..b", "a..", "...", "-", "_",
    "a.b.c.tar.gz", "=", "&", "+", "x" * 200, "ü" * 80, "CON",
]  # fmt: skip

NAMES = [
    "plain", "with space", "résumé", "模型", "a.b", "a-b_c", "100%", "a+b", "a&b=c", "a#b", "a?b", "a;b",
    "a'b", "[a]", "~a", "a@b", "(a)", "a%20b", "a%2Fb", "..", "a|b", '"q"', "long" * 50, "org.example",
    "a*", "{x}", "a\\b",
]  # fmt: skip

calls = failures = 0


def call(action, *arguments, **options):
    """What the action returns, or None."""
    global calls, failures
    calls += 1
    try:
        return action(*arguments, **options)
    except Exception:
        failures += 1
        if os.environ.get("SHOW_FAILURES"):
            traceback.print_exc()
        return None


client = MlflowClient()


def artifacts(directory):
    experiment = client.create_experiment("odd files")
    run = client.create_run(experiment).info
    for name in FILES:
        # A folder of the same name, and files in it.
        file = directory / name
        try:
            file.write_text(name)
        except OSError:
            continue
        call(client.log_artifact, run.run_id, str(file))
        call(client.log_artifact, run.run_id, str(file), f"dir {name}/sub")
        call(client.list_artifacts, run.run_id, f"dir {name}")
        call(client.download_artifacts, run.run_id, name, tempfile.mkdtemp(dir=directory))
        call(mlflow.artifacts.load_text, f"runs:/{run.run_id}/{name}")
    call(client.list_artifacts, run.run_id)
    call(client.download_artifacts, run.run_id, "", tempfile.mkdtemp(dir=directory))
    repository = get_artifact_repository(run.artifact_uri)
    for name in FILES[:8]:
        call(repository.delete_artifacts, name)
    call(client.log_text, run.run_id, "x", "text/ü ä.txt")
    call(client.log_dict, run.run_id, {"a": 1}, "d/e f.json")
    os.environ["MLFLOW_MULTIPART_UPLOAD_MINIMUM_FILE_SIZE"] = "1"
    os.environ["MLFLOW_ENABLE_PROXY_MULTIPART_UPLOAD"] = "true"
    for name in ("a b.txt", "ü.txt", "a;b.txt"):
        call(client.log_artifact, run.run_id, str(directory / name), "multi part")
    del os.environ["MLFLOW_ENABLE_PROXY_MULTIPART_UPLOAD"]
    return experiment, run


def runs(experiment, run):
    from mlflow.entities import Metric, Param, RunTag

    call(client.search_experiments, filter_string="name LIKE 'odd%' AND tags.`a b` != 'ü'")
    call(client.get_experiment_by_name, "odd files")
    for name in NAMES:
        call(client.create_experiment, f"e {name}")
        call(client.get_experiment_by_name, f"e {name}")
        call(client.log_metric, run.run_id, name, 1.0)
        call(client.get_metric_history, run.run_id, name)
        call(client.log_param, run.run_id, name, name)
        call(client.set_tag, run.run_id, name, name)
        call(client.delete_tag, run.run_id, name)
    call(client.log_batch, run.run_id, [Metric("m", 1, 1, 1)], [Param("p", "1")], [RunTag("t", "1")])
    call(
        client.search_runs,
        [experiment],
        "metrics.`a b` > 1 and params.x = 'ü%'",
        order_by=["metrics.x DESC"],
    )
    call(client.set_experiment_tag, experiment, "k", "v")
    call(client.update_run, run.run_id, "FINISHED", "new name")
    call(client.delete_run, run.run_id)
    call(client.restore_run, run.run_id)
    call(client.rename_experiment, experiment, "odd files 2")
    call(client.set_terminated, run.run_id)


def registry(run):
    for name in NAMES:
        call(client.create_registered_model, name, tags={"k": name})
        call(client.get_registered_model, name)
        version = call(client.create_model_version, name, run.artifact_uri + "/x", run_id=run.run_id)
        number = version.version if version else "1"
        call(client.get_model_version, name, number)
        call(client.get_model_version_download_uri, name, number)
        call(client.set_registered_model_alias, name, "champion", number)
        call(client.get_model_version_by_alias, name, "champion")
        call(client.delete_registered_model_alias, name, "champion")
        call(client.set_registered_model_tag, name, "a b", name)
        call(client.set_model_version_tag, name, number, "a/b", name)
        call(client.delete_model_version_tag, name, number, "a/b")
        call(client.delete_registered_model_tag, name, "a b")
        call(client.search_model_versions, f"name='{name}'")
        call(client.get_latest_versions, name)
        call(client.transition_model_version_stage, name, number, "Staging")
        call(client.update_model_version, name, number, "ü")
        call(client.update_registered_model, name, "ü")
        call(client.copy_model_version, f"models:/{name}/{number}", f"copy {name}")
        call(client.delete_model_version, name, number)
        call(client.rename_registered_model, name, f"{name} 2")
        call(client.delete_registered_model, f"{name} 2")
    call(client.search_registered_models, "name ILIKE '%ü[%' and tags.`k` = 'x'")


def models_and_traces(experiment):
    model = call(client.create_logged_model, experiment, name="m", params={"a": "b"}, tags={"t": "v"})
    if model:
        call(client.get_logged_model, model.model_id)
        call(client.finalize_logged_model, model.model_id, "READY")
        call(client.set_logged_model_tags, model.model_id, {"a/b c": "d"})
        for key in ("a/b c", "ü", "a;b", "..", "100%", "x#y", "q?"):
            call(client.set_logged_model_tags, model.model_id, {key: "d"})
            call(client.delete_logged_model_tag, model.model_id, key)
        call(client.log_model_artifact, model.model_id, __file__)
        call(client.list_logged_model_artifacts, model.model_id)
        call(client.search_logged_models, [experiment])
        call(client.delete_logged_model, model.model_id)
    mlflow.set_experiment(experiment_id=experiment)

    @mlflow.trace
    def traced(x):
        return x + 1

    call(traced, 1)
    call(mlflow.flush_trace_async_logging)
    trace = mlflow.get_last_active_trace_id()
    if trace:
        call(client.get_trace, trace)
        for key in ("a b", "ü", "a.b", "a/b", "a;b", "..", "100%", "x#y", "q?"):
            call(client.set_trace_tag, trace, key, "v")
            call(client.delete_trace_tag, trace, key)
        call(mlflow.log_feedback, trace_id=trace, name="good", value=True)
        call(mlflow.log_expectation, trace_id=trace, name="answer", value="42")
        assessed = call(client.get_trace, trace)
        for assessment in assessed.info.assessments if assessed else []:
            call(mlflow.get_assessment, trace, assessment.assessment_id)
            call(mlflow.delete_assessment, trace, assessment.assessment_id)
        call(client.search_traces, experiment_ids=[experiment])
        call(client.link_traces_to_run, [trace], "nobody")
        call(client.delete_traces, experiment, trace_ids=[trace])


def prompts_and_the_rest(experiment):
    import mlflow.genai

    for name in ("plain", "a b", "ü", "a.b", "a;b"):
        call(mlflow.genai.register_prompt, name=name, template="{{x}}", tags={"k": "v"})
        call(mlflow.genai.load_prompt, f"prompts:/{name}/1")
        call(mlflow.genai.set_prompt_alias, name, "best", 1)
        call(mlflow.genai.load_prompt, f"prompts:/{name}@best")
        call(mlflow.genai.delete_prompt_alias, name, "best")
        call(mlflow.genai.search_prompts, f"name = '{name}'")
    from mlflow.genai import datasets

    data = call(datasets.create_dataset, name="d é", experiment_id=experiment, tags={"a b": "c"})
    if data:
        call(datasets.get_dataset, dataset_id=data.dataset_id)
        call(data.merge_records, [{"inputs": {"q": "?"}, "expectations": {"a": "!"}}])
        call(datasets.set_dataset_tags, dataset_id=data.dataset_id, tags={"a b": "c"})
        for key in ("a b", "ü", "a;b", "x/y", "..", "100%"):
            call(datasets.set_dataset_tags, dataset_id=data.dataset_id, tags={key: "c"})
            call(datasets.delete_dataset_tag, dataset_id=data.dataset_id, key=key)
        call(datasets.search_datasets, experiment_ids=[experiment])
        call(datasets.delete_dataset, dataset_id=data.dataset_id)
    from mlflow.genai.scorers import scorer

    @scorer(name="s ü")
    def judge(outputs):
        return True

    call(judge.register, experiment_id=experiment)
    from mlflow.genai.scorers import get_scorer, list_scorers

    call(list_scorers, experiment_id=experiment)
    call(get_scorer, name="s ü", experiment_id=experiment)
    hook = call(client.create_webhook, "w", "https://hooks.example/x", ["registered_model.created"])
    call(client.list_webhooks)
    if hook:
        call(client.get_webhook, hook.webhook_id)
        call(client.update_webhook, hook.webhook_id, description="ü")
        call(client.delete_webhook, hook.webhook_id)


def mcp_servers():
    """Names of MCP servers always hold a slash, and the client writes it as %2F."""
    name = "io.example/weather"
    store = client._tracking_client.store
    call(store.create_mcp_server, name, description="ü")
    call(store.get_mcp_server, name)
    call(store.search_mcp_servers, "name LIKE '%weather'")
    server = {"name": name, "version": "1.0.0+b", "description": "d"}
    call(store.create_mcp_server_version, server)
    call(store.get_mcp_server_version, name, "1.0.0+b")
    call(store.search_mcp_server_versions, name)
    call(store.update_mcp_server, name, description="e")
    call(store.set_mcp_server_alias, name, "best", "1.0.0+b")
    call(store.get_mcp_server_version_by_alias, name, "best")
    call(store.delete_mcp_server_alias, name, "best")
    call(store.set_mcp_server_tag, name, "a b", "c")
    call(store.delete_mcp_server_tag, name, "a b")
    call(store.delete_mcp_server_version, name, "1.0.0+b")
    call(store.delete_mcp_server, name)


def main():
    with tempfile.TemporaryDirectory() as text:
        directory = Path(text)
        experiment, run = artifacts(directory)
        runs(experiment, run)
        registry(run)
        for part in (models_and_traces, prompts_and_the_rest):
            call(part, experiment)
        call(mcp_servers)
        call(client.delete_experiment, experiment)
        call(client.restore_experiment, experiment)
    print(json.dumps({"calls": calls, "failures": failures}))


if __name__ == "__main__":
    main()
