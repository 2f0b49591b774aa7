"""The stand-in auth service, tools/auth-service, with faults that can be ordered while it runs."""

import json
import urllib.request
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from . import keys, paths, ports
from .processes import Process


class AuthService:
    """The auth service, on a free loopback port, until `stop`."""

    def __init__(self, entries: list[keys.Key], workdir: Path, port: int = 0, options: Sequence[str] = ()) -> None:
        """Starts the service with these keys and waits until it answers. `options` are for its command."""
        self.address = (ports.HOST, port or ports.free_port())
        self.url = f"http://{self.address[0]}:{self.address[1]}"
        self._workdir = workdir
        self._options = options
        self._start(entries)

    def _start(self, entries: list[keys.Key]) -> None:
        keys_file = keys.write(self._workdir / "keys.json", entries)
        self.process = Process(
            "auth-service",
            [
                paths.auth_service(),
                *("--keys", keys_file),
                *("--listen", f"{self.address[0]}:{self.address[1]}"),
                *self._options,
            ],
            self._workdir,
        )
        try:
            self.process.wait_ready(self.stats, timeout=15)
        except BaseException:
            self.process.stop()
            raise

    def stop(self) -> None:
        self.process.stop()

    def restart(self, entries: list[keys.Key]) -> None:
        """Ends the service and starts it again with these keys. It has forgotten all else."""
        self.stop()
        self._start(entries)

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
        """What the service counted: `validations`, `by_status`, and `last`, the last request it read.

        Also `in_flight`, `by_key_id`, `distinct_keys`, `most_per_key` and `revocation_polls`.
        """
        return json.loads(self._call("GET", "/stats"))

    @property
    def validations(self) -> int:
        """How many keys the service was asked about."""
        return self.stats()["validations"]

    def put_keys(self, *entries: keys.Key) -> None:
        """Adds or replaces keys."""
        self._call("PUT", "/keys", {"keys": entries})

    def revoke(self, key_id: str) -> None:
        """Makes the keys with this id invalid, and says so to whoever polls."""
        self._call("DELETE", f"/keys/{key_id}")

    def outage(self, seconds: float) -> None:
        """For so long nobody listens; connections are cut. Returns when it has begun."""
        self._call("PUT", "/outage", {"for_ms": int(seconds * 1000)})

    def wait_back(self) -> None:
        """Waits until an outage is over."""
        self.process.wait_ready(self.stats, timeout=15)

    @contextmanager
    def faults(self, **wanted: Any) -> Iterator[None]:
        """Orders faults for a while: delay_ms, fail_rate, status, garbage.

        Also retry_after, and which requests: target, share, count.
        """
        self._call("PUT", "/faults", wanted)
        try:
            yield
        finally:
            self._call("DELETE", "/faults")
