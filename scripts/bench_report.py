"""The report of scripts/bench: Markdown, figures of one run only."""

import gzip
import os
import platform
from datetime import UTC, datetime
from pathlib import Path
from statistics import median, quantiles
from typing import TYPE_CHECKING

from bench_load import CONNECTIONS
from harness import paths

if TYPE_CHECKING:
    from bench import Case
    from bench_subjects import Subjects

_SUBJECT = {
    "none": "no filter",
    "empty": "empty filter",
    "authz": "this filter",
    "inspect": "this filter, reading bodies",
}
_CASE = {
    "read": "cached read",
    "write": "cached write",
    "denied": "denial (403)",
    "denied-body": "denial (403) of a write, new connection each",
    "tag": "cached write to a model, wide key",
    "tag-narrow": "cached write to a model, narrow key",
}
_FORWARDED = ("read", "write")
_LINE = "| --- " + "| ---: "


def _title(case: "Case") -> str:
    """`cached` is said only of this filter: nothing else has a cache."""
    kind = _CASE[case.name] if case.subject in ("authz", "inspect") else _CASE[case.name].removeprefix("cached ")
    return f"{_SUBJECT[case.subject]}, {kind}"


def _find(cases: "list[Case]", name: str, subject: str) -> "Case":
    return next(case for case in cases if (case.name, case.subject) == (name, subject))


def _lower_quartile(values: list[float]) -> float:
    """What a round costs when nothing else disturbs the machine: disturbance only ever adds."""
    return sorted(values)[len(values) // 4]


def _added(cases: "list[Case]", name: str, subject: str) -> tuple[float, float]:
    """What a subject adds to no filter at all: differences of the medians, and of the lower quartiles."""
    ours, none = _find(cases, name, subject).cpu_us, _find(cases, name, "none").cpu_us
    return median(ours) - median(none), _lower_quartile(ours) - _lower_quartile(none)


def _cpu(cases: "list[Case]") -> list[str]:
    lines = ["| case | CPU µs/request, median | lower quartile | added, median | added, lower quartile |"]
    lines.append(_LINE + "| ---: | ---: | ---: |")
    for case in cases:
        seen = f"{median(case.cpu_us):.1f} | {_lower_quartile(case.cpu_us):.1f}"
        compared = case.name in _FORWARDED and case.subject != "none"
        added = _pair(_added(cases, case.name, case.subject), ".1f") if compared else " | "
        lines.append(f"| {_title(case)} | {seen} | {added} |")
    return lines


def _pair(values: tuple[float, float], form: str) -> str:
    return " | ".join(format(value, form) for value in values)


def _ratios(cases: "list[Case]") -> list[str]:
    lines = ["| added CPU time, this filter / empty filter | of medians | of lower quartiles |"]
    lines.append(_LINE + "| ---: |")
    for name in _FORWARDED:
        pairs = zip(_added(cases, name, "authz"), _added(cases, name, "empty"), strict=True)
        ratios = [f"{ours / empty:.2f}" if empty > 0 else "lost in noise" for ours, empty in pairs]
        lines.append(f"| {_CASE[name]} | {' | '.join(ratios)} |")
    return lines


def _narrow(cases: "list[Case]") -> list[str]:
    """Round by round: what else ran at the time disturbed both."""
    narrow, wide = _find(cases, "tag-narrow", "inspect").cpu_us, _find(cases, "tag", "inspect").cpu_us
    ignoring = _find(cases, "tag", "authz").cpu_us
    lines = ["| write to a model | ratio of CPU time, median | quartiles | added µs, median |", _LINE + "| ---: |"]
    for title, ours, other in (
        ("narrow key / wide key, both with bodies read", narrow, wide),
        ("wide key: bodies read / ignored", wide, ignoring),
        ("narrow key, bodies read / wide key, ignored", narrow, ignoring),
    ):
        ratios = [a / b for a, b in zip(ours, other, strict=True)]
        low, _, high = quantiles(ratios) if len(ratios) > 1 else ratios * 3
        added = median(a - b for a, b in zip(ours, other, strict=True))
        lines.append(f"| {title} | {median(ratios):.2f} | {low:.2f} to {high:.2f} | {added:.1f} |")
    return lines


def _latency(cases: "list[Case]") -> list[str]:
    paced = [case for case in cases if case.paced]
    base = _find(paced, "read", "none").paced
    lines = ["| case | p50 µs | p99 µs | added to p50, µs | added to p99, µs |"]
    lines.append(_LINE + "| ---: | ---: | ---: |")
    for case in paced:
        seen, added = [], []
        for percentile in ("p50_us", "p99_us"):
            values = [getattr(load, percentile) for load in case.paced]
            without = [getattr(load, percentile) for load in base]
            seen.append(f"{median(values):.0f}")
            difference = median(value - none for value, none in zip(values, without, strict=True))
            added.append("" if case.subject == "none" else f"{difference:.0f}")
        lines.append(f"| {_title(case)} | {' | '.join(seen + added)} |")
    return lines


def _memory(subjects: "Subjects") -> list[str]:
    ours = paths.wasm_module()
    modules = {"empty": paths.ROOT / "dist" / "empty.wasm", "authz": ours, "inspect": ours}
    lines = ["| Envoy with | RSS MiB after start | after the run | module KiB | gzip KiB |"]
    lines.append(_LINE + "| ---: | ---: | ---: |")
    for name, subject in subjects.all.items():
        start, end = subject.rss_at_start_kib / 1024, subject.rss_kib() / 1024
        size = _size(modules[name]) if name in modules else " | "
        lines.append(f"| {_SUBJECT[name]} | {start:.1f} | {end:.1f} | {size} |")
    return lines


def _size(module: Path) -> str:
    code = module.read_bytes()
    return f"{len(code) / 1024:.1f} | {len(gzip.compress(code)) / 1024:.1f}"


def _machine() -> str:
    cpu = "unknown CPU"
    for line in Path("/proc/cpuinfo").read_text().splitlines():
        if line.startswith("model name"):
            cpu = line.partition(":")[2].strip()
            break
    toolchain = (paths.ROOT / "rust-toolchain.toml").read_text().partition('channel = "')[2].partition('"')[0]
    return (
        f"{datetime.now(UTC):%Y-%m-%d %H:%M} UTC; {cpu}, {os.cpu_count()} CPUs, Linux {platform.release()}; "
        f"Envoy {paths.versions()['ENVOY_VERSION']}, Rust {toolchain}; load average "
        f"{os.getloadavg()[0]:.1f} at the end"
    )


def text(cases: "list[Case]", subjects: "Subjects", requests: int) -> str:
    """The whole report; `requests` is per case and round."""
    rounds, paced = len(cases[0].cpu_us), _find(cases, "read", "none").paced
    rate = median(load.requests / load.seconds for load in paced)
    answered = median(load.requests for load in paced)
    sections = [
        [_machine()],
        [f"CPU time of Envoy: {rounds} rounds of {requests} requests, {CONNECTIONS} connections, one worker"],
        _cpu(cases),
        _ratios(cases),
        ["A key limited to names, rounds compared one by one"],
        _narrow(cases),
        [f"Latency of a read, {rate:.0f} requests/s: {len(paced)} rounds of {answered:.0f} requests, medians"],
        _latency(cases),
        ["Memory and size"],
        _memory(subjects),
    ]
    return "\n\n".join("\n".join(lines) for lines in sections)
