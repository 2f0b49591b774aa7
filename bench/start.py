"""Starts Envoys in turn and writes a report of how soon each answers, and of its memory; see scripts/bench-start.

Runs in the tests' environment.
"""

import argparse
import json
import socket
import sys
import tempfile
import time
import urllib.request
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

from bench import start_report
from bench.comparison import alternatives
from bench.comparison.subjects import cpu_seconds, discard_access_log, rss_kib
from bench.upstream import Upstream
from harness import keys, paths, ports
from harness.auth_service import AuthService
from harness.envoy_config import Address, Config, EnvoyOptions, render
from harness.processes import Process, wait_until
from harness.progress import run_to_its_end, step
from harness.stack import MOUNT

REPORT = paths.ROOT / "docs" / "benchmarks" / "start.md"
EMPTY = paths.ROOT / "target" / "tools" / "empty.wasm"

WORKERS = (1, 4, 16)
SUBJECTS: dict[str, dict[str, Any]] = {
    "none": {"with_filter": False},
    "empty": {"wasm": EMPTY},
    "authz": {},
    "lua": {"with_filter": False, "edit": alternatives.lua},
}
"""The Envoys, by what is laid over envoy.yaml."""
ANSWERS = {"none": 200, "empty": 200, "authz": 401, "lua": 401}
"""To a request without a key: who decides refuses it, the others hand it to an upstream that answers at once."""

POLL_SECONDS = 0.0005
SETTLE_SECONDS = 0.5
"""From the first answer until memory is read: workers are then done with their start."""
REQUEST = f"GET {MOUNT}/api/2.0/mlflow/runs/get?run_id=1 HTTP/1.1\r\nhost: m\r\nconnection: close\r\n\r\n"


@dataclass(frozen=True)
class Start:
    """One start of one Envoy."""

    answered_ms: float
    """From before the process is made to the first answer."""
    cpu_ms: float
    """What the process had spent on CPUs by then."""
    rss_mib: float
    """A moment later; so is the rest."""
    anonymous_mib: float
    """Of that, what no file backs: heaps, compiled code, the memories of the VMs."""
    vms: int


@dataclass
class Case:
    """One subject with so many workers, and what each round measured."""

    subject: str
    workers: int
    starts: list[Start] = field(default_factory=list)


def first_answer(port: int, deadline: float) -> int:
    """The status of the first answer; asks again as long as nobody listens."""
    while time.perf_counter() < deadline:
        try:
            with socket.create_connection((ports.HOST, port), timeout=10) as connection:
                connection.sendall(REQUEST.encode())
                if head := connection.recv(4096):
                    return int(head.split()[1])
        except OSError:
            pass
        time.sleep(POLL_SECONDS)
    raise TimeoutError("Envoy does not answer")


def anonymous_kib(process: Process) -> int:
    """Resident memory that no file backs."""
    rollup = Path(f"/proc/{process.pid}/smaps_rollup").read_text()
    return next(int(line.split()[1]) for line in rollup.splitlines() if line.startswith("Anonymous:"))


def vm_count(admin: str) -> int:
    """By Envoy's own gauge."""
    with urllib.request.urlopen(f"http://{admin}/stats?format=json&filter=wasm.*active", timeout=10) as answer:
        entries = json.load(answer)["stats"]
    return sum(entry.get("value", 0) for entry in entries)


def start(case: Case, mlflow: Address, auth: Address, folder: Path) -> Start:
    """Starts an Envoy, waits for its first answer, measures it and ends it. RuntimeError for another answer."""
    wishes = dict(SUBJECTS[case.subject])
    edit: Callable[[Config], None] | None = wishes.pop("edit", None)

    def edit_all(config: Config) -> None:
        discard_access_log(config)
        if edit:
            edit(config)

    port = ports.free_port()
    config = render(EnvoyOptions(mlflow=mlflow, auth=auth, port=port, edit=edit_all, **wishes))
    file, admin_file = folder / "envoy.yaml", folder / "admin"
    file.write_text(yaml.safe_dump(config))
    command = [paths.envoy_binary(), "-c", file, "--concurrency", str(case.workers), "--disable-hot-restart"]
    command += ["--log-level", "error", "--admin-address-path", admin_file]
    began = time.perf_counter()
    process = Process("envoy", command, folder)
    try:
        status = first_answer(port, began + 60)
        answered, cpu = time.perf_counter() - began, cpu_seconds(process)
        if status != ANSWERS[case.subject]:
            raise RuntimeError(f"{case.subject} answers {status}, not {ANSWERS[case.subject]}")
        time.sleep(SETTLE_SECONDS)
        rss, anonymous = rss_kib(process), anonymous_kib(process)
        admin = wait_until(lambda: admin_file.exists() and admin_file.read_text().strip(), "the admin address")
        return Start(answered * 1e3, cpu * 1e3, rss / 1024, anonymous / 1024, vm_count(admin))
    except BaseException:
        print(process.log_tail(), file=sys.stderr)
        raise
    finally:
        process.stop()


def run(rounds: int, workdir: Path) -> list[Case]:
    """Measures every case in each round. Each round begins with another: none always follows the same one."""
    cases = [Case(subject, workers) for workers in WORKERS for subject in SUBJECTS]
    upstream = Upstream(workdir / "upstream")
    try:
        with AuthService([keys.READ], workdir) as auth:
            # One round for nothing: files come from the disk the first time.
            for number in range(-1, rounds):
                step(f"round {number + 1} of {rounds}")
                turn = number % len(cases)
                for index, case in enumerate(cases[turn:] + cases[:turn]):
                    folder = workdir / f"{number}-{index}"
                    folder.mkdir()
                    measured = start(case, upstream.address, auth.address, folder)
                    if number >= 0:
                        case.starts.append(measured)
    finally:
        upstream.process.stop()
    return cases


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=20)
    parser.add_argument("--print", action="store_true", help="print the report, write no file")
    wanted = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="mlflow-authz-start-") as folder:
        report = start_report.text(run(wanted.rounds, Path(folder)))
    if wanted.print:
        print(report)
    else:
        REPORT.write_text(report + "\n")
        step("written: docs/benchmarks/start.md")
    return 0


if __name__ == "__main__":
    run_to_its_end(main)
