"""envoy/examples/existing-platform.json: what each kind of key may do through each of its mounts."""

import json
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from harness import keys, paths
from harness.envoy_config import route, routed
from harness.explain import explain
from harness.http import Client, bearer
from harness.pool import Pool
from harness.stack import Stack
from harness.upstream import EchoUpstream

EXAMPLE = paths.ROOT / "envoy" / "examples" / "existing-platform.json"
CONFIG = json.loads(EXAMPLE.read_text())
ORDINARY = keys.key("ordinary", ["model:read", "model:write", "mlflow:access"])
READER = keys.key("reader", ["mlflow:access"])
ADMINS = [
    *(keys.key("admin_" + word.replace(":", "_"), [word]) for word in ("admin", "mlflow:admin", "registry:admin")),
    keys.key("admin_by_role", ["mlflow:access"], roles=["model-registry:admin"]),
]

# The mount, and where a client that uses it finds MLflow's API.
MOUNTS = {"/api/mlflow": "/api/mlflow", "/mlflow": "/mlflow", "/": ""}
READS = [("GET", "/api/2.0/mlflow/registered-models/get?name=m"), ("POST", "/api/2.0/mlflow/runs/search")]
# The last one promotes, which `model:write` grants too.
WRITES = [
    ("POST", "/api/2.0/mlflow/registered-models/create"),
    ("POST", "/api/2.0/mlflow/runs/log-metric"),
    ("POST", "/api/2.0/mlflow/registered-models/alias"),
]
# Each needs delete or admin.
FORBIDDEN = [
    ("DELETE", "/api/2.0/mlflow/registered-models/delete"),
    ("DELETE", "/api/2.0/mlflow/model-versions/delete"),
    ("POST", "/api/2.0/mlflow/experiments/delete"),
    ("POST", "/api/2.0/mlflow/users/create"),
    ("PATCH", "/api/2.0/mlflow/users/update-admin"),
    ("DELETE", "/api/2.0/mlflow/users/delete"),
]


@pytest.fixture(scope="module")
def platform(tmp_path_factory: pytest.TempPathFactory, pool: Pool) -> Iterator[tuple[Client, EchoUpstream]]:
    """Envoy with the example, and the routes that its page describes."""
    edit = routed(
        route({"prefix": "/api/mlflow/"}, prefix_rewrite="/"),
        route({"prefix": "/mlflow/"}, prefix_rewrite="/"),
        route({"prefix": "/api/2.0/mlflow/"}),
    )
    workdir = tmp_path_factory.mktemp("platform")
    with Stack(
        workdir, keys=[ORDINARY, READER, *ADMINS], plugin_text=EXAMPLE.read_text(), edit=edit, pool=pool
    ) as stack:
        yield stack.client, stack.upstream


@pytest.mark.parametrize("prefix", MOUNTS.values(), ids=MOUNTS)
def test_what_each_kind_of_key_may_do(platform: tuple[Client, EchoUpstream], prefix: str) -> None:
    client, upstream = platform

    def status(key: keys.Key, method: str, target: str) -> int:
        return client.request(method, prefix + target, [bearer(key["key"])]).status

    for method, target in READS:
        assert [status(key, method, target) for key in (READER, ORDINARY, ADMINS[0])] == [200] * 3, target
        assert upstream.requests()[-1].path == target
    for method, target in WRITES:
        assert [status(key, method, target) for key in (READER, ORDINARY, ADMINS[0])] == [403, 200, 200], target
    for method, target in FORBIDDEN:
        before = upstream.count
        assert [status(key, method, target) for key in (READER, ORDINARY)] == [403, 403], target
        assert upstream.count == before
        assert [status(admin, method, target) for admin in ADMINS] == [200] * len(ADMINS), target


def test_a_key_in_the_query_is_read_and_removed(platform: tuple[Client, EchoUpstream]) -> None:
    client, upstream = platform
    target = "/mlflow/api/2.0/mlflow/registered-models/get?name=m&api_key=" + READER["key"]
    assert client.get(target).status == 200
    assert upstream.requests()[-1].path == "/api/2.0/mlflow/registered-models/get?name=m"
    forbidden = "/api/2.0/mlflow/users/create?api_key=" + ORDINARY["key"]
    assert client.post(forbidden).status == 403


def test_upstream_reads_the_platforms_identity_headers(platform: tuple[Client, EchoUpstream]) -> None:
    client, upstream = platform
    forged = [bearer(READER["key"]), ("X-Platform-User-Id", "root"), ("x_platform_api_key_id", "root")]
    # envoy.yaml refuses underscores; without them the forged value is replaced.
    assert client.get("/mlflow/api/2.0/mlflow/runs/get", forged).status == 400
    assert client.get("/mlflow/api/2.0/mlflow/runs/get", forged[:2]).status == 200
    seen = upstream.requests()[-1]
    assert seen.header("x-platform-user-id") == [READER["user_id"]]
    assert seen.header("x-platform-api-key-id") == [READER["key_id"]]


def test_explain_says_the_same() -> None:
    cases = [
        (key, method, prefix + target, expected)
        for prefix in MOUNTS.values()
        for requests, statuses in ((READS, (200, 200, 200)), (WRITES, (403, 200, 200)), (FORBIDDEN, (403, 403, 200)))
        for method, target in requests
        for key, expected in zip((READER, ORDINARY, ADMINS[0]), statuses, strict=True)
    ]
    decisions = explain([{"method": m, "target": t, "scopes": key["scopes"]} for key, m, t, _ in cases], EXAMPLE)
    wrong = [
        case
        for case, decision in zip(cases, decisions, strict=True)
        if (decision["decision"] == "allow") != (case[3] == 200)
    ]
    assert not wrong and len(cases) == 99


def test_a_mount_within_the_api_would_know_no_operation(tmp_path: Path) -> None:
    """Why the third mount is `/`."""
    for mount in ("/", "/api/2.0/mlflow"):
        file = tmp_path / "mount.json"
        file.write_text(json.dumps({**CONFIG, "mounts": [mount]}))
        request = {"method": "POST", "target": "/api/2.0/mlflow/runs/create", "scopes": ORDINARY["scopes"]}
        (decision,) = explain([request], file)
        assert (decision["decision"] == "allow") == (mount == "/"), decision


def test_every_line_is_explain() -> None:
    page = EXAMPLE.with_suffix(".md").read_text()
    for field, value in CONFIG.items():
        assert f"`{field}" in page or f'`"{field}"' in page or field in ("scopes", "roles"), field
        if isinstance(value, dict):
            for name in value if field in ("auth_service", "scopes", "roles") else ():
                assert name in page, f"{field}.{name}"


@pytest.mark.skipif(not (paths.ROOT / ".git").exists(), reason="no repository")
def test_no_name_of_a_customer_is_in_the_repository() -> None:
    """Names of people's companies are no part of a product. The changelog tells what a file was called before."""
    name = "hoku" + "sai"
    command = ["git", "grep", "-il", name, "--", ":!CHANGELOG.md"]
    found = subprocess.run(command, cwd=paths.ROOT, capture_output=True, text=True, check=False)
    assert (found.returncode, found.stdout) == (1, "")
