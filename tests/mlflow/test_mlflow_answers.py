"""How many runs, models, versions and artifacts MLflow itself took: Envoy's virtual clusters, on a real scrape.

The numbers are those of the real client against the real server, and of requests in every spelling of the API.
"""

import json
import re
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from harness import envoy_config, keys, mlflow_client, ports, translate
from harness.auth_service import AuthService
from harness.envoy_config import Config
from harness.http import bearer
from harness.mlflow_server import MlflowServer
from harness.pool import Pool
from harness.stack import MOUNT, Stack
from harness.translate import GATEWAY, ISTIO

StartStack = Callable[..., Stack]
Counts = dict[tuple[str, str], int]
"""By virtual cluster and class of status."""

# Runs in MLflow's environment, with a writer's key and then with a reader's.
CLIENT = r"""
import os, sys
from pathlib import Path
from mlflow import MlflowClient
from mlflow.entities import Param

client = MlflowClient()

def refused(action):
    try:
        action()
    except Exception:
        return
    sys.exit("not refused")

os.environ["MLFLOW_TRACKING_TOKEN"] = sys.argv[1]
file = Path("model.txt"); file.write_text("weights")
experiment = client.create_experiment("counted")
runs = [client.create_run(experiment).info.run_id for _ in range(2)]
for run in runs:
    client.log_artifact(run, str(file), "model")
client.log_batch(runs[0], params=[Param("depth", "3")])
client.create_registered_model("counted")
source = client.get_run(runs[0]).info.artifact_uri + "/model"
version = client.create_model_version("counted", source, run_id=runs[0])
client.set_registered_model_alias("counted", "champion", version.version)
refused(lambda: client.create_registered_model("counted"))
refused(lambda: client.create_run("987654321"))

os.environ["MLFLOW_TRACKING_TOKEN"] = sys.argv[2]
for _ in range(3):
    refused(lambda: client.create_run(experiment))
refused(lambda: client.log_artifact(runs[0], str(file), "model"))
refused(lambda: client.create_registered_model("mine"))
print(experiment)
"""
BY_THE_CLIENT: Counts = {
    ("CreateExperiment", "2"): 1,
    ("CreateRun", "2"): 2,
    ("CreateRun", "4"): 1,
    ("UploadArtifact", "2"): 2,
    ("LogBatch", "2"): 1,
    ("CreateRegisteredModel", "2"): 1,
    ("CreateRegisteredModel", "4"): 1,
    ("CreateModelVersion", "2"): 1,
    ("SetRegisteredModelAlias", "2"): 1,
}
REFUSED = {"CreateRun": 3, "UploadArtifact": 1, "CreateRegisteredModel": 1}

_SERIES = re.compile(r"^envoy_vhost_vcluster_upstream_rq_xx\{(.*)\} (\d+)$", re.MULTILINE)


def counts(stack: Stack) -> Counts:
    """What `docs/observability.md` says to query."""
    found: Counts = {}
    for labels, value in _SERIES.findall(stack.envoy.prometheus()):
        named = dict(re.findall(r'(\w+)="([^"]*)"', labels))
        if int(value):
            found[named["envoy_virtual_cluster"], named["envoy_response_code_class"]] = int(value)
    return found


def added(before: Counts, after: Counts) -> Counts:
    """Without `other`: what the client reads on the way is its own affair."""
    differences = {key: count - before.get(key, 0) for key, count in after.items() if key[0] != "other"}
    return {key: count for key, count in differences.items() if count}


@pytest.fixture(scope="module")
def counted(
    tmp_path_factory: pytest.TempPathFactory, auth_service: AuthService, mlflow_server: MlflowServer, pool: Pool
) -> Iterator[tuple[Stack, str]]:
    """A stack of the module's own after the client's story, and the experiment that it made."""
    workdir = tmp_path_factory.mktemp("counted")
    with Stack(workdir / "stack", auth=auth_service, mlflow=mlflow_server.address, pool=pool) as stack:
        said = mlflow_client.run(CLIENT, [keys.WRITE["key"], keys.READ["key"]], stack, workdir)
        yield stack, said.split()[-1]


def test_what_mlflow_took_and_refused_is_counted_exactly(counted: tuple[Stack, str]) -> None:
    stack, _ = counted
    assert added({}, counts(stack)) == BY_THE_CLIENT
    # What the filter refused is not among them, and has its own counter.
    for operation, count in REFUSED.items():
        found = stack.envoy.metric("mlflow_authz_denials", operation=operation, reason="scope_missing")
        assert found == count, operation


def test_every_spelling_of_the_api(counted: tuple[Stack, str]) -> None:
    stack, experiment = counted
    writer = [bearer(keys.WRITE["key"])]
    body = json.dumps({"experiment_id": experiment}).encode()
    api = MOUNT + "/api/2.0/mlflow"
    ajax = MOUNT + "/ajax-api/2.0/mlflow"
    artifacts = "-artifacts/artifacts/7/by/hand.txt"

    def model(prefix: str, name: str) -> tuple[str, str, bytes]:
        return "POST", prefix + "/registered-models/create", json.dumps({"name": name}).encode()

    for (method, target, sent), expected in [
        (("POST", api + "/runs/create?from=test", body), ("CreateRun", "2")),
        (("POST", ajax + "/runs/create", body), ("CreateRun", "2")),
        (("POST", "/api//mlflow/./api/2.0/mlflow/runs/create", body), ("CreateRun", "2")),
        (model(ajax, "by-ajax"), ("CreateRegisteredModel", "2")),
        (("PUT", api + artifacts, b"x"), ("UploadArtifact", "2")),
        (("PUT", ajax + artifacts, b"x"), ("UploadArtifact", "2")),
        # This server's artifact store has no multipart uploads, and says so.
        (
            ("POST", api + "-artifacts/mpu/complete/7/by/hand.txt", b'{"path": "a", "upload_id": "b", "parts": []}'),
            ("CompleteMultipartUpload", "5"),
        ),
        (("POST", ajax + "/upload-artifact?run_uuid=none&path=a", b"x"), ("ServeUploadArtifact", "4")),
        (("POST", api + "/model-versions/create", b'{"name": "nobody"}'), ("CreateModelVersion", "4")),
        (("POST", api + "/logged-models", b"{}"), ("CreateLoggedModel", "4")),
        (("POST", api + "/runs/log-batch", b"{}"), ("LogBatch", "4")),
        (("POST", api + "/experiments/create", b"{}"), ("CreateExperiment", "4")),
        (("POST", api + "/registered-models/alias", b"{}"), ("SetRegisteredModelAlias", "4")),
        (("POST", api + "/model-versions/transition-stage", b"{}"), ("TransitionModelVersionStage", "4")),
    ]:  # fmt: skip
        before = counts(stack)
        headers = [*writer, ("content-type", "application/json")]
        response = stack.client.request(method, target, headers, sent)
        assert added(before, counts(stack)) == {expected: 1}, (target, response.status, response.body)
    # Neighbours of these.
    for method, target in [
        ("GET", api + artifacts),
        ("GET", api + "/registered-models/alias?name=counted&alias=champion"),
        ("POST", api + "/logged-models/search"),
        ("POST", api + "/runs/search"),
    ]:
        before = counts(stack)
        stack.client.request(method, target, [*writer, ("content-type", "application/json")], b"")
        assert added(before, counts(stack)) == {}, target


def test_a_refusal_by_the_filter_is_in_no_virtual_cluster(start_stack: StartStack) -> None:
    stack = start_stack()
    create = MOUNT + "/api/2.0/mlflow/runs/create"
    assert stack.client.post(create).status == 401
    assert stack.client.post(create, [bearer(keys.READ["key"])]).status == 403
    assert counts(stack) == {}
    assert stack.client.post(create, [bearer(keys.WRITE["key"])]).status == 200
    assert counts(stack) == {("CreateRun", "2"): 1}


def test_envoys_own_503_is_counted_as_an_answer_of_the_upstream(start_stack: StartStack) -> None:
    stack = start_stack(mlflow=(ports.HOST, ports.free_port()))
    create = MOUNT + "/api/2.0/mlflow/runs/create"
    assert stack.client.post(create, [bearer(keys.WRITE["key"])]).status == 503
    assert counts(stack) == {("CreateRun", "5"): 1}


# --- the manifests ---


def sample() -> list[Any]:
    (host,) = envoy_config.connection_manager(envoy_config.load_sample())["route_config"]["virtual_hosts"]
    return host["virtual_clusters"]


def test_istio_has_the_samples_virtual_clusters() -> None:
    (patch,) = translate.find(ISTIO / "common" / "virtual-clusters.yaml", "EnvoyFilter")["spec"]["configPatches"]
    assert (patch["applyTo"], patch["patch"]["operation"]) == ("VIRTUAL_HOST", "MERGE")
    assert patch["patch"]["value"] == {"virtual_clusters": sample()}


def test_under_istios_rules_for_metrics_the_operation_is_in_the_name(start_stack: StartStack) -> None:
    """As far as the harness repeats Istio's bootstrap."""

    def edit(config: Config) -> None:
        translate.as_istio("1.30/traffic-extension.yaml", config)
        config["stats_config"]["stats_matcher"]["inclusion_list"]["patterns"].append({"prefix": "vhost."})

    stack = start_stack(edit=edit)
    assert stack.client.post(MOUNT + "/api/2.0/mlflow/runs/create", [bearer(keys.WRITE["key"])]).status == 200
    lines = stack.envoy.prometheus().splitlines()
    assert "envoy_vhost_mlflow_vcluster_CreateRun_upstream_rq_2xx{} 1" in lines


def test_envoy_gateway_has_the_samples_virtual_clusters() -> None:
    (patch,) = translate.find(GATEWAY / "virtual-clusters.yaml", "EnvoyPatchPolicy")["spec"]["jsonPatches"]
    assert patch["type"].endswith("envoy.config.route.v3.RouteConfiguration")
    assert (patch["operation"]["op"], patch["operation"]["path"]) == ("add", "virtual_clusters")
    assert patch["operation"]["value"] == sample()
