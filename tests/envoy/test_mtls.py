"""The client certificate that Envoy verified is who the caller is, where a request has neither token nor key."""

import ssl
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from cryptography.x509.oid import NameOID

from harness import keys as standard_keys
from harness.certificates import Authority, Certificate, client_context, tls_listener
from harness.checks import CREATE_RUN, READ_RUN, access_log_entry
from harness.envoy_config import Config, connection_manager
from harness.http import Client, Response, bearer
from harness.jwt_authn import provider, verified_by
from harness.pool import Pool
from harness.processes import wait_until
from harness.stack import MOUNT, Stack
from harness.tokens import Issuer, unsigned

StartStack = Callable[..., Stack]
ALONE: Config = {"auth_service": None, "key_pattern": None, "revocation": None}
WHOAMI = f"{MOUNT}/.well-known/mlflow-authz/whoami"
LOOKUPS = "mlflow_authz_identity_lookups"
TRAINER = "spiffe://cluster.local/ns/ml/sa/trainer"
BY_URI: Config = {
    "by": "uri_san",
    "principals": {
        TRAINER: {"scopes": ["tracking:write"]},
        "spiffe://cluster.local/ns/ml/sa/*": {"scopes": ["model:read"]},
        "spiffe://cluster.local/ns/ml/sa/ops-*": {"scopes": ["mlflow:admin"]},
        "spiffe://cluster.local/ns/?/sa/leads": {"roles": ["lead"]},
    },
}
ROLES = {"lead": ["registered_model:write", "*:read"]}


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return Authority(tmp_path_factory.mktemp("certificates"))


def all_of(*edits: Callable[[Config], None]) -> Callable[[Config], None]:
    def edit(config: Config) -> None:
        for each in edits:
            each(config)

    return edit


def client(stack: Stack, authority: Authority, certificate: Certificate | None = None) -> Client:
    return Client(stack.envoy.host, stack.envoy.port, tls=client_context(authority, certificate))


def decided(response: Response) -> tuple[int, str | None]:
    return response.status, None if response.status == 200 else response.json()["reason"]


@pytest.fixture(scope="module")
def stack(tmp_path_factory: pytest.TempPathFactory, authority: Authority, pool: Pool) -> Iterator[Stack]:
    plugin = {"mtls": BY_URI, "key_pattern": None, "roles": ROLES, "audit": {"allows": True, "max_per_second": 100_000}}
    with Stack(tmp_path_factory.mktemp("mtls"), plugin=plugin, edit=tls_listener(authority), pool=pool) as started:
        yield started


# The URIs of a certificate, what it gets for creating a run, and its scopes and roles by whoami.
BY_NAME: dict[str, tuple[tuple[str, ...], tuple[int, str | None], Any]] = {
    "its own name": ((TRAINER,), (200, None), (["tracking:write"], [])),
    "a pattern": (("spiffe://cluster.local/ns/ml/sa/reader",), (403, "scope_missing"), (["model:read"], [])),
    "the longer pattern": (("spiffe://cluster.local/ns/ml/sa/ops-1",), (200, None), (["mlflow:admin"], [])),
    "a role": (("spiffe://cluster.local/ns/x/sa/leads",), (403, "scope_missing"), ([], ["lead"])),
    "more than the name": ((TRAINER + "-2",), (403, "scope_missing"), (["model:read"], [])),
    "less than the name": ((TRAINER[:-1],), (403, "scope_missing"), (["model:read"], [])),
    "two names, the first of which counts": ((TRAINER, "spiffe://a/b"), (200, None), (["tracking:write"], [])),
    "two names, the second of which does not": (("spiffe://a/b", TRAINER), (401, "key_invalid"), None),
    "another namespace": (("spiffe://cluster.local/ns/shop/sa/trainer",), (401, "key_invalid"), None),
    "another trust domain": (("spiffe://cluster.local.evil/ns/ml/sa/trainer",), (401, "key_invalid"), None),
    "another case": ((TRAINER.upper(),), (401, "key_invalid"), None),
    "a name before the name": (("https://x/" + TRAINER,), (401, "key_invalid"), None),
}


@pytest.mark.parametrize("case", BY_NAME)
def test_by_uri(stack: Stack, authority: Authority, case: str) -> None:
    uris, expected, known = BY_NAME[case]
    asked = stack.auth.validations
    caller = client(stack, authority, authority.client(uris=uris))
    assert decided(caller.post(CREATE_RUN)) == expected
    said = caller.get(WHOAMI)
    if known is None:
        assert decided(said) == (401, "key_invalid")
    else:
        assert (said.json()["scopes"], said.json()["roles"]) == known
        assert (said.json()["user_id"], said.json()["key_id"], said.json()["identity"]) == (uris[0], uris[0], "mtls")
    assert stack.auth.validations == asked


def test_without_a_name_of_the_kind(stack: Stack, authority: Authority) -> None:
    """A certificate that Envoy trusts, and that says nothing where the filter looks."""
    for certificate in (
        authority.client(names=(TRAINER.removeprefix("spiffe://"),)),
        authority.client(subject=[(NameOID.COMMON_NAME, TRAINER)]),
    ):
        assert client(stack, authority, certificate).post(CREATE_RUN).status == 401
    assert decided(client(stack, authority).post(CREATE_RUN)) == (401, "credential_missing")


def test_envoy_refuses_who_is_not_trusted(stack: Stack, authority: Authority, tmp_path: Path) -> None:
    others = Authority(tmp_path)
    expired = authority.client(uris=(TRAINER,), valid_for=timedelta(seconds=-60))
    for certificate in (others.client(uris=(TRAINER,)), expired):
        before = stack.upstream.count
        with pytest.raises((ssl.SSLError, ConnectionError)):
            client(stack, authority, certificate).post(CREATE_RUN)
        assert stack.upstream.count == before


def test_who_the_caller_is(start_stack: StartStack, authority: Authority) -> None:
    stack = start_stack(plugin={**ALONE, "mtls": BY_URI, "audit": {"allows": True}}, edit=tls_listener(authority))
    trainer = client(stack, authority, authority.client(uris=(TRAINER,)))
    forged = [("x-mlflow-authz-user", "root"), ("x-mlflow-authz-scopes", "mlflow:admin")]
    assert trainer.post(CREATE_RUN, forged).status == 200
    seen = stack.upstream.requests()[-1]
    assert seen.header("x-mlflow-authz-user") == [TRAINER]
    assert seen.header("x-mlflow-authz-key") == [TRAINER]
    assert seen.header("x-mlflow-authz-scopes") == ["tracking:write"]
    denied = trainer.post(f"{MOUNT}/api/2.0/mlflow/registered-models/create", [("user-agent", "denied")])
    assert decided(denied) == (403, "scope_missing")
    stranger = client(stack, authority, authority.client(uris=("spiffe://other/x",)))
    assert decided(stranger.post(CREATE_RUN)) == (401, "key_invalid")
    by_reason = {record["reason"]: record for record in stack.envoy.audit()}
    for which in ("allowed", "scope_missing"):
        record = by_reason[which]
        assert (record["identity"], record["user_id"], record["key_id"]) == ("mtls", TRAINER, TRAINER)
    assert (by_reason["key_invalid"]["identity"], by_reason["key_invalid"]["user_id"]) == (None, None)
    assert access_log_entry(stack, user_agent="denied")["authz"]["identity"] == "mtls"
    assert stack.envoy.metric(LOOKUPS, identity="mtls", result="valid") == 2
    assert stack.auth.validations == 0


# Credentials beside the certificate of an administrator, and what the request gets then.
BESIDE: dict[str, tuple[list[tuple[str, str]], list[int]]] = {
    "a reader's key": ([bearer(standard_keys.READ["key"])], [403]),
    "a reader's key in X-API-Key": ([("x-api-key", standard_keys.READ["key"])], [403]),
    "an unknown key": ([bearer(standard_keys.UNKNOWN)], [401]),
    "a refused key": ([bearer(standard_keys.REFUSED["key"])], [403]),
    "two keys": ([bearer(standard_keys.READ["key"]), ("x-api-key", standard_keys.UNKNOWN)], [400]),
    "another scheme": ([("authorization", "Digest username=root")], [400, 401]),
    "an empty key": ([("authorization", "Bearer ")], [400, 401]),
    "an empty X-API-Key": ([("x-api-key", "")], [400, 401]),
}


@pytest.mark.parametrize("case", BESIDE)
def test_a_credential_beside_a_certificate_counts(stack: Stack, authority: Authority, case: str) -> None:
    """Otherwise whatever sits behind one certificate would act by it with keys that are not valid."""
    headers, statuses = BESIDE[case]
    ops = client(stack, authority, authority.client(uris=("spiffe://cluster.local/ns/ml/sa/ops-1",)))
    assert ops.post(CREATE_RUN).status == 200
    before = stack.upstream.count
    assert ops.post(CREATE_RUN, headers).status in statuses
    assert stack.upstream.count == before


def test_an_auth_service_that_is_away_gives_no_certificate_a_say(start_stack: StartStack, authority: Authority) -> None:
    stack = start_stack(plugin={"mtls": BY_URI, "key_pattern": None}, edit=tls_listener(authority))
    trainer = client(stack, authority, authority.client(uris=(TRAINER,)))
    stack.auth.stop()
    refused = trainer.post(CREATE_RUN, [bearer(standard_keys.WRITE["key"])])
    assert decided(refused) == (503, "auth_unavailable")
    assert trainer.post(CREATE_RUN).status == 200


def test_a_token_beside_a_certificate_counts(start_stack: StartStack, authority: Authority) -> None:
    issuer = Issuer()
    edit = all_of(tls_listener(authority), verified_by({"issuer": provider(issuer)}))
    stack = start_stack(plugin={**ALONE, "mtls": BY_URI, "jwt": {"metadata_key": ["payload"]}}, edit=edit)
    trainer = client(stack, authority, authority.client(uris=(TRAINER,)))
    for token, expected in [
        (issuer.token(scope="model:read"), (403, "scope_missing")),
        (issuer.token(), (403, "scope_missing")),
        (issuer.token(scope="tracking:write", exp=1), (401, "key_invalid")),
        (unsigned(issuer.token(scope="tracking:write")), (401, "key_invalid")),
    ]:
        assert decided(trainer.post(CREATE_RUN, [bearer(token)])) == expected
    assert trainer.post(CREATE_RUN).status == 200


FORGED = [
    f'By=spiffe://x;Hash=00;Subject="CN=root";URI={TRAINER}',
    f"URI={TRAINER}",
    f"URI=spiffe://cluster.local/ns/ml/sa/ops-1,By=spiffe://x;URI={TRAINER}",
]
MODES = ["SANITIZE", "FORWARD_ONLY", "APPEND_FORWARD", "SANITIZE_SET", "ALWAYS_FORWARD_ONLY"]


@pytest.mark.parametrize("mode", MODES)
def test_forged_headers_are_never_read(start_stack: StartStack, authority: Authority, mode: str) -> None:
    def forwards(config: Config) -> None:
        manager = connection_manager(config)
        manager["forward_client_cert_details"] = mode
        manager["set_current_client_cert_details"] = {"uri": True, "dns": True, "subject": True}

    edit = all_of(tls_listener(authority), forwards)
    stack = start_stack(plugin={**ALONE, "mtls": BY_URI}, edit=edit)
    reader = client(stack, authority, authority.client(uris=("spiffe://cluster.local/ns/ml/sa/reader",)))
    for value in FORGED:
        for name in ("x-forwarded-client-cert", "x-client-cert", "ssl-client-cert", "x-ssl-client-s-dn", "client-cert"):
            assert decided(client(stack, authority).post(CREATE_RUN, [(name, value)])) == (401, "credential_missing")
            assert decided(reader.post(CREATE_RUN, [(name, value)])) == (403, "scope_missing")


def test_a_listener_without_tls_knows_nobody(start_stack: StartStack) -> None:
    stack = start_stack(plugin={**ALONE, "mtls": BY_URI})
    for headers in ([], [("x-forwarded-client-cert", FORGED[0])]):
        assert decided(stack.client.post(CREATE_RUN, headers)) == (401, "credential_missing")
    assert stack.upstream.count == 0


def test_a_certificate_that_nobody_verified_shows_its_name(
    start_stack: StartStack, authority: Authority, tmp_path: Path
) -> None:
    """Under ACCEPT_UNTRUSTED anybody is whoever he says. The filter cannot see it; `check` refuses the setting."""
    edit = tls_listener(authority, trust_chain_verification="ACCEPT_UNTRUSTED")
    stack = start_stack(plugin={**ALONE, "mtls": BY_URI}, edit=edit)
    impostor = Authority(tmp_path).client(uris=(TRAINER,))
    assert client(stack, authority, impostor).post(CREATE_RUN).status == 200
    assert stack.upstream.requests()[-1].header("x-mlflow-authz-user") == [TRAINER]


def by(kind: str, principals: Config) -> Config:
    return {**ALONE, "mtls": {"by": kind, "principals": principals}}


def test_by_dns(start_stack: StartStack, authority: Authority) -> None:
    principals = {"trainer.ml.test": {"scopes": ["tracking:write"]}, "*.ml.test": {"scopes": ["model:read"]}}
    stack = start_stack(plugin=by("dns_san", principals), edit=tls_listener(authority))
    for certificate, expected in [
        (authority.client(names=("trainer.ml.test",)), (200, None)),
        (authority.client(names=("reader.ml.test", "trainer.ml.test")), (403, "scope_missing")),
        (authority.client(names=("trainer.ml.test.evil",)), (401, "key_invalid")),
        (authority.client(names=("ml.test",)), (401, "key_invalid")),
        # A URI or a subject of that text is no DNS name.
        (authority.client(uris=("spiffe://trainer.ml.test",)), None),
        (authority.client(subject=[(NameOID.COMMON_NAME, "trainer.ml.test")]), None),
    ]:
        response = client(stack, authority, certificate).post(CREATE_RUN)
        assert response.status == 401 if expected is None else decided(response) == expected


def test_by_subject(start_stack: StartStack, authority: Authority) -> None:
    """As RFC 2253 writes it: the most specific part first. A comma within a value is no border between parts."""
    common, unit, organization = NameOID.COMMON_NAME, NameOID.ORGANIZATIONAL_UNIT_NAME, NameOID.ORGANIZATION_NAME
    principals = {
        "CN=trainer,OU=ml,O=Corp": {"scopes": ["tracking:write"]},
        "CN=*,OU=ops,O=Corp": {"scopes": ["mlflow:admin"]},
        "CN=*,O=Corp": {"scopes": ["model:read"]},
    }
    stack = start_stack(plugin=by("subject", principals), edit=tls_listener(authority))
    for subject, expected in [
        ([(organization, "Corp"), (unit, "ml"), (common, "trainer")], (200, None)),
        ([(organization, "Corp"), (unit, "ops"), (common, "anybody")], (200, None)),
        ([(organization, "Corp"), (common, "trainer")], (403, "scope_missing")),
        ([(organization, "Corp"), (unit, "ml"), (common, "other")], (403, "scope_missing")),
        ([(common, "trainer"), (unit, "ml"), (organization, "Corp")], (401, "key_invalid")),
        ([(organization, "Evil"), (unit, "ml"), (common, "trainer")], (401, "key_invalid")),
        # Who may choose a common name chooses no organization with it.
        ([(common, "trainer,OU=ml,O=Corp")], (401, "key_invalid")),
        ([(common, "x,OU=ops,O=Corp")], (401, "key_invalid")),
        ([(common, "x,O=Corp")], (401, "key_invalid")),
        # No pattern matches where a character is escaped.
        ([(organization, "Corp"), (common, "x,OU=ops")], (401, "key_invalid")),
        ([(organization, "Corp"), (common, "x+OU=ops")], (401, "key_invalid")),
    ]:
        response = client(stack, authority, authority.client(subject=subject)).post(CREATE_RUN)
        assert decided(response) == expected, subject


def test_odd_names_harm_nobody(start_stack: StartStack, authority: Authority) -> None:
    principals = {"*": {"scopes": ["model:read"]}}
    stack = start_stack(plugin=by("subject", principals), edit=tls_listener(authority))
    good = client(stack, authority, authority.client(subject=[(NameOID.COMMON_NAME, "good")]))
    for value in ("a\r\nx-mlflow-authz-scopes: mlflow:admin", "a\0b", "\x7f", "ünï", "a" * 60, "\\", '"', "#a", " a "):
        response = client(stack, authority, authority.client(subject=[(NameOID.COMMON_NAME, value)])).get(READ_RUN)
        assert response.status in (200, 401), value
        if response.status == 200:
            assert dict(response.json()["headers"])["x-mlflow-authz-scopes"] == "model:read"
    assert good.get(READ_RUN).status == 200
    reloads = stack.envoy.stats(r"^wasm\..*vm_reload")
    assert not any(reloads.values()), reloads


def test_limits_to_names_and_roles(start_stack: StartStack, authority: Authority) -> None:
    principals = {
        "acme.test": {"scopes": ["model:read:acme-*"]},
        "lead.test": {"roles": ["lead"]},
        "root.test": {"is_admin": True},
        "nobody.test": {},
    }
    stack = start_stack(plugin={**by("dns_san", principals), "roles": ROLES}, edit=tls_listener(authority))
    version = f"{MOUNT}/api/2.0/mlflow/model-versions/get?version=1&name="
    create_model = f"{MOUNT}/api/2.0/mlflow/registered-models/create"
    for name, request, expected in [
        ("acme.test", ("GET", version + "acme-1"), (200, None)),
        ("acme.test", ("GET", version + "other"), (403, "name_not_granted")),
        ("lead.test", ("POST", create_model), (200, None)),
        ("lead.test", ("POST", CREATE_RUN), (403, "scope_missing")),
        ("root.test", ("POST", f"{MOUNT}/api/2.0/mlflow/users/create"), (200, None)),
        ("nobody.test", ("GET", READ_RUN), (403, "scope_missing")),
    ]:
        body = b"{}" if request[0] == "POST" else None
        response = client(stack, authority, authority.client(names=(name,))).request(*request, body=body)
        assert decided(response) == expected, (name, request)


def test_shadow(start_stack: StartStack, authority: Authority) -> None:
    stack = start_stack(
        plugin={**by("dns_san", {"reader.test": {"scopes": ["model:read"]}}), "mode": "shadow"},
        edit=tls_listener(authority),
    )
    for name, why, user in [("reader.test", "scope_missing", ["reader.test"]), ("other.test", "key_invalid", [])]:
        caller = client(stack, authority, authority.client(names=(name,)))
        assert caller.post(CREATE_RUN, [("x-mlflow-authz-user", "root")]).status == 200
        assert stack.upstream.requests()[-1].header("x-mlflow-authz-user") == user
        record = stack.envoy.audit()[-1]
        assert (record["decision"], record["reason"]) == ("would_deny", why)


def test_a_share_goes_by_the_name(start_stack: StartStack, authority: Authority) -> None:
    stack = start_stack(
        plugin={**by("dns_san", {"*.test": {"scopes": ["model:read"]}}), "enforce_percent": 50},
        edit=tls_listener(authority),
    )

    def sides() -> list[int]:
        names = [f"caller-{number}.test" for number in range(24)]
        return [client(stack, authority, authority.client(names=(name,))).post(CREATE_RUN).status for name in names]

    first = sides()
    assert first == sides()
    assert 4 <= first.count(403) <= 20


def test_revoked_by_name(start_stack: StartStack, authority: Authority) -> None:
    # The stand-in lists ids of its own keys only.
    listed = [{**standard_keys.WRITE, "key_id": "trainer.test"}]
    plugin = {
        "mtls": {"by": "dns_san", "principals": {"*.test": {"scopes": ["tracking:write"]}}},
        "key_pattern": None,
        "revocation": {"path": "/api/v1/keys/revocations", "every": "500ms"},
    }
    stack = start_stack(keys=listed, plugin=plugin, edit=tls_listener(authority))
    trainer, other = (client(stack, authority, authority.client(names=(f"{it}.test",))) for it in ("trainer", "other"))
    with trainer.connect() as connection:
        status = lambda: connection.request("POST", CREATE_RUN).status  # noqa: E731
        assert status() == 200
        stack.auth.revoke("trainer.test")
        wait_until(lambda: status() == 401, "the refusal", timeout=5)
    assert trainer.post(CREATE_RUN).status == 401
    assert other.post(CREATE_RUN).status == 200


def test_nothing_traps_without_a_certificate(stack: Stack, authority: Authority) -> None:
    caller = client(stack, authority)
    before = stack.envoy.stats(r"^wasm\..*vm_reload")
    for _ in range(20):
        assert caller.post(CREATE_RUN).status == 401
    assert stack.envoy.stats(r"^wasm\..*vm_reload") == before
