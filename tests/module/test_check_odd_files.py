"""`check` over files that are odd or large: an answer in seconds, and no crash."""

import json
import subprocess
from pathlib import Path

import pytest

from harness import paths
from harness.manifests import NEW, named, own_names

PIECES = "".join(f"a{n}: &a{n} [*a{n - 1}, *a{n - 1}, *a{n - 1}, *a{n - 1}, *a{n - 1}]\n" for n in range(1, 12))
ODD: list[tuple[str, str]] = [
    ("aliases of aliases", "a0: &a0 [x]\n" + PIECES),
    ("an alias of itself", "a: &a\n  b: *a\n"),
    ("merge keys", "base: &b {kind: Gateway, apiVersion: v1}\nother:\n  <<: *b\n  <<: [*b, *b]\n  spec: 1\n"),
    ("merge keys at the top", "<<: {apiVersion: networking.istio.io/v1, kind: VirtualService}\nspec: {http: 5}\n"),
    ("tags", "apiVersion: !!str v1\nkind: !custom {a: b}\nspec: !!binary aGVsbG8=\nn: !!int '5'\nd: !!timestamp 2001-01-01\n"),
    ("many documents", "---\napiVersion: v1\nkind: Service\nmetadata: {name: a}\nspec: {}\n" * 5_000),
    ("deep nesting", "apiVersion: v1\nkind: Service\nspec: " + "[" * 20_000 + "]" * 20_000 + "\n"),
    ("deep mappings", "apiVersion: v1\nkind: Service\nspec: " + "{a: " * 5_000 + "b" + "}" * 5_000 + "\n"),
    ("wrong types", "apiVersion: networking.istio.io/v1\nkind: VirtualService\nmetadata: []\nspec: {hosts: 5, http: [[], 3, {match: 5, route: x}]}\n"),
    ("keys that are no text", "apiVersion: v1\nkind: Service\nspec: {1: a, true: b, null: c, 1.5: d}\n"),
    ("a key twice", "apiVersion: v1\nkind: Service\nkind: Gateway\nspec: {}\n"),
    ("no end", "apiVersion: v1\nkind: \"Service\nspec: {"),
    ("zero bytes", "apiVersion: v1\0\nkind: Service\n"),
    ("a byte order mark", "\ufeffapiVersion: v1\nkind: Service\nspec: {}\n"),
    ("services that are each other", "".join(
        f"---\napiVersion: v1\nkind: Service\nmetadata: {{name: s{n}, namespace: x}}\nspec: {{type: ExternalName, externalName: s{1 - n}.x.svc}}\n"
        for n in range(2)) + "---\napiVersion: networking.k8s.io/v1\nkind: Ingress\nmetadata: {name: i, namespace: x}\n"
        "spec: {defaultBackend: {service: {name: s0}}}\n"),
]  # fmt: skip


@pytest.mark.parametrize(("text",), named(ODD))
def test_odd_files_end_with_words(tmp_path: Path, text: str) -> None:
    """An answer within seconds, and no crash: 0, or 1 with findings, or 2 for what is no YAML."""
    file = tmp_path / "odd.yaml"
    file.write_bytes(text.encode())
    result = subprocess.run([paths.cli(), "check", file], capture_output=True, text=True, timeout=20, check=False)
    assert result.returncode in (0, 1, 2), result
    assert result.stdout or result.stderr
    assert "panicked" not in result.stderr


def test_ten_megabytes_are_read_in_seconds(tmp_path: Path) -> None:
    one = "\n---\n".join(own_names(file.read_text()) for file in NEW)
    filler = "---\napiVersion: v1\nkind: ConfigMap\nmetadata: {name: big, namespace: x}\ndata:\n"
    filler += "".join(f"  key{n}: {'v' * 90}\n" for n in range(100_000))
    file = tmp_path / "big.yaml"
    file.write_text(one + "\n" + filler)
    assert file.stat().st_size > 10_000_000
    result = subprocess.run(
        [paths.cli(), "check", "--format", "json", file], capture_output=True, text=True, timeout=60, check=False
    )
    assert json.loads(result.stdout)["findings"] == [], result.stderr
