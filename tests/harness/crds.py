"""Kubernetes objects held against the CRDs that packages carry; scripts/lib.sh's ensure_crds installs them."""

import json
import os
import subprocess
from pathlib import Path
from typing import Any

import yaml

from . import paths

Object = dict[str, Any]
_ISTIO = ("extensions.istio.io/", "networking.istio.io/", "security.istio.io/")


def objects(file: Path) -> list[Object]:
    """Every object in a file of manifests."""
    return [each for each in yaml.safe_load_all(file.read_text()) if each]


def _crds() -> Path:
    if given := os.environ.get("CRDS"):
        return Path(given)
    version = paths.versions()["ISTIO_CRDS_VERSION"]
    found = sorted((paths.ROOT / ".tools").glob(f"crds-{version}-*/node_modules/.complete"))
    if not found:
        raise FileNotFoundError(".tools/crds-* is missing: run scripts/test, which installs it")
    return found[-1].parents[1]


def complaints(manifests: list[Object]) -> list[list[str]]:
    """What the CRDs have against each of these objects; nothing if it is valid."""
    folder = _crds()
    sources = paths.ROOT / "tests" / "crds"
    tools: dict[bool, list[Any]] = {
        True: [folder / "bin" / "python", sources / "validate.py"],
        False: ["node", sources / "validate.mjs", folder / "node_modules"],
    }
    found: list[list[str]] = [[] for _ in manifests]
    for is_istio, command in tools.items():
        mine = [i for i, m in enumerate(manifests) if str(m.get("apiVersion")).startswith(_ISTIO) == is_istio]
        for index, answer in zip(mine, _ask(command, [manifests[i] for i in mine]), strict=True):
            found[index] = answer
    return found


def _ask(command: list[Any], manifests: list[Object]) -> list[list[str]]:
    if not manifests:
        return []
    answer = subprocess.run(
        command, input=json.dumps(manifests), capture_output=True, text=True, timeout=120, check=True
    )
    return json.loads(answer.stdout)
