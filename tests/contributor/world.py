"""Globex's models, prompts, experiments and files, made behind the filter's back, and the contributor's keys."""

import json
import urllib.parse
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from harness import keys
from harness.auth_service import AuthService
from harness.mlflow_server import MlflowServer
from harness.stack import Stack

API = "/api/2.0/mlflow/"
ARTIFACTS = "/api/2.0/mlflow-artifacts/artifacts"
# What cannot be tied to a name stays wide; without artifacts, which are limited to an experiment.
RUNS = [f"{what}:{access}" for what in ("run", "logged_model", "trace") for access in ("read", "write")]
PLUGIN: dict[str, Any] = {
    "bodies": "inspect",
    "scopes": {"runs": {"permissions": RUNS}},
    "audit": {"allows": True, "max_per_second": 100_000},
}


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
            for experiment in self.direct("POST", f"{API}experiments/search", {"max_results": 500, "view_type": "ALL"})[
                "experiments"
            ]
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


@contextmanager
def globex_and_a_contributor(server: MlflowServer, auth: AuthService, workdir: Path) -> Iterator[World]:
    """Fills MLflow, and puts Envoy in front of it."""

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
    auth.put_keys(alone, reader, modelless)
    with Stack(
        workdir,
        auth=auth, mlflow=server.address, plugin=PLUGIN, allow_on_headers_stop_iteration=True,
    ) as stack:  # fmt: skip
        yield World(server, stack, own, runs[0], foreign, runs[1], reader, alone, modelless)
