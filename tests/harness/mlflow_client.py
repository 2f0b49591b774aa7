"""A script in MLflow's own environment: the real client, against a stack."""

import os
import subprocess
from pathlib import Path

from . import paths
from .stack import Stack


def run(script: str, arguments: list[str], stack: Stack, workdir: Path, timeout: float = 180) -> str:
    """Runs `script` to its end; returns its standard output. `timeout` is in seconds."""
    # No credentials of the machine's own: neither from the environment nor from ~/.netrc or ~/.mlflow.
    environment = {name: value for name, value in os.environ.items() if not name.startswith("MLFLOW_")}
    environment |= {"HOME": str(workdir), "MLFLOW_DISABLE_TELEMETRY": "true"}
    environment |= {"MLFLOW_TRACKING_URI": stack.url, "MLFLOW_REGISTRY_URI": stack.url}
    story = workdir / "story.py"
    story.write_text(script)
    finished = subprocess.run(
        [paths.mlflow_python(), story, *arguments],
        capture_output=True, text=True, timeout=timeout, check=False, cwd=workdir, env=environment,
    )  # fmt: skip
    assert finished.returncode == 0, finished.stderr
    return finished.stdout
