"""One caller against the others: a key that the auth service fails for, and an address that invents keys."""

import argparse
import asyncio
import itertools
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bench.soak.parts import Soaked
from bench.soak.report import Section
from harness import keys, paths
from harness.load import READ, Caller, Sent, reader, stranger
from harness.load_http import Address, Client
from harness.progress import step

ATTACKER, OTHERS = "127.0.0.2", "127.0.0.1"
DEAD = Caller("dead", "hk_live_dead", frozenset({"read"}))
INVENTED = "hk_live_bad_invented_"
TTL = 2
SLOW_MS = 1900
_LIMIT = 10.0
_PER_SECOND = 3
"""Requests of each kind of victim."""


@dataclass(frozen=True)
class _Attack:
    title: str
    per_second: float
    caller: Callable[[int], Caller]
    order: dict[str, Any]


def _one_key(title: str, **order: Any) -> _Attack:
    return _Attack(title, 5, lambda _: DEAD, {"key_prefix": DEAD.key, **order})


ATTACKS = [
    _one_key("one key, 5/s: 500", status=500),
    _one_key("one key, 5/s: reset", garbage="nothing"),
    _one_key("one key, 5/s: no reply", garbage="hang"),
    _Attack(
        "59 invented keys/s: 401 after 1.9 s",
        59,
        lambda number: stranger(f"invented_{number}"),
        {"key_prefix": INVENTED, "delay_ms": SLOW_MS},
    ),
    _Attack(
        "5 invented keys/s: no reply",
        5,
        lambda number: stranger(f"invented_{number}"),
        {"key_prefix": INVENTED, "garbage": "hang"},
    ),
]


async def _send(address: Address, source: str, caller: Caller, into: list[Sent]) -> None:
    client = Client(address, _LIMIT, source=source)
    into.append(await client.send((caller, READ)))
    client.close()


async def _every(interval: float, seconds: float, send: Callable[[int], Awaitable[None]]) -> None:
    """Sends on time, however long the answers take, and waits for all of them."""
    loop = asyncio.get_running_loop()
    began = loop.time()
    async with asyncio.TaskGroup() as group:
        for number in itertools.count():
            due = began + number * interval
            if due >= began + seconds:
                return
            await asyncio.sleep(max(0.0, due - loop.time()))
            group.create_task(send(number))  # type: ignore[arg-type]


def _attack(soaked: Soaked, attack: _Attack, name: str, seconds: float) -> dict[str, list[Sent]]:
    """What each kind of victim got while the attack went on."""
    known, revoked = reader(f"{name}_known"), reader(f"{name}_revoked")
    sent: dict[str, list[Sent]] = {kind: [] for kind in ("attack", "new", "known", "revoked", "warm")}

    async def scenario() -> None:
        for caller in (known, revoked):
            await _send(soaked.address, OTHERS, caller, sent["warm"])
        entry = {"key": revoked.key, "status": 401}
        await asyncio.to_thread(soaked.auth.put_keys, entry)
        await asyncio.to_thread(soaked.auth.order, **attack.order)

        def victim(kind: str, caller: Callable[[int], Caller]) -> Awaitable[None]:
            def send(number: int) -> Awaitable[None]:
                return _send(soaked.address, OTHERS, caller(number), sent[kind])

            return _every(1 / _PER_SECOND, seconds, send)

        async def victims() -> None:
            # Until the attack has filled what it can, and the keys are past their time.
            await asyncio.sleep(TTL + 1)
            await asyncio.gather(
                victim("new", lambda number: reader(f"{name}_new_{number}")),
                victim("known", lambda _: known),
                victim("revoked", lambda _: revoked),
            )

        def send_attack(number: int) -> Awaitable[None]:
            return _send(soaked.address, ATTACKER, attack.caller(number), sent["attack"])

        await asyncio.gather(_every(1 / attack.per_second, TTL + 1 + seconds, send_attack), victims())

    asyncio.run(scenario())
    soaked.auth.order()
    return sent


def measure(wanted: argparse.Namespace, workdir: Path) -> Section:
    module = wanted.module or paths.wasm_module()
    title = wanted.title or ("another module" if wanted.module else "this build")
    section = Section(f"attacks {title}", f"One caller against the others: {title}", module)
    seconds = wanted.seconds / 3
    section.add(
        f"One worker; TTL {TTL} s, all else as in `envoy.yaml` (64 callouts in flight, timeout 2 s, 5 failures). "
        f"The attack comes from {ATTACKER} and the auth service fails, or is late, for its keys only; all others "
        f"come from {OTHERS}, {_PER_SECOND} a second of each kind for {seconds:.0f} s, beginning {TTL + 1} s after "
        "the attack. *New*: a valid key never seen before with every request, right if let through. *Known*: a key "
        "that was valid before the attack, likewise. *Revoked*: a key that was valid before the attack and of which "
        "the service says 401 since; each 200 is one too many. *Stale*: decisions by rights past their time."
    )
    rows = []
    for number, attack in enumerate(ATTACKS):
        step(f"attacks, {title}: {attack.title}")
        with Soaked(
            workdir / str(number),
            [keys.key("unused", [])],
            echo=True,
            wasm=module,
            plugin={"cache": {"ttl": f"{TTL}s"}},
        ) as soaked:
            sent = _attack(soaked, attack, f"a{number}", seconds)
            stale = soaked.envoy.metric("mlflow_authz_stale_served")
        row = [attack.title]
        for kind in ("new", "known"):
            refused = sum(s.status == 503 for s in sent[kind])
            right = sum(s.status == 200 for s in sent[kind])
            row.append(f"{right} / {refused} / {len(sent[kind])}")
        let_in = sum(s.status == 200 for s in sent["revoked"])
        right = sum(s.status == 401 for s in sent["revoked"])
        row.append(f"{let_in} / {right} / {len(sent['revoked'])}")
        row.append(f"{stale:g}")
        overloaded = sum(s.reason == "overloaded" for s in sent["attack"])
        row.append(f"{overloaded} / {len(sent['attack'])}")
        rows.append(row)
        step(f"  {row}")
    section.add_table(
        (
            "attack",
            "new: 200 / 503 / sent",
            "known: 200 / 503 / sent",
            "revoked: 200 / 401 / sent",
            "stale",
            "the attack: overloaded / sent",
        ),
        rows,
    )
    return section
