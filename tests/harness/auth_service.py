"""The stand-in auth service: `mlflow-authz auth-service`, with faults that can be ordered while it runs."""

import json
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from . import keys, paths, ports
from .processes import Process


class AuthService:
    """The auth service, on a free loopback port, until `stop`."""

    def __init__(self, entries: list[keys.Key], workdir: Path, port: int = 0) -> None:
        """Starts the service with these keys and waits until it answers."""
        self.address = (ports.HOST, port or ports.free_port())
        self.url = f"http://{self.address[0]}:{self.address[1]}"
        keys_file = keys.write(workdir / "keys.json", entries)
        self.process = Process(
            "auth-service",
            [
                *(paths.cli(), "auth-service"),
                *("--keys", keys_file),
                *("--listen", f"{self.address[0]}:{self.address[1]}"),
            ],
            workdir,
        )
        try:
            self.process.wait_ready(self.stats, timeout=15)
        except BaseException:
            self.process.stop()
            raise

    def stop(self) -> None:
        self.process.stop()

    def __enter__(self) -> "AuthService":
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def _call(self, method: str, path: str, body: Any = None) -> bytes:
        data = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(self.url + path, data, method=method)
        request.add_header("content-type", "application/json")
        with urllib.request.urlopen(request, timeout=10) as answer:
            return answer.read()

    def stats(self) -> dict[str, Any]:
        """What the service counted: `validations`, `by_status`, and `last`, the last request it read."""
        return json.loads(self._call("GET", "/stats"))

    @property
    def validations(self) -> int:
        """How many keys the service was asked about."""
        return self.stats()["validations"]

    @contextmanager
    def faults(self, **wanted: Any) -> Iterator[None]:
        """Orders faults for a while: delay_ms, fail_rate, status, garbage (see DESIGN 5.6)."""
        self._call("PUT", "/faults", wanted)
        try:
            yield
        finally:
            self._call("DELETE", "/faults")
