"""Measures one release: MLFLOW_PYTHON names the interpreter that has it.

MLFLOW_PYTHON=… python -m isolation 3.17.2 tests/fixtures/isolation/3.17.2.jsonl
"""

import argparse
import json
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from harness import paths

from .attempts import ATTEMPTS, attempts_for
from .fixtures import FOLDER, operations_of, read, write
from .measure import measure
from .world import World

# Where files cost no disk, if there is such a place.
_MEMORY = "/dev/shm" if Path("/dev/shm").is_dir() else None


def main() -> None:
    parser = argparse.ArgumentParser(prog="isolation", description=__doc__.splitlines()[0])
    parser.add_argument("release", help="as `mlflow-authz routes --mlflow` takes it")
    parser.add_argument("--only", nargs="+", help="these operations alone, and print what is found")
    parser.add_argument("--into", action="store_true", help="with --only: put it into the fixture")
    parser.add_argument("--keep", type=Path, help="the server's folder, kept; otherwise a temporary one")
    arguments = parser.parse_args()
    said = subprocess.run(
        [paths.mlflow_python(), "-c", "import mlflow; print(mlflow.__version__)"],
        capture_output=True, text=True, check=True,
    ).stdout.strip()  # fmt: skip
    if said != arguments.release:
        raise SystemExit(f"MLFLOW_PYTHON has MLflow {said}, not {arguments.release}")
    began = time.monotonic()

    def progress(state: str) -> None:
        print(f"{time.monotonic() - began:6.1f} s  {state}", file=sys.stderr)

    operations = arguments.only or operations_of(arguments.release)
    with tempfile.TemporaryDirectory(dir=_MEMORY) as temporary:
        workdir = arguments.keep or Path(temporary)
        workdir.mkdir(parents=True, exist_ok=True)
        with World(workdir) as world:
            progress("filled")
            for part, reason in world.missing.items():
                print(f"not made: {part}: {reason}", file=sys.stderr)
            verdicts = measure(
                world, attempts_for(arguments.release, operations), progress, explain=bool(arguments.only)
            )
    progress("done")
    rows = [verdict.row() for verdict in verdicts]
    if arguments.into:
        kept = [row for row in read(arguments.release) if row["operation"] not in operations]
        order = {attempt.operation: place for place, attempt in enumerate(ATTEMPTS)}
        write(arguments.release, sorted([*kept, *rows], key=lambda row: order[row["operation"]]))
    elif arguments.only:
        print("\n".join(json.dumps(row) for row in rows))
    else:
        write(arguments.release, rows)
        print(f"{FOLDER / arguments.release}.jsonl: {len(rows)} ways", file=sys.stderr)


if __name__ == "__main__":
    main()
