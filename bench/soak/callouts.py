"""How often the auth service is asked about a key, within one TTL."""

import argparse
import asyncio
import random
from collections import Counter
from pathlib import Path
from statistics import mean

from bench.soak.parts import Soaked
from bench.soak.report import Section
from harness import paths
from harness.envoy import Envoy
from harness.load import READ, Caller, readers
from harness.load_http import burst, keep_sending
from harness.progress import step

WORKERS = (1, 2, 4)
BURST = 500
KEYS = 1_000
PER_KEY = 10
CONNECTIONS = 50
DELAY_MS = 50
_LIMIT = 10


class Statuses(Counter[int]):
    """What was answered."""

    def check(self) -> str:
        """Nothing but answers, as a cell: a hung request is no measurement."""
        if 0 in self:
            raise RuntimeError(f"{self[0]} requests have no answer")
        return ", ".join(f"{count} × {status}" for status, count in sorted(self.items()))


def _burst(soaked: Soaked, caller: Caller) -> tuple[int, Statuses]:
    soaked.auth.forget()
    tally = asyncio.run(burst(soaked.address, [(caller, READ)] * BURST, _LIMIT))
    return soaked.auth.validations, Statuses(sent.status for sent in tally.sent)


def _spread(soaked: Soaked, name: str) -> tuple[dict[str, int], Statuses]:
    soaked.auth.forget()
    works = [(caller, READ) for caller in readers(name, KEYS)] * PER_KEY
    random.Random(1).shuffle(works)
    left = iter(works)
    tally = asyncio.run(keep_sending(soaked.address, lambda: next(left, None), connections=CONNECTIONS, limit=_LIMIT))
    return soaked.auth.stats(), Statuses(sent.status for sent in tally.sent)


def _lookups(envoy: Envoy) -> str:
    found = envoy.stats("mlflow_authz_cache_lookups")
    return ", ".join(f"{name.split('result=.=')[-1].split(';')[0]} {n}" for name, n in sorted(found.items()))


def measure(wanted: argparse.Namespace, workdir: Path) -> Section:
    module = wanted.module or paths.wasm_module()
    title = wanted.title or ("another module" if wanted.module else "this build")
    section = Section(f"callouts {title}", f"Callouts per key and TTL: {title}", module)
    section.add(
        f"The auth service answers after {DELAY_MS} ms; "
        "cache and auth service as in `envoy.yaml` (TTL 60 s, 4,096 shared slots), but for 256 callouts in "
        "flight a worker: all keys are new, and come from one address.",
        "",
        f"- *Burst*: {BURST} requests at once, each on a connection of its own, with one cold key; "
        f"{wanted.bursts} bursts, a new key each.",
        f"- *Spread*: {KEYS * PER_KEY:,} requests over {KEYS:,} cold keys, {PER_KEY} each, in random order "
        f"on {CONNECTIONS} connections.",
    )
    rows = []
    settings: list[tuple[int, dict]] = [(workers, {}) for workers in WORKERS]
    if wanted.slots:
        settings.append((WORKERS[-1], {"cache": {"shared_slots": wanted.slots}}))
    for number, (workers, plugin) in enumerate(settings):
        slots = f", {wanted.slots} shared slots" if "cache" in plugin else ""
        step(f"callouts, {title}, {workers} worker(s){slots}")
        plugin = {**plugin, "auth_service": {"max_in_flight": 256}}
        with Soaked(workdir / str(number), concurrency=workers, wasm=module, plugin=plugin) as soaked:
            asyncio.run(burst(soaked.address, [(readers("first", 1)[0], READ)] * 20, _LIMIT))
            with soaked.auth.faults(delay_ms=DELAY_MS):
                answers = Statuses()
                bursts = []
                for caller in readers(f"burst{workers}", wanted.bursts):
                    asked, statuses = _burst(soaked, caller)
                    bursts.append(asked)
                    answers += statuses
                stats, spread = _spread(soaked, f"spread{workers}")
                step(f"  bursts {bursts}, spread {stats['validations']}; {_lookups(soaked.envoy)}")
            asked = stats["validations"]
            each = ", ".join(map(str, bursts))
            rows.append(
                (
                    f"{workers}{slots}",
                    f"{mean(bursts):.1f} ({each})",
                    Statuses(answers).check(),
                    asked,
                    f"{asked / KEYS:.3f}",
                    stats["most_per_key"],
                    spread.check(),
                )
            )
    section.add_table(
        (
            "workers",
            "burst: callouts (each)",
            "answers",
            "spread: callouts",
            "per key",
            "most for one key",
            "answers",
        ),
        rows,
    )
    return section
