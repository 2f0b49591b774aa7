"""Which configuration is in force, by `config_info`, and the audit trail of configurations.

`docs/hot-reload.md` has the query; here it is asked of real Envoys, with connections that stay open, workers that
nobody meets, listeners that drain, and after a crash.
"""

import hashlib
import json
import re
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from harness import envoy_config, keys, paths
from harness.checks import CREATE_RUN, READ_RUN
from harness.hot import DRAIN, HotFile, HotFilter, HotListener
from harness.http import Connection, bearer
from harness.http2 import Http2
from harness.many import on_every_worker
from harness.processes import wait_until
from harness.prometheus import Prometheus
from harness.stack import Stack
from harness.trapping import trapping_module

StartStack = Callable[..., Stack]
WAYS = {"LDS": HotListener, "ECDS": HotFilter}
SHADOW: dict[str, Any] = {"mode": "shadow"}
ENFORCE: dict[str, Any] = {"mode": "enforce"}
SECONDS = {"ECDS": 2.0, "LDS": 6.0}
"""From the move of the file: Envoy reads it, every VM runs it; with LDS, the two seconds of drain time too."""


class Scene:
    """An Envoy whose filter is in a watched file."""

    def __init__(self, start_stack: StartStack, folder: Path, way: str, workers: int, **more: Any) -> None:
        self.hot: HotFile = WAYS[way](folder / "hot")
        options = {"arguments": DRAIN if way == "LDS" else [], **more}
        self.stack = start_stack(edit=self.hot.edit, concurrency=workers, **options)

    def swap(self, plugin: dict[str, Any]) -> str:
        """Returns the hash of the new configuration."""
        assert self.hot.swap(self.stack.envoy, plugin)
        return self.hash()

    def hash(self) -> str:
        return hashlib.sha256(self.hot.plugin_text.encode()).hexdigest()[:8]

    def vms(self) -> dict[str, float]:
        """VMs by the hash that they run, as Prometheus sees them."""
        found: dict[str, float] = {}
        for line in self.stack.envoy.prometheus().splitlines():
            if line.startswith("mlflow_authz_config_info{"):
                series, _, value = line.rpartition(" ")
                found[series.partition('hash="')[2][:8]] = float(value)
        return {hash: value for hash, value in found.items() if value}

    def expected(self) -> dict[str, float]:
        """Every worker and the main thread, by Envoy's own count of workers."""
        return {self.hash(): self.stack.envoy.stats("^server.concurrency$")["server.concurrency"] + 1}

    def wait_in_force(self, seconds: float) -> float:
        """Seconds from the move of the file until the new configuration is in force everywhere."""

        def is_everywhere() -> bool:
            return self.vms() == self.expected()

        wait_until(is_everywhere, f"{self.expected()}, and nothing else, in force", timeout=seconds)
        return time.monotonic() - self.hot.moved_at

    def changes(self) -> list[dict[str, Any]]:
        """The lines about configurations."""
        lines = [json.loads(text) for _, text in self.stack.envoy.wasm_log() if text.startswith("{")]
        return [line for line in lines if "event" in line]


@pytest.fixture(params=WAYS)
def way(request: pytest.FixtureRequest) -> str:
    return request.param


@pytest.fixture
def start(start_stack: StartStack, tmp_path: Path) -> Any:
    return lambda way, workers, **more: Scene(start_stack, tmp_path, way, workers, **more)


@contextmanager
def held_upload(scene: Scene) -> Iterator[Connection]:
    """A connection with a request that is decided and has not ended: `}` ends it."""
    with scene.stack.client.connect() as upload:
        head = f"POST {CREATE_RUN} HTTP/1.1\r\nhost: a\r\nauthorization: Bearer {keys.WRITE['key']}\r\n"
        upload.send(f"{head}content-length: 2\r\n\r\n{{".encode())
        decisions = "mlflow_authz_decisions"
        wait_until(lambda: scene.stack.envoy.metric(decisions, decision="allow"), "the request is decided")
        yield upload


@pytest.mark.parametrize("workers", [1, 2, 4])
def test_one_hash_is_left_after_each_change(start: Any, way: str, workers: int) -> None:
    """Nobody connects: workers that are idle run the new configuration too."""
    scene = start(way, workers)
    scene.wait_in_force(2)
    took = []
    for plugin in (SHADOW, ENFORCE, SHADOW, {"graphql": "deny"}):
        scene.swap(plugin)
        took.append(scene.wait_in_force(SECONDS[way]))
    print(f"\n{way}, {workers} workers, idle: in force everywhere {max(took):.2f} s after the move at most")


def test_open_connections(start: Any, way: str) -> None:
    """ECDS: they do not keep the old configuration. LDS: they do, until they end or are drained."""
    scene = start(way, 2)
    with on_every_worker(scene.stack) as connections:
        for connection in connections:
            assert connection.request("GET", READ_RUN, [bearer(keys.READ["key"])]).status == 200
        old = scene.hash()
        scene.swap(SHADOW)
        if way == "LDS":
            # Two workers that the old connections are on; the main thread keeps the listener as well.
            wait_until(lambda: scene.vms().get(scene.hash()) == 3, "the new one runs")
            assert scene.vms().get(old)
        took = scene.wait_in_force(SECONDS[way])
    print(f"\n{way}, connections open: in force everywhere {took:.2f} s after the move")


def test_a_request_that_began_before_keeps_its_configuration_in_force(start: Any) -> None:
    """Its decision was made; but what is told of it in the end is the old configuration's to tell."""
    scene = start("ECDS", 1)
    with held_upload(scene) as upload:
        old = scene.hash()
        scene.swap(SHADOW)
        wait_until(lambda: scene.vms().get(scene.hash()) == 2, "the new one runs")
        time.sleep(0.5)
        assert scene.vms() == {old: 1, scene.hash(): 2}
        upload.send(b"}")
        assert upload.read_response().status == 200
        scene.wait_in_force(2)


def test_the_query_of_the_documents(start: Any, tmp_path: Path) -> None:
    """It has a result where the configuration is in force everywhere, and only there."""
    text = (paths.ROOT / "docs" / "observability.md").read_text()
    (query,) = re.findall(r"```\n(mlflow_authz_config_info.*?)```", text, re.DOTALL)
    scene = start("ECDS", 2)
    old = scene.hash()
    with Prometheus(tmp_path / "prometheus", {"one": scene.stack.envoy}, {"groups": []}) as prometheus:

        def in_force(hash: str) -> bool:
            return bool(prometheus.query(query.replace("1a2b3c4d", hash)))

        wait_until(lambda: in_force(old), "the first configuration is in force")
        with held_upload(scene) as upload:
            new = scene.swap(SHADOW)
            wait_until(lambda: prometheus.query(f'mlflow_authz_config_info{{hash="{new}"}} == 3'), "it runs")
            assert not in_force(new) and not in_force(old)
            upload.send(b"}")
            upload.read_response()
        wait_until(lambda: in_force(new), "the second is in force")
        assert not in_force(old)


def test_a_refused_configuration_is_nowhere_in_force(start: Any, way: str) -> None:
    scene = start(way, 2)
    scene.wait_in_force(2)
    enforcing = scene.stack.envoy.metric("mlflow_authz_enforcing", access="write")
    assert not scene.hot.swap(scene.stack.envoy, {"audit": {"allow": True}})
    time.sleep(0.5)
    assert scene.vms() == scene.expected()
    assert scene.stack.envoy.metric("mlflow_authz_enforcing", access="write") == enforcing == 100


def test_what_is_left_of_a_crash_is_told_by_the_counter_of_new_vms(start: Any, tmp_path: Path) -> None:
    """A VM that crashed cannot take itself off the gauge. docs/observability.md says how to tell."""
    scene = start("ECDS", 1, wasm=trapping_module("proxy_on_request_trailers", tmp_path))
    scene.wait_in_force(2)
    before = scene.hash()
    with Http2(scene.stack.envoy.host, scene.stack.envoy.port) as connection:
        stream = connection.start("POST", CREATE_RUN, [bearer(keys.WRITE["key"])], end=False)
        connection.send_trailers(stream, [("x-trailer", "crash")])
        assert connection.wait(stream).status == 503
    time.sleep(1.2)
    reads = scene.stack.client.get
    wait_until(lambda: reads(READ_RUN, [bearer(keys.READ["key"])]).status == 200, "the VM is replaced")
    reloaded = scene.stack.envoy.stats(r"^wasm\..*vm_reload_success$")
    assert sum(reloaded.values()) == 1
    wait_until(lambda: scene.vms() == {before: 3}, "the new VM is counted, and so is the dead one")
    scene.swap(SHADOW)
    wait_until(lambda: scene.vms() == {before: 1, scene.hash(): 2}, "the dead VM's share is left")
    assert [line["old"] for line in scene.changes()] == [None, before]


def test_one_line_for_each_change(start: Any, way: str) -> None:
    scene = start(way, 4)
    scene.wait_in_force(2)
    steps: list[tuple[str | None, str]] = [(None, scene.hash())]
    more = {"scopes": {"model:read": ["*:read", "run:write"]}, "roles": {"lead": ["*:promote"]}}
    for plugin in (SHADOW, {"enforce_percent": 10, **ENFORCE}, more, {"scopes": None}, more):
        old = scene.hash()
        steps.append((old, scene.swap(plugin)))
        scene.wait_in_force(SECONDS[way])
    lines = scene.changes()
    assert [(line["old"], line["new"]) for line in lines] == steps
    assert {line["event"] for line in lines} == {"configuration_taken"}
    assert {line["plugin"] for line in lines} == {"mlflow_authz"}
    _, shadow, share, grants, back, _ = lines
    assert (shadow["old_mode"], shadow["mode"]) == ("enforce", "shadow")
    assert (share["old_enforce_percent"], share["enforce_percent"]) == (100, 10)
    assert grants["scopes"] == [{"name": "model:read", "added": ["run:write"]}]
    assert grants["roles"] == [{"name": "lead", "added": ["*:promote"]}]
    assert back["scopes"] == [{"name": "model:read", "removed": ["run:write"]}]
    assert not back["roles"]


def test_a_refused_configuration_has_a_line(start: Any, way: str) -> None:
    scene = start(way, 2)
    scene.wait_in_force(2)
    old = scene.hash()
    secret = "s3cr3t-of-the-poll"
    for wrong, named in (
        ({"audit": {"allow": True}}, "audit.allow: unknown field"),
        ({"revocation": {"path": "/r", "credential_header": [secret]}}, "revocation.credential_header"),
    ):
        before = len(scene.changes())
        assert not scene.hot.swap(scene.stack.envoy, wrong)
        wait_until(lambda before=before: len(scene.changes()) > before, "the line is there")
        time.sleep(0.3)
        (line,) = scene.changes()[before:]
        assert (line["event"], line["old"]) == ("configuration_refused", old)
        assert line["new"] not in (old, None) and named in line["error"]
    assert secret not in scene.stack.envoy.log()
    # It does not stand in the way of the next one.
    new = scene.swap(SHADOW)
    scene.wait_in_force(SECONDS[way])
    assert (scene.changes()[-1]["old"], scene.changes()[-1]["new"]) == (old, new)


def test_two_plugins_in_one_vm_have_their_own_histories(start_stack: StartStack) -> None:
    def twice(config: dict[str, Any]) -> None:
        filters = envoy_config.connection_manager(config)["http_filters"]
        first = next(f for f in filters if f["name"] == "mlflow_authz")
        second = json.loads(json.dumps(first))
        second["name"] = "second"
        plugin = second["typed_config"]["config"]
        plugin["name"] = plugin["root_id"] = "second"
        value = json.loads(plugin["configuration"]["value"])
        plugin["configuration"]["value"] = json.dumps({**value, "mode": "shadow"})
        filters.insert(1, second)

    stack = start_stack(edit=twice, concurrency=2)
    time.sleep(1)
    lines = [json.loads(text) for _, text in stack.envoy.wasm_log() if "configuration_taken" in text]
    told = sorted((line["plugin"], line["old"], line["mode"]) for line in lines)
    assert told == [("mlflow_authz", None, "enforce"), ("second", None, "shadow")]


def test_replay_passes_over_the_lines(start: Any, tmp_path: Path) -> None:
    scene = start("ECDS", 1)
    scene.swap(SHADOW)
    scene.wait_in_force(2)
    scene.stack.client.post(CREATE_RUN, [bearer(keys.READ["key"])])
    wait_until(lambda: scene.stack.envoy.audit(), "the record is there")
    assert len(scene.changes()) == 2
    log = tmp_path / "envoy.log"
    log.write_text(scene.stack.envoy.log())
    candidate = tmp_path / "candidate.json"
    candidate.write_text(scene.hot.plugin_text)
    command = [str(paths.cli()), "replay", "--config", str(candidate), "--format", "json", str(log)]
    found = subprocess.run(command, capture_output=True, text=True, timeout=30, check=True)
    report = json.loads(found.stdout)
    assert report["requests"]["requests"] == 1
    assert report["read"]["unreadable_lines"] == 0
