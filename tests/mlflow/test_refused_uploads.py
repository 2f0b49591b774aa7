"""An upload that is refused before its body was sent: which clients show the 403 and its words.

docs/requests.md has the table of all clients that were measured; here are those that this machine has.
"""

import re
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest
import yaml

from harness import keys, mlflow_client, paths
from harness.envoy_config import Config, connection_manager
from harness.http import bearer
from harness.http2 import Http2
from harness.stack import MOUNT, Stack

TARGET = f"{MOUNT}/api/2.0/mlflow-artifacts/artifacts/1/r/artifacts/weights.bin"
SIZE = 1_000_000
WORDS = "may not upload an artifact: it needs artifact:write"

FETCH = """
const [url, key, size] = process.argv.slice(1);
const headers = {authorization: 'Bearer ' + key};
const answer = await fetch(url, {method: 'PUT', headers, body: new Uint8Array(+size)});
console.log(await answer.text(), answer.status);
"""
CLIENT = """
import sys
from pathlib import Path
from mlflow.store.artifact.http_artifact_repo import HttpArtifactRepository

Path("weights.bin").write_bytes(b"x" * int(sys.argv[2]))
try:
    HttpArtifactRepository(sys.argv[1]).log_artifact("weights.bin")
except Exception as error:
    print(error)
"""


@pytest.fixture
def body(tmp_path: Path) -> Path:
    file = tmp_path / "body"
    file.write_bytes(b"x" * SIZE)
    return file


def ran(command: list[str | Path], **options: object) -> str:
    finished = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False, **options)  # type: ignore[call-overload]
    assert finished.returncode == 0, finished
    return finished.stdout


def nothing_went_upstream(stack: Stack) -> int:
    return stack.envoy.stats("^cluster.mlflow.upstream_rq_total$")["cluster.mlflow.upstream_rq_total"]


@pytest.mark.skipif(not shutil.which("curl"), reason="no curl")
@pytest.mark.parametrize("expect", [[], ["-H", "Expect:"]], ids=["with Expect", "without Expect"])
def test_curl_over_http_1(stack: Stack, body: Path, expect: list[str]) -> None:
    before = nothing_went_upstream(stack)
    told = ran(
        ["curl", "-sS", "--http1.1", *expect, "-w", " %{http_code}", "-T", body]
        + ["-H", f"authorization: Bearer {keys.READ['key']}", stack.envoy.url + TARGET]
    )
    assert WORDS in told and told.endswith(" 403")
    assert nothing_went_upstream(stack) == before


@pytest.mark.skipif(not shutil.which("node"), reason="no node")
def test_fetch_of_node(stack: Stack) -> None:
    before = nothing_went_upstream(stack)
    command = ["node", "--input-type=module", "-e", FETCH, stack.envoy.url + TARGET, keys.READ["key"], str(SIZE)]
    told = ran(command)
    assert WORDS in told and told.strip().endswith(" 403")
    assert nothing_went_upstream(stack) == before


def test_the_client_of_mlflow(stack: Stack, tmp_path: Path) -> None:
    before = nothing_went_upstream(stack)
    root = stack.envoy.url + TARGET.rsplit("/", 1)[0]
    told = mlflow_client.run(CLIENT, [root, str(SIZE)], stack, tmp_path, key=keys.READ["key"])
    assert WORDS in told, told
    assert nothing_went_upstream(stack) == before


def test_the_answer_is_complete_before_the_stream_is_reset(stack: Stack) -> None:
    """Over HTTP/2, a client that reads while it sends has all of it."""
    before = nothing_went_upstream(stack)
    with Http2(stack.envoy.host, stack.envoy.port) as connection:
        answer = connection.request("PUT", TARGET, [bearer(keys.READ["key"])], b"x" * SIZE)
        assert answer.status == 403 and WORDS in answer.json()["message"]
        # The connection goes on.
        again = connection.request("GET", f"{MOUNT}/api/2.0/mlflow/runs/get?run_id=1", [bearer(keys.READ["key"])])
        assert again.status == 200
    assert nothing_went_upstream(stack) == before + 1


def with_delay(config: Config) -> None:
    """What docs/requests.md says to add."""
    text = (paths.ROOT / "docs" / "requests.md").read_text()
    (block,) = re.findall(r"```yaml\n(.*?)```", text, re.DOTALL)
    manager = connection_manager(config)
    manager["http_filters"] = yaml.safe_load(block) + manager["http_filters"]
    manager["http2_protocol_options"]["initial_stream_window_size"] = 1_048_576


@pytest.mark.skipif(not shutil.which("curl"), reason="no curl")
def test_curl_over_http_2_where_uploads_are_held(start_stack: Callable[..., Stack], body: Path) -> None:
    """Curl 7.88 ends with 92 and no status otherwise."""
    held = start_stack(edit=with_delay)
    for _ in range(3):
        told = ran(
            ["curl", "-sS", "--http2-prior-knowledge", "-w", " %{http_code}", "-T", body]
            + ["-H", f"authorization: Bearer {keys.READ['key']}", held.envoy.url + TARGET]
        )
        assert WORDS in told and told.endswith(" 403")
    assert nothing_went_upstream(held) == 0
    # What is allowed goes on, whole.
    with Http2(held.envoy.host, held.envoy.port) as connection:
        answer = connection.request(
            "PUT", TARGET, [bearer(keys.WRITE["key"]), ("content-length", str(SIZE))], b"x" * SIZE
        )
    assert (answer.status, answer.json()["body_bytes"]) == (200, SIZE)
