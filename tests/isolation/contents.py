"""One of everything MLflow keeps, in each workspace, every text of it with the workspace's mark."""

import io
import json
import tarfile
import uuid
from collections.abc import Iterable
from typing import Any

from harness.http import Client, Response

from . import otlp
from .state import Store
from .steps import API2, API3, ARTIFACTS

IT, ME, DEFAULT = "team-zqa", "team-zqb", "default"
"""The workspace whose objects are asked for, and the two from which they are asked for."""
MARKS = {IT: "zqa", ME: "zqb", DEFAULT: "zqd"}
HEADER = "X-MLFLOW-WORKSPACE"
JSON = ("content-type", "application/json")
CHAMPION = "zqchampion"

SCORER = json.dumps({
    "name": "{mark}-scorer", "aggregations": [], "is_session_level_scorer": False,
    "mlflow_version": "3.10.0", "serialization_version": 1, "builtin_scorer_class": "Safety",
    "builtin_scorer_pydantic_data": {"name": "{mark}-scorer"},
})  # fmt: skip


class Api:
    """Requests in one workspace: to MLflow itself, or with a key through Envoy."""

    def __init__(
        self, client: Client, workspace: str, store: Store, headers: Iterable[tuple[str, str]] = (), mount: str = ""
    ) -> None:
        self.client, self.workspace, self.store = client, workspace, store
        self._headers, self._mount = [(HEADER, workspace), *headers], mount
        self.made: dict[str, str] = {}
        self.missing: dict[str, str] = {}
        """What this release does not have, or would not make, with its answer."""

    def send(
        self, method: str, target: str, body: bytes | None = None, headers: list[tuple[str, str]] | None = None
    ) -> Response:
        return self.client.request(method, self._mount + target, [*self._headers, *(headers or [])], body)

    def json(self, method: str, target: str, body: Any) -> Any:
        answer = self.send(method, target, json.dumps(body).encode(), [JSON])
        if answer.status >= 300:
            raise NotMade(f"{method} {target}: {answer.status} {answer.body[:300]!r}")
        return json.loads(answer.body or b"{}")

    def get(self, target: str) -> Any:
        return json.loads(self.send("GET", target).body)

    def post(self, target: str, body: Any) -> Any:
        return self.json("POST", target, body)


class NotMade(Exception):
    """The release lacks the endpoint, or refused."""


def make(api: Api) -> dict[str, str]:
    """Fills the workspace; what was made, by the names that steps use."""
    made, mark = api.made, MARKS[api.workspace]
    made |= {"mark": mark, "workspace": api.workspace}
    made["folder"] = str(api.store.artifacts)
    _experiments_and_runs(api, mark)
    _logged_model(api, mark)
    _registry(api, mark)
    _traces(api, mark)
    for part in (_dataset, _scorer, _webhook, _gateway, _gateway_rules, _jobs, _issue, _labels, _queue, _mcp, _skills):
        try:
            part(api, mark)
        except (NotMade, KeyError) as error:
            api.missing[part.__name__.strip("_")] = str(error)
    return made


def _experiments_and_runs(api: Api, mark: str) -> None:
    made = api.made
    tags = [{"key": f"{mark}tag", "value": f"{mark}-value"}]
    made["experiment_name"] = f"{mark}-experiment"
    made["experiment"] = api.post(f"{API2}/experiments/create", {"name": made["experiment_name"], "tags": tags})[
        "experiment_id"
    ]
    location = api.get(f"{API2}/experiments/get?experiment_id={made['experiment']}")["experiment"]["artifact_location"]
    made["root"] = location.removeprefix("mlflow-artifacts:/").removesuffix(made["experiment"])
    deleted = api.post(f"{API2}/experiments/create", {"name": f"{mark}-deleted"})["experiment_id"]
    api.post(f"{API2}/experiments/delete", {"experiment_id": deleted})
    made["deleted_experiment"] = deleted
    for name in ("run", "other_run", "deleted_run"):
        answer = api.post(
            f"{API2}/runs/create", {"experiment_id": made["experiment"], "run_name": f"{mark}-{name}", "tags": tags}
        )
        made[name] = answer["run"]["info"]["run_id"]
    api.post(f"{API2}/runs/delete", {"run_id": made["deleted_run"]})
    run = made["run"]
    for step in range(3):
        metric = {"key": f"{mark}loss", "value": step, "timestamp": 1_700_000_000_000 + step, "step": step}
        api.post(f"{API2}/runs/log-metric", {"run_id": run, **metric})
    api.post(f"{API2}/runs/log-parameter", {"run_id": run, "key": f"{mark}param", "value": f"{mark}-value"})
    dataset = {"name": f"{mark}-input", "digest": f"{mark}1", "source_type": "local", "source": f"{mark}-source"}
    api.post(f"{API2}/runs/log-inputs", {"run_id": run, "datasets": [{"tags": [], "dataset": dataset}]})
    made["files"] = f"{made['root']}{made['experiment']}/{run}/artifacts"
    for name in ("file.txt", "model/MLmodel"):
        api.send("PUT", f"{ARTIFACTS}/{made['files']}/{name}", f"{mark}-bytes".encode())


def _logged_model(api: Api, mark: str) -> None:
    made = api.made
    answer = api.post(f"{API2}/logged-models", {
        "experiment_id": made["experiment"], "name": f"{mark}-logged", "source_run_id": made["run"],
        "params": [{"key": f"{mark}p", "value": f"{mark}-v"}], "tags": [{"key": f"{mark}t", "value": f"{mark}-v"}],
    })  # fmt: skip
    made["logged_model"] = model = answer["model"]["info"]["model_id"]
    api.json("PATCH", f"{API2}/logged-models/{model}", {"model_id": model, "status": "LOGGED_MODEL_READY"})
    metric = {"key": f"{mark}acc", "value": 0.5, "timestamp": 1_700_000_000_000, "step": 0, "model_id": model}
    api.post(f"{API2}/runs/log-metric", {"run_id": made["run"], **metric})
    api.post(f"{API2}/runs/outputs", {"run_id": made["run"], "models": [{"model_id": model, "step": 0}]})
    made["model_files"] = f"{made['root']}{made['experiment']}/models/{model}/artifacts"
    api.send("PUT", f"{ARTIFACTS}/{made['model_files']}/MLmodel", f"{mark}-bytes".encode())


def _registry(api: Api, mark: str) -> None:
    made = api.made
    made["registered_model"], made["prompt"] = f"{mark}-model", f"{mark}-prompt"
    tags = [{"key": f"{mark}tag", "value": f"{mark}-value"}]
    for name in (made["registered_model"], "shared"):
        api.post(f"{API2}/registered-models/create", {"name": name, "description": f"{mark}-text", "tags": tags})
        api.post(f"{API2}/model-versions/create", {
            "name": name, "source": f"models:/{made['logged_model']}", "run_id": made["run"],
            "model_id": made["logged_model"], "description": f"{mark}-text", "tags": tags,
        })  # fmt: skip
        api.post(f"{API2}/registered-models/alias", {"name": name, "alias": CHAMPION, "version": "1"})
    source = f"mlflow-artifacts:/{made['files']}/model"
    version = {"name": made["registered_model"], "source": source, "run_id": made["run"]}
    api.post(f"{API2}/model-versions/create", version)
    is_prompt = [{"key": "mlflow.prompt.is_prompt", "value": "true"}]
    api.post(f"{API2}/registered-models/create", {"name": made["prompt"], "tags": is_prompt})
    text = [*is_prompt, {"key": "mlflow.prompt.text", "value": f"{mark}-text"}]
    api.post(f"{API2}/model-versions/create", {"name": made["prompt"], "source": "dummy-source", "tags": text})


def trace_info(experiment: str, trace: str, **more: Any) -> dict[str, Any]:
    """The body of StartTraceV3."""
    location = {"type": "MLFLOW_EXPERIMENT", "mlflow_experiment": {"experiment_id": experiment}}
    info = {
        "trace_id": trace, "trace_location": location, "request_time": "2026-05-05T05:05:05Z",
        "execution_duration": "1s", "state": "OK", **more,
    }  # fmt: skip
    return {"trace": {"trace_info": info}}


def _traces(api: Api, mark: str) -> None:
    made = api.made
    made["trace"] = f"tr-{uuid.uuid4().hex}"
    body = trace_info(
        made["experiment"], made["trace"], request_preview=f"{mark}-asked", response_preview=f"{mark}-said",
        tags={f"{mark}tag": f"{mark}-value", "mlflow.traceName": f"{mark}-trace"},
        trace_metadata={f"{mark}meta": f"{mark}-value", "mlflow.sourceRun": made["run"], "mlflow.trace.session": mark},
    )  # fmt: skip
    api.post(f"{API3}/traces", body)
    made["trace_files"] = f"{made['root']}{made['experiment']}/traces/{made['trace']}/artifacts"
    made["attachment"] = str(uuid.uuid4())
    spans = json.dumps({"spans": [], "zq": f"{mark}-bytes"})
    api.send("PUT", f"{ARTIFACTS}/{made['trace_files']}/traces.json", spans.encode())
    attachment = f"{made['trace_files']}/attachments/{made['attachment']}"
    api.send("PUT", f"{ARTIFACTS}/{attachment}", f"{mark}-bytes".encode())
    made["trace_hex"], made["trace_uri"] = made["trace"].removeprefix("tr-"), f"mlflow-artifacts:/{made['trace_files']}"
    # As MLflow writes the spans of a trace that it moves to an archive.
    made["archive"] = f"{made['root']}{made['experiment']}/archive"
    made["archive_folder"] = f"{made['folder']}/{made['archive']}"
    archived = otlp.export("0123456789abcdef0123456789abcdef", "00f067aa0ba902b7", f"{mark}-span")
    api.send("PUT", f"{ARTIFACTS}/{made['archive']}/traces.pb", archived)
    # Its spans are in the database.
    made["span_trace_hex"] = uuid.uuid4().hex
    made["span_trace"] = f"tr-{made['span_trace_hex']}"
    body_bytes = otlp.export(made["span_trace_hex"], "00f067aa0ba902b7", f"{mark}-span", {"zq": f"{mark}-value"})
    headers = [("content-type", "application/x-protobuf"), ("x-mlflow-experiment-id", made["experiment"])]
    api.send("POST", "/v1/traces", body_bytes, headers)
    made["old_trace"] = api.post(f"{API2}/traces", {
        "experiment_id": made["experiment"], "timestamp_ms": 1_700_000_000_000,
        "request_metadata": [{"key": f"{mark}meta", "value": f"{mark}-value"}], "tags": [],
    })["trace_info"]["request_id"]  # fmt: skip
    assessment = {
        "assessment_name": f"{mark}-quality", "source": {"source_type": "HUMAN", "source_id": f"{mark}-user"},
        "feedback": {"value": f"{mark}-good"}, "trace_id": made["trace"],
    }  # fmt: skip
    answer = api.post(f"{API3}/traces/{made['trace']}/assessments", {"assessment": assessment})
    made["assessment"] = answer["assessment"]["assessment_id"]
    api.post(f"{API2}/traces/link-to-run", {"trace_ids": [made["span_trace"]], "run_id": made["run"]})


def _dataset(api: Api, mark: str) -> None:
    body = {
        "name": f"{mark}-dataset", "experiment_ids": [api.made["experiment"]],
        "tags": json.dumps({f"{mark}tag": f"{mark}-value"}),
    }  # fmt: skip
    made = api.post(f"{API3}/datasets/create", body)["dataset"]
    api.made["dataset"], api.made["dataset_name"] = made["dataset_id"], f"{mark}-dataset"
    records = json.dumps([{"inputs": {"q": f"{mark}-question"}, "expectations": {"a": f"{mark}-answer"}}])
    api.post(f"{API3}/datasets/{made['dataset_id']}/records", {"dataset_id": made["dataset_id"], "records": records})
    found = api.send("GET", f"{API3}/datasets/{made['dataset_id']}/records").json()["records"]
    api.made["record"] = json.loads(found)[0]["dataset_record_id"]


def _scorer(api: Api, mark: str) -> None:
    for word, name in (("scorer", f"{mark}-scorer"), ("spare_scorer", f"{mark}-spare")):
        body = {"experiment_id": api.made["experiment"], "name": name, "serialized_scorer": scorer(mark)}
        answer = api.post(f"{API3}/scorers/register", body)
        api.made |= {word: name, f"{word}_id": answer.get("scorer_id", "")}


def scorer(mark: str) -> str:
    return SCORER.replace("{mark}", mark)


def _webhook(api: Api, mark: str) -> None:
    # DISABLED: nothing is ever sent there.
    body = {
        "name": f"{mark}-webhook", "url": "http://127.0.0.1:9/zq", "status": "DISABLED", "secret": f"{mark}-secret",
        "events": [{"entity": "REGISTERED_MODEL", "action": "CREATED"}],
    }  # fmt: skip
    api.made["webhook"] = api.post(f"{API2}/webhooks", body)["webhook"]["webhook_id"]


def _gateway(api: Api, mark: str) -> None:
    made, base = api.made, f"{API3}/gateway"
    # Nobody listens there, so that an invocation that gets as far as the provider ends at once.
    secret = {
        "secret_name": f"{mark}-secret", "secret_value": {"api_key": f"{mark}-key"}, "provider": "openai",
        "auth_config": {"api_base": "http://127.0.0.1:9/v1"},
    }  # fmt: skip
    made["secret"] = api.post(f"{base}/secrets/create", secret)["secret"]["secret_id"]
    made["secret_name"] = f"{mark}-secret"
    for name in ("definition", "spare_definition"):
        definition = {
            "name": f"{mark}-{name}", "secret_id": made["secret"], "provider": "openai", "model_name": f"{mark}-gpt",
        }  # fmt: skip
        answer = api.post(f"{base}/model-definitions/create", definition)
        made[name] = answer["model_definition"]["model_definition_id"]
    configs = [{"model_definition_id": made["definition"], "linkage_type": "PRIMARY", "weight": 1}]
    endpoint = {"name": f"{mark}-endpoint", "model_configs": configs, "usage_tracking": False}
    made["endpoint"] = api.post(f"{base}/endpoints/create", endpoint)["endpoint"]["endpoint_id"]
    made["endpoint_name"] = f"{mark}-endpoint"
    tag = {"endpoint_id": made["endpoint"], "key": f"{mark}tag", "value": f"{mark}-value"}
    api.post(f"{base}/endpoints/set-tag", tag)
    binding = {"endpoint_id": made["endpoint"], "resource_type": "scorer", "resource_id": made["scorer_id"]}
    api.post(f"{base}/endpoints/bindings/create", binding)


def _gateway_rules(api: Api, mark: str) -> None:
    made, base = api.made, f"{API3}/gateway"
    budget = {
        "budget_unit": "USD", "budget_amount": 77.5, "duration": {"unit": "DAYS", "value": 7},
        "target_scope": "WORKSPACE", "budget_action": "ALERT", "created_by": f"{mark}-user",
    }  # fmt: skip
    made["budget"] = api.post(f"{base}/budgets/create", budget)["budget_policy"]["budget_policy_id"]
    guardrail = {
        "scorer_id": made["scorer_id"], "scorer_version": 1,
        "stage": "BEFORE", "action": "VALIDATION",
    }  # fmt: skip
    for word in ("guardrail", "spare_guardrail"):
        answer = api.post(f"{base}/guardrails/create", {**guardrail, "name": f"{mark}-{word}"})
        made[word] = answer["guardrail"]["guardrail_id"]
    api.post(
        f"{base}/guardrails/add-to-endpoint",
        {"endpoint_id": made["endpoint"], "guardrail_id": made["guardrail"], "execution_order": 1},
    )


def _jobs(api: Api, mark: str) -> None:
    """Put into the database: making them takes a job runner, and asking for them does not."""
    columns = api.store.columns("jobs")
    for name, params in (
        ("job", {"zq": f"{mark}-param", "experiment_id": api.made["experiment"]}),
        ("prompt_job", {"experiment_id": api.made["experiment"], "prompt_uri": f"prompts:/{mark}-prompt/1",
                        "run_id": api.made["other_run"]}),
    ):  # fmt: skip
        row = {
            "id": str(uuid.uuid4()), "creation_time": 1_700_000_000_000, "params": json.dumps(params),
            "job_name": "optimize_prompts" if name == "prompt_job" else "invoke_scorer", "status": 1,
            "workspace": api.workspace, "retry_count": 0, "last_update_time": 1_700_000_000_000,
        }  # fmt: skip
        row = {column: value for column, value in row.items() if column in columns}
        marks = ", ".join("?" for _ in row)
        api.store.execute(f"INSERT INTO jobs ({', '.join(row)}) VALUES ({marks})", tuple(row.values()))
        api.made[name] = str(row["id"])


def _issue(api: Api, mark: str) -> None:
    body = {
        "experiment_id": api.made["experiment"], "name": f"{mark}-issue", "description": f"{mark}-text",
        "status": "pending", "source_run_id": api.made["run"],
    }  # fmt: skip
    api.made["issue"] = api.post(f"{API3}/issues", body)["issue"]["issue_id"]


def _labels(api: Api, mark: str) -> None:
    body = {
        "experiment_id": api.made["experiment"], "name": f"{mark}-label", "type": "FEEDBACK",
        "instruction": f"{mark}-text", "input": {"text": {"max_length": 50}},
    }  # fmt: skip
    for word, name in (("label", f"{mark}-label"), ("spare_label", f"{mark}-spare")):
        made = api.post(f"{API3}/label-schemas/create", {**body, "name": name})
        api.made[word] = (made.get("label_schema") or made["schema"])["schema_id"]
    api.made["label_name"] = f"{mark}-label"


def _queue(api: Api, mark: str) -> None:
    body = {
        "experiment_id": api.made["experiment"], "name": f"{mark}-queue", "queue_type": "CUSTOM",
        "users": [f"{mark}-user"], "schema_ids": [api.made["label"]],
    }  # fmt: skip
    made = api.post(f"{API3}/review-queues/create", body)
    made = made.get("review_queue") or made["queue"]
    api.made |= {"queue": made["queue_id"], "queue_name": f"{mark}-queue"}
    items = {"queue_id": made["queue_id"], "item_type": "TRACE", "item_ids": [api.made["trace"]]}
    api.post(f"{API3}/review-queues/items/add", items)


def _mcp(api: Api, mark: str) -> None:
    base = f"{API3}/mcp-servers"
    name = api.made["mcp"] = f"com.{mark}/server"
    api.post(base, {"name": name, "description": f"{mark}-text"})
    server = {"name": name, "version": "1.0.0", "description": f"{mark}-text"}
    api.post(f"{base}/{name}/versions", {"server_json": server, "status": "active"})
    api.post(f"{base}/{name}/tags", {"key": f"{mark}tag", "value": f"{mark}-value"})
    api.post(f"{base}/{name}/versions/1.0.0/tags", {"key": f"{mark}tag", "value": f"{mark}-value"})
    api.post(f"{base}/{name}/aliases", {"alias": CHAMPION, "version": "1.0.0"})
    spare = api.made["spare_mcp"] = f"com.{mark}/spare"
    api.post(f"{base}/{spare}/versions", {"server_json": {**server, "name": spare}, "status": "draft"})
    endpoint = {"server_version": "1.0.0", "url": f"https://{mark}.invalid/mcp"}
    api.made["mcp_endpoint"] = api.post(f"{base}/{name}/endpoints", endpoint)["id"]


def _skills(api: Api, mark: str) -> None:
    made, base = api.made, f"{API3}/skills"
    made["skill"], made["organization"], made["spare_skill"] = f"{mark}-skill", f"{mark}-org", f"{mark}-spare"
    boundary, files = skill_upload(mark)
    upload = ("content-type", f"multipart/form-data; boundary={boundary}")
    for organization, place in (("", made["skill"]), (made["organization"], f"@{mark}-org/{made['skill']}")):
        api.post(base, {"name": made["skill"], "organization": organization, "description": f"{mark}-text"})
        answer = api.send("POST", f"{base}/{place}/versions", files, [upload])
        if answer.status >= 300:
            raise NotMade(f"a skill's files: {answer.status} {answer.body[:300]!r}")
        if not organization:
            made["skill_files"] = json.loads(answer.body)["source"].removeprefix("mlflow-artifacts:/")
        tag = {"key": f"{mark}tag", "value": f"{mark}-value"}
        api.post(f"{base}/{place}/tags", tag)
        api.post(f"{base}/{place}/versions/1/tags", tag)
        api.post(f"{base}/{place}/aliases", {"alias": CHAMPION, "version": 1})
    git = {"source_type": "git", "source": f"https://{mark}.invalid/skills.git", "ref": "main", "status": "draft"}
    api.post(f"{base}/{made['spare_skill']}/versions", git)
    made["skills_page"] = api.get(f"{base}?max_results=1")["next_page_token"]


def skill_upload(mark: str) -> tuple[str, bytes]:
    """A skill's files as MLflow's client sends them: the boundary and the body."""
    text = f"---\nname: {mark}-skill\ndescription: {mark}-text\n---\n{mark}-bytes\n".encode()
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w:gz") as archive:
        file = tarfile.TarInfo("SKILL.md")
        file.size = len(text)
        archive.addfile(file, io.BytesIO(text))
    boundary, disposition = "zq0boundary", "Content-Disposition: form-data; name="
    metadata = f'--{boundary}\r\n{disposition}"metadata"; filename="m"\r\n\r\n{{}}\r\n'
    content = f'--{boundary}\r\n{disposition}"content"; filename="c"\r\n\r\n'
    return boundary, metadata.encode() + content.encode() + packed.getvalue() + f"\r\n--{boundary}--\r\n".encode()
