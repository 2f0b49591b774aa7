"""The real thing under fault: load through Envoy while auth service, configuration or clients fail it.

Whatever happens, every request has an answer in time and none is wrong (`harness.load` says what is). Good
keys that were seen before are not troubled at all. With -s, each case prints what was sent and what came of
it. The TTL is short, so that principals are refreshed and become stale within each load.
"""

import asyncio
import itertools
import random
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from harness import keys
from harness.checks import unharmed
from harness.hot import DRAIN, HotListener
from harness.load import (
    ANY_READER,
    FOREIGN,
    GRACE,
    KEYLESS,
    READ,
    WRITE,
    Caller,
    Tally,
    invalid,
    judge,
    readers,
    writers,
)
from harness.load_http import Address, Client, Work, http2_round, in_background, keep_sending
from harness.load_parts import LoadAuthService
from harness.stack import Stack

TIMEOUT = 0.6
OPEN_FOR = 0.3
SLACK = 1.5
"""Seconds that scheduling may add on a machine which is busy with other tests."""
LIMIT = TIMEOUT + GRACE + SLACK

PLUGIN: dict[str, Any] = {
    "key_pattern": "hk_live_*",
    "auth_service": {
        "timeout": f"{TIMEOUT * 1000:.0f}ms",
        # All of the load comes from one address, with some fifty new keys at once: more than may ask by default.
        "max_in_flight": 256,
        "breaker": {"failures": 5, "open_for": f"{OPEN_FOR * 1000:.0f}ms"},
    },
    "cache": {"ttl": "500ms", "negative_ttl": "200ms", "stale_if_error": "5m"},
    "audit": {"allows": False, "max_per_second": 5},
}
CONNECTIONS = 12
OPERATIONS = (READ, WRITE)

_WRITERS = [f"load_writer_{number:03}" for number in range(400)]


class Scene:
    """One Envoy, its auth service and its upstream, with keys that no case has used before."""

    def __init__(self, folder: Path, workers: int, started: ExitStack) -> None:
        self.workers = workers
        self.hot = HotListener(folder)
        # Not with the readers' prefix: those are what the file does not say.
        entries = [keys.key(name.removeprefix("load_"), ["model:write"]) for name in _WRITERS]
        self.auth = started.enter_context(LoadAuthService(entries, folder / "auth"))
        self.stack = started.enter_context(
            Stack(
                folder / "envoy",
                auth=self.auth,
                plugin=PLUGIN,
                concurrency=workers,
                arguments=DRAIN,
                edit=self.hot.edit,
            )
        )
        self._writers = iter(_WRITERS)
        self._cases = itertools.count()

    @property
    def address(self) -> Address:
        return self.stack.envoy.host, self.stack.envoy.port

    def fresh_name(self) -> str:
        return f"{self.workers}_{next(self._cases)}"

    def fresh_writers(self, count: int) -> list[Caller]:
        return writers([next(self._writers).removeprefix("load_") for _ in range(count)])

    def warm(self) -> list[Caller]:
        """Good keys that Envoy has just seen."""
        callers = readers(self.fresh_name(), 4) + self.fresh_writers(3)
        works = iter([(caller, READ) for caller in callers])
        tally = asyncio.run(keep_sending(self.address, _next(works), connections=1, limit=LIMIT))
        tally.assert_right(callers)
        return callers

    def until_recovered(self) -> float:
        """Seconds from now until cold keys get their answers, on whatever worker a connection meets."""
        began = time.monotonic()
        first = None
        in_a_row = 0
        for caller in readers(self.fresh_name(), 1000):
            response = self.stack.client.get(READ.target, caller.headers())
            verdict, reason = judge(caller, READ, response)
            assert verdict != "wrong", reason
            took = time.monotonic() - began
            if verdict == "right":
                first = first or took
                in_a_row += 1
            else:
                in_a_row = 0
                time.sleep(0.02)
            if in_a_row == 4 * self.workers:
                assert first is not None
                return first
            assert took < OPEN_FOR + LIMIT, f"still {response.status} {reason} after {took:.1f} s"
        raise AssertionError("keys are spent")


@pytest.fixture(scope="module", params=[1, 2], ids=["1-worker", "2-workers"])
def scene(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Scene]:
    """For all cases at one number of workers."""
    with ExitStack() as started:
        yield Scene(tmp_path_factory.mktemp("load"), request.param, started)


def _next(works: Iterator[Work]) -> Callable[[], Work | None]:
    return lambda: next(works, None)


@dataclass
class Cast:
    """Who sends in a case."""

    warm: list[Caller]
    cold: list[Caller]
    unasked: tuple[Caller, ...] = (FOREIGN, KEYLESS)
    dice: random.Random = field(default_factory=lambda: random.Random(1))

    def work(self) -> Work:
        """Half from warm keys; the same cold key often comes from several connections at once."""
        callers = self.dice.choices((self.warm, self.cold, self.unasked), (5, 4, 1))[0]
        return self.dice.choice(callers), self.dice.choice(OPERATIONS)

    def sends(self, scene: Scene, **more: Any) -> Tally:
        """A load of a second or so."""
        load = {"connections": CONNECTIONS, "limit": LIMIT, "seconds": 0.9, "pause": 0.01, **more}
        return asyncio.run(keep_sending(scene.address, self.work, **load))


def cast(scene: Scene) -> Cast:
    name = scene.fresh_name()
    return Cast(scene.warm(), readers(name, 30) + invalid(name, 15) + scene.fresh_writers(5))


def closes(scene: Scene, title: str, tally: Tally, recovered: float | None = None) -> None:
    """Prints what came of a case, and checks what holds in every case."""
    after = "" if recovered is None else f"  back after {recovered * 1000:4.0f} ms"
    print(f"\n{tally.line(f'{title}, {scene.workers} worker(s)')}{after}", end="")
    tally.assert_sound()


# Faults that leave no cold key an answer, and those under which some or all get theirs.
FAULTS: dict[str, tuple[dict[str, Any], str]] = {
    "slow, 300 ms": ({"delay_ms": 300}, "right"),
    "hanging": ({"garbage": "hang"}, "unavailable"),
    "500": ({"status": 500}, "unavailable"),
    "half 500": ({"status": 500, "share": 0.5}, "either"),
    "half hanging": ({"garbage": "hang", "share": 0.5}, "either"),
    "reset in place of a reply": ({"garbage": "nothing"}, "unavailable"),
    "reset within the reply": ({"garbage": "reset"}, "unavailable"),
    "closed within the reply": ({"garbage": "truncated"}, "unavailable"),
    "text": ({"garbage": "text"}, "unavailable"),
    "empty": ({"garbage": "empty"}, "unavailable"),
    "HTML": ({"garbage": "html"}, "unavailable"),
    "5 MB": ({"garbage": "huge"}, "unavailable"),
}


@pytest.mark.parametrize("title", FAULTS)
def test_faulty_auth_service(scene: Scene, title: str) -> None:
    orders, expected = FAULTS[title]
    who = cast(scene)
    with unharmed(scene.stack, key=f"{ANY_READER}alive"):
        with scene.auth.faults(**orders):
            tally = who.sends(scene)
        closes(scene, title, tally, scene.until_recovered())
    tally.assert_right(who.warm)
    asked = {sent.verdict for sent in tally.sent if sent.caller in who.cold}
    assert asked == ({"right", "unavailable"} if expected == "either" else {expected})


def test_outage(scene: Scene) -> None:
    who = cast(scene)
    with unharmed(scene.stack, key=f"{ANY_READER}alive"):
        scene.auth.outage(0.8)
        tally = who.sends(scene)
        closes(scene, "outage", tally, scene.until_recovered())
    tally.assert_right(who.warm)
    assert tally.of("unavailable")


def test_killed_and_restarted(scene: Scene) -> None:
    who = cast(scene)
    with unharmed(scene.stack, key=f"{ANY_READER}alive"):
        killed = in_background(scene.auth.kill, after=0.3)
        returned = in_background(scene.auth.start, after=0.7)
        with scene.auth.faults(delay_ms=50):
            tally = who.sends(scene, seconds=1.2)
            killed.join()
            returned.join()
        closes(scene, "killed and restarted", tally, scene.until_recovered())
    tally.assert_right(who.warm)
    assert tally.of("unavailable")


def swapping(scene: Scene, help_urls: list[Any], taken: list[bool]) -> Callable[[], None]:
    """New configurations in a row; notes which of them Envoy takes."""

    def swap() -> None:
        for help_url in help_urls:
            taken.append(scene.hot.swap(scene.stack.envoy, {"help_url": help_url}))
            time.sleep(0.1)

    return swap


GOOD_CONFIGS = [f"https://keys.test/{number}" for number in range(4)]


def test_hot_swap(scene: Scene) -> None:
    who = cast(scene)
    taken: list[bool] = []
    with unharmed(scene.stack, key=f"{ANY_READER}alive"):
        with scene.auth.faults(delay_ms=100):
            swaps = in_background(swapping(scene, GOOD_CONFIGS, taken), after=0.2)
            tally = who.sends(scene, seconds=1.1)
            swaps.join()
        closes(scene, "hot swap", tally, scene.until_recovered())
    assert taken == [True] * 4
    assert {sent.verdict for sent in tally.sent} == {"right"}


def test_hot_swap_while_nobody_answers(scene: Scene) -> None:
    """The new configuration begins with what the old one left in shared data."""
    who = cast(scene)
    taken: list[bool] = []
    with unharmed(scene.stack, key=f"{ANY_READER}alive"):
        with scene.auth.faults(garbage="hang"):
            swaps = in_background(swapping(scene, GOOD_CONFIGS, taken), after=0.2)
            tally = who.sends(scene, seconds=1.1)
            swaps.join()
        closes(scene, "hot swap while hanging", tally, scene.until_recovered())
    assert taken == [True] * 4
    tally.assert_right(who.warm)


def test_refused_hot_swap(scene: Scene) -> None:
    who = cast(scene)
    taken: list[bool] = []
    swaps = in_background(swapping(scene, [1, True], taken), after=0.2)
    tally = who.sends(scene)
    swaps.join()
    closes(scene, "hot swap, refused", tally)
    assert taken == [False, False]
    assert {sent.verdict for sent in tally.sent} == {"right"}


def test_slow_clients(scene: Scene) -> None:
    who = cast(scene)
    with unharmed(scene.stack, key=f"{ANY_READER}alive"):
        with scene.auth.faults(delay_ms=200):
            tally = who.sends(scene, connections=60, trickle=0.4)
        closes(scene, "clients that trickle", tally)
    assert {sent.verdict for sent in tally.sent} == {"right"}


@contextmanager
def long_memory(scene: Scene) -> Iterator[None]:
    """Answers that last longer than a case, and so many slots that no two keys of a case share one.

    Of keys that do, each worker asks about the second.
    """
    cache = PLUGIN["cache"]
    long = {"ttl": "60s", "negative_ttl": "60s", "shared_slots": 65_536}
    assert scene.hot.swap(scene.stack.envoy, {"cache": {**cache, **long}})
    yield
    assert scene.hot.swap(scene.stack.envoy, {"cache": {**cache, "shared_slots": 4096}})


def test_clients_that_leave(scene: Scene) -> None:
    """Whoever began to wait may go: who waits for the same key gets its answer, from the same callout."""
    callers = readers(scene.fresh_name(), 20) + invalid(scene.fresh_name(), 10)
    dice = random.Random(1)

    async def leave_and_stay() -> Tally:
        async def leave(caller: Caller) -> None:
            client = Client(scene.address, LIMIT)
            await client.abandon((caller, READ), dice.uniform(0.05, 0.2), dice.random() < 0.5)

        async def stay(caller: Caller) -> Tally:
            await asyncio.sleep(0.03)
            works = iter([(caller, READ), (caller, WRITE)])
            return await keep_sending(scene.address, _next(works), connections=2, limit=LIMIT)

        left = asyncio.gather(*(leave(caller) for caller in callers for _ in range(3)))
        stayed = await asyncio.gather(*(stay(caller) for caller in callers))
        await left
        return Tally([sent for tally in stayed for sent in tally.sent])

    with unharmed(scene.stack, key=f"{ANY_READER}alive"), long_memory(scene):
        scene.auth.forget()
        with scene.auth.faults(delay_ms=300):
            tally = asyncio.run(leave_and_stay())
        closes(scene, "clients that leave", tally)
    assert {sent.verdict for sent in tally.sent} == {"right"}
    assert len(tally.sent) == 2 * len(callers)
    assert scene.auth.stats()["most_per_key"] == 1


@pytest.mark.parametrize(
    ("title", "orders", "expected"),
    [
        ("HTTP/2, slow", {"delay_ms": 300}, {"right"}),
        ("HTTP/2, hanging", {"garbage": "hang"}, {"right", "unavailable"}),
    ],
)
def test_http2_streams(scene: Scene, title: str, orders: dict[str, Any], expected: set[str]) -> None:
    """A hundred streams on each of two connections; ten more are begun and given up."""
    who = cast(scene)
    tally = Tally()
    with unharmed(scene.stack, key=f"{ANY_READER}alive"):
        with scene.auth.faults(**orders):
            for _ in range(2):
                works = [who.work() for _ in range(110)]
                tally.sent += http2_round(scene.address, works, LIMIT, cancel=10).sent
        closes(scene, title, tally, scene.until_recovered())
    assert len(tally.sent) == 200
    assert {sent.verdict for sent in tally.sent} == expected
    tally.assert_right(who.warm)
