"""The Envoy process: started with a configuration, asked and told at its admin interface."""

import json
import urllib.request
from collections.abc import Sequence
from pathlib import Path

import yaml

from . import paths
from .envoy_config import Config
from .processes import Process


class Server:
    """One Envoy process, until `stop`."""

    def __init__(
        self,
        config: Config,
        workdir: Path,
        concurrency: int,
        arguments: Sequence[str] = (),
        log_level: str = "wasm:info",
        under: Sequence[str] = (),
    ) -> None:
        """Starts Envoy and waits until it serves. `log_level` is for --component-log-level; `under` is a program that runs it,
        and may take its time."""
        config_file = workdir / "envoy.yaml"
        config_file.write_text(yaml.safe_dump(config, sort_keys=False))
        address_file = workdir / "envoy-admin-address"
        address_file.unlink(missing_ok=True)
        self.process = Process(
            "envoy",
            [
                *under,
                paths.envoy_binary(),
                *("-c", config_file),
                *("--concurrency", str(concurrency)),
                *("--log-level", "warning", "--component-log-level", log_level),
                *("--admin-address-path", address_file),
                # One machine runs several, and none is ever replaced.
                "--disable-hot-restart",
                # Access log lines at once, instead of every ten seconds.
                *("--file-flush-interval-msec", "50"),
                *arguments,
            ],
            workdir,
        )
        timeout = 600 if under else 30
        try:
            self.admin_address = self.process.wait_ready(lambda: _read(address_file), timeout)
            self.process.wait_ready(lambda: self.admin("/ready"), timeout)
        except BaseException:
            self.process.stop()
            raise

    def admin(self, path: str, method: str = "GET") -> str:
        """An answer of the admin interface; OSError if it is not 200."""
        request = urllib.request.Request(f"http://{self.admin_address}{path}", method=method)
        with urllib.request.urlopen(request, timeout=10) as answer:
            return answer.read().decode()

    def stats(self, pattern: str = "") -> dict[str, int]:
        """Counters and gauges by their full names, those matching the regular expression `pattern`."""
        path = "/stats?format=json" + (f"&filter={pattern}" if pattern else "")
        entries = json.loads(self.admin(path))["stats"]
        return {entry["name"]: entry["value"] for entry in entries if "value" in entry}

    def ports(self) -> list[int]:
        """The ports of the listeners that serve."""
        statuses = json.loads(self.admin("/listeners?format=json")).get("listener_statuses", [])
        return [status["local_address"]["socket_address"]["port_value"] for status in statuses]

    def stop(self) -> None:
        self.process.stop()


def _read(path: Path) -> str:
    return path.read_text().strip() if path.exists() else ""
