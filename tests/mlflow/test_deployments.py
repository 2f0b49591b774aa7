"""Ways to put the filter in front of MLflow, through the real Envoy, and the real server where it matters."""

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from harness import keys, ports
from harness.auth_service import AuthService
from harness.envoy_config import EVERYTHING, Config, route, routed
from harness.http import Client, bearer
from harness.mlflow_server import MlflowServer
from harness.pool import Pool
from harness.stack import Stack
from harness.upstream import EchoUpstream

READ, WRITE = keys.READ["key"], keys.WRITE["key"]
RUNS = "/api/2.0/mlflow/runs/search"
ARTIFACT = "/api/2.0/mlflow-artifacts/artifacts/1/f.txt"
AJAX_ARTIFACT = "/ajax-api/2.0/mlflow-artifacts/artifacts/1/f.txt"
JSON = ("content-type", "application/json")


def with_cluster(name: str, address: tuple[str, int], *routes: Config) -> Callable[[Config], None]:
    """As `routed`, with one more cluster, a copy of `mlflow` elsewhere."""

    def edit(config: Config) -> None:
        routed(*routes)(config)
        clusters = config["static_resources"]["clusters"]
        copy = json.loads(json.dumps(next(c for c in clusters if c["name"] == "mlflow")))
        copy["name"] = copy["load_assignment"]["cluster_name"] = name
        endpoint = copy["load_assignment"]["endpoints"][0]["lb_endpoints"][0]["endpoint"]
        endpoint["address"]["socket_address"] = {"address": address[0], "port_value": address[1]}
        clusters.append(copy)

    return edit


# --- mlflow server --static-prefix /p ---


class PrefixedServer(MlflowServer):
    """A server below /p, where its health endpoint is, too."""

    def __init__(self, workdir: Path) -> None:
        super().__init__(workdir, options=("--static-prefix", "/p"))

    def _healthy(self) -> bool:
        return Client(ports.HOST, self.address[1]).get("/p/health").status == 200


@pytest.fixture(scope="module")
def prefixed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[PrefixedServer]:
    with PrefixedServer(tmp_path_factory.mktemp("prefixed")) as server:
        # What is behind the filter: a file that anybody who reaches the server may read.
        direct = Client(*server.address)
        assert direct.request("PUT", ARTIFACT, [], b"weights").status == 200
        yield server


def in_front_of(server: MlflowServer, start_stack: Callable[..., Stack], auth: AuthService, **options: Any) -> Client:
    return start_stack(auth=auth, mlflow=server.address, **options).client


def test_the_mount_is_the_static_prefix(
    prefixed: PrefixedServer, start_stack: Callable[..., Stack], auth_service: AuthService
) -> None:
    plugin = {"mounts": ["/p", "/"]}
    client = in_front_of(prefixed, start_stack, auth_service, plugin=plugin, edit=routed(EVERYTHING))
    search = b'{"experiment_ids": ["0"]}'
    assert client.post("/p" + RUNS, [JSON, bearer(READ)], search).status == 200
    assert client.post("/p" + RUNS, [JSON], search).status == 401
    created = b'{"name": "m"}'
    create = "/p/ajax-api/2.0/mlflow/registered-models/create"
    assert client.post(create, [JSON, bearer(READ)], created).status == 403
    assert client.post(create, [JSON, bearer(WRITE)], created).status == 200
    assert client.get("/p/health").status == 200
    assert client.get("/p/", [bearer(READ)]).status == 200
    assert client.get("/p/").status == 401


def test_a_static_prefix_leaves_artifacts_at_the_root(prefixed: PrefixedServer) -> None:
    """A fact about MLflow 3.17.2: fastapi_app.py includes `artifact_router` without the prefix."""
    direct = Client(*prefixed.address)
    for target in (ARTIFACT, AJAX_ARTIFACT):
        assert direct.get(target).body == b"weights"
        assert direct.request("PUT", target, [], b"weights").status == 200
    # Nothing else is there but two pages; test_differential.py asks for every route.
    assert direct.post(RUNS, [JSON]).status == 404
    assert direct.get("/api/2.0/mlflow-artifacts/artifacts?path=1").status == 404
    assert direct.request("DELETE", ARTIFACT).status == 404


@pytest.mark.parametrize("target", [ARTIFACT, AJAX_ARTIFACT])
@pytest.mark.parametrize("method", ["GET", "PUT"])
def test_mounting_the_root_too_closes_it(
    prefixed: PrefixedServer,
    start_stack: Callable[..., Stack],
    auth_service: AuthService,
    method: str,
    target: str,
) -> None:
    plugin = {"mounts": ["/p", "/"]}
    client = in_front_of(prefixed, start_stack, auth_service, plugin=plugin, edit=routed(EVERYTHING))
    body = b"weights" if method == "PUT" else None
    assert client.request(method, target, [], body).status == 401
    allowed = WRITE if method == "PUT" else READ
    assert client.request(method, target, [bearer(allowed)], body).status == 200
    if method == "PUT":
        assert client.request(method, target, [bearer(READ)], body).status == 403


def test_mounting_the_prefix_alone_leaves_it_open(
    prefixed: PrefixedServer, start_stack: Callable[..., Stack], auth_service: AuthService
) -> None:
    """What the configuration above is for: only where `outside` forwards, since it is refused by default."""
    client = in_front_of(
        prefixed,
        start_stack,
        auth_service,
        plugin={"mounts": ["/p"], "outside": "forward"},
        edit=routed(EVERYTHING),
    )
    assert client.get(ARTIFACT).body == b"weights"
    client = in_front_of(prefixed, start_stack, auth_service, plugin={"mounts": ["/p"]}, edit=routed(EVERYTHING))
    assert (client.get(ARTIFACT).status, client.get(ARTIFACT).json()["reason"]) == (403, "outside_mounts")
    narrow = routed(route({"prefix": "/p/"}))
    client = in_front_of(prefixed, start_stack, auth_service, plugin={"mounts": ["/p"]}, edit=narrow)
    assert client.get(ARTIFACT).status == 403
    assert client.get("/p" + ARTIFACT).status == 401
    # The artifact routes of Flask are below the prefix, so uploads and downloads still work.
    assert client.get("/p" + ARTIFACT, [bearer(READ)]).body == b"weights"


# --- prefix_rewrite ---


def test_rewriting_a_prefix_that_ends_in_a_slash(
    start_stack: Callable[..., Stack], auth_service: AuthService, echo: EchoUpstream
) -> None:
    """As in envoy.yaml: what the filter decided about is what the server gets."""
    stack = start_stack(auth=auth_service, upstream=echo)
    assert stack.client.post("/api/mlflow" + RUNS, [bearer(READ)]).status == 200
    assert echo.requests()[-1].path == RUNS
    assert stack.client.get("/api/mlflow/?a=b", [bearer(READ)]).status == 200
    assert echo.requests()[-1].path == "/?a=b"
    assert stack.client.get("/api/mlflowversion").status == 403


def test_the_mount_without_its_slash_redirects(
    start_stack: Callable[..., Stack], auth_service: AuthService, echo: EchoUpstream
) -> None:
    """The page's files are relative to its address: without the slash they would be looked for beside it."""
    stack = start_stack(auth=auth_service, upstream=echo)
    before = len(echo.requests())
    assert stack.client.get("/api/mlflow").status == 401
    for query in ("", "?workspace=a%2Fb&x=1"):
        answer = stack.client.get(f"/api/mlflow{query}", [bearer(READ)])
        assert (answer.status, answer.body) == (301, b"")
        location = answer.header("location") or ""
        assert location.removeprefix(stack.envoy.url) == f"/api/mlflow/{query}"
    assert len(echo.requests()) == before


def test_rewriting_a_prefix_without_its_slash_forwards_what_is_not_mounted(
    start_stack: Callable[..., Stack], auth_service: AuthService, echo: EchoUpstream
) -> None:
    """A mistake to warn of: Envoy's `prefix` matches in the middle of a segment, `mounts` do not."""
    wrong = routed(route({"prefix": "/api/mlflow"}, prefix_rewrite="/"))
    forwarding = {"plugin": {"outside": "forward"}, "edit": wrong}
    client = start_stack(auth=auth_service, upstream=echo, **forwarding).client
    target = "/api/mlflow" + RUNS.removeprefix("/")
    assert client.post(target).status == 200
    assert echo.requests()[-1].path == RUNS
    # By default the filter refuses it.
    client = start_stack(auth=auth_service, upstream=echo, edit=wrong).client
    assert (client.post(target).status, client.post(target).json()["reason"]) == (403, "outside_mounts")
    # `path_separated_prefix` is the right word for it.
    right = routed(route({"path_separated_prefix": "/api/mlflow"}, prefix_rewrite="/"))
    client = start_stack(auth=auth_service, upstream=echo, edit=right).client
    assert client.post(target).status == 403
    assert client.post("/api/mlflow" + RUNS).status == 401
    assert client.post("/api/mlflow" + RUNS, [bearer(READ)]).status == 200
    # It leaves one more slash in front, which MLflow merges, and the echo upstream too.
    assert echo.requests()[-1].path == RUNS


def test_rewriting_to_a_static_prefix(
    prefixed: PrefixedServer, start_stack: Callable[..., Stack], auth_service: AuthService
) -> None:
    """The proxy shows one path, the server has another: the mount is the one that clients see."""
    shown = routed(route({"prefix": "/models/"}, prefix_rewrite="/p/"))
    client = in_front_of(prefixed, start_stack, auth_service, plugin={"mounts": ["/models"]}, edit=shown)
    assert client.post("/models" + RUNS, [JSON, bearer(READ)], b'{"experiment_ids": ["0"]}').status == 200
    assert client.post("/models" + RUNS, [JSON]).status == 401
    assert client.get("/models/health").status == 200


# --- several mounts on one listener ---


@pytest.fixture(scope="module")
def two_servers(
    tmp_path_factory: pytest.TempPathFactory, auth_service: AuthService, pool: Pool
) -> Iterator[tuple[Client, EchoUpstream, EchoUpstream]]:
    """Two servers at /a and /a/team, in this order nested, and `/other`, which is no MLflow."""
    with EchoUpstream() as first, EchoUpstream() as second:
        edit = with_cluster(
            "second",
            second.address,
            route({"prefix": "/a/team/"}, "second", prefix_rewrite="/"),
            route({"prefix": "/a/"}, prefix_rewrite="/"),
            route({"prefix": "/other/"}, "second"),
        )
        plugin = {
            "mounts": ["/a", "/a/team"],
            "outside": "forward",
            "audit": {"allows": True, "max_per_second": 1_000},
        }
        workdir = tmp_path_factory.mktemp("two")
        with Stack(workdir, auth=auth_service, upstream=first, plugin=plugin, edit=edit, pool=pool) as stack:
            yield stack.client, first, second


def test_each_mount_is_a_server_of_its_own(
    two_servers: tuple[Client, EchoUpstream, EchoUpstream],
) -> None:
    client, first, second = two_servers
    for prefix, upstream in (("/a", first), ("/a/team", second)):
        create = prefix + "/api/2.0/mlflow/runs/create"
        before = upstream.count
        assert client.post(create, [bearer(READ)]).json()["operation"] == "CreateRun"
        assert client.post(create).status == 401
        assert upstream.count == before
        assert client.post(create, [bearer(WRITE)]).status == 200
        assert upstream.requests()[-1].path == "/api/2.0/mlflow/runs/create"


@pytest.mark.parametrize("climb", ["/a/team/..%2f", "/a/team/%2e%2e/", "/a/./team/..;/", "/a//team/", "/a/team\\"])
def test_no_spelling_leaves_its_mount(two_servers: tuple[Client, EchoUpstream, EchoUpstream], climb: str) -> None:
    """Envoy resolves what it resolves before the filter; what is left is refused, or decided where it leads."""
    client, first, second = two_servers
    before = first.count + second.count
    answer = client.post(climb + "api/2.0/mlflow/runs/create", [bearer(READ)])
    assert answer.status in (400, 403, 404)
    assert first.count + second.count == before


# --- another application on the listener ---


def test_another_application_is_left_alone(two_servers: tuple[Client, EchoUpstream, EchoUpstream]) -> None:
    client, _, second = two_servers
    headers = [
        bearer("hk_live_of_another_kind"),
        ("x-api-key", "abc"),
        ("Cookie", "a=b"),
        ("X-Custom", "Käse".encode()),
        ("x-http-method-override", "DELETE"),
        ("x-forwarded-prefix", "/kept"),
        ("x-mlflow-authz-user", "forged"),
        ("X-MLflow-Authz-Key", "forged"),
    ]
    target = "/other/api/2.0/mlflow/runs/create?x=%2F..;a=b&c"
    answer = client.request("POST", target, headers, b"body")
    assert answer.status == 200
    seen = second.requests()[-1]
    assert (seen.method, seen.path, seen.body_bytes) == ("POST", target, 4)
    for name, value in headers[:6]:
        text = value if isinstance(value, str) else value.decode("latin-1")
        assert seen.header(str(name)) == [text]
    assert not seen.header("x-mlflow-authz-user") and not seen.header("x-mlflow-authz-key")
    for method in ("GET", "PUT", "DELETE", "OPTIONS"):
        assert client.request(method, "/other/x;y/z/").status == 200
        assert second.requests()[-1].path == "/other/x;y/z/"
