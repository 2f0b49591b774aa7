"""Runs one measurement, or all, and writes its section of docs/benchmarks/soak.md; see scripts/soak."""

import argparse
import os
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT / "tests"))
sys.dont_write_bytecode = True

import soak_attacks  # noqa: E402
import soak_callouts  # noqa: E402
import soak_faults  # noqa: E402
import soak_memory  # noqa: E402
import soak_outage  # noqa: E402
import soak_reloads  # noqa: E402
from progress import end_as_by_ctrl_c, step  # noqa: E402
from soak_report import Section, print_section, replace_section  # noqa: E402

Measurement = Callable[[argparse.Namespace, Path], Section]
MEASUREMENTS: dict[str, Measurement] = {
    "callouts": soak_callouts.measure,
    "attacks": soak_attacks.measure,
    "outage": soak_outage.measure,
    "memory": soak_memory.measure,
    "reloads": soak_reloads.measure,
    "faults": soak_faults.measure,
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
    end_as_by_ctrl_c()
    for name in MEASUREMENTS if wanted.what == "all" else [wanted.what]:
        with tempfile.TemporaryDirectory(prefix=f"mlflow-authz-soak-{name}-") as folder:
            section = MEASUREMENTS[name](wanted, Path(folder))
        (print_section if wanted.print else replace_section)(section)
    step("done")
    return 0


if __name__ == "__main__":
    # What is set by hand only matters to the tests' own processes.
    os.chdir(ROOT)
    try:
        sys.exit(main())
    except KeyboardInterrupt:
        sys.exit(130)
