"""A real `mlflow server` with a database and artifacts of its own."""

import urllib.request
from pathlib import Path

from . import paths, ports
from .processes import Process


class MlflowServer:
    """MLflow's tracking server on a free loopback port, until `stop`."""

    def __init__(
        self,
        workdir: Path,
        port: int = 0,
        env: dict[str, str] | None = None,
        options: tuple[str, ...] = (),
        patience: float = 120,
    ) -> None:
        """Starts the server and waits until it answers; that takes ten seconds or so.

        `options` go to `mlflow server`, `env` to its environment; `patience` is in seconds.
        """
        self.address = (ports.HOST, port or ports.free_port())
        self.url = f"http://{self.address[0]}:{self.address[1]}"
        self.process = Process(
            "mlflow",
            [
                *(paths.mlflow_python(), "-m", "mlflow", "server"),
                *("--host", self.address[0], "--port", str(self.address[1])),
                *("--workers", "1"),
                *("--backend-store-uri", f"sqlite:///{workdir}/mlflow.db"),
                # With this and no --default-artifact-root, artifacts go through the server: mlflow-artifacts:/
                *("--artifacts-destination", workdir / "artifacts"),
                # Clients send the proxy's host. An operator names it; here the port is not known before.
                *("--allowed-hosts", "*"),
                *options,
            ],
            workdir,
            env={
                # The job runner is one more process, of which nothing here makes use.
                "MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false",
                "MLFLOW_DISABLE_TELEMETRY": "true",
                **(env or {}),
            },
            grace=10,
        )
        try:
            self.process.wait_ready(self._healthy, timeout=patience)
        except BaseException:
            self.process.stop()
            raise

    def _healthy(self) -> bool:
        with urllib.request.urlopen(self.url + "/health", timeout=5) as answer:
            return answer.status == 200

    def stop(self) -> None:
        self.process.stop()

    def __enter__(self) -> "MlflowServer":
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()
