"""The provenance statement of a release: SLSA Provenance v1 in an in-toto Statement v1.

https://slsa.dev/spec/v1.0/provenance and https://github.com/in-toto/attestation/tree/main/spec/v1. It has no
time and no random id, so that the same build writes the same bytes.
"""

import hashlib
import json
from pathlib import Path
from typing import Any

STATEMENT = "https://in-toto.io/Statement/v1"
PREDICATE = "https://slsa.dev/provenance/v1"
BUILD_TYPE = "urn:mlflow-authz:scripts/release:v1"
# Files that decide over the bytes of the build, beside the commit itself.
INPUTS = [
    "Cargo.lock",
    "rust-toolchain.toml",
    "scripts/versions.env",
    "tools/wasm-opt/package-lock.json",
    "tools/sbom/requirements.txt",
]


def sha256(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def statement(root: Path, version: str, commit: str, files: list[Path], builder: str) -> dict[str, Any]:
    """What was built (`files`), from which commit, with which pinned inputs, by whom (`builder`, a URI)."""
    inputs = [{"name": name, "digest": {"sha256": sha256(root / name)}} for name in INPUTS]
    return {
        "_type": STATEMENT,
        "subject": [{"name": file.name, "digest": {"sha256": sha256(file)}} for file in files],
        "predicateType": PREDICATE,
        "predicate": {
            "buildDefinition": {
                "buildType": BUILD_TYPE,
                "externalParameters": {"version": version},
                "internalParameters": {},
                "resolvedDependencies": [{"name": "source", "digest": {"gitCommit": commit}}, *inputs],
            },
            "runDetails": {"builder": {"id": builder}, "metadata": {}},
        },
    }


def write(path: Path, content: dict[str, Any]) -> None:
    path.write_text(json.dumps(content, indent=2, sort_keys=True) + "\n")
