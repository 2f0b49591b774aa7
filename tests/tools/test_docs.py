"""The documents say what is true today."""

import json
import re
import subprocess
from pathlib import Path

import pytest

from harness import paths

DOCUMENTS = sorted(
    paths.ROOT / name
    for name in subprocess.run(
        ["git", "ls-files", "--cached", "--others", "--exclude-standard", "*.md"],
        cwd=paths.ROOT,
        capture_output=True,
        text=True,
        check=True,
    ).stdout.split()
)


def test_endpoint_table_is_the_catalog() -> None:
    """docs/endpoints.md is what its own header says made it."""
    made = subprocess.run([paths.cli(), "routes", "--format", "markdown"], capture_output=True, text=True, check=True)
    assert (paths.ROOT / "docs" / "endpoints.md").read_text() == made.stdout


def test_no_merge_is_left_half_done() -> None:
    marked = subprocess.run(
        ["git", "grep", "-lE", "^(<{7}|>{7}) "], cwd=paths.ROOT, capture_output=True, text=True, check=False
    )
    assert marked.stdout == ""


def anchors(document: Path) -> set[str]:
    """The fragments that GitHub gives to a document's headings."""
    prose = re.sub(r"^```.*?^```", "", document.read_text(), flags=re.MULTILINE | re.DOTALL)
    headings = re.findall(r"^#+ (.+)$", prose, re.MULTILINE)
    return {re.sub(r"[^\w -]", "", heading.lower()).replace(" ", "-") for heading in headings}


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: str(path.relative_to(paths.ROOT)))
def test_links_lead_somewhere(document: Path) -> None:
    """Every relative link names a file, and its fragment a heading there."""
    for target, fragment in re.findall(r"\]\((?!https?:)([^)#]*)(?:#([^)]*))?\)", document.read_text()):
        file = document.parent / target if target else document
        assert file.exists(), target
        if fragment and file.suffix == ".md":
            assert fragment in anchors(file), f"{target}#{fragment}"


def test_files_that_code_names_exist() -> None:
    """Documents are named in comments, messages, alerts and manifests too."""
    tracked = subprocess.run(
        ["git", "grep", "-nIoE", r"\bdocs/[a-z0-9/_-]+\.md(#[a-z0-9-]+)?"],
        cwd=paths.ROOT,
        capture_output=True,
        text=True,
    ).stdout.splitlines()
    assert len(tracked) > 20
    for line in tracked:
        where, _, named = line.rpartition(":")
        if where.startswith("CHANGELOG.md"):
            continue  # Names files as they were called then.
        name, _, fragment = named.partition("#")
        assert (paths.ROOT / name).exists(), f"{where}: {name}"
        assert not fragment or fragment in anchors(paths.ROOT / name), f"{where}: {named}"


def test_configuration_reference_is_the_schema() -> None:
    """docs/configuration.md is what its own header says made it."""
    made = subprocess.run([paths.cli(), "schema", "--format", "markdown"], capture_output=True, text=True, check=True)
    assert (paths.ROOT / "docs" / "configuration.md").read_text() == made.stdout


def test_documented_fields_exist(tmp_path) -> None:
    """`check` knows every field of the reference, and accepts its default."""
    reference = (paths.ROOT / "docs" / "configuration.md").read_text()
    rows = re.findall(r"^\| `([a-z_.]+)` \| .* \| (`[^|]*`|required|) \| [^|]+ \|$", reference, re.MULTILINE)
    fields = {name: default.strip("`") for name, default in rows}
    assert fields["cache.ttl"] and fields["mounts"]
    for name, default in fields.items():
        if default in ("", "required"):
            continue
        config: dict = {"mounts": ["/"], "auth_service": {"cluster": "c"}}
        holder = config
        *groups, leaf = name.split(".")
        if groups == ["keys"]:
            holder = {"sha256": "ab" * 32, "key_id": "ci", "scopes": ["model:read"]}
            config["keys"] = [holder]
            groups = []
        for group in groups:
            holder = holder.setdefault(group, {})
        if groups == ["revocation"]:
            holder["path"] = "/revocations"  # Absent as a whole by default; this is what it requires.
        holder[leaf] = json.loads(default)
        file = tmp_path / "config.json"
        file.write_text(json.dumps(config))
        checked = subprocess.run([paths.cli(), "check", file], capture_output=True, text=True)
        assert checked.returncode == 0, f"{name}: {checked.stdout}{checked.stderr}"


def test_nothing_refers_to_a_page_outside_the_repository() -> None:
    """Whoever reads a comment has this repository and nothing else. MLflow's own issues are named as such."""
    # Each with a class of one letter, so that the pattern does not match itself.
    pages = r"\b[D]ESIGN [0-9]|\b[Ii]ssue #?[0-9]+|[N]AMED_BY_ISSUE|[f]irst customer|[b]ars of the project"
    found = subprocess.run(
        [
            "git",
            "grep",
            "-nIE",
            pages,
            "--",
            ":!tests/advisories.json",
            ":!tests/fixtures",
        ],
        cwd=paths.ROOT,
        capture_output=True,
        text=True,
    ).stdout.splitlines()
    assert [line for line in found if "mlflow issue" not in line.lower()] == []
