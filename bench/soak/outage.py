"""The auth service is down for a while under load: what warm keys and cold ones get, and how it ends."""

import argparse
import asyncio
import itertools
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from bench.soak.parts import Soaked
from bench.soak.report import Section, percentile
from harness import keys
from harness.load import GRACE, READ, WRITE, Caller, Sent, Tally, reader, readers, stranger, writers
from harness.load_http import Address, Work, keep_sending
from harness.progress import step

WORKERS = 2
TTL = 10
TIMEOUT = 2.0
SLACK = 0.2
"""Seconds that scheduling may add here: clients, Envoy, upstream and auth service share the CPUs."""
_LIMIT = TIMEOUT + GRACE + 3
_WRITERS = [f"writer_{number}" for number in range(10)]
_BEFORE = 1.0
_AFTER = 8.0
"""Seconds for which there is load before the auth service goes, and after its return."""


@dataclass
class _Phase:
    title: str
    began: float
    ended: float
    warm: Tally
    cold: Tally

    def during(self, tally: Tally) -> list[Sent]:
        """Sent while the service was down, and answered before it returned."""
        return [s for s in tally.sent if self.began <= s.at and s.at + s.seconds < self.ended]

    def returned(self) -> tuple[float, float]:
        """From the service's return to the first right answer about a cold key, and to the last 503."""
        after = [s for s in self.cold.sent if s.at + s.seconds >= self.ended]
        right = [s.at + s.seconds for s in after if s.verdict == "right"]
        refused = [s.at + s.seconds for s in after if s.verdict != "right"]
        return min(right) - self.ended, max(refused, default=self.ended) - self.ended


async def _warm_load(address: Address, warm: list[Caller], seconds: float) -> Tally:
    works = itertools.cycle([(caller, operation) for caller in warm for operation in (READ, WRITE)])
    return await keep_sending(address, lambda: next(works), connections=20, limit=_LIMIT, seconds=seconds, pause=0.1)


async def _cold_load(address: Address, name: str, seconds: float) -> Tally:
    numbers = itertools.count()

    def work() -> Work:
        number = next(numbers)
        caller = reader(f"{name}_{number}") if number % 5 else stranger(f"{name}_{number}")
        return caller, READ

    return await keep_sending(address, work, connections=20, limit=_LIMIT, seconds=seconds, pause=0.2)


def _run(
    soaked: Soaked,
    warm: list[Caller],
    title: str,
    down: Callable[[], None],
    up: Callable[[], None],
    seconds: float,
) -> _Phase:
    works = iter([(caller, READ) for caller in warm])
    primed = asyncio.run(keep_sending(soaked.address, lambda: next(works, None), connections=4, limit=_LIMIT))
    primed.assert_right(warm)
    step(f"  {title}: down for {seconds:g} s")
    times = []

    async def scenario() -> tuple[Tally, Tally]:
        load = asyncio.create_task(_warm_load(soaked.address, warm, _BEFORE + seconds + _AFTER))
        await asyncio.sleep(_BEFORE)
        await asyncio.to_thread(down)
        times.append(time.monotonic())
        name = title.replace(" ", "_")
        cold = asyncio.create_task(_cold_load(soaked.address, name, seconds + _AFTER))
        await asyncio.sleep(seconds)
        await asyncio.to_thread(up)
        times.append(time.monotonic())
        return await load, await cold

    warm_tally, cold_tally = asyncio.run(scenario())
    return _Phase(title, times[0], times[1], warm_tally, cold_tally)


def measure(wanted: argparse.Namespace, workdir: Path) -> Section:
    section = Section("outage", "Auth service down under load")
    entries = [keys.key(name, ["model:write"]) for name in _WRITERS]
    plugin = {"cache": {"ttl": f"{TTL}s"}}
    with Soaked(workdir, entries, echo=True, concurrency=WORKERS, plugin=plugin) as soaked:
        warm = readers("warm", 50) + writers(_WRITERS)
        step("outage")

        def hang() -> None:
            soaked.auth.order(garbage="hang")

        phases = [
            _run(
                soaked, warm, "refuses connections", lambda: soaked.auth.outage(wanted.seconds), lambda: None,
                wanted.seconds,
            ),
            _run(soaked, warm, "never replies", hang, lambda: soaked.auth.order(), wanted.seconds),
        ]  # fmt: skip
    bound = TIMEOUT + GRACE + SLACK
    section.add(
        f"{WORKERS} workers; TTL {TTL} s, so that warm keys are stale for most of the time; all else as in "
        f"`envoy.yaml`: timeout {TIMEOUT:g} s, circuit open for 5 s after 5 failures, stale for 5 min. Warm: "
        f"{len(warm)} good keys seen before, reads and writes, 20 connections. Cold: every request another "
        "key, one in five of them invalid, 20 connections. Upstream says who it was told is calling, and "
        "each answer is checked. *Within the bound*: 503 within the timeout, 50 ms of the filter's own and "
        f"{SLACK * 1000:.0f} ms for scheduling, {bound:.2f} s together.",
    )
    rows = []
    for phase in phases:
        for kind, tally in (("warm", phase.warm), ("cold", phase.cold)):
            sent = phase.during(tally)
            verdicts = [s.verdict for s in sent]
            times = [s.seconds for s in sent]
            late = sum(t > bound for t in times)
            counted = [verdicts.count(v) for v in ("right", "unavailable", "wrong", "hung", "lost")]
            shown = [f"{percentile(times, share) * 1000:.0f}" for share in (0.5, 0.99, 1)]
            rows.append([f"{phase.title}, {kind} keys", len(sent), *counted, late, *shown])
    head = ("auth service", "sent", "right", "503", "wrong", "hung", "lost", "beyond the bound")
    section.add_table((*head, "p50 ms", "p99 ms", "slowest ms"), rows)
    returns = []
    for phase in phases:
        first, last = phase.returned()
        failed = sum(s.verdict != "right" for s in phase.warm.sent)
        returns.append((phase.title, f"{first:.2f}", f"{last:.2f}", len(phase.warm.sent), failed))
    section.add_table(
        ("returned after", "s to the first success", "s to the last 503", "warm requests in all", "failed"),
        returns,
    )
    return section
