"""What MLflow's auth plugin keeps for MANAGE is never less in the catalog."""

import json
import re
import subprocess
from pathlib import Path

import pytest
from test_catalog import LIVE, ROUTES, executable, routes, template

# What `dump_managers.py` says of LIVE; `test_the_fixture_is_what_the_plugin_says` compares.
FIXTURE = ROUTES / "managers.jsonl"

ENOUGH = {"admin", "delete"}
"""MANAGE is what MLflow asks for to delete, and scopes that delete are given to those who may."""

MEMBERS_READ = {"validate_can_view_review_queue", "validate_can_view_review_queue_by_name"}
"""MANAGE is one way to see a queue; to be one of its members is another."""


def key(method: str, path: str) -> tuple[str, str]:
    return method, re.sub(r"<[^>]+>|\(\[\^/\]\+\)|\(\.[+*]\??\)", "{}", path.strip("^$"))


def weaker(managers: list[dict], rows: list[dict]) -> list[str]:
    """Entries of the catalog that ask for less than MANAGE, where the plugin asks for it."""
    known = {(method, template(row["path"])): row for row in rows for method in row["methods"]}
    found = []
    for each in managers:
        row = known.get(key(each["method"], each["path"]))
        # An endpoint without an entry is `*:admin`, or not of a plain server: test_catalog.py compares.
        if row is None or row["access"] in ENOUGH:
            continue
        if row["access"] == "read" and each["validator"] in MEMBERS_READ:
            continue
        found.append(f"{each['method']} {each['path']}: {row['permission']}, {each['validator']}")
    return found


@pytest.fixture(scope="module")
def managers() -> list[dict]:
    return [json.loads(line) for line in FIXTURE.read_text().splitlines()]


@pytest.fixture(scope="module")
def rows() -> list[dict]:
    return routes()


def test_no_entry_is_weaker_than_manage(managers: list[dict], rows: list[dict]) -> None:
    assert weaker(managers, rows) == []
    known = {(method, template(row["path"])) for row in rows for method in row["methods"]}
    assert sum(key(each["method"], each["path"]) in known for each in managers) >= 30


@pytest.mark.parametrize("operation", ["CreateLabelSchema", "UpdateLabelSchema", "UpdateReviewQueue", "CreateRole"])
def test_an_entry_that_is_weaker_is_found(managers: list[dict], rows: list[dict], operation: str) -> None:
    changed = [{**row, "access": "write"} if row["operation"] == operation else row for row in rows]
    assert weaker(managers, changed)


def test_the_fixture_is_what_the_plugin_says(managers: list[dict]) -> None:
    python = executable("MLFLOW_PYTHON", f".tools/mlflow-{LIVE}/bin/python")
    script = Path(ROUTES / "dump_managers.py")
    dump = subprocess.run([python, script], capture_output=True, text=True, timeout=300, check=True)
    assert [json.loads(line) for line in dump.stdout.splitlines()] == managers
