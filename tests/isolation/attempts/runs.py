"""Experiments, runs, metrics and logged models."""

from ..steps import AJAX2, API2, Attempt, delete, get, patch, post, tries

_ALL = {"max_results": 500}
_METRIC = {"key": "zqmade", "value": 7, "timestamp": 1_700_000_000_000, "step": 0}
_DATASET = {"tags": [], "dataset": {"name": "{it.mark}-input", "digest": "{it.mark}1", "source_type": "local",
                                    "source": "zqmade"}}  # fmt: skip

EXPERIMENTS = [
    *tries(
        "CreateExperiment",
        ("a name that exists there", post(f"{API2}/experiments/create", {"name": "{it.experiment_name}"})),
        shows="answer",
    ),
    *tries(
        "CreateExperiment",
        ("files below another workspace's", post(f"{API2}/experiments/create", {
            "name": "zqmade", "artifact_location": "mlflow-artifacts:/{it.root}0"})),
        shows="none",
    ),
    *tries(
        "SearchExperiments",
        ("all", post(f"{API2}/experiments/search", {**_ALL, "view_type": "ALL"})),
        ("all, as GET", get(f"{API2}/experiments/search?max_results=500&view_type=ALL")),
        ("filter by name", post(f"{API2}/experiments/search", {**_ALL, "filter": "name = '{it.experiment_name}'"})),
        ("filter by tag", post(f"{API2}/experiments/search", {
            **_ALL, "filter": "tags.{it.mark}tag = '{it.mark}-value'", "order_by": ["experiment_id DESC"]})),
    ),
    *tries(
        "GetExperimentByName",
        ("name", get(f"{API2}/experiments/get-by-name?experiment_name={{it.experiment_name}}")),
    ),
    *tries("GetExperiment", ("id", get(f"{API2}/experiments/get?experiment_id={{it.experiment}}"))),
    *tries("UpdateExperiment", ("id", post(f"{API2}/experiments/update", {
        "experiment_id": "{it.experiment}", "new_name": "zqmade"}))),
    *tries("DeleteExperiment", ("id", post(f"{API2}/experiments/delete", {"experiment_id": "{it.experiment}"}))),
    *tries("RestoreExperiment", ("id", post(f"{API2}/experiments/restore", {
        "experiment_id": "{it.deleted_experiment}"}))),
    *tries("SetExperimentTag", ("id", post(f"{API2}/experiments/set-experiment-tag", {
        "experiment_id": "{it.experiment}", "key": "{it.mark}tag", "value": "zqmade"}))),
    *tries("DeleteExperimentTag", ("id", post(f"{API2}/experiments/delete-experiment-tag", {
        "experiment_id": "{it.experiment}", "key": "{it.mark}tag"}))),
    *tries("SearchDatasets",
           ("experiment ids", post(f"{AJAX2}/experiments/search-datasets", {"experiment_ids": ["{it.experiment}"]})),
           ("own and another's experiment", post(f"{AJAX2}/experiments/search-datasets", {
               "experiment_ids": ["{me.experiment}", "{it.experiment}"]}))),
]  # fmt: skip

_SEARCH = f"{API2}/runs/search"

RUNS = [
    *tries(
        "CreateRun",
        ("experiment id", post(f"{API2}/runs/create", {"experiment_id": "{it.experiment}"})),
        ("tag that names the parent run", post(f"{API2}/runs/create", {
            "experiment_id": "{me.experiment}", "run_name": "zqmade", "tags": [{"key": "mlflow.parentRunId", "value": "{it.run}"}]})),
    ),
    *tries("UpdateRun", ("id", post(f"{API2}/runs/update", {"run_id": "{it.run}", "status": "KILLED"})),
           ("run_uuid", post(f"{API2}/runs/update", {"run_uuid": "{it.run}", "status": "KILLED"}))),
    *tries("DeleteRun", ("id", post(f"{API2}/runs/delete", {"run_id": "{it.run}"}))),
    *tries("RestoreRun", ("id", post(f"{API2}/runs/restore", {"run_id": "{it.deleted_run}"}))),
    *tries("GetRun", ("id", get(f"{API2}/runs/get?run_id={{it.run}}")),
           ("run_uuid", get(f"{API2}/runs/get?run_uuid={{it.run}}"))),
    *tries(
        "SearchRuns",
        ("experiment ids", post(_SEARCH, {"experiment_ids": ["{it.experiment}"]})),
        ("own and another's experiment", post(_SEARCH, {"experiment_ids": ["{me.experiment}", "{it.experiment}"]})),
        ("filter by run id", post(_SEARCH, {
            "experiment_ids": ["{me.experiment}"], "filter": "attributes.run_id = '{it.run}'"})),
        ("page token of the other's search",
         post(_SEARCH, {"experiment_ids": ["{it.experiment}"], "max_results": 1, "page_token": "eyJvZmZzZXQiOiAxfQ=="})),
    ),
    *tries(
        "LogMetric",
        ("id", post(f"{API2}/runs/log-metric", {"run_id": "{it.run}", **_METRIC})),
        ("run_uuid", post(f"{API2}/runs/log-metric", {"run_uuid": "{it.run}", **_METRIC})),
        ("model_id on an own run", post(f"{API2}/runs/log-metric", {
            "run_id": "{me.run}", "model_id": "{it.logged_model}", **_METRIC})),
    ),
    *tries("LogParam", ("id", post(f"{API2}/runs/log-parameter", {
        "run_id": "{it.run}", "key": "zqmade", "value": "zqmade"}))),
    *tries(
        "LogBatch",
        ("id", post(f"{API2}/runs/log-batch", {"run_id": "{it.run}", "metrics": [_METRIC]})),
        ("model_id on an own run", post(f"{API2}/runs/log-batch", {
            "run_id": "{me.run}", "metrics": [{"model_id": "{it.logged_model}", **_METRIC}]})),
        ("run_id in a metric", post(f"{API2}/runs/log-batch", {
            "run_id": "{me.run}", "metrics": [{"run_id": "{it.run}", **_METRIC}]})),
    ),
    *tries("LogModel", ("id", post(f"{API2}/runs/log-model", {
        "run_id": "{it.run}",
        "model_json": '{"artifact_path": "m", "flavors": {}, "utc_time_created": "2026", "run_id": "{it.run}"}'}))),
    *tries(
        "LogInputs",
        ("id", post(f"{API2}/runs/log-inputs", {"run_id": "{it.run}", "datasets": [{
            "tags": [], "dataset": {"name": "zqmade", "digest": "1", "source_type": "local", "source": "s"}}]})),
        ("model_id on an own run", post(f"{API2}/runs/log-inputs", {
            "run_id": "{me.other_run}", "models": [{"model_id": "{it.logged_model}"}]})),
        ("a dataset of the same name and digest", post(f"{API2}/runs/log-inputs", {
            "run_id": "{me.other_run}", "datasets": [_DATASET]}),
         get(f"{API2}/runs/get?run_id={{me.other_run}}")),
    ),
    *tries(
        "LogOutputs",
        ("id", post(f"{API2}/runs/outputs", {
            "run_id": "{it.other_run}", "models": [{"model_id": "{me.logged_model}", "step": 0}]})),
        ("model_id on an own run", post(f"{API2}/runs/outputs", {
            "run_id": "{me.other_run}", "models": [{"model_id": "{it.logged_model}", "step": 0}]})),
        ("model_id on an own run, then read the run", post(f"{API2}/runs/outputs", {
            "run_id": "{me.other_run}", "models": [{"model_id": "{it.logged_model}", "step": 0}]}),
         get(f"{API2}/runs/get?run_id={{me.other_run}}")),
    ),
    *tries("SetTag",
           ("id", post(f"{API2}/runs/set-tag", {"run_id": "{it.run}", "key": "zqmade", "value": "zqmade"})),
           ("run_uuid", post(f"{API2}/runs/set-tag", {"run_uuid": "{it.run}", "key": "zqmade", "value": "zqmade"}))),
    *tries("DeleteTag", ("id", post(f"{API2}/runs/delete-tag", {"run_id": "{it.run}", "key": "{it.mark}tag"}))),
    *tries(
        "GetMetricHistory",
        ("id", get(f"{API2}/metrics/get-history?run_id={{it.run}}&metric_key={{it.mark}}loss")),
        ("run_uuid", get(f"{API2}/metrics/get-history?run_uuid={{it.run}}&metric_key={{it.mark}}loss")),
        ("page token of the other's history",
         get(f"{API2}/metrics/get-history?run_id={{it.run}}&metric_key={{it.mark}}loss&max_results=1"
             "&page_token=eyJvZmZzZXQiOiAxfQ%3D%3D")),
    ),
    *tries(
        "GetMetricHistoryBulk",
        ("ids", get(f"{AJAX2}/metrics/get-history-bulk?run_id={{it.run}}&metric_key={{it.mark}}loss")),
        ("an own id and another's", get(
            f"{AJAX2}/metrics/get-history-bulk?run_id={{me.run}}&run_id={{it.run}}&metric_key={{it.mark}}loss")),
    ),
    *tries(
        "GetMetricHistoryBulkInterval",
        ("ids", get(f"{API2}/metrics/get-history-bulk-interval?run_ids={{it.run}}&metric_key={{it.mark}}loss"
                    "&max_results=5")),
        ("an own id and another's", get(
            f"{API2}/metrics/get-history-bulk-interval?run_ids={{me.run}}&run_ids={{it.run}}"
            "&metric_key={it.mark}loss&max_results=5")),
        ("between steps", get(f"{API2}/metrics/get-history-bulk-interval?run_ids={{it.run}}"
                              "&metric_key={it.mark}loss&max_results=5&start_step=0&end_step=2")),
    ),
    *tries("CreatePromptlabRun", ("experiment id", post(f"{AJAX2}/runs/create-promptlab-run", {
        "experiment_id": "{it.experiment}", "prompt_template": "zq", "prompt_parameters": [{"key": "a", "value": "b"}],
        "model_route": "r", "model_input": "i", "model_output": "o", "mlflow_version": "3.10.0"}))),
]  # fmt: skip

_MODELS = f"{API2}/logged-models"
_MODEL = f"{_MODELS}/{{it.logged_model}}"

LOGGED_MODELS = [
    *tries(
        "CreateLoggedModel",
        ("experiment id", post(_MODELS, {"experiment_id": "{it.experiment}", "name": "zqmade"})),
        ("source_run_id", post(_MODELS, {
            "experiment_id": "{me.experiment}", "name": "zqmade", "source_run_id": "{it.run}"})),
    ),
    *tries("FinalizeLoggedModel", ("id", patch(_MODEL, {
        "model_id": "{it.logged_model}", "status": "LOGGED_MODEL_UPLOAD_FAILED"}))),
    *tries("GetLoggedModel", ("id", get(_MODEL))),
    *tries("DeleteLoggedModel", ("id", delete(_MODEL))),
    *tries(
        "SearchLoggedModels",
        ("experiment ids", post(f"{_MODELS}/search", {"experiment_ids": ["{it.experiment}"]})),
        ("own and another's experiment", post(f"{_MODELS}/search", {
            "experiment_ids": ["{me.experiment}", "{it.experiment}"]})),
        ("filter by model id", post(f"{_MODELS}/search", {
            "experiment_ids": ["{me.experiment}"], "filter": "model_id = '{it.logged_model}'"})),
        ("filter by source run", post(f"{_MODELS}/search", {
            "experiment_ids": ["{me.experiment}"], "filter": "source_run_id = '{it.run}'"})),
    ),
    *tries("SetLoggedModelTags", ("id", patch(f"{_MODEL}/tags", {
        "model_id": "{it.logged_model}", "tags": [{"key": "zqmade", "value": "zqmade"}]}))),
    *tries("DeleteLoggedModelTag", ("id", delete(f"{_MODEL}/tags/{{it.mark}}t"))),
    *tries("LogLoggedModelParams", ("id", post(f"{_MODEL}/params", {
        "model_id": "{it.logged_model}", "params": [{"key": "zqmade", "value": "zqmade"}]}))),
]  # fmt: skip

ATTEMPTS: list[Attempt] = [*EXPERIMENTS, *RUNS, *LOGGED_MODELS]
