"""How many instructions Envoy's worker runs for a request, and writes a report; see scripts/bench-instructions.

Runs in the tests' environment. Each Envoy runs under valgrind's callgrind, which counts what each thread runs in user
mode: in Envoy's own program, in its libraries, and in code that V8 or LuaJIT made. The counts hardly depend on what else
the machine does. They say nothing of caches, of the kernel, and of how many instructions a cycle takes.
"""

import argparse
import http.client
import re
import subprocess
import tempfile
from collections import Counter
from collections.abc import Iterable
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from bench.comparison import subjects
from bench.comparison.cases import NUMBERED, STEPS, TITLES, administer, read, write
from bench.comparison.report import head, row
from bench.load import Request
from bench.machine import cpu
from bench.upstream import Upstream
from harness import keys, paths
from harness.envoy import Envoy
from harness.processes import wait_until
from harness.progress import run_to_its_end, step

REPORT = paths.ROOT / "docs" / "benchmarks" / "instructions.md"
MEASURED = ("none", "empty", *STEPS, "quiet", "authz", "lua", "rbac", "ext_authz")
CASES: dict[str, Request] = {
    "read": read(keys.READ),
    "write": write(keys.WRITE),
    "denied": administer(keys.READ),
    "cold": read(NUMBERED),
}
DECIDING = ("quiet", "authz", "lua", "rbac", "ext_authz")
"""Only these are sent what is refused, and another key in each request."""
WARM_UP = 150
"""Requests before anything is counted: caches fill, LuaJIT compiles."""
VALGRIND = ("valgrind", "--tool=callgrind", "--instr-atstart=no", "--separate-threads=yes", "--smc-check=all-non-file")
"""V8 writes the code that it runs, so callgrind must look again."""

_NAME = re.compile(r"c?ob=\((\d+)\)(?: (.*))?")
_GENERATED = "???"
"""What callgrind calls code that no file holds."""


@dataclass(frozen=True)
class Count:
    """Instructions per request."""

    program: float
    """In Envoy and its libraries."""
    generated: float
    """In code that V8 or LuaJIT made, and in the trampolines to it."""

    @property
    def total(self) -> float:
        return self.program + self.generated


def instructions(lines: Iterable[str]) -> Counter[str]:
    """Instructions by object file, from a profile of callgrind (valgrind manual, "Callgrind Format Specification")."""
    names: dict[str, str] = {}
    found: Counter[str] = Counter()
    current, is_call = _GENERATED, False
    for line in lines:
        if match := _NAME.match(line):
            if match[2]:
                names[match[1]] = match[2].strip()
            if line.startswith("ob="):
                current = match[1]
        elif line.startswith("calls="):
            is_call = True
        elif line[:1] in "0123456789+-*" and line[:1]:
            # The line after `calls=` has what the callee took, which stands with the callee too.
            if not is_call:
                found[current] += int(line.split()[-1])
            is_call = False
    by_name: Counter[str] = Counter()
    for number, count in found.items():
        by_name[names.get(number, _GENERATED)] += count
    return by_name


class Counted:
    """An Envoy under callgrind."""

    def __init__(self, envoy: Envoy, folder: Path) -> None:
        self._envoy, self._folder = envoy, folder
        self._number = 0

    def count(self, request: Request, requests: int) -> Count:
        """What its worker runs for each of so many requests on one connection."""
        connection = http.client.HTTPConnection(self._envoy.host, self._envoy.port, timeout=60)
        try:
            for _ in range(WARM_UP):
                self._ask(connection, request)
            self._control("--instr=on")
            for _ in range(WARM_UP):
                self._ask(connection, request)
            for profile in self._profiles():
                profile.unlink()
            self._control("--zero")
            for _ in range(requests):
                self._ask(connection, request)
            self._control("--dump")
            wait_until(self._profiles, "callgrind has written its profiles")
            self._control("--instr=off")
        finally:
            connection.close()
        # Of all threads, the worker's: it has run the most.
        worker = max((instructions(path.open()) for path in self._profiles()), key=lambda counts: counts.total())
        generated = worker[_GENERATED]
        return Count((worker.total() - generated) / requests, generated / requests)

    def _ask(self, connection: http.client.HTTPConnection, request: Request) -> None:
        self._number += 1
        headers = {name: value.format(number=f"{self._number:08}") for name, value in request.headers.items()}
        connection.request(request.method, request.target, request.body or None, headers)
        connection.getresponse().read()

    def _control(self, order: str) -> None:
        command = ["callgrind_control", order, str(self._envoy.process.pid)]
        subprocess.run(command, capture_output=True, check=True, timeout=120)

    def _profiles(self) -> list[Path]:
        return sorted(self._folder.glob("callgrind.out.*"))


def measure(folder: Path, names: Iterable[str], requests: int) -> dict[tuple[str, str], Count]:
    """By variant and case."""
    counts: dict[tuple[str, str], Count] = {}
    with ExitStack() as started:
        upstream = Upstream(folder / "upstream")
        started.callback(upstream.process.stop)
        auth = started.enter_context(subjects.auth_service(folder))
        for name in names:
            step(f"{TITLES[name]} (its start takes a minute)")
            place = folder / name
            place.mkdir()
            wishes: dict[str, Any] = subjects.VARIANTS[name]
            under = [*VALGRIND, f"--callgrind-out-file={place}/callgrind.out"]
            with subjects.envoy_of(name, wishes, upstream.address, auth, place, under) as envoy:
                counted = Counted(envoy, place)
                for case, request in CASES.items():
                    if name in DECIDING or case in ("read", "write"):
                        counts[name, case] = counted.count(request, requests)
    return counts


def table(counts: dict[tuple[str, str], Count], case: str, title: str) -> list[str]:
    """One case, by variant."""
    none = counts.get(("none", case))
    lines = head(title, "instructions", "of them in generated code", "added to no filter's")
    for (name, of_case), count in counts.items():
        if of_case == case:
            added = f"{count.total - none.total:,.0f}" if none and name != "none" else ""
            lines.append(row(TITLES[name], f"{count.total:,.0f}", f"{count.generated:,.0f}", added))
    return [*lines, ""]


def report(counts: dict[tuple[str, str], Count], requests: int) -> str:
    """The page."""
    tables: list[tuple[str, str]] = [
        ("read", "cached read"),
        ("write", "cached write"),
        ("denied", "refused, each with an audit record where there is one"),
        ("cold", "read, another key in each request"),
    ]
    lines = [
        "<!-- Written by scripts/bench-instructions. -->",
        "# Instructions of Envoy's worker per request",
        "",
        f"{datetime.now(UTC):%Y-%m-%d %H:%M} UTC; {cpu()}; Envoy {paths.versions()['ENVOY_VERSION']}; {requests} requests, one at a",
        "time on one connection, after as many that fill caches. Counted by valgrind's callgrind: what the worker runs in user",
        "mode. Two runs mostly differ by less than a hundredth. [comparison.md](comparison.md) has CPU time, which depends on the machine",
        "and on what else it does; an instruction of Lua's takes longer than one of V8's. *Generated code* is that of V8 or",
        "LuaJIT; what there is of it without a filter are calls between libraries. The *host calls alone* are told in",
        "[README.md](README.md#what-is-compared).",
        "",
    ]
    for case, title in tables:
        lines += table(counts, case, title)
    return "\n".join(lines)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--requests", type=int, default=400, help="per case")
    parser.add_argument(
        "--only", nargs="+", choices=MEASURED, default=MEASURED, metavar="NAME", help=", ".join(MEASURED)
    )
    parser.add_argument("--print", action="store_true", help="print the report, write no file")
    wanted = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        text = report(measure(Path(folder), wanted.only, wanted.requests), wanted.requests)
    if wanted.print or tuple(wanted.only) != MEASURED:
        print(text)
    else:
        REPORT.write_text(text)
    return 0


if __name__ == "__main__":
    run_to_its_end(main)
