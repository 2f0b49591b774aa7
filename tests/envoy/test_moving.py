"""From one source of identity to another without refusing anybody, as docs/identity.md says."""

import hashlib
import json
from collections.abc import Callable
from typing import Any

import pytest

from harness import keys
from harness.checks import CREATE_RUN, READ_RUN
from harness.http import bearer
from harness.stack import MOUNT, Stack

SERVICE = {"cluster": "auth_service", "authority": "auth.internal"}
KNOWN = [keys.READ, keys.WRITE]
AT_SERVICE = "mlflow_authz_cache_lookups"
LISTED = "mlflow_authz_identity_lookups"


def listed() -> list[dict[str, Any]]:
    """Entries of the keys that callers have already, by their digests."""
    entries = []
    for key in KNOWN:
        # The command refuses keys as short as the harness's.
        entry = {name: key[name] for name in ("key_id", "user_id", "scopes")}
        entries.append({**entry, "sha256": hashlib.sha256(key["key"].encode()).hexdigest()})
    return entries


@pytest.mark.parametrize("way", ["to keys", "to an auth service"])
def test_no_step_refuses_anybody(start_stack: Callable[..., Stack], way: str) -> None:
    """Old, both, new: each caller may at every step what it may at the first."""
    only_service, only_keys = {"auth_service": SERVICE}, {"keys": listed()}
    steps = [only_service, {**only_service, **only_keys}, only_keys]
    if way == "to an auth service":
        steps.reverse()
    for number, sources in enumerate(steps):
        with start_stack(keys=KNOWN, plugin_text=json.dumps({"mounts": [MOUNT], **sources})) as stack:
            reader, writer = bearer(keys.READ["key"]), bearer(keys.WRITE["key"])
            assert stack.client.get(READ_RUN, [reader]).status == 200, number
            assert stack.client.post(CREATE_RUN, [reader]).json()["reason"] == "scope_missing", number
            assert stack.client.post(CREATE_RUN, [writer]).status == 200, number
            seen = stack.upstream.requests()[-1]
            assert seen.header("x-mlflow-authz-key") == [keys.WRITE["key_id"]], number
            # With both, a listed key is nobody else's to judge: who is left at the service is counted.
            by_keys = "keys" in sources
            assert stack.envoy.metric(LISTED, identity="keys") == (3 if by_keys else 0), number
            assert (stack.envoy.metric(AT_SERVICE) == 0) == by_keys, number
            assert stack.auth.validations == (0 if by_keys else 2), number
