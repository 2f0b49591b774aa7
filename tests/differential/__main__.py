"""Compares the filter with the real server over many spellings: see scripts/differential."""

import argparse
import sys
import tempfile
import time
from pathlib import Path

from .compare import Comparison, Tally

SHORT, LONG = 10_000, 1_000_000
SHOWN = 50


def main() -> int:
    parser = argparse.ArgumentParser(prog="scripts/differential", description=__doc__)
    parser.add_argument("--long", action="store_true", help=f"{LONG:,} spellings instead of {SHORT:,}")
    parser.add_argument("--count", type=int, help="so many spellings")
    parser.add_argument("--seed", type=int, default=int(time.time()), help="default: the time")
    parser.add_argument("--mlflow", metavar="RELEASE", help="of this release, which MLFLOW_PYTHON has")
    options = parser.parse_args()
    count = options.count or (LONG if options.long else SHORT)
    began, tally = time.monotonic(), Tally()
    with tempfile.TemporaryDirectory() as directory, Comparison(Path(directory), release=options.mlflow) as comparison:
        names = comparison.servers[""].names
        release = f"MLflow {options.mlflow}, " if options.mlflow else ""
        print(f"{release}seed {options.seed}, {count:,} spellings; servers: {', '.join(names)}", flush=True)
        # Parts, each with a seed of its own: a sign of life, and a find can be had again without the rest.
        for part, done in enumerate(range(0, count, 25_000)):
            comparison.run(options.seed + part, min(25_000, count - done), tally)
            if done + 25_000 < count:
                seconds = time.monotonic() - began
                note = f"{tally.tried():,} tried, {len(tally.found)} found, {seconds:.0f} s"
                print(note, file=sys.stderr, flush=True)
    print(tally.by_mutation(), tally.table(), sep="\n\n")
    print(f"seconds: {time.monotonic() - began:.0f}")
    for finding in [*tally.found, *tally.misnamed][:SHOWN]:
        print(finding)
    return 1 if tally.found else 0


if __name__ == "__main__":
    sys.exit(main())
