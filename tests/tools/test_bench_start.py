"""scripts/bench-start in small: every Envoy answers as it should, and the report has them all. No figure is judged."""

import sys
from pathlib import Path

import pytest

from bench import start, start_report
from bench.comparison.report import title_of
from bench.start import Case, Start


@pytest.fixture(scope="module")
def measured(tmp_path_factory: pytest.TempPathFactory) -> list[Case]:
    """One round of all."""
    return start.run(1, tmp_path_factory.mktemp("start"))


def test_every_envoy_is_measured(measured: list[Case]) -> None:
    cases = {(case.subject, case.workers) for case in measured}
    assert cases == {(subject, workers) for subject in start.SUBJECTS for workers in (1, 4, 16)}
    for case in measured:
        (only,) = case.starts
        assert only.answered_ms > 0 and only.cpu_ms > 0
        assert only.rss_mib > only.anonymous_mib > 0


def test_each_worker_has_a_vm_and_envoy_two_more(measured: list[Case]) -> None:
    for case in measured:
        expected = case.workers + 2 if case.subject in ("empty", "authz") else 0
        assert case.starts[0].vms == expected, (case.subject, case.workers)


def test_the_report_has_a_row_for_each(measured: list[Case]) -> None:
    report = start_report.text(measured)
    tables = [block.splitlines() for block in report.split("\n\n") if block.startswith("|")]
    subjects = [title_of(subject) for subject in start.SUBJECTS]
    assert len(tables) == 4
    for table in tables:
        assert [line.split(" | ")[0].removeprefix("| ") for line in table[2:]] == subjects
    for stated in ("Envoy 1.", "CPUs", "UTC"):
        assert stated in report


def test_memory_of_a_worker_is_that_of_all_workers_more() -> None:
    def case(subject: str, workers: int, *anonymous: float) -> Case:
        return Case(subject, workers, [Start(1, 1, 100, mib, 1) for mib in anonymous])

    cases = [case("authz", 1, 60, 61), case("authz", 4, 0, 0), case("authz", 16, 90, 76)]
    assert start_report.per_worker(cases, "authz") == [2, 1]


def test_another_answer_ends_the_run(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setitem(start.ANSWERS, "none", 401)
    with pytest.raises(RuntimeError, match="none answers 200, not 401"):
        start.run(1, tmp_path)


def test_only_a_real_run_writes_a_file(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    report = tmp_path / "start.md"
    monkeypatch.setattr(start, "REPORT", report)
    monkeypatch.setattr(start, "run", lambda rounds, folder: rounds)
    monkeypatch.setattr(start_report, "text", lambda cases: f"report of {cases}")
    monkeypatch.setattr(sys, "argv", ["bench/start.py", "--print"])
    assert start.main() == 0
    assert capsys.readouterr().out == "report of 20\n"
    assert not report.exists()
    monkeypatch.setattr(sys, "argv", ["bench/start.py", "--rounds", "3"])
    assert start.main() == 0
    assert report.read_text() == "report of 3\n"
