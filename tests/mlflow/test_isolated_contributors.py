"""Three contributors behind the real Envoy, each with a key of its own workspace: none sees, changes, links to or counts
what is another's, by every way that was tried on MLflow itself."""

import os
import random
import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest

from harness import keys, paths
from harness.auth_service import AuthService
from harness.envoy_config import EVERYTHING, routed
from harness.http import Client, bearer
from harness.pool import Pool
from harness.stack import Stack
from isolation import fixtures, table
from isolation.attempts import ATTEMPTS, attempts_for, family
from isolation.contents import DEFAULT, HEADER, IT, ME, Api
from isolation.measure import FROM, leaks
from isolation.steps import Attempt, Step
from isolation.world import WITH, WITHOUT, Outcome, World

SEED = 20_261_129
NEWEST = paths.versions()["MLFLOW_VERSION"]
PLAIN = ["model:write", "tracking:write", "model:delete"]
# The widest rights there are, limited to the workspace.
ADMIN = ["mlflow:admin"]
# Whoever knows 128 random bits of another's id can do these: it stands in the body.
OPEN = table.OPEN
MEASURED = table.Measured()


@pytest.fixture(scope="module")
def envoy(
    world: World, tmp_path_factory: pytest.TempPathFactory, auth_service: AuthService, pool: Pool
) -> Iterator[Client]:
    auth_service.put_keys(*(_key(kind, name) for kind in ("plain", "admin", "pinned") for name in (IT, ME, DEFAULT)))
    plugin = {"mounts": ["/"], "workspaces": {"enabled": True}}
    with Stack(
        tmp_path_factory.mktemp("contributors-envoy"),
        auth=auth_service, mlflow=world.server.address, plugin=plugin, edit=routed(EVERYTHING), normalize=False, pool=pool,
    ) as stack:  # fmt: skip
        yield stack.client


def _key(kind: str, workspace: str) -> keys.Key:
    scopes = ADMIN if kind == "admin" else PLAIN
    limit: dict[str, Any] = {"workspace": workspace} if kind == "pinned" else {"workspaces": [workspace]}
    return keys.key(f"{kind}_{workspace.replace('-', '_')}", scopes, **limit)


def _caller(world: World, envoy: Client, kind: str, workspace: str) -> Api:
    return Api(envoy, workspace, world.store, [bearer(_key(kind, workspace)["key"])])


@pytest.fixture
def callers(world: World, envoy: Client) -> Iterator[None]:
    """What is tried goes through Envoy."""
    yield
    world.callers = dict(world.api)


@pytest.mark.parametrize(
    ("kind", "it", "places"),
    [("plain", IT, FROM), ("admin", IT, FROM), ("plain", DEFAULT, {"workspace": ME})],
    ids=["plain", "admin", "plain-to-default"],
)
def test_no_way_leads_to_another_workspace(
    world: World, envoy: Client, callers: None, kind: str, it: str, places: dict[str, str]
) -> None:
    """Every way with plain keys, one way of each operation with the others; with EVERY_WAY all."""
    world.callers = {name: _caller(world, envoy, kind, name) for name in (IT, ME, DEFAULT)}
    attempts = attempts_for(NEWEST, fixtures.operations_of(NEWEST))
    if (kind, it) != ("plain", IT) and not os.environ.get("EVERY_WAY"):
        attempts = list({attempt.operation: attempt for attempt in reversed(attempts)}.values())
    tried = [
        (attempt, workspace)
        for attempt in attempts
        for place, workspace in places.items()
        if attempt.only_from in ("", place)
    ]
    found: dict[str, list[Outcome]] = {}
    for state in (WITHOUT, WITH):
        world.put(state, it)
        found[state] = [world.try_from(workspace, attempt.steps) for attempt, workspace in tried]
    counts, beyond = Counts(), {}
    for (attempt, workspace), without, there in zip(tried, found[WITHOUT], found[WITH], strict=True):
        said = leaks(world, without, there)
        way = (attempt.operation, attempt.way)
        if said and way not in OPEN and not table.is_told(way, said):
            beyond[*way, workspace] = said
        counts.add(attempt, there.status, said)
    print(f"\n{kind} keys, asking for what is in {it}:\n{counts}")
    assert not beyond, "\n".join(map(str, beyond.items()))
    assert counts.total() > 0.7 * len(attempts) * len(places) and counts.answered(2) > 0.1 * counts.total()


class Counts:
    """How many attempts of each family were answered how, and what of the other's they saw, changed or counted."""

    EFFECTS = ("reads", "changes", "deletes", "adds", "reveals")

    def __init__(self) -> None:
        self._families: dict[str, Counter[str]] = {}

    def add(self, attempt: Attempt, status: int, said: list[str]) -> None:
        count = self._families.setdefault(family(attempt), Counter())
        way = (attempt.operation, attempt.way)
        named = way in OPEN or way in table.TELLS
        count.update([f"{status // 100}xx", *(f"{effect}{' (named)' if named else ''}" for effect in said)])

    def answered(self, hundred: int) -> int:
        return sum(count[f"{hundred}xx"] for count in self._families.values())

    def total(self) -> int:
        return sum(map(self.answered, range(6)))

    def __str__(self) -> str:
        columns = [*(f"{n}xx" for n in (2, 3, 4, 5, 0)), *self.EFFECTS, *(f"{e} (named)" for e in self.EFFECTS)]
        rows = [f"| attempts at | {' | '.join(columns)} |", "|---" * (len(columns) + 1) + "|"]
        for name, count in [*self._families.items(), ("all", sum(self._families.values(), Counter()))]:
            rows.append(f"| {name} | {' | '.join(str(count[column]) for column in columns)} |")
        return "\n".join(rows)


def test_its_own_workspace_is_open_to_each(world: World, envoy: Client, callers: None) -> None:
    """Without this, a filter that refuses everything would pass: what MLflow isolates, the owner's key still does."""
    world.put(WITH)
    attempts = [a for a in ATTEMPTS if MEASURED.reachable(a.operation) and a.shows == "sees" and not a.control]
    direct = [world.try_from(IT, attempt.steps) for attempt in attempts]
    world.callers = {**world.api, IT: _caller(world, envoy, "admin", IT)}
    refused = [
        (attempt.operation, attempt.way, outcome.status)
        for attempt, before in zip(attempts, direct, strict=True)
        if (outcome := world.try_from(IT, attempt.steps)).status != before.status
    ]
    assert len(attempts) > 300
    assert not refused


@pytest.mark.parametrize("name", [IT, f" {IT}", f"{IT}\t", IT.upper(), f"{IT},{ME}", f"{IT}, {ME}", DEFAULT, "", "*"])
def test_the_header_reaches_no_other_workspace(world: World, envoy: Client, name: str) -> None:
    world.put(WITH)
    key = bearer(_key("admin", ME)["key"])
    answer = envoy.get(f"/api/2.0/mlflow/experiments/get?experiment_id={world.names[IT]['experiment']}",
                       [(HEADER, name), key])  # fmt: skip
    assert answer.status in (400, 403), answer
    assert not world.tokens(answer.body.decode().replace(IT, ""))


@pytest.mark.parametrize("spelled", [HEADER, HEADER.lower(), "X_MLFLOW_WORKSPACE", "x-mlflow_workspace"])
def test_a_second_header_reaches_no_other_workspace(world: World, envoy: Client, spelled: str) -> None:
    world.put(WITH)
    target = f"/api/2.0/mlflow/experiments/get?experiment_id={world.names[IT]['experiment']}"
    for headers in ([(HEADER, ME), (spelled, IT)], [(spelled, IT), (HEADER, ME)]):
        answer = envoy.get(target, [*headers, bearer(_key("admin", ME)["key"])])
        assert answer.status in (400, 403, 404), answer


def test_a_pinned_key_needs_no_header(world: World, envoy: Client) -> None:
    world.put(WITH)
    key = bearer(_key("pinned", ME)["key"])
    own, other = (f"/api/2.0/mlflow/runs/get?run_id={world.names[name]['run']}" for name in (ME, IT))
    assert envoy.get(own, [key]).status == 200
    assert envoy.get(other, [key]).status == 404
    assert envoy.get(other, [key, (HEADER, IT)]).status == 403


# --- random requests ---

_NAME = re.compile(r"\{(it|me)\.")


def _mixed(value: Any, drawn: random.Random) -> Any:
    """Whose objects a request names, drawn anew for each name in it."""
    if isinstance(value, str):
        return _NAME.sub(lambda _: "{" + drawn.choice(("it", "me")) + ".", value)
    if isinstance(value, dict):
        return {_mixed(key, drawn): _mixed(item, drawn) for key, item in value.items()}
    if isinstance(value, list):
        return [_mixed(item, drawn) for item in value]
    return value


def _drawn(steps: list[Step], drawn: random.Random) -> Step:
    step = drawn.choice(steps)
    return replace(step, target=_mixed(step.target, drawn), body=_mixed(step.body, drawn))


def test_random_requests_receive_nothing_of_the_other(world: World, envoy: Client, callers: None) -> None:
    """No name and no id of the other in what is received, but for what the request itself named."""
    world.put(WITH)
    world.callers = {name: _caller(world, envoy, "plain", name) for name in (IT, ME, DEFAULT)}
    steps = [s for attempt in attempts_for(NEWEST, fixtures.operations_of(NEWEST)) for s in attempt.steps]
    drawn, answered, found = random.Random(SEED), Counter[int](), []
    for _ in range(1_500):
        workspace, step = drawn.choice((ME, DEFAULT)), _drawn(steps, drawn)
        outcome = world.try_from(workspace, [step])
        answered[outcome.status // 100] += 1
        received = {token for token in world.tokens(str(outcome.answers)) if token not in outcome.sent}
        touched = outcome.removed & world.rows_of_it or outcome.files_removed & world.files_of_it
        if received or touched or outcome.files_changed & world.files_of_it:
            found.append((workspace, step, received, touched))
    print(f"\n1500 random requests, answered {dict(answered)}; received something of the other: {len(found)}")
    assert answered[2] > 200
    assert not found, found[:5]
