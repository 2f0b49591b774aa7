"""scripts/bench-instructions counts what Envoy's worker runs."""

import re
from pathlib import Path

import pytest

from bench import instructions

PROFILE = """\
version: 1
events: Ir

ob=(1) /opt/envoy
fl=(1) ???
fn=(1) 0x10
0 100
cob=(2) /lib/libc.so.6
cfi=(1)
cfn=(2) memcpy
calls=3 0
0 7000
+1 20

ob=(2)
fn=(2)
0 7

ob=(3) ???
fn=(3) ???
* 40
-2 2
"""


def test_a_call_counts_where_its_instructions_run() -> None:
    """Not with the caller, who is told what they were too."""
    counted = instructions.instructions(PROFILE.splitlines())
    assert counted == {"/opt/envoy": 120, "/lib/libc.so.6": 7, "???": 42}


def test_the_worker_is_counted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(instructions, "WARM_UP", 20)
    counts = instructions.measure(tmp_path, ["none"], 60)
    read, write = counts["none", "read"], counts["none", "write"]
    # A write has a body.
    assert read.total < write.total < 1.5 * read.total
    assert 0 < read.generated < read.program


def test_the_report_has_what_was_measured() -> None:
    count = instructions.Count
    page = instructions.report(
        {("none", "read"): count(1000, 10), ("authz", "read"): count(1500, 510), ("authz", "denied"): count(7, 0)}, 5
    )
    assert re.search(r"\| this filter \| 2,010 \| 510 \| 1,000 \|", page)
    assert re.search(r"\| no filter \| 1,010 \| 10 \|  \|", page)
    assert re.search(r"\| this filter \| 7 \| 0 \|  \|", page)
