"""What MLflow keeps apart between workspaces: the newest server is asked again, older ones stand in fixtures/isolation."""

from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from harness import paths
from isolation import fixtures, table
from isolation.attempts import ATTEMPTS, NOT_TRIED, SERVER_WIDE
from isolation.contents import DEFAULT, IT, ME
from isolation.measure import FROM, ISOLATED, VOID, leaks, measure
from isolation.world import WITH, WITHOUT, World

NEWEST = paths.versions()["MLFLOW_VERSION"]
MEASURED = table.Measured()


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    with World(tmp_path_factory.mktemp("isolation")) as started:
        yield started


def test_the_newest_server_is_as_its_fixture_says(world: World) -> None:
    """To write it anew: scripts/isolation and the release."""
    assert not world.missing
    found = {table._way(row): row for row in (v.row() for v in measure(world, fixtures.operations_of(NEWEST)))}
    known = MEASURED.rows[NEWEST]
    assert found.keys() == known.keys()
    differing = {way: (known[way], row) for way, row in found.items() if _said(known[way]) != _said(row)}
    assert not differing, differing


def _said(row: dict[str, Any]) -> dict[str, Any]:
    return {**row, VOID: bool(row.get(VOID))}


def test_what_is_judged_isolated_would_be_seen_to_leak(world: World) -> None:
    """The same requests, sent in the workspace itself: every one is found to leak, so the judgement can fail."""
    world.put(WITHOUT)
    tried = [attempt for attempt in ATTEMPTS if attempt.shows == "sees" and not attempt.control][:40]
    without = [world.try_from(IT, attempt.steps) for attempt in tried]
    world.put(WITH)
    blind = [
        attempt.way
        for attempt, before in zip(tried, without, strict=True)
        if not leaks(world, before, world.try_from(IT, attempt.steps))
    ]
    assert not blind


def test_the_state_is_put_back(world: World) -> None:
    """What one request changes is gone before the next."""
    world.put(WITH)
    rows, files = world.store.rows(), world.store.files()
    deletes = [attempt for attempt in ATTEMPTS if attempt.operation in ("DeleteRun", "DeleteArtifact", "DeleteTraces")]
    for attempt in deletes:
        for workspace in (IT, ME, DEFAULT):
            world.try_from(workspace, attempt.steps)
    assert (world.store.rows(), world.store.files()) == (rows, files)


@pytest.mark.parametrize("release", MEASURED.releases)
def test_every_operation_of_a_release_is_covered(release: str) -> None:
    tried = {operation for operation, _ in MEASURED.rows[release]}
    assert not MEASURED.operations[release] - tried - NOT_TRIED.keys()


@pytest.mark.parametrize("release", MEASURED.releases)
def test_every_operation_has_a_way_that_proves_something(release: str) -> None:
    """The owner's own request was found to do what it says; where it was not, the others' refusals prove nothing."""
    proved = Counter(operation for (operation, _), row in MEASURED.rows[release].items() if VOID not in row)
    for operation in MEASURED.operations[release] - NOT_TRIED.keys():
        assert proved[operation] or not MEASURED.isolated(operation), operation


def test_the_releases_are_those_of_the_routes() -> None:
    from harness import releases

    known = releases.read(releases.FILE.read_text())
    with_workspaces = [release for release in known if releases.order(release) >= (3, 10)]
    assert set(with_workspaces) <= set(MEASURED.releases)


def test_the_document_has_the_tables() -> None:
    """To write them anew: python -m isolation.table."""
    document = table.DOCUMENT.read_text()
    assert table.replaced(document, MEASURED) == document


def test_what_acts_on_the_whole_server_is_not_isolated() -> None:
    assert not [operation for operation in (*SERVER_WIDE, *NOT_TRIED) if MEASURED.isolated(operation)]
    assert {place for row in MEASURED.rows[NEWEST].values() for place in row} >= set(FROM)
    assert any(row.get(place) not in (None, ISOLATED) for row in MEASURED.rows[NEWEST].values() for place in FROM)
