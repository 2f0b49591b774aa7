"""Runs tests/envoy/test_under_fault.py and keeps what each case printed."""

import argparse
import re
import subprocess
import sys
from pathlib import Path

from bench.soak.report import Section
from harness import paths
from harness.progress import step

_LINE = re.compile(
    r"^\.?F?(?P<title>.+), (?P<workers>\d) worker\(s\)\s+sent\s+(?P<sent>\d+)\s+"
    r"answered\s+(?P<answered>\d+)\s+\(right\s+(?P<right>\d+), 503\s+(?P<unavailable>\d+)\)\s+"
    r"wrong (?P<wrong>\d+)\s+hung (?P<hung>\d+)\s+lost (?P<lost>\d+)\s+slowest\s+"
    r"(?P<slowest>\d+) ms(?:\s+back after\s+(?P<back>\d+) ms)?",
    re.MULTILINE,
)
_COUNTED = ("sent", "answered", "right", "unavailable", "wrong", "hung", "lost")


def measure(_: argparse.Namespace, workdir: Path) -> Section:
    section = Section("faults", "Under fault")
    step("tests/envoy/test_under_fault.py (a minute)")
    command = [
        sys.executable,
        "-m",
        "pytest",
        "-q",
        "-s",
        "-p",
        "no:cacheprovider",
        f"--basetemp={workdir}/pytest",
    ]
    command.append(str(paths.ROOT / "tests" / "envoy" / "test_under_fault.py"))
    ran = subprocess.run(command, capture_output=True, text=True, timeout=600, check=False)
    failed = [line for line in ran.stdout.splitlines() if line.startswith("FAILED")]
    step("  " + "; ".join([ran.stdout.strip().splitlines()[-1], *failed]))
    found = [match.groupdict() for match in _LINE.finditer(ran.stdout)]
    if not found:
        raise RuntimeError(ran.stdout[-3000:] + ran.stderr[-3000:])
    section.add(
        "What `tests/envoy/test_under_fault.py` says of each case: a second of load, half of it with keys seen "
        "before the fault, which are never refused. The callout's timeout is 600 ms, the circuit opens for "
        "300 ms, the TTL is 500 ms. *Back after*: from the end of the fault to the first answer about a cold "
        f"key. {ran.stdout.strip().splitlines()[-1].strip('= ')}."
    )
    rows = [[f"{f['title']}, {f['workers']}", *(f[c] for c in _COUNTED), f["slowest"], f["back"] or ""] for f in found]
    sums = [sum(int(f[c]) for f in found) for c in _COUNTED]
    rows.append(["all", *map(str, sums), max(int(f["slowest"]) for f in found), ""])
    head = (
        "fault, workers",
        "sent",
        "answered",
        "right",
        "503",
        "wrong",
        "hung",
        "lost",
        "slowest ms",
        "back after ms",
    )
    section.add_table(head, rows)
    return section
