"""The harness itself: what tests rely on and would not notice missing."""

import hashlib
import os
import signal
import subprocess
import sys
import textwrap
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from harness import envoy_config, keys, paths, watchdog
from harness.auth_service import AuthService
from harness.envoy import Envoy
from harness.http import Client, Response, Upload, bearer
from harness.http2 import Http2
from harness.ports import FIRST, LAST, free_port, range_of
from harness.processes import INTERRUPTIBLE, NotReady, Process, wait_until
from harness.upstream import EchoUpstream

PYTHON = sys.executable


# --- echo upstream and clients ---


def test_echo_tells_what_it_read(echo: EchoUpstream) -> None:
    before = echo.count
    headers = [("X-One", "1"), ("x-two", "2"), ("x-one", "3")]
    answer = Client(*echo.address).request("PUT", "/a/../b?c=%2F", headers, b"body").json()
    assert (answer["method"], answer["path"]) == ("PUT", "/a/../b?c=%2F")
    assert [pair for pair in answer["headers"] if pair[0].lower().startswith("x-")] == [list(pair) for pair in headers]
    assert answer["body_bytes"] == 4
    assert answer["body_sha256"] == hashlib.sha256(b"body").hexdigest()
    assert echo.count == before + 1


def test_echo_keeps_connections_and_reads_chunked_bodies(echo: EchoUpstream) -> None:
    with Client(*echo.address).connect() as connection:
        assert connection.request("GET", "/first").json()["path"] == "/first"
        chunked = [("transfer-encoding", "chunked")]
        answer = connection.request("POST", "/", chunked, b"3\r\nabc\r\n2\r\nde\r\n0\r\n\r\n")
        assert answer.json()["body_sha256"] == hashlib.sha256(b"abcde").hexdigest()
        head = connection.request("HEAD", "/")
        assert (head.status, head.body) == (200, b"")
        assert connection.request("GET", "/last").json()["path"] == "/last"


def test_echo_takes_large_uploads(echo: EchoUpstream) -> None:
    answer = Client(*echo.address).request("PUT", "/", body=Upload(64 << 20)).json()
    assert answer["body_bytes"] == 64 << 20


def test_raw_client_sends_any_bytes(echo: EchoUpstream) -> None:
    answer = Client(*echo.address).get("/", [("x-raw", b"\xff\xfe")]).json()
    assert ["x-raw", "\xff\xfe"] in answer["headers"]


# --- Envoy ---


@pytest.fixture(scope="module")
def plain_envoy(tmp_path_factory: pytest.TempPathFactory, echo: EchoUpstream) -> Iterator[Envoy]:
    """Envoy without the filter."""
    options = envoy_config.EnvoyOptions(mlflow=echo.address, auth=echo.address, with_filter=False)
    with Envoy(options, tmp_path_factory.mktemp("plain")) as envoy:
        yield envoy


def test_envoy_forwards_without_the_mount(plain_envoy: Envoy) -> None:
    client = Client(plain_envoy.host, plain_envoy.port)
    assert client.get("/api/mlflow/api/2.0/x?y=1").json()["path"] == "/api/2.0/x?y=1"
    assert client.get("/api/mlflow/").json()["path"] == "/"
    assert client.get("/api/mlflow").status == 301
    assert client.get("/api/mlflowx").status == 404
    assert client.get("/api/mlflow/", [("x_y", "1")]).status == 400


def test_access_log_is_complete_and_without_queries(plain_envoy: Envoy) -> None:
    client = Client(plain_envoy.host, plain_envoy.port)
    marked = [("user-agent", "test-access-log"), ("x-envoy-original-path", "/made-up")]
    client.get("/api/mlflow/one?api_key=secret", marked)
    client.get("/two?api_key=secret", marked)
    entries = [e for e in plain_envoy.access_log() if e["user_agent"] == "test-access-log"]
    assert [(e["path"], e["status"]) for e in entries] == [("/api/mlflow/one", 200), ("/two", 404)]
    assert "secret" not in str(entries)


def test_http2(plain_envoy: Envoy) -> None:
    with Http2(plain_envoy.host, plain_envoy.port) as connection:
        slow = connection.start("POST", "/api/mlflow/open", end=False)
        answer = connection.request("POST", "/api/mlflow/x", [("x-one", "1")], bytes(200_000))
        assert answer.status == 200
        assert answer.json()["body_bytes"] == 200_000
        connection.cancel(slow)
        assert connection.request("GET", "/api/mlflow/y").json()["path"] == "/y"


def test_stats(plain_envoy: Envoy) -> None:
    before = plain_envoy.stats("downstream_rq_total")["http.mlflow.downstream_rq_total"]
    Client(plain_envoy.host, plain_envoy.port).get("/api/mlflow/")
    after = plain_envoy.stats("downstream_rq_total")["http.mlflow.downstream_rq_total"]
    assert after == before + 1
    listeners = plain_envoy.metric("envoy_http_downstream_rq_total", envoy_http_conn_manager_prefix="mlflow")
    assert listeners >= after


def test_envoy_without_its_defences(tmp_path: Path, echo: EchoUpstream) -> None:
    options = envoy_config.EnvoyOptions(
        mlflow=echo.address,
        auth=echo.address,
        with_filter=False,
        normalize=False,
        reject_underscores=False,
        use_remote_address=False,
        forward_rest=True,
    )
    with Envoy(options, tmp_path) as envoy:
        client = Client(envoy.host, envoy.port)
        headers: list[tuple[str, str | bytes]] = [("X_Raw", b"\xff\xfe")]
        headers += [("x-forwarded-for", "192.0.2.9"), ("user-agent", "bare")]
        answer = client.get("/a/..//b%2Fc;d", headers).json()
        assert answer["path"] == "/a/..//b%2Fc;d"
        assert ["x_raw", "\xff\xfe"] in answer["headers"]
        assert [e["client"] for e in envoy.access_log() if e["user_agent"] == "bare"] == ["192.0.2.9"]


def test_envoy_that_cannot_start_says_why(tmp_path: Path) -> None:
    def break_it(config: envoy_config.Config) -> None:
        envoy_config.listener(config)["no_such_field"] = 1

    here = ("127.0.0.1", 1)
    options = envoy_config.EnvoyOptions(mlflow=here, auth=here, with_filter=False, edit=break_it)
    with pytest.raises(NotReady, match="no_such_field"):
        Envoy(options, tmp_path)


def test_plugin_overrides_merge() -> None:
    merged = envoy_config.merge({"a": {"b": 1, "c": 2}, "d": [1], "e": 1}, {"a": {"b": 3}, "d": [2], "e": None})
    assert merged == {"a": {"b": 3, "c": 2}, "d": [2]}


# --- auth service ---


def validate(service: AuthService, key: str) -> Response:
    """What the filter sends."""
    body = b'{"service_id": "mlflow", "client_ip": "192.0.2.1"}'
    headers = [bearer(key), ("content-type", "application/json")]
    return Client(*service.address).post("/api/v1/keys/validate", headers, body)


def test_auth_service_answers_by_the_contract(auth_service: AuthService) -> None:
    before = auth_service.validations
    answer = validate(auth_service, keys.READ["key"])
    assert answer.status == 200
    assert answer.json()["scopes"] == ["model:read"]
    assert validate(auth_service, keys.UNKNOWN).status == 401
    assert validate(auth_service, keys.REFUSED["key"]).status == 403
    limited = validate(auth_service, keys.LIMITED["key"])
    assert (limited.status, limited.header("retry-after")) == (429, "7")
    assert auth_service.validations == before + 4
    assert auth_service.stats()["last"]["client_ip"] == "192.0.2.1"


def test_auth_service_faults_last_as_long_as_asked(auth_service: AuthService) -> None:
    with auth_service.faults(status=500):
        assert validate(auth_service, keys.READ["key"]).status == 500
    with auth_service.faults(garbage="truncated"), pytest.raises(ConnectionError):
        validate(auth_service, keys.READ["key"])
    assert validate(auth_service, keys.READ["key"]).status == 200


# --- keys, ports ---


def test_fresh_keys_are_never_given_twice() -> None:
    fresh = keys.FreshKeys(["model:read"], count=3)
    assert len({fresh.take() for _ in range(3)}) == 3
    with pytest.raises(RuntimeError, match="no fresh key"):
        fresh.take()


def test_ports_differ() -> None:
    assert len({free_port() for _ in range(50)}) == 50


def test_no_two_workers_share_a_port() -> None:
    ranges = [range_of(worker, 3) for worker in range(3)]
    assert len({port for ports in ranges for port in ports}) == sum(map(len, ranges))
    assert all(FIRST <= port <= LAST for ports in ranges for port in ports)
    assert min(map(len, ranges)) > 4000
    assert free_port() in range_of(
        int(os.environ.get("PYTEST_XDIST_WORKER", "gw0")[2:]), int(os.environ.get("PYTEST_XDIST_WORKER_COUNT", 1))
    )


# --- processes: nothing may be left behind ---

# A program that ignores SIGTERM and starts another in a session of its own.
STUBBORN = "import signal, subprocess, sys, time; signal.signal(15, signal.SIG_IGN); " \
    "subprocess.Popen([sys.executable, '-c', 'import time; time.sleep(300)'], start_new_session=True); " \
    "print('up', flush=True); time.sleep(300)"  # fmt: skip


def test_stop_ends_descendants_too(tmp_path: Path) -> None:
    process = Process("stubborn", [PYTHON, "-c", STUBBORN], tmp_path, grace=0.2)
    process.wait_ready(lambda: "up" in process.out.read_text(), timeout=10)
    mark = process._mark
    wait_until(lambda: len(watchdog.living(mark, set())) == 2, "both programs run")
    process.stop()
    process.stop()
    assert watchdog.living(mark, {process.pid}) == []


def test_a_program_can_be_interrupted_where_this_one_cannot(tmp_path: Path) -> None:
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        sleeper = Process("sleep", ["sleep", "300"], tmp_path)
    finally:
        signal.signal(signal.SIGINT, before)
    wait_until(lambda: Path(f"/proc/{sleeper.pid}/comm").read_text() == "sleep\n", "env has become sleep")
    os.kill(sleeper.pid, signal.SIGINT)
    wait_until(lambda: not sleeper.running(), "SIGINT has ended it")
    sleeper.stop()


def test_a_program_that_ends_early_is_reported_with_its_words(tmp_path: Path) -> None:
    process = Process("short", [PYTHON, "-c", "import sys; sys.exit('no such luck')"], tmp_path)
    with pytest.raises(NotReady, match="no such luck"):
        process.wait_ready(lambda: False, timeout=10)
    process.stop()


@pytest.mark.parametrize("sent", [signal.SIGKILL, signal.SIGTERM, signal.SIGINT], ids=lambda s: s.name)
def test_a_harness_that_dies_leaves_nothing(tmp_path: Path, sent: signal.Signals) -> None:
    script = f"""
        import sys, time
        from pathlib import Path
        from harness import processes
        process = processes.Process("stubborn", [{PYTHON!r}, "-c", {STUBBORN!r}], Path({str(tmp_path)!r}))
        process.wait_ready(lambda: "up" in process.out.read_text(), timeout=10)
        print(process._mark, flush=True)
        time.sleep(300)
    """
    environment = {**os.environ, "PYTHONPATH": str(paths.ROOT / "tests")}
    harness = subprocess.Popen(
        [*INTERRUPTIBLE, PYTHON, "-c", textwrap.dedent(script)],
        env=environment, stdout=subprocess.PIPE, text=True,
    )  # fmt: skip
    assert harness.stdout
    mark = harness.stdout.readline().strip()
    wait_until(lambda: len(watchdog.living(mark, set())) == 2, "both programs run")
    harness.send_signal(sent)
    harness.wait(timeout=15)
    wait_until(lambda: not watchdog.living(mark, set()), "the watchdog has ended both", timeout=15)


def test_wait_until_says_what_it_waited_for() -> None:
    began = time.monotonic()
    with pytest.raises(TimeoutError, match="the moon"):
        wait_until(lambda: False, "the moon", timeout=0.1)
    assert time.monotonic() - began < 5
