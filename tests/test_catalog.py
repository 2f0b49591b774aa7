"""The catalog against a real MLflow server: every route has an entry, and every entry a route.

`MLFLOW_PYTHON` names the Python of the MLflow installation, `MLFLOW_AUTHZ_CLI` the command line.
"""

import json
import os
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
ROUTES = ROOT / "tests" / "fixtures" / "routes"
RELEASE = "3.17.2"

# Endpoints that a server started without further options, or without an optional package, has not got.
# `/metrics` comes with `--expose-prometheus` and the package prometheus-flask-exporter.
ONLY_WITH_OPTIONS = {("GET", "/metrics")}

# Flask answers these by itself; the catalog may or may not spell them out.
AUTOMATIC_METHODS = {"HEAD", "OPTIONS"}


def endpoints(rows):
    """The (method, path) pairs of a dump of routes or of the catalog."""
    return {
        (method, row["path"])
        for row in rows
        for method in row["methods"]
        if method not in AUTOMATIC_METHODS
    }


def differences(server_rows, catalog_rows, optional=frozenset(ONLY_WITH_OPTIONS)):
    """What the server serves without an entry, and what has an entry without being served, in words."""
    served, listed = endpoints(server_rows), endpoints(catalog_rows)
    return sorted(
        [f"no entry for {method} {path}" for method, path in served - listed]
        + [f"no route for {method} {path}" for method, path in listed - served - optional]
    )


def parse_lines(text):
    return [json.loads(line) for line in text.splitlines() if line]


def executable(variable, default):
    """A path from the environment, or else below the repository."""
    given = os.environ.get(variable)
    path = Path(given) if given else ROOT / default
    if not path.exists():
        pytest.fail(f"{path} is missing: run scripts/build or scripts/test, or set {variable}")
    return path


@pytest.fixture(scope="module")
def fixture_rows():
    return parse_lines((ROUTES / f"{RELEASE}.jsonl").read_text())


@pytest.fixture(scope="module")
def catalog_rows():
    cli = executable("MLFLOW_AUTHZ_CLI", "dist/mlflow-authz")
    answer = subprocess.run(
        [cli, "routes", "--format", "json"], check=True, capture_output=True, text=True
    )
    return json.loads(answer.stdout)


def test_the_fixture_is_what_the_real_server_serves(fixture_rows):
    python = executable("MLFLOW_PYTHON", f".tools/mlflow-{RELEASE}/bin/python")
    dump = subprocess.run(
        [python, ROUTES / "dump_routes.py"], capture_output=True, text=True, timeout=300
    )
    assert dump.returncode == 0, dump.stderr
    assert parse_lines(dump.stdout) == fixture_rows


def test_the_fixture_covers_the_whole_server(fixture_rows):
    # A dump that lost one of the server's apps would agree with a catalog that lost it as well.
    count = {
        part: sum(1 for row in fixture_rows if (row["app"], row["auth_plugin"]) == part)
        for part in [("fastapi", False), ("flask", False), ("flask", True)]
    }
    assert count == {("fastapi", False): 81, ("flask", False): 410, ("flask", True): 52}


def test_every_route_has_an_entry_and_every_entry_a_route(fixture_rows, catalog_rows):
    found = differences(fixture_rows, catalog_rows)
    assert not found, "\n".join(found)


def test_entries_say_what_the_filter_decides_with(catalog_rows):
    for row in catalog_rows:
        assert row["permission"] == f"{row['object']}:{row['access']}", row
        assert row["source"].startswith("server/"), row
        assert row["public"] in (None, "health", "ui"), row


def test_no_endpoint_has_two_entries(catalog_rows):
    seen = {}
    for row in catalog_rows:
        for method in row["methods"]:
            key = (method, row["path"])
            assert key not in seen, f"{method} {row['path']}: {seen.get(key)}, {row['operation']}"
            seen[key] = row["operation"]


def test_a_missing_entry_is_reported(fixture_rows):
    lost = fixture_rows[0]
    rest = [row for row in fixture_rows if row["path"] != lost["path"]]
    assert differences(fixture_rows, rest) == [
        f"no entry for {method} {lost['path']}" for method in lost["methods"]
    ]


def test_a_missing_method_is_reported(fixture_rows):
    fewer = [
        dict(row, methods=["GET"]) if row["path"] == "/graphql" else row for row in fixture_rows
    ]
    assert differences(fixture_rows, fewer) == ["no entry for POST /graphql"]


def test_a_missing_route_is_reported(fixture_rows):
    rest = [row for row in fixture_rows if row["path"] != "/version"]
    assert differences(rest, fixture_rows) == ["no route for GET /version"]


def test_an_optional_endpoint_is_not_reported(fixture_rows):
    metrics = {"path": "/metrics", "methods": ["GET"]}
    assert differences(fixture_rows, [*fixture_rows, metrics]) == []
    assert differences(fixture_rows, [*fixture_rows, metrics], optional=frozenset()) == [
        "no route for GET /metrics"
    ]
