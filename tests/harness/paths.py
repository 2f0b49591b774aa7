"""Where things are in the repository, and what to run when they are missing."""

import os
import re
import subprocess
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
ENVOY_YAML = ROOT / "envoy" / "envoy.yaml"


def versions() -> dict[str, str]:
    """The contents of scripts/versions.env."""
    lines = (ROOT / "scripts" / "versions.env").read_text().splitlines()
    pairs = (line.split("=", 1) for line in lines if line and not line.startswith("#"))
    return {name: value.strip('"') for name, value in pairs}


def _existing(path: Path, remedy: str) -> Path:
    if not path.exists():
        raise FileNotFoundError(f"{path} is missing: run {remedy}")
    return path


def wasm_module() -> Path:
    """The compiled filter."""
    return _existing(ROOT / "dist" / "mlflow_authz.wasm", "scripts/build")


def cli() -> Path:
    """The native command line, mlflow-authz."""
    return _existing(ROOT / "dist" / "mlflow-authz", "scripts/build")


def auth_service() -> Path:
    """The stand-in for the auth service, a tool that is not shipped."""
    return _existing(ROOT / "target" / "tools" / "auth-service", "scripts/build tools")


def envoy_binary() -> Path:
    """$ENVOY, as scripts/lib.sh exports it, or else the Envoy it installed."""
    if given := os.environ.get("ENVOY"):
        return _existing(Path(given), "with ENVOY naming an Envoy binary")
    site = ROOT / ".tools" / f"envoy-{versions()['ENVOY_VERSION']}"
    found = sorted(site.glob("lib/python3*/site-packages/envoy/_bin/envoy"))
    return found[0] if found else _existing(site / "envoy", "scripts/test or scripts/demo, which install it")


def envoy_version() -> tuple[int, int, int]:
    """Of `envoy_binary`."""
    said = subprocess.run([envoy_binary(), "--version"], capture_output=True, text=True, check=True).stdout
    found = re.search(r"/(\d+)\.(\d+)\.(\d+)/", said)
    assert found, said
    return int(found[1]), int(found[2]), int(found[3])


def mlflow_python(version: str | None = None) -> Path:
    """The Python interpreter that has MLflow: the release under test, or another that scripts/test installs."""
    given = os.environ.get("MLFLOW_PYTHON")
    if given and version is None:
        return _existing(Path(given), "with MLFLOW_PYTHON naming a Python interpreter that has MLflow")
    path = ROOT / ".tools" / f"mlflow-{version or versions()['MLFLOW_VERSION']}" / "bin" / "python"
    return _existing(path, "scripts/test, which installs it")


def client_python(which: str) -> Path:
    """The Python interpreter that has one of the `OLD_CLIENTS`, a release of MLflow, or OpenTelemetry's exporter: `otlp`."""
    folder = Path(os.environ.get("TOOLS", ROOT / ".tools"))
    return _existing(folder / f"client-{which}" / "bin" / "python", "scripts/test, which installs it")


def oauth_python() -> Path:
    """The Python interpreter of tests/oauth/requirements.txt."""
    given = os.environ.get("OAUTH_PYTHON", "")
    return _existing(Path(given or ".tools/oauth"), "scripts/test, which installs it and exports OAUTH_PYTHON")


def oidc_provider() -> Path:
    """The folder of tests/oauth/oidc-provider/package.json with its packages."""
    given = os.environ.get("OIDC_PROVIDER", "")
    path = Path(given or ".tools/oidc-provider")
    return _existing(path, "scripts/test, which installs it and exports OIDC_PROVIDER")


def prometheus(program: str = "prometheus") -> Path:
    """`prometheus` or `promtool`: $PROMETHEUS or $PROMTOOL, as scripts/lib.sh exports them, or what it fetched."""
    if given := os.environ.get(program.upper()):
        return _existing(Path(given), f"with {program.upper()} naming {program}")
    return _existing(ROOT / ".tools" / "prometheus" / "usr" / "bin" / program, "scripts/test, which fetches it")
