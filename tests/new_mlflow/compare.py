"""What differs between a release of MLflow, the one before it, and the catalog."""

import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

Row = dict[str, Any]
Key = tuple[str, str]
"""Method and path, the path without the names of its parameters."""

# Served only with an option, so never among the routes of a server that was started without it.
ONLY_WITH_OPTIONS = {("GET", "/metrics")}


def key(method: str, path: str) -> Key:
    return method, re.sub(r"\{(\*?)[\w.]+\}", r"{\1}", path)


@dataclass
class Answers:
    """What ask.py said of one release."""

    said: Row

    def __post_init__(self) -> None:
        self.release: str = self.said["release"]
        self.functions: dict[str, Row] = self.said["functions"]
        # FastAPI's come first, and of two routes the first one serves.
        self.endpoints: dict[Key, Row] = {}
        for row in self.said["endpoints"]:
            self.endpoints.setdefault(key(row["method"], row["path"]), row)

    def at(self, function: str | None) -> str:
        """`server/handlers.py:123 _create_run`, or what stands for nothing."""
        if function is None:
            return "none: every user of MLflow's own may call it"
        if function not in self.functions:
            return function
        file, _, name = function.partition(" ")
        return f"{file}:{self.functions[function]['line']} {name}"

    def source(self, function: str | None) -> str:
        return self.functions.get(function or "", {}).get("source", "")


@dataclass(frozen=True)
class Changed:
    """An endpoint whose handler or validator is not what it was."""

    endpoint: Row
    entry: Row
    before: Row
    what: tuple[str, ...]
    """`handler`, `validator`."""


@dataclass
class Differences:
    """Everything that a maintainer has to look at."""

    old: Answers
    new: Answers
    missing: list[Row] = field(default_factory=list)
    """Endpoints without an entry, as ask.py has them."""
    gone: list[Row] = field(default_factory=list)
    """Entries of the release before, once for each method, that this one does not serve."""
    again: list[Row] = field(default_factory=list)
    """Entries that end before this release, which serves them."""
    changed: list[Changed] = field(default_factory=list)
    helpers: Counter[str] = field(default_factory=Counter)
    """Functions of the auth plugin that are not what they were, by the number of endpoints whose validator calls them."""

    def is_empty(self) -> bool:
        return not (self.missing or self.gone or self.again or self.changed or self.helpers)


def compare(old: Answers, new: Answers, catalog: list[Row], before: list[Row]) -> Differences:
    """`catalog` are all entries, `before` those that the release before serves: `mlflow-authz routes --format json`."""
    differences = Differences(old, new)
    # Of two entries of one path the one that has not ended.
    entries = dict(sorted(spread(catalog), key=lambda pair: not pair[1]["until"]))
    served = dict(spread(before))
    for each, endpoint in new.endpoints.items():
        entry = entries.get(each)
        if entry is None:
            differences.missing.append(endpoint)
            continue
        if each not in served and each not in old.endpoints and entry["until"]:
            differences.again.append(entry)
        was = old.endpoints.get(each)
        if was is None:
            continue
        what = tuple(part for part in ("handler", "validator") if differs(old, new, was[part], endpoint[part]))
        if what:
            differences.changed.append(Changed(endpoint, entry, was, what))
        for function in endpoint["reaches"]:
            if differs(old, new, function, function):
                differences.helpers[function] += 1
    unended = {each: row for each, row in served.items() if not row["until"] and each not in ONLY_WITH_OPTIONS}
    differences.gone = [row for each, row in unended.items() if each not in new.endpoints]
    return differences


def spread(rows: list[Row]) -> Iterator[tuple[Key, Row]]:
    """Each row once for each of its methods."""
    for row in rows:
        for method in row["methods"]:
            yield key(method, row["path"]), {**row, "methods": [method]}


def differs(old: Answers, new: Answers, was: str | None, now: str | None) -> bool:
    return was != now or old.source(was) != new.source(now)
