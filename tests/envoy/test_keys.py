"""Keys that the configuration lists: decided through a real Envoy without one callout."""

import base64
import hashlib
import json
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

from harness import keys as standard_keys
from harness.checks import CREATE_RUN, READ_RUN
from harness.http import bearer
from harness.many import on_every_worker
from harness.processes import wait_until
from harness.stack import MOUNT, Stack

StartStack = Callable[..., Stack]
CI = "mk_continuous_integration_0123456789"
EXPIRED = "mk_expired_0123456789_0123456789"
LOOKUPS = "mlflow_authz_identity_lookups"
WHOAMI = f"{MOUNT}/.well-known/mlflow-authz/whoami"


def entry(key: str, key_id: str, **more: Any) -> dict[str, Any]:
    return {"sha256": hashlib.sha256(key.encode()).hexdigest(), "key_id": key_id, "user_id": f"user_{key_id}", **more}


def utc(after: timedelta) -> str:
    return (datetime.now(UTC) + after).strftime("%Y-%m-%dT%H:%M:%SZ")


def entries() -> list[dict[str, Any]]:
    return [
        entry(CI, "ci", scopes=["tracking:write"], expires_at=utc(timedelta(days=1))),
        entry(EXPIRED, "old", is_admin=True, expires_at=utc(timedelta(seconds=-1))),
    ]


def alone(**more: Any) -> dict[str, Any]:
    """Without an auth service, and without what is about its keys."""
    return {"auth_service": None, "key_pattern": None, "revocation": None, "keys": entries(), **more}


def without_service(config: dict[str, Any]) -> None:
    """Nor does Envoy know of one."""
    clusters = config["static_resources"]["clusters"]
    clusters[:] = [cluster for cluster in clusters if cluster["name"] != "auth_service"]


def reason(response: Any) -> str:
    return json.loads(response.body)["reason"]


def test_without_an_auth_service(start_stack: StartStack) -> None:
    stack = start_stack(plugin=alone(audit={"allows": True}), edit=without_service)
    allowed = stack.client.post(CREATE_RUN, [bearer(CI)])
    assert allowed.status == 200
    seen = stack.upstream.requests()[-1]
    assert seen.header("x-mlflow-authz-user") == ["user_ci"]
    assert seen.header("x-mlflow-authz-key") == ["ci"]
    assert seen.header("x-mlflow-authz-scopes") == ["tracking:write"]
    for header in (
        ("x-api-key", CI),
        ("authorization", f"Basic {base64.b64encode(f'anybody:{CI}'.encode()).decode()}"),
    ):
        assert stack.client.post(CREATE_RUN, [header]).status == 200, header
    denied = stack.client.post(f"{MOUNT}/api/2.0/mlflow/registered-models/create", [bearer(CI)])
    assert (denied.status, reason(denied)) == (403, "scope_missing")
    assert "API key ci may not" in json.loads(denied.body)["message"]
    before = stack.upstream.count
    for key in ("mk_unknown_0123456789", EXPIRED, CI[:-1], CI + "0", entries()[0]["sha256"]):
        refused = stack.client.post(CREATE_RUN, [bearer(key)])
        assert (refused.status, reason(refused)) == (401, "key_invalid"), key
    assert stack.client.post(CREATE_RUN, []).status == 401
    assert stack.upstream.count == before
    assert stack.auth.validations == 0
    assert stack.envoy.metric(LOOKUPS, identity="keys", result="valid") == 4
    assert stack.envoy.metric(LOOKUPS, identity="keys", result="expired") == 1
    whoami = json.loads(stack.client.get(WHOAMI, [bearer(CI)]).body)
    assert (whoami["identity"], whoami["key_id"]) == ("keys", "ci")
    records = stack.envoy.audit()
    assert {record["identity"] for record in records if record["reason"] == "allowed"} == {"keys"}
    assert {record["identity"] for record in records if record["reason"] == "key_invalid"} == {None}
    (field,) = [it["authz"] for it in stack.envoy.access_log() if it["authz"]["reason"] == "scope_missing"]
    assert field["identity"] == "keys"


def test_beside_an_auth_service(start_stack: StartStack) -> None:
    stack = start_stack(plugin={"keys": entries(), "key_pattern": "hk_*", "audit": {"allows": True}})
    assert stack.client.post(CREATE_RUN, [bearer(CI)]).status == 200
    assert stack.client.post(CREATE_RUN, [bearer(EXPIRED)]).status == 401
    assert stack.client.post(CREATE_RUN, [bearer("mk_other_0123456789")]).status == 401
    assert stack.auth.validations == 0
    assert stack.client.get(READ_RUN, [bearer(standard_keys.READ["key"])]).status == 200
    unknown = stack.client.get(READ_RUN, [bearer(standard_keys.UNKNOWN)])
    assert (unknown.status, reason(unknown)) == (401, "key_invalid")
    assert stack.auth.validations == 2
    allowed = [record["identity"] for record in stack.envoy.audit() if record["reason"] == "allowed"]
    assert allowed == ["keys", "auth_service"]


def test_the_auth_service_is_away(start_stack: StartStack) -> None:
    """For break-glass: the key works while nobody can validate any other."""
    stack = start_stack(plugin={"keys": entries()})
    stack.auth.stop()
    assert stack.client.post(CREATE_RUN, [bearer(CI)]).status == 200
    assert stack.client.get(READ_RUN, [bearer(standard_keys.READ["key"])]).status == 503


def test_a_key_ends_while_envoy_runs(start_stack: StartStack) -> None:
    soon = entry(CI, "ci", scopes=["model:read"], expires_at=utc(timedelta(seconds=15)))
    stack = start_stack(plugin=alone(keys=[soon]))
    with stack.client.connect() as connection:
        assert connection.request("GET", READ_RUN, [bearer(CI)]).status == 200
        refused = lambda: connection.request("GET", READ_RUN, [bearer(CI)]).status == 401  # noqa: E731
        wait_until(refused, "the end of the key", timeout=19)


def test_revoked_by_key_id(start_stack: StartStack) -> None:
    # The stand-in lists ids of its own keys only.
    listed = [entry(CI, standard_keys.WRITE["key_id"], scopes=["tracking:write"])]
    plugin = {"keys": listed, "revocation": {"path": "/api/v1/keys/revocations", "every": "500ms"}}
    stack = start_stack(concurrency=4, plugin=plugin)
    with on_every_worker(stack) as connections:
        statuses = lambda: {c.request("POST", CREATE_RUN, [bearer(CI)]).status for c in connections}  # noqa: E731
        assert statuses() == {200}
        stack.auth.revoke(standard_keys.WRITE["key_id"])
        wait_until(lambda: statuses() == {401}, "the refusal", timeout=5)
        time.sleep(1.5)
        assert statuses() == {401}
    assert stack.auth.validations == 0


def test_no_digest_leaves_envoy(start_stack: StartStack) -> None:
    stack = start_stack(plugin=alone())
    stack.client.post(CREATE_RUN, [bearer(CI)])
    stack.client.post(CREATE_RUN, [bearer(EXPIRED)])
    log = stack.envoy.log()
    for listed in entries():
        assert listed["sha256"] not in log and listed["sha256"].upper() not in log
    assert CI not in log and EXPIRED not in log
