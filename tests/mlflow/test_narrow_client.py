"""A contributor whose key is limited to acme-*, with the real MLflow client and the real MLflow server.

The keys may do everything to models, prompts and experiments named acme-*, and to the artifacts of one
experiment. All that is globex's, another contributor's, is made behind the filter's back, and is the same
after the tests.
"""

import json
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from contributor.by_hand import RAW, UNTIED, Fields, raw, values_of
from contributor.world import API, World, globex_and_a_contributor
from harness import mlflow_client, paths
from harness.auth_service import AuthService
from harness.http import bearer
from harness.mlflow_server import MlflowServer
from harness.stack import MOUNT

STEPS = paths.ROOT / "tests" / "contributor" / "client_steps.py"


@pytest.fixture(scope="module")
def server(session_dir: Path) -> Iterator[MlflowServer]:
    """An MLflow of its own: others count models too."""
    workdir = session_dir / "narrow-mlflow"
    workdir.mkdir()
    with MlflowServer(workdir) as started:
        yield started


@pytest.fixture(scope="module")
def world(session_dir: Path, auth_service: AuthService, server: MlflowServer) -> Iterator[World]:
    with globex_and_a_contributor(server, auth_service, session_dir / "narrow-client") as prepared:
        yield prepared


Outcome = dict[str, Any]


@dataclass
class Story:
    """What came of each step, by caller and operation, and globex before and after."""

    results: dict[str, dict[str, dict[str, Outcome | None]]]
    modelless: dict[str, Outcome]
    """What a key that may write no logged models did with an own version of one."""
    before: dict[str, Any]
    after: dict[str, Any]


@pytest.fixture(scope="module")
def story(world: World, tmp_path_factory: pytest.TempPathFactory) -> Story:
    """Runs the client, once for both callers."""
    told = {
        "own": world.own,
        "own_run": world.own_run,
        "foreign": world.foreign,
        "foreign_run": world.foreign_run,
        # In this order: the client caches the prompts that it has read.
        "callers": {"alone": world.alone["key"], "reader": world.reader["key"]},
        "modelless": world.modelless["key"],
    }
    before = world.of_globex()
    workdir = tmp_path_factory.mktemp("narrow-client")
    said = mlflow_client.run(STEPS.read_text(), [json.dumps(told)], world.stack, workdir, timeout=240)
    told = json.loads(said.splitlines()[-1])
    return Story(told["results"], told["modelless"], before, world.of_globex())


def test_everything_own_works(story: Story) -> None:
    assert story.results.keys() == {"alone", "reader"}
    for caller, results in story.results.items():
        assert results.keys() >= READS
        # `alone` searches too: a search shows all names, unless the scope says otherwise.
        failed = {op: both["own"] for op, both in results.items() if both["own"] and "raised" in both["own"]}
        assert not failed, (caller, failed)


READS = {
    "get_registered_model",
    "get_model_version",
    "get_model_version_download_uri",
    "get_model_version_by_alias",
    "get_latest_versions",
    "genai.load_prompt",
    "get_experiment_by_name",
    "get_experiment",
    "list_artifacts",
    "download_artifacts",
    # To copy is to read: who may read a model may make its own of it.
    "copy_model_version (from)",
    "create_model_version (from models:/)",
    "create_model_version (foreign source)",
}
# What the refusal names, where it is not the step's obvious object.
NAMES = {
    "create_registered_model (near miss)": "Acme-fraud",
    "create_registered_model (acme)": "acme",
    "rename_registered_model (out)": "globex-new",
    "rename_experiment (out)": "globex-mine",
}
# Refused, but by no name: the message is another.
UNREADABLE = {
    "create_experiment (artifact_location)": "leave it out, or create the experiment with an unrestricted scope"
}


def test_everything_foreign_is_refused(story: Story) -> None:
    for caller, results in story.results.items():
        for operation, both in results.items():
            outcome = both["foreign"]
            if outcome is None:
                continue
            if caller == "reader" and operation in READS:
                assert "value" in outcome, (caller, operation, outcome)
                continue
            said = outcome.get("raised", "").replace('\\"', '"')
            if caller == "alone" and operation == "genai.set_prompt_alias":
                # The client looks the version up, and takes any refusal for its absence.
                assert "does not exist" in said
                continue
            if operation in UNREADABLE:
                assert UNREADABLE[operation] in said, (caller, operation, outcome)
                continue
            assert f"API key key_acme_{caller} may not" in said, (caller, operation, outcome)
            assert "it may do so on names that match acme-*, " in said, (caller, operation, outcome)
            assert f'on "{NAMES.get(operation, "")}' in said, (caller, operation, outcome)


def test_refusals_name_the_object(story: Story, world: World) -> None:
    said = {
        operation: both["foreign"]["raised"].replace('\\"', '"')
        for operation, both in story.results["reader"].items()
        if both["foreign"] and "raised" in both["foreign"]
    }
    own = f"it may do so on names that match acme-*, {world.own}"
    assert 'registered_model:write on "globex-fraud", ' in said["update_registered_model"]
    assert own in said["update_registered_model"]
    assert 'model_version:write on "globex-fraud", ' in said["create_model_version"]
    assert 'registered_model:promote on "globex-fraud@champion", ' in said["set_registered_model_alias"]
    assert 'model_version:promote on "globex-fraud", ' in said["transition_model_version_stage"]
    assert 'registered_model:delete on "globex-fraud", ' in said["delete_registered_model"]
    assert 'registered_model:write on "globex-new", ' in said["rename_registered_model (out)"]
    assert 'registered_model:write on "globex-fraud", ' in said["rename_registered_model (into)"]
    assert 'registered_model:delete on "globex-prompt", ' in said["delete_prompt"]
    for operation in ("log_artifact", "log_artifact (of a version)"):
        assert f'artifact:write on "{world.foreign}", ' in said[operation]
    assert f'artifact:delete on "{world.foreign}", ' in said["delete_artifacts"]
    copies = story.results["alone"]["create_model_version (from models:/)"]["foreign"]
    assert 'model_version:read on "globex-fraud", ' in copies["raised"]


def test_a_copy_of_a_logged_models_version_needs_what_tagging_it_needs(story: Story) -> None:
    assert "value" in story.modelless["copy"], story.modelless
    for what in ("copy with model_id", "register"):
        said = story.modelless[what]["raised"]
        assert "API key key_acme_modelless may not create a model version" in said
        assert "it needs logged_model:write" in said and "its source has no name" in said


def test_nothing_of_globex_changed(story: Story) -> None:
    assert story.after == story.before
    assert story.before["weights"] == "globex's weights"


def test_each_refusal_is_recorded_with_its_name(story: Story, world: World) -> None:
    assert story.results
    records = [r for r in world.stack.envoy.audit() if (r["key_id"] or "").startswith("key_acme_")]
    denied = [record for record in records if record["decision"] == "deny"]
    known = {"name_not_granted", "body_ambiguous", "scope_missing"}
    assert {record["reason"] for record in denied} <= known
    for record in denied:
        if record["reason"] == "name_not_granted":
            assert record["name"] and not record["name"].startswith("acme-"), record
    written = [r for r in records if r["decision"] == "allow" and r["object"] == "registered_model"]
    assert {r["name"] for r in written if r["access"] != "read"} - {None}
    for record in written:
        assert record["access"] == "read" or record["name"].startswith("acme-"), record


# --- raw requests ---


def test_every_operation_by_hand_on_own_objects(world: World) -> None:
    values = {**values_of(world), "$M": "acme-raw", "$E": world.own, "$N": "acme-exp"}
    failed = {}
    for row in RAW:
        answer = raw(world, row, values)
        if not 200 <= answer.status < 300:
            failed[row[0]] = (answer.status, answer.body)
    assert not failed


@pytest.mark.parametrize("prefix", ["/api/", "/ajax-api/"])
@pytest.mark.parametrize("row", RAW, ids=lambda row: f"{row[0]}-{row[1]}")
def test_every_operation_by_hand_on_foreign_objects(
    world: World, row: tuple[str, str, str, Fields], prefix: str
) -> None:
    before = world.of_globex()
    values = {**values_of(world), "$M": "globex-fraud", "$E": world.foreign, "$N": "globex-exp"}
    answer = raw(world, row, values, prefix)
    assert (answer.status, answer.json()["reason"]) == (403, "name_not_granted"), answer
    assert answer.json()["operation"] == row[0]
    message = answer.json()["message"]
    assert "it may do so on names that match acme-*, " in message
    assert any(f' on "{name}' in message for name in ("globex-", world.foreign + '"')), message
    assert world.of_globex() == before


@pytest.mark.parametrize(
    ("what", "path", "fields"),
    [
        ("out", "registered-models/rename", {"name": "acme-mine", "new_name": "globex-mine"}),
        ("into", "registered-models/rename", {"name": "globex-fraud", "new_name": "acme-mine2"}),
        ("out, new name first", "registered-models/rename", {"new_name": "globex-mine", "name": "acme-mine"}),
        ("experiment out", "experiments/update", {"experiment_id": "$E", "new_name": "globex-mine"}),
        ("experiment into", "experiments/update", {"experiment_id": "$F", "new_name": "acme-mine"}),
        ("version's copy", "model-versions/create", {"name": "acme-mine", "source": "models:/globex-fraud/1"}),
        ("alias's copy", "model-versions/create", {"name": "acme-mine", "source": "models:/globex-fraud@champion"}),
        ("files", "model-versions/create", {"name": "acme-mine", "source": "mlflow-artifacts:/$F/$R/artifacts/model", "run_id": "$R"}),
    ],
)  # fmt: skip
def test_the_second_object_counts_too(world: World, what: str, path: str, fields: Fields) -> None:
    before = world.of_globex()
    values = {"$E": world.own, "$F": world.foreign, "$R": world.foreign_run}
    answer = raw(world, (what, "POST", API + path, fields), values)
    assert (answer.status, answer.json()["reason"]) == (403, "name_not_granted"), answer
    assert world.of_globex() == before


@pytest.mark.parametrize(
    ("source", "required"),
    [
        ("s3://bucket/globex", "artifact:read"),
        ("models:/globex-fraud/latest", "artifact:read"),
        ("models:/globex-fraud/Production", "artifact:read"),
        ("models:/m-0123456789abcdef0123456789abcdef", "logged_model:write"),
        ("runs:/$R/model", "run:read"),
    ],
)
def test_a_source_that_is_tied_to_no_name_needs_the_wide_permission(world: World, source: str, required: str) -> None:
    before = world.of_globex()
    fields = {"name": "acme-mine", "source": source}
    row = ("", "POST", f"{API}model-versions/create", fields)
    answer = raw(world, row, {"$R": world.foreign_run}, key=world.modelless)
    assert (answer.status, answer.json()["reason"]) == (403, "scope_missing"), answer
    assert answer.json()["required_permission"] == required
    assert "its source has no name" in answer.json()["message"]
    assert world.of_globex() == before


def catalog() -> list[dict[str, Any]]:
    command = [paths.cli(), "routes", "--format", "json"]
    return json.loads(subprocess.run(command, capture_output=True, text=True, check=True, timeout=30).stdout)


def test_no_operation_on_named_objects_is_left_out() -> None:
    named = {"registered_model", "model_version", "experiment", "artifact"}
    known = {row["operation"] for row in catalog() if row["object"] in named}
    assert known == {row[0] for row in RAW} | UNTIED


def test_what_names_nothing_is_refused_for_a_narrow_key(world: World) -> None:
    searches = {"SearchRegisteredModels", "SearchModelVersions", "SearchExperiments"}
    searches |= {"ListExperiments", "ListRegisteredModels"}
    rows = [row for row in catalog() if row["operation"] in UNTIED - searches]
    assert {row["operation"] for row in rows} == UNTIED - searches
    for row in rows:
        path = row["path"].replace("{*artifact_path}", f"{world.own}/acme-1").replace("{model_id}", "m-1")
        for method in row["methods"]:
            answer = world.stack.client.request(method, MOUNT + path, [bearer(world.alone["key"])])
            assert (answer.status, answer.json()["reason"]) == (403, "scope_missing"), row
            assert "names no model or experiment" in answer.json()["message"]
