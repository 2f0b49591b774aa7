"""A running Envoy: its listener, its admin interface, its logs."""

import json
import re
import subprocess
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import yaml

from . import paths, ports
from .envoy_config import Config, EnvoyOptions, render
from .pool import Lease, Pool
from .processes import wait_until
from .server import Server

# "[time][thread][level][wasm] [file:line] wasm log PLUGIN ROOT VM: text"; the root context names no VM.
_WASM_LINE = re.compile(r"^\[[^]]*\]\[\d+\]\[(\w+)\]\[wasm\].* wasm log [^:]*: (.*)$")


class Envoy:
    """Envoy with envoy.yaml, on free loopback ports, until `stop`."""

    def __init__(
        self,
        options: EnvoyOptions,
        workdir: Path,
        log_level: str = "wasm:info",
        pool: Pool | None = None,
        under: Sequence[str] = (),
    ) -> None:
        """Starts Envoy, `under` another program, and waits until it serves; or one of the pool's serves this configuration,
        if it can."""
        self.options = options
        self.config: Config = render(options)
        self._lease: Lease | None = None
        if pool and pool.serves(options, self.config):
            self._lease = pool.lease(self.config, options.concurrency)
            self._server = self._lease.server
        else:
            self._server = Server(self.config, workdir, options.concurrency, options.arguments, log_level, under)
        self.process = self._server.process
        self.admin_address = self._server.admin_address
        try:
            self.port = self._server.ports()[0]
        except BaseException:
            self.stop()
            raise

    @property
    def host(self) -> str:
        return ports.HOST

    @property
    def url(self) -> str:
        """Where the listener is, without a path."""
        return f"http://{self.host}:{self.port}"

    def stop(self) -> None:
        (self._lease or self._server).stop()

    def __enter__(self) -> "Envoy":
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    # --- admin ---

    def admin(self, path: str, method: str = "GET") -> str:
        """An answer of the admin interface; OSError if it is not 200."""
        return self._server.admin(path, method)

    def stats(self, pattern: str = "") -> dict[str, int]:
        """Counters and gauges by their full names, those matching the regular expression `pattern`."""
        return self._server.stats(pattern)

    def prometheus(self) -> str:
        """Every metric in Prometheus text format, the stats_tags as labels."""
        return self.admin("/stats/prometheus")

    def metric(self, name: str, **labels: str) -> float:
        """The sum of a metric in Prometheus form over all series that have these labels."""
        total = 0.0
        for line in self.prometheus().splitlines():
            series, _, value = line.rpartition(" ")
            found, _, rest = series.partition("{")
            if found == name and all(f'{label}="{wanted}"' in rest for label, wanted in labels.items()):
                total += float(value)
        return total

    # --- logs ---

    def log(self) -> str:
        """Everything Envoy and the filter logged so far."""
        return _text(self.process.err, self._lease.log_begins if self._lease else 0)

    def wasm_log(self) -> list[tuple[str, str]]:
        """What the filter logged: level and text of each line."""
        found = (_WASM_LINE.match(line) for line in self.log().splitlines())
        return [(match[1], match[2]) for match in found if match]

    def audit(self) -> list[dict[str, Any]]:
        """The audit records: those of the filter's log lines that are JSON objects with a decision."""
        records = []
        for _, text in self.wasm_log():
            if text.startswith("{"):
                record = json.loads(text)
                if "decision" in record:
                    records.append(record)
        return records

    def access_log(self, settle: bool = True) -> list[dict[str, Any]]:
        """The access log, one dict a line; the filter's field `authz` is parsed too.

        With `settle`, waits until every request that Envoy counts as finished has its line.
        """
        if settle:
            wait_until(self._access_log_settled, "Envoy's access log has every request", timeout=5)
        entries = [json.loads(line) for line in self._access_lines()]
        for entry in entries:
            if entry.get("authz"):
                entry["authz"] = json.loads(entry["authz"])
        return entries

    def _access_lines(self) -> list[str]:
        text = _text(self.process.out, self._lease.access_log_begins if self._lease else 0)
        return text[: text.rfind("\n") + 1].splitlines()

    def _access_log_settled(self) -> bool:
        counted = self.stats("^http.mlflow.downstream_rq_(completed|1xx)$")
        # Envoy counts "100 Continue" as completed too, before the answer itself, and logs one line for both.
        finished = counted["http.mlflow.downstream_rq_completed"] - counted["http.mlflow.downstream_rq_1xx"]
        return len(self._access_lines()) >= finished


def _text(path: Path, begins: int) -> str:
    with path.open("rb") as file:
        file.seek(begins)
        return file.read().decode(errors="replace")


def validate(config: Config, workdir: Path) -> subprocess.CompletedProcess[str]:
    """`envoy --mode validate` on a configuration: its exit status, and its words in stderr."""
    config_file = workdir / "validate.yaml"
    config_file.write_text(yaml.safe_dump(config, sort_keys=False))
    command = [str(paths.envoy_binary()), "--mode", "validate", "-c", str(config_file)]
    return subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
