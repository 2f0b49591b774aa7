"""The differences for people, as Markdown: it is printed, and the text of the issue that the scheduled run opens."""

import difflib
from collections.abc import Iterator
from pathlib import Path

from harness import paths

from .compare import Changed, Differences, Row
from .proposal import proposals

ENTRIES = paths.ROOT / "src" / "catalog" / "entries"


def report(differences: Differences, catalog: list[Row], with_sources: bool) -> str:
    return "\n".join(_lines(differences, catalog, with_sources))


def _lines(differences: Differences, catalog: list[Row], with_sources: bool) -> Iterator[str]:
    old, new = differences.old, differences.new
    yield f"# MLflow {new.release}, compared with {old.release} and the catalog"
    yield ""
    yield f"{len(new.endpoints)} endpoints; missing {len(differences.missing)}, gone {len(differences.gone)}, "
    yield f"served again {len(differences.again)}, changed {len(differences.changed)}, "
    yield f"changed functions that validators call {len(differences.helpers)}."
    if differences.missing:
        yield from _missing(differences, catalog)
    if differences.gone:
        yield "\n## Gone: end their routes\n"
        yield f"Add `.until(Release({', '.join(new.release.split('.')[:2])}, 0))` to:\n"
        yield from _entries(differences.gone)
    if differences.again:
        yield "\n## Served again: give them a second route, `since` this release\n"
        yield from _entries(differences.again)
    if differences.changed:
        yield "\n## Changed: does the entry still need what MLflow asks for?\n"
        yield "| endpoint | entry | validator | was | changed |"
        yield "|---|---|---|---|---|"
        for changed in _without_twins(differences.changed):
            yield _changed(changed, differences)
    if differences.helpers:
        yield "\n## Functions of the auth plugin that changed, and how many endpoints' validators call them\n"
        for function, count in differences.helpers.most_common():
            yield f"- {count}: {new.at(function)}"
    if with_sources:
        yield from _sources(differences)


def _missing(differences: Differences, catalog: list[Row]) -> Iterator[str]:
    yield "\n## Missing: entries to paste into src/catalog/entries and review\n"
    yield "The access is guessed from the validator's name and the method; docs/dev/extending.md says how it is chosen."
    yield "Routes of one operation that stand in several entries belong into one.\n"
    yield "```rust"
    yield from proposals(differences.missing, differences.new, catalog)
    yield "```"


def _entries(rows: list[Row]) -> Iterator[str]:
    for row in rows:
        yield f"- {row['methods'][0]} {row['path']}: {row['operation']}, {_place(row)}"


def _place(row: Row) -> str:
    """Where the entry stands: `src/catalog/entries/runs.rs:12`."""
    for file in sorted(ENTRIES.glob("*.rs")):
        for number, line in enumerate(file.read_text().splitlines(), 1):
            if line.strip() == f'"{row["operation"]}",':
                return f"{Path('src/catalog/entries') / file.name}:{number}"
    return "src/catalog/entries"


def _without_twins(changed: list[Changed]) -> list[Changed]:
    """`/api/…` alone where `/ajax-api/…` runs the same."""
    ran = {(each.endpoint["path"], each.endpoint["method"]): each.endpoint["handler"] for each in changed}
    return [
        each
        for each in changed
        if ran.get((each.endpoint["path"].replace("/ajax-api/", "/api/", 1), each.endpoint["method"]))
        != each.endpoint["handler"]
        or not each.endpoint["path"].startswith("/ajax-api/")
    ]


def _changed(changed: Changed, differences: Differences) -> str:
    endpoint, entry = changed.endpoint, changed.entry
    was, now = changed.before["validator"], endpoint["validator"]
    before = differences.old.at(was) if was != now else ""
    return (
        f"| {endpoint['method']} {endpoint['path']} | {entry['operation']} {entry['permission']} "
        f"| {differences.new.at(now)} | {before} | {', '.join(changed.what)}: {differences.new.at(endpoint['handler'])} |"
    )


def _sources(differences: Differences) -> Iterator[str]:
    """What changed, as a diff of each function once."""
    old, new = differences.old, differences.new
    pairs = dict.fromkeys(
        (changed.before[part], changed.endpoint[part]) for changed in differences.changed for part in changed.what
    )
    pairs.update(dict.fromkeys((function, function) for function in differences.helpers))
    for was, now in pairs:
        yield f"\n### {new.at(now)}\n"
        yield "```diff"
        yield from difflib.unified_diff(
            old.source(was).splitlines(), new.source(now).splitlines(), old.release, new.release, lineterm=""
        )
        yield "```"
