"""scripts/bench-identities in small: every source is known to its Envoy, and the report has them all. No figure is judged."""

from pathlib import Path

from bench import identities


def test_every_source_is_measured_and_reported(tmp_path: Path) -> None:
    sources = identities.sources(tmp_path)
    identities.measure(sources, tmp_path, rounds=1, count=5)
    assert [len(source.added_us) for source in sources] == [1] * len(sources)
    lines = identities.report(sources, rounds=1, count=5).splitlines()
    rows = [line.split(" | ")[0].removeprefix("| ") for line in lines if line.startswith("| ")]
    assert rows[2:] == [source.title for source in sources]
