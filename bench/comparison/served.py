"""How long MLflow itself takes for the requests that are compared: what a filter adds is little or much beside that."""

import json
import time
from dataclasses import dataclass
from http.client import HTTPConnection
from pathlib import Path
from statistics import median
from typing import Any

from harness.mlflow_server import MlflowServer

REQUESTS = 200
API = "/api/2.0/mlflow"


@dataclass(frozen=True)
class Served:
    """From the sending of a request to the end of its answer, without a proxy."""

    read_ms: float
    write_ms: float


def served(workdir: Path) -> Served:
    """Measures a server of its own."""
    with MlflowServer(workdir) as server:
        connection = HTTPConnection(*server.address, timeout=30)
        try:
            made = ask(connection, "POST", "runs/create", {"experiment_id": "0"})
            run = made["run"]["info"]["run_id"]
            metric = {"run_id": run, "key": "loss", "value": 0.25, "timestamp": 1_790_000_000_000}
            return Served(
                read_ms=typical(lambda _: ask(connection, "GET", f"runs/get?run_id={run}")),
                write_ms=typical(lambda step: ask(connection, "POST", "runs/log-metric", {**metric, "step": step})),
            )
        finally:
            connection.close()


def typical(request: Any) -> float:
    """The median, in ms, once it has been made a few times for nothing."""
    times = []
    for number in range(REQUESTS + 20):
        began = time.perf_counter()
        request(number)
        times.append((time.perf_counter() - began) * 1000)
    return median(times[20:])


def ask(connection: HTTPConnection, method: str, endpoint: str, body: Any = None) -> Any:
    """Raises RuntimeError at any other answer than 200."""
    text = None if body is None else json.dumps(body)
    connection.request(method, f"{API}/{endpoint}", text, {"content-type": "application/json"} if text else {})
    answer = connection.getresponse()
    said = answer.read()
    if answer.status != 200:
        raise RuntimeError(f"MLflow answers {answer.status} to {endpoint}: {said[:200]!r}")
    return json.loads(said)
