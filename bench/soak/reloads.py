"""Envoy's memory over many new configurations, while requests come by."""

import argparse
import itertools
import re
import time
from collections.abc import Callable
from pathlib import Path

from bench.soak.parts import Soaked
from bench.soak.report import Section
from harness.hot import DRAIN, HotListener
from harness.load import READ, WRITE, reader, readers
from harness.load_http import BackgroundLoad, Work
from harness.progress import step

WORKERS = 2
_LIMIT = 5


def _trickle(soaked: Soaked) -> BackgroundLoad:
    """A few requests, with ten keys in turn and with 2500 others."""
    works = itertools.cycle([(caller, op) for caller in readers("known", 10) for op in (READ, WRITE)])
    turns = itertools.count()

    def work() -> Work:
        turn = next(turns)
        # Few enough that they soon have their slots in shared data, which is never given back.
        return (reader(f"other_{turn % 2500}"), READ) if turn % 5 == 0 else next(works)

    return BackgroundLoad(soaked.address, work, kept=6, fresh=0, limit=_LIMIT, pause=0.05)


def _series(soaked: Soaked, title: str, count: int, config: Callable[[int], dict], hot: HotListener) -> list[tuple]:
    step(f"reloads: {title}")
    rows: list[tuple] = []

    def note(number: int) -> None:
        # What is being drained is not a leak: Envoy keeps an old listener for two seconds.
        time.sleep(3.5)
        found = soaked.envoy.stats(
            r"^(wasm\.envoy\.wasm\.runtime\.v8\.active|listener_manager\.total_filter_chains_draining)$"
        )
        metrics = len(soaked.envoy.stats("mlflow_authz_config_info"))
        vms = sum(value for name, value in found.items() if name.endswith("active"))
        draining = sum(value for name, value in found.items() if name.endswith("draining"))
        rows.append((number, soaked.rss_mib(), soaked.allocated_mib(), vms, draining, metrics))
        step(f"  {number} reloads: RSS {rows[-1][1]:.1f} MiB, allocated {rows[-1][2]:.2f} MiB, {vms} VMs")

    note(0)
    for number in range(1, count + 1):
        if not hot.swap(soaked.envoy, config(number)):
            raise RuntimeError(f"Envoy refused configuration {number}")
        if number % max(1, count // 10) == 0:
            note(number)
    return rows


def measure(wanted: argparse.Namespace, workdir: Path) -> Section:
    section = Section("reloads", "Memory over configuration reloads")
    series = {
        "two configurations in turn": lambda number: {"help_url": f"https://keys.test/{number % 2}"},
        "every configuration a new one": lambda number: {"help_url": f"https://keys.test/new/{number}"},
    }
    hot = HotListener(workdir / "listener")
    tables = {}
    options = {"concurrency": WORKERS, "arguments": DRAIN, "edit": hot.edit}
    with Soaked(workdir / "envoy", echo=True, **options) as soaked:
        with _trickle(soaked) as trickle:
            for title, config in series.items():
                tables[title] = _series(soaked, title, wanted.reloads, config, hot)
        traps = sum(soaked.envoy.stats(r"^wasm\..*vm_reload").values())
        said = len(re.findall(r"\[(?:critical|error)\]", soaked.envoy.log()))
    tally = trickle.tally
    failed = [sent for sent in tally.sent if sent.verdict != "right"]
    section.add(
        f"{wanted.reloads:,} times a new listener with another plugin configuration, in the file that Envoy "
        f"watches, as fast as Envoy takes them, twice; {WORKERS} workers. Old connections drain for two "
        f"seconds (`{' '.join(DRAIN)}`). Meanwhile {len(tally.sent):,} requests with 510 keys on 6 "
        f"connections: **{len(failed)} failed**, slowest {tally.slowest() * 1000:.0f} ms. VMs replaced after "
        f"a trap: {traps}; lines at error or critical in Envoy's log: {said}."
    )
    head = ("reloads", "RSS MiB", "allocated MiB", "VMs", "filter chains draining", "series of `config_info`")
    for title, rows in tables.items():
        section.add(f"### {title[0].upper()}{title[1:]}")
        shown = [(n, f"{rss:.1f}", f"{own:.2f}", vms, drain, m) for n, rss, own, vms, drain, m in rows]
        section.add_table(head, shown)
    if failed:
        section.add("Failed: " + "; ".join(sorted({f"{s.verdict} {s.status} {s.reason}" for s in failed})[:5]))
    return section
