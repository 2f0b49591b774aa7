"""The filter and the server side by side: what each makes of a request, and which reads it weaker."""

import json
import os
import re
import subprocess
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from harness import paths, releases

from .spellings import Header, Spelling, Spellings

ORACLE = Path(__file__).with_name("server_oracle.py")

Reached = list[str] | int | None
"""A handler as [app, method, template], or the status instead, or None for a closed connection."""


@dataclass(frozen=True)
class Deployment:
    """How a listener, the filter's configuration and a server go together."""

    name: str
    mounts: tuple[str, ...]
    stripped: str = ""
    """What the proxy takes off the path of those requests that have it."""
    rest: bool = True
    """Whether the other requests reach the server too, as they are."""
    static_prefix: str = ""
    """What `mlflow server` has for --static-prefix."""
    below: tuple[str, ...] = ("",)
    """The prefixes under which clients of this deployment ask."""

    def forwarded(self, target: str) -> str | None:
        """The target that the server gets, as Envoy's `prefix: /x/` with `prefix_rewrite: /` makes it."""
        path, mark, query = target.partition("?")
        if self.stripped and path == self.stripped:
            return "/" + mark + query
        if self.stripped and path.startswith(self.stripped + "/"):
            return target[len(self.stripped) :]
        return target if self.rest else None


DEPLOYMENTS = [
    Deployment("mount /", ("/",)),
    # envoy.yaml
    Deployment("prefix stripped", ("/api/mlflow",), stripped="/api/mlflow", rest=False, below=("/api/mlflow",)),
    # As envoy.yaml, and the other requests reach the server too.
    Deployment("both", ("/api/mlflow", "/"), stripped="/api/mlflow", below=("/api/mlflow", "")),
    # The server has artifact routes at its root, whatever its prefix.
    Deployment("static prefix", ("/p", "/"), static_prefix="/p", below=("/p", "/p", "")),
]

CLASSES = {
    "refused": "with 400, whatever the server would do",
    "no handler": "not refused, and the server has no handler for it",
    "equal": "the permission that the handler needs",
    "stricter": "a permission that implies it",
    "admin instead": "*:admin, which says more, but a role could grant it alone",
    "weaker": "less than the handler needs: a violation",
    "no entry": "a handler without an entry, which the filter takes for an unknown endpoint too",
}


class Lines:
    """A program that answers each line with a line. Batches bound what stands in the pipes."""

    def __init__(self, command: list[Any], env: dict[str, str] | None = None, flush: str = "") -> None:
        self._flush = flush
        self._process = subprocess.Popen(
            [str(part) for part in command],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            env={**os.environ, **(env or {})},
        )

    def read(self) -> Any:
        assert self._process.stdout is not None
        line = self._process.stdout.readline()
        if not line:
            raise RuntimeError(f"{self._process.args} ended with status {self._process.wait()}")
        return json.loads(line)

    def ask(self, questions: list[Any]) -> list[Any]:
        """Answers in order. A batch must fit into the pipes, or both sides wait for ever."""
        assert self._process.stdin is not None
        answers = []
        for batch in _batches(questions):
            text = "".join(json.dumps(question) + "\n" for question in batch) + self._flush
            self._process.stdin.write(text.encode())
            self._process.stdin.flush()
            answers += [self.read() for _ in batch]
        return answers

    def stop(self) -> None:
        assert self._process.stdin is not None
        self._process.stdin.close()
        self._process.wait(timeout=20)
        assert self._process.stdout is not None
        self._process.stdout.close()


def _batches(questions: list[Any], bound: int = 48_000) -> Iterator[list[Any]]:
    """Answers are at most about 1.5 KB long and a pipe holds 64 KB; the reader's side is what matters.

    The programs write only at the end of a batch or when their own buffer is full, so a batch is kept
    to so many questions that all their answers fit.
    """
    batch: list[Any] = []
    for question in questions:
        batch.append(question)
        if len(batch) >= bound // 1_500:
            yield batch
            batch = []
    if batch:
        yield batch


class Server:
    """The real server's routing; see server_oracle.py."""

    def __init__(self, static_prefix: str = "") -> None:
        command = [paths.mlflow_python(), ORACLE, "--static-prefix", static_prefix]
        # uvicorn's other parser, where scripts/differential has put it.
        site = sorted((paths.ROOT / ".tools").glob("httptools-*"))
        self._lines = Lines(command, {"PYTHONPATH": str(site[-1])} if site else None, flush="\n")
        self._names: list[str] | None = None

    @property
    def names(self) -> list[str]:
        """What it can be asked about; waits until it is there."""
        if self._names is None:
            self._names = self._lines.read()["servers"]
        return self._names

    def ask(self, requests: list[tuple[str, str, str, tuple[Header, ...]]]) -> list[Reached]:
        """What (server, method, target, headers) reach."""
        assert self.names
        return self._lines.ask([list(request) for request in requests])

    def artifact_paths(self, paths: list[str]) -> list[str | None]:
        """What MLflow makes of artifact paths before it uses them; None where it refuses."""
        assert self.names
        return self._lines.ask([["artifact path", "", path, []] for path in paths])

    def stop(self) -> None:
        self._lines.stop()


class Filter:
    """The filter's engine, through `mlflow-authz explain`."""

    def __init__(self, mounts: Iterable[str], workdir: Path) -> None:
        # Forwarding what is outside shows whether it reaches a handler.
        config = {"mounts": list(mounts), "outside": "forward", "auth_service": {"cluster": "auth_service"}}
        file = workdir / f"config{'-'.join(mounts).replace('/', '_')}.json"
        file.write_text(json.dumps(config))
        self._lines = Lines([cli(), "explain", "--stdin", "--config", file])

    def ask(self, requests: list[Spelling]) -> list[dict[str, Any]]:
        """Decisions about a caller with a valid key that grants nothing, so that each names what it needs."""
        return self._lines.ask(
            [{"method": r.method, "target": r.target, "headers": list(r.headers), "scopes": []} for r in requests]
        )

    def stop(self) -> None:
        self._lines.stop()


def cli() -> Path:
    """$MLFLOW_AUTHZ_CLI, or the one of scripts/build."""
    given = os.environ.get("MLFLOW_AUTHZ_CLI")
    return Path(given) if given else paths.cli()


def _nameless(template: str) -> str:
    """A template without the names of its parameters, which change between releases."""
    return re.sub(r"\{(\*?)[\w.]+\}", r"{\1}", template)


class Needs:
    """What each handler needs, by the catalog's own rows."""

    def __init__(self, rows: list[dict[str, Any]] | None = None) -> None:
        if rows is None:
            command = [cli(), "routes", "--format", "json"]
            rows = json.loads(subprocess.run(command, capture_output=True, timeout=30, check=True).stdout)
        self._rows = {(method, _nameless(row["path"])): row for row in rows for method in row["methods"]}

    def rows(self) -> list[dict[str, Any]]:
        """The catalog, a row once for each of its methods."""
        return [{**row, "methods": [method]} for (method, _), row in self._rows.items()]

    def of(self, reached: list[str], static_prefix: str = "") -> dict[str, Any] | None:
        """The row of a handler; None for a handler without one, which is the conformance test's business."""
        _, method, template = reached
        if static_prefix and template.startswith(static_prefix + "/"):
            template = template[len(static_prefix) :]
        return self._rows.get(("GET" if method == "HEAD" else method, _nameless(template)))


def covers(required: str, needed: str) -> str:
    """The class of a demand, given the need: does whoever meets the one also meet the other?"""
    if required == needed:
        return "equal"
    (wanted, access), (target, action) = required.split(":"), needed.split(":")
    if wanted in ("*", target) and access in ("*", action):
        return "stricter"
    return "admin instead" if required == "*:admin" else "weaker"


def verdict(decision: dict[str, Any], reached: Reached, needed: dict[str, Any] | None) -> str:
    """The class of one request. `needed` is the row of the handler reached."""
    if decision["status"] == 400:
        return "refused"
    if needed is None and isinstance(reached, list):
        # What the filter takes for another endpoint, it may let pass with less.
        return "no entry" if decision["reason"] == "operation_unknown" else "weaker"
    if needed is None:
        return "no handler"
    if decision["reason"] == "public":
        # Whoever may ask the one endpoint of a group without a key may ask the others.
        own = decision["operation"] == needed["operation"] and needed["public"]
        return "equal" if own else "weaker"
    if decision["status"] is None or decision["required_permission"] is None:
        return "weaker"  # forwarded to a handler, undecided: outside, preflight
    if needed.get("needs") and decision["operation"] == needed["operation"]:
        # Several permissions, or any: both sides name them in the same words.
        return "equal" if decision.get("needs") == needed["needs"] else "weaker"
    return covers(decision["required_permission"], needed["permission"])


@dataclass(frozen=True)
class Finding:
    """One request with all that is known about it."""

    deployment: str
    server: str
    spelling: Spelling
    decision: dict[str, Any]
    reached: Reached
    needed: dict[str, Any] | None
    verdict: str

    def __str__(self) -> str:
        s, d = self.spelling, self.decision
        needs = f"needs {self.needed['permission']}" if self.needed else ""
        return (
            f"{self.verdict}: {self.deployment}, {self.server}: {s.method!r} {s.target!r} {list(s.headers)}"
            f" ({', '.join(s.mutations) or 'unchanged'})\n"
            f"    server: {self.reached} {needs}\n"
            f"    filter: {d['reason']} {d['operation']} {d['required_permission']} mount {d['mount']}"
        )


@dataclass
class Tally:
    """Counts by class, and the requests of the classes that should be empty."""

    counts: Counter[tuple[str, str]] = field(default_factory=Counter)
    mutations: Counter[tuple[str, str]] = field(default_factory=Counter)
    refused_reachable: Counter[str] = field(default_factory=Counter)
    reached: set[tuple[str, str]] = field(default_factory=set)
    misnamed: list[Finding] = field(default_factory=list)
    """Same permission, other operation: right to refuse, wrong in the audit log."""
    found: list[Finding] = field(default_factory=list)

    def add(self, finding: Finding) -> None:
        self.counts[finding.deployment, finding.verdict] += 1
        for name in finding.spelling.mutations or ("unchanged",):
            self.mutations[name, finding.verdict] += 1
        if isinstance(finding.reached, list):
            self.reached.add((finding.reached[1], finding.reached[2]))
            self.refused_reachable[finding.deployment] += finding.verdict == "refused"
        if finding.verdict in ("weaker", "admin instead"):
            self.found.append(finding)
        operation = finding.needed and finding.needed["operation"]
        if finding.verdict == "equal" and operation != finding.decision["operation"]:
            self.misnamed.append(finding)

    def total(self, verdict: str) -> int:
        return sum(count for (_, of), count in self.counts.items() if of == verdict)

    def tried(self) -> int:
        return sum(self.counts.values())

    def table(self) -> str:
        """The counts, a deployment a line, the sum below."""
        columns = list(CLASSES)
        head = f"{'':18}{'tried':>10}" + "".join(f"{name:>15}" for name in columns)
        lines = [head]
        for name in dict.fromkeys(deployment for deployment, _ in self.counts):
            row = [self.counts[name, column] for column in columns]
            lines.append(_line(name, row))
        lines.append(_line("all", [self.total(column) for column in columns]))
        reachable = sum(self.refused_reachable.values())
        lines.append(f"of those refused, the server would have run a handler for {reachable}")
        lines.append(f"methods and templates reached: {len(self.reached)}")
        lines.append(f"equal in permission, but another operation: {len(self.misnamed)}")
        return "\n".join(lines)

    def by_mutation(self) -> str:
        columns = list(CLASSES)
        names = sorted({name for name, _ in self.mutations})
        rows = [_line(name, [self.mutations[name, column] for column in columns]) for name in names]
        return "\n".join([f"{'':18}{'tried':>10}" + "".join(f"{name:>15}" for name in columns), *rows])


def _line(name: str, counts: list[int]) -> str:
    return f"{name:18}{sum(counts):>10,}" + "".join(f"{count:>15,}" for count in counts)


def routes(release: str | None = None) -> list[dict[str, Any]]:
    """The routes of a release, of that under test unless another is named."""
    return releases.read(releases.FILE.read_text())[release or paths.versions()["MLFLOW_VERSION"]]


class Comparison:
    """Deployments with their filters and servers, running until `stop`."""

    def __init__(self, workdir: Path, deployments: list[Deployment] = DEPLOYMENTS, release: str | None = None) -> None:
        self.deployments = deployments
        self.routes = routes(release)
        # All start at once; importing MLflow takes seconds.
        self.servers = {prefix: Server(prefix) for prefix in {d.static_prefix for d in deployments}}
        self.filters = {d.name: Filter(d.mounts, workdir) for d in deployments}
        self.needs = Needs()

    def stop(self) -> None:
        for part in [*self.filters.values(), *self.servers.values()]:
            part.stop()

    def __enter__(self) -> "Comparison":
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def compare(
        self,
        deployment: Deployment,
        requests: list[tuple[str, Spelling]],
        seen_as: Callable[[Spelling], Spelling] = lambda spelling: spelling,
    ) -> Iterator[Finding]:
        """What comes of (server, request) in a deployment.

        `seen_as` puts a weaker filter in the filter's place: one that reads another request than is sent.
        """
        decisions = self.filters[deployment.name].ask([seen_as(spelling) for _, spelling in requests])
        forwarded = [
            (server, spelling.method, target, spelling.headers)
            for server, spelling in requests
            if (target := deployment.forwarded(spelling.target)) is not None
        ]
        reached = iter(self.servers[deployment.static_prefix].ask(forwarded))
        for (server, spelling), decision in zip(requests, decisions, strict=True):
            if "error" in decision:
                raise RuntimeError(f"{decision['error']}: {spelling}")
            found = None if deployment.forwarded(spelling.target) is None else next(reached)
            needed = self.needs.of(found, deployment.static_prefix) if isinstance(found, list) else None
            yield Finding(deployment.name, server, spelling, decision, found, needed, verdict(decision, found, needed))

    def run(
        self,
        seed: int,
        count: int,
        tally: Tally | None = None,
        among: list[dict[str, Any]] | None = None,
        **options: Any,
    ) -> Tally:
        """`count` spellings of a seed, spread over deployments and servers; `among`: of these routes alone."""
        tally = tally or Tally()
        spellings = Spellings(among or self.routes, seed)
        random = spellings.random
        left = count
        while left > 0:
            size = min(left, 500)
            left -= size
            deployment = random.choice(self.deployments)
            names = self.servers[deployment.static_prefix].names
            requests = []
            for _ in range(size):
                below = random.choice(deployment.below)
                requests.append((random.choice(names), spellings.draw(below)))
            for finding in self.compare(deployment, requests, **options):
                tally.add(finding)
        return tally
