"""What is sent under load, and a verdict on every answer.

An answer is

- *right*: what the caller's key is entitled to. Where that is to be let through, upstream answered, and was
  told of this key and this user and of no other; where it is a denial, it is the filter's own, with the
  reason and the error code of that reason;
- *unavailable*: the filter's own 503 with `retry-after`, where the auth service had to be asked;
- *wrong*: any other. A request let through that the key may never make, another caller's identity, a 401 or
  403 to a key that is good for it, a 503 to a caller about whom nobody has to be asked, an answer of Envoy's.

A request without an answer is *hung* if its time has passed, and *lost* if the connection ended.
"""

import json
from collections import Counter
from dataclasses import dataclass, field

from .checks import CREATE_RUN, READ_RUN
from .http import Headers, Response, bearer

GRACE = 0.05
"""What the filter may add to its timeout of a callout, in seconds."""


@dataclass(frozen=True)
class Operation:
    """One request to MLflow."""

    name: str
    method: str
    target: str
    body: bytes | None = None


READ = Operation("read", "GET", READ_RUN)
WRITE = Operation("write", "POST", CREATE_RUN, b"{}")

ERROR_CODES = {
    "scope_missing": (403, "PERMISSION_DENIED"),
    "key_invalid": (401, "UNAUTHENTICATED"),
    "credential_malformed": (401, "UNAUTHENTICATED"),
    "credential_missing": (401, "UNAUTHENTICATED"),
    "auth_unavailable": (503, "TEMPORARILY_UNAVAILABLE"),
    "overloaded": (503, "TEMPORARILY_UNAVAILABLE"),
}
"""Status and error code by reason."""


@dataclass(frozen=True)
class Caller:
    """Someone with a key, or without one."""

    kind: str
    key: str | None
    may: frozenset[str] = frozenset()
    """Names of the operations the key is good for."""
    denied: str = "scope_missing"
    """Why all others are refused."""
    may_be: frozenset[str] = frozenset()
    """Names of operations that are right both ways, while what they need changes."""
    asked_about: bool = True
    """Whether the filter has to ask somebody; if not, no trouble of the auth service reaches this caller."""

    def headers(self) -> Headers:
        return [] if self.key is None else [bearer(self.key)]

    def identity(self) -> tuple[str, str]:
        """The key id and the user id that upstream is to be told."""
        assert self.key is not None
        name = self.key.removeprefix(ANY_READER).removeprefix(PREFIX)
        return f"key_{name}", f"user_{name}"


PREFIX = "hk_live_"
ANY_READER = f"{PREFIX}load_"
"""Every key that begins so is a good reader's; see `load_parts.LoadAuthService`."""


def reader(name: str) -> Caller:
    """A key that may read."""
    return Caller("reader", ANY_READER + name, frozenset({"read"}))


def readers(name: str, count: int) -> list[Caller]:
    """Keys that may read."""
    return [reader(f"{name}_{number}") for number in range(count)]


def writers(names: list[str]) -> list[Caller]:
    """Keys that may read and write; the auth service's file must hold them."""
    return [Caller("writer", PREFIX + name, frozenset({"read", "write"})) for name in names]


def stranger(name: str) -> Caller:
    """A key that the auth service does not know."""
    return Caller("invalid", f"{PREFIX}bad_{name}", denied="key_invalid")


def invalid(name: str, count: int) -> list[Caller]:
    """Keys that the auth service does not know."""
    return [stranger(f"{name}_{number}") for number in range(count)]


FOREIGN = Caller("foreign", "sk_of_another_service", denied="credential_malformed", asked_about=False)
"""A key that `key_pattern` turns down."""
KEYLESS = Caller("keyless", None, denied="credential_missing", asked_about=False)


@dataclass(frozen=True)
class Sent:
    """A request that was sent, and what became of it."""

    caller: Caller
    operation: Operation
    verdict: str
    """right, unavailable, wrong, hung or lost."""
    status: int
    reason: str
    """The filter's own word for a denial; else what is wrong, or what happened."""
    seconds: float
    at: float = 0
    """When it was sent, in seconds of `time.monotonic`."""


def judge(caller: Caller, operation: Operation, response: Response) -> tuple[str, str]:
    """The verdict on an answer, and its reason or what is wrong with it."""
    if response.status == 200:
        complaint = _wrongly_forwarded(caller, operation, response)
        return ("wrong", complaint) if complaint else ("right", "allowed")
    try:
        body = response.json()
        reason, code = body["reason"], body["error_code"]
    except (ValueError, KeyError, TypeError):
        return "wrong", f"{response.status} that is not the filter's: {response.body[:80]!r}"
    if ERROR_CODES.get(reason) != (response.status, code):
        return "wrong", f"{response.status} {code} for {reason}"
    if response.status == 503:
        if not (response.header("retry-after") or "").isdigit():
            return "wrong", "503 without retry-after"
        if not caller.asked_about:
            return "wrong", f"503 {reason} to a caller about whom nobody is asked"
        return "unavailable", reason
    if operation.name in caller.may:
        return "wrong", f"{response.status} {reason} to a good key"
    if reason != caller.denied:
        return "wrong", f"{reason} instead of {caller.denied}"
    if response.status == 401 and not response.header("www-authenticate"):
        return "wrong", "401 without www-authenticate"
    return "right", reason


def _wrongly_forwarded(caller: Caller, operation: Operation, response: Response) -> str:
    if operation.name not in caller.may | caller.may_be:
        return f"a {caller.kind} was let through to {operation.name}"
    try:
        seen = json.loads(response.body)
        headers = {name.lower(): value for name, value in seen["headers"]}
    except (ValueError, KeyError, TypeError):
        return f"200 that is not upstream's: {response.body[:80]!r}"
    told = (headers.get("x-mlflow-authz-key"), headers.get("x-mlflow-authz-user"))
    if told != caller.identity():
        return f"upstream was told of {told}, not of {caller.identity()}"
    if seen["method"] != operation.method or not operation.target.endswith(seen["path"]):
        return f"upstream saw {seen['method']} {seen['path']}"
    return ""


@dataclass
class Tally:
    """What became of all requests of a load."""

    sent: list[Sent] = field(default_factory=list)

    def of(self, verdict: str) -> list[Sent]:
        return [sent for sent in self.sent if sent.verdict == verdict]

    @property
    def unanswered(self) -> list[Sent]:
        return self.of("hung") + self.of("lost")

    def slowest(self, verdict: str | None = None) -> float:
        """Seconds."""
        return max((s.seconds for s in self.sent if verdict in (None, s.verdict)), default=0.0)

    def line(self, title: str) -> str:
        """One line for people."""
        count = Counter(sent.verdict for sent in self.sent)
        answered = count["right"] + count["unavailable"] + count["wrong"]
        return (
            f"{title:34} sent {len(self.sent):5}  answered {answered:5}  (right {count['right']:5}, "
            f"503 {count['unavailable']:5})  wrong {count['wrong']}  hung {count['hung']}  "
            f"lost {count['lost']}  slowest {self.slowest() * 1000:5.0f} ms"
        )

    def assert_sound(self) -> None:
        """Every request has an answer, and none is wrong."""
        assert self.sent
        complaints = Counter(
            f"{s.caller.kind} {s.operation.name}: {s.verdict}: {s.status} {s.reason}"
            for s in self.of("wrong") + self.unanswered
        )
        assert not complaints, complaints.most_common(10)

    def assert_right(self, callers: list[Caller]) -> None:
        """These callers were not troubled by anything."""
        keys = {caller.key for caller in callers}
        theirs = [sent for sent in self.sent if sent.caller.key in keys]
        assert theirs
        troubled = Counter(f"{s.caller.kind}: {s.reason}" for s in theirs if s.verdict != "right")
        assert not troubled, troubled
