"""What scripts/lint says of long files."""

import subprocess
from pathlib import Path

import pytest

from harness import paths
from harness.file_lengths import MOST, main, sources, too_long


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    subprocess.run(["git", "init", "--quiet"], cwd=tmp_path, check=True)
    return tmp_path


def write(root: Path, name: str, lines: int) -> None:
    (root / name).parent.mkdir(parents=True, exist_ok=True)
    (root / name).write_text("x\n" * lines)


def test_a_file_that_is_too_long_is_found(repository: Path) -> None:
    write(repository, "src/long.rs", MOST + 1)
    write(repository, "scripts/long", MOST + 1)
    write(repository, "src/just.rs", MOST)
    found = too_long(repository, sources(repository))
    assert found == [("scripts/long", MOST + 1), ("src/long.rs", MOST + 1)]


def test_what_nobody_writes_as_code_may_be_long(repository: Path) -> None:
    for name in ("Cargo.lock", "README.md", "envoy/sample.yaml", "tests/fixtures/routes/dump.py", "ignored/a.py"):
        write(repository, name, 2 * MOST)
    (repository / ".gitignore").write_text("/ignored/\n")
    assert too_long(repository, sources(repository)) == []


def test_a_deleted_file_is_no_error(repository: Path) -> None:
    write(repository, "gone.py", 1)
    subprocess.run(["git", "add", "gone.py"], cwd=repository, check=True)
    (repository / "gone.py").unlink()
    assert sources(repository) == []


def test_the_program_says_what_to_do(
    repository: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(paths, "ROOT", repository)
    assert main() == 0
    write(repository, "src/long.rs", 500)
    assert main() == 1
    assert capsys.readouterr().err.startswith("src/long.rs: 500 lines, at most 400: move")
