"""What is measured: one proxy per way to authorize, all in front of the same cheap upstream."""

import os
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from bench.comparison import alternatives
from bench.comparison.alternatives import EXTENSIONS, Middleware
from bench.comparison.cases import LOAD_PREFIX, LOAD_SCOPE, NARROW, STEPS
from bench.load import Request
from bench.upstream import Upstream
from harness import keys, paths
from harness.auth_service import AuthService
from harness.envoy import Envoy
from harness.envoy_config import Address, Config, EnvoyOptions, connection_manager
from harness.http import Client
from harness.processes import Process, wait_until
from harness.stack import MOUNT

PLUGIN = {"cache": {"ttl": "1h"}}
"""No principal may run out of the cache while it is measured."""
TOKEN_PLUGIN = {"jwt": {}, "auth_service": None}
"""Tokens alone say who the caller is."""

VARIANTS: dict[str, dict[str, Any]] = {
    "none": {"with_filter": False},
    "empty": {},
    **{name: {"plugin": {"steps": number}} for number, name in enumerate(STEPS, 1)},
    "authz": {"plugin": PLUGIN},
    "quiet": {"plugin": {**PLUGIN, "audit": {"access_log": "none"}}},
    "inspect": {"plugin": {**PLUGIN, "bodies": "inspect"}, "allow_on_headers_stop_iteration": True},
    # Proxies of their own: their caches are full of keys that nobody else sends.
    "cold": {"plugin": PLUGIN},
    "keys": {"plugin": PLUGIN},
    "lua": {"with_filter": False, "edit": alternatives.lua},
    "rbac": {"with_filter": False, "edit": alternatives.rbac},
    "ext_authz": {"with_filter": False, "edit": alternatives.ext_authz},
    "ext_authz_grpc": {"with_filter": False, "edit": alternatives.ext_authz_grpc},
    "tokens": {"with_filter": False, "edit": alternatives.tokens_alone},
    "tokens_rbac": {"with_filter": False, "edit": alternatives.tokens_rbac},
    "tokens_authz": {"plugin": TOKEN_PLUGIN, "edit": alternatives.tokens_filter},
}
"""The Envoys, by what is laid over envoy.yaml."""


MODULES = {"empty": paths.ROOT / "target" / "tools" / "empty.wasm"}
MODULES |= dict.fromkeys(STEPS, paths.ROOT / "target" / "tools" / "calls.wasm")
"""Those that run another module than the one that is shipped."""


def cpu_seconds(process: Process) -> float:
    """Time all threads have spent on a CPU so far, user and system.

    What utime and stime of /proc/PID/stat add up to, but in nanoseconds instead of ticks of 10 ms
    (kernel doc, sched-stats).
    """
    threads = Path(f"/proc/{process.pid}/task").iterdir()
    return sum(int((thread / "schedstat").read_text().split()[0]) for thread in threads) / 1e9


def rss_kib(process: Process) -> int:
    """Resident memory."""
    status = Path(f"/proc/{process.pid}/status").read_text()
    return next(int(line.split()[1]) for line in status.splitlines() if line.startswith("VmRSS:"))


@dataclass
class Subject:
    """One running proxy that is measured."""

    process: Process
    url: str
    envoy: Envoy | None = None
    """Not of the middleware."""
    rss_at_start_kib: int = field(init=False)

    def __post_init__(self) -> None:
        self.rss_at_start_kib = rss_kib(self.process)

    def ask(self, request: Request, number: int) -> int:
        """Sends a request once, with a number for `{number}`; the status of the answer."""
        headers = [(name, value.format(number=f"{number:08}")) for name, value in request.headers.items()]
        host, _, port = self.url.removeprefix("http://").partition(":")
        body = request.body.encode() or None
        return Client(host, int(port)).request(request.method, request.target, headers, body).status

    def answers(self) -> dict[str, int]:
        """Requests so far, once none is under way: all as `total`, answered ones by class. None of the middleware."""
        if self.envoy is None:
            return {}
        return wait_until(self._settled_answers, "Envoy has answered every request")

    def _settled_answers(self) -> dict[str, int] | None:
        assert self.envoy is not None
        found = self.envoy.stats(r"^http\.mlflow\.downstream_rq_(.xx|active|total)$")
        counted = {name.rpartition("_")[2]: value for name, value in found.items()}
        return counted if counted.pop("active") == 0 else None

    def errors(self) -> list[str]:
        """What Envoy logged as one. Its Lua filter, for instance, lets a request through after an error."""
        log = self.envoy.log() if self.envoy else ""
        return [line for line in log.splitlines() if "[error]" in line or "[critical]" in line]

    def pin(self, cpu: int) -> None:
        """Keeps every thread on one CPU."""
        for thread in Path(f"/proc/{self.process.pid}/task").iterdir():
            os.sched_setaffinity(int(thread.name), {cpu})


def auth_service(workdir: Path) -> AuthService:
    """Knows the keys of all cases, and answers ext_authz."""
    options = ["--any-key-prefix", LOAD_PREFIX, "--any-key-scopes", LOAD_SCOPE, "--ext-authz-mount", MOUNT]
    return AuthService([*keys.STANDARD, NARROW], workdir, options=options)


def envoy_of(
    name: str, wishes: dict[str, Any], upstream: Address, auth: AuthService, folder: Path, under: Sequence[str] = ()
) -> Envoy:
    """The Envoy of one of `VARIANTS`, `under` another program."""
    rest = dict(wishes)
    edit: Callable[[Config], None] | None = rest.pop("edit", None)

    def edit_all(config: Config) -> None:
        discard_access_log(config)
        if edit:
            edit(config)

    options = EnvoyOptions(mlflow=upstream, auth=auth.address, wasm=MODULES.get(name), edit=edit_all, **rest)
    return Envoy(options, folder, under=under)


class Subjects:
    """All of them, with the upstream and the auth service behind them."""

    def __init__(self, workdir: Path) -> None:
        with ExitStack() as started:
            self._upstream = Upstream(workdir / "upstream")
            started.callback(self._upstream.process.stop)
            self.auth = started.enter_context(auth_service(workdir))
            self.all: dict[str, Subject] = {}
            for name, wishes in VARIANTS.items():
                folder = workdir / name
                folder.mkdir()
                envoy = started.enter_context(envoy_of(name, wishes, self._upstream.address, self.auth, folder))
                self.all[name] = Subject(envoy.process, envoy.url, envoy)
            middleware = Middleware(self._upstream.address, self.auth.address, workdir)
            started.callback(middleware.process.stop)
            self.all["middleware"] = Subject(middleware.process, middleware.url)
            self._started = started.pop_all()

    def __enter__(self) -> "Subjects":
        return self

    def __exit__(self, *_: object) -> None:
        self._started.close()


def discard_access_log(config: Config) -> None:
    """The sample's access log is formatted as ever, but goes to /dev/null: a disk is not what is measured."""
    log = connection_manager(config)["access_log"][0]
    log["name"] = "envoy.access_loggers.file"
    log["typed_config"]["@type"] = f"{EXTENSIONS}.access_loggers.file.v3.FileAccessLog"
    log["typed_config"]["path"] = "/dev/null"
