"""What scripts/package puts into dist/ beside the build: images, checksums. Same input, same bytes.

The images follow the "wasm-image" specifications that Istio and Envoy Gateway read:
  compat   an ordinary OCI image whose last layer is a tar.gz with `plugin.wasm` at its root
  oci      two layers of their own media types: the module's description, and the module as it is
"""

import argparse
import gzip
import hashlib
import io
import json
import re
import shutil
import subprocess
import tarfile
from pathlib import Path
from typing import Any

Descriptor = dict[str, Any]

MANIFEST = "application/vnd.oci.image.manifest.v1+json"
SBOMS = ("sbom.cdx.json", "sbom-command.cdx.json")
INDEX = "application/vnd.oci.image.index.v1+json"


def compact(value: Any) -> bytes:
    return json.dumps(value, sort_keys=True, separators=(",", ":")).encode()


def sha256(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


def archive(files: dict[str, bytes]) -> bytes:
    """An uncompressed tar: no owner, no time, names in order."""
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w", format=tarfile.USTAR_FORMAT) as tar:
        for name, data in sorted(files.items()):
            entry = tarfile.TarInfo(name)
            entry.size, entry.mode = len(data), 0o644
            tar.addfile(entry, io.BytesIO(data))
    return buffer.getvalue()


class Layout:
    """An OCI image layout (image-spec, image-layout.md), in memory."""

    def __init__(self) -> None:
        self.files: dict[str, bytes] = {"oci-layout": compact({"imageLayoutVersion": "1.0.0"})}
        self.manifests: list[Descriptor] = []

    def blob(self, media_type: str, data: bytes) -> Descriptor:
        digest = sha256(data)
        self.files[f"blobs/sha256/{digest}"] = data
        return {"mediaType": media_type, "digest": f"sha256:{digest}", "size": len(data)}

    def image(self, tag: str, config: Descriptor, layers: list[Descriptor], notes: dict[str, str]) -> str:
        """Adds an image; the digest of its manifest."""
        manifest = {
            "schemaVersion": 2,
            "mediaType": MANIFEST,
            "config": config,
            "layers": layers,
            "annotations": notes,
        }
        descriptor = self.blob(MANIFEST, compact(manifest))
        self.manifests.append({**descriptor, "annotations": {"org.opencontainers.image.ref.name": tag}})
        return descriptor["digest"]

    def write(self, folder: Path) -> None:
        index = {"schemaVersion": 2, "mediaType": INDEX, "manifests": self.manifests}
        self.files["index.json"] = compact(index)
        shutil.rmtree(folder, ignore_errors=True)
        for name, data in self.files.items():
            path = folder / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(data)


def compat(layout: Layout, tag: str, module: bytes, notes: dict[str, str]) -> str:
    tar = archive({"plugin.wasm": module})
    layer = layout.blob("application/vnd.oci.image.layer.v1.tar+gzip", gzip.compress(tar, compresslevel=9, mtime=0))
    # Istio and Envoy Gateway do not look at the platform; tools that copy images want one.
    config = {
        "architecture": "wasm",
        "os": "wasip1",
        "config": {},
        "rootfs": {"type": "layers", "diff_ids": [f"sha256:{sha256(tar)}"]},
    }
    described = layout.blob("application/vnd.oci.image.config.v1+json", compact(config))
    return layout.image(tag, described, [layer], {**notes, "module.wasm.image/variant": "compat"})


def oci(layout: Layout, tag: str, module: bytes, notes: dict[str, str]) -> str:
    runtime = {"type": "envoy_proxy", "abiVersions": ["v0-2-1"], "config": {"root_ids": ["mlflow_authz"]}}
    description = layout.blob("application/vnd.module.wasm.config.v1+json", compact(runtime))
    content = layout.blob("application/vnd.module.wasm.content.layer.v1+wasm", module)
    # The description is the image's config too: every image has one.
    layers = [
        {**description, "annotations": {"org.opencontainers.image.title": "runtime-config.json"}},
        {**content, "annotations": {"org.opencontainers.image.title": "filter.wasm"}},
    ]
    return layout.image(tag, description, layers, notes)


def shell_files(command: Path) -> dict[str, bytes]:
    """What shells and man(1) read of the command, by its place below a prefix such as /usr/local."""

    def printed(*arguments: str) -> bytes:
        return subprocess.run([command, *arguments], capture_output=True, check=True).stdout

    completions = {
        "bash": "share/bash-completion/completions/mlflow-authz",
        "fish": "share/fish/vendor_completions.d/mlflow-authz.fish",
        "zsh": "share/zsh/site-functions/_mlflow-authz",
    }
    files = {place: printed("completions", shell) for shell, place in completions.items()}
    pages = {"mlflow-authz": printed("man")}
    listed = re.findall(r"^ {2}([a-z]+) ", printed("--help").decode(), re.MULTILINE)
    if "check" not in listed:
        raise ValueError(f"cannot read the commands from `{command} --help`: found {listed}")
    for name in set(listed) - {"help"}:
        pages[f"mlflow-authz-{name}"] = printed("man", name)
    return files | {f"share/man/man1/{name}.1": page for name, page in pages.items()}


def checksums(files: list[Path]) -> str:
    """What `sha256sum --check` reads."""
    return "".join(f"{sha256(file.read_bytes())}  {file.name}\n" for file in files)


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("version")
    parser.add_argument("dist", type=Path)
    arguments = parser.parse_args()
    dist, version = arguments.dist, arguments.version

    module = (dist / "mlflow_authz.wasm").read_bytes()
    notes = {
        "org.opencontainers.image.title": "mlflow-authz",
        "org.opencontainers.image.version": version,
        "org.opencontainers.image.licenses": "Apache-2.0",
    }
    layout = Layout()
    digests = {
        version: compat(layout, version, module, notes),
        f"{version}-oci": oci(layout, f"{version}-oci", module, notes),
    }
    layout.write(dist / "oci")
    tar = dist / f"mlflow-authz-{version}-images.tar"
    tar.write_bytes(archive(layout.files))
    lines = "".join(f"{tag} {digest}\n" for tag, digest in digests.items())
    (dist / "IMAGE_DIGESTS").write_text(lines)
    shell = dist / f"mlflow-authz-{version}-shell.tar"
    shell.write_bytes(archive(shell_files(dist / "mlflow-authz")))
    names = ["IMAGE_DIGESTS", "mlflow-authz", tar.name, shell.name, "mlflow_authz.wasm", *SBOMS]
    (dist / "SHA256SUMS").write_text(checksums([dist / name for name in names]))
    print(lines, end="")


main()
