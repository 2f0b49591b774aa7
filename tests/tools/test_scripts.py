"""What the scripts set up, as far as it can be seen without installing anything."""

import os
import subprocess
from pathlib import Path

from harness import paths

VERSION = paths.versions()["ENVOY_VERSION"]
FUNC_E = """#!/bin/sh
echo "$@" >>"{log}"
case $1 in
  use) test "$2" = {version} ;;
  which) echo "{binary}" ;;
  *) exit 1 ;;
esac
"""


def ensured(path: Path, **environment: str) -> subprocess.CompletedProcess[str]:
    """The ENVOY that ensure_envoy finds, with `path` before everything else on PATH."""
    kept = {name: value for name, value in os.environ.items() if name != "ENVOY"}
    return subprocess.run(
        ["bash", "-c", 'source scripts/lib.sh; ensure_envoy; printf %s "$ENVOY"'],
        cwd=paths.ROOT,
        env={**kept, "PATH": f"{path}:{kept['PATH']}", **environment},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def fake_func_e(folder: Path) -> Path:
    """func-e, as far as ensure_envoy needs it; the log of what it was asked."""
    log = folder / "asked"
    script = folder / "func-e"
    script.write_text(FUNC_E.format(log=log, version=VERSION, binary="/func-e/versions/bin/envoy"))
    script.chmod(0o755)
    return log


def test_func_e_is_asked_for_the_pinned_envoy(tmp_path: Path) -> None:
    log = fake_func_e(tmp_path)
    result = ensured(tmp_path)
    assert result.stdout == "/func-e/versions/bin/envoy", result.stderr
    assert log.read_text().splitlines() == [f"use {VERSION}", "which"]


def test_an_envoy_that_is_given_comes_before_func_e(tmp_path: Path) -> None:
    log = fake_func_e(tmp_path)
    assert ensured(tmp_path, ENVOY="/bin/true").stdout == "/bin/true"
    assert not log.exists()


def test_an_envoy_that_is_none_is_an_error(tmp_path: Path) -> None:
    result = ensured(tmp_path, ENVOY="/nowhere/envoy")
    assert result.returncode == 2
    assert result.stderr == "error: ENVOY=/nowhere/envoy is not an executable file\n"


def test_without_either_it_is_the_one_in_the_package(tmp_path: Path) -> None:
    assert ensured(tmp_path).stdout == str(
        next((paths.ROOT / ".tools" / f"envoy-{VERSION}").glob("lib/python3*/site-packages/envoy/_bin/envoy"))
    )
