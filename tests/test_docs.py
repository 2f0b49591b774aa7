"""The documents say what is true today."""

import json
import re
import subprocess

from harness import paths

README = paths.ROOT / "README.md"


def test_endpoint_table_is_the_catalog() -> None:
    """docs/endpoints.md is what its own header says made it."""
    made = subprocess.run(
        [paths.cli(), "routes", "--format", "markdown"], capture_output=True, text=True, check=True
    )
    assert (paths.ROOT / "docs" / "endpoints.md").read_text() == made.stdout


def test_links_lead_somewhere() -> None:
    """Every relative link in a document names a file."""
    for document in [README, *paths.ROOT.glob("docs/**/*.md")]:
        for target in re.findall(r"\]\((?!https?:|#)([^)#]+)", document.read_text()):
            assert (document.parent / target).exists(), f"{document.name}: {target}"


def test_configuration_reference_is_the_schema() -> None:
    """docs/configuration.md is what its own header says made it."""
    made = subprocess.run(
        [paths.cli(), "schema", "--format", "markdown"], capture_output=True, text=True, check=True
    )
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
        for group in groups:
            holder = holder.setdefault(group, {})
        if groups == ["revocation"]:
            holder["path"] = "/revocations"  # Absent as a whole by default; this is what it requires.
        holder[leaf] = json.loads(default)
        file = tmp_path / "config.json"
        file.write_text(json.dumps(config))
        checked = subprocess.run([paths.cli(), "check", file], capture_output=True, text=True)
        assert checked.returncode == 0, f"{name}: {checked.stdout}{checked.stderr}"
