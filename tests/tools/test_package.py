"""What scripts/package ships: images that Istio and Envoy Gateway can read, checksums, the list of crates.

scripts/test runs `scripts/package` before these.
"""

import gzip
import hashlib
import io
import json
import re
import shutil
import subprocess
import sys
import tarfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from harness import keys, paths
from harness.http import bearer
from harness.stack import Stack

DIST = paths.ROOT / "dist"
VERSION = re.findall(r'^version = "(.*)"', (paths.ROOT / "Cargo.toml").read_text(), re.MULTILINE)[0]
TAR = DIST / f"mlflow-authz-{VERSION}-images.tar"
SBOMS = {
    "sbom.cdx.json": ("mlflow-authz-filter", "wasm32-wasip1"),
    "sbom-command.cdx.json": ("mlflow-authz-cli", "x86_64-unknown-linux-gnu"),
}
"""Bills of materials: of which package, built for which target."""
TAGS = [VERSION, f"{VERSION}-oci"]


@pytest.fixture(scope="module", autouse=True)
def packed() -> None:
    if not (DIST / "oci" / "index.json").exists():
        pytest.fail("dist/oci is missing: run scripts/package")
    if not checked(DIST):
        pytest.fail("dist/ was built after it was packed: run scripts/package")


def checked(folder: Path) -> bool:
    command = ["sha256sum", "--check", "--quiet", "SHA256SUMS"]
    return subprocess.run(command, cwd=folder, capture_output=True, check=False).returncode == 0


def blob(folder: Path, descriptor: dict[str, Any]) -> bytes:
    """A blob, which is what its descriptor says."""
    algorithm, digest = descriptor["digest"].split(":")
    assert algorithm == "sha256"
    data = (folder / "blobs" / "sha256" / digest).read_bytes()
    assert hashlib.sha256(data).hexdigest() == digest and len(data) == descriptor["size"]
    return data


def image(folder: Path, tag: str) -> tuple[str, dict[str, Any]]:
    """Digest and manifest of an image in an OCI layout."""
    assert json.loads((folder / "oci-layout").read_text()) == {"imageLayoutVersion": "1.0.0"}
    index = json.loads((folder / "index.json").read_text())
    (found,) = (m for m in index["manifests"] if m["annotations"]["org.opencontainers.image.ref.name"] == tag)
    manifest = json.loads(blob(folder, found))
    assert found["mediaType"] == manifest["mediaType"] == "application/vnd.oci.image.manifest.v1+json"
    blob(folder, manifest["config"])
    return found["digest"], manifest


def module_in(folder: Path, tag: str) -> bytes:
    """The module, found as Istio's pkg/wasm/imagefetcher.go and Envoy Gateway's copy of it find it."""
    _, manifest = image(folder, tag)
    layers = manifest["layers"]
    # The "compat" variant: the last layer, if it is an ordinary one.
    if layers[-1]["mediaType"] == "application/vnd.oci.image.layer.v1.tar+gzip":
        with tarfile.open(fileobj=io.BytesIO(gzip.decompress(blob(folder, layers[-1])))) as tar:
            (entry,) = (each for each in tar if Path(each.name).name == "plugin.wasm")
            content = tar.extractfile(entry)
            assert content is not None
            return content.read()
    # The "oci" variant: two layers, one of them the module as it is.
    assert len(layers) == 2
    (layer,) = (each for each in layers if each["mediaType"] == "application/vnd.module.wasm.content.layer.v1+wasm")
    return blob(folder, layer)


def test_both_images_hold_the_module() -> None:
    module = paths.wasm_module().read_bytes()
    for tag in TAGS:
        assert module_in(DIST / "oci", tag) == module, tag


def test_the_first_image_is_one_that_any_tool_can_copy() -> None:
    _, manifest = image(DIST / "oci", VERSION)
    assert manifest["annotations"]["module.wasm.image/variant"] == "compat"
    config = json.loads(blob(DIST / "oci", manifest["config"]))
    assert manifest["config"]["mediaType"] == "application/vnd.oci.image.config.v1+json"
    # Tools compare this with what they unpack.
    layers = [gzip.decompress(blob(DIST / "oci", layer)) for layer in manifest["layers"]]
    assert config["rootfs"]["diff_ids"] == [f"sha256:{hashlib.sha256(each).hexdigest()}" for each in layers]


def test_nothing_lies_in_the_layout_that_no_image_names() -> None:
    named = set()
    for tag in TAGS:
        digest, manifest = image(DIST / "oci", tag)
        named |= {digest, manifest["config"]["digest"], *(each["digest"] for each in manifest["layers"])}
    found = {f"sha256:{file.name}" for file in (DIST / "oci" / "blobs" / "sha256").iterdir()}
    assert found == named


def test_digests_to_put_into_manifests() -> None:
    lines = (DIST / "IMAGE_DIGESTS").read_text().splitlines()
    assert lines == [f"{tag} {image(DIST / 'oci', tag)[0]}" for tag in TAGS]


def test_the_tar_is_the_layout(tmp_path: Path) -> None:
    with tarfile.open(TAR) as tar:
        tar.extractall(tmp_path, filter="data")
    for tag in TAGS:
        assert image(tmp_path, tag) == image(DIST / "oci", tag)
        assert module_in(tmp_path, tag) == module_in(DIST / "oci", tag)


def test_completions_and_manual_pages_are_those_of_the_command() -> None:
    with tarfile.open(DIST / f"mlflow-authz-{VERSION}-shell.tar") as tar:
        files = {each.name: tar.extractfile(each).read() for each in tar}  # type: ignore[union-attr]
    command = DIST / "mlflow-authz"

    def printed(*arguments: str) -> bytes:
        return subprocess.run([command, *arguments], capture_output=True, check=True).stdout

    assert files["share/bash-completion/completions/mlflow-authz"] == printed("completions", "bash")
    assert files["share/zsh/site-functions/_mlflow-authz"] == printed("completions", "zsh")
    assert files["share/fish/vendor_completions.d/mlflow-authz.fish"] == printed("completions", "fish")
    pages = {name.rsplit("/", 1)[1] for name in files if name.startswith("share/man/man1/")}
    commands = ("check", "completions", "explain", "key", "man", "matrix", "replay", "routes", "schema")
    assert pages == {"mlflow-authz.1", *(f"mlflow-authz-{name}.1" for name in commands)}
    assert files["share/man/man1/mlflow-authz-explain.1"] == printed("man", "explain")


def test_checksums_notice_a_change(tmp_path: Path) -> None:
    for line in (DIST / "SHA256SUMS").read_text().splitlines():
        shutil.copy(DIST / line.split("  ")[1], tmp_path)
    shutil.copy(DIST / "SHA256SUMS", tmp_path)
    assert checked(tmp_path)
    with (tmp_path / "mlflow_authz.wasm").open("ab") as module:
        module.write(b"\0")
    assert not checked(tmp_path)


def test_packed_twice_it_is_the_same(tmp_path: Path) -> None:
    for name in ("mlflow_authz.wasm", "mlflow-authz", *SBOMS):
        # With its mode, since the command is run; with another modification time.
        shutil.copy(DIST / name, tmp_path / name)
    subprocess.run(
        [sys.executable, paths.ROOT / "tools" / "package", VERSION, tmp_path],
        check=True,
        capture_output=True,
        timeout=120,
    )
    assert (tmp_path / "SHA256SUMS").read_text() == (DIST / "SHA256SUMS").read_text()
    assert (tmp_path / "oci" / "index.json").read_bytes() == (DIST / "oci" / "index.json").read_bytes()


def test_the_module_does_not_say_where_it_was_built() -> None:
    module = paths.wasm_module().read_bytes()
    folders = (str(paths.ROOT), str(Path.home()), *(f"/{name}" for name in ("tmp", "home")))
    # The last is where cargo keeps the sources of crates.
    for place in (*(f"{folder}/" for folder in folders), "registry/src"):
        found = module.find(place.encode())
        assert found < 0, module[found : found + 120]


def crates(package: str, target: str, edges: str) -> set[tuple[str, str]]:
    tree = subprocess.run(
        ["cargo", "tree", "--locked", "--offline", "--package", package]
        + ["--target", target, "--edges", edges, "--prefix", "none"],
        cwd=paths.ROOT,
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )
    return {(line.split()[0], line.split()[1].removeprefix("v")) for line in tree.stdout.splitlines()}


@pytest.mark.parametrize("name", SBOMS)
def test_the_list_of_crates_is_complete(name: str) -> None:
    bill = json.loads((DIST / name).read_text())
    assert (bill["bomFormat"], bill["specVersion"]) == ("CycloneDX", "1.5")
    package, target = SBOMS[name]
    root = bill["metadata"]["component"]
    assert root["name"] == package
    wanted = crates(package, target, "normal,no-proc-macro")
    in_program = {(each["name"], each["version"]) for each in bill["components"] if each["scope"] == "required"}
    assert len(wanted) > 20
    assert in_program | {(root["name"], root["version"])} == wanted
    only_built = {each["name"] for each in bill["components"] if each["scope"] == "excluded"}
    assert {"serde_derive", "syn"} <= only_built
    for each in bill["components"]:
        assert each["licenses"], each["name"]
        # What comes from a registry can be looked up and verified.
        assert ("purl" in each and "hashes" in each) or each["name"] == "mlflow_authz"
    depended_on = {name for each in bill["dependencies"] for name in each.get("dependsOn", [])}
    assert depended_on == {each["bom-ref"] for each in bill["components"]}


def test_the_lists_tell_the_module_from_the_command() -> None:
    module, command = ({each["name"] for each in json.loads((DIST / name).read_text())["components"]} for name in SBOMS)
    assert not module & {"clap", "tokio"} and "clap" in command


@pytest.mark.parametrize("name", SBOMS)
def test_the_list_of_crates_does_not_say_where_or_when_it_was_made(name: str) -> None:
    text = (DIST / name).read_text()
    assert str(paths.ROOT) not in text and str(Path.home()) not in text
    assert "serialNumber" not in text and "timestamp" not in text


@pytest.mark.parametrize("tag", TAGS)
def test_envoy_decides_with_the_module_from_the_image(
    tmp_path: Path, start_stack: Callable[..., Stack], tag: str
) -> None:
    module = tmp_path / "plugin.wasm"
    module.write_bytes(module_in(DIST / "oci", tag))
    stack = start_stack(wasm=module)
    target = "/api/mlflow/api/2.0/mlflow/runs/create"
    assert stack.client.post(target, [bearer(keys.WRITE["key"])]).status == 200
    assert stack.client.post(target, [bearer(keys.READ["key"])]).json()["reason"] == "scope_missing"
