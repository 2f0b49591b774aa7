"""A grant limited to names holds, whatever MLflow reads out of a request.

Thousands of oddly written requests go to the filter and to MLflow's own handlers, of three releases, whose
stores only take notes (differential/bodies.py); `scripts/differential-bodies --count 100000` tries more.
"""

import json
import re
from collections.abc import Callable, Iterator
from dataclasses import replace
from functools import wraps
from urllib.parse import unquote

import pytest

from differential.bodies import Comparison, Tally, outside, releases
from differential.bodies_operations import OPERATIONS
from differential.bodies_requests import Request, Requests

SEED = 20_261_122
COUNT = 8_000


@pytest.fixture(scope="module")
def comparison(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Comparison]:
    with Comparison(tmp_path_factory.mktemp("bodies")) as started:
        yield started


@pytest.fixture(scope="module")
def tally(comparison: Comparison) -> Tally:
    return comparison.run(SEED, COUNT)


def test_no_request_acts_beyond_its_grant(
    tally: Tally, comparison: Comparison, capsys: pytest.CaptureFixture[str]
) -> None:
    with capsys.disabled():
        servers = [f"{release.version}/{server}" for release in comparison.releases for server in release.servers]
        print(f"\n\n{tally.table()}\nseed {SEED}; servers: {', '.join(servers)}\n")
    assert not tally.found, "\n".join(map(str, tally.found[:20]))


def test_the_requests_try_something(tally: Tally) -> None:
    """Without it, a generator of nonsense would pass, and so would a filter that refuses everything."""
    assert tally.tried() == COUNT
    assert tally.allowed() > COUNT / 20
    assert tally.rightly > tally.sampled / 10
    assert min(tally.served.values()) > tally.allowed() * 0.8
    operations = {operation.name for operation in OPERATIONS} - {"CreateRun"}
    assert {name for name, allowed in tally.operations if allowed} == operations
    mutations = {name for name, allowed in tally.mutations if not allowed}
    assert len(mutations) > 25
    assert tally.outcomes["name_not_granted"] > COUNT / 50
    assert tally.outcomes["body_ambiguous"] > COUNT / 50


def test_plain_requests_are_served(comparison: Comparison) -> None:
    """Of each operation, as clients write it, by each server of the supported release."""
    requests = Requests(SEED)
    drawn = []
    for operation in OPERATIONS:
        if operation.name != "CreateRun":
            draft = requests.plain(operation)
            draft.members = [(k, v) for k, v in draft.members if k in {json.dumps(n) for n, _ in operation.fields}]
            drawn.append(("all aliases", requests.finished(draft, ())))
    decisions = comparison.decide(drawn)
    for (_, request), decision in zip(drawn, decisions, strict=True):
        wide = decision["name"] is None and "source" in (request.body or b"").decode()
        assert decision["decision"] == "allow" or wide, (request, decision)
    for server in comparison.releases[0].servers:
        answers = comparison.releases[0].ask([(server, request) for _, request in drawn])
        for (_, request), (calls, status) in zip(drawn, answers, strict=True):
            refused_source = status == 400 and request.operation == "CreateModelVersion"
            assert calls or refused_source, (server, request, status)


def test_a_logged_model_is_not_tagged(comparison: Comparison) -> None:
    """The `model_id` of a new version names a logged model, to which the server writes a tag."""
    body = b'{"name":"acme-a","source":"mlflow-artifacts:/7/r/artifacts/m","model_id":"m-1"}'
    headers = (("Content-Type", "application/json"), ("Content-Length", str(len(body))))
    target = "/api/2.0/mlflow/model-versions/create"
    tally = Tally()
    comparison.compare(
        [("all aliases", Request("CreateModelVersion", "POST", target, headers, body, False, ()))], tally
    )
    assert tally.tried() == 1
    assert not tally.found and not tally.allowed()


# --- a weaker reading is found ---


def _members(change: Callable[[list[tuple[str, object]]], dict[str, object]]) -> Callable[[Request], Request]:
    """A filter that sees other members of a body, where it is JSON at all."""

    @wraps(change)
    def weak(request: Request) -> Request:
        try:
            pairs = json.loads(request.body or b"", object_pairs_hook=list)
            body = json.dumps(change([(str(key), value) for key, value in pairs])).encode()
        except (ValueError, TypeError, RecursionError):
            return request
        headers = [(n, v) for n, v in request.headers if n.lower() not in ("content-length", "transfer-encoding")]
        return replace(request, body=body, headers=(*headers, ("Content-Length", str(len(body)))))

    return weak


@_members
def _first(members: list[tuple[str, object]]) -> dict[str, object]:
    """Of doubled names the first counts."""
    return dict(reversed(members))


@_members
def _known(members: list[tuple[str, object]]) -> dict[str, object]:
    """Skips names that it does not know, and values of another kind."""
    known = {name for operation in OPERATIONS for name, _ in operation.fields}
    return {key: value for key, value in members if key in known and isinstance(value, str)}


@_members
def _camel(members: list[tuple[str, object]]) -> dict[str, object]:
    """Skips `newName` beside `new_name`."""
    return {key: value for key, value in members if key == key.lower()}


@_members
def _filled(members: list[tuple[str, object]]) -> dict[str, object]:
    """Takes an id that is missing or empty for one that is granted."""
    return {key: value or "7" if key == "experiment_id" else value for key, value in members}


@_members
def _source(members: list[tuple[str, object]]) -> dict[str, object]:
    """Does not look at sources."""
    return {key: "dummy-source" if key == "source" else value for key, value in members}


@_members
def _alias(members: list[tuple[str, object]]) -> dict[str, object]:
    """Does not look at aliases."""
    return {key: "cand" if key == "alias" else value for key, value in members}


def _last(request: Request) -> Request:
    """Of doubled keys in a query the last counts."""
    path, mark, query = request.target.partition("?")
    pieces = {unquote(piece.partition("=")[0]): piece for piece in query.split("&")}
    return replace(request, target=path + mark + "&".join(pieces.values()))


def _undecoded(request: Request) -> Request:
    """Does not decode keys of a query, and skips what it does not know."""
    path, mark, query = request.target.partition("?")
    pieces = [piece for piece in query.split("&") if re.match(r"[a-z_]+=", piece)]
    return replace(request, target=path + mark + "&".join(pieces))


def _query_counts(request: Request) -> Request:
    """Reads the query of a DELETE, as MLflow's own auth plugin does, and not the body."""
    path, mark, query = request.target.partition("?")
    if not mark or request.method == "GET":
        return request
    pairs = dict(piece.partition("=")[::2] for piece in query.split("&"))
    return _members(lambda members: {**dict(members), **pairs})(replace(request, target=path))


def _head(request: Request) -> Request:
    """Takes HEAD for GET, whose body nobody reads."""
    if request.method != "HEAD":
        return request
    kept = tuple((n, v) for n, v in request.headers if n.lower() not in ("content-length", "transfer-encoding"))
    return replace(request, method="GET", body=None, headers=kept)


WEAK: list[Callable[[Request], Request]] = [
    _first,
    _known,
    _camel,
    _filled,
    _source,
    _alias,
    _last,
    _undecoded,
    _query_counts,
    _head,
]


@pytest.mark.parametrize("weak", WEAK, ids=lambda weak: weak.__name__)
def test_a_weaker_reading_is_found(comparison: Comparison, weak: Callable[[Request], Request]) -> None:
    """By the same requests, with a filter that reads others than are sent."""
    for part in range(8):
        found = comparison.run(SEED + part, 2_000, seen_as=weak).found
        if found:
            return
    pytest.fail("found nothing")


# --- the judge ---


@pytest.mark.parametrize(
    ("method", "given", "grant", "granted"),
    [
        ("get_registered_model", {"name": "acme-a"}, "all aliases", True),
        ("get_registered_model", {"name": "acme-a"}, "one name", False),
        ("get_registered_model", {"name": "globex-b"}, "all aliases", False),
        ("rename_registered_model", {"name": "acme-a", "new_name": "globex-b"}, "all aliases", False),
        ("rename_experiment", {"experiment_id": "7", "new_name": "acme-a"}, "all aliases", True),
        ("rename_experiment", {"experiment_id": "", "new_name": "acme-a"}, "all aliases", False),
        ("get_experiment", {"experiment_id": "07"}, "all aliases", True),
        ("get_experiment", {"experiment_id": "９"}, "all aliases", False),
        ("get_experiment", {"experiment_id": "x"}, "all aliases", False),
        ("create_experiment", {"name": "acme-a", "artifact_location": "s3://b"}, "all aliases", False),
        ("set_registered_model_alias", {"name": "acme-a", "alias": "champion"}, "all aliases", True),
        ("set_registered_model_alias", {"name": "acme-a", "alias": "champion"}, "some aliases", False),
        ("set_registered_model_alias", {"name": "acme-a", "alias": "cand"}, "some aliases", True),
        ("transition_model_version_stage", {"name": "acme-a", "stage": "Production"}, "some aliases", False),
        ("get_model_version_by_alias", {"name": "acme-a", "alias": "champion"}, "some aliases", True),
        ("create_model_version", {"name": "acme-a", "source": "models:/acme-b/1"}, "all aliases", True),
        ("create_model_version", {"name": "acme-a", "source": "models:/globex/1"}, "all aliases", False),
        ("create_model_version", {"name": "acme-a", "source": "s3://b"}, "all aliases", False),
        ("create_model_version", {"name": "acme-a", "source": "mlflow-artifacts:/9/x"}, "all aliases", False),
        ("set_model_versions_tags", {"name": "acme-a", "model_id": "m-1"}, "all aliases", False),
        ("create_run", {"experiment_id": "7"}, "all aliases", False),
        ("delete_artifacts", {"path": "7/a"}, "all aliases", True),
        ("delete_artifacts", {"path": "9/a"}, "all aliases", False),
        ("delete_artifacts", {"path": "7/../9"}, "all aliases", False),
        ("delete_artifacts", {"path": "7/%2e%2e/9"}, "all aliases", False),
        ("delete_artifacts", {"path": ""}, "all aliases", False),
        ("list_artifacts", {"path": "workspaces/w/7/a"}, "all aliases", True),
        ("something_new", {"name": "acme-a"}, "all aliases", False),
    ],
)
def test_what_is_granted(method: str, given: dict[str, str], grant: str, granted: bool) -> None:
    assert (outside([(method, given)], grant) is None) == granted


def test_the_releases_are_there() -> None:
    assert len(releases()) == 3
