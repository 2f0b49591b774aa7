"""Envoy processes that serve one test after another, because a start costs two CPU seconds: V8 compiles the module.

Such a process gets the listeners and clusters of each test by LDS and CDS, and loses them at its end. With them go the
filter's VMs, their shared data and their metrics: the next test has its own. V8 compiles a module once in a process, as
long as some VM there has it: the keeper's, which does nothing and has another `vm_id`.
"""

import copy
import json
from pathlib import Path

from . import paths
from .envoy_config import Config, EnvoyOptions, render, sample_wasm_plugin
from .processes import NotReady, wait_until
from .server import Server

_API = "type.googleapis.com/envoy."


class Pool:
    """The processes, and which of them are free. Each serves one test at a time."""

    def __init__(self, workdir: Path) -> None:
        self._workdir = workdir
        self._all: list[_Host] = []
        self._free: list[_Host] = []
        self._bootstrap = _split(render(EnvoyOptions(mlflow=("", 1), auth=("", 1))))[0]

    def serves(self, options: EnvoyOptions, config: Config) -> bool:
        """Whether `config` differs from what the processes were started with in listeners and clusters alone."""
        return not options.arguments and options.wasm is None and _split(config)[0] == self._bootstrap

    def lease(self, config: Config, concurrency: int) -> "Lease":
        """A process that serves `config`, until `stop`; `NotReady` if Envoy refuses it."""
        host = next((host for host in self._free if host.concurrency == concurrency), None)
        if host:
            self._free.remove(host)
        else:
            workdir = self._workdir / f"envoy{len(self._all)}"
            workdir.mkdir(parents=True)
            host = _Host(self._bootstrap, concurrency, workdir)
            self._all.append(host)
        return Lease(self, host, config)

    def give_back(self, host: "_Host") -> None:
        """Takes a process that a test has used; one that does not get free of its configuration is ended."""
        try:
            host.clear()
        except BaseException:
            host.server.stop()
            raise
        self._free.append(host)

    def stop(self) -> None:
        for host in self._all:
            host.server.stop()

    def __enter__(self) -> "Pool":
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()


class Lease:
    """A process of the pool while it is one test's."""

    def __init__(self, pool: Pool, host: "_Host", config: Config) -> None:
        self._pool = pool
        self._host: _Host | None = host
        self.server = host.server
        self.log_begins = host.server.process.err.stat().st_size
        """Where in the process's log, in bytes, what it logs for this test begins."""
        self.access_log_begins = host.server.process.out.stat().st_size
        try:
            if not host.serve(config):
                log = host.server.process.err.read_bytes()[self.log_begins :].decode(errors="replace")
                raise NotReady(f"envoy refused the configuration:\n{log}")
        except BaseException:
            self.stop()
            raise

    def stop(self) -> None:
        """Harmless when repeated."""
        host, self._host = self._host, None
        if host:
            self._pool.give_back(host)


class _Host:
    """A process of the pool."""

    def __init__(self, bootstrap: Config, concurrency: int, workdir: Path) -> None:
        self.concurrency = concurrency
        self._clusters = _Watched(workdir / "clusters.json", "cluster_manager.cds")
        self._listeners = _Watched(workdir / "listeners.json", "listener_manager.lds")
        keeper = {"@type": _API + "extensions.wasm.v3.WasmService", "singleton": True, "config": _keeper()}
        config = {
            **bootstrap,
            "node": {"id": "pool", "cluster": "pool"},
            "dynamic_resources": {"cds_config": self._clusters.source, "lds_config": self._listeners.source},
            "bootstrap_extensions": [{"name": "envoy.bootstrap.wasm", "typed_config": keeper}],
        }
        # A listener that is removed ends at once.
        self.server = Server(config, workdir, concurrency, ["--drain-time-s", "0"])
        self._vms = self._running_vms()

    def serve(self, config: Config) -> bool:
        """Serves the listeners and clusters of `config`; False if Envoy refuses one."""
        _, listeners, clusters = _split(config)
        self.server.admin("/reset_counters", method="POST")
        # Listeners may name clusters only that Envoy has.
        for file, kind, resources in (
            (self._clusters, "config.cluster.v3.Cluster", clusters),
            (self._listeners, "config.listener.v3.Listener", listeners),
        ):
            if not file.put(self.server, [{"@type": _API + kind, **resource} for resource in resources]):
                return False
        wait_until(lambda: self._listening(len(listeners)), "Envoy's listeners", timeout=30)
        return True

    def clear(self) -> None:
        """Takes listeners and clusters away, and waits until nothing of them is left."""
        self._listeners.put(self.server, [])
        self._clusters.put(self.server, [])
        wait_until(self._is_clear, "Envoy without listeners, clusters and VMs", timeout=10)

    def _listening(self, wanted: int) -> bool:
        on_workers = "listener_manager.listener_create_success"
        return self.server.stats(f"^{on_workers}$") == {on_workers: wanted * self.concurrency}

    def _is_clear(self) -> bool:
        names = (
            "listener_manager.total_listeners_active",
            "listener_manager.total_listeners_draining",
            "cluster_manager.active_clusters",
            # Access logs that are not written yet.
            "filesystem.write_total_buffered",
        )
        left = self.server.stats(f"^({'|'.join(names)})$")
        return not any(left.values()) and self._running_vms() == self._vms

    def _running_vms(self) -> int:
        (count,) = self.server.stats(r"^wasm\.envoy\.wasm\.runtime\.v8\.active$").values()
        return count


class _Watched:
    """A file of resources that Envoy watches."""

    def __init__(self, path: Path, subscription: str) -> None:
        """`subscription`: what Envoy's counters of it begin with."""
        self._path = path
        self._counters = (f"{subscription}.update_success", f"{subscription}.update_rejected")
        self.source = {"path_config_source": {"path": str(path)}, "resource_api_version": "V3"}
        self._write([])

    def put(self, server: Server, resources: list[Config]) -> bool:
        """Waits until Envoy has read these resources; False if it refuses them."""
        before = self._counted(server)
        self._write(resources)
        now = wait_until(
            lambda: now if (now := self._counted(server)) != before else None, str(self._path), timeout=30, every=0.005
        )
        return now[1] == before[1]

    def _counted(self, server: Server) -> tuple[int, int]:
        found = server.stats(f"^({'|'.join(self._counters)})$")
        return found[self._counters[0]], found[self._counters[1]]

    def _write(self, resources: list[Config]) -> None:
        # Envoy watches for a file that is moved there.
        draft = self._path.with_suffix(".draft")
        draft.write_text(json.dumps({"resources": resources}))
        draft.rename(self._path)


def _split(config: Config) -> tuple[Config, list[Config], list[Config]]:
    """A copy of the configuration without listeners and clusters; and these. A name of the node is for what has to
    tell Envoys apart, which nothing here does."""
    rest = copy.deepcopy(config)
    rest.pop("node", None)
    static = rest["static_resources"]
    return rest, static.pop("listeners", []), static.pop("clusters", [])


def _keeper() -> Config:
    """A plugin that has the module in a VM, and of whose callbacks Envoy calls none."""
    plugin = sample_wasm_plugin()
    plugin.update(name="keeper", root_id="keeper")
    # Everything that is not listed is forbidden, and nothing at all listed would allow everything.
    plugin["capability_restriction_config"] = {"allowed_capabilities": {"proxy_log": {}}}
    plugin["vm_config"]["vm_id"] = "keeper"
    plugin["vm_config"]["code"]["local"]["filename"] = str(paths.wasm_module())
    return plugin
