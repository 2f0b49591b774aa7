"""One request, one identity: tokens beside other tokens, and beside keys."""

import base64
import hashlib
from collections.abc import Callable, Iterator

import pytest

from harness import keys as standard_keys
from harness.checks import CREATE_RUN, READ_RUN
from harness.envoy_config import Config
from harness.http import Response, bearer
from harness.jwt_authn import BEARER, provider, verified_by
from harness.pool import Pool
from harness.stack import MOUNT, Stack
from harness.tokens import Issuer, part, unsigned

StartStack = Callable[..., Stack]
Header = tuple[str, str]
WHOAMI = f"{MOUNT}/.well-known/mlflow-authz/whoami"
LISTED = "mk_listed_in_the_configuration_0123456789"
OF_SERVICE = standard_keys.READ["key"]
AMBIGUOUS = (400, "credential_ambiguous")
INVALID = (401, "key_invalid")
PLUGIN: Config = {
    "jwt": {"metadata_key": ["payload"]},
    "keys": [
        {
            "sha256": hashlib.sha256(LISTED.encode()).hexdigest(),
            "key_id": "listed",
            "user_id": "listed-user",
            "scopes": ["tracking:write"],
        }
    ],
    "key_pattern": None,
}


def basic(key: str) -> Header:
    return ("authorization", "Basic " + base64.b64encode(f"anybody:{key}".encode()).decode())


def x_api_key(key: str) -> Header:
    return ("x-api-key", key)


@pytest.fixture(scope="module")
def issuer() -> Issuer:
    return Issuer()


@pytest.fixture(scope="module", params=[False, True], ids=["taken away", "forwarded"])
def stack(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory, issuer: Issuer, pool: Pool
) -> Iterator[Stack]:
    """Where Envoy looks by default: Authorization, and ?access_token=."""
    edit = verified_by({"issuer": provider(issuer, from_headers=None, forward=request.param)})
    with Stack(tmp_path_factory.mktemp("credentials"), plugin=PLUGIN, edit=edit, pool=pool) as started:
        yield started


@pytest.fixture
def forwarded(request: pytest.FixtureRequest) -> bool:
    return request.node.callspec.params["stack"]


def decided(response: Response) -> tuple[int, str | None]:
    return response.status, None if response.status == 200 else response.json()["reason"]


def sent(stack: Stack, headers: list[Header], query: str = "") -> tuple[int, str | None]:
    """Of a request that an administrator may make, and the owners of the other credentials here may not."""
    target = f"{MOUNT}/api/2.0/mlflow/users/create" + (f"?{query}" if query else "")
    return decided(stack.client.post(target, headers))


BESIDE: dict[str, Callable[[Issuer], Header]] = {
    "a broken token": lambda it: bearer(unsigned(it.token())),
    "half a token": lambda it: bearer(it.token()[:-30]),
    "a token of another key": lambda _: bearer(Issuer().token()),
    "a key of the service": lambda _: bearer(OF_SERVICE),
    "a listed key": lambda _: bearer(LISTED),
    "an unknown key": lambda _: bearer("unknown_0123456789"),
    "a key in X-API-Key": lambda _: x_api_key(OF_SERVICE),
    "a listed key in X-API-Key": lambda _: x_api_key(LISTED),
    "a broken token in X-API-Key": lambda it: x_api_key(unsigned(it.token())),
    "a key in Basic": lambda _: basic(OF_SERVICE),
    "a listed key in Basic": lambda _: basic(LISTED),
    "another scheme": lambda _: ("authorization", "Digest username=root"),
    "nothing behind Bearer": lambda _: ("authorization", "Bearer "),
}


@pytest.mark.parametrize("case", BESIDE)
def test_an_administrators_token_in_the_query_lends_nothing(stack: Stack, issuer: Issuer, case: str) -> None:
    """Whoever writes the header must not act by the token of somebody who followed a link, or the other way round."""
    admin = issuer.token(sub="root", scope="mlflow:admin")
    before, asked = stack.upstream.count, stack.auth.validations
    status, why = sent(stack, [BESIDE[case](issuer)], f"access_token={admin}")
    assert status in (400, 401) and why in ("credential_ambiguous", "credential_malformed", "key_invalid")
    assert (stack.upstream.count, stack.auth.validations) == (before, asked)


def test_a_token_in_the_query_alone_is_its_owners(stack: Stack, issuer: Issuer) -> None:
    admin = issuer.token(sub="root", scope="mlflow:admin")
    assert sent(stack, [], f"access_token={admin}") == (200, None)
    assert stack.upstream.requests()[-1].header("x-mlflow-authz-user") == ["root"]
    broken = unsigned(admin)
    assert sent(stack, [], f"access_token={broken}")[0] == 401


def test_two_tokens_never_mix(stack: Stack, issuer: Issuer, forwarded: bool) -> None:
    """Both are verified. What counts is one of them, whole; where both are visible, there is none."""
    admin, reader = issuer.token(sub="root", scope="mlflow:admin"), issuer.token(sub="bob", scope="model:read")
    for headers, query in [
        ([bearer(reader), bearer(admin)], ""),
        ([bearer(admin), bearer(reader)], ""),
        ([bearer(reader)], f"access_token={admin}"),
        ([bearer(admin)], f"access_token={reader}"),
    ]:
        response = stack.client.get(f"{WHOAMI}?{query}", headers)
        if response.status == 200:
            said = response.json()
            assert (said["user_id"], said["scopes"]) in [("root", ["mlflow:admin"]), ("bob", ["model:read"])]
            if forwarded:
                # The token that upstream can read is that of whom the decision was about.
                assert headers == [bearer(admin if said["user_id"] == "root" else reader)]
        else:
            assert decided(response) == AMBIGUOUS
        if forwarded and len(headers) == 2:
            assert decided(response) == AMBIGUOUS


def test_the_verified_token_beside_another_credential(stack: Stack, issuer: Issuer) -> None:
    admin, reader = issuer.token(sub="root", scope="mlflow:admin"), issuer.token(sub="bob", scope="model:read")
    for other in (x_api_key(OF_SERVICE), x_api_key(LISTED), x_api_key(admin), x_api_key(unsigned(admin))):
        for token in (reader, admin):
            if token == admin and other[1].split(".")[1:2] == admin.split(".")[1:2]:
                # What is shown beside the token that was taken away claims the same.
                continue
            asked = stack.auth.validations
            assert sent(stack, [bearer(token), other]) == AMBIGUOUS, other
            assert stack.auth.validations == asked


def test_a_token_of_the_same_claims_but_one_is_another(stack: Stack, issuer: Issuer) -> None:
    """Beside a verified token, a visible one that differs in any of these is a second identity."""
    claims = issuer.claims(sub="root", scope="mlflow:admin", jti="1")
    for different in (
        {"sub": "bob"},
        {"jti": "2"},
        {"exp": claims["exp"] + 1},
        {"iat": claims["iat"] - 1},
        {"aud": ["mlflow"]},
        {"iss": "https://other.test"},
    ):
        other = issuer.token(**{**claims, **different})
        assert sent(stack, [bearer(issuer.token(**claims)), x_api_key(other)]) == AMBIGUOUS, different


@pytest.mark.parametrize(
    "value",
    [
        "Digest Bearer {token}",
        "Basic YTpi Bearer {token}",
        "Bearer  {token}",
        "Bearer {token} more",
        "Bearer {token}, Bearer {other}",
        "bearer {token}",
        "ApiKey {token}",
        "Token {token}",
        "{token}",
    ],
)
def test_odd_ways_to_write_the_header(stack: Stack, issuer: Issuer, value: str) -> None:
    """Envoy finds `Bearer ` anywhere in the value. It may take a token or leave it, but no other identity results."""
    token, other = issuer.token(sub="bob", scope="model:read"), issuer.token(sub="root", scope="mlflow:admin")
    asked = stack.auth.validations
    response = stack.client.get(WHOAMI, [("authorization", value.format(token=token, other=other))])
    assert stack.auth.validations == asked
    if response.status == 200:
        assert (response.json()["user_id"], response.json()["scopes"]) == ("bob", ["model:read"])
    else:
        assert response.status in (400, 401)


UNVERIFIED: dict[str, Callable[[str], Header]] = {"bearer": bearer, "x-api-key": x_api_key, "basic": basic}


@pytest.mark.parametrize("place", UNVERIFIED)
def test_what_looks_like_a_token_is_never_handed_to_the_auth_service(
    start_stack: StartStack, issuer: Issuer, place: str
) -> None:
    """Not even where Envoy has not looked at it: an auth service that decodes without verifying would be fooled."""
    token = issuer.token(scope="mlflow:admin")
    tokens = [unsigned(token), Issuer().token(), token[:-30], issuer.token(exp=1)]
    if place != "bearer":
        # Valid, but nobody has verified it there.
        tokens.append(token)
    stack = start_stack(plugin=PLUGIN, edit=verified_by({"issuer": provider(issuer)}))
    for each in tokens:
        assert decided(stack.client.post(CREATE_RUN, [UNVERIFIED[place](each)])) == INVALID
    assert stack.auth.validations == 0
    assert stack.upstream.count == 0


def test_what_another_reader_takes_for_a_token_is_no_key(start_stack: StartStack, issuer: Issuer) -> None:
    """An auth service may read base64 or JSON more leniently than RFC 7515 does."""
    payload = issuer.token(scope="mlflow:admin").split(".")[1]
    signature = issuer.token().rsplit(".", 1)[1]
    headers = [
        b'{"alg":"none","typ":"JWT","x":"???>>>~~~"}',
        b'{"alg":"none","x":NaN}',
        b'\xef\xbb\xbf{"alg":"none"}',
        b' \n{"alg":"none"}\n',
        b'{"alg":"RS256","alg":"none"}',
        b'{"alg":"none"}\0',
        b'{"alg":"none","x":"\\ud800"}',
    ]
    tokens = [f"{base64.urlsafe_b64encode(header).decode().rstrip('=')}.{payload}." for header in headers]
    tokens += [f"{base64.b64encode(header).decode()}.{payload}.{signature}" for header in headers]
    other_alphabet = base64.b64encode(b'{"sub":"???>>>"}').decode()
    tokens.append(".".join((part({"alg": "none"}), other_alphabet, "")))
    stack = start_stack(plugin=PLUGIN, edit=verified_by({"issuer": provider(issuer)}))
    for token in tokens:
        assert decided(stack.client.post(CREATE_RUN, [x_api_key(token)])) == INVALID, token
        assert stack.client.post(CREATE_RUN, [bearer(token)]).status in (400, 401), token
    assert stack.auth.validations == 0


def test_keys_work_as_before(stack: Stack) -> None:
    for present in (bearer, x_api_key, basic):
        assert decided(stack.client.get(READ_RUN, [present(OF_SERVICE)])) == (200, None)
        assert stack.upstream.requests()[-1].header("x-mlflow-authz-user") == [standard_keys.READ["user_id"]]
        assert decided(stack.client.post(CREATE_RUN, [present(LISTED)])) == (200, None)
        assert stack.upstream.requests()[-1].header("x-mlflow-authz-user") == ["listed-user"]
        assert decided(stack.client.post(CREATE_RUN, [present(standard_keys.UNKNOWN)])) == INVALID
    said = {key: stack.client.get(WHOAMI, [x_api_key(key)]).json()["identity"] for key in (OF_SERVICE, LISTED)}
    assert said == {OF_SERVICE: "auth_service", LISTED: "keys"}


def test_under_istios_requirement_keys_travel_elsewhere_than_tokens(start_stack: StartStack, issuer: Issuer) -> None:
    """Istio lets Envoy refuse a bad token (`allow_missing`): an API key as Bearer is one."""
    requirement = {"requires_any": {"requirements": [{"provider_name": "issuer"}, {"allow_missing": {}}]}}
    edit = verified_by({"issuer": provider(issuer, from_headers=[BEARER])}, requirement)
    stack = start_stack(plugin=PLUGIN, edit=edit)
    refused = stack.client.get(READ_RUN, [bearer(OF_SERVICE)])
    assert refused.status == 401 and b"Jwt" in refused.body
    assert stack.auth.validations == 0
    for present in (x_api_key, basic):
        assert decided(stack.client.get(READ_RUN, [present(OF_SERVICE)])) == (200, None)
    token = issuer.token(scope="model:read")
    assert decided(stack.client.get(READ_RUN, [bearer(token)])) == (200, None)
    assert decided(stack.client.get(READ_RUN, [])) == (401, "credential_missing")


def test_a_visible_token_without_an_identity_of_envoy_is_nobody(start_stack: StartStack, issuer: Issuer) -> None:
    """No jwt_authn before the filter, or one that writes elsewhere: every token is refused, none is believed."""
    elsewhere = verified_by({"issuer": provider(issuer, payload_in_metadata="other", forward=True)})
    for edit in (None, elsewhere):
        with start_stack(plugin=PLUGIN, edit=edit) as stack:
            assert decided(stack.client.get(READ_RUN, [bearer(issuer.token(scope="model:read"))])) == INVALID
            assert stack.auth.validations == 0


def test_claims_of_a_token_that_failed_are_no_claims(start_stack: StartStack, issuer: Issuer) -> None:
    """jwt_authn also writes why it refused a token into this namespace, under a key of its own."""
    edit = verified_by({"issuer": provider(issuer, failed_status_in_metadata="failure", header_in_metadata="header")})
    stack = start_stack(plugin=PLUGIN, edit=edit)
    for token in (unsigned(issuer.token(scope="model:read")), issuer.token(aud="shop", scope="model:read")):
        assert decided(stack.client.get(READ_RUN, [bearer(token)])) == INVALID
    assert decided(stack.client.get(READ_RUN, [bearer(issuer.token(scope="model:read"))])) == (200, None)


def test_two_issuers_are_two_identities(start_stack: StartStack, issuer: Issuer) -> None:
    """Each under a key of its own, and both in one request: nobody can say whose it is."""
    partner = Issuer("https://partner.test")
    providers = {
        "own": provider(issuer, payload_in_metadata="own"),
        "partner": provider(partner, payload_in_metadata="partner", from_headers=[{"name": "x-partner-token"}]),
    }
    requirement = {"requires_all": {"requirements": [one_or_none(name) for name in providers]}}
    plugin = {**PLUGIN, "jwt": {"metadata_key": ["own", "partner"]}}
    stack = start_stack(plugin=plugin, edit=verified_by(providers, requirement))
    own = bearer(issuer.token(sub="bob", scope="model:read"))
    other = ("x-partner-token", partner.token(sub="root", scope="mlflow:admin"))
    assert decided(stack.client.post(CREATE_RUN, [own])) == (403, "scope_missing")
    assert decided(stack.client.post(CREATE_RUN, [other])) == (200, None)
    assert decided(stack.client.post(CREATE_RUN, [own, other])) == AMBIGUOUS
    assert decided(stack.client.post(CREATE_RUN, [other, x_api_key(OF_SERVICE)])) == AMBIGUOUS


def one_or_none(provider_name: str) -> Config:
    either: list[Config] = [{"provider_name": provider_name}, {"allow_missing": {}}]
    return {"requires_any": {"requirements": either}}
