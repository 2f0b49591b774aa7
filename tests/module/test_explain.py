"""`mlflow-authz explain` as a program: its exit status, and what it says of shares and unknown scopes."""

import json
import subprocess
from pathlib import Path

import pytest

from harness.paths import cli

CREATE = ["--method", "POST", "--target", "/api/2.0/mlflow/runs/create"]
LINE = {"method": "POST", "target": "/api/2.0/mlflow/runs/create"}
SHADOW = {"mounts": ["/"], "auth_service": {"cluster": "a"}, "mode": "shadow"}


def explain(*words: str, lines: str | None = None) -> subprocess.CompletedProcess[str]:
    return subprocess.run([cli(), "explain", *words], input=lines, capture_output=True, text=True, timeout=60)


@pytest.mark.parametrize(
    ("words", "status", "with_exit_code"),
    [
        (["--scopes", "write"], 0, 0),
        (["--scopes", "model:read"], 0, 1),
        ([], 0, 1),
        (["--header", "no colon"], 2, 2),
    ],
)
def test_exit_status_of_one_request(words: list[str], status: int, with_exit_code: int) -> None:
    assert explain(*CREATE, *words).returncode == status
    assert explain(*CREATE, *words, "--exit-code").returncode == with_exit_code


def test_exit_status_of_lines(tmp_path: Path) -> None:
    allowed, denied = (json.dumps({**LINE, "scopes": [scope]}) + "\n" for scope in ("write", "read"))
    for lines, status, with_exit_code in [
        ("", 0, 0),
        (allowed, 0, 0),
        (allowed + denied + allowed, 0, 1),
        (denied + "no request\n", 2, 2),
    ]:
        assert explain("--stdin", lines=lines).returncode == status
        assert explain("--stdin", "--exit-code", lines=lines).returncode == with_exit_code
    # What is only recorded is forwarded.
    shadow = tmp_path / "shadow.json"
    shadow.write_text(json.dumps(SHADOW))
    assert explain("--config", str(shadow), "--stdin", "--exit-code", lines=denied).returncode == 0
    assert "--exit-code" in explain("--help").stdout


def test_shares_and_unknown_words_in_text(tmp_path: Path) -> None:
    config = tmp_path / "config.json"
    config.write_text(json.dumps({"mounts": ["/"], "auth_service": {"cluster": "a"}, "enforce_percent": 10}))
    verdicts = set()
    for number in range(30):
        told = explain("--config", str(config), *CREATE, "--key-id", f"key_{number}").stdout
        line = next(line for line in told.splitlines() if line.startswith("enforced:"))
        verdicts.add((line.split()[1] == "yes:", "answered 403" in told))
        assert f"key_{number} is at " in line
    assert verdicts == {(True, True), (False, False)}
    told = explain(*CREATE, "--scopes", "write,x:y", "--roles", "ops").stdout
    assert "scopes x:y; roles ops (in no table; they grant nothing)" in told
    assert "enforced:" not in told
