"""Configuration and module changed under load, through the files that Envoy watches.

Two ways: LDS replaces the listener; connections made before keep the old filter until they end. ECDS replaces
the filter alone; the next request on any connection meets the new one. Either way no request fails, and what
is known of keys stays known, in the data that all workers share. With -s, each case prints what it measured.
"""

import itertools
import json
import random
import re
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml

from harness import keys, paths
from harness.checks import CREATE_RUN, READ_RUN
from harness.envoy_config import connection_manager, load_sample
from harness.hot import DRAIN, LONG_DRAIN, HotFile, HotFilter, HotListener
from harness.http import Connection, Response, bearer
from harness.load import KEYLESS, READ, WRITE, Caller, Sent, readers
from harness.load_http import BackgroundLoad, Work
from harness.load_parts import LoadAuthService
from harness.many import on_every_worker
from harness.processes import wait_until
from harness.stack import Stack

IN_FORCE = 2.0
"""Seconds from the move of the file until no request is decided by what was before; some 20 ms on a machine
that has nothing else to do."""
LIMIT = 5
WAYS = {"LDS": HotListener, "ECDS": HotFilter}
# Readers who also write, and readers who do not.
WRITERS: dict[str, Any] = {"scopes": {"model:read": ["*:read", "run:write"]}}
NO_WRITERS: dict[str, Any] = {"scopes": {"model:read": ["*:read"]}}
# So many slots that no two of a test's keys share one; answers that last longer than a test.
PLUGIN: dict[str, Any] = {"cache": {"shared_slots": 65_536, "ttl": "1h", "negative_ttl": "1h"}}

StartStack = Callable[..., Stack]


class Scene:
    """An Envoy whose filter is in a watched file."""

    def __init__(self, start_stack: StartStack, folder: Path, way: str, workers: int, **more: Any) -> None:
        self.way = way
        self.hot: HotFile = WAYS[way](folder / "hot")
        self.auth = LoadAuthService([*keys.STANDARD], folder / "auth")
        options = {"plugin": PLUGIN, "arguments": DRAIN if way == "LDS" else [], **more}
        self.stack = start_stack(auth=self.auth, concurrency=workers, edit=self.hot.edit, **options)

    def swap(self, plugin: dict[str, Any], module: Path | None = None) -> float:
        """Puts this in force; returns when, in seconds of `time.monotonic`."""
        assert self.hot.swap(self.stack.envoy, plugin, module)
        return self.hot.moved_at

    def load(self, callers: list[Caller]) -> BackgroundLoad:
        """Some hundred requests a second, half on kept connections, half on new ones."""
        dice = random.Random(1)
        turns = itertools.count()

        def work() -> Work:
            # Every key in turn, so that each worker meets them all.
            return callers[next(turns) % len(callers)], dice.choice((READ, WRITE))

        address = self.stack.envoy.host, self.stack.envoy.port
        return BackgroundLoad(address, work, kept=8, fresh=6, limit=LIMIT, pause=0.02)

    def every_worker(self) -> list[Response]:
        """A reader's write, on connections to every worker. Nobody else may be connected."""
        active = r"^listener\..*\.worker_[0-9]*\.downstream_cx_active$"
        wait_until(lambda: not any(self.stack.envoy.stats(active).values()), "all others are gone")
        with on_every_worker(self.stack) as connections:
            return [write(connection) for connection in connections]


@pytest.fixture(params=WAYS)
def way(request: pytest.FixtureRequest) -> str:
    return request.param


@pytest.fixture
def start(start_stack: StartStack, tmp_path: Path) -> Any:
    """Call it, with a way and a number of workers, for a scene."""
    scenes: list[Scene] = []

    def start_scene(way: str, workers: int, **more: Any) -> Scene:
        scenes.append(Scene(start_stack, tmp_path, way, workers, **more))
        return scenes[-1]

    yield start_scene
    for scene in scenes:
        scene.auth.stop()


def changing(callers: list[Caller]) -> list[Caller]:
    """These readers, who write or do not, as the policy of the moment is."""
    return [Caller("reader", c.key, frozenset({"read"}), may_be=frozenset({"write"})) for c in callers]


def write(connection: Connection) -> Response:
    return connection.request("POST", CREATE_RUN, [bearer(keys.READ["key"])], b"")


def decided_by_old(sent: list[Sent], moved_at: float, old: int) -> list[float]:
    """Seconds after the move at which a write was still sent and decided by the old policy, on a new
    connection or an old one."""
    return [
        s.at - moved_at
        for s in sent
        if s.operation is WRITE and s.caller.may_be and s.at > moved_at and s.status == old
    ]


@pytest.mark.alone
@pytest.mark.parametrize("workers", [2, 4])
def test_policy_changed_under_load(start: Any, way: str, workers: int) -> None:
    """There and back again twice."""
    scene = start(way, workers)
    callers = changing(readers("known", 40))
    everyone = [*callers, KEYLESS]
    with scene.load(everyone) as warm_up:
        time.sleep(2.5)
    warm_up.tally.assert_sound()
    asked = scene.auth.validations
    assert asked == 40
    moves: list[tuple[float, int]] = []
    with scene.load(everyone) as load:
        time.sleep(0.3)
        for plugin, before in ((WRITERS, 403), (NO_WRITERS, 200)) * 2:
            moves.append((scene.swap(plugin), before))
            # For LDS: until the old connections have heard that they are to end, and have ended.
            time.sleep(2.5 if way == "LDS" else 1)
    tally = load.tally
    tally.assert_sound()
    assert {s.verdict for s in tally.sent} == {"right"}
    ends = [at for at, _ in moves[1:]] + [float("inf")]
    slowest = 0.0
    for (moved_at, before), end in zip(moves, ends, strict=True):
        within = [s for s in tally.sent if s.at < end]
        late = decided_by_old(within, moved_at, before)
        slowest = max([slowest, *late])
        # Both policies were met, so a change did happen in between.
        statuses = {s.status for s in within if s.operation is WRITE and s.caller.may_be}
        assert statuses == {200, 403}
    print(
        f"\n{way}, {workers} workers: {len(tally.sent)} requests, 4 changes, 0 failed, slowest "
        f"{tally.slowest() * 1000:.0f} ms, last decision of an old policy {slowest * 1000:.0f} ms after"
    )
    assert slowest < IN_FORCE
    assert scene.auth.validations == asked, "a key was asked about again"
    assert {response.status for response in scene.every_worker()} == {403}
    scene.swap(WRITERS)
    assert {response.status for response in scene.every_worker()} == {200}
    reloads = scene.stack.envoy.stats(r"^wasm\..*vm_reload")
    assert not any(reloads.values()), reloads


# What is changed, and whether what is known of a key is still worth something.
CHANGES: dict[str, tuple[dict[str, Any], bool]] = {
    "audit": ({"audit": {"allows": True}}, True),
    "scopes": (WRITERS, True),
    "cache.ttl": ({"cache": {"ttl": "30m"}}, True),
    "cache.capacity": ({"cache": {"capacity": 1000}}, True),
    "auth_service.timeout": ({"auth_service": {"timeout": "1s"}}, True),
    "cache.shared_slots": ({"cache": {"shared_slots": 65_535}}, False),
    "auth_service.service_id": ({"auth_service": {"service_id": "other"}}, False),
    "auth_service.path": ({"auth_service": {"path": "/api/v1/keys/validate?"}}, False),
}


def test_what_is_known_of_keys_stays_where_it_is_valid(start: Any, way: str) -> None:
    """Every change is made in one Envoy, each time from the configuration it began with."""
    scene = start(way, 2)
    callers = readers("known", 30) + [Caller("writer", keys.WRITE["key"], frozenset({"read", "write"}))]
    client = scene.stack.client

    def ask_all() -> int:
        before = scene.auth.validations
        # Several times on new connections: both workers meet every key.
        for _ in range(4):
            statuses = [client.get(READ_RUN, c.headers()).status for c in callers]
            assert statuses == [200] * len(callers)
        # A refusal is known, too.
        assert client.get(READ_RUN, [bearer(keys.UNKNOWN)]).status == 401
        return scene.auth.validations - before

    assert ask_all() == len(callers) + 1
    for field, (change, kept) in CHANGES.items():
        scene.swap(change)
        asked = ask_all()
        print(f"\n{way}, {field} changed: {asked} callouts for {len(callers) + 1} keys", end="")
        assert asked == (0 if kept else len(callers) + 1), field
        undo = {"scopes": None, "audit": None, "cache": {**PLUGIN["cache"], "capacity": 10_000}}
        service = {"timeout": "2s", "service_id": "mlflow", "path": "/api/v1/keys/validate"}
        scene.swap({**undo, "auth_service": service})


def test_invalid_configuration_is_refused_and_the_old_one_stays(start: Any, way: str) -> None:
    scene = start(way, 2)
    envoy = scene.stack.envoy
    callers = [*readers("known", 10), KEYLESS]
    before = envoy.stats(scene.hot.rejected)[scene.hot.rejected]
    with scene.load(callers) as load:
        time.sleep(0.3)
        for wrong in ({"audit": {"allow": True}}, {"cache": {"ttl": "60"}}, {"auth_service": None}):
            assert not scene.hot.swap(envoy, wrong)
            time.sleep(0.2)
    load.tally.assert_sound()
    assert {s.verdict for s in load.tally.sent} == {"right"}
    assert envoy.stats(scene.hot.rejected)[scene.hot.rejected] == before + 3
    said = [text for level, text in envoy.wasm_log() if level == "error"]
    assert [text for text in said if "audit.allow: unknown field" in text]
    assert [text for text in said if "cache.ttl: " in text]
    assert [text for text in said if "auth_service" in text]
    assert {response.status for response in scene.every_worker()} == {403}
    # What was refused does not stand in the way of the next one.
    scene.swap(WRITERS)
    assert {response.status for response in scene.every_worker()} == {200}


MARK = b": IT NEEDS "


@pytest.fixture
def other_module(tmp_path: Path) -> Path:
    """The module with other words in its denials, under another name."""
    module = paths.wasm_module().read_bytes()
    assert module.count(MARK.lower()) == 1
    path = tmp_path / "other.wasm"
    path.write_bytes(module.replace(MARK.lower(), MARK))
    return path


@pytest.mark.alone
@pytest.mark.parametrize("workers", [2, 4])
def test_module_changed_under_load(start: Any, way: str, workers: int, other_module: Path) -> None:
    """To another and back, as an upgrade and its rollback; the plugin configuration stays."""
    scene = start(way, workers, arguments=LONG_DRAIN)
    callers = [*readers("known", 40), KEYLESS]
    with scene.load(callers) as warm_up:
        time.sleep(2.5)
    warm_up.tally.assert_sound()
    asked = scene.auth.validations
    with scene.load(callers) as load:
        time.sleep(0.3)
        scene.swap({}, other_module)
        time.sleep(2.5)
    assert all(MARK in response.body for response in scene.every_worker())
    with scene.load(callers) as rollback:
        time.sleep(0.3)
        scene.swap({}, paths.wasm_module())
        time.sleep(2.5)
    assert all(MARK.lower() in response.body for response in scene.every_worker())
    sent = load.tally.sent + rollback.tally.sent
    print(
        f"\n{way}, {workers} workers: {len(sent)} requests, 2 changes of the module, 0 failed, slowest "
        f"{max(s.seconds for s in sent) * 1000:.0f} ms"
    )
    assert {s.verdict for s in sent} == {"right"}, [s for s in sent if s.verdict != "right"][:5]
    # One module reads what the other left in shared data; `every_worker` uses one key more.
    assert scene.auth.validations == asked + 1


def test_broken_module_is_refused_and_the_old_one_stays(start: Any, way: str, tmp_path: Path) -> None:
    scene = start(way, 2)
    whole = paths.wasm_module().read_bytes()
    with scene.load([*readers("known", 10), KEYLESS]) as load:
        time.sleep(0.3)
        for name, content in (("half.wasm", whole[: len(whole) // 2]), ("text.wasm", b"no module")):
            broken = tmp_path / name
            broken.write_bytes(content)
            assert not scene.hot.swap(scene.stack.envoy, WRITERS, broken), name
            time.sleep(0.3)
        assert not scene.hot.swap(scene.stack.envoy, WRITERS, tmp_path / "missing.wasm")
    load.tally.assert_sound()
    assert {s.verdict for s in load.tally.sent} == {"right"}
    assert {response.status for response in scene.every_worker()} == {403}


def test_requests_that_wait_for_the_auth_service_meanwhile(start: Any, way: str, other_module: Path) -> None:
    """Nobody's answer is lost with the configuration or the module that asked."""
    scene = start(way, 2, arguments=LONG_DRAIN)
    cold = iter(readers("cold", 100_000))
    # Often the same key from several connections.
    callers = itertools.chain.from_iterable([caller] * 3 for caller in cold)
    address = scene.stack.envoy.host, scene.stack.envoy.port

    def work() -> Work:
        return next(callers), READ

    with scene.auth.faults(delay_ms=300):
        with BackgroundLoad(address, work, kept=20, fresh=10, limit=LIMIT, pause=0.01) as load:
            for number in range(4):
                time.sleep(0.4)
                scene.swap({"help_url": f"https://keys.test/{number}"})
            time.sleep(0.4)
            scene.swap({}, other_module)
            time.sleep(1)
    load.tally.assert_sound()
    assert {s.verdict for s in load.tally.sent} == {"right"}


def test_old_connections(start: Any, way: str) -> None:
    """ECDS: the new policy at their next request, and they live on. LDS: the old policy, and they are told to
    end; one on which no request comes is closed when the drain time is over."""
    scene = start(way, 2)
    with on_every_worker(scene.stack) as connections:
        assert {write(connection).status for connection in connections} == {403}
        scene.swap(WRITERS)
        answers = [write(connection) for connection in connections[1:]]
        told_to_end = [answer.header("connection") == "close" for answer in answers]
        if way == "ECDS":
            assert {answer.status for answer in answers} == {200}
            assert not any(told_to_end)
            assert write(connections[0]).status == 200
        else:
            assert {answer.status for answer in answers} == {403}
            assert all(told_to_end)
            connections[0].socket.settimeout(5)
            assert connections[0].socket.recv(1) == b""


def test_what_is_counted_lives_on(start: Any, way: str) -> None:
    """Of `cache_entries`, what belonged to the old configuration is taken off; counters go on."""
    scene = start(way, 2)
    client = scene.stack.client
    callers = readers("known", 25)
    for _ in range(4):
        for caller in callers:
            client.get(READ_RUN, caller.headers())
    for number in range(3):
        scene.swap({"help_url": f"https://keys.test/{number}"})
        for caller in callers:
            client.get(READ_RUN, caller.headers())
    decisions = scene.stack.envoy.metric("mlflow_authz_decisions", decision="allow")
    assert decisions == 7 * len(callers)

    def settled() -> bool:
        # Two workers know 25 keys each at most.
        return 0 < scene.stack.envoy.metric("mlflow_authz_cache_entries") <= 2 * len(callers)

    wait_until(settled, "the entries of old configurations are taken off", timeout=8)


def test_start_with_an_invalid_configuration(start: Any) -> None:
    """By ECDS the listener is there without the filter's configuration, and Envoy answers: nothing passes."""
    scene = start("ECDS", 2, plugin={**PLUGIN, "audit": {"allow": True}})
    upstream = scene.stack.upstream.count
    for target in (READ_RUN, "/api/mlflow/health", "/"):
        answer = scene.stack.client.get(target, [bearer(keys.ADMIN["key"])])
        assert answer.status == 500, answer
    assert scene.stack.upstream.count == upstream
    assert {entry["response_flags"] for entry in scene.stack.envoy.access_log()} == {"NFCF"}
    scene.swap({"audit": {"allow": None}})
    assert scene.stack.client.get(READ_RUN, [bearer(keys.READ["key"])]).status == 200


def test_the_documented_files_are_these(tmp_path: Path) -> None:
    """docs/hot-reload.md shows what `HotFilter` makes of envoy.yaml."""
    shown = re.findall(r"```yaml\n(.*?)```", (paths.ROOT / "docs" / "hot-reload.md").read_text(), re.DOTALL)
    in_envoy_yaml, in_the_file = (yaml.safe_load(block) for block in shown)
    config = load_sample()
    HotFilter(tmp_path).edit(config)
    wasm = connection_manager(config)["http_filters"][0]
    written = yaml.safe_load((tmp_path / "watched.yaml").read_text())
    for found in (in_envoy_yaml["http_filters"][0], wasm):
        found["config_discovery"]["config_source"]["path_config_source"]["path"] = "any"
    assert in_envoy_yaml["http_filters"][0] == wasm
    assert in_envoy_yaml["node"].keys() == config["node"].keys()
    plugin = [body["resources"][0]["typed_config"]["config"] for body in (in_the_file, written)]
    for found in plugin:
        value = found["configuration"]
        value["value"] = json.loads(value["value"]).keys() & {"auth_service"}
    assert in_the_file == written
