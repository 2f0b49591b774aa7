"""The report of scripts/soak: docs/benchmarks/soak.md, one section per measurement."""

import hashlib
import os
import platform
import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

from bench.machine import cpu
from harness import paths
from harness.progress import step

REPORT = paths.ROOT / "docs" / "benchmarks" / "soak.md"


_INTRODUCTION = """# Soak and fault measurements

    scripts/soak all        some twenty minutes; sets itself up (with wrk, from Debian)

Through a real Envoy on loopback, with `envoy/envoy.yaml` but for what a section says. Each section is one
run, with the machine's load at its beginning and its end; load generators, upstream and auth service share
the CPUs with Envoy, so times are those of a busy machine.
"""


def machine(module: Path) -> str:
    """Where and what, for the head of a section."""
    envoy = ".".join(map(str, paths.envoy_version()))
    return (
        f"{datetime.now(UTC):%Y-%m-%d %H:%M} UTC; {cpu()}, "
        f"{os.cpu_count()} CPUs, Linux {platform.release()}; Envoy {envoy}, "
        f"Python {platform.python_version()}; module {module_name(module)}"
    )


def module_name(module: Path) -> str:
    """Tells one build from another."""
    return f"sha256 {hashlib.sha256(module.read_bytes()).hexdigest()[:12]}"


def load_average() -> float:
    """Of the last minute."""
    return os.getloadavg()[0]


@dataclass
class Section:
    """One measurement. Made when it begins."""

    name: str
    title: str
    module: Path = field(default_factory=paths.wasm_module)
    paragraphs: list[str] = field(default_factory=list)
    load_at_begin: float = field(default_factory=load_average)

    def __post_init__(self) -> None:
        self.began = machine(self.module)

    def add(self, *lines: str) -> None:
        """A paragraph or a table."""
        self.paragraphs.append("\n".join(lines))

    def add_table(self, head: Sequence[str], rows: Sequence[Sequence[object]]) -> None:
        self.add(table(head, rows))

    def text(self) -> str:
        load = f"load average {self.load_at_begin:.1f} at the beginning, {load_average():.1f} at the end"
        return "\n\n".join([f"## {self.title}", f"{self.began}; {load}.", *self.paragraphs])


def table(head: Sequence[str], rows: Sequence[Sequence[object]]) -> str:
    """A Markdown table; all columns but the first hold numbers."""
    lines = ["| " + " | ".join(head) + " |", "| --- " + "| ---: " * (len(head) - 1) + "|"]
    lines += ["| " + " | ".join(str(cell) for cell in row) + " |" for row in rows]
    return "\n".join(lines)


def percentile(values: Sequence[float], share: float) -> float:
    """The value that this share of the values do not exceed."""
    return sorted(values)[min(len(values) - 1, int(len(values) * share))] if values else 0.0


def print_section(section: Section) -> None:
    print(section.text())


def replace_section(section: Section) -> None:
    """Puts the section into the report, in place of its last edition."""
    text = REPORT.read_text() if REPORT.exists() else _INTRODUCTION
    begin, end = f"<!-- {section.name} -->", f"<!-- end of {section.name} -->"
    block = f"{begin}\n{section.text()}\n{end}"
    old = re.compile(re.escape(begin) + ".*?" + re.escape(end), re.DOTALL)
    if old.search(text):
        text = old.sub(lambda _: block, text)
    else:
        text = f"{text.rstrip()}\n\n{block}\n"
    REPORT.write_text(text)
    step(f"wrote section {section.title!r} of {REPORT.relative_to(paths.ROOT)}")
