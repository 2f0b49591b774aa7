"""Names of artifacts that look like escapes: which are served, and what the answer says of the others.

MLflow decodes what is left of escapes in the path of an artifact. The filter lets those through that every
covered server keeps as they are written, so that upload and download mean the file that they name.
"""

import json
import subprocess
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest

from harness import keys, mlflow_client, paths
from harness.http import bearer
from harness.stack import MOUNT, Stack

BELOW = f"{MOUNT}/api/2.0/mlflow-artifacts/artifacts/"
IMAGES = paths.ROOT / "tests" / "fixtures" / "client" / "2.22.5-images.jsonl"

# What a server of the release makes of `1/a%XXb`, for each escape in both cases; null where it refuses.
KEPT = r"""
import json
try:
    from mlflow.utils.uri import validate_path_is_safe
except ImportError:
    from mlflow.server.handlers import validate_path_is_safe
from mlflow.exceptions import MlflowException
made = {}
for code in range(256):
    for escape in {f"%{code:02x}", f"%{code:02X}"}:
        path = f"1/a{escape}b"
        try:
            # Old releases only validate.
            made[escape] = (validate_path_is_safe(path) or path) == path
        except (MlflowException, ValueError):
            made[escape] = False
print(json.dumps(made))
"""


def releases() -> list[str]:
    versions = paths.versions()
    wanted = ("MLFLOW_VERSION", "VULNERABLE_MLFLOW_VERSION", "VULNERABLE_MLFLOW_2_VERSION")
    return [versions[name] for name in wanted]


@pytest.fixture(scope="module")
def kept_by() -> dict[str, set[str]]:
    """The escapes that each release keeps as they are written."""
    kept = {}
    for release in releases():
        ran = subprocess.run(
            [paths.mlflow_python(release), "-c", KEPT], capture_output=True, text=True, check=True, timeout=120
        )
        made = json.loads(ran.stdout.splitlines()[-1])
        kept[release] = {escape for escape, literally in made.items() if literally}
    return kept


def test_what_every_release_keeps_is_served_and_nothing_else_of_its_kind(
    stack: Stack, kept_by: dict[str, set[str]]
) -> None:
    every = set.intersection(*kept_by.values())
    assert "%17" in every and "%0a" not in every and "%2f" not in every, every
    for code in [*range(0x20), 0x7F, ord("/"), ord("\\"), ord(".")]:
        for escape in {f"%{code:02x}", f"%{code:02X}"}:
            answer = stack.client.request("PUT", BELOW + quote(f"1/a{escape}b"), [bearer(keys.WRITE["key"])], b"x")
            assert answer.status == (200 if escape in every else 400), (escape, answer.body)


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("1/dept=R%252FD/part-0.parquet", "holds an escaped slash (%2F), and MLflow"),
        ("1/%252e%252e/x", "holds an escaped dot (%2E), and MLflow"),
        ("1/a%255cb", "holds a backslash (%5C), and MLflow"),
        ("1/a%25252fb", "holds an escaped slash (%2F), and MLflow"),
        ("1/a%250ab", "holds an escaped control character (%0A), and MLflow"),
        ("%2517b", "begins with a space or a control character, and MLflow"),
    ],
)
@pytest.mark.parametrize("method", ["PUT", "GET", "DELETE"])
def test_a_refused_name_is_told_what_to_rename(stack: Stack, method: str, name: str, said: str) -> None:
    count = stack.upstream.count
    answer = stack.client.request(method, BELOW + name, [bearer(keys.FULL["key"])])
    told = answer.json()
    assert (answer.status, told["reason"]) == (400, "target_ambiguous")
    assert f"The path of the artifact {said}" in told["message"]
    assert told["message"].endswith("Rename the file or the folder.")
    assert stack.upstream.count == count


def stored(mlflow_stack_dir: Path) -> set[str]:
    return {str(file.relative_to(mlflow_stack_dir)) for file in mlflow_stack_dir.rglob("*") if file.is_file()}


def test_images_of_the_client_of_2_22_are_uploaded_and_downloaded(mlflow_stack: Stack, session_dir: Path) -> None:
    """The recorded requests of its `log_image` and `download_artifacts`, through Envoy to the real server."""
    rows = [json.loads(line) for line in IMAGES.read_text().splitlines()]
    rows = [row for row in rows if "/mlflow-artifacts/artifacts/" in row["target"]]
    bodies = {}
    for row in rows:
        put = row["method"] == "PUT"
        body = bodies.setdefault(row["target"], f"image {len(bodies)}".encode())
        key = keys.WRITE if put else keys.READ
        answer = mlflow_stack.client.request(
            row["method"], MOUNT + row["target"], [bearer(key["key"])], body if put else None
        )
        assert answer.status == 200, (row, answer)
        assert put or answer.body == body, row
    assert len(bodies) == 6
    names = {target.rsplit("/", 1)[1].replace("%25", "%") for target in bodies}
    assert any("%step%10%timestamp%17" in name for name in names)
    files = {path.rsplit("/", 1)[1] for path in stored(session_dir / "mlflow" / "artifacts")}
    assert names <= files, "stored under the names that the client gave"


# The newest client: its own images, and files named as the client of 2.22 names them.
CLIENT = r"""
import json, sys
from pathlib import Path
import numpy
from mlflow import MlflowClient

client = MlflowClient()
run = client.create_run(client.create_experiment("artifact names")).info.run_id
client.log_image(run, numpy.zeros((4, 4, 3), dtype=numpy.uint8), key="img", step=10, synchronous=True)
old = Path("img%step%10%timestamp%1795892997123%q196d220.png")
old.write_text("old")
client.log_artifact(run, str(old), "images")
names = sorted(file.path for file in client.list_artifacts(run, "images"))
sizes = {name: Path(client.download_artifacts(run, name, ".")).stat().st_size for name in names}
refused = Path("dept=R%2FD")
refused.mkdir()
(refused / "part-0.parquet").write_text("x")
try:
    client.log_artifacts(run, str(refused), "dept=R%2FD")
    raised = None
except Exception as error:
    raised = str(error)
print(json.dumps({"sizes": sizes, "raised": raised}))
"""


def test_the_newest_client_logs_images_and_serves_those_of_old_ones(mlflow_stack: Stack, tmp_path: Path) -> None:
    said = mlflow_client.run(CLIENT, [], mlflow_stack, tmp_path, key=keys.WRITE["key"])
    told: dict[str, Any] = json.loads(said.splitlines()[-1])
    assert len(told["sizes"]) == 3 and all(told["sizes"].values()), told
    assert "images/img%step%10%timestamp%1795892997123%q196d220.png" in told["sizes"]
    assert "BAD_REQUEST" in told["raised"], told
    assert "holds an escaped slash (%2F), and MLflow would read it as another path. Rename" in told["raised"]
