"""The catalog against real MLflow servers: every route has an entry, and every entry a route.

The routes of every release covered are in fixtures/routes/releases.jsonl, which `scripts/dump-routes`
writes; one release is asked again here. `MLFLOW_PYTHON` names the Python of its installation,
`MLFLOW_AUTHZ_CLI` the command line.
"""

import copy
import json
import os
import re
import subprocess
from pathlib import Path

import pytest

from harness import paths, releases

ROUTES = paths.ROOT / "tests" / "fixtures" / "routes"
# The release that is asked again: that under test, or the one that MLFLOW_PYTHON has (scripts/test-mlflows).
LIVE = os.environ.get("MLFLOW_RELEASE") or paths.versions()["MLFLOW_VERSION"]

# Endpoints that a server started without further options, or without an optional package, has not got.
# `/metrics` comes with `--expose-prometheus` and the package prometheus-flask-exporter.
ONLY_WITH_OPTIONS = {("GET", "/metrics")}

# Flask answers these by itself; the catalog may or may not spell them out.
AUTOMATIC_METHODS = {"HEAD", "OPTIONS"}

# Lines of the fixture by app: FastAPI, Flask, and what the auth plugin adds. A dump that lost one of the
# server's apps would agree with a catalog that lost it as well.
SIZES = {
    "1.30.1": (0, 184, 0),
    "2.0.1": (0, 98, 0),
    "2.1.1": (0, 99, 0),
    "2.2.2": (0, 100, 0),
    "2.3.2": (0, 106, 14),
    "2.4.2": (0, 108, 14),
    "2.5.0": (0, 109, 14),
    "2.6.0": (0, 109, 14),
    "2.7.1": (0, 112, 14),
    "2.8.1": (0, 112, 14),
    "2.9.2": (0, 118, 14),
    "2.10.2": (0, 118, 14),
    "2.11.5": (0, 122, 14),
    "2.12.2": (0, 122, 14),
    "2.13.2": (0, 136, 14),
    "2.14.3": (0, 137, 14),
    "2.15.1": (0, 139, 14),
    "2.16.2": (0, 139, 14),
    "2.17.2": (0, 139, 14),
    "2.18.0": (0, 139, 14),
    "2.19.0": (0, 139, 14),
    "2.20.4": (0, 147, 15),
    "2.21.3": (0, 147, 15),
    "2.22.5": (0, 147, 15),
    "3.0.1": (0, 176, 15),
    "3.1.4": (0, 178, 15),
    "3.2.0": (0, 180, 15),
    "3.3.2": (0, 200, 15),
    "3.4.0": (1, 232, 15),
    "3.5.1": (4, 232, 15),
    "3.6.0": (4, 234, 15),
    "3.7.0": (4, 242, 19),
    "3.8.1": (4, 292, 19),
    "3.9.0": (20, 301, 31),
    "3.10.1": (20, 328, 37),
    "3.11.1": (20, 355, 37),
    "3.12.0": (20, 373, 63),
    "3.13.0": (22, 373, 52),
    "3.14.0": (23, 408, 52),
    "3.15.2": (75, 410, 52),
    "3.16.1": (76, 410, 52),
    "3.17.2": (81, 410, 52),
    "3.18.0": (147, 411, 52),
}


def template(path):
    """The path without the names of its parameters, which change between releases.

    Up to 3.1 some routes hold `{assessment.trace_id}` by the letter: MLflow forgot to make it a parameter.
    The catalog's parameter stands for that too.
    """
    return re.sub(r"\{(\*?)[\w.]+\}", r"{\1}", path)


def endpoints(rows):
    """The (method, path) pairs of a dump of routes or of the catalog."""
    return {
        (method, template(row["path"])) for row in rows for method in row["methods"] if method not in AUTOMATIC_METHODS
    }


def compared(server_rows, catalog_rows, optional=frozenset(ONLY_WITH_OPTIONS)):
    """The endpoints that are known, those served without an entry, and entries that nothing serves."""
    served, listed = endpoints(server_rows), endpoints(catalog_rows)
    return served & listed, served - listed, listed - served - optional


def differences(server_rows, catalog_rows, **options):
    """What the server serves without an entry, and what has an entry without being served, in words."""
    _, unknown, unserved = compared(server_rows, catalog_rows, **options)
    return sorted(
        [f"no entry for {method} {path}" for method, path in unknown]
        + [f"no route for {method} {path}" for method, path in unserved]
    )


def parse_lines(text):
    return [json.loads(line) for line in text.splitlines() if line]


def executable(variable, default):
    """A path from the environment, or else below the repository."""
    given = os.environ.get(variable)
    path = Path(given) if given else paths.ROOT / default
    if not path.exists():
        pytest.fail(f"{path} is missing: run scripts/build or scripts/test, or set {variable}")
    return path


def routes(*arguments):
    """What `mlflow-authz routes` lists."""
    cli = executable("MLFLOW_AUTHZ_CLI", "dist/mlflow-authz")
    answer = subprocess.run([cli, "routes", "--format", "json", *arguments], check=True, capture_output=True, text=True)
    return json.loads(answer.stdout)


@pytest.fixture(scope="module")
def served():
    """{release: its routes}."""
    return releases.read(releases.FILE.read_text())


@pytest.fixture(scope="module")
def listed(served):
    """{release: its entries}."""
    return {release: routes("--mlflow", release) for release in served}


@pytest.fixture(scope="module")
def fixture_rows(served):
    return served[LIVE]


@pytest.fixture(scope="module")
def catalog_rows():
    return routes()


def test_the_fixture_is_what_the_real_server_serves(fixture_rows):
    python = executable("MLFLOW_PYTHON", f".tools/mlflow-{LIVE}/bin/python")
    dump = subprocess.run([python, ROUTES / "dump_routes.py"], capture_output=True, text=True, timeout=300)
    assert dump.returncode == 0, dump.stderr
    assert sorted(parse_lines(dump.stdout), key=str) == sorted(fixture_rows, key=str)


def test_the_fixtures_cover_the_whole_server(served):
    parts = [("fastapi", False), ("flask", False), ("flask", True)]
    sizes = {
        release: tuple(sum(1 for row in rows if (row["app"], row["auth_plugin"]) == part) for part in parts)
        for release, rows in served.items()
    }
    assert sizes == SIZES


def test_every_route_has_an_entry_and_every_entry_a_route(served, listed, capsys):
    lines, wrong = [], []
    for release, rows in served.items():
        known, unknown, unserved = compared(rows, listed[release])
        lines.append(f"{release:>8} {len(known):12} {len(unknown):14} {len(unserved):23}")
        wrong += [f"{release}: {text}" for text in differences(rows, listed[release])]
    with capsys.disabled():
        print("\n  MLflow  routes known routes unknown entries without a route", *lines, sep="\n")
    assert not wrong, "\n".join(wrong)


def test_the_whole_catalog_is_what_its_releases_are(listed, catalog_rows):
    together = set().union(*(endpoints(rows) for rows in listed.values()))
    assert endpoints(catalog_rows) == together


def test_every_minor_release_is_compared(listed):
    """From 2.0 to the newest without a gap: 2.22 is the last 2.x, and 1.30 the last before."""
    minors = [releases.order(release)[:2] for release in listed]
    newest = minors[-1][1]
    assert minors == [(1, 30), *((2, minor) for minor in range(23)), *((3, minor) for minor in range(newest + 1))]


def test_the_preview_of_an_endpoint_needs_what_the_endpoint_needs(catalog_rows):
    """The client of 1.30 sends its calls of the registry to /api/2.0/preview/…"""
    needs = {
        (method, row["path"]): (row["operation"], row["permission"])
        for row in catalog_rows
        for method in row["methods"]
    }
    previews = {key: need for key, need in needs.items() if "/preview/" in key[1]}
    assert len(previews) == 82
    for (method, path), need in previews.items():
        plain = path.replace("/preview/", "/")
        # The search of runs by GET is in preview alone.
        assert needs.get((method, plain)) == need or (method, plain.split("/mlflow/")[1]) == ("GET", "runs/search")


def test_since_and_until_are_when_a_route_comes_and_goes(served, catalog_rows):
    def minor(release):
        return release and releases.order(release)[:2]

    known = {release: endpoints(rows) for release, rows in served.items()}
    for row in catalog_rows:
        own = endpoints([row])
        if own <= ONLY_WITH_OPTIONS:
            continue
        since, until = minor(row["since"]), minor(row["until"])
        chosen = [
            release
            for release in served
            if (not since or since <= minor(release)) and (not until or minor(release) < until)
        ]
        assert chosen == [release for release, found in known.items() if own <= found], row


@pytest.mark.parametrize(
    ("release", "why"),
    [
        ("1.29.0", "the catalog covers 2.0 to 3.18, and 1.30"),
        ("2.23.0", "the catalog covers 2.0 to 3.18, and 1.30"),
        ("3.99.0", "the catalog covers 2.0 to 3.18, and 1.30"),
        ("latest", "a release is like 3.4.0 or 3.4"),
        ("3.4.0rc1", "a release is like 3.4.0 or 3.4"),
    ],
)
def test_a_release_that_is_not_covered_is_refused(release, why):
    cli = executable("MLFLOW_AUTHZ_CLI", "dist/mlflow-authz")
    answer = subprocess.run([cli, "routes", "--mlflow", release], capture_output=True, text=True)
    assert (answer.returncode, answer.stdout) == (2, "")
    assert why in answer.stderr


def test_a_patch_release_is_its_minor(listed):
    assert routes("--mlflow", "3.5.0") == routes("--mlflow", "3.5") == listed["3.5.1"]


def test_entries_say_what_the_filter_decides_with(catalog_rows):
    for row in catalog_rows:
        assert row["permission"] == f"{row['object']}:{row['access']}", row
        assert row["source"].startswith("server/"), row
        assert row["public"] in (None, "health", "ui"), row


def test_no_endpoint_has_two_entries(catalog_rows):
    seen = {}
    for row in catalog_rows:
        for method in row["methods"]:
            key = (method, template(row["path"]))
            assert key not in seen, f"{method} {row['path']}: {seen.get(key)}, {row['operation']}"
            seen[key] = row["operation"]


def test_a_missing_entry_is_reported(fixture_rows):
    lost = fixture_rows[0]
    rest = [row for row in fixture_rows if row["path"] != lost["path"]]
    assert differences(fixture_rows, rest) == [
        f"no entry for {method} {template(lost['path'])}" for method in lost["methods"]
    ]


def test_a_missing_method_is_reported(fixture_rows):
    fewer = [dict(row, methods=["GET"]) if row["path"] == "/graphql" else row for row in fixture_rows]
    assert differences(fixture_rows, fewer) == ["no entry for POST /graphql"]


def test_a_missing_route_is_reported(fixture_rows):
    rest = [row for row in fixture_rows if row["path"] != "/version"]
    assert differences(rest, fixture_rows) == ["no route for GET /version"]


def test_an_optional_endpoint_is_not_reported(fixture_rows):
    metrics = {"path": "/metrics", "methods": ["GET"]}
    assert differences(fixture_rows, [*fixture_rows, metrics]) == []
    assert differences(fixture_rows, [*fixture_rows, metrics], optional=frozenset()) == ["no route for GET /metrics"]


def test_an_entry_that_came_later_is_reported(served, listed):
    """The comparison of a release fails when an entry names the wrong releases."""
    rows = copy.deepcopy(listed["3.3.2"])
    rows += [row for row in listed["3.4.0"] if row["operation"] == "RegisterScorer"]
    assert differences(served["3.3.2"], rows) == [
        "no route for POST /ajax-api/3.0/mlflow/scorers/register",
        "no route for POST /api/3.0/mlflow/scorers/register",
    ]


def test_the_file_of_all_releases_is_read_as_it_was_written(served):
    assert releases.write(served) == releases.FILE.read_text()
    gaps = {"1.0.0": ["a"], "1.1.0": ["b"], "1.2.0": ["a", "b"], "1.10.0": ["b"]}
    rows = {release: [{"path": path} for path in paths] for release, paths in gaps.items()}
    text = releases.write(rows)
    assert [json.loads(line) for line in text.splitlines()] == [
        {"releases": ["1.0.0", "1.1.0", "1.2.0", "1.10.0"]},
        {"path": "b", "releases": "1.1.0.."},
        {"path": "a", "releases": "1.0.0, 1.2.0"},
    ]
    read = releases.read(text)
    assert {release: sorted(row["path"] for row in read[release]) for release in read} == gaps


def test_a_patch_takes_the_place_of_the_one_before():
    row = [{"path": "/x"}]
    rows = {"3.17.2": [], "3.18.0": [], "3.1.4": []}
    assert releases.put(rows, "3.18.1", row) == {"3.17.2": [], "3.1.4": [], "3.18.1": row}
    assert releases.put(rows, "3.19.0", row) == rows | {"3.19.0": row}


def test_a_release_is_compared_with_the_covered_one_before():
    assert [releases.before(release) for release in ("3.18.0", "3.18.1", "3.0.0", "2.10.0")] == [
        "3.17.2",
        "3.18.0",
        "2.22.5",
        "2.9.2",
    ]
