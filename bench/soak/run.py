"""Runs one measurement, or all, and writes its section of docs/benchmarks/soak.md; see scripts/soak."""

import argparse
import tempfile
from collections.abc import Callable
from pathlib import Path

from bench.soak import attacks, callouts, faults, memory, outage, reloads
from bench.soak.report import Section, print_section, replace_section
from harness.progress import run_to_its_end, step

Measurement = Callable[[argparse.Namespace, Path], Section]
MEASUREMENTS: dict[str, Measurement] = {
    "callouts": callouts.measure,
    "attacks": attacks.measure,
    "outage": outage.measure,
    "memory": memory.measure,
    "reloads": reloads.measure,
    "faults": faults.measure,
}


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("what", choices=[*MEASUREMENTS, "all"])
    parser.add_argument("--print", action="store_true", help="do not touch the report")
    parser.add_argument("--module", type=Path, help="callouts, attacks: a module to measure instead of dist's")
    parser.add_argument("--title", default="", help="callouts, attacks: what the module is")
    parser.add_argument("--slots", type=int, default=0, help="callouts: once more with so many shared slots")
    parser.add_argument("--bursts", type=int, default=5, help="callouts: cold bursts per number of workers")
    parser.add_argument("--seconds", type=float, default=60, help="outage: how long; attacks: a third of it each")
    parser.add_argument("--keys", type=int, default=1_000_000, help="memory: different keys")
    parser.add_argument("--reloads", type=int, default=1_000, help="reloads: new configurations")
    wanted = parser.parse_args()
    for name in MEASUREMENTS if wanted.what == "all" else [wanted.what]:
        with tempfile.TemporaryDirectory(prefix=f"mlflow-authz-soak-{name}-") as folder:
            section = MEASUREMENTS[name](wanted, Path(folder))
        (print_section if wanted.print else replace_section)(section)
    step("done")
    return 0


if __name__ == "__main__":
    run_to_its_end(main)
