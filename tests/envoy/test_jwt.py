"""Tokens that Envoy's own jwt_authn verifies are who the caller is; what a token itself says is not."""

import hashlib
import hmac
import json
import time
from collections.abc import Callable, Iterator

import pytest
from cryptography.hazmat.primitives import serialization

from harness import keys as standard_keys
from harness.bodies import JSON
from harness.bodies import PLUGIN as INSPECT_BODIES
from harness.checks import CREATE_RUN, READ_RUN, access_log_entry
from harness.envoy_config import Config
from harness.handmade import HandmadeService
from harness.http import Response, bearer
from harness.jwt_authn import provider, verified_by
from harness.many import on_every_worker
from harness.pool import Pool
from harness.ports import HOST
from harness.processes import wait_until
from harness.stack import MOUNT, Stack
from harness.tokens import ABSENT, Issuer, key_set, part, payload, unsigned, with_payload

StartStack = Callable[..., Stack]
ALONE: Config = {"auth_service": None, "key_pattern": None, "revocation": None}
JWT: Config = {"metadata_key": ["payload"]}
LOOKUPS = "mlflow_authz_identity_lookups"
WHOAMI = f"{MOUNT}/.well-known/mlflow-authz/whoami"
CREATE_MODEL = f"{MOUNT}/api/2.0/mlflow/registered-models/create"
WRITER = "tracking:write"


@pytest.fixture(scope="module")
def rsa() -> Issuer:
    return Issuer()


@pytest.fixture(scope="module")
def elliptic() -> Issuer:
    return Issuer(algorithm="ES256")


@pytest.fixture(scope="module")
def signers(rsa: Issuer, elliptic: Issuer) -> dict[str, Issuer]:
    return {"RS256": rsa, "ES256": elliptic}


@pytest.fixture(scope="module")
def verified(tmp_path_factory: pytest.TempPathFactory, rsa: Issuer, elliptic: Issuer, pool: Pool) -> Iterator[Stack]:
    """Tokens of both signers, and an auth service for keys that are none."""
    plugin = {"jwt": JWT, "audit": {"allows": True, "max_per_second": 100_000}}
    edit = verified_by({"issuer": provider(rsa, elliptic)})
    with Stack(tmp_path_factory.mktemp("verified"), plugin=plugin, edit=edit, pool=pool) as stack:
        yield stack


def reason(response: Response) -> str | None:
    return None if response.status == 200 else response.json()["reason"]


def decided(stack: Stack, token: str) -> tuple[int, str | None]:
    response = stack.client.post(CREATE_RUN, [bearer(token)])
    return response.status, reason(response)


def signed_with_the_public_key(issuer: Issuer) -> str:
    """A token under HMAC, whose secret is the text of the public key: what a verifier takes that trusts `alg`."""
    public = issuer.public_key.public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)
    signed = part({"alg": "HS256", "typ": "JWT"}) + "." + part(issuer.claims(scope=WRITER))
    return signed + "." + part(hmac.digest(public, signed.encode(), hashlib.sha256))


NOW = time.time
TOKENS: dict[str, tuple[Callable[[Issuer], str], int, str | None]] = {
    "valid": (lambda it: it.token(scope=WRITER), 200, None),
    "for several audiences": (lambda it: it.token(scope=WRITER, aud=["shop", "mlflow"]), 200, None),
    "without the scope": (lambda it: it.token(scope="model:read"), 403, "scope_missing"),
    "without scopes": (lambda it: it.token(), 403, "scope_missing"),
    "expired": (lambda it: it.token(scope=WRITER, exp=int(NOW()) - 3600), 401, "key_invalid"),
    # Envoy itself takes a token for a minute beyond its end (clock_skew_seconds).
    "expired a moment ago": (lambda it: it.token(scope=WRITER, exp=int(NOW()) - 2), 401, "key_invalid"),
    "not yet valid": (lambda it: it.token(scope=WRITER, nbf=int(NOW()) + 3600), 401, "key_invalid"),
    "for another audience": (lambda it: it.token(scope=WRITER, aud="shop"), 401, "key_invalid"),
    "for no audience": (lambda it: it.token(scope=WRITER, aud=ABSENT), 401, "key_invalid"),
    "of another issuer": (lambda it: it.token(scope=WRITER, iss="https://other.test"), 401, "key_invalid"),
    "of the same name and another key": (lambda it: Issuer(it.name).token(scope=WRITER), 401, "key_invalid"),
    "with other claims": (lambda it: with_payload(it.token(scope="model:read"), scope=WRITER), 401, "key_invalid"),
    "unsigned": (lambda it: unsigned(it.token(scope=WRITER)), 401, "key_invalid"),
    "signed with the public key": (signed_with_the_public_key, 401, "key_invalid"),
    "with half a signature": (lambda it: it.token(scope=WRITER)[:-40], 401, "key_invalid"),
    "with a signature of zeros": (
        lambda it: it.token(scope=WRITER).rpartition(".")[0] + "." + part(bytes(64)), 401, "key_invalid",
    ),
    "whose payload is no object": (lambda it: it.sign(b'["tracking:write"]'), 401, "key_invalid"),
    "whose payload is no JSON": (lambda it: it.sign(b"tracking:write"), 401, "key_invalid"),
}  # fmt: skip


@pytest.mark.parametrize("algorithm", ["RS256", "ES256"])
@pytest.mark.parametrize("case", TOKENS)
def test_what_a_token_is_worth(verified: Stack, signers: dict[str, Issuer], algorithm: str, case: str) -> None:
    make, status, why = TOKENS[case]
    before, asked = verified.upstream.count, verified.auth.validations
    assert decided(verified, make(signers[algorithm])) == (status, why)
    assert verified.upstream.count - before == (status == 200)
    # Nobody is asked about what looks like a token.
    assert verified.auth.validations == asked


def test_who_the_caller_is(start_stack: StartStack, rsa: Issuer) -> None:
    stack = start_stack(
        plugin={**ALONE, "jwt": JWT, "audit": {"allows": True}}, edit=verified_by({"issuer": provider(rsa)})
    )
    token = rsa.token(sub="ana", scope="tracking:write model:read", roles=["lead"])
    allowed = stack.client.post(CREATE_RUN, [bearer(token), ("user-agent", "allowed")])
    assert allowed.status == 200
    seen = stack.upstream.requests()[-1]
    assert seen.header("x-mlflow-authz-user") == ["ana"]
    assert seen.header("x-mlflow-authz-key") == ["ana"]
    assert seen.header("x-mlflow-authz-scopes") == ["tracking:write model:read"]
    denied = stack.client.post(CREATE_MODEL, [bearer(token), ("user-agent", "denied")])
    assert (denied.status, reason(denied)) == (403, "scope_missing")
    refused = stack.client.post(CREATE_RUN, [bearer(unsigned(token))])
    assert (refused.status, reason(refused)) == (401, "key_invalid")
    missing = stack.client.post(CREATE_RUN, [])
    assert (missing.status, reason(missing)) == (401, "credential_missing")
    for response in (refused, missing):
        assert any(value.startswith("Bearer") for value in response.header_values("www-authenticate"))

    said = stack.client.get(WHOAMI, [bearer(token)]).json()
    assert (said["identity"], said["user_id"], said["key_id"], said["roles"]) == ("jwt", "ana", "ana", ["lead"])
    by_reason = {record["reason"]: record for record in stack.envoy.audit()}
    for which in ("allowed", "scope_missing"):
        record = by_reason[which]
        assert (record["identity"], record["user_id"], record["key_id"]) == ("jwt", "ana", "ana")
        assert record["scopes"] == ["tracking:write", "model:read"]
    for which in ("key_invalid", "credential_missing"):
        assert (by_reason[which]["identity"], by_reason[which]["user_id"]) == (None, None)
    assert access_log_entry(stack, user_agent="denied")["authz"]["identity"] == "jwt"
    assert stack.envoy.metric(LOOKUPS, identity="jwt", result="valid") == 3
    assert stack.auth.validations == 0
    # Neither a token nor a part of it is in any log.
    for text in (stack.envoy.log(), json.dumps(stack.envoy.access_log())):
        assert not any(piece in text for piece in token.split("."))


@pytest.mark.parametrize("forward", [False, True])
def test_whether_upstream_receives_the_token(start_stack: StartStack, rsa: Issuer, forward: bool) -> None:
    token = rsa.token(scope=WRITER)
    for keep in (True, False):
        with start_stack(
            plugin={**ALONE, "jwt": JWT, "forward_credential": keep},
            edit=verified_by({"issuer": provider(rsa, forward=forward)}),
        ) as stack:
            assert decided(stack, token) == (200, None)
            received = stack.upstream.requests()[-1].header("authorization")
            assert received == ([f"Bearer {token}"] if forward and keep else [])


def test_the_end_of_a_token_ends_its_rights_at_once(verified: Stack, rsa: Issuer) -> None:
    end = int(time.time()) + 3
    token = rsa.token(scope=WRITER, exp=end)
    with verified.client.connect() as connection:
        ask = lambda: connection.request("POST", CREATE_RUN, [bearer(token)])  # noqa: E731
        assert ask().status == 200
        refused = wait_until(lambda: (it := ask()).status != 200 and it, "the end of the token", timeout=8)
    assert time.time() >= end
    assert time.time() < end + 1.5
    assert (refused.status, reason(refused)) == (401, "key_invalid")


def test_a_token_without_an_end(start_stack: StartStack, verified: Stack, rsa: Issuer) -> None:
    """Whether there may be such tokens is for Envoy to say."""
    endless = rsa.token(scope=WRITER, exp=ABSENT)
    assert decided(verified, endless) == (200, None)
    edit = verified_by({"issuer": provider(rsa, require_expiration=True)})
    stack = start_stack(plugin={**ALONE, "jwt": JWT}, edit=edit)
    assert decided(stack, endless) == (401, "key_invalid")
    assert decided(stack, rsa.token(scope=WRITER)) == (200, None)


def test_a_clock_that_is_ahead_within_one_second_is_no_end(verified: Stack, rsa: Issuer) -> None:
    """`exp` is a NumericDate (RFC 7519, section 2): it may have a fraction."""
    assert decided(verified, rsa.token(scope=WRITER, exp=time.time() + 60.5)) == (200, None)


@pytest.fixture(scope="module")
def payload_header(tmp_path_factory: pytest.TempPathFactory, rsa: Issuer, pool: Pool) -> Iterator[Stack]:
    """Envoy hands the claims on in a header, too."""
    edit = verified_by({"issuer": provider(rsa, forward_payload_header="x-jwt-payload")})
    with Stack(tmp_path_factory.mktemp("payload"), plugin={**ALONE, "jwt": JWT}, edit=edit, pool=pool) as stack:
        yield stack


FORGED = {"iss": "https://issuer.test", "aud": "mlflow", "sub": "root", "scope": "mlflow:admin", "exp": 4102444800}
AS_TEXT = json.dumps(FORGED)
WRITTEN = [
    ("x-jwt-payload", part(FORGED)),
    ("X-Jwt-Payload", AS_TEXT),
    ("x-jwt-claim-scope", "mlflow:admin"),
    ("x-jwt-claims", AS_TEXT),
    ("x-envoy-jwt-payload", part(FORGED)),
    ("x-envoy-filter-metadata", json.dumps({"envoy.filters.http.jwt_authn": {"payload": FORGED}})),
    ("x-envoy-dynamic-metadata", json.dumps({"envoy.filters.http.jwt_authn": {"payload": FORGED}})),
    ("envoy.filters.http.jwt_authn", part(FORGED)),
    ("envoy.filters.http.jwt_authn.payload", AS_TEXT),
    ("sec-istio-auth-userinfo", part(FORGED)),
    ("x-forwarded-access-token", unsigned("." + part(FORGED) + ".")),
    ("x-auth-request-access-token", unsigned("." + part(FORGED) + ".")),
    ("x-goog-iap-jwt-assertion", unsigned("." + part(FORGED) + ".")),
    ("cookie", "access_token=" + unsigned("." + part(FORGED) + ".")),
    ("x-mlflow-authz-user", "root"),
    ("x-mlflow-authz-scopes", "mlflow:admin"),
    ("metadata", AS_TEXT),
    ("grpc-metadata-payload", AS_TEXT),
]


@pytest.mark.parametrize("header", WRITTEN, ids=lambda header: header[0])
def test_the_caller_cannot_write_claims(payload_header: Stack, rsa: Issuer, header: tuple[str, str]) -> None:
    stack = payload_header
    without = stack.client.post(CREATE_RUN, [header])
    if "." in header[0]:
        # Envoy itself refuses such a name.
        assert without.status == 400
        return
    assert (without.status, reason(without)) == (401, "credential_missing")
    reader = rsa.token(scope="model:read")
    beside = stack.client.post(CREATE_RUN, [bearer(reader), header])
    assert (beside.status, reason(beside)) == (403, "scope_missing")
    assert stack.client.get(READ_RUN, [bearer(reader), header]).status == 200
    seen = stack.upstream.requests()[-1]
    assert seen.header("x-mlflow-authz-user") == ["alice"]
    (received,) = seen.header("x-jwt-payload")
    assert payload(f".{received}.")["sub"] == "alice"


def test_claims_in_the_query_are_nothing(payload_header: Stack) -> None:
    for query in (
        "access_token=" + unsigned("." + part(FORGED) + "."),
        "scope=mlflow:admin",
        "payload=" + part(FORGED),
    ):
        refused = payload_header.client.get(f"{READ_RUN}?{query}")
        assert (refused.status, reason(refused)) == (401, "credential_missing"), query


def test_keys_of_the_issuer_are_rotated(start_stack: StartStack) -> None:
    """Envoy fetches the key set; the token of a key that is in it no more ends with the fetch."""
    old, new = Issuer(), Issuer()
    served = [old]
    with HandmadeService(lambda _: (200, key_set(*served).encode())) as service:
        remote = {
            "http_uri": {"uri": f"http://{HOST}/jwks", "cluster": "jwks", "timeout": "2s"},
            "cache_duration": "1s",
        }

        def edit(config: Config) -> None:
            verified_by({"issuer": provider(old, local_jwks=None, remote_jwks=remote)})(config)
            address = {"address": service.address[0], "port_value": service.address[1]}
            endpoint = {"endpoint": {"address": {"socket_address": address}}}
            assignment = {"cluster_name": "jwks", "endpoints": [{"lb_endpoints": [endpoint]}]}
            config["static_resources"]["clusters"].append(
                {"name": "jwks", "type": "STATIC", "connect_timeout": "1s", "load_assignment": assignment}
            )

        stack = start_stack(plugin={**ALONE, "jwt": JWT}, edit=edit)
        first, second = old.token(scope=WRITER), new.token(scope=WRITER)
        assert decided(stack, first) == (200, None)
        assert decided(stack, second) == (401, "key_invalid")
        served.append(new)
        wait_until(lambda: decided(stack, second) == (200, None), "the new key is known", timeout=8, every=0.2)
        assert decided(stack, first) == (200, None)
        served.remove(old)
        ended = lambda: decided(stack, first) == (401, "key_invalid")  # noqa: E731
        wait_until(ended, "the old key is gone", timeout=8, every=0.2)
        assert decided(stack, second) == (200, None)


# --- what is the same for every source ---


def test_roles_and_limits_to_names(start_stack: StartStack, rsa: Issuer) -> None:
    stack = start_stack(
        plugin={**ALONE, "jwt": JWT, "roles": {"lead": ["registered_model:write", "*:read"]}},
        edit=verified_by({"issuer": provider(rsa)}),
    )
    version = f"{MOUNT}/api/2.0/mlflow/model-versions/get?version=1&name="
    for claims, request, status, why in [
        ({"realm_access": {"roles": ["lead"]}}, ("POST", CREATE_MODEL), 200, None),
        ({"groups": ["lead"]}, ("POST", CREATE_MODEL), 200, None),
        ({"roles": ["other"], "groups": ["lead"]}, ("POST", CREATE_MODEL), 403, "scope_missing"),
        ({"roles": ["lead"]}, ("POST", CREATE_RUN), 403, "scope_missing"),
        ({"scope": "model:read:acme-*"}, ("GET", version + "acme-1"), 200, None),
        ({"scope": "model:read:acme-*"}, ("GET", version + "other"), 403, "name_not_granted"),
        # Words of other applications, unless the configuration names them.
        ({"scope": "read write admin full_access"}, ("GET", READ_RUN), 403, "scope_missing"),
        ({"scope": "mlflow:read"}, ("GET", READ_RUN), 200, None),
    ]:
        body = b"{}" if request[0] == "POST" else None
        response = stack.client.request(*request, [bearer(rsa.token(**claims))], body)
        assert (response.status, reason(response)) == (status, why), (claims, request)


def test_limits_to_names_in_bodies(start_stack: StartStack, rsa: Issuer) -> None:
    stack = start_stack(
        plugin={**ALONE, **INSPECT_BODIES, "jwt": JWT},
        allow_on_headers_stop_iteration=True,
        edit=verified_by({"issuer": provider(rsa)}),
    )
    token = bearer(rsa.token(scope="model:write:acme-*"))
    for name, expected in [("acme-1", (200, None)), ("other", (403, "name_not_granted"))]:
        response = stack.client.post(CREATE_MODEL, [token, JSON], json.dumps({"name": name}).encode())
        assert (response.status, reason(response)) == expected


def test_words_that_the_configuration_names(start_stack: StartStack, rsa: Issuer) -> None:
    stack = start_stack(
        plugin={**ALONE, "jwt": JWT, "scopes": {"admin": ["*:read"]}}, edit=verified_by({"issuer": provider(rsa)})
    )
    token = rsa.token(scope="admin")
    assert stack.client.get(READ_RUN, [bearer(token)]).status == 200
    assert decided(stack, token) == (403, "scope_missing")


def test_shadow(start_stack: StartStack, rsa: Issuer) -> None:
    stack = start_stack(plugin={**ALONE, "jwt": JWT, "mode": "shadow"}, edit=verified_by({"issuer": provider(rsa)}))
    for token, why, user in [
        (rsa.token(scope="model:read"), "scope_missing", ["alice"]),
        (rsa.token(scope=WRITER, exp=int(time.time()) - 2), "key_invalid", []),
        (unsigned(rsa.token(scope=WRITER)), "key_invalid", []),
    ]:
        assert stack.client.post(CREATE_RUN, [bearer(token), ("x-mlflow-authz-user", "root")]).status == 200
        assert stack.upstream.requests()[-1].header("x-mlflow-authz-user") == user
        record = stack.envoy.audit()[-1]
        assert (record["decision"], record["reason"]) == ("would_deny", why)


def test_a_share_goes_by_who_the_caller_is(start_stack: StartStack, rsa: Issuer) -> None:
    """Not by the token: a fresh one does not move its owner to the other side."""
    stack = start_stack(
        plugin={**ALONE, "jwt": JWT, "enforce_percent": 50}, edit=verified_by({"issuer": provider(rsa)})
    )

    def sides(round_: int) -> dict[str, int]:
        names = [f"caller_{number}" for number in range(40)]
        tokens = {name: rsa.token(sub=name, jti=f"{name}/{round_}") for name in names}
        return {name: stack.client.post(CREATE_RUN, [bearer(token)]).status for name, token in tokens.items()}

    first = sides(1)
    assert first == sides(2)
    assert 8 <= list(first.values()).count(403) <= 32


def test_revoked_by_key_id(start_stack: StartStack, rsa: Issuer) -> None:
    # The stand-in lists ids of its own keys only.
    subject = standard_keys.WRITE["key_id"]
    plugin = {"jwt": JWT, "revocation": {"path": "/api/v1/keys/revocations", "every": "500ms"}}
    stack = start_stack(concurrency=4, plugin=plugin, edit=verified_by({"issuer": provider(rsa)}))
    token, other = rsa.token(sub=subject, scope=WRITER), rsa.token(sub="bob", scope=WRITER)

    with on_every_worker(stack) as connections:

        def statuses(token: str) -> set[int]:
            return {it.request("POST", CREATE_RUN, [bearer(token)]).status for it in connections}

        assert statuses(token) == {200}
        stack.auth.revoke(subject)
        wait_until(lambda: statuses(token) == {401}, "the refusal", timeout=5)
        # A fresh token of the same owner is no way back.
        assert statuses(rsa.token(sub=subject, scope=WRITER, jti="fresh")) == {401}
        assert statuses(other) == {200}
    assert stack.auth.validations == 0
