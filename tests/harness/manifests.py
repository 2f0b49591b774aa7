"""The shipped manifests of Istio and Envoy Gateway as a deployment has them, and what `mlflow-authz check` says of them."""

import json
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml

from . import paths
from .translate import GATEWAY, ISTIO, ISTIO_EXTENSIONS

Objects = dict[str, Any]
Edit = Callable[[Objects], object]

NEW = [*sorted((ISTIO / "common").glob("*.yaml")), ISTIO / ISTIO_EXTENSIONS[0]]
OLD = [*sorted((ISTIO / "common").glob("*.yaml")), ISTIO / ISTIO_EXTENSIONS[1]]
ENVOY_GATEWAY = sorted(GATEWAY.glob("*.yaml"))

# Tokens instead of keys: what verifies them, and the filter behind that.
ISTIO_TOKENS = [
    *(file for file in sorted((ISTIO / "common").glob("*.yaml")) if file.name != "auth-service.yaml"),
    *sorted((ISTIO / "jwt").glob("*.yaml")),
]
GATEWAY_TOKENS = [
    *(file for file in ENVOY_GATEWAY if file.name != "envoy-extension-policy.yaml"),
    *sorted((GATEWAY / "jwt").glob("*.yaml")),
]
SAMPLES = {
    "istio": NEW,
    "istio-1.29": OLD,
    "istio-jwt": ISTIO_TOKENS,
    "gateway": ENVOY_GATEWAY,
    "gateway-jwt": GATEWAY_TOKENS,
}


def own_names(text: str) -> str:
    """A sample edited as its comments ask for."""
    for placeholder, own in {
        "example.com": "corp.internal",
        "registry.example": "registry.internal",
        "0" * 64: "ab" * 32,
    }.items():
        text = text.replace(placeholder, own)
    return text


def load(sample: str) -> Objects:
    """The objects by kind and name."""
    documents = (each for file in SAMPLES[sample] for each in yaml.safe_load_all(own_names(file.read_text())))
    return {f"{each['kind']} {each['metadata']['name']}": each for each in documents}


def findings(objects: Objects, folder: Path) -> list[dict[str, Any]]:
    file = folder / "manifests.yaml"
    file.write_text(yaml.safe_dump_all(list(objects.values()), sort_keys=False))
    result = subprocess.run(
        [paths.cli(), "check", "--format", "json", file], capture_output=True, text=True, timeout=30, check=False
    )
    assert result.stdout, result.stderr
    return json.loads(result.stdout)["findings"]


def named(cases: list[Any]) -> list[Any]:
    """Parameters of a test out of cases that begin with their names."""
    return [pytest.param(*case[1:], id=case[0]) for case in cases]
