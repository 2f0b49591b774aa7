"""`mlflow-authz explain`: what the filter's engine decides about requests, without an Envoy."""

import json
import subprocess
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from . import paths


def explain(requests: Iterable[dict[str, Any]], config: Path | None = None) -> list[dict[str, Any]]:
    """The decision about each request; under this configuration, or else the defaults."""
    lines = [json.dumps(request) for request in requests]
    command: list[str | Path] = [paths.cli(), "explain", "--stdin"]
    if config:
        command += ["--config", config]
    answer = subprocess.run(command, input="\n".join(lines), capture_output=True, text=True, check=True, timeout=60)
    decisions = [json.loads(line) for line in answer.stdout.splitlines()]
    assert len(decisions) == len(lines)
    return decisions
