"""What was measured, one file a release: tests/fixtures/isolation/<release>.jsonl, one line a way."""

import json
import subprocess
from pathlib import Path
from typing import Any

from harness import paths

FOLDER = paths.ROOT / "tests" / "fixtures" / "isolation"


def releases() -> list[str]:
    """Oldest first."""
    return sorted((path.stem for path in FOLDER.glob("*.jsonl")), key=lambda r: [int(part) for part in r.split(".")])


def read(release: str) -> list[dict[str, Any]]:
    return [json.loads(line) for line in (FOLDER / f"{release}.jsonl").read_text().splitlines()]


def write(release: str, rows: list[dict[str, Any]]) -> Path:
    FOLDER.mkdir(exist_ok=True)
    path = FOLDER / f"{release}.jsonl"
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return path


def routes(release: str) -> list[dict[str, Any]]:
    """The catalog's rows that this release serves."""
    command = [str(paths.cli()), "routes", "--format", "json", "--mlflow", release]
    rows: list[dict[str, Any]] = json.loads(subprocess.run(command, capture_output=True, check=True).stdout)
    return rows


def operations_of(release: str) -> list[str]:
    rows = routes(release)
    # Of some routes a query makes another operation.
    return list(dict.fromkeys(row["operation"] for row in [*rows, *(r["narrowed"] for r in rows if "narrowed" in r)]))
