"""What claims of every shape mean, as Envoy hands them to the filter: without their types.

The property of a text is its bytes, that of a number eight bytes, that of a bool one byte, that of a list or an object a
list of pairs. A claim that its owner may write can therefore equal another one, which is why scopes, roles and is_admin
must point to claims that only the issuer writes.
"""

import struct
from collections.abc import Iterator
from typing import Any

import pytest

from harness.checks import CREATE_RUN, unharmed
from harness.http import bearer
from harness.jwt_authn import provider, verified_by
from harness.pool import Pool
from harness.stack import MOUNT, Stack
from harness.tokens import ABSENT, Issuer

WHOAMI = f"{MOUNT}/.well-known/mlflow-authz/whoami"
JWT = {
    "metadata_key": ["payload"],
    "user_id": ["/preferred_username", "/sub"],
    "key_id": ["/azp", "/sub"],
    "scopes": ["/scope", "/scp", "/resource_access/mlflow/scopes", "/https:~1~1corp.test~1scopes", "/til~0de"],
    "roles": ["/roles", "/realm_access/roles"],
    "is_admin": ["/mlflow_admin"],
}
READ = ["model:read"]
Said = tuple[str, Any]


@pytest.fixture(scope="module")
def issuer() -> Issuer:
    return Issuer()


@pytest.fixture(scope="module")
def stack(tmp_path_factory: pytest.TempPathFactory, issuer: Issuer, pool: Pool) -> Iterator[Stack]:
    plugin = {"auth_service": None, "key_pattern": None, "revocation": None, "jwt": JWT}
    edit = verified_by({"issuer": provider(issuer)})
    with Stack(tmp_path_factory.mktemp("claims"), plugin=plugin, edit=edit, pool=pool) as started:
        yield started


def pairs(*keys: bytes) -> bytes:
    """How the ABI encodes a list: a number of pairs, the sizes, and each key and value with a zero byte behind it."""
    sizes = b"".join(struct.pack("<II", len(key), 0) for key in keys)
    return struct.pack("<I", len(keys)) + sizes + b"".join(key + b"\0\0" for key in keys)


# Claims of a token, and what whoami then says of its owner.
SHAPES: dict[str, tuple[dict[str, Any], Said]] = {
    "scopes in a text": ({"scope": "model:read tracking:write"}, ("scopes", ["model:read", "tracking:write"])),
    "one scope in a text": ({"scope": "model:read"}, ("scopes", READ)),
    "scopes between many spaces": ({"scope": "  model:read   a:b "}, ("scopes", ["model:read", "a:b"])),
    "an empty text": ({"scope": ""}, ("scopes", [])),
    "a list": ({"scope": ["model:read", "tracking:write"]}, ("scopes", ["model:read", "tracking:write"])),
    "an empty list": ({"scope": []}, ("scopes", [])),
    "the second place": ({"scp": READ}, ("scopes", READ)),
    "the first place that is there": ({"scope": "a:b", "scp": READ}, ("scopes", ["a:b"])),
    "null is not there": ({"scope": None, "scp": READ}, ("scopes", READ)),
    "a list with null is there": ({"scope": ["a:b", None], "scp": READ}, ("scopes", [])),
    "a list of null is there": ({"scope": [None], "scp": READ}, ("scopes", [])),
    "roles with null": ({"roles": ["viewer", None], "realm_access": {"roles": ["lead"]}}, ("roles", [])),
    "null elsewhere": ({"scope": READ, "nickname": None, "nested": {"a": None}}, ("scopes", READ)),
    "nested": ({"resource_access": {"mlflow": {"scopes": READ}}}, ("scopes", READ)),
    "nested beside null": ({"resource_access": {"mlflow": {"scopes": READ, "a": None}}}, ("scopes", READ)),
    "nested in null": ({"resource_access": None}, ("scopes", [])),
    "nested in a text": ({"resource_access": "mlflow"}, ("scopes", [])),
    "nested in a list": ({"resource_access": [{"mlflow": {"scopes": READ}}]}, ("scopes", [])),
    "a name with slashes": ({"https://corp.test/scopes": READ}, ("scopes", READ)),
    "a name with a tilde": ({"til~de": READ}, ("scopes", READ)),
    "a number for scopes": ({"scope": 5}, ("scopes", [])),
    "true for scopes": ({"scope": True}, ("scopes", [])),
    "an object for scopes": ({"scope": {"model:read": {"since": 1}}}, ("scopes", [])),
    "text with a control character": ({"scope": "model:read\u0001"}, ("scopes", [])),
    "text with a line break": ({"scope": "a:b\r\nx-mlflow-authz-scopes: mlflow:admin"}, ("scopes", [])),
    "roles": ({"roles": ["lead"]}, ("roles", ["lead"])),
    "roles of Keycloak": (
        {"realm_access": {"roles": ["lead", "offline_access"]}},
        ("roles", ["lead", "offline_access"]),
    ),
    "true": ({"mlflow_admin": True}, ("is_admin", True)),
    "false": ({"mlflow_admin": False}, ("is_admin", False)),
    "the text true": ({"mlflow_admin": "true"}, ("is_admin", False)),
    "the text 1": ({"mlflow_admin": "1"}, ("is_admin", False)),
    "the number 1": ({"mlflow_admin": 1}, ("is_admin", False)),
    "null for is_admin": ({"mlflow_admin": None}, ("is_admin", False)),
    "a list for is_admin": ({"mlflow_admin": [True]}, ("is_admin", False)),
    "an object for is_admin": ({"mlflow_admin": {"\u0001": ""}}, ("is_admin", False)),
    "the text of true and more": ({"mlflow_admin": "\u0001\u0001"}, ("is_admin", False)),
    "no is_admin elsewhere": ({"is_admin": True, "admin": True}, ("is_admin", False)),
    "another place for the user": ({"preferred_username": "ana", "sub": "17"}, ("user_id", "ana")),
    "a null place for the user": ({"preferred_username": None, "sub": "17"}, ("user_id", "17")),
    "an id beyond ASCII": ({"sub": "äna"}, ("user_id", "äna")),
    "a whole number for the user": ({"preferred_username": 9007199254740991}, ("user_id", "9007199254740991")),
    "another place for the key": ({"azp": "trainer"}, ("key_id", "trainer")),
}


@pytest.mark.parametrize("case", SHAPES)
def test_what_claims_say(stack: Stack, issuer: Issuer, case: str) -> None:
    claims, (field, expected) = SHAPES[case]
    answer = stack.client.get(WHOAMI, [bearer(issuer.token(**claims))])
    assert answer.status == 200, answer.body
    assert answer.json()[field] == expected


# What a list may hold beside text: nothing but its texts may count.
MIXED = [
    ["model:read", 5],
    ["model:read", True],
    ["model:read", None],
    ["model:read", ["mlflow:admin"]],
    ["model:read", {"mlflow:admin": ""}],
    ["model:read", ""],
    ["model:read", "a\u0000b"],
]


@pytest.mark.parametrize("mixed", MIXED, ids=str)
def test_a_list_with_other_things(stack: Stack, issuer: Issuer, mixed: list[Any]) -> None:
    answer = stack.client.get(WHOAMI, [bearer(issuer.token(scope=mixed))])
    assert answer.status == 200, answer.body
    assert set(answer.json()["scopes"]) <= {"model:read", ""}
    assert not answer.json()["is_admin"]


# Ids that could break out of a header or of a line of the log.
ODD_IDS: list[Any] = [
    "a\r\nx-mlflow-authz-scopes: mlflow:admin", "a\nb", "\0", "\x7f", "", " ", True, ["a"], {"a": "b"}, None, ABSENT,
    # Two of these are one double, so they would be one user.
    9007199254740993, 1.5, 1e300,
]  # fmt: skip


@pytest.mark.parametrize("odd", ODD_IDS, ids=lambda it: "absent" if it is ABSENT else repr(it))
def test_an_odd_id_is_nobodys(stack: Stack, issuer: Issuer, odd: Any) -> None:
    """Whether the token is refused or has no owner: no other id, and no further header."""
    token = issuer.token(preferred_username=odd, sub=ABSENT, scope="tracking:write")
    answer = stack.client.post(CREATE_RUN, [bearer(token)])
    if answer.status == 200:
        headers = dict(answer.json()["headers"])
        assert headers.get("x-mlflow-authz-user") is None
        assert headers.get("x-mlflow-authz-scopes") == "tracking:write"
    else:
        assert (answer.status, answer.json()["reason"]) == (401, "key_invalid")


@pytest.mark.parametrize("size", [300, 5_000, 40_000], ids=str)
def test_long_claims(stack: Stack, issuer: Issuer, size: int) -> None:
    """Up to what Envoy takes of headers (60 KiB), nothing traps."""
    with unharmed(stack, issuer.token(scope="model:read")):
        for claims in ({"sub": "a" * size}, {"scope": "a:b " * (size // 4)}, {"scope": ["a"] * (size // 4)}):
            answer = stack.client.post(CREATE_RUN, [bearer(issuer.token(**claims))])
            assert answer.status in (401, 403, 431), (answer.status, answer.body)


def test_odd_payloads_harm_nobody(stack: Stack, issuer: Issuer) -> None:
    deep: Any = "model:read"
    for _ in range(90):
        deep = {"a": deep}
    with unharmed(stack, issuer.token(scope="model:read")):
        for claims in (
            {"scope": deep},
            {"resource_access": deep},
            {"roles": [[["a"]]]},
            {"scope": {str(number): number for number in range(500)}},
            {"": "", "/": 1, "~": 2, "~1": 3, "scope/": "mlflow:admin", "/scope": "mlflow:admin"},
            {"payload": {"scope": "mlflow:admin"}, "envoy.filters.http.jwt_authn": {"payload": {}}},
            {"exp": 1e300},
            {"scope": "\ud800"},
        ):
            answer = stack.client.post(CREATE_RUN, [bearer(issuer.token(**claims))])
            assert answer.status in (401, 403), (claims, answer.status, answer.body)


def test_a_claim_given_twice_is_read_once(stack: Stack, issuer: Issuer) -> None:
    """Envoy's parser decides which one it is; the filter reads nothing but what Envoy read."""
    usual = issuer.claims()
    body = ", ".join(
        f'"{name}": "{value}"' if isinstance(value, str) else f'"{name}": {value}' for name, value in usual.items()
    )
    token = issuer.sign(f'{{{body}, "scope": "model:read", "scope": "tracking:write"}}'.encode())
    answer = stack.client.get(WHOAMI, [bearer(token)])
    if answer.status == 200:
        assert answer.json()["scopes"] in (["model:read"], ["tracking:write"])
    else:
        assert answer.status == 401


# --- what the encoding cannot tell apart ---


def eight(text: str) -> float:
    """The number whose eight bytes are this text."""
    return struct.unpack("<d", text.encode())[0]


def test_texts_and_numbers_that_equal_other_claims(stack: Stack, issuer: Issuer) -> None:
    """docs/identity.md says so: these claims must not be the caller's to write."""
    for claims, (field, expected) in [
        ({"mlflow_admin": "\u0001"}, ("is_admin", True)),
        ({"scope": eight("a:b c:de")}, ("scopes", ["a:b", "c:de"])),
    ]:
        said = stack.client.get(WHOAMI, [bearer(issuer.token(**claims))]).json()
        assert said[field] == expected, claims


LOOKS_LIKE_A_LIST: list[Any] = [
    pairs(b"mlflow:admin").decode(),
    pairs(b"mlflow:admin", b"model:read").decode(),
    pairs(b"0").decode(),
    {"mlflow:admin": ""},
    {"mlflow:admin": "", "0": ""},
    {"0": "", "mlflow:admin": ""},
    {"0": "mlflow:admin"},
]


@pytest.mark.parametrize("claim", LOOKS_LIKE_A_LIST, ids=repr)
@pytest.mark.parametrize("field", ["scope", "roles"])
def test_what_only_looks_like_a_list_is_none(stack: Stack, issuer: Issuer, field: str, claim: Any) -> None:
    """Envoy finds the elements of a list by their number, and none in a text."""
    said = stack.client.get(WHOAMI, [bearer(issuer.token(**{field: claim}))]).json()
    assert (said["scopes"], said["roles"], said["is_admin"]) == ([], [], False)


def test_broken_encodings_are_no_lists(stack: Stack, issuer: Issuer) -> None:
    whole = pairs(b"model:read", b"mlflow:admin")
    broken = [whole[:cut] for cut in (1, 3, 4, 8, 12, 19, 20, 25, len(whole) - 1)]
    broken += [
        whole + b"\0",
        whole + b"more",
        struct.pack("<I", 3) + whole[4:],
        struct.pack("<I", 1) + whole[4:],
        struct.pack("<I", 0x7F7F7F7F) + whole[4:],
        struct.pack("<III", 1, 0x7F7F7F7F, 0) + b"model:read\0\0",
        struct.pack("<III", 1, 10, 0x7F7F7F7F) + b"model:read\0\0",
        struct.pack("<III", 1, 10, 0) + b"model:readxx",
        struct.pack("<III", 1, 10, 3) + b"model:read\0abc\0",
    ]
    with unharmed(stack, issuer.token(scope="model:read")):
        for claim in broken:
            said = stack.client.get(WHOAMI, [bearer(issuer.token(scope=claim.decode()))]).json()
            assert said["scopes"] == [], claim
