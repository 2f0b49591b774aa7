"""Writes down what the real MLflow client sends: tests/fixtures/client/<release>.jsonl.

    scripts/differential --record-client

Some minutes: a thousand calls against a real server. A line is {"method": …, "target": …}, each request once,
text standing for bytes (Latin-1). Run it again for a new release, or when client_calls.py changes.
"""

import json
import subprocess
import sys
import tempfile
from pathlib import Path

from harness import mlflow_client, paths
from harness.mlflow_server import MlflowServer

from .recorder import Recorder

CALLS = Path(__file__).with_name("client_calls.py")
FIXTURE = paths.ROOT / "tests" / "fixtures" / "client" / f"{paths.versions()['MLFLOW_VERSION']}.jsonl"


def record(workdir: Path) -> list[tuple[str, str]]:
    """Every request of client_calls.py, once."""
    with MlflowServer(workdir) as server, Recorder(server.address) as recorder:
        environment = mlflow_client.environment(
            workdir,
            recorder.url,
            # A refused call is not worth waiting for, and nothing may be sent after the end.
            MLFLOW_HTTP_REQUEST_MAX_RETRIES="0",
            MLFLOW_ENABLE_ASYNC_TRACE_LOGGING="false",
        )
        command = [paths.mlflow_python(), CALLS]
        finished = subprocess.run(command, env=environment, cwd=workdir, text=True, capture_output=True, timeout=900)
        if finished.returncode:
            raise RuntimeError(finished.stderr)
        print(finished.stdout.splitlines()[-1], f"{len(recorder.seen)} requests", file=sys.stderr)
        return list(dict.fromkeys(recorder.seen))


def main() -> None:
    with tempfile.TemporaryDirectory() as directory:
        requests = record(Path(directory))
    FIXTURE.parent.mkdir(exist_ok=True)
    lines = [json.dumps({"method": method, "target": target}) for method, target in requests]
    FIXTURE.write_text("\n".join(lines) + "\n")
    print(f"{len(lines)} different requests in {FIXTURE}", file=sys.stderr)


if __name__ == "__main__":
    main()
