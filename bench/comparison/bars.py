"""The targets: ratios of figures of one run, so that the machine's own speed falls out."""

import random
from collections.abc import Callable
from dataclasses import dataclass
from statistics import median

from bench.comparison.cases import Case, Sample, find

RESAMPLES = 500

Ratio = Callable[[list[int]], float]
"""The ratio over some rounds, given by their numbers; one may stand there several times."""


@dataclass(frozen=True)
class Bar:
    """One bar, and what was reached."""

    title: str
    limit: float
    at_most: bool
    value: float
    low: float
    high: float
    """90 of 100 runs of these rounds, drawn anew, lie between `low` and `high`."""

    @property
    def wanted(self) -> str:
        return f"{'≤' if self.at_most else '≥'} {self.limit:g}"

    @property
    def verdict(self) -> str:
        passed = self._meets(self.value)
        sure = self._meets(self.low) == self._meets(self.high)
        return ("pass" if passed else "**fail**") + ("" if sure else ", within noise")

    def _meets(self, value: float) -> bool:
        return value <= self.limit if self.at_most else value >= self.limit


def bars(cases: list[Case]) -> list[Bar]:
    """All of them."""
    rounds = range(len(cases[0].samples))
    found = []

    def bar(title: str, limit: float, at_most: bool, ratio: Ratio) -> None:
        low, high = _interval(ratio, rounds)
        found.append(Bar(title, limit, at_most, ratio(list(rounds)), low, high))

    for name in ("read", "write"):
        ours, none = find(cases, name, "authz").samples, find(cases, name, "none").samples
        for title, limit, rival in (("Lua", 0.95, "lua"), ("ext_authz over HTTP", 0.45, "ext_authz")):
            added = _of_added(ours, find(cases, name, rival).samples, none)
            bar(f"CPU time added to a cached {name}, this filter / {title}", limit, True, added)
        bar(f"requests per second of a cached {name}, this filter / no filter", 0.9, False, _of_rates(ours, none))
    for title, name, limit, subject in (
        ("a denial", "denied", 1.0, "authz"),
        ("a read with a new key", "cold", 1.1, "cold"),
    ):
        ratio = _of_cpu(find(cases, name, subject).samples, find(cases, name, "lua").samples)
        bar(f"CPU time of {title}, this filter / Lua", limit, True, ratio)
    many, one = (find(cases, name, "keys").samples for name in ("many-keys", "one-key"))
    bar("requests per second, many cached keys / one", 0.95, False, _of_rates(many, one))
    return found


def _of_added(ours: list[Sample], theirs: list[Sample], none: list[Sample]) -> Ratio:
    """Of medians over the rounds of what each round added; infinite where the other added nothing."""

    def ratio(rounds: list[int]) -> float:
        by_us = median(ours[number].cpu_us - none[number].cpu_us for number in rounds)
        by_them = median(theirs[number].cpu_us - none[number].cpu_us for number in rounds)
        return by_us / by_them if by_them > 0 else float("inf")

    return ratio


def _of_cpu(ours: list[Sample], theirs: list[Sample]) -> Ratio:
    """The median of each round's own ratio, as for rates."""
    return lambda rounds: median(ours[number].cpu_us / theirs[number].cpu_us for number in rounds)


def _of_rates(ours: list[Sample], theirs: list[Sample]) -> Ratio:
    """The median of each round's own ratio: what else ran at the time slowed both."""
    return lambda rounds: median(ours[number].rate / theirs[number].rate for number in rounds)


def _interval(ratio: Ratio, rounds: range) -> tuple[float, float]:
    """By bootstrap over the rounds. The seed is fixed: a report can be made again from the same figures."""
    dice = random.Random(1)
    drawn = sorted(ratio(dice.choices(rounds, k=len(rounds))) for _ in range(RESAMPLES))
    return drawn[RESAMPLES // 20], drawn[-RESAMPLES // 20]
