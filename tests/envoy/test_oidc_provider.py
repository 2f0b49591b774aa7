"""npm's oidc-provider introspects for the filter, through the real Envoy: what a second implementation of the RFC does."""

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from harness.checks import CREATE_RUN, READ_RUN
from harness.http import bearer
from harness.oauth import OidcProvider, basic
from harness.processes import wait_until
from harness.stack import MOUNT, Stack
from harness.upstream import EchoUpstream

WHOAMI = f"{MOUNT}/.well-known/mlflow-authz/whoami"
CREDENTIAL = [f"authorization: {basic('proxy')}"]


@pytest.fixture(scope="module")
def provider(session_dir: Path) -> Iterator[OidcProvider]:
    with OidcProvider(session_dir / "oidc-provider") as server:
        yield server


@pytest.fixture
def start(start_stack: Callable[..., Stack], provider: OidcProvider, echo: EchoUpstream) -> Callable[..., Stack]:
    """Call it with the filter's own credential, and how long a reply is cached."""

    def started(headers: list[str], ttl: str = "60s") -> Stack:
        wanted: dict[str, Any] = {
            "mounts": [MOUNT],
            "auth_service": {
                "cluster": "auth_service",
                "authority": f"{provider.address[0]}:{provider.address[1]}",
                "path": provider.introspection_path,
                "protocol": "introspection",
                "audience": "mlflow",
                "headers": headers,
            },
            "cache": {"ttl": ttl, "negative_ttl": "0s"},
        }
        return start_stack(auth=provider, upstream=echo, plugin_text=json.dumps(wanted))

    return started


def decided(stack: Stack, target: str, token: str, method: str = "GET") -> tuple[int, str | None]:
    """The status, and the reason of a denial."""
    body = b"{}" if method == "POST" else None
    response = stack.client.request(method, target, [bearer(token)], body)
    return response.status, None if response.status == 200 else response.json()["reason"]


def test_a_token_may_what_its_scopes_say(start: Callable[..., Stack], provider: OidcProvider) -> None:
    stack = start(CREDENTIAL)
    reader, trainer = provider.token("reader", scope="model:read"), provider.token("trainer", scope="tracking:write")
    assert decided(stack, READ_RUN, reader) == (200, None)
    assert decided(stack, CREATE_RUN, reader, "POST") == (403, "scope_missing")
    assert decided(stack, CREATE_RUN, trainer, "POST") == (200, None)
    # A client's own token has no user.
    said = stack.client.get(WHOAMI, [bearer(trainer)]).json()
    assert (said["key_id"], said["user_id"], said["scopes"]) == ("trainer", None, ["tracking:write"])
    assert said["identity"] == "auth_service"
    # Bare words of another application, another audience, and no token at all.
    assert decided(stack, READ_RUN, provider.token("foreign", scope="admin")) == (403, "scope_missing")
    elsewhere = provider.token("reader", scope="model:read", resource="urn:example:other")
    assert decided(stack, READ_RUN, elsewhere) == (401, "key_invalid")
    assert decided(stack, READ_RUN, "unknown") == (401, "key_invalid")


def test_a_reply_is_cached_and_a_revoked_token_ends_with_it(
    start: Callable[..., Stack], provider: OidcProvider
) -> None:
    token = provider.token("reader", scope="model:read")
    kept = start(CREDENTIAL)
    before = len(provider.introspections())
    assert [decided(kept, READ_RUN, token) for _ in range(5)] == [(200, None)] * 5
    [seen] = provider.introspections()[before:]
    # What OAuth servers send with every reply; obeyed, each of the five would have been looked up.
    assert (seen["status"], seen["cache_control"]) == (200, "no-store")
    assert seen["form"] == {"token": token, "token_type_hint": "access_token"}
    short = start(CREDENTIAL, ttl="200ms")
    assert decided(short, READ_RUN, token) == (200, None)
    provider.revoke(token, "reader")
    wait_until(lambda: decided(short, READ_RUN, token) == (401, "key_invalid"), "the token is refused", timeout=5)


@pytest.mark.parametrize("headers", [[], [f"authorization: {basic('proxy', 'wrong')}"]], ids=["none", "wrong"])
def test_the_filters_own_credential_is_never_the_callers_fault(
    start: Callable[..., Stack], provider: OidcProvider, headers: list[str]
) -> None:
    stack = start(headers)
    token = provider.token("reader", scope="model:read")
    assert decided(stack, READ_RUN, token) == (503, "auth_unavailable")
    assert provider.introspections()[-1]["status"] in (400, 401)
    assert token not in stack.envoy.log()
