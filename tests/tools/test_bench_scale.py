"""scripts/bench-scale in small: every setting is measured, and the report has them all. No figure is judged."""

import resource
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from bench import h2load, scale, scale_report
from bench.comparison.cases import UNKNOWN_KEY, read
from bench.scale import Measured, Scale, Setting
from harness import keys, ports

CAPACITY = 20
SMALL = {
    "workers": [Setting("1", keys=10), Setting("2", workers=2, connections=32, keys=10)],
    "keys": [Setting("1", keys=1, capacity=CAPACITY), Setting("very many", keys=50_000, capacity=CAPACITY, own=False)],
    "connections": [Setting("1", connections=1), Setting("50", connections=50, own=False)],
    "http2": [Setting("HTTP/1.1", own=False), Setting("HTTP/2", streams=100, own=False)],
}
REQUESTS = 300


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Scale]:
    """Two Envoys for the last two kinds."""
    settings = SMALL["connections"] + SMALL["http2"]
    with Scale(settings, tmp_path_factory.mktemp("running"), REQUESTS, 5) as started:
        yield started


@pytest.fixture(scope="module")
def measured(running: Scale, tmp_path_factory: pytest.TempPathFactory) -> dict[str, list[Measured]]:
    """One round of all."""
    folder = tmp_path_factory.mktemp("scale")
    found = {
        kind: scale.measure(kind, SMALL[kind], folder / kind, 1, REQUESTS, fill_seconds=5)
        for kind in ("workers", "keys")
    }
    for each in running.measured:
        running.warm_up(each)
    running.round(0)
    running.end()
    return {**found, "connections": running.measured[:2], "http2": running.measured[2:]}


def test_every_setting_is_measured(measured: dict[str, list[Measured]]) -> None:
    for kind, settings in SMALL.items():
        assert [each.setting for each in measured[kind]] == settings
        for each in measured[kind]:
            assert len(each.added_us) == len(each.callouts) == 1
            assert each.without_us[0] > 0 and each.rss_mib > each.twin_rss_mib > 0


def test_only_keys_that_are_not_cached_are_looked_up(measured: dict[str, list[Measured]]) -> None:
    for kind, settings in measured.items():
        for each in settings:
            if each.setting.title == "very many":
                assert each.callouts[0] > 0.5
            else:
                assert each.callouts == [0], (kind, each.setting.title)
                # A key that many begin with at once, and in several workers, is looked up once.
                assert each.cold_callouts == each.cached == (each.setting.keys or 1), (kind, each.setting.title)


def test_the_report_has_a_line_for_each(measured: dict[str, list[Measured]]) -> None:
    report = scale_report.text(measured, 1, REQUESTS)
    tables = [block.splitlines() for block in report.split("\n\n") if block.startswith("|")]
    titles = [[line.split(" | ")[0].removeprefix("| ") for line in lines[2:]] for lines in tables]
    assert titles == [[setting.title for setting in settings] for settings in SMALL.values()]
    for stated in ("Envoy 1.", "CPUs", "UTC", f"1 rounds of {REQUESTS} requests"):
        assert stated in report


def test_a_cache_that_was_not_filled_in_time_is_named(measured: dict[str, list[Measured]]) -> None:
    many = measured["keys"][1]
    partly = Measured(many.setting, many.first, many.filtered, many.twin, cached=7)
    assert scale_report.title(many) == "very many"
    assert scale_report.title(partly) == "very many, 7 filled in"


def test_any_other_answer_ends_the_run(running: Scale, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(scale, "read", lambda _: read(UNKNOWN_KEY))
    by_h2load = running.measured[0]
    by_wrk = Measured(Setting("by wrk", keys=1), 0, by_h2load.filtered, by_h2load.twin)
    with pytest.raises(RuntimeError, match=r"by wrk: \d+ refused"):
        running.send(by_wrk, by_wrk.filtered)
    with pytest.raises(RuntimeError, match=f"h2load did not get {REQUESTS} answers with a 2xx"):
        running.send(by_h2load, by_h2load.filtered)


def test_a_connection_that_is_refused_ends_the_run() -> None:
    nobody = f"http://{ports.HOST}:{ports.free_port()}"
    with pytest.raises(RuntimeError, match="h2load did not get 20 answers with a 2xx"):
        h2load.send(read(keys.READ), nobody, 20, 4)


def test_too_low_a_limit_of_open_files_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(resource, "getrlimit", lambda _: (1024, 4096))
    with pytest.raises(RuntimeError, match="10,000 connections need 12,000 open files, and the hard limit is 4,096"):
        scale.allow_open_files(10_000)


def test_only_a_whole_run_writes_a_file(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    report = tmp_path / "scale.md"
    monkeypatch.setattr(scale, "REPORT", report)
    monkeypatch.setattr(scale, "allow_open_files", lambda _: None)
    monkeypatch.setattr(scale, "measure", lambda kind, *_: kind)
    monkeypatch.setattr(scale_report, "text", lambda measured, *_: f"report of {', '.join(measured)}")
    for arguments, printed in (
        (["--print"], "workers, keys, connections, http2"),
        (["--only", "keys,http2"], "keys, http2"),
    ):
        monkeypatch.setattr(sys, "argv", ["bench/scale.py", *arguments])
        assert scale.main() == 0
        assert capsys.readouterr().out == f"report of {printed}\n"
        assert not report.exists()
    monkeypatch.setattr(sys, "argv", ["bench/scale.py"])
    assert scale.main() == 0
    assert report.read_text() == "report of workers, keys, connections, http2\n"
