"""Measures every case in turn, several rounds, and prints a report; see scripts/bench.

Runs in the tests' environment. What is measured and how is told in docs/benchmarks/README.md.
"""

import argparse
import os
import signal
import sys
import tempfile
import time
from dataclasses import dataclass, field
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT / "tests"))
sys.dont_write_bytecode = True

import bench_report  # noqa: E402
from bench_load import CONNECTIONS, Load, Request, send  # noqa: E402
from bench_subjects import Subject, Subjects  # noqa: E402
from harness import keys, paths  # noqa: E402
from harness.processes import wait_until  # noqa: E402
from harness.stack import MOUNT  # noqa: E402

# scripts/bench hands on how long it has been running, so that the progress lines count on.
BEGAN = time.monotonic() - float(os.environ.get("STEP_SECONDS", "0"))
SUBJECTS = ("none", "empty", "authz")
"""Compared for what a filter adds; `inspect` is compared with `authz` alone."""
PAUSE_MS = 16
"""Mean pause of each connection when latency is measured: 16 connections then send about 1,000 a second."""
PACED_EVERY = 5
"""Latency is measured in every fifth round, over half the requests: they take so much longer."""

# No principal may run out of the cache while it is measured.
PLUGIN = {"cache": {"ttl": "1h"}}


def step(text: str) -> None:
    """One progress line, in the form of scripts/lib.sh."""
    print(f"[{time.monotonic() - BEGAN:4.0f}s] {text}", file=sys.stderr, flush=True)


def as_client(method: str, endpoint: str, key: keys.Key, body: str = "") -> Request:
    """A request with the headers that MLflow's client sends."""
    headers = {
        "user-agent": f"mlflow-python-client/{paths.versions()['MLFLOW_VERSION']}",
        "accept-encoding": "gzip, deflate",
        "accept": "*/*",
        "authorization": f"Bearer {key['key']}",
    }
    if body:
        headers["content-type"] = "application/json"
    return Request(method, f"{MOUNT}/api/2.0/mlflow/{endpoint}", headers, body)


# May tag models named acme-*: which one, the body says.
NARROW = keys.key("narrow", ["model:write:acme-*"])

_METRIC = (
    '{"run_uuid": "0af3b1c2d4e54f6a8b7c9d0e1f2a3b4c", "run_id": "0af3b1c2d4e54f6a8b7c9d0e1f2a3b4c",'
    ' "key": "loss", "value": 0.25, "timestamp": 1790000000000, "step": 12}'
)
READ = as_client("GET", "runs/get?run_id=0af3b1c2d4e54f6a8b7c9d0e1f2a3b4c", keys.READ)
WRITE = as_client("POST", "runs/log-metric", keys.WRITE, _METRIC)
_TAG = '{"name": "acme-fraud", "key": "stage", "value": "candidate"}'
TAG = as_client("POST", "registered-models/set-tag", keys.WRITE, _TAG)
TAG_NARROW = as_client("POST", "registered-models/set-tag", NARROW, _TAG)
# Neither is for a key with model:read. Envoy ends a connection on which it answers before the request's
# body has come, as it does where the filter refuses from its cache; so the second pays for connections too.
DENIED = as_client("GET", "users/get?username=alice", keys.READ)
DENIED_BODY = as_client("POST", "runs/log-metric", keys.READ, _METRIC)


@dataclass
class Case:
    """One kind of request to one subject, and what each round measured."""

    name: str
    subject: str
    request: Request
    status_class: str = "2xx"
    cpu_us: list[float] = field(default_factory=list)
    """CPU microseconds of Envoy per request."""
    paced: list[Load] = field(default_factory=list)
    """What wrk saw at a moderate rate."""


def cases() -> list[Case]:
    """Everything that is measured, in the order of the report."""
    reads = [Case("read", subject, READ) for subject in SUBJECTS]
    writes = [Case("write", subject, WRITE) for subject in SUBJECTS]
    denied = [Case("denied", "authz", DENIED, "4xx"), Case("denied-body", "authz", DENIED_BODY, "4xx")]
    tags = [
        Case("tag", "authz", TAG),
        Case("tag", "inspect", TAG),
        Case("tag-narrow", "inspect", TAG_NARROW),
    ]
    return [*reads, *writes, *denied, *tags]


def measure(case: Case, subject: Subject, count: int, pause_ms: int = 0) -> tuple[Load, float]:
    """Sends the case's request; what wrk saw, and Envoy's CPU microseconds per request.

    Raises RuntimeError unless every answer has the status the case expects.
    """
    before = subject.answers()
    began = subject.cpu_seconds()
    load = send(case.request, subject.envoy.url, count, pause_ms)
    # The end of the connections is part of the work.
    time.sleep(0.05)
    cpu_us = (subject.cpu_seconds() - began) * 1e6 / load.requests
    wait_until(lambda: subject.answers()["active"] == 0, "Envoy has answered every request")
    counted = {name: value - before.get(name, 0) for name, value in subject.answers().items()}
    expected = counted.pop(case.status_class)
    # wrk leaves when it has sent the last request, so a few answers find nobody to take them.
    if expected < load.requests or sum(counted.values()) > CONNECTIONS:
        found = f"{expected} times {case.status_class}, others: {counted}"
        raise RuntimeError(f"{case.name} on {case.subject}: {found}")
    return load, cpu_us


def pin_to_cpus(subjects: Subjects, cpus: list[int]) -> None:
    """The measured Envoys get a CPU of their own; this process and all it starts keep off it."""
    if len(cpus) < 2:
        step("only one CPU: load generator, upstream and Envoy share it")
        return
    for subject in subjects.all.values():
        subject.pin(cpus[0])


def run(rounds: int, requests: int, workdir: Path) -> str:
    """Measures and returns the report."""
    cpus = sorted(os.sched_getaffinity(0))
    if len(cpus) > 1:
        os.sched_setaffinity(0, set(cpus[1:]))
    step("starting an upstream and four Envoys: no filter, empty filter, this filter, and reading bodies")
    all_cases = cases()
    with Subjects(workdir, PLUGIN, ROOT / "dist" / "empty.wasm", [*keys.STANDARD, NARROW]) as subjects:
        pin_to_cpus(subjects, cpus)
        step("warming up, and checking every answer")
        for case in all_cases:
            measure(case, subjects.all[case.subject], 5000)
        callouts = subjects.auth.validations
        for number in range(rounds):
            # Each round begins with another case, so that none always follows the same one's heat.
            turn = number % len(all_cases)
            for case in all_cases[turn:] + all_cases[:turn]:
                _, cpu_us = measure(case, subjects.all[case.subject], requests)
                case.cpu_us.append(cpu_us)
            if number % PACED_EVERY == 0:
                step(f"round {number + 1} of {rounds}, with latency")
                for case in (case for case in all_cases if case.name == "read"):
                    load, _ = measure(case, subjects.all[case.subject], requests // 2, PAUSE_MS)
                    case.paced.append(load)
        if subjects.auth.validations != callouts:
            raise RuntimeError("the auth service was asked while cached decisions were measured")
        return bench_report.text(all_cases, subjects, requests)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=60)
    parser.add_argument("--requests", type=int, default=3_000, help="per case and round")
    wanted = parser.parse_args()
    for number in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, lambda *_: sys.exit(143))
    with tempfile.TemporaryDirectory(prefix="mlflow-authz-bench-") as folder:
        print(run(wanted.rounds, wanted.requests, Path(folder)))
    step("done")
    return 0


if __name__ == "__main__":
    try:
        sys.exit(main())
    except KeyboardInterrupt:
        sys.exit(130)
