"""What stands around Envoy under load: an auth service that dies and returns, a listener in a file."""

import json
import os
import signal
from pathlib import Path
from typing import Any

import yaml

from . import keys, ports
from .auth_service import AuthService
from .envoy import Envoy
from .envoy_config import Config, listener, merge
from .load import ANY_READER
from .processes import wait_until

DRAIN = ["--drain-time-s", "2", "--drain-strategy", "immediate"]
"""Envoy says `connection: close` on old connections at once, and keeps an old listener for two seconds."""


class LoadAuthService(AuthService):
    """Knows the given keys, and every key with the prefix `ANY_READER` as a reader's."""

    def __init__(self, entries: list[keys.Key], workdir: Path) -> None:
        workdir.mkdir(parents=True, exist_ok=True)
        self._entries = entries
        options = ["--any-key-prefix", ANY_READER, "--any-key-scopes", "model:read"]
        super().__init__(entries, workdir, options=options)

    def kill(self) -> None:
        """Ends it as a crash does."""
        os.kill(self.process.pid, signal.SIGKILL)
        self.process.stop()

    def start(self) -> None:
        """Starts it again, at the address it had."""
        self._start(self._entries)

    def forget(self) -> None:
        """Counts anew."""
        self._call("DELETE", "/stats")

    def order(self, **wanted: Any) -> None:
        """Orders these faults and no others, until others are ordered."""
        self._call("PUT", "/faults", wanted)


class HotConfig:
    """Envoy's listener in a file that Envoy watches (Envoy docs: dynamic from filesystem)."""

    def __init__(self, workdir: Path) -> None:
        workdir.mkdir(parents=True, exist_ok=True)
        self._file = workdir / "listener.yaml"
        self._listener: Config = {}

    def edit(self, config: Config) -> None:
        """For `EnvoyOptions.edit`: takes the listener out of the bootstrap, onto a port of its own."""
        self._listener = {
            "@type": "type.googleapis.com/envoy.config.listener.v3.Listener",
            **listener(config),
        }
        self._listener["address"]["socket_address"]["port_value"] = ports.free_port()
        config["static_resources"]["listeners"] = []
        source = {"path_config_source": {"path": str(self._file)}, "resource_api_version": "V3"}
        config["dynamic_resources"] = {"lds_config": source}
        config["node"] = {"id": "load", "cluster": "load"}
        self._write()

    def swap(self, envoy: Envoy, plugin: Config) -> bool:
        """Lays `plugin` over the plugin configuration and waits until Envoy has taken it, or refused it."""
        pattern = r"^listener_manager\.lds\.update_(success|rejected)$"
        before = envoy.stats(pattern)
        filters = self._listener["filter_chains"][0]["filters"][0]["typed_config"]["http_filters"]
        wasm = next(f for f in filters if f["name"] == "mlflow_authz")["typed_config"]["config"]
        old = wasm["configuration"]["value"]
        wasm["configuration"]["value"] = json.dumps(merge(json.loads(old), plugin))
        self._write()

        def changed() -> dict[str, int] | None:
            now = envoy.stats(pattern)
            return now if now != before else None

        now = wait_until(changed, "Envoy has read the new listener", timeout=20, every=0.005)
        name = "listener_manager.lds.update_success"
        if now[name] > before[name]:
            return True
        wasm["configuration"]["value"] = old
        return False

    def _write(self) -> None:
        new = self._file.with_suffix(".new")
        new.write_text(yaml.safe_dump({"resources": [self._listener]}, sort_keys=False))
        # Envoy looks at moves only: it never reads half a file.
        new.rename(self._file)


def rss_mib(envoy: Envoy) -> float:
    """Resident memory of Envoy (proc(5), VmRSS)."""
    status = Path(f"/proc/{envoy.process.pid}/status").read_text()
    return next(int(line.split()[1]) for line in status.splitlines() if line.startswith("VmRSS:")) / 1024
