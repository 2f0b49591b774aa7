"""Prints what a release changes for the catalog, from two answers of ask.py: see scripts/new-mlflow.

Ends with 1 if there is anything to look at.
"""

import argparse
import json
import subprocess
import sys
from pathlib import Path

from differential.compare import cli

from .compare import Answers, Row, compare
from .report import report


def routes(*arguments: str) -> list[Row]:
    """The catalog's entries."""
    command = [cli(), "routes", "--format", "json", *arguments]
    return json.loads(subprocess.run(command, capture_output=True, check=True).stdout)


def main() -> int:
    parser = argparse.ArgumentParser(prog="scripts/new-mlflow", description=__doc__)
    parser.add_argument("old", type=Path, help="what ask.py said of the release before")
    parser.add_argument("new", type=Path, help="what it said of this one")
    parser.add_argument("--sources", action="store_true", help="with a diff of every function that changed")
    options = parser.parse_args()
    old, new = (Answers(json.loads(file.read_text())) for file in (options.old, options.new))
    catalog = routes()
    differences = compare(old, new, catalog, routes("--mlflow", old.release))
    print(report(differences, catalog, options.sources))
    return 0 if differences.is_empty() else 1


if __name__ == "__main__":
    sys.exit(main())
