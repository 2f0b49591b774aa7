"""Each source of identities in each state, and what the caller gets: the table in docs/identity.md.

python -m pytest tests/envoy/test_identity_sources.py     compares each cell with Envoy, and the table with the document
python tests/envoy/test_identity_sources.py               writes the table into the document
"""

import hashlib
import re
import ssl
import sys
import time
from collections.abc import Callable
from contextlib import ExitStack
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from harness import keys as standard_keys
from harness import paths
from harness.auth_service import AuthService
from harness.certificates import Authority, Certificate, client_context, tls_listener
from harness.checks import READ_RUN
from harness.envoy_config import Config
from harness.handmade import HandmadeService
from harness.http import Client, bearer
from harness.jwt_authn import provider, verified_by
from harness.pool import Pool
from harness.ports import HOST, free_port
from harness.processes import wait_until
from harness.stack import Stack
from harness.tokens import Issuer, with_payload

Header = tuple[str, str]
Outcome = tuple[int, str | None] | None
"""Status, and reason of a denial; None is a connection that Envoy refuses."""

ALLOWED: Outcome = (200, None)
INVALID: Outcome = (401, "key_invalid")
UNAVAILABLE: Outcome = (503, "auth_unavailable")
MISSING: Outcome = (401, "credential_missing")
NO_CONNECTION: Outcome = None

# What each state is for each source, and what the caller gets then.
TABLE: dict[str, dict[str, tuple[str, Outcome]]] = {
    "keys": {
        "valid": ("a listed key", ALLOWED),
        "invalid": ("a key that no entry has", INVALID),
        "expired": ("an entry past its `expires_at`", INVALID),
        "revoked": ("its `key_id` is in the list of `revocation`", INVALID),
        "unavailable": ("the auth service beside it does not answer", ALLOWED),
        "forged": ("the digest of a listed key", INVALID),
    },
    "auth_service, `protocol: keys`": {
        "valid": ("200 with scopes", ALLOWED),
        "invalid": ("401", INVALID),
        "expired": ("200 with a past `expires_at`", INVALID),
        "revoked": ("its `key_id` is in the list of `revocation`", INVALID),
        "unavailable": ("the service does not answer", UNAVAILABLE),
        "forged": ("an unknown key beside identity headers that the client wrote", INVALID),
    },
    "auth_service, `protocol: introspection`": {
        "valid": ("`active` is true", ALLOWED),
        "invalid": ("`active` is false", INVALID),
        "expired": ("`active` is true, `exp` is past", INVALID),
        "revoked": ("`active` is false since the cache entry has ended", INVALID),
        "unavailable": ("the endpoint does not answer", UNAVAILABLE),
        "forged": ("a token for another audience", INVALID),
    },
    "jwt": {
        "valid": ("a token that `jwt_authn` verified", ALLOWED),
        "invalid": ("a token for another audience", INVALID),
        "expired": ("a token past its `exp`", INVALID),
        "revoked": ("its `key_id` is in the list of `revocation`", INVALID),
        "unavailable": ("Envoy cannot fetch the issuer's key set", INVALID),
        "forged": ("other claims under the signature of a valid token", INVALID),
    },
    "mtls": {
        "valid": ("a certificate of a listed name", ALLOWED),
        "invalid": ("a certificate of another name", INVALID),
        "expired": ("a certificate past its end, on a new connection", NO_CONNECTION),
        "revoked": ("its name is in the list of `revocation`", INVALID),
        "unavailable": ("the auth service beside it does not answer", ALLOWED),
        "forged": ("no certificate, and `x-forwarded-client-cert`", MISSING),
    },
}
STATES = list(TABLE["keys"])
START, END = "<!-- tests/envoy/test_identity_sources.py writes this table -->", "<!-- end of the table -->"
DOCUMENT = paths.ROOT / "docs" / "identity.md"
ROW = "revoked.test"
"""The key id that the revocation list names."""
POLL = {"path": "/api/v1/keys/revocations", "every": "250ms"}


def in_markdown() -> str:
    """The table as the document has it."""
    lines = ["| source | state | | answer |", "|---|---|---|---|"]
    for source, states in TABLE.items():
        name = re.sub(r"^\w+", r"`\g<0>`", source)
        for state, (what, outcome) in states.items():
            answer = "Envoy refuses the connection" if outcome is None else str(outcome[0])
            if outcome is not None and outcome[1]:
                answer += f" `{outcome[1]}`"
            lines.append(f"| {name} | {state} | {what} | {answer} |")
    return "\n".join(lines)


def test_the_document_has_the_table() -> None:
    text = DOCUMENT.read_text()
    assert START in text and END in text
    assert text.split(START)[1].split(END)[0].strip() == in_markdown()


class World:
    """A stack for one state, and who asks."""

    def __init__(self, opened: ExitStack, folder: Path, pool: Pool) -> None:
        self._opened = opened
        self._pool = pool
        self.folder = folder
        listed = {**standard_keys.READ, "key": "hk_live_revoked_0123456789", "key_id": ROW}
        self.auth = opened.enter_context(AuthService([standard_keys.READ, listed], folder))

    def start(self, auth: Any = None, **options: Any) -> Stack:
        stack = Stack(self.folder / "stack", auth=auth or self.auth, pool=self._pool, **options)
        return self._opened.enter_context(stack)

    def service(self, answer: Callable[[], Any]) -> HandmadeService:
        """An auth service that answers every lookup with this body."""
        return self._opened.enter_context(HandmadeService(lambda _: (200, answer())))


def asked(client: Client, headers: list[Header]) -> Outcome:
    try:
        response = client.get(READ_RUN, headers)
    except (ssl.SSLError, ConnectionError):
        return NO_CONNECTION
    return response.status, None if response.status == 200 else response.json()["reason"]


def revoked(world: World, ask: Callable[[], Outcome]) -> Outcome:
    """What is answered once the list has the key id."""
    assert ask() == ALLOWED
    world.auth.revoke(ROW)
    return wait_until(lambda: (it := ask()) != ALLOWED and it, "the refusal", timeout=8)  # type: ignore[return-value]


def of_keys(world: World, state: str) -> Outcome:
    key = "mk_listed_in_the_configuration_0123456789"
    entry: Config = {
        "sha256": hashlib.sha256(key.encode()).hexdigest(),
        "key_id": ROW,
        "user_id": "somebody",
        "scopes": ["model:read"],
    }
    if state == "expired":
        entry["expires_at"] = (datetime.now(UTC) - timedelta(seconds=1)).strftime("%Y-%m-%dT%H:%M:%SZ")
    alone = state in ("valid", "invalid", "expired", "forged")
    away: Config = {"auth_service": None, "key_pattern": None} if alone else {"revocation": POLL}
    stack = world.start(plugin={"keys": [entry], **away})
    presented = {"invalid": key + "0", "forged": entry["sha256"]}.get(state, key)
    ask = lambda: asked(stack.client, [bearer(presented)])  # noqa: E731
    if state == "unavailable":
        world.auth.stop()
    return revoked(world, ask) if state == "revoked" else ask()


def of_service(world: World, state: str) -> Outcome:
    said = {"user_id": "somebody", "key_id": "k", "scopes": ["model:read"], "expires_at": "2020-01-01T00:00:00Z"}
    service = world.service(lambda: said) if state == "expired" else None
    stack = world.start(auth=service, plugin={"revocation": POLL, "key_pattern": None})
    key = {
        "invalid": standard_keys.UNKNOWN,
        "forged": standard_keys.UNKNOWN,
        "revoked": "hk_live_revoked_0123456789",
    }.get(state, standard_keys.READ["key"])
    written = [("x-mlflow-authz-user", "root"), ("x-mlflow-authz-scopes", "mlflow:admin")]
    ask = lambda: asked(stack.client, [bearer(key), *(written if state == "forged" else [])])  # noqa: E731
    if state == "unavailable":
        world.auth.stop()
    return revoked(world, ask) if state == "revoked" else ask()


def of_introspection(world: World, state: str) -> Outcome:
    now = int(time.time())
    good = {"active": True, "aud": "mlflow", "scope": "model:read", "sub": "somebody", "exp": now + 300}
    replies: dict[str, Any] = {
        "invalid": {"active": False},
        "expired": {**good, "exp": now - 1},
        "forged": {**good, "aud": "shop"},
    }
    ended: list[bool] = []
    service = world.service(lambda: {"active": False} if ended else replies.get(state, good))
    plugin = {
        "auth_service": {"protocol": "introspection", "audience": "mlflow", "path": "/introspect", "service_id": None},
        "cache": {"ttl": "200ms", "negative_ttl": "0s", "stale_if_error": "0s"},
        "key_pattern": None,
    }
    stack = world.start(auth=service, plugin=plugin)
    ask = lambda: asked(stack.client, [bearer("opaque-token-0123456789")])  # noqa: E731
    if state == "unavailable":
        service.stop()
    if state == "revoked":
        assert ask() == ALLOWED
        ended.append(True)
        return wait_until(lambda: (it := ask()) != ALLOWED and it, "the refusal", timeout=5)  # type: ignore[return-value]
    return ask()


def of_jwt(world: World, state: str) -> Outcome:
    issuer = Issuer()
    more: Config = {}
    if state == "unavailable":
        more = {
            "local_jwks": None,
            "remote_jwks": {"http_uri": {"uri": f"http://{HOST}/jwks", "cluster": "jwks", "timeout": "1s"}},
        }

    def edit(config: Config) -> None:
        verified_by({"issuer": provider(issuer, **more)})(config)
        if more:
            # Nobody listens there.
            address = {"socket_address": {"address": HOST, "port_value": free_port()}}
            assignment = {"cluster_name": "jwks", "endpoints": [{"lb_endpoints": [{"endpoint": {"address": address}}]}]}
            cluster = {"name": "jwks", "type": "STATIC", "connect_timeout": "1s", "load_assignment": assignment}
            config["static_resources"]["clusters"].append(cluster)

    stack = world.start(plugin={"jwt": {}, "revocation": POLL, "key_pattern": None}, edit=edit)
    valid = issuer.token(sub=ROW, scope="model:read")
    token = {
        "invalid": issuer.token(aud="shop", scope="model:read"),
        "expired": issuer.token(scope="model:read", exp=int(time.time()) - 1),
        "forged": with_payload(valid, scope="mlflow:admin"),
    }.get(state, valid)
    ask = lambda: asked(stack.client, [bearer(token)])  # noqa: E731
    return revoked(world, ask) if state == "revoked" else ask()


def of_mtls(world: World, state: str) -> Outcome:
    authority = Authority(world.folder / "certificates")
    principals = {"*.test": {"scopes": ["model:read"]}}
    plugin = {"mtls": {"by": "dns_san", "principals": principals}, "revocation": POLL, "key_pattern": None}
    stack = world.start(plugin=plugin, edit=tls_listener(authority))
    certificate: Certificate | None = authority.client(names=(ROW,))
    headers: list[Header] = []
    if state == "invalid":
        certificate = authority.client(names=("other.example",))
    elif state == "expired":
        certificate = authority.client(names=(ROW,), valid_for=timedelta(seconds=-60))
    elif state == "forged":
        certificate, headers = None, [("x-forwarded-client-cert", f"DNS={ROW}")]
    client = Client(stack.envoy.host, stack.envoy.port, tls=client_context(authority, certificate))
    if state == "unavailable":
        world.auth.stop()
    ask = lambda: asked(client, headers)  # noqa: E731
    return revoked(world, ask) if state == "revoked" else ask()


ASK: dict[str, Callable[[World, str], Outcome]] = dict(
    zip(TABLE, (of_keys, of_service, of_introspection, of_jwt, of_mtls), strict=True)
)


@pytest.mark.parametrize("state", STATES)
@pytest.mark.parametrize("source", TABLE)
def test_what_the_caller_gets(tmp_path: Path, pool: Pool, source: str, state: str) -> None:
    _, expected = TABLE[source][state]
    with ExitStack() as opened:
        assert ASK[source](World(opened, tmp_path, pool), state) == expected


if __name__ == "__main__":
    before, _, rest = DOCUMENT.read_text().partition(START)
    DOCUMENT.write_text(f"{before}{START}\n\n{in_markdown()}\n\n{END}{rest.partition(END)[2]}")
    sys.exit(0)
