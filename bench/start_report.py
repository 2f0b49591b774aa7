"""The report of scripts/bench-start: Markdown, figures of one run only."""

import os
import platform
from collections.abc import Callable
from datetime import UTC, datetime
from statistics import median, quantiles
from typing import Protocol

from bench.comparison.report import head, row, title_of
from bench.machine import cpu
from harness import paths


class Start(Protocol):
    """See bench/start.py."""

    answered_ms: float
    cpu_ms: float
    rss_mib: float
    anonymous_mib: float
    vms: int


class Case(Protocol):
    """See bench/start.py."""

    subject: str
    workers: int
    starts: list[Start]


Figure = Callable[[Start], float]


def spread(values: list[float], digits: int) -> str:
    """Median, and quartiles where there are rounds enough."""
    if len(values) < 2:
        return f"{values[0]:.{digits}f}"
    low, middle, high = quantiles(values, method="inclusive")
    return f"{middle:.{digits}f} ({low:.{digits}f} to {high:.{digits}f})"


def _find(cases: list[Case], subject: str, workers: int) -> Case:
    return next(case for case in cases if (case.subject, case.workers) == (subject, workers))


def _figures(cases: list[Case], workers: int) -> list[str]:
    lines = head(
        f"{workers} worker{'s' if workers > 1 else ''}",
        "to the first answer, ms",
        "CPU until then, ms",
        "RSS, MiB",
        "of that anonymous, MiB",
        "VMs",
    )
    for case in (case for case in cases if case.workers == workers):
        figures: list[tuple[Figure, int]] = [
            (lambda it: it.answered_ms, 0),
            (lambda it: it.cpu_ms, 0),
            (lambda it: it.rss_mib, 1),
            (lambda it: it.anonymous_mib, 1),
        ]
        spreads = [spread([figure(start) for start in case.starts], digits) for figure, digits in figures]
        lines.append(row(title_of(case.subject), *spreads, f"{median(start.vms for start in case.starts):.0f}"))
    return lines


def per_worker(cases: list[Case], subject: str) -> list[float]:
    """Anonymous memory of each worker more, in MiB: round by round, from the fewest workers to the most."""
    counts = sorted({case.workers for case in cases})
    few, many = _find(cases, subject, counts[0]), _find(cases, subject, counts[-1])
    pairs = zip(few.starts, many.starts, strict=True)
    return [(more.anonymous_mib - less.anonymous_mib) / (counts[-1] - counts[0]) for less, more in pairs]


def _per_vm(cases: list[Case]) -> list[str]:
    lines = head("anonymous memory", "each worker more, MiB", "beyond no filter's, MiB")
    none = per_worker(cases, "none")
    for subject in dict.fromkeys(case.subject for case in cases):
        each = per_worker(cases, subject)
        beyond = [ours - theirs for ours, theirs in zip(each, none, strict=True)]
        shown = "" if subject == "none" else spread(beyond, 2)
        lines.append(row(title_of(subject), spread(each, 2), shown))
    return lines


def _machine() -> str:
    return (
        f"{datetime.now(UTC):%Y-%m-%d %H:%M} UTC; {cpu()}, {os.cpu_count()} CPUs, Linux {platform.release()}; "
        f"Envoy {paths.versions()['ENVOY_VERSION']}. Load average {os.getloadavg()[0]:.1f} at the end."
    )


_TEXT = """\
<!-- Written by scripts/bench-start. -->
# Start and memory

{machine}

{rounds} rounds; in each, every Envoy is started, measured and ended, one after the other. Medians, quartiles in
brackets. This filter's module has {module:.0f} KiB, the empty one {empty:.0f} KiB.

- **To the first answer**: from before the process is made until a request without a key is answered, which is asked
  for every half millisecond. This filter and the Lua script answer it with 401; where there is no filter or an empty one,
  an upstream answers. Envoy listens once every VM is configured, so no request ever waits for that.
- **CPU until then**: of all threads of the process.
- **RSS** and the part that is **anonymous** (no file backs it: heaps, compiled code, the memories of the VMs): half a
  second later.
- **VMs**: as Envoy counts them. It has two beside those of the workers.

{figures}

## A worker more

One worker more is one VM more, and no compilation more: the CPU time above hardly grows. From the fewest workers to the
most. What compiling the module took stays with the process, and later VMs probably live in it: so a large module can
show less here than a small one.

{per_vm}"""


def text(cases: list[Case]) -> str:
    """The whole report."""
    counts = sorted({case.workers for case in cases})
    return _TEXT.format(
        machine=_machine(),
        rounds=len(cases[0].starts),
        module=paths.wasm_module().stat().st_size / 1024,
        empty=(paths.ROOT / "target" / "tools" / "empty.wasm").stat().st_size / 1024,
        figures="\n\n".join("\n".join(_figures(cases, workers)) for workers in counts),
        per_vm="\n".join(_per_vm(cases)),
    )
