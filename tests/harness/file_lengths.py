"""Lists the files that are too long to hold in mind; scripts/lint fails on them.

As a program: python -m harness.file_lengths
"""

import subprocess
import sys
from collections.abc import Iterable
from pathlib import Path

from . import paths

MOST = 400
"""Lines."""

SUFFIXES = {"", ".lua", ".mjs", ".py", ".rs", ".sh", ".toml"}
"""What people write and read as code. Documents, samples and recorded data are as long as their content."""

GENERATED = ("tests/fixtures/",)
"""Folders of files that nobody writes by hand."""


def sources(root: Path) -> list[str]:
    """The files that git knows or would add, by their paths."""
    command = ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
    listed = subprocess.run(command, cwd=root, capture_output=True, text=True, check=True).stdout
    names = sorted({name for name in listed.split("\0") if name and (root / name).is_file()})
    return [name for name in names if Path(name).suffix in SUFFIXES and not name.startswith(GENERATED)]


def too_long(root: Path, names: Iterable[str]) -> list[tuple[str, int]]:
    """Those above the limit, with their lines."""
    lengths = [(name, (root / name).read_bytes().count(b"\n")) for name in names]
    return [(name, lines) for name, lines in lengths if lines > MOST]


def main() -> int:
    found = too_long(paths.ROOT, sources(paths.ROOT))
    for name, lines in found:
        print(f"{name}: {lines} lines, at most {MOST}: move one of its concerns to a file of its own", file=sys.stderr)
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
