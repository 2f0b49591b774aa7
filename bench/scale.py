"""Measures what the filter adds with more workers, keys and connections and over HTTP/2, and writes a report; see scripts/bench-scale.

Runs in the tests' environment. Every setting has an Envoy with this filter and a twin without it. Both get the same
requests in turn, and the difference of their CPU time is the filter's.
"""

import argparse
import os
import resource
import tempfile
import time
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from bench import h2load, load, scale_report
from bench.comparison.cases import LOAD_PREFIX, NUMBERED, read
from bench.comparison.subjects import Subject, auth_service, cpu_seconds, envoy_of, rss_kib
from bench.load import CONNECTIONS, Numbers
from bench.upstream import Upstream
from harness import paths
from harness.auth_service import AuthService
from harness.envoy_config import Config, sample_plugin_config
from harness.processes import Process
from harness.progress import run_to_its_end, step

REPORT = paths.ROOT / "docs" / "benchmarks" / "scale.md"

CAPACITY: int = sample_plugin_config()["cache"]["capacity"]
SHARED_SLOTS = 4096
"""The default. The most that may be configured are 65,536."""
NUMBERS = 2_000_000
"""How many numbers of keys each setting has to itself."""
CHUNK = 50_000
"""Keys are filled in by so many at a time, and the time is looked at in between."""
SPARE_FILES = 2_000
"""Open files of an Envoy beside the connections of its clients: 1,024 to the upstream, and its own."""


@dataclass(frozen=True)
class Setting:
    """One line of the report."""

    title: str
    workers: int = 1
    connections: int = CONNECTIONS
    keys: int | None = None
    """Each request has one of so many keys, at random, and comes from wrk. None: all have one key, and come from h2load."""
    capacity: int = CAPACITY
    shared_slots: int = SHARED_SLOTS
    streams: int = 0
    """Over HTTP/2, so many at a time on each connection; 0 for HTTP/1.1."""
    own: bool = True
    """Whether it has Envoys of its own; else it has those of the setting before it."""


SETTINGS = {
    "workers": [
        *(Setting(f"{number}", number, CONNECTIONS * number, keys=1_000) for number in (1, 2, 4, 8)),
        Setting("8, 10,000 keys", 8, CONNECTIONS * 8, keys=10_000),
        Setting("8, 10,000 keys, `shared_slots` 65536", 8, CONNECTIONS * 8, keys=10_000, shared_slots=65_536),
    ],
    "keys": [
        *(Setting(f"{number:,}", keys=number) for number in (1, 1_000, CAPACITY)),
        Setting("100,000, `capacity` 100000", keys=100_000, capacity=100_000),
        Setting("1,000,000, `capacity` 1000000", keys=1_000_000, capacity=1_000_000),
        Setting(f"100,000, `capacity` {CAPACITY}", keys=100_000),
    ],
    "connections": [Setting(f"{number:,}", connections=number) for number in (1, 16, 256, 1_000, 10_000)],
    "http2": [
        Setting("HTTP/1.1"),
        Setting("HTTP/2, 1 stream per connection", streams=1, own=False),
        Setting("HTTP/2, 100 streams per connection", streams=100, own=False),
    ],
}


@dataclass
class Measured:
    """A setting, its two Envoys, and what each round measured."""

    setting: Setting
    first: int
    """The number of its first key."""
    filtered: Subject
    twin: Subject
    cached: int = 1
    """How many of its keys were filled in before the first round."""
    cold_callouts: int = 0
    """How many callouts that took."""
    with_us: list[float] = field(default_factory=list)
    """CPU time per request, by round; so is the rest."""
    without_us: list[float] = field(default_factory=list)
    callouts: list[float] = field(default_factory=list)
    """Per request."""
    rss_mib: float = 0
    """At the end."""
    twin_rss_mib: float = 0

    @property
    def added_us(self) -> list[float]:
        return [one - other for one, other in zip(self.with_us, self.without_us, strict=True)]


def edit(config: Config) -> None:
    """However many requests are under way, none is refused for their number: those without a connection wait for one."""
    cluster = next(each for each in config["static_resources"]["clusters"] if each["name"] == "mlflow")
    # The upstream is slow to accept a thousand connections at once on a CPU that it shares.
    cluster["connect_timeout"] = "30s"
    cluster["circuit_breakers"] = {"thresholds": [{"max_pending_requests": 50_000, "max_requests": 50_000}]}
    # As often as Envoy itself would have it: main thread's time is not what is measured.
    config.pop("stats_flush_interval", None)


class Scale:
    """The Envoys of some settings, with the upstream and the auth service behind them."""

    def __init__(self, settings: Sequence[Setting], workdir: Path, requests: int, fill_seconds: float) -> None:
        self.requests = requests
        self._fill_seconds = fill_seconds
        with ExitStack() as started:
            self._upstream = Upstream(workdir / "upstream")
            started.callback(self._upstream.process.stop)
            self.auth: AuthService = started.enter_context(auth_service(workdir))
            self.measured: list[Measured] = []
            for number, setting in enumerate(settings):
                if setting.own:
                    pair = [
                        self._start(started, setting, workdir / f"{name}{number}", name) for name in ("authz", "none")
                    ]
                self.measured.append(Measured(setting, number * NUMBERS, *pair))
            self._started = started.pop_all()

    def _start(self, started: ExitStack, setting: Setting, folder: Path, name: str) -> Subject:
        folder.mkdir()
        wishes: dict[str, Any] = {"concurrency": setting.workers, "edit": edit, "with_filter": name == "authz"}
        # No principal may expire while it is measured.
        cache = {"ttl": "1h", "capacity": setting.capacity, "shared_slots": setting.shared_slots}
        wishes["plugin"] = {"cache": cache}
        envoy = started.enter_context(envoy_of(name, wishes, self._upstream.address, self.auth, folder))
        return Subject(envoy.process, envoy.url, envoy)

    def __enter__(self) -> "Scale":
        return self

    def __exit__(self, *_: object) -> None:
        self._started.close()

    def pin(self, cpus: list[int]) -> None:
        """What is measured gets a CPU of its own; load generators, upstream and auth service keep off it."""
        for each in self.measured:
            for subject in (each.filtered, each.twin):
                subject.pin(cpus[0])
        os.sched_setaffinity(0, set(cpus[1:]))
        for process in (self._upstream.process, self.auth.process):
            keep_on(process, set(cpus[1:]))

    def warm_up(self, measured: Measured) -> None:
        """Fills the cache, as far as there is time, and has V8 compile what is run often."""
        setting, before = measured.setting, self.auth.validations
        if setting.keys:
            measured.cached = self._fill(measured, min(setting.keys, setting.capacity))
        else:
            self.send(measured, measured.filtered)
        measured.cold_callouts = self.auth.validations - before
        for subject in (measured.filtered, measured.twin):
            self.send(measured, subject)

    def _fill(self, measured: Measured, keys: int) -> int:
        """Sends a request with each of its first keys; returns how many there was time for."""
        deadline = time.monotonic() + self._fill_seconds
        filled = 0
        while filled < keys and time.monotonic() < deadline:
            chunk = min(CHUNK, keys - filled)
            # A few keys twice: of the last requests of a run, the answers are not waited for.
            numbers = Numbers(measured.first + filled, chunk)
            count = chunk + 2 * measured.setting.connections
            load.send(read(NUMBERED), measured.filtered.url, count, 0, numbers, measured.setting.connections)
            filled += chunk
        return filled

    def send(self, measured: Measured, subject: Subject) -> float:
        """Sends the setting's load; the CPU time per request, in µs. Raises RuntimeError unless every answer is a 2xx."""
        setting = measured.setting
        # Every connection gets a few: to open it is not what is measured.
        count = max(self.requests, 2 * setting.connections)
        before = subject.answers()
        cpu = cpu_seconds(subject.process)
        if setting.keys:
            numbers = Numbers(measured.first, setting.keys, "random")
            sent = load.send(read(NUMBERED), subject.url, count, 0, numbers, setting.connections)
            # wrk leaves when it has sent the last request; what it left behind the time before may be counted now too.
            refused, unanswered = sent.refused, 2 * setting.connections
        else:
            key = {"key": f"{LOAD_PREFIX}{measured.first:08}"}
            h2load.send(read(key), subject.url, count, setting.connections, setting.streams)
            refused = unanswered = 0
        # The end of the connections is part of the work.
        time.sleep(0.05 + setting.connections / 50_000)
        cpu = cpu_seconds(subject.process) - cpu
        counted = {name: value - before.get(name, 0) for name, value in subject.answers().items()}
        refused += sum(counted[name] for name in ("1xx", "3xx", "4xx", "5xx"))
        if refused or counted["total"] - counted["2xx"] > unanswered:
            raise RuntimeError(f"{setting.title}: {refused} refused; Envoy counted {counted}")
        return cpu * 1e6 / counted["total"]

    def round(self, number: int) -> None:
        """Measures every setting once. Each round begins with another, and with the other of its Envoys."""
        turn = number % len(self.measured)
        for each in self.measured[turn:] + self.measured[:turn]:
            pair = [(each.filtered, each.with_us), (each.twin, each.without_us)]
            before = self.auth.validations
            for subject, found in pair if number % 2 else reversed(pair):
                found.append(self.send(each, subject))
            each.callouts.append((self.auth.validations - before) / max(self.requests, 2 * each.setting.connections))

    def end(self) -> None:
        """Reads the memory. Raises RuntimeError if an Envoy logged an error."""
        for each in self.measured:
            each.rss_mib, each.twin_rss_mib = (rss_kib(it.process) / 1024 for it in (each.filtered, each.twin))
            if errors := each.filtered.errors() + each.twin.errors():
                raise RuntimeError(f"{each.setting.title}: Envoy logged {len(errors)} errors, the first: {errors[0]}")


def keep_on(process: Process, cpus: set[int]) -> None:
    for thread in Path(f"/proc/{process.pid}/task").iterdir():
        os.sched_setaffinity(int(thread.name), cpus)


def measure(
    kind: str, settings: Sequence[Setting], workdir: Path, rounds: int, requests: int, fill_seconds: float
) -> list[Measured]:
    workdir.mkdir()
    cpus = sorted(os.sched_getaffinity(0))
    try:
        step(f"{kind}: starting {2 * sum(setting.own for setting in settings)} Envoys")
        with Scale(settings, workdir, requests, fill_seconds) as scale:
            for each in scale.measured:
                step(f"{kind}: warming up: {each.setting.title}")
                scale.warm_up(each)
            # Workers are to run beside each other.
            if len(cpus) > 1 and not any(setting.workers > 1 for setting in settings):
                scale.pin(cpus)
            for number in range(rounds):
                step(f"{kind}: round {number + 1} of {rounds}")
                scale.round(number)
            scale.end()
            return scale.measured
    finally:
        os.sched_setaffinity(0, set(cpus))


def allow_open_files(most_connections: int) -> None:
    """For this process and all it starts. Raises RuntimeError where the hard limit is too low."""
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    if hard != resource.RLIM_INFINITY and hard < most_connections + SPARE_FILES:
        raise RuntimeError(
            f"{most_connections:,} connections need {most_connections + SPARE_FILES:,} open files, and the hard limit is "
            f"{hard:,}: raise it (ulimit -Hn), or leave these settings out with --only"
        )
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=10)
    parser.add_argument("--requests", type=int, default=6_000, help="per Envoy and round; at least 2 per connection")
    parser.add_argument("--fill-seconds", type=float, default=120, help="most time to fill one cache (default: 120)")
    parser.add_argument("--only", default=",".join(SETTINGS), help="some of these, with commas between (default: all)")
    parser.add_argument("--print", action="store_true", help="print the report, write no file")
    wanted = parser.parse_args()
    kinds = wanted.only.split(",")
    if unknown := set(kinds) - SETTINGS.keys():
        parser.error(f"--only: {', '.join(sorted(unknown))} is none of {', '.join(SETTINGS)}")
    allow_open_files(max(setting.connections for kind in kinds for setting in SETTINGS[kind]))
    with tempfile.TemporaryDirectory(prefix="mlflow-authz-scale-") as folder:
        sizes = (wanted.rounds, wanted.requests, wanted.fill_seconds)
        measured = {kind: measure(kind, SETTINGS[kind], Path(folder) / kind, *sizes) for kind in kinds}
    text = scale_report.text(measured, wanted.rounds, wanted.requests)
    if wanted.print or kinds != list(SETTINGS):
        print(text)
    else:
        REPORT.write_text(text + "\n")
        step("written: docs/benchmarks/scale.md")
    return 0


if __name__ == "__main__":
    run_to_its_end(main)
