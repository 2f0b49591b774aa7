"""Published holes in MLflow's authorization, through the filter: advisories.json says what and why.

Every request goes through the real Envoy with an upstream that only counts. Rows with a `release` are also
played against that release with its own basic-auth app: the hole is shown without the filter first, then the
filter refuses the same request, with the same MLflow login, to a key that lacks the permission.
"""

import base64
import copy
import json
import os
import urllib.request
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from harness import keys, paths, ports
from harness.auth_service import AuthService
from harness.http import Client, Response, bearer
from harness.pool import Pool
from harness.processes import Process
from harness.stack import MOUNT, Stack

Row = dict[str, Any]
Header = tuple[str, str]

TABLE = json.loads((paths.ROOT / "tests" / "advisories.json").read_text())
ROWS: list[Row] = TABLE["advisories"]
AT_LEAST = {
    "GHSA-46r5-x6jq-v8g6",
    "GHSA-7qhf-v65m-g5f3",
    "GHSA-8c7q-86fq-vvmh",
    "GHSA-3p64-6gvh-82v5",
    "GHSA-4qq5-mxxx-m6gg",
}

VULNERABLE = paths.versions()["VULNERABLE_MLFLOW_VERSION"]
"""The release that holds most of the holes."""

_BY_SCOPES = {
    tuple(entry["scopes"]): entry["key"]
    for entry in (
        *(keys.READ, keys.REGISTER, keys.WRITE, keys.DELETE),
        *(keys.TRACKING, keys.GATEWAY, keys.FULL, keys.NO_SCOPES),
    )
}


def key_with(scopes: list[str]) -> str:
    """The standard key that has these scopes and no others."""
    return _BY_SCOPES[tuple(scopes)]


# --- a row's requests ---

PLACEHOLDERS = {
    "<experiment>": "1",
    "<run>": "0123456789abcdef0123456789abcdef",
    "<model>": "m-0123456789abcdef0123456789abcdef",
    "<trace>": "tr-0123456789abcdef",
    "<webhook>": "00000000-0000-4000-8000-000000000000",
    "<server_folder>": "/etc",
}


def filled(request: Row, values: dict[str, str]) -> Row:
    """A request with the <words> replaced."""
    text = json.dumps(request)
    for word, value in values.items():
        text = text.replace(word, value)
    return json.loads(text)


def send(client: Client, request: Row, credentials: list[Header], mount: str = "") -> Response:
    """Sends a row's request."""
    headers = list(request.get("headers", {}).items())
    body = request.get("body")
    if body is not None:
        if not isinstance(body, str):
            body = json.dumps(body)
        if "content-type" not in request.get("headers", {}):
            headers.append(("content-type", "application/json"))
    data = None if body is None else body.encode()
    return client.request(request["method"], mount + request["target"], headers + credentials, data)


def key_headers(scopes: list[str] | None) -> list[Header]:
    return [] if scopes is None else [bearer(key_with(scopes))]


def each_request(rows: list[Row]) -> list[Any]:
    """One pytest parameter a request: its row, and the request with dummy values."""
    return [
        pytest.param(row, filled(request, PLACEHOLDERS), id=f"{row['id']}-{number}")
        for row in rows
        for number, request in enumerate(row["requests"], 1)
    ]


# --- the table itself ---


def test_the_table_is_whole() -> None:
    """Every advisory of AT_LEAST is there, and each row says what it rests on and what stays open."""
    ids = [row["id"] for row in ROWS]
    assert set(ids) >= AT_LEAST
    assert not [name for name, count in Counter(ids).items() if count > 1]
    known = {*ids, *(entry["id"] for entry in TABLE["unresolved"])}
    assert known.isdisjoint(name for entry in TABLE["left_out"] for name in entry["ids"])
    for row in ROWS:
        for name in ("title", "affected", "fixed_in", "source", "facts"):
            assert row[name], (row["id"], name)
        assert row["covered"] or row["still_open"], row["id"]
        assert all(request["refused"] for request in row["requests"]), row["id"]
        assert row["release"] in (None, VULNERABLE, paths.versions()["VULNERABLE_MLFLOW_2_VERSION"]), row["id"]
        assert bool(row["release"]) == any("hole" in request for request in row["requests"]), row["id"]
    assert all(entry["reason"] for entry in TABLE["unresolved"] + TABLE["left_out"])


# --- through Envoy, to an upstream that counts ---


def refusal_problems(stack: Stack, row: Row, request: Row) -> list[str]:
    """What is not as the row says: statuses, reasons, permission, or a request that reached upstream."""
    problems = []
    refusals = [(f"key {entry['scopes']}", key_headers(entry["scopes"]), entry) for entry in request["refused"]]
    if request["permission"]:
        # Whatever the row names, a key without any scope is told which permission the catalog demands.
        bare = {"scopes": [], "status": 403, "reason": "scope_missing"}
        if "authorization" not in request.get("headers", {}):
            refusals.append(("key without scopes", key_headers([]), bare))
    for who, credentials, wanted in refusals:
        before = stack.upstream.count
        answer = send(stack.client, request, credentials, MOUNT)
        if stack.upstream.count != before:
            problems.append(f"{row['id']}: {who}: reached upstream")
            continue
        body = answer.json()
        if (answer.status, body["reason"]) != (wanted["status"], wanted["reason"]):
            problems.append(f"{row['id']}: {who}: {answer.status} {body['reason']}, not {wanted}")
        if answer.status == 403:
            told = (body["required_permission"], body["operation"])
            # GraphQL needs several permissions, and a caller is told the first that is missing.
            permission = wanted.get("permission", request["permission"])
            if told != (permission, request["operation"]):
                problems.append(f"{row['id']}: {who}: {told}")
    return problems


@pytest.mark.parametrize(("row", "request_"), each_request(ROWS))
def test_refused_without_the_permission(stack: Stack, row: Row, request_: Row) -> None:
    assert refusal_problems(stack, row, request_) == []


@pytest.mark.parametrize(("row", "request_"), each_request(ROWS))
def test_passes_with_the_permission(stack: Stack, row: Row, request_: Row) -> None:
    """Refusing everybody would be no protection; and `still_open` speaks of the same keys."""
    if request_["passes"] is None:
        pytest.skip("no key may")
    before = stack.upstream.count
    assert send(stack.client, request_, key_headers(request_["passes"]), MOUNT).status == 200
    assert stack.upstream.count == before + 1


def test_a_row_that_is_not_refused_is_noticed(stack: Stack) -> None:
    """A row whose key may after all, and one that expects another reason, are found."""
    row = next(row for row in ROWS if row["id"] == "GHSA-3p64-6gvh-82v5")
    request = filled(row["requests"][0], PLACEHOLDERS)
    allowed = copy.deepcopy(request)
    allowed["refused"] = [{"scopes": request["passes"], "status": 403, "reason": "scope_missing"}]
    assert "reached upstream" in "".join(refusal_problems(stack, row, allowed))
    other = copy.deepcopy(request)
    other["refused"][0]["reason"] = "key_invalid"
    assert "credential_missing, not" in "".join(refusal_problems(stack, row, other))
    weaker = copy.deepcopy(request)
    weaker["permission"] = "run:read"
    assert "('run:write', 'LogInputs')" in "".join(refusal_problems(stack, row, weaker))


# --- in front of a release that has the hole ---


def basic(user: str) -> Header:
    """MLflow's own login of a user of `VulnerableMlflow`."""
    password = {"admin": "password1234"}.get(user, f"{user}-password-1")
    return ("authorization", "Basic " + base64.b64encode(f"{user}:{password}".encode()).decode())


class VulnerableMlflow:
    """An old MLflow with `--app-name basic-auth`, the password it ships, and no permissions by default."""

    def __init__(self, release: str, workdir: Path) -> None:
        """Starts the server and waits until it answers."""
        python = paths.mlflow_python(release)
        self.address = (ports.HOST, ports.free_port())
        self.client = Client(*self.address, timeout=60)
        self.folder = workdir
        config = workdir / "auth.ini"
        config.write_text(
            "[mlflow]\n"
            "default_permission = NO_PERMISSIONS\n"
            f"database_uri = sqlite:///{workdir}/auth.db\n"
            "admin_username = admin\n"
            "admin_password = password1234\n"
            "authorization_function = mlflow.server.auth:authenticate_request_basic_auth\n"
        )
        self.process = Process(
            f"mlflow-{release}",
            [
                *(python, "-m", "mlflow", "server", "--app-name", "basic-auth"),
                *("--host", self.address[0], "--port", str(self.address[1]), "--workers", "1"),
                *("--backend-store-uri", f"sqlite:///{workdir}/mlflow.db"),
                *("--artifacts-destination", workdir / "artifacts"),
                # The option came with 3.5, as did the check of the Host header.
                *(() if release.startswith("2.") else ("--allowed-hosts", "*")),
            ],
            workdir,
            env={
                "MLFLOW_AUTH_CONFIG_PATH": str(config),
                "MLFLOW_FLASK_SERVER_SECRET_KEY": "not a secret",
                "MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false",
                "MLFLOW_DISABLE_TELEMETRY": "true",
                # Nothing listens where the webhooks of this test point.
                "MLFLOW_WEBHOOK_REQUEST_MAX_RETRIES": "0",
                # The assistant keeps its configuration in the home folder; 2.x looks for gunicorn in PATH.
                "HOME": str(workdir),
                "PATH": f"{python.parent}:{os.environ['PATH']}",
            },
            grace=10,
        )
        try:
            self.process.wait_ready(self._healthy, timeout=120)
        except BaseException:
            self.process.stop()
            raise

    def _healthy(self) -> bool:
        with urllib.request.urlopen(f"http://{ports.HOST}:{self.address[1]}/health", timeout=5) as answer:
            return answer.status == 200

    def call(self, user: str, method: str, target: str, body: Any = None) -> Any:
        """A request of the set-up that has to succeed; a dict goes as JSON, bytes as they are."""
        kind = "application/octet-stream" if isinstance(body, bytes) else "application/json"
        data = body if isinstance(body, bytes | None) else json.dumps(body).encode()
        answer = self.client.request(method, target, [basic(user), ("content-type", kind)], data)
        assert answer.status == 200, (method, target, answer)
        return answer.json()

    def set_up(self) -> dict[str, str]:
        """A victim's things, and an attacker without permissions on them; the values of the <words>."""
        for user in ("victim", "attacker"):
            account = {"username": user, "password": f"{user}-password-1"}
            self.call("admin", "POST", "/api/2.0/mlflow/users/create", account)

        def make(user: str, path: str, body: Any, method: str = "POST") -> Any:
            return self.call(user, method, f"/api/{path}", body)

        experiment = make("victim", "2.0/mlflow/experiments/create", {"name": "victim"})["experiment_id"]
        run = make("victim", "2.0/mlflow/runs/create", {"experiment_id": experiment})["run"]["info"]["run_id"]
        logged = {"experiment_id": experiment, "name": "victim", "source_run_id": run}
        model = make("victim", "2.0/mlflow/logged-models", logged)["model"]["info"]["model_id"]
        store = f"2.0/mlflow-artifacts/artifacts/{experiment}"
        make("victim", f"{store}/{run}/artifacts/secret.txt", b"weights", "PUT")
        make("victim", f"{store}/models/{model}/artifacts/MLmodel", b"model-weights", "PUT")
        for user, name in (("victim", "victim"), ("attacker", "attacker"), ("attacker", "thief")):
            make(user, "2.0/mlflow/registered-models/create", {"name": f"{name}-model"})
        source = f"mlflow-artifacts:/{experiment}/{run}/artifacts"
        version = {"name": "victim-model", "source": source, "run_id": run}
        make("victim", "2.0/mlflow/model-versions/create", version)
        place = {"type": "MLFLOW_EXPERIMENT", "mlflow_experiment": {"experiment_id": experiment}}
        trace = {"trace_id": "tr-0123", "trace_location": place, "state": "OK"}
        trace["request_time"] = "2026-01-01T00:00:00Z"
        make("victim", "3.0/mlflow/traces", {"trace": {"trace_info": trace}})
        secret = {"secret_name": "victim-secret", "provider": "openai"}
        secret["secret_value"] = {"api_key": "sk-123456789"}
        make("victim", "3.0/mlflow/gateway/secrets/create", secret)
        webhook = {"name": "victim-webhook", "url": "https://127.0.0.1:1/"}
        webhook["events"] = [{"entity": "REGISTERED_MODEL", "action": "CREATED"}]
        webhook_id = make("admin", "2.0/mlflow/webhooks", webhook)["webhook"]["webhook_id"]
        return {
            "<experiment>": experiment,
            "<run>": run,
            "<model>": model,
            "<trace>": "tr-0123",
            "<webhook>": webhook_id,
            "<server_folder>": str(self.folder),
        }


@dataclass
class Victim:
    """A vulnerable release, Envoy in front of it, and the values of the <words>."""

    server: VulnerableMlflow
    stack: Stack
    values: dict[str, str]

    def direct(self, request: Row) -> Response:
        """The request as the hole's user makes it, without Envoy."""
        return send(self.server.client, request, self._login(request))

    def filtered(self, request: Row, scopes: list[str] | None) -> tuple[Response, int]:
        """The same through Envoy, with a key beside the login, and how many requests reached MLflow."""
        key = [] if scopes is None else [("x-api-key", key_with(scopes))]
        before = self._forwarded()
        answer = send(self.stack.client, request, self._login(request) + key, MOUNT)
        return answer, self._forwarded() - before

    def _login(self, request: Row) -> list[Header]:
        user = request["hole"]["by"]
        return [] if user == "nobody" else [basic(user)]

    def _forwarded(self) -> int:
        return sum(self.stack.envoy.stats(r"^cluster\.mlflow\.upstream_rq_total$").values())


StartVictim = Callable[[str], Victim]


@pytest.fixture(scope="module")
def victims(tmp_path_factory: pytest.TempPathFactory, auth_service: AuthService, pool: Pool) -> Iterator[StartVictim]:
    """Call it for a release with its Envoy; each is started once."""
    started: dict[str, Victim] = {}

    def start(release: str) -> Victim:
        if release not in started:
            workdir = tmp_path_factory.mktemp(f"vulnerable-{release}")
            server = VulnerableMlflow(release, workdir)
            # Authorization is left to MLflow's own login, so that both it and a key can be there.
            plugin = {"credentials": ["x-api-key"]}
            stack = Stack(workdir / "envoy", auth=auth_service, mlflow=server.address, plugin=plugin, pool=pool)
            started[release] = Victim(server, stack, {})
            if release == VULNERABLE:
                started[release].values = server.set_up()
        return started[release]

    yield start
    for victim in started.values():
        victim.stack.stop()
        victim.server.process.stop()


def assert_hole(request: Row, answer: Response) -> None:
    wanted = request["hole"]
    assert answer.status == wanted["status"], (request["target"], answer)
    assert wanted["contains"] in answer.body.decode(), (request["target"], answer)


@pytest.mark.parametrize(
    "user_and_request",
    [
        ("attacker", "GET", "/api/2.0/mlflow/runs/get?run_id=<run>", None, 403),
        ("attacker", "GET", "/api/2.0/mlflow/logged-models/<model>", None, 403),
        ("attacker", "GET", "/get-artifact?run_id=<run>&path=secret.txt", None, 403),
        ("nobody", "GET", "/api/2.0/mlflow/users/get?username=victim", None, 401),
    ],
    ids=["run", "logged model", "artifact", "no login"],
)
def test_the_vulnerable_release_guards_the_rest(victims: StartVictim, user_and_request: tuple) -> None:
    """Without this, a server that asks nobody for anything would make every hole look real."""
    user, method, target, body, status = user_and_request
    victim = victims(VULNERABLE)
    request = {"method": method, "target": target, "body": body, "hole": {"by": user}}
    assert victim.direct(filled(request, victim.values)).status == status


@pytest.mark.parametrize("row", [pytest.param(row, id=row["id"]) for row in ROWS if row["release"]])
def test_in_front_of_a_release_with_the_hole(victims: StartVictim, row: Row) -> None:
    """The hole is there; the filter closes it; and it is the filter that does, not the way there."""
    victim = victims(row["release"])
    shown = [filled(request, victim.values) for request in row["requests"] if "hole" in request]
    for request in shown:
        assert_hole(request, victim.direct(request))
        for wanted in request["refused"] + request.get("x_api_key", []):
            reason = wanted["reason"]
            if reason == "key_invalid":
                # Here the login is none of the filter's credentials.
                reason = "credential_missing"
            answer, forwarded = victim.filtered(request, wanted["scopes"])
            assert (answer.status, forwarded) == (wanted["status"], 0), (request["target"], answer)
            assert answer.json()["reason"] == reason, answer
        if request is shown[0] and request["passes"] and request.get("control", True):
            answer, forwarded = victim.filtered(request, request["passes"])
            assert_hole(request, answer)
            assert forwarded == 1
