"""What MLflow keeps apart between workspaces: the newest server is asked again, older ones stand in fixtures/isolation."""

import json
import re
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from harness import paths
from harness.explain import explain
from isolation import fixtures, table
from isolation.attempts import ATTEMPTS, NOT_TRIED, SERVER_WIDE, SHARED, attempts_for
from isolation.contents import DEFAULT, HEADER, IT, ME
from isolation.measure import FROM, ISOLATED, VOID, leaks, measure
from isolation.world import WITH, WITHOUT, World

NEWEST = paths.versions()["MLFLOW_VERSION"]
MEASURED = table.Measured()


def test_the_newest_server_is_as_its_fixture_says(world: World) -> None:
    """What leaks, and one way of every operation: all of it takes minutes. To write it anew: scripts/isolation."""
    assert set(world.missing) == {"skills"}, world.missing  # They came with 3.18.
    known = MEASURED.rows[NEWEST]
    operations = set[str]()
    chosen = []
    for attempt in attempts_for(NEWEST, fixtures.operations_of(NEWEST)):
        if attempt.operation in ("InvokeIssueDetection", "ListBudgetWindows"):
            continue  # Their answers depend on what the server's process was asked before: see SERVER_WIDE.
        row = known[attempt.operation, attempt.way]
        leaks_here = any(row.get(place, ISOLATED) != ISOLATED for place in FROM)
        if leaks_here or (attempt.operation not in operations and VOID not in row):
            chosen.append(attempt)
            operations.add(attempt.operation)
    assert len(operations) > 220
    found = {table.way_of(row): row for row in (verdict.row() for verdict in measure(world, chosen))}
    differing = {way: (known[way], row) for way, row in found.items() if _said(known[way]) != _said(row)}
    assert not differing, differing


def test_the_fixture_has_every_way() -> None:
    ways = {(a.operation, a.way) for a in attempts_for(NEWEST, fixtures.operations_of(NEWEST))}
    assert MEASURED.rows[NEWEST].keys() == ways


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
    with_workspaces = [release for release in known if releases.order(release) >= releases.order(table.COVERED_FROM)]
    assert set(with_workspaces) <= set(MEASURED.releases)


def test_the_document_has_the_tables() -> None:
    """To write them anew: python -m isolation.table."""
    document = table.DOCUMENT.read_text()
    assert table.replaced(document, MEASURED) == document


def test_what_acts_on_the_whole_server_is_not_isolated() -> None:
    assert not [operation for operation in (*SERVER_WIDE, *NOT_TRIED) if MEASURED.isolated(operation)]
    assert {place for row in MEASURED.rows[NEWEST].values() for place in row} >= set(FROM)
    assert any(row.get(place) not in (None, ISOLATED) for row in MEASURED.rows[NEWEST].values() for place in FROM)


# The page's files and what answers for other servers: they have nothing of any workspace either.
ALSO_SHARED = {*SHARED, "ServeStaticFile", "Static", "PostUiTelemetry", "ListDeploymentsEndpoints", "ListWorkspaces"}


def test_a_limited_key_reaches_just_what_is_isolated(tmp_path: Path) -> None:
    """The catalog's word is the measured one: the widest rights, limited to one workspace, are enough for nothing else."""
    config = tmp_path / "config.json"
    config.write_text(json.dumps({"mounts": ["/"], "workspaces": {"enabled": True}, "auth_service": {"cluster": "a"}}))
    rows = [row for release in MEASURED.releases for row in fixtures.routes(release)]
    requests = list(dict.fromkeys((row["methods"][0], re.sub(r"\{\*?\w+\}", "x1", row["path"])) for row in rows))
    # Whatever the workspace is, older releases take this for a path below the root.
    requests = [(method, target.replace("/presigned/", "/presigned/workspaces/team/")) for method, target in requests]
    lines = [
        {
            "method": method,
            "target": target + ("?path=x1" if target.endswith("/artifacts") else ""),
            "scopes": ["team/mlflow:admin"],
            "headers": [[HEADER, "team"]],
        }
        for method, target in requests
    ]
    decisions = explain(lines, config)
    allowed: dict[str, set[bool]] = {}
    for decision in decisions:
        allowed.setdefault(decision["operation"], set()).add(decision["decision"] == "allow")
    reachable = {operation for operation in allowed if MEASURED.reachable(operation)}
    assert len(reachable) > 150
    assert {operation for operation in reachable if allowed[operation] != {True}} == set()
    assert {name for name, said in allowed.items() if True in said} - reachable - ALSO_SHARED == set()
