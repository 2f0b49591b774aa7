"""Writes docs/benchmarks/micro.md from what divan and the instruction count printed."""

import datetime
import os
import re
import subprocess
import sys
from pathlib import Path

from bench.machine import cpu
from harness import paths

REPORT = paths.ROOT / "docs" / "benchmarks" / "micro.md"

# Nanoseconds, natively, with the whole table loaded.
BARS = {"catalogs/classify_a_target": 150, "decide/cached_read": 500, "decide/cached_write": 500}

_ROW = re.compile(r"^(?P<indent>(?:[│ ]  )*)[├╰]─ (?P<name>\S.*?) {2,}(?P<figures>\S.*)$")
_NANOSECONDS = {"ns": 1.0, "µs": 1e3, "ms": 1e6, "s": 1e9}

HEAD = """# Micro-benchmarks

    scripts/bench-micro

writes this page: what the parts of a decision cost by themselves, natively and as WebAssembly in Node's V8 with its
optimizing compiler only. Times are divan's, of 100 samples each: the fastest, which other load on the machine disturbs
least, and the median. `benches/micro` says what each does. The targets, for native code: classify a target in at most
150 ns, decide with a cached principal in at most 500 ns. Natively SHA-256 has instructions of its own; in WebAssembly a
key's digest takes as long as all of its classification.

A decision here is all that the engine does: from the request's headers to what goes upstream and what is counted,
classification included, with ten headers of MLflow's client and a key with three scopes. It allocates nothing
(`tests/allocations.rs`).
"""

_TITLES = {
    "catalogs/classify_a_target": "Classify a target: canonical path, mount, operation",
    "catalogs/loaded_table_trie": "The table alone: this build's trie",
    "catalogs/loaded_table_linear_scan": "The table alone: a linear scan over its templates",
    "catalogs/loaded_table_regex_set": "The table alone: one regex set",
    "catalogs/made_up_table_trie": "Tables of other sizes: trie",
    "catalogs/made_up_table_linear_scan": "Tables of other sizes: linear scan",
    "catalogs/made_up_table_regex_set": "Tables of other sizes: regex set",
    "decide": "Decide with a cached principal",
    "parts": "Steps",
    "waiting/event_while_waiting": "A cached decision and the tick period, while so many streams wait",
    "waiting/event_while_waiting_in_shadow": "The same where nothing is refused",
}


def nanoseconds(figure: str) -> float:
    number, unit = figure.split()
    return float(number) * _NANOSECONDS[unit]


def rows(text: str) -> list[tuple[str, str, str]]:
    """Path in divan's tree, fastest, median."""
    found, path = [], []
    for line in text.splitlines():
        if not (match := _ROW.match(line)):
            # A group's line has no figures, only rules.
            bare = re.match(r"^(?P<indent>(?:[│ ]  )*)[├╰]─ (?P<name>\S+)", line)
            if bare:
                path = [*path[: len(bare["indent"]) // 3], bare["name"]]
            continue
        path = [*path[: len(match["indent"]) // 3], match["name"]]
        figures = [figure.strip() for figure in match["figures"].split("│")]
        if len(figures) > 2 and figures[0]:
            found.append(("/".join([*path[:-1]]) + "\t" + path[-1], figures[0], figures[2]))
    return found


def table(measured: list[tuple[str, str, str]], as_wasm: dict[str, tuple[str, str]]) -> list[str]:
    lines, group = [], None
    for path, *native in measured:
        above, name = path.split("\t")
        if above.startswith("parts/"):
            above, name = "parts", f"{above.removeprefix('parts/')}, {name}"
        if above != group:
            group = above
            lines += ["", f"| {_TITLES[group]} | native, fastest | median | in V8, fastest | median |"]
            lines.append("| --- | ---: | ---: | ---: | ---: |")
        lines.append(f"| `{name}` | {' | '.join([*native, *as_wasm.get(path, ('', ''))])} |")
    return lines


def missed(measured: list[tuple[str, str, str]]) -> list[str]:
    """Bars that even the fastest sample missed."""
    problems = []
    for path, fastest, _ in measured:
        whole = path.replace("\t", "/")
        for start, bar in BARS.items():
            if whole.startswith(start) and nanoseconds(fastest) > bar:
                problems.append(f"{whole}: {fastest}, the target is {bar} ns")
    return problems


def machine() -> str:
    rust = subprocess.run(["rustc", "--version"], capture_output=True, text=True, check=True).stdout.split()[1]
    now = datetime.datetime.now(datetime.UTC)
    extensions = "with" if " sha_ni " in Path("/proc/cpuinfo").read_text() else "without"
    return (
        f"{now:%Y-%m-%d %H:%M} UTC; {cpu()} {extensions} SHA instructions, "
        f"{os.cpu_count()} CPUs, Rust {rust}; load average {os.getloadavg()[0]:.1f} at the end."
    )


def counted(text: str) -> list[str]:
    """The two tables that the simulated host's tests print."""
    # The first row of each stands behind the test's name.
    found = [match[0] for line in text.splitlines() if (match := re.search(r"(^|(?<=\.\.\. ))\| .*", line))]
    calls = [line for line in found if line.count("|") == 4]
    instructions = [line for line in found if line.count("|") == 3]
    return [
        "",
        "The built module under the simulated host, from the request's headers to the end of its stream, without what the",
        "host itself does:",
        "",
        "| what | WebAssembly instructions |",
        "| --- | ---: |",
        *instructions,
        "",
        "| what | host calls | which |",
        "| --- | ---: | --- |",
        *calls,
    ]


def main(native: str, wasm: str, by_host: str) -> int:
    measured, in_v8 = rows(Path(native).read_text()), rows(Path(wasm).read_text())
    by_path = {path: (fastest, middle) for path, fastest, middle in in_v8}
    tables = counted(Path(by_host).read_text())
    if not measured or not in_v8 or len(tables) < 16:
        print("error: not all was measured; see the output above", file=sys.stderr)
        return 1
    parts = [HEAD, machine(), *table(measured, by_path), *tables]
    REPORT.write_text("\n".join(parts) + "\n")
    print(f"{REPORT.relative_to(paths.ROOT)} is written")
    problems = missed(measured)
    for problem in problems:
        print(f"missed: {problem}", file=sys.stderr)
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
