"""The filter's configuration and module in a file that Envoy watches, changed while Envoy serves.

Envoy looks at moves only: it never reads half a file (Envoy docs: dynamic from filesystem).
"""

import copy
import json
import time
from abc import ABC, abstractmethod
from pathlib import Path

import yaml

from . import ports
from .envoy import Envoy
from .envoy_config import Config, connection_manager, listener, merge
from .processes import wait_until

DRAIN = ["--drain-time-s", "2", "--drain-strategy", "immediate"]
"""Envoy says `connection: close` on old connections at once, and keeps an old listener for two seconds."""

LONG_DRAIN = ["--drain-time-s", "15", "--drain-strategy", "immediate"]
"""For another module. While Envoy's main thread compiles it (1 to 2 s) the thread's clock stands still, and the
drain time that begins after that is shorter by as much: old connections would be cut unwarned [M]."""

_WASM_TYPE = "type.googleapis.com/envoy.extensions.filters.http.wasm.v3.Wasm"


class HotFile(ABC):
    """What is common to both ways; `edit` is for `EnvoyOptions.edit`."""

    accepted: str
    """The counter of files that Envoy took."""
    rejected: str
    """The counter of those it refused."""

    def __init__(self, workdir: Path) -> None:
        workdir.mkdir(parents=True, exist_ok=True)
        self._file = workdir / "watched.yaml"
        self._resource: Config = {}
        self._plugin: Config = {}
        self.moved_at = 0.0
        """When the last file was put in place, in seconds of `time.monotonic`."""

    @abstractmethod
    def edit(self, config: Config) -> None:
        """Takes what the file is to hold out of the bootstrap, and lets Envoy watch the file."""

    def swap(self, envoy: Envoy, plugin: Config, module: Path | None = None) -> bool:
        """Lays `plugin` over the plugin configuration, puts `module` in the old one's place, and waits until
        Envoy has taken that, or refused it."""
        old = copy.deepcopy(self._plugin)
        value = self._plugin["configuration"]
        value["value"] = json.dumps(merge(json.loads(value["value"]), plugin))
        if module:
            self._plugin["vm_config"]["code"]["local"]["filename"] = str(module)
        before = self._counted(envoy)
        self._write()

        def changed() -> dict[str, int] | None:
            try:
                now = self._counted(envoy)
            except OSError:
                # While Envoy compiles a module, nobody answers at its admin port.
                return None
            return now if now != before else None

        now = wait_until(changed, "Envoy has read the new file", timeout=60, every=0.005)
        if now[self.accepted] > before[self.accepted]:
            return True
        self._plugin.clear()
        self._plugin.update(old)
        return False

    @property
    def plugin_text(self) -> str:
        """The plugin configuration that Envoy took last, word for word."""
        return self._plugin["configuration"]["value"]

    def _counted(self, envoy: Envoy) -> dict[str, int]:
        found = envoy.stats(f"^({self.accepted}|{self.rejected})$".replace(".", r"\."))
        return {name: found.get(name, 0) for name in (self.accepted, self.rejected)}

    def _write(self) -> None:
        new = self._file.with_suffix(".new")
        new.write_text(yaml.safe_dump({"resources": [self._resource]}, sort_keys=False))
        self.moved_at = time.monotonic()
        new.rename(self._file)

    def _source(self) -> Config:
        return {"path_config_source": {"path": str(self._file)}, "resource_api_version": "V3"}


class HotListener(HotFile):
    """The whole listener, by LDS."""

    accepted = "listener_manager.lds.update_success"
    rejected = "listener_manager.lds.update_rejected"

    def edit(self, config: Config) -> None:
        self._resource = {
            "@type": "type.googleapis.com/envoy.config.listener.v3.Listener",
            **listener(config),
        }
        self._plugin = _wasm_filter(config)["typed_config"]["config"]
        # A listener that is replaced needs a port that stays.
        self._resource["address"]["socket_address"]["port_value"] = ports.free_port()
        config["static_resources"]["listeners"] = []
        config["dynamic_resources"] = {"lds_config": self._source()}
        config["node"] = {"id": "hot", "cluster": "hot"}
        self._write()


class HotFilter(HotFile):
    """The filter alone, by ECDS. Envoy counts a `config_reload` for what it refuses, too [M]."""

    accepted = "extension_config_discovery.http_filter.mlflow_authz.update_success"
    rejected = "extension_config_discovery.http_filter.mlflow_authz.update_rejected"

    def edit(self, config: Config) -> None:
        wasm = _wasm_filter(config)
        typed_config = wasm.pop("typed_config")
        self._resource = {
            "@type": "type.googleapis.com/envoy.config.core.v3.TypedExtensionConfig",
            "name": "mlflow_authz",
            "typed_config": typed_config,
        }
        self._plugin = typed_config["config"]
        wasm["config_discovery"] = {"config_source": self._source(), "type_urls": [_WASM_TYPE]}
        config["node"] = {"id": "hot", "cluster": "hot"}
        self._write()


def _wasm_filter(config: Config) -> Config:
    filters = connection_manager(config)["http_filters"]
    return next(f for f in filters if f["name"] == "mlflow_authz")
