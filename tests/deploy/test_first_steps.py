"""README's first steps, and the examples of keys and introspection: they work as they are written."""

import json
import os
import re
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml

from harness import paths, ports
from harness.checks import READ_RUN
from harness.envoy import validate
from harness.envoy_config import in_place_of_the_sample, wasm_plugin
from harness.http import Client, bearer
from harness.mlflow_server import MlflowServer
from harness.oauth import OAuthServer, basic
from harness.processes import Process
from harness.stack import MOUNT, Stack
from harness.upstream import EchoUpstream

EXAMPLES = paths.ROOT / "envoy" / "examples"
ZEROS = "0" * 64


def new_key() -> dict[str, Any]:
    """By the command that README names."""
    readme = (paths.ROOT / "README.md").read_text()
    command = re.search(r"^ +dist/mlflow-authz (key new .*)$", readme, re.MULTILINE)
    assert command
    made = subprocess.run([paths.cli(), *command[1].split()], capture_output=True, text=True, check=True)
    return json.loads(made.stdout)


@pytest.mark.parametrize("name", ["keys.yaml", "introspection.yaml"])
def test_check_and_envoy_accept_the_example(tmp_path: Path, name: str) -> None:
    checked = subprocess.run(
        [paths.cli(), "check", "--format", "json", EXAMPLES / name], capture_output=True, text=True, check=False
    )
    assert checked.returncode == 0, checked.stdout
    codes = {finding["code"] for finding in json.loads(checked.stdout)["findings"]}
    assert codes == {"stats-tags", *(["placeholder"] if name == "keys.yaml" else [])}
    secret = tmp_path / "introspection.yaml"
    secret.write_text("resources: []\n")
    # The files that are on no test machine.
    text = (EXAMPLES / name).read_text().replace("/etc/envoy/secrets/introspection.yaml", str(secret))
    file = yaml.safe_load(text)
    wasm_plugin(file)["vm_config"]["code"]["local"]["filename"] = str(paths.wasm_module())
    said = validate(file, tmp_path)
    assert said.returncode == 0, said.stderr


def test_from_nothing_to_a_protected_mlflow(tmp_path: Path) -> None:
    """README's first steps: the file as it is, but for the entry and two ports."""
    made = new_key()
    text = (EXAMPLES / "keys.yaml").read_text()
    port = ports.free_port()
    with MlflowServer(tmp_path) as server:
        for old, new in [
            (ZEROS, made["entry"]["sha256"]),
            ("port_value: 10000", f"port_value: {port}"),
            ("port_value: 5000", f"port_value: {server.address[1]}"),
        ]:
            assert text.count(old) == 1
            text = text.replace(old, new)
        config = tmp_path / "keys.yaml"
        config.write_text(text)
        # The file's path of the module begins in the checkout.
        command = ["env", f"--chdir={paths.ROOT}", paths.envoy_binary(), "-c", config, "--disable-hot-restart"]
        envoy = Process("envoy", command, tmp_path)
        try:
            ask = Client(ports.HOST, port)
            envoy.wait_ready(lambda: ask.get("/health").status == 200, timeout=60)
            tried = _through_mlflows_client(port, made["key"])
        finally:
            envoy.stop()
    assert tried == ["UNAUTHENTICATED", "works", "PERMISSION_DENIED", "experiment:delete"]


def _through_mlflows_client(port: int, key: str) -> list[str]:
    """What the three lines of README print, in a word."""
    script = """
import os, sys, mlflow
said = []
def tried(action):
    try:
        action()
        said.append("works")
    except Exception as error:
        said.extend(word for word in ("UNAUTHENTICATED", "PERMISSION_DENIED", "experiment:delete") if word in str(error))
tried(mlflow.search_experiments)
os.environ["MLFLOW_TRACKING_TOKEN"] = sys.argv[1]
tried(lambda: mlflow.create_experiment("mine"))
tried(lambda: mlflow.delete_experiment("1"))
print(" ".join(said))
"""
    env = {**os.environ, "MLFLOW_TRACKING_URI": f"http://{ports.HOST}:{port}"}
    done = subprocess.run(
        [paths.mlflow_python(), "-c", script, key], capture_output=True, text=True, check=True, env=env, timeout=120
    )
    return done.stdout.split()


def test_the_example_of_introspection(
    start_stack: Callable[..., Stack], echo: EchoUpstream, tmp_path: Path, session_dir: Path
) -> None:
    """With a real OAuth server, and the credential from the file in the form that the example's end shows."""
    text = (EXAMPLES / "introspection.yaml").read_text()
    shown = text[text.index("# resources:") :].replace("\n# ", "\n").removeprefix("# ")
    secret = tmp_path / "introspection.yaml"
    secret.write_text(shown.replace("Basic <base64 of client id:secret>", basic("proxy")))
    with OAuthServer(session_dir / "oauth-of-the-example") as oauth:
        for old, new in [
            ("path: /etc/envoy/secrets/introspection.yaml", f"path: {secret}"),
            ("/realms/ml/protocol/openid-connect/token/introspect", oauth.introspection_path),
        ]:
            assert text.count(old) == 1
            text = text.replace(old, new)
        stack = start_stack(
            auth=oauth, upstream=echo, edit=in_place_of_the_sample(yaml.safe_load(text), {"oauth": "auth_service"})
        )
        target = READ_RUN.removeprefix(MOUNT)
        assert stack.client.get(target, [bearer(oauth.token("reader"))]).status == 200
        assert stack.client.get(target, [bearer(oauth.token("foreign"))]).status == 403
        assert stack.client.get(target, [bearer(oauth.token("other"))]).json()["reason"] == "key_invalid"
        assert stack.client.get(target).json()["reason"] == "credential_missing"
