"""A script in MLflow's own environment: the real client, against a server."""

import os
import subprocess
from pathlib import Path

from . import paths
from .stack import Stack


def environment(workdir: Path, url: str, **more: str) -> dict[str, str]:
    """For a client of the server at `url`.

    No credentials of the machine's own: neither from the environment nor from ~/.netrc or ~/.mlflow.
    """
    kept = {name: value for name, value in os.environ.items() if not name.startswith("MLFLOW_")}
    return {
        **kept,
        "HOME": str(workdir),
        "MLFLOW_DISABLE_TELEMETRY": "true",
        "MLFLOW_TRACKING_URI": url,
        "MLFLOW_REGISTRY_URI": url,
        **more,
    }


def run(
    script: str, arguments: list[str], stack: Stack, workdir: Path, timeout: float = 180, key: str | None = None
) -> str:
    """Runs `script` to its end, with this key if any; returns its standard output. `timeout` is in seconds."""
    story = workdir / "story.py"
    story.write_text(script)
    credential = {"MLFLOW_TRACKING_TOKEN": key} if key else {}
    finished = subprocess.run(
        [paths.mlflow_python(), story, *arguments],
        capture_output=True,
        text=True,
        timeout=timeout,
        check=False,
        cwd=workdir,
        env=environment(workdir, stack.url, **credential),
    )
    assert finished.returncode == 0, finished.stderr
    return finished.stdout
