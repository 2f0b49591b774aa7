"""What a release of MLflow changes: the comparison on the fixtures' routes, the script and the scheduled workflow around it."""

import json
import os
import re
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml

from harness import paths, releases
from new_mlflow.__main__ import routes
from new_mlflow.compare import Answers, compare
from new_mlflow.proposal import proposals
from new_mlflow.report import report

OLD, NEW = "3.17.2", "3.18.0"
WORKFLOW = paths.ROOT / ".github" / "workflows" / "new-mlflow.yml"
AUTH = "server/auth/__init__.py"

Row = dict[str, Any]


def answers(release: str, **functions: str) -> Answers:
    """What ask.py would say of a release, made of its routes: handlers by their names, and no validators but these."""
    rows = releases.read(releases.FILE.read_text())[release]
    endpoints = [
        {"method": method, "path": row["path"], "handler": row["endpoint"], "validator": None, "reaches": []}
        for row in rows
        for method in row["methods"]
    ]
    known = {name: {"line": 7, "source": source} for name, source in functions.items()}
    return Answers({"release": release, "endpoints": endpoints, "functions": known})


def at(said: Answers, method: str, path: str) -> Row:
    return said.endpoints[method, re.sub(r"\{(\*?)\w+\}", r"{\1}", path)]


@pytest.fixture(scope="module")
def catalog() -> list[Row]:
    return routes()


@pytest.fixture(scope="module")
def before() -> list[Row]:
    return routes("--mlflow", OLD)


def test_the_catalog_as_it_is_lacks_nothing(catalog: list[Row], before: list[Row]) -> None:
    assert compare(answers(OLD), answers(NEW), catalog, before).is_empty()


def test_an_entry_that_is_missing_is_proposed(catalog: list[Row], before: list[Row]) -> None:
    removed = {"SetSkillAlias", "SearchRuns"}
    rest = [row for row in catalog if row["operation"] not in removed]
    new = answers(NEW, **{f"{AUTH} validate_can_update_skill": ""})
    for path in ("/api/3.0/mlflow/skills/{name}/aliases", "/ajax-api/3.0/mlflow/skills/{name}/aliases"):
        at(new, "POST", path)["validator"] = f"{AUTH} validate_can_update_skill"
    found = compare(answers(OLD), new, rest, before)
    assert len(found.missing) == 6
    texts = {text.split('"')[1]: text for text in proposals(found.missing, new, rest)}
    assert texts.keys() == {"SetSkillAlias", "SetOrganizationSkillAlias", "SearchRuns"}
    assert texts["SetSkillAlias"].splitlines() == [
        "    // handler:   set_skill_alias",
        f"    // validator: {AUTH}:7 validate_can_update_skill",
        "    op(",
        '        "SetSkillAlias",',
        "        Skill,",
        "        Write,",
        f'        "{AUTH} validate_can_update_skill",',
        "        &[",
        '            api(&["POST"], "3.0/mlflow/skills/{name}/aliases").since(Release(3, 18, 0)),',
        "        ],",
        "    ),",
    ]
    assert "none: every user of MLflow's own may call it" in texts["SearchRuns"]


@pytest.mark.parametrize(
    ("validator", "method", "access"),
    [
        ("validate_can_read_thing", "POST", "Read"),
        ("validate_can_update_thing", "GET", "Write"),
        ("validate_can_delete_thing", "POST", "Delete"),
        ("validate_can_manage_thing", "GET", "Admin"),
        ("sender_is_admin", "GET", "Admin"),
        # Of two words the stricter, and the strictest where there is none.
        ("validate_can_read_or_delete_thing", "GET", "Delete"),
        ("_get_thing_validator", "POST", "Admin"),
        ("_get_thing_validator", "GET", "Read"),
        (None, "POST", "Write"),
        (None, "DELETE", "Delete"),
    ],
)
def test_the_access_is_guessed_from_the_validator(validator: str | None, method: str, access: str) -> None:
    endpoint = {
        "method": method,
        "path": "/api/3.0/mlflow/things/{id}",
        "handler": "server/handlers.py _do_it",
        "validator": validator and f"{AUTH} {validator}",
    }
    lines = proposals([endpoint], answers(NEW), [])[0].splitlines()
    start = next(number for number, line in enumerate(lines) if line.strip() == "op(")
    assert [line.strip() for line in lines[start + 1 : start + 4]] == ['"DoIt",', "Thing,", f"{access},"]


def test_what_is_gone_is_to_be_ended(catalog: list[Row], before: list[Row]) -> None:
    new = answers(NEW)
    del new.endpoints["GET", "/version"]
    found = compare(answers(OLD), new, catalog, before)
    assert [(row["operation"], row["methods"]) for row in found.gone] == [("Version", ["GET"])]
    assert re.search(r"- GET /version: Version, src/catalog/entries/server.rs:\d+", report(found, catalog, False))
    ended = [{**row, "until": "3.18"} if row["operation"] == "Version" else row for row in before]
    assert compare(answers(OLD), new, catalog, ended).is_empty()


def test_what_is_served_again_is_told(catalog: list[Row], before: list[Row]) -> None:
    new = answers(NEW)
    row = {"method": "GET", "path": "/server-info", "handler": "x", "validator": None, "reaches": []}
    new.endpoints["GET", "/server-info"] = row
    found = compare(answers(OLD), new, catalog, before)
    assert [entry["operation"] for entry in found.again] == ["GetServerInfo"]


def test_a_validator_that_changed_is_told_with_its_line(catalog: list[Row], before: list[Row]) -> None:
    path = "/api/2.0/mlflow/runs/create"
    weak, strict, helper = (f"{AUTH} {name}" for name in ("validate_weak", "validate_strict", "_permission"))
    old = answers(OLD, **{weak: "def validate_weak()", helper: "one"})
    new = answers(NEW, **{strict: "def validate_strict()", helper: "two"})
    at(old, "POST", path).update(validator=weak, reaches=[helper])
    at(new, "POST", path).update(validator=strict, reaches=[helper])
    found = compare(old, new, catalog, before)
    assert [(changed.entry["operation"], changed.what) for changed in found.changed] == [("CreateRun", ("validator",))]
    assert dict(found.helpers) == {helper: 1}
    text = report(found, catalog, True)
    assert (
        f"| CreateRun run:write | {AUTH}:7 validate_strict | {AUTH}:7 validate_weak | validator: _create_run |" in text
    )
    assert f"- 1: {AUTH}:7 _permission" in text
    assert "-one\n+two" in text


def test_the_twin_of_an_endpoint_is_not_told_again(catalog: list[Row], before: list[Row]) -> None:
    check = f"{AUTH} validate_can_update_run"
    old, new = answers(OLD), answers(NEW, **{check: "def f()"})
    for mount in ("/api", "/ajax-api"):
        at(new, "POST", f"{mount}/2.0/mlflow/runs/create")["validator"] = check
    at(new, "POST", "/ajax-api/3.0/jobs/")["validator"] = check
    found = compare(old, new, catalog, before)
    assert len(found.changed) == 3
    told = re.findall(r"^\| POST (\S+)", report(found, catalog, False), re.MULTILINE)
    assert told == ["/ajax-api/3.0/jobs/", "/api/2.0/mlflow/runs/create"]


def test_a_source_that_changed_is_told(catalog: list[Row], before: list[Row]) -> None:
    """The same validator by name may ask for less than it did."""
    check = f"{AUTH} validate_can_update_run"
    old, new = answers(OLD, **{check: "return can_update"}), answers(NEW, **{check: "return True"})
    for said in (old, new):
        at(said, "POST", "/api/2.0/mlflow/runs/create")["validator"] = check
    assert [changed.what for changed in compare(old, new, catalog, before).changed] == [("validator",)]


# --- the script ---


def script(tmp_path: Path, *arguments: str, newest: str = NEW) -> subprocess.CompletedProcess[str]:
    """scripts/new-mlflow, with a package index whose newest release is this one."""
    python = tmp_path / "python3"
    python.write_text(
        f'#!/bin/sh\nif [ "$1 $2" = "-m pip" ]; then echo "mlflow ({newest})"; exit {1 if "exit" in newest else 0}; fi\nexec {os.sys.executable} "$@"\n'
    )
    python.chmod(0o755)
    environment = {**os.environ, "PATH": f"{tmp_path}:{os.environ['PATH']}"}
    return subprocess.run(
        [paths.ROOT / "scripts" / "new-mlflow", *arguments], env=environment, capture_output=True, text=True, timeout=60
    )


def test_a_newest_release_that_is_covered_is_nothing_to_do(tmp_path: Path) -> None:
    said = script(tmp_path, "newest")
    assert (said.returncode, said.stdout) == (0, "")
    assert f"MLflow {NEW} is the newest release, and the catalog covers it" in said.stderr


@pytest.mark.parametrize("version", ["3.19", "3.19.0rc1", "../x", "latest"])
def test_what_is_no_release_is_refused(tmp_path: Path, version: str) -> None:
    said = script(tmp_path, version)
    assert (said.returncode, said.stdout) == (2, "")
    assert f'a release is like 3.19.0, not "{version}"' in said.stderr


@pytest.mark.parametrize("newest", ["", "); exit 1; ("])
def test_an_index_that_does_not_answer_is_a_failure(tmp_path: Path, newest: str) -> None:
    """Not 1, which is an answer: the workflow would open an issue."""
    assert script(tmp_path, "newest", newest=newest).returncode == 2


# --- the scheduled workflow ---


@pytest.fixture
def issue(tmp_path: Path) -> Callable[[str, str], list[list[str]]]:
    """What the workflow asks of `gh`, given the report's first line and the titles of issues that there are."""

    def run(first_line: str, titles: str) -> list[list[str]]:
        log = tmp_path / "asked"
        gh = tmp_path / "gh"
        gh.write_text(
            "#!/usr/bin/env python3\nimport json, sys\n"
            f'with open({str(log)!r}, "a") as file: print(json.dumps(sys.argv[1:]), file=file)\n'
            f'if sys.argv[2] == "list": print({titles!r})\n'
        )
        gh.chmod(0o755)
        (tmp_path / "report.md").write_text(first_line + "\n" + "x" * 100_000)
        steps = yaml.safe_load(WORKFLOW.read_text())["jobs"]["issue"]["steps"]
        command = steps[-1]["run"]
        environment = {**os.environ, "PATH": f"{tmp_path}:{os.environ['PATH']}", "GITHUB_REPOSITORY": "o/r"}
        subprocess.run(["bash", "-e", "-c", command], cwd=tmp_path, env=environment, check=True, timeout=30)
        return [json.loads(line) for line in log.read_text().splitlines()]

    return run


def test_an_issue_is_opened_once(issue: Callable[[str, str], list[list[str]]], tmp_path: Path) -> None:
    title = "MLflow 3.19.0 is not covered by the catalog"
    first = "# MLflow 3.19.0, compared with 3.18.0 and the catalog"
    listed, created = issue(first, f"{title} yet\nMLflow 3.1.0 is not covered by the catalog")
    assert listed[:2] == ["issue", "list"]
    assert created == ["issue", "create", "--repo", "o/r", "--title", title, "--body-file", "body.md"]
    assert 50_000 < (tmp_path / "body.md").stat().st_size < 65_536
    assert len(issue(first, title)) == 3


@pytest.mark.parametrize(("status", "differs"), [(0, "0"), (1, "1"), (2, None)])
def test_only_something_to_do_makes_an_issue(tmp_path: Path, status: int, differs: str | None) -> None:
    jobs = yaml.safe_load(WORKFLOW.read_text())["jobs"]
    command = next(step["run"] for step in jobs["compare"]["steps"] if step.get("id") == "compare")
    folder = tmp_path / "scripts"
    folder.mkdir()
    stub = folder / "new-mlflow"
    stub.write_text(f"#!/bin/sh\necho '# MLflow 3.19.0'\nexit {status}\n")
    stub.chmod(0o755)
    output = tmp_path / "output"
    ended = subprocess.run(
        ["bash", "-e", "-c", command], cwd=tmp_path, env={**os.environ, "GITHUB_OUTPUT": str(output)}, timeout=30
    )
    assert (ended.returncode == 0) == (differs is not None)
    assert differs is None or output.read_text() == f"differs={differs}\n"
    assert jobs["issue"]["if"] == "needs.compare.outputs.differs == '1'"
