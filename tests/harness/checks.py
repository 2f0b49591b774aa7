"""Checks that many tests share."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from .http import bearer
from .keys import READ
from .processes import wait_until
from .stack import MOUNT, Stack

READ_RUN = f"{MOUNT}/api/2.0/mlflow/runs/get"
"""GET; needs run:read."""
CREATE_RUN = f"{MOUNT}/api/2.0/mlflow/runs/create"
"""POST; needs run:write."""

# What the filter says when it cannot go on, and what Envoy says when the module is gone.
_SIGNS = ("panic", "[critical]", "request refused", "request held", "Function: proxy_on", "VM is failed")


@contextmanager
def unharmed(stack: Stack, key: str = READ["key"]) -> Iterator[None]:
    """Whatever happens inside, afterwards an allowed read succeeds and no VM has trapped or been replaced.

    A filter that traps takes its worker with it. Use a stack with one worker, or the read may meet another.
    """
    said = len(stack.envoy.log())
    yield
    assert stack.client.get(READ_RUN, [bearer(key)]).status == 200
    reloads = stack.envoy.stats(r"^wasm\..*vm_reload")
    assert reloads and not any(reloads.values()), reloads
    for line in stack.envoy.log()[said:].splitlines():
        assert not any(sign in line for sign in _SIGNS), line


def sent_upstream(stack: Stack) -> dict[str, int]:
    """Everything Envoy counts about what it sent to MLflow."""
    pattern = "^cluster.mlflow.(upstream_rq_total|upstream_rq_active|upstream_cx_tx_bytes_total)$"
    counted = stack.envoy.stats(pattern)
    assert len(counted) == 3, counted
    return counted


def access_log_entry(stack: Stack, **wanted: str) -> dict[str, Any]:
    """The one entry of the access log whose fields are as wanted, once it is written."""

    def matching() -> list[dict[str, Any]]:
        entries = stack.envoy.access_log(settle=False)
        return [entry for entry in entries if wanted.items() <= entry.items()]

    found = wait_until(matching, f"the access log has an entry with {wanted}", timeout=5, every=0.05)
    assert len(found) == 1, found
    return found[0]
