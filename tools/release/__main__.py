"""scripts/release calls this.

python3 tools/release check VERSION          findings, one a line; status 1 if there are any
python3 tools/release collect VERSION OUT    OUT: what dist/ holds, release notes, provenance, checksums
"""

import argparse
import shutil
import sys
from pathlib import Path

import provenance
import readiness

ROOT = Path.cwd()
# scripts/package writes this list; a release holds all that it names.
PACKAGED = "SHA256SUMS"
SBOMS = {"sbom.cdx.json", "sbom-command.cdx.json"}
NOTES, PROVENANCE = "RELEASE_NOTES.md", "provenance.intoto.json"


def packaged(dist: Path) -> list[Path]:
    """The files that dist/SHA256SUMS names, each with the digest that it has there."""
    files = []
    for line in (dist / PACKAGED).read_text().splitlines():
        digest, name = line.split("  ")
        if provenance.sha256(dist / name) != digest:
            sys.exit(f"error: dist/{name} differs from dist/{PACKAGED}: run scripts/package")
        files.append(dist / name)
    if missing := SBOMS - {file.name for file in files}:
        sys.exit(f"error: dist/{PACKAGED} does not name {', '.join(sorted(missing))}: run scripts/package")
    return files


def collect(version: str, dist: Path, out: Path, builder: str) -> None:
    shutil.rmtree(out, ignore_errors=True)
    out.mkdir(parents=True)
    files = [Path(shutil.copy2(file, out)) for file in packaged(dist)]
    commit = readiness.git(ROOT, "rev-parse", "HEAD")
    provenance.write(out / PROVENANCE, provenance.statement(ROOT, version, commit, files, builder))
    _, notes = readiness.sections((ROOT / "CHANGELOG.md").read_text()).get(version, (None, ""))
    (out / NOTES).write_text(notes + "\n")
    listed = sorted([*files, out / PROVENANCE, out / NOTES])
    (out / PACKAGED).write_text("".join(f"{provenance.sha256(file)}  {file.name}\n" for file in listed))


def main() -> None:
    parser = argparse.ArgumentParser(prog="tools/release")
    commands = parser.add_subparsers(dest="command", required=True)
    checking = commands.add_parser("check")
    checking.add_argument("version")
    collecting = commands.add_parser("collect")
    collecting.add_argument("version")
    collecting.add_argument("out", type=Path)
    collecting.add_argument("--dist", type=Path, default=ROOT / "dist")
    collecting.add_argument("--builder", default="urn:mlflow-authz:builder:local")
    arguments = parser.parse_args()
    if arguments.command == "collect":
        collect(arguments.version, arguments.dist, arguments.out, arguments.builder)
        return
    found = readiness.findings(ROOT, arguments.version)
    for finding in found:
        print(finding)
    sys.exit(bool(found))


main()
