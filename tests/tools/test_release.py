"""scripts/release, in a small repository of its own with a scripts/package that builds nothing."""

import hashlib
import json
import os
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from harness import paths

CHANGELOG = """# Changelog

## [Unreleased]

## [0.3.0] - 2026-12-01

### Changed
- **Breaking:** a field has another name.

## [0.2.0] - 2026-11-01

### Added
- The first release.
"""
PACKAGE = """#!/usr/bin/env bash
mkdir -p dist && cd dist
printf module >mlflow_authz.wasm
printf '{}' >sbom.cdx.json
printf '{}' >sbom-command.cdx.json
sha256sum mlflow_authz.wasm sbom.cdx.json sbom-command.cdx.json >SHA256SUMS
"""
FILES = ["mlflow_authz.wasm", "provenance.intoto.json", "RELEASE_NOTES.md", "sbom-command.cdx.json", "sbom.cdx.json"]


class Checkout:
    def __init__(self, root: Path) -> None:
        self.root = root
        self.environment = {
            **{name: value for name, value in os.environ.items() if not name.startswith("GITHUB_")},
            "TOOLS": str(root.parent / "tools"),
            "GIT_CONFIG_GLOBAL": "/dev/null",
            "GIT_CONFIG_SYSTEM": "/dev/null",
        }

    def run(self, *command: str | Path) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            command,
            cwd=self.root,
            env=self.environment,
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )

    def git(self, *arguments: str) -> str:
        done = self.run("git", "-c", "user.name=a", "-c", "user.email=a@example.com", *arguments)
        assert done.returncode == 0, done.stderr
        return done.stdout.strip()

    def commit(self) -> None:
        self.git("add", "--all")
        self.git("commit", "--quiet", "--message", "state")

    def write(self, name: str, text: str) -> None:
        (self.root / name).parent.mkdir(parents=True, exist_ok=True)
        (self.root / name).write_text(text)

    def replace(self, name: str, old: str, new: str) -> None:
        text = (self.root / name).read_text()
        assert old in text
        self.write(name, text.replace(old, new))

    def release(self, *arguments: str | Path) -> subprocess.CompletedProcess[str]:
        return self.run("scripts/release", *arguments)

    @property
    def out(self) -> Path:
        return self.root / "dist" / "release"


@pytest.fixture
def checkout(tmp_path: Path) -> Checkout:
    """Ready for 0.3.0; 0.2.0 is released."""
    made = Checkout(tmp_path / "checkout")
    for name in (
        "scripts/release",
        "scripts/lib.sh",
        "scripts/lib-mlflow.sh",
        "scripts/versions.env",
        "rust-toolchain.toml",
    ):
        (made.root / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(paths.ROOT / name, made.root / name)
    shutil.copytree(paths.ROOT / "tools" / "release", made.root / "tools" / "release")
    made.write("scripts/package", PACKAGE)
    (made.root / "scripts" / "package").chmod(0o755)
    made.write("tools/wasm-opt/package-lock.json", "{}")
    made.write("tools/sbom/requirements.txt", "cyclonedx\n")
    made.write(".gitignore", "/dist/\n/.tools/\n__pycache__/\n")
    made.write("CHANGELOG.md", CHANGELOG)
    made.write("Cargo.toml", '[workspace.package]\nversion = "0.3.0"\n\n[package]\nname = "x"\n')
    made.write("Cargo.lock", '[[package]]\nname = "x"\nversion = "0.3.0"\n')
    made.git("init", "--quiet", "--initial-branch", "main")
    made.commit()
    made.git("-c", "tag.gpgsign=false", "tag", "v0.2.0")
    made.write("later", "a change since 0.2.0")
    made.commit()
    return made


@pytest.fixture
def key(tmp_path: Path) -> Path:
    file = tmp_path / "key"
    subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", file], check=True, timeout=60)
    return file


def verified(out: Path, key: Path) -> bool:
    """What docs/dev/releasing.md tells users to run."""
    signers = key.with_suffix(".signers")
    signers.write_text(f"releases {key.with_suffix('.pub').read_text()}")
    verify = ["ssh-keygen", "-Y", "verify", "-f", signers, "-I", "releases", "-n", "mlflow-authz-release"]
    with (out / "SHA256SUMS").open() as signed:
        done = subprocess.run(
            [*verify, "-s", out / "SHA256SUMS.sig"],
            stdin=signed,
            capture_output=True,
            timeout=60,
            check=False,
        )
    sums = ["sha256sum", "--check", "--quiet", "SHA256SUMS"]
    return done.returncode == 0 and subprocess.run(sums, cwd=out, capture_output=True, check=False).returncode == 0


def test_a_dry_run_collects_a_release_and_leaves_no_trace(checkout: Checkout) -> None:
    done = checkout.release("0.3.0")
    assert done.returncode == 0, done.stderr
    assert "dry run" in done.stderr
    assert {file.name for file in checkout.out.iterdir()} == {*FILES, "SHA256SUMS"}
    assert checkout.git("tag") == "v0.2.0"
    assert checkout.git("status", "--porcelain") == ""
    assert (checkout.out / "RELEASE_NOTES.md").read_text().splitlines()[0] == "### Changed"
    assert "The first release" not in (checkout.out / "RELEASE_NOTES.md").read_text()


def test_the_same_commit_makes_the_same_bytes(checkout: Checkout) -> None:
    assert checkout.release("0.3.0").returncode == 0
    first = {file.name: file.read_bytes() for file in checkout.out.iterdir()}
    assert checkout.release("0.3.0").returncode == 0
    assert {file.name: file.read_bytes() for file in checkout.out.iterdir()} == first


def test_provenance_names_files_commit_and_inputs(checkout: Checkout) -> None:
    assert checkout.release("0.3.0").returncode == 0
    statement = json.loads((checkout.out / "provenance.intoto.json").read_text())
    assert statement["_type"] == "https://in-toto.io/Statement/v1"
    assert statement["predicateType"] == "https://slsa.dev/provenance/v1"
    for subject in statement["subject"]:
        content = (checkout.out / subject["name"]).read_bytes()
        assert subject["digest"] == {"sha256": hashlib.sha256(content).hexdigest()}
    assert {subject["name"] for subject in statement["subject"]} == {
        "mlflow_authz.wasm",
        "sbom.cdx.json",
        "sbom-command.cdx.json",
    }
    build = statement["predicate"]["buildDefinition"]
    assert build["externalParameters"] == {"version": "0.3.0"}
    source, *inputs = build["resolvedDependencies"]
    assert source == {"name": "source", "digest": {"gitCommit": checkout.git("rev-parse", "HEAD")}}
    assert inputs
    for each in inputs:
        content = (checkout.root / each["name"]).read_bytes()
        assert each["digest"] == {"sha256": hashlib.sha256(content).hexdigest()}


def test_a_final_release_is_signed_and_tagged(checkout: Checkout, key: Path) -> None:
    checkout.git("config", "user.name", "a")
    checkout.git("config", "user.email", "a@example.com")
    done = checkout.release("0.3.0", "--final", "--key", key)
    assert done.returncode == 0, done.stderr
    assert verified(checkout.out, key)
    assert checkout.git("rev-list", "--max-count=1", "v0.3.0") == checkout.git("rev-parse", "HEAD")
    assert "BEGIN SSH SIGNATURE" in checkout.git("cat-file", "tag", "v0.3.0")
    assert key.read_text() not in done.stdout + done.stderr
    for name in (*FILES, "SHA256SUMS"):
        content = (checkout.out / name).read_bytes()
        (checkout.out / name).write_bytes(content + b"\n")
        assert not verified(checkout.out, key), name
        (checkout.out / name).write_bytes(content)
    assert verified(checkout.out, key)


UNREADY: dict[str, tuple[Callable[[Checkout], object], str]] = {
    "version of Cargo.toml": (
        lambda it: it.replace("Cargo.toml", "0.3.0", "0.2.0"),
        'Cargo.toml: [workspace.package] has version "0.2.0"; write "0.3.0"',
    ),
    "version of Cargo.lock": (
        lambda it: it.replace("Cargo.lock", "0.3.0", "0.2.0"),
        "Cargo.lock: no package of the workspace has version 0.3.0; run cargo check",
    ),
    "entries without a version": (
        lambda it: it.replace("CHANGELOG.md", "## [Unreleased]\n", "## [Unreleased]\n\n### Fixed\n- A fault.\n"),
        "CHANGELOG.md: [Unreleased] has entries; move them below ## [0.3.0] - YYYY-MM-DD",
    ),
    "no section": (
        lambda it: it.replace("CHANGELOG.md", "## [0.3.0] - 2026-12-01", "## [0.3.1] - 2026-12-01"),
        "CHANGELOG.md: ## [0.3.0] is missing or empty; write what changes for users",
    ),
    "no date": (
        lambda it: it.replace("CHANGELOG.md", "## [0.3.0] - 2026-12-01", "## [0.3.0]"),
        "CHANGELOG.md: ## [0.3.0] has no date; write ## [0.3.0] - YYYY-MM-DD",
    ),
    "not a higher version": (
        lambda it: it.git("tag", "v0.4.0"),
        "0.3.0 does not come after 0.4.0, which is released; choose a higher version",
    ),
    "tag of another commit": (
        lambda it: it.git("tag", "v0.3.0", "HEAD~"),
        "the tag v0.3.0 names another commit",
    ),
}


@pytest.mark.parametrize("case", UNREADY)
def test_a_commit_that_is_not_ready(checkout: Checkout, key: Path, case: str) -> None:
    change, finding = UNREADY[case]
    change(checkout)
    if checkout.git("status", "--porcelain"):
        checkout.commit()
    tags = checkout.git("tag")
    dry = checkout.release("0.3.0")
    assert dry.returncode == 1
    assert finding in dry.stderr
    final = checkout.release("0.3.0", "--final", "--key", key)
    assert final.returncode == 2
    assert finding in final.stderr
    assert checkout.git("tag") == tags
    assert not (checkout.out / "SHA256SUMS.sig").exists()


def test_breaking_changes_need_a_version_that_may_break(checkout: Checkout) -> None:
    for name in ("CHANGELOG.md", "Cargo.toml", "Cargo.lock"):
        checkout.replace(name, "0.3.0", "0.2.1")
    checkout.commit()
    done = checkout.release("0.2.1")
    assert done.returncode == 1
    assert "[0.2.1] has breaking changes, which a step from 0.2.0 may not have; release 0.3.0 or 1.0.0" in done.stderr
    checkout.replace("CHANGELOG.md", "**Breaking:** a", "A")
    checkout.commit()
    assert checkout.release("0.2.1").returncode == 0


def test_uncommitted_changes_are_a_finding(checkout: Checkout) -> None:
    checkout.write("later", "something else")
    done = checkout.release("0.3.0")
    assert done.returncode == 1
    assert "the work tree has changes that are not committed" in done.stderr


def test_what_was_changed_after_it_was_packed_is_not_released(checkout: Checkout) -> None:
    assert checkout.release("0.3.0").returncode == 0
    checkout.write("dist/mlflow_authz.wasm", "another module")
    done = checkout.release("0.3.0", "--no-build")
    assert done.returncode == 1
    assert "dist/mlflow_authz.wasm differs from dist/SHA256SUMS: run scripts/package" in done.stderr


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ([], "the version is missing"),
        (["--final"], "the version is missing"),
        (["0.3.0", "--final"], "--final needs --key FILE"),
        (["0.3.0", "--final", "--key", "/nowhere"], "--final needs --key FILE"),
        (["0.3.0", "--push"], "--push is unknown"),
        (["v0.3.0"], '"v0.3.0" is not a version: write MAJOR.MINOR.PATCH'),
    ],
)
def test_wrong_arguments(checkout: Checkout, arguments: list[str], message: str) -> None:
    done = checkout.release(*arguments)
    assert done.returncode in (1, 2)
    assert message in done.stderr
