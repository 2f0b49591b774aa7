"""The table of pages and scopes in docs/web-page.md, made of what was seen."""

from harness import paths

from .pages import EVERY, PAGES, RELEASES, SCOPES, Request, Seen

DOCUMENT = paths.ROOT / "docs" / "web-page.md"


def write() -> None:
    document = DOCUMENT.read_text()
    start, end = document.index("| page |"), document.index("\n\n## ", document.index("| page |"))
    DOCUMENT.write_text(document[:start] + table() + document[end:])


def table() -> str:
    """Of the first release, then what is otherwise in the others."""
    first, *others = (Cells(release) for release in RELEASES)
    notes: list[Request] = []
    rows = [[title, *(first.cell(title, scope, notes) for scope in SCOPES)] for title in (EVERY, *PAGES)]
    differing = []
    for other in others:
        for title in (EVERY, *PAGES):
            for scope in SCOPES:
                before, now = first.cell(title, scope, notes), other.cell(title, scope, notes)
                if before != now:
                    differing.append(f"- {other.release}, {title}, `{scope}`: {now}")
    lines = [
        row(["page", *(f"`{scope}`" for scope in SCOPES)]),
        "|---" * (len(SCOPES) + 1) + "|",
        *map(row, rows),
        "",
        "The numbers are these refused requests:",
        "",
        *(f"{number}. `{method} {target}`" for number, (method, target) in enumerate(notes, 1)),
    ]
    if differing:
        lines += ["", "Where another release differs:", "", *differing]
    return "\n".join(lines)


def row(cells: list[str]) -> str:
    return f"| {' | '.join(cells)} |"


class Cells:
    """What a release's pages lack, in the words of the table."""

    def __init__(self, release: str) -> None:
        self.release = release
        self._seen = Seen(release)
        self._every = self._seen.of_every_page()

    def cell(self, title: str, scope: str, notes: list[Request]) -> str:
        if title == EVERY:
            refused = set.intersection(*(self._seen.refused(page, scope) for page in PAGES)) & self._every
            return numbers(refused, notes) or "✓"
        refused = self._seen.refused(title, scope) - self._every
        sent = self._seen.sent(title, scope) - self._every
        said = "none" if sent and sent == refused else numbers(refused, notes) or "✓"
        return f"{said} grey" if self._seen.is_grey(title, scope) and refused else said


def numbers(refused: set[Request], notes: list[Request]) -> str:
    notes += sorted(refused - set(notes))
    return " ".join(str(number) for number in sorted(notes.index(each) + 1 for each in refused))


if __name__ == "__main__":
    write()
