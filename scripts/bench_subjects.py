"""What is measured: one Envoy per way to run it, all in front of the same cheap upstream."""

import os
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml
from harness import keys, paths, ports
from harness.auth_service import AuthService
from harness.envoy import Envoy
from harness.envoy_config import Address, Config, EnvoyOptions, connection_manager
from harness.http import Client
from harness.processes import Process

_EXTENSIONS = "type.googleapis.com/envoy.extensions"


class Upstream:
    """An Envoy that answers every request itself, once it has all of its body."""

    def __init__(self, workdir: Path) -> None:
        workdir.mkdir()
        self.address: Address = (ports.HOST, ports.free_port())
        config_file = workdir / "upstream.yaml"
        config_file.write_text(yaml.safe_dump(self._config()))
        command = [paths.envoy_binary(), "-c", config_file, "--concurrency", "1", "--disable-hot-restart"]
        self.process = Process("upstream", [*command, "--log-level", "warning"], workdir)
        self.process.wait_ready(lambda: Client(*self.address).get("/").status == 200, timeout=30)

    def _config(self) -> Config:
        answer = {"status": 200, "body": {"inline_string": '{"run": {}}'}}
        # An answer that came before the whole request would end the connection.
        buffer = {"@type": f"{_EXTENSIONS}.filters.http.buffer.v3.Buffer", "max_request_bytes": 65536}
        router = {"@type": f"{_EXTENSIONS}.filters.http.router.v3.Router"}
        manager = {
            "@type": f"{_EXTENSIONS}.filters.network.http_connection_manager.v3.HttpConnectionManager",
            "stat_prefix": "upstream",
            "http_filters": [
                {"name": "envoy.filters.http.buffer", "typed_config": buffer},
                {"name": "envoy.filters.http.router", "typed_config": router},
            ],
            "route_config": {
                "virtual_hosts": [
                    {
                        "name": "all",
                        "domains": ["*"],
                        "routes": [{"match": {"prefix": "/"}, "direct_response": answer}],
                    }
                ]
            },
        }
        network_filter = {"name": "envoy.filters.network.http_connection_manager", "typed_config": manager}
        host, port = self.address
        listener = {
            "address": {"socket_address": {"address": host, "port_value": port}},
            "filter_chains": [{"filters": [network_filter]}],
        }
        return {"static_resources": {"listeners": [listener]}}


@dataclass
class Subject:
    """One running Envoy that is measured."""

    envoy: Envoy
    rss_at_start_kib: int = 0

    def cpu_seconds(self) -> float:
        """Time all threads have spent on a CPU so far, user and system.

        What utime and stime of /proc/PID/stat add up to, but in nanoseconds instead of ticks of 10 ms
        (kernel doc, sched-stats).
        """
        threads = Path(f"/proc/{self.envoy.process.pid}/task").iterdir()
        return sum(int((thread / "schedstat").read_text().split()[0]) for thread in threads) / 1e9

    def rss_kib(self) -> int:
        """Resident memory."""
        status = Path(f"/proc/{self.envoy.process.pid}/status").read_text()
        return next(int(line.split()[1]) for line in status.splitlines() if line.startswith("VmRSS:"))

    def answers(self) -> dict[str, int]:
        """Finished requests by class of status, and those under way as `active`."""
        found = self.envoy.stats(r"^http\.mlflow\.downstream_rq_(.xx|active)$")
        return {name.rpartition("_")[2]: value for name, value in found.items()}

    def pin(self, cpu: int) -> None:
        """Keeps every thread on one CPU."""
        for thread in Path(f"/proc/{self.envoy.process.pid}/task").iterdir():
            os.sched_setaffinity(int(thread.name), {cpu})


class Subjects:
    """The Envoys `none`, `empty`, `authz` and `inspect`.

    Without a filter, with the empty one, with this one, and with this one set to read bodies.
    """

    def __init__(self, workdir: Path, plugin: Config, empty: Path, known: list[keys.Key]) -> None:
        """`plugin` is laid over the sample's plugin configuration; `empty` is the empty filter's module."""
        variants: dict[str, dict[str, Any]] = {
            "none": {"with_filter": False},
            "empty": {"wasm": empty},
            "authz": {"plugin": plugin},
            "inspect": {
                "plugin": {**plugin, "bodies": "inspect"},
                "allow_on_headers_stop_iteration": True,
            },
        }
        with ExitStack() as started:
            upstream = Upstream(workdir / "upstream")
            started.callback(upstream.process.stop)
            self.auth = started.enter_context(AuthService(known, workdir))
            self.all: dict[str, Subject] = {}
            for name, wishes in variants.items():
                folder = workdir / name
                folder.mkdir()
                options = EnvoyOptions(
                    mlflow=upstream.address, auth=self.auth.address, edit=discard_access_log, **wishes
                )
                subject = Subject(started.enter_context(Envoy(options, folder)))
                subject.rss_at_start_kib = subject.rss_kib()
                self.all[name] = subject
            self._started = started.pop_all()

    def __enter__(self) -> "Subjects":
        return self

    def __exit__(self, *_: object) -> None:
        self._started.close()


def discard_access_log(config: Config) -> None:
    """The sample's access log is formatted as ever, but goes to /dev/null: a disk is not what is measured."""
    log = connection_manager(config)["access_log"][0]
    log["name"] = "envoy.access_loggers.file"
    log["typed_config"]["@type"] = f"{_EXTENSIONS}.access_loggers.file.v3.FileAccessLog"
    log["typed_config"]["path"] = "/dev/null"
