"""Traces, their spans, assessments and stored locations."""

from typing import Any

from .. import otlp
from ..contents import trace_info
from ..steps import AJAX2, AJAX3, API2, API3, Attempt, Names, Raw, Step, delete, get, patch, post, tries

_NEW = "tr-0123456789abcdef0123456789abcdef"
_V2, _V3 = f"{API2}/traces", f"{API3}/traces"
_TAG = {"key": "zqmade", "value": "zqmade"}
_LOCATION = "mlflow.artifactLocation"


def _locations(*experiments: str) -> list[dict[str, Any]]:
    return [
        {"type": "MLFLOW_EXPERIMENT", "mlflow_experiment": {"experiment_id": experiment}} for experiment in experiments
    ]


def _start(experiment: str, trace: str = _NEW, **more: Any) -> Step:
    return post(_V3, trace_info(experiment, trace, **more))


def _export(trace: str, experiment: str, run: str | None = None, attributes: dict[str, str] | None = None) -> Step:
    """OTLP's export; `trace` and `experiment` are names."""

    def body(names: Names) -> bytes:
        whose, _, word = trace.partition(".")
        hexadecimal = names[whose][word] if word else trace
        filled = {key: names["it"].get(value, value) for key, value in (attributes or {}).items()}
        return otlp.export(hexadecimal, "00f067aa0ba902b8", "zqmade", filled)

    headers = [("content-type", "application/x-protobuf"), ("x-mlflow-experiment-id", experiment)]
    if run:
        headers.append(("x-mlflow-run-id", run))
    return Step("POST", "/v1/traces", Raw(body), tuple(headers))


BOTH = [
    *tries("SetTraceTag",
           ("id", patch(f"{_V3}/{{it.trace}}/tags", {"trace_id": "{it.trace}", **_TAG})),
           ("id, API 2.0", patch(f"{_V2}/{{it.trace}}/tags", {"request_id": "{it.trace}", **_TAG}))),
    *tries("DeleteTraceTag",
           ("id", delete(f"{_V3}/{{it.trace}}/tags?key={{it.mark}}tag", {"key": "{it.mark}tag"})),
           ("id, API 2.0", delete(f"{_V2}/{{it.trace}}/tags?key={{it.mark}}tag", {"key": "{it.mark}tag"}))),
    *tries(
        "StartTrace",
        ("experiment id", _start("{it.experiment}")),
        ("experiment id, API 2.0", post(_V2, {
            "experiment_id": "{it.experiment}", "timestamp_ms": 1, "request_metadata": [], "tags": []})),
        ("the id of a trace there", _start("{me.experiment}", "{it.trace}", tags={"zqmade": "zqmade"})),
        ("the id of a trace there, its spans in the database", _start("{me.experiment}", "{it.span_trace}")),
        ("metadata that names the run", _start(
            "{me.experiment}", trace_metadata={"mlflow.sourceRun": "{it.run}"})),
        ("metadata that names the model", _start(
            "{me.experiment}", trace_metadata={"mlflow.modelId": "{it.logged_model}"})),
        # A second start of the same trace merges what it carries, each part by its own id.
        ("an assessment of its id, on an own trace that exists", _start(
            "{me.experiment}", "{me.trace}", assessments=[{
                "assessment_id": "{it.assessment}", "assessment_name": "zqmade", "trace_id": "{me.trace}",
                "source": {"source_type": "HUMAN", "source_id": "zq"}, "feedback": {"value": "zqmade"}}]),
         get(f"{_V3}/{{it.trace}}")),
    ),
    *tries(
        "StartTrace",
        ("an assessment of its id", _start("{me.experiment}", assessments=[{
            "assessment_id": "{it.assessment}", "assessment_name": "zqmade", "trace_id": _NEW,
            "source": {"source_type": "HUMAN", "source_id": "zq"}, "feedback": {"value": "zqmade"}}])),
        shows="answer",
    ),
    *tries("EndTrace", ("id", patch(f"{_V2}/{{it.old_trace}}", {
        "request_id": "{it.old_trace}", "timestamp_ms": 1_700_000_000_500, "status": "OK",
        "request_metadata": [], "tags": []}))),
    *tries("GetTraceInfo", ("id", get(f"{_V3}/{{it.trace}}")),
           ("id, API 2.0", get(f"{_V2}/{{it.trace}}/info"))),
    *tries("GetTrace", ("id", get(f"{_V3}/get?trace_id={{it.span_trace}}")),
           ("id, partial", get(f"{_V3}/get?trace_id={{it.span_trace}}&allow_partial=true"))),
    *tries("BatchGetTraces", ("ids", get(f"{_V3}/batchGet?trace_ids={{it.span_trace}}")),
           ("own and another's", get(f"{_V3}/batchGet?trace_ids={{me.span_trace}}&trace_ids={{it.span_trace}}"))),
    *tries("BatchGetTraceInfos", ("ids", post(f"{_V3}/batchGetInfos", {"trace_ids": ["{it.trace}"]})),
           ("own and another's", post(f"{_V3}/batchGetInfos", {"trace_ids": ["{me.trace}", "{it.trace}"]}))),
    *tries(
        "SearchTraces",
        ("experiment", post(f"{_V3}/search", {"locations": _locations("{it.experiment}")})),
        ("own and another's", post(f"{_V3}/search", {"locations": _locations("{me.experiment}", "{it.experiment}")})),
        ("experiment ids, API 2.0", get(f"{_V2}?experiment_ids={{it.experiment}}")),
        ("filter by run", post(f"{_V3}/search", {
            "locations": _locations("{me.experiment}"), "filter": "attributes.run_id = '{it.run}'"})),
        ("filter by tag", post(f"{_V3}/search", {
            "locations": _locations("{me.experiment}"), "filter": "tags.{it.mark}tag = '{it.mark}-value'"})),
        ("filter by session", post(f"{_V3}/search", {
            "locations": _locations("{me.experiment}", "{it.experiment}"),
            "filter": "metadata.`mlflow.trace.session` = '{it.mark}'"})),
    ),
    *tries(
        "LinkTracesToRun",
        ("own trace, another's run", post(f"{_V2}/link-to-run", {"trace_ids": ["{me.trace}"], "run_id": "{it.run}"})),
        ("another's trace, own run", post(f"{_V2}/link-to-run", {"trace_ids": ["{it.trace}"], "run_id": "{me.run}"})),
    ),
    *tries("LinkPromptsToTrace",
           ("another's trace", post(f"{_V2}/link-prompts", {
               "trace_id": "{it.trace}", "prompt_versions": [{"name": "{me.prompt}", "version": "1"}]})),
           ("another's prompt", post(f"{_V2}/link-prompts", {
               "trace_id": "{me.trace}", "prompt_versions": [{"name": "{it.prompt}", "version": "1"}]}))),
    *tries(
        "DeleteTraces",
        ("ids", post(f"{_V3}/delete-traces", {"experiment_id": "{it.experiment}", "request_ids": ["{it.trace}"]})),
        ("ids, API 2.0", post(f"{_V2}/delete-traces", {
            "experiment_id": "{it.experiment}", "request_ids": ["{it.trace}"]})),
        ("ids, an own experiment", post(f"{_V3}/delete-traces", {
            "experiment_id": "{me.experiment}", "request_ids": ["{it.trace}"]})),
        ("all before a time", post(f"{_V3}/delete-traces", {
            "experiment_id": "{it.experiment}", "max_timestamp_millis": 1_900_000_000_000})),
    ),
    *tries("CalculateTraceFilterCorrelation",
           ("experiment ids", post(f"{_V3}/calculate-filter-correlation", {
               "experiment_ids": ["{it.experiment}"], "filter_string1": "status = 'OK'",
               "filter_string2": "tags.{it.mark}tag = '{it.mark}-value'"})),
           ("own and another's", post(f"{_V3}/calculate-filter-correlation", {
               "experiment_ids": ["{me.experiment}", "{it.experiment}"], "filter_string1": "status = 'OK'",
               "filter_string2": "tags.{it.mark}tag = '{it.mark}-value'"})), shows="answer"),
    *tries("QueryTraceMetrics",
           ("experiment ids", post(f"{_V3}/metrics", {
               "experiment_ids": ["{it.experiment}"], "view_type": "TRACES", "metric_name": "trace_count",
               "aggregations": [{"aggregation_type": "COUNT"}]})),
           ("own and another's", post(f"{_V3}/metrics", {
               "experiment_ids": ["{me.experiment}", "{it.experiment}"], "view_type": "TRACES",
               "metric_name": "trace_count", "aggregations": [{"aggregation_type": "COUNT"}]})),
           ("assessments", post(f"{_V3}/metrics", {
               "experiment_ids": ["{it.experiment}"], "view_type": "ASSESSMENTS", "metric_name": "assessment_count",
               "dimensions": ["assessment_name"], "aggregations": [{"aggregation_type": "COUNT"}]})), shows="answer"),
]  # fmt: skip

_ASSESSMENT = f"{_V3}/{{it.trace}}/assessments/{{it.assessment}}"
_BODY = {
    "assessment_name": "zqmade", "source": {"source_type": "HUMAN", "source_id": "zq"}, "feedback": {"value": "zqmade"},
}  # fmt: skip

ASSESSMENTS = [
    *tries("GetAssessment", ("ids", get(_ASSESSMENT))),
    *tries("GetAssessment", ("an own trace, another's assessment",
                             get(f"{_V3}/{{me.trace}}/assessments/{{it.assessment}}")),
           control=(get(_ASSESSMENT),)),
    *tries("CreateAssessment", ("trace", post(f"{_V3}/{{it.trace}}/assessments", {
        "assessment": {**_BODY, "trace_id": "{it.trace}"}}))),
    *tries("CreateAssessment",
           ("an own trace in the path, another's in the body", post(f"{_V3}/{{me.trace}}/assessments", {
               "assessment": {**_BODY, "trace_id": "{it.trace}"}})),
           ("another's trace in the path, an own in the body", post(f"{_V3}/{{it.trace}}/assessments", {
               "assessment": {**_BODY, "trace_id": "{me.trace}"}})),
           ("overrides another's assessment", post(f"{_V3}/{{me.trace}}/assessments", {
               "assessment": {**_BODY, "trace_id": "{me.trace}", "overrides": "{it.assessment}"}})),
           ),
    *tries("CreateAssessment",
           ("an assessment id that exists there", post(f"{_V3}/{{me.trace}}/assessments", {
               "assessment": {**_BODY, "trace_id": "{me.trace}", "assessment_id": "{it.assessment}"}})),
           shows="answer"),
    *tries("UpdateAssessment", ("ids", patch(_ASSESSMENT, {
        "assessment": {"assessment_id": "{it.assessment}", "trace_id": "{it.trace}", "assessment_name": "zqmade"},
        "update_mask": "assessmentName"}))),
    *tries("UpdateAssessment", ("an own trace, another's assessment", patch(
        f"{_V3}/{{me.trace}}/assessments/{{it.assessment}}", {
            "assessment": {"assessment_id": "{it.assessment}", "trace_id": "{me.trace}", "assessment_name": "zqmade"},
            "update_mask": "assessmentName"}))),
    *tries("DeleteAssessment", ("ids", delete(_ASSESSMENT)),
           ("an own trace, another's assessment", delete(f"{_V3}/{{me.trace}}/assessments/{{it.assessment}}"))),
]  # fmt: skip

_READ = f"{AJAX3}/get-trace-artifact?request_id="
_MINE = f"{_V3}/{{me.trace}}/tags"


def _stored(way: str, location: str) -> list[Attempt]:
    """An own trace's tag says that its files lie there; the server is asked for them."""
    tag = {"trace_id": "{me.trace}", "key": _LOCATION, "value": location}
    return [
        *tries("ServeGetTraceArtifact", (f"a stored location {way}", patch(_MINE, tag), get(f"{_READ}{{me.trace}}"))),
        *tries("ServeGetTraceArtifact", (
            f"an attachment, a stored location {way}", patch(_MINE, tag),
            get(f"{_READ}{{me.trace}}&path={{it.attachment}}"))),
    ]  # fmt: skip


def _archived(operation: str, follow: Step) -> list[Attempt]:
    def tags(location: str) -> dict[str, str]:
        return {"mlflow.trace.spansLocation": "ARCHIVE_REPO", "mlflow.trace.archiveLocation": location}

    stored = {
        "an archive's location": "{it.folder}/{it.archive}",
        "an archive's location mlflow-artifacts:/": "mlflow-artifacts:/{it.archive}",
    }
    return tries(
        operation,
        *((f"{way}, stored by StartTrace", _start("{me.experiment}", tags=tags(location)), follow)
          for way, location in stored.items()),
        since="3.12",
    )  # fmt: skip


STORED = [
    *tries("ServeGetTraceArtifact", ("id", get(f"{_READ}{{it.trace}}")),
           ("id, API 2.0", get(f"{AJAX2}/get-trace-artifact?request_id={{it.trace}}")),
           ("id, its spans in the database", get(f"{_READ}{{it.span_trace}}")),
           ("id, an attachment", get(f"{_READ}{{it.trace}}&path={{it.attachment}}"))),
    *_stored("mlflow-artifacts:/", "mlflow-artifacts:/{it.trace_files}"),
    *_stored("mlflow-artifacts:/..", "mlflow-artifacts:/{me.root}../{it.workspace}/{it.experiment}/traces/{it.trace}/artifacts"),
    *_stored("of the server's file system", "{it.folder}/{it.trace_files}"),
    *_stored("file://", "file://{it.folder}/{it.trace_files}"),
    *_stored("runs:/", "runs:/{it.run}"),
    *_stored("models:/", "models:/{it.registered_model}/2"),
    *tries(
        "ServeGetTraceArtifact",
        ("a location stored through API 2.0", patch(f"{_V2}/{{me.trace}}/tags", {
            "request_id": "{me.trace}", "key": _LOCATION, "value": "mlflow-artifacts:/{it.trace_files}"}),
         get(f"{_READ}{{me.trace}}")),
        ("a location stored by StartTrace", _start(
            "{me.experiment}", tags={_LOCATION: "mlflow-artifacts:/{it.trace_files}"}), get(f"{_READ}{_NEW}")),
        ("a location stored by StartTrace, on a trace that exists", _start(
            "{me.experiment}", "{me.trace}", tags={_LOCATION: "mlflow-artifacts:/{it.trace_files}"}),
         get(f"{_READ}{{me.trace}}")),
        ("a location stored by StartTrace, API 2.0",
         Step("POST", _V2, {
             "experiment_id": "{me.experiment}", "timestamp_ms": 1, "request_metadata": [],
             "tags": [{"key": _LOCATION, "value": "mlflow-artifacts:/{it.trace_files}"}]},
             keep={"trace": "trace_info.request_id"}),
         get(f"{_READ}{{got.trace}}")),
        ("a location stored by EndTrace", patch(f"{_V2}/{{me.old_trace}}", {
            "request_id": "{me.old_trace}", "timestamp_ms": 1_700_000_000_500, "status": "OK", "request_metadata": [],
            "tags": [{"key": _LOCATION, "value": "mlflow-artifacts:/{it.trace_files}"}]}),
         get(f"{_READ}{{me.old_trace}}")),
    ),
    # Spans that MLflow has moved to an archive are read, and deleted, where a tag says that it lies.
    *_archived("GetTrace", get(f"{_V3}/get?trace_id={_NEW}")),
    *_archived("BatchGetTraces", get(f"{_V3}/batchGet?trace_ids={_NEW}")),
    *_archived("ServeGetTraceArtifact", get(f"{_READ}{_NEW}")),
    *_archived("DeleteTraces", post(f"{_V3}/delete-traces", {
        "experiment_id": "{me.experiment}", "request_ids": [_NEW]})),
]  # fmt: skip

_HEX = "fedcba9876543210fedcba9876543210"

EXPORT = [
    *tries(
        "ExportTraces",
        ("experiment id in the header", _export(_HEX, "{it.experiment}")),
        ("the id of a trace there", _export("it.span_trace_hex", "{me.experiment}")),
        ("the id of a trace there, without spans", _export("it.trace_hex", "{me.experiment}")),
        ("run id in the header", _export(_HEX, "{me.experiment}", "{it.run}")),
    ),
    *tries(
        "ServeGetTraceArtifact",
        ("a location stored by ExportTraces",
         _export(_HEX, "{me.experiment}", attributes={f"mlflow.traceTag.{_LOCATION}": "trace_uri"}),
         get(f"{_READ}tr-{_HEX}&path={{it.attachment}}")),
    ),
    *tries(
        "GetTrace",
        ("an archive's location, stored by ExportTraces",
         _export(_HEX, "{me.experiment}", attributes={
             "mlflow.traceTag.mlflow.trace.spansLocation": "ARCHIVE_REPO",
             "mlflow.traceTag.mlflow.trace.archiveLocation": "archive_folder"}),
         get(f"{_V3}/get?trace_id=tr-{_HEX}")),
        since="3.12",
    ),
]  # fmt: skip

ATTEMPTS: list[Attempt] = [*BOTH, *ASSESSMENTS, *STORED, *EXPORT]
