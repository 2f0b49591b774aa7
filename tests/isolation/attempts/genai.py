"""Evaluation datasets, scorers, label schemas, review queues, issues and jobs."""

import json

from ..contents import scorer
from ..steps import AJAX3, API2, API3, Attempt, Step, delete, get, patch, post, tries

_SETS = f"{API3}/datasets"
_SET = f"{_SETS}/{{it.dataset}}"
_IDS = {"dataset_id": "{it.dataset}"}
_RECORDS = json.dumps([{"inputs": {"q": "zqmade"}}])

DATASETS = [
    *tries("CreateDataset", ("experiment ids", post(f"{_SETS}/create", {
        "name": "zqmade", "experiment_ids": ["{it.experiment}"]}))),
    *tries("GetDataset", ("id", get(_SET))),
    *tries("DeleteDataset", ("id", delete(_SET))),
    *tries("SearchEvaluationDatasets",
           ("all", post(f"{_SETS}/search", {"max_results": 500})),
           ("experiment ids", post(f"{_SETS}/search", {"experiment_ids": ["{it.experiment}"]})),
           ("filter by name", post(f"{_SETS}/search", {"filter_string": "name = '{it.dataset_name}'"})),
           ("all, as GET", get(f"{_SETS}/search"))),
    *tries("SetDatasetTags", ("id", patch(f"{_SET}/tags", {**_IDS, "tags": '{"zqmade": "zqmade"}'}))),
    *tries("DeleteDatasetTag", ("id", delete(f"{_SET}/tags/{{it.mark}}tag"))),
    *tries("UpsertDatasetRecords", ("id", post(f"{_SET}/records", {**_IDS, "records": _RECORDS})),
           ("an own dataset, a trace as source", post(f"{_SETS}/{{me.dataset}}/records", {
               "dataset_id": "{me.dataset}",
               "records": '[{"inputs": {"q": "zqmade"}, "source": {"source_type": "TRACE", "source_data":'
                          ' {"trace_id": "{it.trace}"}}}]'}))),
    *tries("GetDatasetExperimentIds", ("id", get(f"{_SET}/experiment-ids"))),
    *tries("GetDatasetExperimentIds",
           ("an own dataset made with another's experiment",
            Step("POST", f"{_SETS}/create", {"name": "zqmade", "experiment_ids": ["{it.experiment}"]},
                 keep={"dataset": "dataset.dataset_id"}),
            get(f"{_SETS}/{{got.dataset}}/experiment-ids"))),
    *tries("GetDatasetRecords", ("id", get(f"{_SET}/records"))),
    *tries("DeleteDatasetRecords", ("id", delete(f"{_SET}/records", {**_IDS, "dataset_record_ids": ["{it.record}"]})),
           ("an own dataset, another's record", delete(f"{_SETS}/{{me.dataset}}/records", {
               "dataset_id": "{me.dataset}", "dataset_record_ids": ["{it.record}"]}))),
    *tries("AddDatasetToExperiments",
           ("another's dataset", post(f"{_SET}/add-experiments", {**_IDS, "experiment_ids": ["{me.deleted_experiment}"]}))),
    *tries("AddDatasetToExperiments",
           ("an own dataset, another's experiment", post(f"{_SETS}/{{me.dataset}}/add-experiments", {
               "dataset_id": "{me.dataset}", "experiment_ids": ["{it.deleted_experiment}"]}))),
    *tries("RemoveDatasetFromExperiments",
           ("another's dataset", post(f"{_SET}/remove-experiments", {**_IDS, "experiment_ids": ["{it.experiment}"]}))),
]  # fmt: skip

_SCORERS = f"{API3}/scorers"
_ONE = "experiment_id={it.experiment}&name={it.scorer}"
_THIS = {"experiment_id": "{it.experiment}", "name": "{it.scorer}"}
_SPARE = {**_THIS, "name": "{it.spare_scorer}"}
_RUN = {"experiment_id": "{it.experiment}", "trace_ids": ["{it.span_trace}"]}

SCORERS = [
    *tries("RegisterScorer", ("experiment id", post(f"{_SCORERS}/register", {
        **_THIS, "serialized_scorer": scorer("zqmade")}))),
    *tries("RegisterScorer", ("a model gateway:/ there", post(f"{_SCORERS}/register", {
        "experiment_id": "{me.experiment}", "name": "zqmade",
        "serialized_scorer": '{"name": "zqmade", "instructions_judge_pydantic_data": {"instructions": "{{ outputs }}",'
                             ' "model": "gateway:/{it.endpoint_name}"}, "serialization_version": 1}'})),
           shows="answer", since="3.11"),
    *tries("ListScorers", ("experiment id", get(f"{_SCORERS}/list?experiment_id={{it.experiment}}"))),
    *tries("ListScorers",
           ("all", get(f"{_SCORERS}/list")),
           ("experiment ids", get(f"{_SCORERS}/list?experiment_ids={{it.experiment}}")), since="3.14"),
    *tries("ListScorerVersions", ("experiment id", get(f"{_SCORERS}/versions?{_ONE}"))),
    *tries("GetScorer", ("experiment id", get(f"{_SCORERS}/get?{_ONE}")),
           ("version", get(f"{_SCORERS}/get?{_ONE}&version=1"))),
    *tries("DeleteScorer", ("experiment id", delete(f"{_SCORERS}/delete", _SPARE)),
           ("version", delete(f"{_SCORERS}/delete", {**_SPARE, "version": 1}))),
    *tries("GetOnlineScoringConfigs",
           ("scorer ids", Step("PUT", f"{_SCORERS}/online-config", {
               "experiment_id": "{me.experiment}", "name": "{me.scorer}", "sample_rate": 0}),
            get(f"{_SCORERS}/online-configs?scorer_ids={{it.scorer_id}}")), shows="answer"),
    *tries("UpsertOnlineScoringConfig",
           ("experiment id", Step("PUT", f"{_SCORERS}/online-config", {**_THIS, "sample_rate": 0}))),
    *tries("InvokeScorer",
           ("experiment and traces", post(f"{AJAX3}/scorer/invoke", {**_RUN, "serialized_scorer": scorer("zqmade")})),
           ("own experiment, another's trace", post(f"{AJAX3}/scorer/invoke", {
               **_RUN, "experiment_id": "{me.experiment}", "serialized_scorer": scorer("zqmade")})), shows="answer"),
    *tries("InvokeGenaiEvaluate",
           ("experiment and traces", post(f"{AJAX3}/genai/evaluate/invoke", {
               **_RUN, "serialized_scorers": [scorer("zqmade")]})),
           ("own experiment, another's trace", post(f"{AJAX3}/genai/evaluate/invoke", {
               **_RUN, "experiment_id": "{me.experiment}", "serialized_scorers": [scorer("zqmade")]})),
           shows="answer"),
]  # fmt: skip

_ISSUES, _LABELS, _QUEUES = f"{API3}/issues", f"{API3}/label-schemas", f"{API3}/review-queues"
_ISSUE = {"name": "zqmade", "description": "zqmade"}
_DETECT = {**_RUN, "categories": ["correctness"], "provider": "openai", "model": "gpt"}
_INPUT = {"type": "FEEDBACK", "input": {"text": {"max_length": 5}}}
_QUEUE = {"queue_id": "{it.queue}"}

REVIEWS = [
    *tries("CreateIssue",
           ("experiment id", post(_ISSUES, {"experiment_id": "{it.experiment}", **_ISSUE})),
           ("source_run_id", post(_ISSUES, {
               "experiment_id": "{me.experiment}", "source_run_id": "{it.run}", **_ISSUE}))),
    *tries("UpdateIssue", ("id", patch(f"{_ISSUES}/{{it.issue}}", {"issue_id": "{it.issue}", "name": "zqmade"}))),
    *tries("GetIssue", ("id", get(f"{_ISSUES}/{{it.issue}}"))),
    *tries("SearchIssues",
           ("all", post(f"{_ISSUES}/search", {})),
           ("experiment id", post(f"{_ISSUES}/search", {"experiment_id": "{it.experiment}"})),
           ("with the count of traces", post(f"{_ISSUES}/search", {
               "experiment_id": "{it.experiment}", "include_trace_count": True}))),
    *tries("InvokeIssueDetection",
           ("experiment and traces", post(f"{AJAX3}/issues/invoke", {**_DETECT, "endpoint_name": "zq"})),
           ("a secret there", post(f"{AJAX3}/issues/invoke", {
               **_DETECT, "experiment_id": "{me.experiment}", "trace_ids": ["{me.span_trace}"],
               "secret_id": "{it.secret}"})), shows="answer"),
    *tries("SyncIssueDetectionScheduleState",
           ("experiment id", post(f"{API2}/experiments/set-experiment-tag", {
               "experiment_id": "{it.experiment}", "key": "mlflow.issueDetection.schedule",
               "value": '{"version": 1, "cadence": "daily"}'}),
            post(f"{AJAX3}/issues/schedule/state", {"experiment_id": "{it.experiment}"})),
           since="3.18"),
    *tries("CreateLabelSchema", ("experiment id", post(f"{_LABELS}/create", {
        "experiment_id": "{it.experiment}", "name": "zqmade", **_INPUT}))),
    *tries("GetLabelSchema", ("id", get(f"{_LABELS}/get?schema_id={{it.label}}"))),
    *tries("GetLabelSchemaByName", ("experiment id", get(
        f"{_LABELS}/get-by-name?experiment_id={{it.experiment}}&name={{it.label_name}}"))),
    *tries("ListLabelSchemas", ("experiment id", get(f"{_LABELS}/list?experiment_id={{it.experiment}}"))),
    *tries("UpdateLabelSchema", ("id", patch(f"{_LABELS}/update", {"schema_id": "{it.label}", "name": "zqmade"}))),
    *tries("DeleteLabelSchema", ("id", delete(f"{_LABELS}/delete", {"schema_id": "{it.spare_label}"}))),
    *tries("CreateReviewQueue",
           ("experiment id", post(f"{_QUEUES}/create", {
               "experiment_id": "{it.experiment}", "name": "zqmade", "queue_type": "CUSTOM"})),
           ("another's label schema", post(f"{_QUEUES}/create", {
               "experiment_id": "{me.experiment}", "name": "zqmade", "queue_type": "CUSTOM",
               "schema_ids": ["{it.label}"]}))),
    *tries("GetOrCreateUserQueue", ("experiment id", post(f"{_QUEUES}/get-or-create-user", {
        "experiment_id": "{it.experiment}", "user": "zqmade"}))),
    *tries("GetReviewQueue", ("id", get(f"{_QUEUES}/get?queue_id={{it.queue}}"))),
    *tries("GetReviewQueueByName", ("experiment id", get(
        f"{_QUEUES}/get-by-name?experiment_id={{it.experiment}}&name={{it.queue_name}}"))),
    *tries("ListReviewQueues", ("experiment id", get(f"{_QUEUES}/list?experiment_id={{it.experiment}}")),
           ("own experiment, another's item", get(
               f"{_QUEUES}/list?experiment_id={{me.experiment}}&item_id={{it.trace}}"))),
    *tries("UpdateReviewQueue", ("id", post(f"{_QUEUES}/update", {**_QUEUE, "name": "zqmade"}))),
    *tries("DeleteReviewQueue", ("id", post(f"{_QUEUES}/delete", _QUEUE))),
    *tries("AddItemsToReviewQueue",
           ("id", post(f"{_QUEUES}/items/add", {**_QUEUE, "item_type": "TRACE", "item_ids": ["{me.old_trace}"]})),
           ("own queue, another's trace", post(f"{_QUEUES}/items/add", {
               "queue_id": "{me.queue}", "item_type": "TRACE", "item_ids": ["{it.span_trace}"]}),
            get(f"{_QUEUES}/items/list?queue_id={{me.queue}}"))),
    *tries("RemoveItemsFromReviewQueue", ("id", post(f"{_QUEUES}/items/remove", {
        **_QUEUE, "item_ids": ["{it.trace}"]}))),
    *tries("ListReviewQueueItems", ("id", get(f"{_QUEUES}/items/list?queue_id={{it.queue}}"))),
    *tries("SetReviewQueueItemStatus", ("id", post(f"{_QUEUES}/items/set-status", {
        **_QUEUE, "item_id": "{it.trace}", "status": "COMPLETE", "completed_by": "zq"}))),
]  # fmt: skip

_OPTIMIZE = f"{API3}/prompt-optimization"
_CONFIG = {"config": {"optimizer_type": "OPTIMIZER_TYPE_GEPA", "scorers": []}}

JOBS = [
    *tries("GetJob", ("id", get("/ajax-api/3.0/jobs/{it.job}")), ("id, below mlflow", get(f"{AJAX3}/jobs/{{it.job}}"))),
    *tries("CancelJob", ("id", patch("/ajax-api/3.0/jobs/cancel/{it.job}", {})),
           ("id, below mlflow", patch(f"{AJAX3}/jobs/cancel/{{it.job}}", {}))),
    *tries("SearchJobs", ("all", post("/ajax-api/3.0/jobs/search", {})),
           ("name", post("/ajax-api/3.0/jobs/search", {"job_name": "invoke_scorer"})),
           ("params", post("/ajax-api/3.0/jobs/search", {"params": {"experiment_id": "{it.experiment}"}}))),
    *tries("SubmitJob", ("a job on another's experiment", post("/ajax-api/3.0/jobs/", {
        "job_name": "invoke_scorer", "params": {"experiment_id": "{it.experiment}", "trace_ids": ["{it.trace}"],
                                                "serialized_scorer": scorer("zqmade")}})), shows="none"),
    *tries("CreatePromptOptimizationJob", ("experiment id", post(f"{_OPTIMIZE}/jobs", {
        "experiment_id": "{it.experiment}", "source_prompt_uri": "prompts:/{it.prompt}/1", **_CONFIG})),
        shows="answer"),
    *tries("CreatePromptOptimizationJob", ("another's dataset", post(f"{_OPTIMIZE}/jobs", {
        "experiment_id": "{me.experiment}", "source_prompt_uri": "prompts:/{me.prompt}/1",
        "config": {"optimizer_type": "OPTIMIZER_TYPE_GEPA", "scorers": [], "dataset_id": "{it.dataset}"}})),
        shows="answer"),
    *tries("GetPromptOptimizationJob", ("id", get(f"{_OPTIMIZE}/jobs/{{it.prompt_job}}"))),
    *tries("SearchPromptOptimizationJobs",
           ("experiment id", get(f"{_OPTIMIZE}/jobs/search?experiment_id={{it.experiment}}"))),
    *tries("CancelPromptOptimizationJob", ("id", post(f"{_OPTIMIZE}/jobs/{{it.prompt_job}}/cancel", {}))),
    *tries("DeletePromptOptimizationJob", ("id", delete(f"{_OPTIMIZE}/jobs/{{it.prompt_job}}"))),
]  # fmt: skip

ATTEMPTS: list[Attempt] = [*DATASETS, *SCORERS, *REVIEWS, *JOBS]
