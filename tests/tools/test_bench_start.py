"""scripts/bench-start in small: every Envoy answers as it should, and the report has them all. No figure is judged."""

import sys
from pathlib import Path

import pytest
from harness import paths

sys.path.insert(0, str(paths.ROOT / "scripts"))
import bench_start  # noqa: E402
import bench_start_report  # noqa: E402
from bench_report import title_of  # noqa: E402
from bench_start import Case, Start  # noqa: E402

pytestmark = pytest.mark.alone


@pytest.fixture(scope="module")
def measured(tmp_path_factory: pytest.TempPathFactory) -> list[Case]:
    """One round of all."""
    return bench_start.run(1, tmp_path_factory.mktemp("start"))


def test_every_envoy_is_measured(measured: list[Case]) -> None:
    cases = {(case.subject, case.workers) for case in measured}
    assert cases == {(subject, workers) for subject in bench_start.SUBJECTS for workers in (1, 4, 16)}
    for case in measured:
        (start,) = case.starts
        assert start.answered_ms > 0 and start.cpu_ms > 0
        assert start.rss_mib > start.anonymous_mib > 0


def test_each_worker_has_a_vm_and_envoy_two_more(measured: list[Case]) -> None:
    for case in measured:
        expected = case.workers + 2 if case.subject in ("empty", "authz") else 0
        assert case.starts[0].vms == expected, (case.subject, case.workers)


def test_the_report_has_a_row_for_each(measured: list[Case]) -> None:
    report = bench_start_report.text(measured)
    tables = [block.splitlines() for block in report.split("\n\n") if block.startswith("|")]
    subjects = [title_of(subject) for subject in bench_start.SUBJECTS]
    assert len(tables) == 4
    for table in tables:
        assert [line.split(" | ")[0].removeprefix("| ") for line in table[2:]] == subjects
    for stated in ("Envoy 1.", "CPUs", "UTC"):
        assert stated in report


def test_memory_of_a_worker_is_that_of_all_workers_more() -> None:
    def case(subject: str, workers: int, *anonymous: float) -> Case:
        return Case(subject, workers, [Start(1, 1, 100, mib, 1) for mib in anonymous])

    cases = [case("authz", 1, 60, 61), case("authz", 4, 0, 0), case("authz", 16, 90, 76)]
    assert bench_start_report.per_worker(cases, "authz") == [2, 1]


def test_another_answer_ends_the_run(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setitem(bench_start.ANSWERS, "none", 401)
    with pytest.raises(RuntimeError, match="none answers 200, not 401"):
        bench_start.run(1, tmp_path)


def test_only_a_real_run_writes_a_file(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    report = tmp_path / "start.md"
    monkeypatch.setattr(bench_start, "REPORT", report)
    monkeypatch.setattr(bench_start, "run", lambda rounds, folder: rounds)
    monkeypatch.setattr(bench_start_report, "text", lambda cases: f"report of {cases}")
    monkeypatch.setattr(sys, "argv", ["bench_start.py", "--print"])
    assert bench_start.main() == 0
    assert capsys.readouterr().out == "report of 20\n"
    assert not report.exists()
    monkeypatch.setattr(sys, "argv", ["bench_start.py", "--rounds", "3"])
    assert bench_start.main() == 0
    assert report.read_text() == "report of 3\n"
