"""Ways to put the filter in front of MLflow, through the real Envoy, and the real server where it matters."""

import json
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from differential.compare import cli
from harness import envoy_config, keys, ports
from harness.auth_service import AuthService
from harness.http import Client, Response, bearer
from harness.mlflow_server import MlflowServer
from harness.stack import Stack
from harness.upstream import EchoUpstream

READ, WRITE, DELETE, ADMIN = (key["key"] for key in (keys.READ, keys.WRITE, keys.DELETE, keys.ADMIN))
RUNS = "/api/2.0/mlflow/runs/search"
ARTIFACT = "/api/2.0/mlflow-artifacts/artifacts/1/f.txt"
AJAX_ARTIFACT = "/ajax-api/2.0/mlflow-artifacts/artifacts/1/f.txt"
JSON = ("content-type", "application/json")

Route = dict[str, Any]


def routed(*routes: Route) -> Callable[[envoy_config.Config], None]:
    """An edit of envoy.yaml: these routes instead of its own."""

    def edit(config: envoy_config.Config) -> None:
        manager = envoy_config.connection_manager(config)
        manager["route_config"]["virtual_hosts"][0]["routes"] = list(routes)

    return edit


def route(match: dict[str, Any], cluster: str = "mlflow", **action: Any) -> Route:
    return {"match": match, "route": {"cluster": cluster, "timeout": "0s", **action}}


def with_cluster(
    name: str, address: tuple[str, int], *routes: Route
) -> Callable[[envoy_config.Config], None]:
    """The same, with one more cluster, a copy of `mlflow` elsewhere."""

    def edit(config: envoy_config.Config) -> None:
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


def in_front_of(
    server: MlflowServer, start_stack: Callable[..., Stack], auth: AuthService, **options: Any
) -> Client:
    return start_stack(auth=auth, mlflow=server.address, **options).client


EVERYTHING = route({"prefix": "/"})


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
    client = in_front_of(
        prefixed, start_stack, auth_service, plugin={"mounts": ["/p"]}, edit=routed(EVERYTHING)
    )
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
    tmp_path_factory: pytest.TempPathFactory, auth_service: AuthService
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
        with Stack(workdir, auth=auth_service, upstream=first, plugin=plugin, edit=edit) as stack:
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


@pytest.mark.parametrize(
    "climb", ["/a/team/..%2f", "/a/team/%2e%2e/", "/a/./team/..;/", "/a//team/", "/a/team\\"]
)
def test_no_spelling_leaves_its_mount(
    two_servers: tuple[Client, EchoUpstream, EchoUpstream], climb: str
) -> None:
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


# --- workspaces ---


@pytest.fixture(scope="module")
def workspaces(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[MlflowServer, Path]]:
    """A server with the workspaces w1 and w2, and the folder of its artifacts."""
    workdir = tmp_path_factory.mktemp("workspaces")
    with MlflowServer(workdir, options=("--enable-workspaces",)) as server:
        for name in ("w1", "w2"):
            body = json.dumps({"name": name}).encode()
            assert Client(*server.address).post("/api/3.0/mlflow/workspaces", [JSON], body).status == 201
        yield server, workdir / "artifacts"


@pytest.fixture(scope="module")
def in_workspaces(
    workspaces: tuple[MlflowServer, Path],
    tmp_path_factory: pytest.TempPathFactory,
    auth_service: AuthService,
) -> Iterator[Client]:
    server, _ = workspaces
    workdir = tmp_path_factory.mktemp("workspaces-envoy")
    # Path normalization off: the filter has to do it alone.
    plugin, edit = {"mounts": ["/"]}, routed(EVERYTHING)
    with Stack(
        workdir, auth=auth_service, mlflow=server.address, plugin=plugin, edit=edit, normalize=False
    ) as stack:
        yield stack.client


ARTIFACTS = "/api/2.0/mlflow-artifacts/artifacts/"


def workspace(name: str) -> tuple[str, str]:
    return ("X-MLFLOW-WORKSPACE", name)


def fill(server: MlflowServer) -> None:
    direct = Client(*server.address)
    for headers in ([], [workspace("w1")], [workspace("w2")]):
        assert direct.request("PUT", ARTIFACTS + "1/f.txt", headers, b"x").status == 200


def files(folder: Path) -> set[str]:
    return {str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file()}


EVERY_FILE = {"1/f.txt", "workspaces/w1/1/f.txt", "workspaces/w2/1/f.txt"}


def test_artifacts_of_a_workspace(in_workspaces: Client) -> None:
    target = ARTIFACTS + "workspaces/w1/2/a b.txt".replace(" ", "%20")
    mine = workspace("w1")
    assert in_workspaces.request("PUT", target, [bearer(READ), mine], b"x").status == 403
    assert in_workspaces.request("PUT", target, [mine], b"x").status == 401
    assert in_workspaces.request("PUT", target, [bearer(WRITE), mine], b"x").status == 200
    assert in_workspaces.get(target, [bearer(READ), mine]).body == b"x"
    assert in_workspaces.request("DELETE", target, [bearer(WRITE), mine]).status == 403
    # MLflow itself keeps a path of one workspace out of the others.
    assert in_workspaces.get(target, [bearer(READ), workspace("w2")]).status == 400
    assert in_workspaces.get(target, [bearer(READ)]).status == 400
    assert in_workspaces.request("DELETE", target, [bearer(DELETE), mine]).status == 200


def test_the_header_chooses_the_workspace_and_nothing_else(in_workspaces: Client) -> None:
    """A model of the same name in another workspace is another model: grants by name cover both."""
    create = "/api/2.0/mlflow/registered-models/create"
    for name in ("w1", "w2"):
        headers = [JSON, workspace(name)]
        assert in_workspaces.post(create, [*headers, bearer(READ)], b'{"name": "m"}').status == 403
        assert in_workspaces.post(create, [*headers, bearer(WRITE)], b'{"name": "m"}').status == 200
    get = "/api/2.0/mlflow/registered-models/get?name=m"
    assert in_workspaces.get(get, [bearer(READ), workspace("w2")]).status == 200
    assert in_workspaces.get(get, [bearer(READ)]).status == 404
    assert in_workspaces.get(get, [workspace("w2")]).status == 401


# Headers that MLflow 3.17.2 reads, beside those that only describe the body.
SERVER_HEADERS = [
    ("X-MLFLOW-WORKSPACE", "w2"),
    ("X-Mlflow-Experiment-Id", "7"),
    ("X-Mlflow-Run-Id", "abc"),
    ("X-MLflow-Gateway-Caller", "judge"),
    ("X-Forwarded-For", "127.0.0.1"),
    ("X-Forwarded-Proto", "https"),
    ("X-Forwarded-Host", "other.example"),
    ("Forwarded", "for=127.0.0.1;host=other.example"),
    ("Upgrade", "websocket"),
    ("Range", "bytes=0-0"),
]


def test_no_header_changes_what_a_request_needs() -> None:
    rows = json.loads(
        subprocess.run([cli(), "routes", "--format", "json"], capture_output=True, check=True).stdout
    )
    lines, count = [], 0
    for row in rows:
        for method in row["methods"]:
            count += 1
            request = {
                "method": method,
                "target": row["path"].replace("{", "").replace("}", ""),
                "scopes": [],
            }
            lines.append(request)
            lines.append({**request, "headers": SERVER_HEADERS})
    text = "".join(json.dumps(line) + "\n" for line in lines).replace("*", "")
    answer = subprocess.run(
        [cli(), "explain", "--stdin"], input=text, capture_output=True, text=True, check=True, timeout=60
    )
    decisions = [json.loads(line) for line in answer.stdout.splitlines()]
    assert len(decisions) == 2 * count > 800
    assert [a for a, b in zip(decisions[::2], decisions[1::2], strict=True) if a != b] == []


# --- what acts on more than it names ---

# MLflow's validate_path_is_safe (mlflow/utils/uri.py) reads an artifact's path as a URL before it uses it: it
# decodes up to ten times, cuts leading spaces and an empty query, fragment or parameter at the end, and takes
# `file:` for a scheme. What is left of these is the root, so DELETE removes every artifact of the server.
WHOLE_STORE = [
    ".", "%2e", "%252e", "./", "%20", "%20%20", "%2520", "%3F", "%3f%23", "%23", "%253F", "%3B", ";",
    "%20.", "%20%2e", ".%3F", ".%23", ".%3B", ".;", "%20%3F", "file:", "FILE:", "fi%6Ce:", "file%3A",
    "file:%3Fx", "file:%23", "%20file:",
]  # fmt: skip
# In the default workspace, `workspaces` holds all others, and `./` keeps MLflow from seeing that.
EVERY_WORKSPACE = [
    "workspaces",
    "workspaces%3F",
    "workspaces%23",
    "%20workspaces",
    "workspaces%3B",
    "%20./workspaces",
]


def deletes(client: Client, server: MlflowServer, folder: Path, path: str) -> tuple[Response, set[str]]:
    """What a key that may delete artifacts gets, and what is gone."""
    fill(server)
    answer = client.request("DELETE", ARTIFACTS + path, [bearer(DELETE)])
    return answer, EVERY_FILE - files(folder)


def test_the_server_deletes_everything(workspaces: tuple[MlflowServer, Path]) -> None:
    """Without the filter. If this fails, MLflow has changed, and the rules may be relaxed."""
    server, folder = workspaces
    for path in ("%20", "%3F", "file:", ".%3B", "%2e"):
        fill(server)
        Client(*server.address).request("DELETE", ARTIFACTS + path)
        assert not files(folder) & EVERY_FILE, path


def test_no_spelling_deletes_every_artifact(
    in_workspaces: Client, workspaces: tuple[MlflowServer, Path]
) -> None:
    server, folder = workspaces
    gone = {path: deletes(in_workspaces, server, folder, path) for path in [*WHOLE_STORE, *EVERY_WORKSPACE]}
    wide = {path: answer.status for path, (answer, lost) in gone.items() if len(lost) > 1}
    assert not wide, wide


def test_no_spelling_reads_another_workspace(
    in_workspaces: Client, workspaces: tuple[MlflowServer, Path]
) -> None:
    fill(workspaces[0])
    for path in ("./workspaces/w1/1/f.txt", "%2e/workspaces/w1/1/f.txt", "%20./workspaces/w1/1/f.txt"):
        assert in_workspaces.get(ARTIFACTS + path, [bearer(READ)]).status == 400, path


def test_a_delete_that_names_its_object_still_works(
    in_workspaces: Client, workspaces: tuple[MlflowServer, Path]
) -> None:
    server, folder = workspaces
    answer, lost = deletes(in_workspaces, server, folder, "1/f.txt")
    assert (answer.status, lost) == (200, {"1/f.txt"})
