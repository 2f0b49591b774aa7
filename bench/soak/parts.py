"""What scripts/soak measures: one Envoy in front of an upstream that costs little."""

import json
import shutil
import sys
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bench.comparison.subjects import discard_access_log, rss_kib
from bench.upstream import Upstream
from harness import keys, paths, ports
from harness.envoy import Envoy
from harness.envoy_config import Config, EnvoyOptions
from harness.http import Client
from harness.load_http import Address
from harness.load_parts import LoadAuthService
from harness.processes import Process


@dataclass
class _Echo:
    process: Process
    address: Address


def _echo(workdir: Path) -> _Echo:
    """The tests' echo upstream in a process of its own."""
    workdir.mkdir()
    address = ports.HOST, ports.free_port()
    command = [sys.executable, "-m", "harness.upstream", str(address[1])]
    process = Process("upstream", command, workdir)
    process.wait_ready(lambda: Client(*address).get("/").status == 200, timeout=15)
    return _Echo(process, address)


class Soaked:
    """Auth service, upstream, and an Envoy whose access log goes to /dev/null."""

    def __init__(
        self, workdir: Path, entries: list[keys.Key] | None = None, echo: bool = False, **options: Any
    ) -> None:
        """`echo`: the upstream says what reached it, at a cost. `options` are fields of `EnvoyOptions`."""
        workdir.mkdir(parents=True, exist_ok=True)
        edit = options.pop("edit", None)

        def edit_all(config: Config) -> None:
            discard_access_log(config)
            if edit:
                edit(config)

        with ExitStack() as started:
            upstream = _echo(workdir / "upstream") if echo else Upstream(workdir / "upstream")
            started.callback(upstream.process.stop)
            self.auth = started.enter_context(LoadAuthService(entries or [], workdir / "auth"))
            (workdir / "envoy").mkdir()
            # A copy: Envoy reads the file again with each new listener, and a build may replace it.
            module = shutil.copy(options.pop("wasm", None) or paths.wasm_module(), workdir / "module.wasm")
            envoy_options = EnvoyOptions(
                mlflow=upstream.address,
                auth=self.auth.address,
                edit=edit_all,
                wasm=Path(module),
                **options,
            )
            self.envoy = started.enter_context(Envoy(envoy_options, workdir / "envoy"))
            self._started = started.pop_all()

    @property
    def address(self) -> Address:
        return self.envoy.host, self.envoy.port

    def rss_mib(self) -> float:
        """Resident memory of Envoy."""
        return rss_kib(self.envoy.process) / 1024

    def allocated_mib(self) -> float:
        """What Envoy itself has allocated; the memory of its VMs is not in it."""
        return int(json.loads(self.envoy.admin("/memory"))["allocated"]) / 2**20

    def __enter__(self) -> "Soaked":
        return self

    def __exit__(self, *_: object) -> None:
        self._started.close()
