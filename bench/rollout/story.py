"""The rollout: who calls, in which steps it is switched on and off again, and what came of each request."""

import hashlib
import itertools
import random
import time
from collections import Counter
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from harness import keys
from harness.auth_service import AuthService
from harness.envoy_config import Address
from harness.hot import DRAIN, HotFile, HotFilter, HotListener
from harness.http import Client, Response
from harness.load import ERROR_CODES, KEYLESS, PREFIX, Caller, Operation, Sent, stranger, writers
from harness.load_http import BackgroundLoad, Work
from harness.stack import MOUNT, Stack

WORKERS = 2
SETTLED = 1.0
"""Seconds after a change from which on every request has to be decided by the new policy."""
LIMIT = 10

WAYS: dict[str, type[HotFile]] = {"ecds": HotFilter, "lds": HotListener}

# MLflow answers both with 200: the experiment is the one that every server begins with.
READ = Operation("read", "GET", f"{MOUNT}/api/2.0/mlflow/experiments/get?experiment_id=0")
WRITE = Operation(
    "write",
    "POST",
    f"{MOUNT}/api/2.0/mlflow/experiments/set-experiment-tag",
    b'{"experiment_id": "0", "key": "rollout", "value": "1"}',
)


@dataclass(frozen=True)
class Step:
    """One configuration that is put in force."""

    title: str
    plugin: dict[str, Any]
    percent: int
    """Of the callers, how many are refused what they may not do."""


SHADOW = Step("shadow", {"mode": "shadow", "enforce_percent": 100}, 0)
STEPS = (
    SHADOW,
    Step("10 %", {"mode": "enforce", "enforce_percent": 10}, 10),
    Step("100 %", {"mode": "enforce", "enforce_percent": 100}, 100),
    Step("rollback", SHADOW.plugin, 0),
)

_READERS = [keys.key(f"reader_{number:03}", ["model:read"]) for number in range(100)]
_WRITERS = [keys.key(f"writer_{number:03}", ["model:write"]) for number in range(20)]
_ADMIN = keys.key("admin", [], is_admin=True)


def callers() -> list[Caller]:
    """A hundred readers, some of whom also write, as nobody has hindered them so far; twenty writers, an
    admin; five keys that are not valid, and no key."""
    reading = [Caller("reader", entry["key"], frozenset({"read"})) for entry in _READERS]
    writing = writers([entry["key"].removeprefix(PREFIX) for entry in (*_WRITERS, _ADMIN)])
    return [*reading, *writing, *(stranger(f"{number}") for number in range(5)), KEYLESS]


def judge(caller: Caller, operation: Operation, response: Response) -> tuple[str, str]:
    """Right is MLflow's 200, and a denial that the caller's key deserves; whether the step at hand asks for
    the one or the other, `StepCount` says."""
    if response.status == 200:
        return "right", "let through"
    try:
        body = response.json()
        reason, code = body["reason"], body["error_code"]
    except (ValueError, KeyError, TypeError):
        return "wrong", f"{response.status} that is not the filter's: {response.body[:80]!r}"
    if operation.name in caller.may or reason != caller.denied:
        return "wrong", f"{response.status} {reason} to a {caller.kind}'s {operation.name}"
    if ERROR_CODES.get(reason) != (response.status, code):
        return "wrong", f"{response.status} {code} for {reason}"
    return "right", reason


def stands_at(caller: Caller) -> int:
    """Where a caller stands among a hundred: by the key's id, as src/enforcement.rs says."""
    if caller.key is None or caller.kind == "invalid":
        return 99
    digest = hashlib.sha256(caller.identity()[0].encode()).digest()
    return int.from_bytes(digest[:8], "big") % 100


def undeserved(sent: Sent) -> bool:
    """Whether the request is one that enforcement refuses."""
    return sent.operation.name not in sent.caller.may


@dataclass
class StepCount:
    """What came of the requests of one step."""

    step: Step
    began: float
    """When its configuration was put in place, in seconds of `time.monotonic`."""
    callouts: int = 0
    sent: list[Sent] = field(default_factory=list)

    @property
    def failed(self) -> list[Sent]:
        """Without an answer, with one of Envoy's, or with one that the caller's key never deserves."""
        return [s for s in self.sent if s.verdict != "right"]

    @property
    def allowed(self) -> int:
        return sum(1 for s in self.sent if s.status == 200 and not undeserved(s))

    @property
    def would_deny(self) -> Counter[str]:
        """Let through though enforcement refuses it, by the reason it would have."""
        return Counter(s.caller.denied for s in self.sent if s.status == 200 and undeserved(s))

    @property
    def denied(self) -> Counter[str]:
        return Counter(s.reason for s in self.sent if s.verdict == "right" and s.status != 200)

    def _settled(self) -> list[Sent]:
        return [s for s in self.sent if undeserved(s) and s.at > self.began + SETTLED]

    @property
    def misjudged(self) -> list[Sent]:
        """Refused, or not, against what the step says, once it was in force."""
        percent = self.step.percent
        return [s for s in self._settled() if (s.status != 200) != (stands_at(s.caller) < percent)]

    @property
    def refused_callers(self) -> set[str]:
        """Keys of those who were refused something once the step was in force."""
        return {s.caller.key or "" for s in self._settled() if s.status != 200}

    @property
    def let_through_callers(self) -> set[str]:
        """Keys of those who were let through with something that enforcement refuses."""
        return {s.caller.key or "" for s in self._settled() if s.status == 200}

    @property
    def slowest(self) -> float:
        """Seconds."""
        return max(s.seconds for s in self.sent)


@dataclass
class Story:
    """All steps, and what the filter itself counted."""

    counts: list[StepCount]
    metrics: dict[str, float]
    """Decisions by their label, over all steps."""
    shadow_denials: float


def play(
    workdir: Path, mlflow: Address, way: str, seconds: float, tell: Callable[[StepCount], None] | None = None
) -> Story:
    """Plays all steps, each for so many seconds, in front of the MLflow server at this address."""
    # Two first writes of one tag at once are a 400 of MLflow's own; later ones change what is there.
    first = Client(*mlflow).request(
        "POST", WRITE.target.removeprefix(MOUNT), [("content-type", "application/json")], WRITE.body
    )
    assert first.status == 200, first.body
    hot = WAYS[way](workdir / "hot")
    counts: list[StepCount] = []
    with ExitStack() as started:
        (workdir / "auth").mkdir()
        auth = started.enter_context(AuthService([*_READERS, *_WRITERS, _ADMIN], workdir / "auth"))
        plugin = {**SHADOW.plugin, "key_pattern": f"{PREFIX}*"}
        stack = started.enter_context(
            Stack(
                workdir / "envoy",
                auth=auth,
                mlflow=mlflow,
                concurrency=WORKERS,
                plugin=plugin,
                arguments=DRAIN,
                edit=hot.edit,
            )
        )
        with _load(stack) as load:
            for number, step in enumerate(STEPS):
                asked = auth.validations
                if number and not hot.swap(stack.envoy, step.plugin):
                    raise RuntimeError(f"Envoy refused the step {step.title!r}: {stack.envoy.log()[-2000:]}")
                counts.append(StepCount(step, hot.moved_at if number else time.monotonic()))
                time.sleep(seconds)
                counts[-1].callouts = auth.validations - asked
        ends = [count.began for count in counts[1:]] + [float("inf")]
        # What was sent before the first step's time began was sent in it, too.
        counts[0].began = 0
        for count, end in zip(counts, ends, strict=True):
            count.sent = [s for s in load.tally.sent if count.began <= s.at < end]
            if tell:
                tell(count)
        names = ("allow", "would_deny", "deny")
        metrics = {name: stack.envoy.metric("mlflow_authz_decisions", decision=name) for name in names}
        return Story(counts, metrics, stack.envoy.metric("mlflow_authz_shadow_denials"))


def _load(stack: Stack) -> BackgroundLoad:
    """Everybody in turn, reading and writing; kept connections and new ones."""
    dice = random.Random(1)
    everybody = itertools.cycle(callers())

    def work() -> Work:
        return next(everybody), dice.choice((READ, WRITE))

    address = stack.envoy.host, stack.envoy.port
    return BackgroundLoad(address, work, kept=8, fresh=4, limit=LIMIT, pause=0.02, judge=judge)
