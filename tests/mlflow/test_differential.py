"""The filter never reads a request as weaker than the real server does, and refuses nothing that clients send.

The server is asked through its own routing (differential/server_oracle.py), so thousands of odd spellings of
its routes take seconds; `scripts/differential --long` tries a million. The other direction has real requests:
what MLflow's client sent in a recorded session, and what curl makes of URLs.
"""

import json
import random
import re
import shutil
import subprocess
from collections import Counter
from collections.abc import Callable, Iterator
from urllib.parse import unquote

import pytest

from differential.compare import (
    Comparison,
    Deployment,
    Needs,
    Spelling,
    Tally,
    covers,
    routes,
)
from differential.pieces import ESCAPED_ESCAPES
from differential.record_client import FIXTURE
from differential.recorder import Recorder
from differential.spellings import Spellings
from differential.weak_readings import WEAK, aimed, no_escapes, slash_in_a_name
from harness import paths
from harness.http import Connection
from harness.mlflow_server import MlflowServer
from harness.upstream import EchoUpstream

SEED = 20_261_121
COUNT = 8_000

# What a deployment behind a static prefix gets wrong: see test_deployments.py.
PREFIX_ONLY = Deployment("prefix alone", ("/p",), static_prefix="/p", below=("/p", ""))


@pytest.fixture(scope="module")
def comparison(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Comparison]:
    from differential.compare import DEPLOYMENTS

    with Comparison(tmp_path_factory.mktemp("differential"), [*DEPLOYMENTS, PREFIX_ONLY]) as started:
        started.deployments = DEPLOYMENTS
        yield started


@pytest.fixture(scope="module")
def tally(comparison: Comparison) -> Tally:
    return comparison.run(SEED, COUNT)


def test_no_spelling_is_read_as_weaker_than_the_server_reads_it(
    tally: Tally, comparison: Comparison, capsys: pytest.CaptureFixture[str]
) -> None:
    with capsys.disabled():
        servers = sorted({name for server in comparison.servers.values() for name in server.names})
        print(f"\n\n{tally.table()}\nseed {SEED}; servers: {', '.join(servers)}\n")
    assert not tally.found, "\n".join(map(str, tally.found[:20]))


def test_the_spellings_try_something(tally: Tally) -> None:
    """Without it, a generator that misses every route would pass."""
    assert tally.tried() == COUNT
    assert tally.total("equal") > COUNT / 25
    assert sum(tally.refused_reachable.values()) > COUNT / 100
    assert len(tally.reached) > 300
    assert min(Counter(name for name, _ in tally.mutations).values()) >= 1


def test_the_operation_is_the_servers_too(tally: Tally) -> None:
    """Not only the permission: the audit log names what the server did."""
    assert not tally.misnamed, "\n".join(map(str, tally.misnamed))


@pytest.mark.xfail(strict=True, reason="reported: the trie prefers the static segment, the server the earlier route")
def test_an_endpoint_named_as_another_route(comparison: Comparison) -> None:
    """The server reads it as the endpoint `proxy`, the filter as the raw proxy to the endpoint `mlflow`. Both
    need gateway:use, but not of the same endpoint."""
    spelling = Spelling("POST", "/gateway/proxy/mlflow/invocations", (), ())
    (finding,) = comparison.compare(comparison.deployments[0], [("plain/h11", spelling)])
    assert finding.needed
    assert finding.needed["operation"] == finding.decision["operation"]


def test_every_route_is_read_as_the_server_reads_it(comparison: Comparison) -> None:
    """Plainly spelled, each route of the release reaches its own handler, and needs what the catalog says."""
    spellings = Spellings(routes(), 1)
    deployment = comparison.deployments[0]
    requests, templates = [], []
    for route in spellings.routes:
        for method in route["methods"]:
            path = re.sub(r"\{\*?\w+\}", "x1", route["path"])
            requests.append(("auth/h11", Spelling(method, path, (), ())))
            templates.append((method, route["path"]))
    findings = list(comparison.compare(deployment, requests))
    assert [f for f in findings if f.verdict != "equal"] == []
    reached = [(f.reached[1], f.reached[2]) for f in findings if isinstance(f.reached, list)]
    # A Flask rule that FastAPI serves as well is reached by its other name only.
    other = [(a, b) for a, b in zip(templates, reached, strict=True) if _shape(a[1]) != _shape(b[1])]
    assert not other


def _shape(template: str) -> str:
    return re.sub(r"\{\*?\w+\}", "{}", template)


# --- a weaker reading is found ---


@pytest.mark.parametrize("name", WEAK)
def test_a_weaker_reading_is_found(comparison: Comparison, name: str) -> None:
    requests = [("auth/h11", spelling) for spelling in aimed(name, SEED)]
    deployment = comparison.deployments[0]
    right = Counter(f.verdict for f in comparison.compare(deployment, requests))
    assert right["weaker"] == 0
    wrong = Counter(f.verdict for f in comparison.compare(deployment, requests, seen_as=WEAK[name]))
    # A path that only ends in an endpoint's needs admin, which still is another reading than the server's.
    found = "admin instead" if name == "leading slashes" else "weaker"
    assert wrong[found] > right[found], wrong


@pytest.mark.parametrize("weak", [slash_in_a_name, no_escapes])
def test_the_generator_finds_a_weaker_reading_by_itself(
    comparison: Comparison, weak: Callable[[Spelling], Spelling]
) -> None:
    # Reads that only admins may do: elsewhere what an unknown path needs hides the weakness.
    rows = comparison.needs.rows()
    paths = {r["path"] for r in rows if r["access"] == "admin" and r["methods"] == ["GET"]}
    among = [route for route in routes() if route["path"] in paths]
    assert len(among) > 20
    found = comparison.run(SEED, 5_000, among=among, seen_as=weak).found
    assert any(finding.verdict == "weaker" for finding in found)


def test_a_wrong_entry_is_found(comparison: Comparison) -> None:
    """The handler needs more than the catalog says: here, by a table that the comparison has and it has not."""
    rows = [dict(row) for row in comparison.needs.rows()]
    for row in rows:
        if row["operation"] == "LogMetric":
            row["permission"] = "run:delete"
    right, comparison.needs = comparison.needs, Needs(rows)
    try:
        spelling = Spelling("POST", "/api/2.0/mlflow/runs/log-metric", (), ())
        (finding,) = comparison.compare(comparison.deployments[0], [("plain/h11", spelling)])
    finally:
        comparison.needs = right
    assert finding.verdict == "weaker"


def test_a_mount_too_few_is_found(comparison: Comparison) -> None:
    """Behind a static prefix, a server still has artifact routes at its root."""
    artifact = "/api/2.0/mlflow-artifacts/artifacts/1/a.txt"
    plain = [("plain/h11", Spelling(method, artifact, (), ())) for method in ("GET", "PUT")]
    findings = list(comparison.compare(PREFIX_ONLY, plain))
    assert [finding.verdict for finding in findings] == ["weaker", "weaker"]
    operations = [finding.needed["operation"] for finding in findings if finding.needed]
    assert operations == ["DownloadArtifact", "UploadArtifact"]
    # The generator comes across it too, and across nothing else; what exactly depends on the parsers at hand.
    deployments, comparison.deployments = comparison.deployments, [PREFIX_ONLY]
    try:
        found = comparison.run(SEED, 4_000).found
    finally:
        comparison.deployments = deployments
    assert {finding.decision["reason"] for finding in found} == {"outside"}
    reached = {finding.needed["operation"] for finding in found if finding.needed}
    assert reached and reached <= {"DownloadArtifact", "UploadArtifact", "Signup", "Static"}


@pytest.mark.parametrize(
    ("required", "needed", "expected"),
    [
        ("run:read", "run:read", "equal"),
        ("*:read", "run:read", "stricter"),
        ("*:*", "user:admin", "stricter"),
        ("*:admin", "user:admin", "stricter"),
        ("*:admin", "run:write", "admin instead"),
        ("run:read", "run:write", "weaker"),
        ("run:delete", "run:write", "weaker"),
        ("run:write", "trace:write", "weaker"),
        ("*:read", "user:admin", "weaker"),
    ],
)
def test_what_covers_what(required: str, needed: str, expected: str) -> None:
    assert covers(required, needed) == expected


# --- the oracle answers as a running server does ---


def test_the_oracle_agrees_with_a_running_server(comparison: Comparison, mlflow_server: MlflowServer) -> None:
    """Over a socket: the same status where no handler is reached, and a handler's answer where one is."""
    spellings = Spellings([r for r in routes() if not r["auth_plugin"] and "static" not in r["path"]], SEED)
    chosen: list[Spelling] = []
    while len(chosen) < 300:
        drawn = spellings.draw()
        if drawn.method in ("GET", "get", "HEAD", "OPTIONS", "PROPFIND") and not drawn.headers:
            chosen.append(drawn)
    answers = comparison.servers[""].ask([("plain/h11", s.method, s.target, ()) for s in chosen])
    assert sum(isinstance(answer, list) for answer in answers) > 20
    for spelling, expected in zip(chosen, answers, strict=True):
        with Connection(*mlflow_server.address) as connection:
            answer = connection.request(spelling.method, spelling.target)
        if isinstance(expected, int):
            # MLflow's own middleware makes 204 of an automatic answer to OPTIONS.
            same = answer.status == expected or (expected == 200 and answer.status == 204)
            assert same, (spelling, expected, answer)
        else:
            body = answer.body.lower()
            assert answer.status not in (308, 405), (spelling, expected, answer)
            nobody = b'{"detail":"not found"}' in body or b"<title>404" in body
            static = isinstance(expected, list) and expected[2].startswith(("/build/", "/static-files/"))
            assert static or not nobody, (spelling, expected, answer)


# --- what a handler makes of its path ---


def _odd_artifact_paths() -> list[str]:
    """Paths as they stand in a target, most of them with something that a URL parser would act on."""
    chars = [f"%{code:02X}" if chr(code) in " %#?/\\;" else chr(code) for code in range(0x20, 0x7F)]
    pieces = [
        "a",
        "b",
        "/",
        "%20",
        "%3F",
        "%23",
        "%3B",
        "%25",
        "file:",
        ":",
        "[",
        "]",
        "@",
        "..",
        ".",
        "x.y",
        "=",
    ]
    pieces += ["&", "%C3%A9", "%2520", "%253F", "FILE:", "s3:", "1/", "workspaces", ";", *ESCAPED_ESCAPES]
    drawn = random.Random(SEED)
    paths = [a + b for a in chars for b in ["", *chars]]
    paths += ["".join(drawn.choices(pieces, k=drawn.randint(2, 6))) for _ in range(10_000)]
    return sorted(set(paths))


def test_an_artifact_path_means_what_it_says(comparison: Comparison) -> None:
    """MLflow reads it as a URL (mlflow/utils/uri.py, validate_path_is_safe). What the filter lets through
    keeps its segments there, so that nothing wider is deleted than is named."""
    prefix = "/api/2.0/mlflow-artifacts/artifacts/"
    paths = _odd_artifact_paths()
    decisions = comparison.filters["mount /"].ask([Spelling("DELETE", prefix + path, (), ()) for path in paths])
    let_through = [
        path for path, decision in zip(paths, decisions, strict=True) if decision["operation"] == "DeleteArtifact"
    ]
    assert len(let_through) > 3_000
    used = comparison.servers[""].artifact_paths([unquote(path) for path in let_through])
    wider = [
        (path, acts_on)
        for path, acts_on in zip(let_through, used, strict=True)
        # Of what looks like a scheme (`S3:x`) the case is folded: another name, but no wider one.
        if acts_on is not None and _segments(acts_on.lower()) != _segments(_decoded(path).lower())
    ]
    assert not wider, wider[:40]


def _decoded(path: str) -> str:
    """As often as there is something to decode; MLflow escapes the control characters that come of it again."""
    while (once := unquote(path)) != path:
        path = once
    return re.sub(r"[\x00-\x1f\x7f]", lambda match: f"%{ord(match[0]):02x}", path)


def _segments(path: str) -> list[str]:
    return [segment for segment in path.split("/") if segment not in ("", ".")]


# --- what clients send is not refused ---

REFUSED = {
    # Kinds of real requests that the filter refuses, and why. A kind that is refused no more comes off here.
    "backslash in a file's name": re.compile(r"%5C"),
}


# What `MlflowClient.log_image` of 2.22.5 sends with a key and the steps 0, 10 and 147, and its downloads of them.
IMAGES = FIXTURE.with_name("2.22.5-images.jsonl")


def recorded() -> list[Spelling]:
    lines = [line for file in (FIXTURE, IMAGES) for line in file.read_text().splitlines()]
    rows = [json.loads(line) for line in lines]
    return [Spelling(row["method"], row["target"], (), ("recorded",)) for row in rows]


def test_the_recorded_session_is_broad() -> None:
    requests = recorded()
    assert len(requests) > 600
    uploads = [r.target for r in requests if r.method == "PUT" and "/mlflow-artifacts/artifacts/" in r.target]
    files = {unquote(target.rsplit("/", 1)[1]) for target in uploads}
    assert {
        "a b.txt",
        "ü.txt",
        "日本語.txt",
        "100%.csv",
        "a+b.txt",
        "a&b=c.txt",
        "[a]",
        "a..b",
        ".hidden",
    } <= files


def test_nothing_that_mlflows_client_sends_is_refused(comparison: Comparison) -> None:
    requests = [("plain/h11", spelling) for spelling in recorded()]
    findings = list(comparison.compare(comparison.deployments[0], requests))
    unexpected, kinds = [], set()
    for finding in findings:
        if finding.verdict == "refused":
            kind = [name for name, pattern in REFUSED.items() if pattern.search(finding.spelling.target)]
            kinds.update(kind)
            if not kind:
                unexpected.append(finding)
        elif finding.verdict == "equal":
            assert finding.needed
            if finding.needed["operation"] != finding.decision["operation"]:
                unexpected.append(finding)
        elif finding.verdict != "no handler":
            unexpected.append(finding)
    assert not unexpected, "\n".join(map(str, unexpected))
    assert kinds == set(REFUSED), f"no longer refused: {set(REFUSED) - kinds}"


CURL = [
    ["/api/2.0/mlflow/runs/get?run_id=1"],
    [
        "-G",
        "--data-urlencode",
        "filter=name LIKE 'a%' AND tags.`x y` = \"ü\"",
        "/api/2.0/mlflow/registered-models/search",
    ],
    ["-g", "/api/2.0/mlflow/registered-models/search?filter=name='a'&order_by[]=name"],
    ["/api/2.0/mlflow/registered-models/get?name=a/b:c@d"],
    ["/api/2.0/mlflow/registered-models/get?name=a+b%20c%2Fd"],
    ["/ajax-api/2.0/mlflow/experiments/search?max_results=1#fragment"],
    ["-T", "/dev/null", "/api/2.0/mlflow-artifacts/artifacts/1/a%20b%25c%23d%3Fe.txt"],
    ["-T", "/dev/null", "/api/2.0/mlflow-artifacts/artifacts/1/é~!$&'()*+,=:@.txt"],
    ["-T", "/dev/null", "/api/2.0/mlflow-artifacts/artifacts/1/a..b/.hidden/..c/d..."],
    ["/api/2.0/mlflow-artifacts/artifacts?path=1/../2/a%2Fb"],
    ["/api/2.0/mlflow/x/../runs/get?run_id=1"],
    ["/./api/2.0/mlflow/runs/get?run_id=a/../b"],
    ["-I", "/health"],
    ["-d", "{}", "/api/2.0/mlflow/runs/search"],
    ["-X", "PATCH", "-d", "{}", "/api/2.0/mlflow/registered-models/update"],
    ["?x=1"],
    [""],
]


@pytest.mark.skipif(not shutil.which("curl"), reason="no curl")
def test_nothing_that_curl_makes_of_a_url_is_refused(comparison: Comparison, echo: EchoUpstream) -> None:
    with Recorder(echo.address) as recorder:
        for *options, path in CURL:
            command = ["curl", "-sS", "-o", "/dev/null", "--max-time", "10", *options, recorder.url + path]
            subprocess.run(command, check=True, timeout=20)
        sent = list(recorder.seen)
    assert len(sent) == len(CURL)
    requests = [("plain/h11", Spelling(method, target, (), ("curl",))) for method, target in sent]
    findings = list(comparison.compare(comparison.deployments[0], requests))
    assert [f for f in findings if f.verdict != "equal"] == []


def test_the_same_seed_gives_the_same_requests() -> None:
    one, other = Spellings(routes(), 7), Spellings(routes(), 7)
    assert [one.draw() for _ in range(500)] == [other.draw() for _ in range(500)]
    assert Spellings(routes(), 8).draw() != Spellings(routes(), 7).draw()


def test_spellings_are_single_lines() -> None:
    spellings = Spellings(routes(), random.randrange(1 << 30))
    for _ in range(2_000):
        drawn = spellings.draw()
        assert not set("\r\n") & set(drawn.target), drawn
        drawn.target.encode("latin-1")


def test_the_script_runs() -> None:
    script = paths.ROOT / "scripts" / "differential"
    finished = subprocess.run([script, "--help"], capture_output=True, text=True, timeout=120, check=False)
    assert finished.returncode == 0 and "--long" in finished.stdout, finished.stderr
