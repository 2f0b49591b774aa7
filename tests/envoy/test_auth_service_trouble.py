"""An auth service in trouble, or not one at all: 503 with words for the operator, never a 401, no trap."""

import itertools
import re
import time
from collections.abc import Iterator
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

import pytest

from harness import keys
from harness.checks import CREATE_RUN, READ_RUN, unharmed
from harness.envoy_config import Config
from harness.http import Response, bearer
from harness.http2 import Http2
from harness.pool import Pool
from harness.processes import wait_until
from harness.stack import Stack

READ = keys.READ["key"]
MISCONFIGURED = "mlflow_authz_auth_service_misconfigured"
# So many failures would open the circuit, and no more would be heard of them: see test_protection.
PATIENT = {"breaker": {"failures": 1_000_000}}

# What stands in a reply and nowhere else: no log may repeat any of it.
WORD = "LEAKED"
CONTENT = (WORD, "garbage", "Sign in", "doctype", "the key is fine", "a fault orders")

# Replies whose fields are outside the contract, and the field the log is to name.
ODD_REPLIES: list[tuple[dict[str, Any], str]] = [
    ({"scopes": WORD}, "scopes"),
    ({"scopes": ["mlflow:admin", 1]}, "scopes[1]"),
    ({"scopes": ["mlflow:admin"], "is_admin": WORD}, "is_admin"),
    ({"scopes": ["mlflow:admin"], "roles": WORD}, "roles"),
    ({"scopes": ["mlflow:admin"], "user_id": {WORD: WORD}}, "user_id"),
    ({"scopes": ["mlflow:admin"], "valid": "false"}, "valid"),
    ({"scopes": ["mlflow:admin"], "active": None}, "active"),
    ({"scopes": ["mlflow:admin"], "user": {"enabled": WORD}}, "user.enabled"),
    ({"scopes": ["mlflow:admin"], "expires_at": 1577836800000}, "expires_at"),
    ({"scopes": ["mlflow:admin"], "user": {"roles": [[WORD]]}}, "user.roles[0]"),
    ({"scopes": [], "user": [WORD, None, True]}, "user"),
    ({"scopes": [], "user": [None, None, True]}, "user"),
]
ODD_KEYS = [{**reply, "key": f"hk_live_odd_{number}"} for number, (reply, _) in enumerate(ODD_REPLIES)]


@pytest.fixture(scope="module")
def troubled(session_dir: Path, pool: Pool) -> Iterator[Stack]:
    """A stack whose auth service can be upset without troubling other tests."""
    plugin = {"auth_service": {"timeout": "300ms", "max_in_flight": 200, **PATIENT}}
    with Stack(session_dir / "troubled", keys=keys.STANDARD + ODD_KEYS, plugin=plugin, pool=pool) as started:
        yield started


def assert_unavailable(response: Response) -> None:
    assert response.status == 503
    assert response.header("retry-after") == "15"
    assert response.header("www-authenticate") is None
    body = response.json()
    assert (body["error_code"], body["reason"]) == ("TEMPORARILY_UNAVAILABLE", "auth_unavailable")


_numbers = itertools.count()


def any_key() -> str:
    """Another one each time: a key that has just failed is not asked about."""
    return f"hk_live_any_{next(_numbers)}"


class Trouble:
    """One request in trouble: what the filter logged and counted about it."""

    def __init__(self, stack: Stack, faults: AbstractContextManager[None] | None, key: str = READ) -> None:
        # The line for the operator comes once a second.
        time.sleep(1.005 - time.time() % 1)
        said, before = len(stack.envoy.log()), counted(stack)
        upstream = stack.upstream.count
        with unharmed(stack):
            if faults is None:
                self.response = stack.client.get(READ_RUN, [bearer(key)])
            else:
                with faults:
                    self.response = stack.client.get(READ_RUN, [bearer(key)])
            self.log = stack.envoy.log()[said:]
            assert stack.upstream.count == upstream
            after = counted(stack)
        self.counted = {name: after[name] - before.get(name, 0) for name in after}
        self.lines = re.findall(r"\[error\]\[wasm\].*: (auth_unavailable: .*)", self.log)

    def check(self, outcome: str, says: str, misconfigured: bool) -> None:
        assert_unavailable(self.response)
        assert len(self.lines) == 1 and re.search(says, self.lines[0]), self.lines
        assert self.counted[f"mlflow_authz_callouts.outcome=.={outcome};.;"] == 1
        assert self.counted.get(MISCONFIGURED, 0) == misconfigured
        for word in (*CONTENT, READ):
            assert word not in self.log


def counted(stack: Stack) -> dict[str, int]:
    found = stack.envoy.stats("mlflow_authz_(callouts|auth_service)")
    return {name.removeprefix("wasmcustom."): value for name, value in found.items()}


FAULTS = [
    # garbage, status, outcome, what the log says, a misconfiguration?
    ("empty", None, "contract", "the body is not JSON", True),
    ("html", None, "contract", "the body is not JSON", True),
    ("huge", None, "contract", "the body is larger than 65536 bytes", True),
    ("truncated", None, "reset", "ended without a response", False),
    ("reset", None, "reset", "ended without a response", False),
    ("html", 404, "unexpected_status", "answered 404.*check auth_service.path", True),
    (None, 302, "unexpected_status", "answered 302.*follows no redirect", True),
    (None, 201, "unexpected_status", "answered 201.*makes keys", True),
    (None, 405, "unexpected_status", "answered 405.*auth_service.method", True),
    (None, 422, "unexpected_status", "answered 422.*service_id", True),
    (None, 500, "error", "answered 500", False),
    ("huge", 500, "error", "answered 500", False),
]


@pytest.mark.parametrize(("garbage", "status", "outcome", "says", "misconfigured"), FAULTS)
def test_faulty_replies(
    troubled: Stack, garbage: str | None, status: int | None, outcome: str, says: str, misconfigured: bool
) -> None:
    ordered = troubled.auth.faults(garbage=garbage, status=status)
    Trouble(troubled, ordered, key=any_key()).check(outcome, says, misconfigured)


def test_no_reply_in_time(troubled: Stack) -> None:
    began = time.monotonic()
    trouble = Trouble(troubled, troubled.auth.faults(delay_ms=2000), key=any_key())
    trouble.check("timeout", "timed out", misconfigured=False)
    assert time.monotonic() - began < 1.9


@pytest.mark.parametrize(("number", "field"), [(n, field) for n, (_, field) in enumerate(ODD_REPLIES)])
def test_replies_outside_the_contract_name_the_field(troubled: Stack, number: int, field: str) -> None:
    trouble = Trouble(troubled, None, key=f"hk_live_odd_{number}")
    trouble.check("contract", rf"field {re.escape(field)}: ", misconfigured=True)


def test_no_connection(start_stack: Any) -> None:
    stack = start_stack()
    assert stack.client.get(READ_RUN, [bearer(READ)]).status == 200  # `unharmed` needs it cached.
    stack.auth.stop()
    trouble = Trouble(stack, None, key=any_key())
    says = "no connection to the auth service: .*cluster.NAME.ssl.fail_verify_san.*upstream_cx_connect_fail"
    trouble.check("unreachable", says, misconfigured=False)
    assert stack.client.post(CREATE_RUN, [bearer(READ)]).status == 403  # Still known.


def no_endpoints(config: Config) -> None:
    for cluster in config["static_resources"]["clusters"]:
        if cluster["name"] == "auth_service":
            cluster["load_assignment"]["endpoints"] = []


@pytest.mark.parametrize(
    "options",
    [
        {"plugin": {"auth_service": {"cluster": "no_such_cluster", **PATIENT}}},
        {"plugin": {"auth_service": PATIENT}, "edit": no_endpoints},
    ],
    ids=["unknown cluster", "empty cluster"],
)
def test_callouts_that_cannot_be_sent(start_stack: Any, options: dict[str, Any]) -> None:
    stack = start_stack(**options)
    assert_unavailable(stack.client.get(READ_RUN, [bearer(any_key())]))
    assert_unavailable(stack.client.post(CREATE_RUN, [bearer(any_key())], bytes(5000)))
    with Http2(stack.envoy.host, stack.envoy.port) as h2:
        streams = [h2.start("GET", READ_RUN, [bearer(any_key())]) for _ in range(20)]
        for stream in streams:
            assert_unavailable(h2.wait(stream))
    assert stack.upstream.count == 0
    assert counted(stack) == {MISCONFIGURED: 22, "mlflow_authz_callouts.outcome=.=not_sent;.;": 22}
    errors = [text for level, text in stack.envoy.wasm_log() if level == "error"]
    assert 1 <= len(errors) <= 2
    assert "auth_service.cluster" in errors[0]
    assert stack.client.get("/api/mlflow/health").status == 200  # The worker lives.
    assert not any(stack.envoy.stats("vm_reload").values())


def test_trouble_ends_with_the_trouble(troubled: Stack) -> None:
    with troubled.auth.faults(garbage="html"):
        assert_unavailable(troubled.client.get(READ_RUN, [bearer(keys.WRITE["key"])]))
    time.sleep(1)
    assert troubled.client.get(READ_RUN, [bearer(keys.WRITE["key"])]).status == 200


def test_a_known_key_does_not_notice(troubled: Stack) -> None:
    caller = [bearer(keys.FULL["key"])]
    assert troubled.client.get(READ_RUN, caller).status == 200
    with troubled.auth.faults(status=500):
        assert troubled.client.post(CREATE_RUN, caller).status == 200


def test_a_flood_of_errors_is_a_line_a_second(troubled: Stack) -> None:
    assert troubled.client.get(READ_RUN, [bearer(READ)]).status == 200  # `unharmed` needs it cached.
    time.sleep(1.005 - time.time() % 1)
    said = len(troubled.envoy.log())

    def lines() -> list[str]:
        return re.findall(r"auth_unavailable: .*", troubled.envoy.log()[said:])

    with troubled.auth.faults(status=404), unharmed(troubled):
        began = time.time()
        for _ in range(40):
            assert_unavailable(troubled.client.get(READ_RUN, [bearer(any_key())]))
        seconds = int(time.time()) - int(began) + 1
        assert 1 <= len(lines()) <= seconds
        time.sleep(1.005 - time.time() % 1)
        assert_unavailable(troubled.client.get(READ_RUN, [bearer(any_key())]))
    left_out = [int(number) for line in lines() for number in re.findall(r"\((\d+) more lines left out", line)]
    assert len(lines()) + sum(left_out) == 41


def test_many_streams_wait_and_all_fail(troubled: Stack) -> None:
    with unharmed(troubled), troubled.auth.faults(delay_ms=100, garbage="reset"):
        with Http2(troubled.envoy.host, troubled.envoy.port) as h2:
            streams = [
                h2.start("POST", CREATE_RUN, [bearer(f"hk_live_any_{number}")], bytes(100)) for number in range(50)
            ]
            for stream in streams:
                assert_unavailable(h2.wait(stream))
    wait_until(lambda: troubled.auth.stats()["in_flight"] == 0, "all callouts have ended")
