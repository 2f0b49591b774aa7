"""GraphQL only reads, in every release: the filter lets `/graphql` pass, unread, with read on all it can return.

fixtures/graphql/VERSION.graphql is the schema of a release with what its resolvers call, as
`scripts/dump-routes` writes it. A field that may write, or calls something not known to read, fails here:
then `/graphql` needs more than to read, or its body has to be read.
"""

import json
import os
import re
import subprocess
from pathlib import Path

import pytest

from harness import paths, releases

SCHEMAS = paths.ROOT / "tests" / "fixtures" / "graphql"
# The release that is asked again: that under test, or the one that MLFLOW_PYTHON has (scripts/test-mlflows).
LIVE = os.environ.get("MLFLOW_RELEASE") or paths.versions()["MLFLOW_VERSION"]

# Every mutation there is, and what resolves it. `testMutation` has no resolver of its own: it answers null.
MUTATIONS = {
    "testMutation": None,
    "mlflowSearchRuns": "search_runs_impl",
    "mlflowSearchDatasets": "search_datasets_impl",
}

# The functions of mlflow.server.handlers that resolvers may call, with the methods of stores and artifact
# repositories that each may call, itself or through others.
HANDLERS = {
    "get_experiment_impl": {"get_experiment"},
    "get_metric_history_bulk_interval_impl": {
        "get_metric_history",
        "get_metric_history_bulk_interval",
        "get_metric_history_bulk_interval_from_steps",
    },
    "get_run_impl": {"get_run"},
    "list_artifacts_impl": {"get_run", "list_artifacts"},
    "search_datasets_impl": {"_search_datasets"},
    "search_model_versions_impl": {"search_model_versions"},
    "search_runs_impl": {"search_runs"},
}

# What else a resolver may call: Python, the messages it fills in, and what fills them.
HARMLESS = {"isnan", "parse_dict", "vars"} | {
    "".join(word.capitalize() for word in name.removesuffix("_impl").split("_")) for name in HANDLERS
}

ROOTS = {"query": "Query", "mutation": "Mutation", "subscription": "Subscription"}


def fields(schema, operation):
    """The fields of the query, mutation or subscription type of a schema."""
    text = re.sub(r'"""(?:.*?)"""', "", schema, flags=re.DOTALL)
    text = re.sub(r"#.*", "", text)
    # Written out only where a root type is not called like its operation.
    roots = re.search(r"^schema[^{]*\{(.*?)\}", text, re.DOTALL | re.MULTILINE)
    named = re.search(rf"\b{operation}\s*:\s*(\w+)", roots[1]) if roots else None
    root = named[1] if named else ROOTS[operation]
    found = set()
    for body in re.findall(rf"^(?:extend )?type {root}\b[^{{]*\{{(.*?)^\}}", text, re.DOTALL | re.MULTILINE):
        # Without arguments, whose names look like fields.
        found |= set(re.findall(r"(\w+)\s*:", re.sub(r"\([^)]*\)", "", body)))
    return found


def calls(schema):
    """What the comments behind a schema say: {field or function(): what it calls}."""
    lines = re.findall(r"^# ([\w.]+(?:\(\))?):(.*)$", schema, re.MULTILINE)
    return {name: set(called.split()) for name, called in lines}


def may_write(schema):
    """Everything in a schema that is not known to read only, in words."""
    called, found = calls(schema), []
    for mutation in fields(schema, "mutation"):
        if mutation not in MUTATIONS:
            found.append(f"mutation {mutation} is new")
        elif (handler := MUTATIONS[mutation]) is None:
            if f"Mutation.{mutation}" in called:
                found.append(f"mutation {mutation} has a resolver")
        elif handler not in called.get(f"Mutation.{mutation}", set()):
            found.append(f"mutation {mutation} is not resolved by {handler}")
    found += [f"subscription {field}" for field in fields(schema, "subscription")]
    for name, what in called.items():
        if name.endswith("()"):
            function = name.removesuffix("()")
            known = HANDLERS.get(function, set())
            found += [f"{function} calls {method} of a store" for method in what - known]
        else:
            known = HARMLESS | HANDLERS.keys()
            found += [f"{name} calls {function}" for function in what - known]
    return sorted(found)


def schema_of(release):
    return (SCHEMAS / f"{release}.graphql").read_text()


def with_graphql():
    """The releases that serve /graphql."""
    served = releases.read(releases.FILE.read_text())
    return [release for release, rows in served.items() if any(row["path"] == "/graphql" for row in rows)]


def test_every_release_that_serves_graphql_has_its_schema():
    assert {path.stem for path in SCHEMAS.glob("*.graphql")} == set(with_graphql())
    assert len(with_graphql()) >= 31


@pytest.mark.parametrize("release", with_graphql())
def test_no_field_writes(release):
    schema = schema_of(release)
    # What is not found cannot fail.
    assert {"mlflowGetRun", "mlflowSearchModelVersions"} <= fields(schema, "query")
    # The one that searches came with 2.15.
    searches = {"mlflowSearchRuns"} if releases.order(release) >= (2, 15) else set()
    assert {"testMutation", *searches} <= fields(schema, "mutation")
    assert {"Query.mlflowGetRun", "get_run_impl()"} <= calls(schema).keys()
    assert may_write(schema) == []


def catalog():
    """{operation: its row of `mlflow-authz routes`}"""
    given = os.environ.get("MLFLOW_AUTHZ_CLI")
    cli = Path(given) if given else paths.ROOT / "dist" / "mlflow-authz"
    answer = subprocess.run([cli, "routes", "--format", "json"], capture_output=True, text=True, check=True)
    return {row["operation"]: row for row in json.loads(answer.stdout)}


def operations(schema):
    """The REST operations of the same handlers as the resolvers call."""
    called = set().union(*(what for name, what in calls(schema).items() if not name.endswith("()")))
    handlers = called & HANDLERS.keys()
    return {"".join(word.capitalize() for word in name.removesuffix("_impl").split("_")) for name in handlers}


def test_it_needs_what_its_resolvers_need_by_rest():
    rows = catalog()
    needed = set(rows["GraphQL"]["needs"].split(", "))
    by_rest = set()
    for release in with_graphql():
        found = operations(schema_of(release))
        assert {"GetRun", "GetExperiment", "SearchModelVersions"} <= found
        by_rest |= {rows[operation]["permission"] for operation in found}
    # MLflow's own check of GraphQL asks for the registered models of versions.
    assert needed == by_rest | {"registered_model:read"}
    assert rows["GraphQL"]["permission"] == "server:read"


def test_the_schema_is_what_the_real_server_has():
    given = os.environ.get("MLFLOW_PYTHON")
    python = Path(given) if given else paths.ROOT / ".tools" / f"mlflow-{LIVE}" / "bin" / "python"
    if not python.exists():
        pytest.fail(f"{python} is missing: run scripts/test, or set MLFLOW_PYTHON")
    dump = subprocess.run([python, SCHEMAS / "dump_schema.py"], capture_output=True, text=True, timeout=300)
    assert dump.returncode == 0, dump.stderr
    if LIVE not in with_graphql():
        assert dump.stdout == ""
        return
    assert may_write(dump.stdout) == []
    for operation in ROOTS:
        assert fields(dump.stdout, operation) == fields(schema_of(LIVE), operation)
    assert calls(dump.stdout) == calls(schema_of(LIVE))


@pytest.mark.parametrize(
    ("old", "new", "found"),
    [
        (
            "type Mutation {\n",
            "type Mutation {\n  mlflowDeleteRun(input: MlflowDeleteRunInput): MlflowDeleteRunResponse\n",
            ["mutation mlflowDeleteRun is new"],
        ),
        (
            "type Query {\n",
            "extend type Mutation {\n  mlflowSetTag: Boolean\n}\n\ntype Query {\n",
            ["mutation mlflowSetTag is new"],
        ),
        (
            "type Query {\n",
            "type Subscription {\n  runs: Boolean\n}\n\ntype Query {\n",
            ["subscription runs"],
        ),
        (
            "# Mutation.mlflowSearchRuns: SearchRuns parse_dict search_runs_impl vars",
            "# Mutation.mlflowSearchRuns: DeleteRun delete_run_impl parse_dict vars",
            [
                "Mutation.mlflowSearchRuns calls DeleteRun",
                "Mutation.mlflowSearchRuns calls delete_run_impl",
                "mutation mlflowSearchRuns is not resolved by search_runs_impl",
            ],
        ),
        (
            "# Mutation.mlflowSearchRuns:",
            "# Mutation.testMutation: vars\n# Mutation.mlflowSearchRuns:",
            ["mutation testMutation has a resolver"],
        ),
        (
            "# get_run_impl(): get_run",
            "# get_run_impl(): get_run set_tag",
            ["get_run_impl calls set_tag of a store"],
        ),
        (
            "# Query.mlflowGetRun: ",
            "# Query.mlflowGetRun: log_param_impl ",
            ["Query.mlflowGetRun calls log_param_impl"],
        ),
    ],
    ids=["mutation", "extension", "subscription", "other handler", "resolver", "store", "query"],
)
def test_a_schema_that_writes_is_found(old, new, found):
    schema = schema_of(LIVE)
    assert old in schema
    assert may_write(schema.replace(old, new, 1)) == found


def test_a_mutation_type_of_another_name_is_found():
    schema = schema_of(LIVE).replace("type Mutation {", "type Changes {\n  deleteRun: Boolean")
    schema = "schema {\n  query: Query\n  mutation: Changes\n}\n\n" + schema
    assert "mutation deleteRun is new" in may_write(schema)
