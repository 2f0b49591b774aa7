"""Bodies that a grant limited to names is held against, through the real Envoy, however a body can come.

What upstream receives is counted by Envoy itself, and the echo upstream says what the body was. Bodies that are too
large or cut short are in test_body_limits.py, settings of `bodies` in test_body_settings.py.
"""

import json
import uuid
from concurrent.futures import ThreadPoolExecutor

import pytest

from harness.bodies import (
    CREATE,
    DELAY,
    FORMS,
    JSON,
    LIMIT,
    REGISTRY,
    SCOPES,
    Form,
    body,
    chunked_slowly,
    digest,
    fresh,
    on_a_connection,
    on_http2,
    reason,
    warm,
    with_length,
)
from harness.checks import CREATE_RUN, access_log_entry, sent_upstream, unharmed
from harness.http import Connection, Response, Upload, bearer, encode_head
from harness.http2 import Http2
from harness.stack import MOUNT, Stack

UPLOAD = f"{MOUNT}/api/2.0/mlflow-artifacts/artifacts/7/run/artifacts/weights.bin"
each_form = pytest.mark.parametrize("form", FORMS, ids=lambda form: form.__name__)
each_size = pytest.mark.parametrize("size", [0, 20_000, LIMIT], ids=["small", "20 kB", "64 KiB"])


@pytest.fixture
def stack(inspecting_stack: Stack) -> Stack:
    return inspecting_stack


# --- allowed and refused ---


@each_form
@each_size
def test_an_allowed_body_arrives_whole_and_unchanged(stack: Stack, form: Form, size: int) -> None:
    data = body("acme-fraud", size)
    with unharmed(stack):
        seen = form(stack, warm(stack), data)().json()
    assert (seen["body_bytes"], seen["body_sha256"]) == (len(data), digest(data))


@each_form
@each_size
def test_of_a_refused_body_nothing_arrives(stack: Stack, form: Form, size: int) -> None:
    key, before = warm(stack), None
    with unharmed(stack):
        before = sent_upstream(stack)
        answer = form(stack, key, body("globex-fraud", size))()
        assert reason(answer) == (403, "name_not_granted")
        assert '"globex-fraud"' in answer.json()["message"]
        assert sent_upstream(stack) == before


@each_form
@pytest.mark.parametrize("name", ["acme-fraud", "globex-fraud"])
def test_a_body_that_comes_before_the_auth_reply(stack: Stack, form: Form, name: str) -> None:
    key, data = fresh(stack), body(name, 20_000)
    with unharmed(stack):
        before = sent_upstream(stack)
        with stack.auth.faults(delay_ms=int(DELAY * 1000)):
            answer = form(stack, key, data)
            assert sent_upstream(stack) == before
            response = answer()
        if name == "acme-fraud":
            assert response.json()["body_sha256"] == digest(data)
        else:
            assert reason(response) == (403, "name_not_granted")
            assert sent_upstream(stack) == before


@pytest.mark.parametrize("name", ["acme-fraud", "globex-fraud"])
@pytest.mark.parametrize("http2", [False, True], ids=["HTTP/1.1", "HTTP/2"])
def test_a_body_that_comes_after_the_auth_reply(stack: Stack, name: str, http2: bool) -> None:
    key, data = fresh(stack), body(name)
    parts = [data[:4], data[4:]]
    headers = [bearer(key), ("content-length", str(len(data)))]
    with unharmed(stack):
        before = sent_upstream(stack)
        response = (on_http2 if http2 else on_a_connection)(stack, headers, parts, 0.2)()
        if name == "acme-fraud":
            assert response.json()["body_sha256"] == digest(data)
        else:
            assert reason(response) == (403, "name_not_granted")
            assert sent_upstream(stack) == before


def test_the_name_at_the_end_of_a_body_counts(stack: Stack) -> None:
    # Each piece is a callback of its own: a filter that decided by the first would allow this.
    data = b'{"description": "' + b"d" * 9000 + b'", "name": "globex-fraud"}'
    key = warm(stack)
    with unharmed(stack):
        before = sent_upstream(stack)
        assert reason(chunked_slowly(stack, key, data)()) == (403, "name_not_granted")
        twice = b'{"name": "acme-fraud", "description": "' + b"d" * 9000 + b'", "name": "globex-fraud"}'
        assert reason(chunked_slowly(stack, key, twice)()) == (400, "body_ambiguous")
        assert sent_upstream(stack) == before


def test_requests_on_one_connection(stack: Stack) -> None:
    key = warm(stack)
    names = ["acme-1", "globex-1", "acme-2", "globex-2", "acme-3"]
    with unharmed(stack), stack.client.connect() as connection:
        one_by_one = [connection.request("POST", CREATE, [bearer(key), JSON], body(name)) for name in names]
        assert [answer.status for answer in one_by_one] == [200, 403, 200, 403, 200]
    # Two: of three, Envoy closes the connection behind an answer of its own, filter or not.
    for first, second in (("acme-1", "globex-1"), ("globex-1", "acme-1"), ("acme-1", "acme-2")):
        with unharmed(stack), stack.client.connect() as connection:
            requests = [encode_head("POST", CREATE, [
                ("host", "x"), bearer(key), JSON, ("content-length", str(len(body(name))))
            ]) + body(name) for name in (first, second)]  # fmt: skip
            connection.send(b"".join(requests))
            for name in (first, second):
                answer = connection.read_response()
                if name.startswith("acme"):
                    assert answer.json()["body_sha256"] == digest(body(name))
                else:
                    assert reason(answer) == (403, "name_not_granted")


def test_a_client_that_expects_to_be_told_to_go_on(stack: Stack) -> None:
    key, data = warm(stack), body("acme-fraud")
    headers = [("host", "x"), bearer(key), JSON, ("content-length", str(len(data)))]
    headers.append(("expect", "100-continue"))
    with unharmed(stack), stack.client.connect() as connection:
        connection.send(encode_head("POST", CREATE, headers))
        assert connection._line() == b"HTTP/1.1 100 Continue"
        assert connection._line() == b""
        connection.send(data)
        assert connection.read_response().json()["body_sha256"] == digest(data)


# --- many at once ---


def test_a_hundred_bodies_at_once_each_in_two_halves(stack: Stack) -> None:
    key = warm(stack)
    names = [f"{'acme' if number % 2 else 'globex'}-{number}" for number in range(100)]
    with unharmed(stack):
        before = stack.upstream.count
        connections = [Connection(stack.envoy.host, stack.envoy.port) for _ in names]
        for name, connection in zip(names, connections, strict=True):
            data = body(name, 2000)
            headers = [("host", "x"), bearer(key), JSON, ("content-length", str(len(data)))]
            connection.send(encode_head("POST", CREATE, headers) + data[:1000])
        assert stack.upstream.count == before
        # The other halves come in another order.
        for name, connection in reversed(list(zip(names, connections, strict=True))):
            connection.send(body(name, 2000)[1000:])
        for name, connection in zip(names, connections, strict=True):
            with connection:
                answer = connection.read_response()
            if name.startswith("acme"):
                assert answer.json()["body_sha256"] == digest(body(name, 2000))
            else:
                assert reason(answer) == (403, "name_not_granted")
                assert f'"{name}"' in answer.json()["message"]
        assert stack.upstream.count == before + 50


def test_a_hundred_bodies_wait_for_one_auth_reply(stack: Stack) -> None:
    key = fresh(stack)
    names = [f"{'acme' if number % 2 else 'globex'}-{number}" for number in range(100)]

    def send(numbered: tuple[int, str]) -> tuple[str, Response]:
        number, name = numbered
        return name, FORMS[number % len(FORMS)](stack, key, body(name, 3000))()

    with unharmed(stack):
        asked = stack.auth.validations
        with stack.auth.faults(delay_ms=int(DELAY * 1000)), ThreadPoolExecutor(100) as pool:
            answers = list(pool.map(send, enumerate(names)))
        assert stack.auth.validations == asked + 1
        for name, answer in answers:
            assert answer.status == (200 if name.startswith("acme") else 403), (name, answer)
            if answer.status == 200:
                assert answer.json()["body_sha256"] == digest(body(name, 3000))


def test_streams_of_one_http2_connection(stack: Stack) -> None:
    key = warm(stack)
    with unharmed(stack), Http2(stack.envoy.host, stack.envoy.port) as connection:
        names = [f"{'acme' if number % 2 else 'globex'}-{number}" for number in range(20)]
        streams = [connection.start("POST", CREATE, [bearer(key), JSON], body(name)[:9], end=False) for name in names]
        for name, stream in zip(names, streams, strict=True):
            connection.send_body(stream, body(name)[9:], end=True)
        statuses = [connection.wait(stream).status for stream in streams]
        assert statuses == [403, 200] * 10


# --- bodies that are none of the filter's business ---


@pytest.mark.parametrize(
    ("scopes", "method", "path"),
    [
        (["model:write"], "PUT", UPLOAD),
        (["model:write"], "POST", CREATE),
        (["model:write", "model:write:acme-*"], "POST", CREATE),
        (["model:read", "tracking:write:7"], "PUT", UPLOAD),
        (["tracking:write", "model:write:acme-*"], "POST", CREATE_RUN),
        (["tracking:write", "model:write:acme-*"], "POST", f"{MOUNT}/v1/traces"),
    ],
    ids=["artifact, wide key", "model, wide key", "model, both", "artifact, narrow key", "run", "OTLP"],
)
@pytest.mark.parametrize("http2", [False, True], ids=["HTTP/1.1", "HTTP/2"])
def test_a_body_that_decides_nothing_is_not_read(
    stack: Stack, scopes: list[str], method: str, path: str, http2: bool
) -> None:
    size = 5 << 20
    with unharmed(stack):
        headers = [bearer(fresh(stack, scopes)), JSON]
        assert stack.client.request(method, path, headers, b"x").status == 200
        if http2:
            with Http2(stack.envoy.host, stack.envoy.port) as connection:
                answer = connection.request(method, path, headers, bytes(size))
        else:
            answer = stack.client.request(method, path, headers, Upload(size))
        assert (answer.status, answer.json()["body_sha256"]) == (200, digest(bytes(size)))


def test_a_narrow_upload_is_refused_by_its_path_before_its_body(stack: Stack) -> None:
    key = warm(stack, ["model:read", "tracking:write:7"])
    foreign = UPLOAD.replace("/7/", "/8/")
    with unharmed(stack):
        before = sent_upstream(stack)
        headers = [("host", "x"), bearer(key), ("content-length", "5000000")]
        with stack.client.connect() as connection:
            connection.send(encode_head("PUT", foreign, headers))
            answer = connection.read_response()
        assert reason(answer) == (403, "name_not_granted")
        assert '"8"' in answer.json()["message"] and "it may do so on names that match 7" in answer.json()["message"]
        assert sent_upstream(stack) == before


# --- what the headers of a body may say ---


@pytest.mark.parametrize(
    "headers",
    [
        [("content-type", "application/x-www-form-urlencoded")],
        [("content-type", "application/json; charset=utf-16")],
        [("content-type", "application/json"), ("content-type", "text/plain")],
        [("content-type", "application/json"), ("content-encoding", "gzip")],
        [("content-type", "application/json"), ("x-mlflow-workspace", "globex")],
        [],
    ],
    ids=["form", "utf-16", "two types", "gzip", "workspace", "no type"],
)
def test_a_body_that_mlflow_may_read_in_another_way(stack: Stack, headers: list[tuple[str, str]]) -> None:
    key = warm(stack)
    with unharmed(stack):
        before = sent_upstream(stack)
        answer = stack.client.post(CREATE, [bearer(key), *headers], body("acme-fraud"))
        assert reason(answer) == (400, "body_ambiguous")
        assert sent_upstream(stack) == before


# --- what it leaves behind ---


@pytest.mark.parametrize(
    ("name", "decision", "why", "details"),
    [
        ("acme-fraud", "allow", "allowed", "via_upstream"),
        ("globex-fraud", "deny", "name_not_granted", "mlflow_authz_name_not_granted"),
    ],
)
@pytest.mark.parametrize("is_cold", [False, True], ids=["cached key", "cold key"])
def test_records_name_the_object(stack: Stack, name: str, decision: str, why: str, details: str, is_cold: bool) -> None:
    key = (fresh if is_cold else warm)(stack)
    answer = stack.client.post(CREATE, [bearer(key), JSON], body(name)).json()
    request_id = dict(answer["headers"])["x-request-id"] if decision == "allow" else answer["request_id"]
    entry = access_log_entry(stack, request_id=request_id)
    assert entry["response_code_details"] == details
    assert (entry["authz"]["decision"], entry["authz"]["reason"]) == (decision, why)
    assert entry["authz"]["operation"] == "CreateRegisteredModel"
    found = [r for r in stack.envoy.audit() if r["request_id"] == request_id]
    assert len(found) == 1
    record = found[0]
    assert (record["decision"], record["reason"], record["name"]) == (decision, why, name)
    assert record["permission"] == "registered_model:write"
    assert record["key_id"] == key.replace("hk_live_", "key_")
    assert record["scopes"] == SCOPES


def test_a_refused_alias_is_recorded_with_its_model(stack: Stack) -> None:
    key = warm(stack, ["model:read", "model:promote:acme-*@challenger"])
    alias = f"{REGISTRY}/alias"
    ok = b'{"name": "acme-fraud", "alias": "challenger", "version": "1"}'
    assert stack.client.post(alias, [bearer(key), JSON], ok).status == 200
    answer = stack.client.post(alias, [bearer(key), JSON], ok.replace(b"challenger", b"champion"))
    assert reason(answer) == (403, "name_not_granted")
    assert '"acme-fraud@champion"' in answer.json()["message"]
    assert "it may do so on names that match acme-*@challenger" in answer.json()["message"]
    assert stack.envoy.audit()[-1]["name"] == "acme-fraud@champion"


def test_bodies_and_keys_are_in_no_log(stack: Stack) -> None:
    key = warm(stack)
    secret = f"secret-{uuid.uuid4()}"
    for name in ("acme-1", "globex-1"):
        data = json.dumps({"name": name, "description": secret}).encode()
        assert with_length(stack, key, data)().status in (200, 403)
    assert with_length(stack, key, b'{"name": ' + secret.encode())().status == 400
    stack.envoy.access_log()
    for log in (stack.envoy.process.out, stack.envoy.process.err):
        assert secret not in log.read_text() and key not in log.read_text()
