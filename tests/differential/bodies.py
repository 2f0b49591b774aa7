"""The filter and MLflow's own handlers side by side: does a grant limited to names hold?

Requests from `bodies_requests.py` go to the filter's engine through `mlflow-authz explain`, and, as bytes
on a connection, to real MLflow servers whose stores take notes (`bodies_oracle.py`). It is a violation when
the filter forwards a request and a server then acts on a name that the caller is not granted. What is granted
is decided here, from what the store was called with, without a word of the filter's own reading.

    scripts/differential-bodies [--count N] [--seed N]
"""

import argparse
import base64
import fnmatch
import json
import posixpath
import random
import re
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import unquote

from harness import paths

from .bodies_operations import GRANTS
from .bodies_requests import Request, Requests
from .compare import Lines, cli

ORACLE = Path(__file__).with_name("bodies_oracle.py")
SAMPLED = 8
"""Of the requests that the filter refuses, one in so many goes to a server too."""
CONFIG = {
    "version": 1,
    "mounts": ["/"],
    "auth_service": {"cluster": "auth_service"},
    "bodies": "inspect",
    # Everything is granted, but on some names only: so it is the names that decide.
    "scopes": {"all": {"permissions": ["*:*"]}},
}

Call = tuple[str, dict[str, str]]


class Release:
    """One release of MLflow with its servers; see bodies_oracle.py."""

    def __init__(self, version: str) -> None:
        self.version = version
        site = sorted((paths.ROOT / ".tools").glob("httptools-*"))
        env = {"PYTHONPATH": str(site[-1])} if site else None
        self._lines = Lines([interpreter(version), ORACLE], env, flush="\n")
        self._servers: list[str] | None = None

    @property
    def servers(self) -> list[str]:
        if self._servers is None:
            self._servers = self._lines.read()["servers"]
        return self._servers

    def ask(self, requests: list[tuple[str, Request]]) -> list[tuple[list[Call], int | None]]:
        assert self.servers
        wire = [[server, base64.b64encode(request.wire()).decode()] for server, request in requests]
        return self._lines.ask(wire)

    def stop(self) -> None:
        self._lines.stop()


def interpreter(version: str) -> Path:
    return paths.ROOT / ".tools" / f"mlflow-{version}" / "bin" / "python"


def releases() -> list[str]:
    """The releases that are installed, the supported one first."""
    versions = paths.versions()
    wanted = [versions["MLFLOW_VERSION"]]
    wanted += [versions[f"VULNERABLE_{name}"] for name in ("MLFLOW_VERSION", "MLFLOW_2_VERSION")]
    return [version for version in wanted if interpreter(version).exists()]


# --- what a server has done, and whether that was granted ---


def outside(calls: Iterable[Call], grant: str) -> str | None:
    """What a server acted on without a grant, in words."""
    names = GRANTS[grant]
    for method, given in calls:
        if reason := _outside(method, given, names):
            return f"{method} {given}: {reason}"
    return None


def _outside(method: str, given: dict[str, str], names: tuple[str, ...]) -> str | None:
    if "path" in given:
        return None if _path_granted(given["path"], names) else "artifacts"
    registry = any(word in method for word in ("registered_model", "model_version", "latest_versions"))
    if method in ("get_run", "get_logged_model"):
        return None  # looked up for a source: it says only whether the source is its own
    if method in ("create_run", "set_model_versions_tags"):
        return "a run or a logged model, whatever it belongs to"
    if not registry and "experiment" not in method:
        return "a call that this test does not know"
    promotes = method == "transition_model_version_stage" or method.endswith("registered_model_alias")
    alias = given.get("alias", "") if promotes else None
    texts = [given[name] for name in ("name", "new_name", "experiment_name") if name in given]
    if any(not _name_granted(text, names, alias) for text in texts):
        return "the name or the alias"
    if "experiment_id" in given and not _id_granted(given["experiment_id"], names):
        return "the id"
    if given.get("artifact_location"):
        return "where artifacts are kept"
    if "source" in given and not _source_granted(given["source"], names):
        return "the source"
    return None


def _name_granted(text: str, names: tuple[str, ...], alias: str | None = None) -> bool:
    """`alias` is None where none is set or removed. A stage, which also moves traffic, is the empty alias."""
    for pattern in names:
        name, at, aliases = pattern.partition("@")
        if fnmatch.fnmatchcase(text, name) and (not at or alias is None or fnmatch.fnmatchcase(alias, aliases)):
            return True
    return False


def _id_granted(text: str, names: tuple[str, ...]) -> bool:
    """MLflow takes the empty id for the default experiment, and anything that `int` reads for a number."""
    for number in (int, float):
        try:
            return str(int(number(text or "0"))) in names
        except (ValueError, OverflowError):
            continue
    return False


def _path_granted(path: str, names: tuple[str, ...]) -> bool:
    """The experiment whose folder a path is in, as it stands or decoded, which a store behind HTTP may do."""
    for reading in (path, unquote(path)):
        if ".." in reading.split("/") or reading.startswith("/"):
            return False
        segments = posixpath.normpath(reading).split("/")
        segments = segments[2:] if segments[0] == "workspaces" else segments
        if not segments or segments[0] not in names:
            return False
    return True


def _source_granted(source: str, names: tuple[str, ...]) -> bool:
    if source in ("dummy-source", "prompt-template"):
        return True
    if match := re.fullmatch(r"models:/([^/@%?#]+)[/@]([^/@%?#]+)", source):
        return _name_granted(match[1], names)
    if source.startswith("mlflow-artifacts:/"):
        return _path_granted(source.removeprefix("mlflow-artifacts:/"), names)
    return False


@dataclass(frozen=True)
class Finding:
    """A request that the filter forwarded, and what a server did beyond the grant."""

    request: Request
    grant: str
    server: str
    acted: str

    def __str__(self) -> str:
        r = self.request
        return (
            f"{self.server}, {self.grant}: {self.acted}\n"
            f"    {r.method} {r.target!r} ({', '.join(r.mutations) or 'unchanged'})\n"
            f"    {list(r.headers)} {(r.body or b'')[:300]!r}"
        )


@dataclass
class Tally:
    """Counts, and the violations."""

    outcomes: Counter[str] = field(default_factory=Counter)
    """By `allowed` or the reason of the refusal."""
    mutations: Counter[tuple[str, bool]] = field(default_factory=Counter)
    operations: Counter[tuple[str, bool]] = field(default_factory=Counter)
    served: Counter[str] = field(default_factory=Counter)
    """Allowed, and a server acted on what was granted: by server."""
    lost: int = 0
    """Allowed, and no server acted at all."""
    sampled: int = 0
    rightly: int = 0
    """Of the refused that were sampled: a server would have acted beyond the grant."""
    needlessly: Counter[str] = field(default_factory=Counter)
    """Of the refused that were sampled: a server would have acted within the grant, by reason."""
    found: list[Finding] = field(default_factory=list)

    def tried(self) -> int:
        return sum(self.outcomes.values())

    def allowed(self) -> int:
        return self.outcomes["allowed"]

    def table(self) -> str:
        tried, allowed = self.tried(), self.allowed()
        lines = [
            f"tried {tried:,}, refused {tried - allowed:,}, allowed {allowed:,}, violations {len(self.found):,}",
            "by reason: " + ", ".join(f"{reason} {n:,}" for reason, n in self.outcomes.most_common()),
            "allowed, and within the grant: " + ", ".join(f"{s} {n:,}" for s, n in sorted(self.served.items())),
            f"allowed, and no server acted: {self.lost:,}",
            f"of {self.sampled:,} refused ones a server would have acted beyond the grant for {self.rightly:,}, "
            f"within it for {sum(self.needlessly.values()):,}",
        ]
        return "\n".join(lines)

    def by_mutation(self) -> str:
        names = sorted({name for name, _ in self.mutations})
        rows = [f"{name:22}{self.mutations[name, True]:>10,}{self.mutations[name, False]:>10,}" for name in names]
        return "\n".join([f"{'':22}{'allowed':>10}{'refused':>10}", *rows])


class Comparison:
    """The filter and servers of MLflow, running until `stop`."""

    def __init__(self, workdir: Path, versions: list[str] | None = None, command: Path | None = None) -> None:
        config = workdir / "bodies.json"
        config.write_text(json.dumps(CONFIG))
        self._filter = Lines([command or cli(), "explain", "--stdin", "--config", config])
        self.releases = [Release(version) for version in versions or releases()]

    def __enter__(self) -> "Comparison":
        return self

    def __exit__(self, *_: object) -> None:
        self._filter.stop()
        for release in self.releases:
            release.stop()

    def decide(self, requests: list[tuple[str, Request]]) -> list[dict[str, Any]]:
        """The filter's decisions about (grant, request)."""
        lines = [request.line(GRANTS[grant]) for grant, request in requests]
        decisions = self._filter.ask(lines)
        for decision, line in zip(decisions, lines, strict=True):
            if "error" in decision:
                raise RuntimeError(f"{decision['error']}: {line}")
        return decisions

    def compare(
        self,
        requests: list[tuple[str, Request]],
        tally: Tally,
        seen_as: Callable[[Request], Request] = lambda request: request,
        chance: random.Random | None = None,
    ) -> None:
        """Adds what comes of (grant, request). `seen_as` puts a weaker filter in the filter's place: one that
        reads another request than is sent."""
        chance = chance or random.Random(1)
        decisions = self.decide([(grant, seen_as(request)) for grant, request in requests])
        forwarded: dict[int, list[str]] = {}
        questions: list[list[tuple[int, str]]] = [[] for _ in self.releases]
        for place, ((_, request), decision) in enumerate(zip(requests, decisions, strict=True)):
            allowed = decision["decision"] == "allow"
            tally.outcomes["allowed" if allowed else decision["reason"]] += 1
            tally.operations[request.operation, allowed] += 1
            for name in request.mutations or ("unchanged",):
                tally.mutations[name, allowed] += 1
            if allowed:
                forwarded[place] = []
                for asked, release in zip(questions, self.releases, strict=True):
                    asked += [(place, server) for server in release.servers]
            elif chance.randrange(SAMPLED) == 0:
                number = chance.randrange(len(self.releases))
                questions[number].append((place, chance.choice(self.releases[number].servers)))
        for release, asked in zip(self.releases, questions, strict=True):
            answers = release.ask([(server, requests[place][1]) for place, server in asked])
            for (place, server), (calls, _) in zip(asked, answers, strict=True):
                grant, request = requests[place]
                beyond = outside(calls, grant)
                if place not in forwarded:
                    tally.sampled += 1
                    tally.rightly += beyond is not None
                    tally.needlessly[decisions[place]["reason"]] += bool(calls) and beyond is None
                    continue
                name = f"{release.version}/{server}"
                forwarded[place] += [name] if calls else []
                if beyond:
                    tally.found.append(Finding(request, grant, name, beyond))
                elif calls:
                    tally.served[name] += 1
        tally.lost += sum(not acted for acted in forwarded.values())

    def run(self, seed: int, count: int, tally: Tally | None = None, **options: Any) -> Tally:
        """`count` requests of a seed."""
        tally = tally or Tally()
        requests = Requests(seed)
        for done in range(0, count, 500):
            drawn = [(requests.random.choice(list(GRANTS)), requests.draw()) for _ in range(min(500, count - done))]
            self.compare(drawn, tally, chance=requests.random, **options)
        return tally


def main() -> int:
    parser = argparse.ArgumentParser(prog="scripts/differential-bodies", description=__doc__)
    parser.add_argument("--count", type=int, default=20_000, help="so many requests")
    parser.add_argument("--seed", type=int, default=int(time.time()), help="default: the time")
    parser.add_argument("--cli", type=Path, help="another mlflow-authz, to see that a weaker one is found")
    parser.add_argument("--releases", nargs="+", help="of MLflow; default: all that are installed")
    parser.add_argument("--shown", type=int, default=30, help="so many violations are printed")
    options = parser.parse_args()
    began, tally = time.monotonic(), Tally()
    with (
        tempfile.TemporaryDirectory() as directory,
        Comparison(Path(directory), options.releases, options.cli) as comparison,
    ):
        servers = [f"{release.version}/{s}" for release in comparison.releases for s in release.servers]
        print(f"seed {options.seed}, {options.count:,} requests; servers: {', '.join(servers)}", flush=True)
        for part, done in enumerate(range(0, options.count, 10_000)):
            comparison.run(options.seed + part, min(10_000, options.count - done), tally)
            if done + 10_000 < options.count:
                seconds = time.monotonic() - began
                note = f"{tally.tried():,} tried, {len(tally.found)} found, {seconds:.0f} s"
                print(note, file=sys.stderr, flush=True)
    print(tally.by_mutation(), tally.table(), sep="\n\n")
    print("refused needlessly, by reason:", dict(tally.needlessly))
    print(f"seconds: {time.monotonic() - began:.0f}")
    for finding in tally.found[: options.shown]:
        print(finding)
    return 1 if tally.found else 0


if __name__ == "__main__":
    sys.exit(main())
