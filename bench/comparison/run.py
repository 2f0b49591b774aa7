"""Measures every case in turn, several rounds, and writes a report; see scripts/bench.

Runs in the tests' environment. What is measured and how is told in docs/benchmarks/README.md.
"""

import argparse
import os
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from bench.comparison.cases import COMPARED, Case, Sample, all_cases, decisions
from bench.comparison.chart import svg
from bench.comparison.report import text
from bench.comparison.served import served
from bench.comparison.subjects import VARIANTS, Subjects, cpu_seconds
from bench.comparison.summary import summary
from bench.load import CONNECTIONS, Load, Numbers, send
from harness import paths
from harness.progress import run_to_its_end, step

DOCS = paths.ROOT / "docs" / "benchmarks"
BEGIN, END = "<!-- written by scripts/bench -->", "<!-- end -->"
"""Around the table in README.md."""
SLOW = {"middleware": 10}
"""What answers so slowly that it is sent a fraction of the requests."""


@dataclass(frozen=True)
class Size:
    """How much is measured."""

    rounds: int
    requests: int
    """Per case and round."""
    keys: int = 10_000
    """How many are many."""
    warm_up: int = 5_000
    """Requests to each case before the first round."""
    pause_ms: int = 64
    """Mean pause of each connection when latency is measured: 16 connections then send about 250 a second."""
    paced_every: int = 5
    """Latency is measured in every so many rounds, over a third of the requests: they take so much longer."""


QUICK = Size(rounds=2, requests=100, keys=50, warm_up=100, pause_ms=8, paced_every=1)
"""For the test of all this; its figures mean nothing."""


@dataclass(frozen=True)
class Sent:
    """One run of the load generator."""

    load: Load
    requests: int
    """All of them; `load` counts those that were answered."""
    cpu_seconds: float
    """Of what is measured."""
    auth_cpu_seconds: float


class Bench:
    """Running subjects, and what was measured of them."""

    def __init__(self, subjects: Subjects, size: Size) -> None:
        self.subjects = subjects
        self.size = size
        self.cases = all_cases(size.keys)
        self._next_number = size.keys
        """Of a key that nobody has sent."""

    def answers(self) -> dict[str, dict[str, int]]:
        """What each subject answers to each of its `decisions`: the status, by subject."""
        number = self._next_number
        self._next_number += 1
        return {
            name: {asked: subject.ask(request, number) for asked, (request, _) in decisions(name).items()}
            for name, subject in self.subjects.all.items()
        }

    def check_answers(self) -> None:
        """Raises RuntimeError unless all subjects decide alike."""
        for name, answers in self.answers().items():
            for asked, (_, expected) in decisions(name).items():
                if (status := answers[asked]) != expected:
                    raise RuntimeError(f"{name} answers {status}, not {expected}, to {asked}")

    def check_logs(self) -> None:
        """Raises RuntimeError if anything went wrong that no answer shows."""
        for name, subject in self.subjects.all.items():
            if errors := subject.errors():
                raise RuntimeError(f"{name} logged {len(errors)} errors, the first: {errors[0]}")

    def warm_up(self) -> None:
        for case in self.cases:
            self.send(case, self._count(case, self.size.warm_up))
            if case.name == "many-keys":
                # Twice around: of the last requests of a run, the answers are not waited for.
                self.send(case, 2 * self.size.keys, numbers=Numbers(keys=self.size.keys))

    def round(self, number: int) -> None:
        """Measures every case once. Each round begins with another: none always follows the same one's heat."""
        turn = number % len(self.cases)
        for case in self.cases[turn:] + self.cases[:turn]:
            case.samples.append(self._sample(case))
        if number % self.size.paced_every == 0:
            for case in self.cases:
                if case.name == "read" and case.subject in COMPARED:
                    case.paced.append(self.send(case, self.size.requests // 3, self.size.pause_ms).load)

    def _count(self, case: Case, count: int) -> int:
        return max(count // SLOW.get(case.subject, 1), 4 * CONNECTIONS)

    def _sample(self, case: Case) -> Sample:
        auth = self.subjects.auth
        validations = settled(lambda: auth.validations)
        sent = self.send(case, self._count(case, self.size.requests))
        callouts = auth.validations - validations
        # This filter's principals live for an hour, so it has nothing to ask. The other caches live for a minute.
        if case.subject in ("authz", "quiet", "inspect", "keys", "tokens_authz") and callouts:
            raise RuntimeError(f"{case.name} on {case.subject}: the auth service was asked about cached keys")
        return Sample(
            cpu_us=sent.cpu_seconds * 1e6 / sent.requests,
            auth_us=sent.auth_cpu_seconds * 1e6 / sent.requests,
            rate=sent.load.requests / sent.load.seconds,
            busy=sent.cpu_seconds / sent.load.seconds,
            callouts=callouts / sent.requests,
        )

    def send(self, case: Case, count: int, pause_ms: int = 0, numbers: Numbers | None = None) -> Sent:
        """Sends the case's request. Raises RuntimeError unless every answer has the status the case expects."""
        subject, auth = self.subjects.all[case.subject], self.subjects.auth.process
        if case.name == "cold":
            # A few more are sent than asked for.
            fresh = count + 2 * CONNECTIONS
            numbers = Numbers(self._next_number, fresh)
            self._next_number += fresh
        # Nothing but the load between two looks at the clocks: Envoy's counters cost it CPU time too.
        before = subject.answers()
        cpu, auth_cpu = cpu_seconds(subject.process), cpu_seconds(auth)
        load = send(case.request, subject.url, count, pause_ms, numbers or case.numbers)
        # The end of the connections is part of the work, as are the last requests, for which wrk does not wait.
        time.sleep(0.05)
        cpu, auth_cpu = cpu_seconds(subject.process) - cpu, cpu_seconds(auth) - auth_cpu
        wanted = load.requests if case.status_class == "4xx" else 0
        if load.refused != wanted:
            raise RuntimeError(f"{case.name} on {case.subject}: {load.refused} of {load.requests} refused")
        counted = {name: value - before.get(name, 0) for name, value in subject.answers().items()}
        # The middleware has no counters; it gets what it was to be sent.
        requests = counted.pop("total", count)
        if subject.envoy:
            check_classes(case, counted, load)
        return Sent(load, requests, cpu, auth_cpu)


def settled(count: Callable[[], int]) -> int:
    """A counter, once what an earlier case left behind adds to it no more."""
    last = count()
    while True:
        time.sleep(0.05)
        if (now := count()) == last:
            return now
        last = now


def check_classes(case: Case, counted: dict[str, int], load: Load) -> None:
    """By Envoy's own counters, which tell 4xx from 5xx."""
    found = counted.pop(case.status_class, 0)
    # wrk leaves when it has sent the last request, so a few answers find nobody to take them.
    if found < load.requests or sum(counted.values()) > CONNECTIONS:
        others = f"{found} times {case.status_class}, others: {counted}"
        raise RuntimeError(f"{case.name} on {case.subject}: {others}")


def pin_to_cpus(subjects: Subjects, cpus: list[int]) -> None:
    """What is measured gets a CPU of its own; this process and all it starts keep off it."""
    if len(cpus) < 2:
        step("only one CPU: load generator, upstream and proxies share it")
        return
    for subject in subjects.all.values():
        subject.pin(cpus[0])


@dataclass(frozen=True)
class Written:
    """What was measured, to be read."""

    report: str
    summary: str
    """For README.md; nothing after a quick run, for which no MLflow is started."""
    chart: str

    def save(self) -> None:
        (DOCS / "comparison.md").write_text(self.report + "\n")
        (DOCS / "comparison.svg").write_text(self.chart)
        readme = DOCS / "README.md"
        before, begin, rest = readme.read_text().partition(BEGIN)
        _, end, after = rest.partition(END)
        readme.write_text(f"{before}{begin}\n{self.summary}\n{end}{after}")


def run(size: Size, workdir: Path) -> Written:
    """Measures."""
    cpus = sorted(os.sched_getaffinity(0))
    if len(cpus) > 1:
        os.sched_setaffinity(0, set(cpus[1:]))
    try:
        step(f"starting an upstream, an auth service, {len(VARIANTS)} Envoys and the middleware")
        with Subjects(workdir) as subjects:
            pin_to_cpus(subjects, cpus)
            bench = Bench(subjects, size)
            step("warming up, and checking every answer")
            bench.check_answers()
            bench.warm_up()
            for number in range(size.rounds):
                if number % size.paced_every == 0:
                    step(f"round {number + 1} of {size.rounds}, with latency")
                bench.round(number)
            bench.check_logs()
            report = text(bench.cases, subjects, size.requests, size.keys)
            chart = svg(bench.cases)
        if size is QUICK:
            return Written(report, "", chart)
        step("the same requests to MLflow itself")
        return Written(report, summary(bench.cases, served(workdir)), chart)
    finally:
        os.sched_setaffinity(0, set(cpus))


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=40)
    parser.add_argument("--requests", type=int, default=3_000, help="per case and round")
    parser.add_argument("--quick", action="store_true", help="a tiny round of everything; implies --print")
    parser.add_argument("--print", action="store_true", help="print the report, write no files")
    wanted = parser.parse_args()
    size = QUICK if wanted.quick else Size(wanted.rounds, wanted.requests)
    with tempfile.TemporaryDirectory(prefix="mlflow-authz-bench-") as folder:
        written = run(size, Path(folder))
    if wanted.quick or wanted.print:
        print(written.report)
    else:
        written.save()
        step("written: comparison.md, comparison.svg and the table in README.md, all in docs/benchmarks")
    step("done")
    return 0


if __name__ == "__main__":
    run_to_its_end(main)
