"""The main pages of MLflow, the scopes they are looked at with, and what was seen: fixtures/web_page/."""

import json
from typing import Any

from harness import keys, paths

RELEASES = ["3.17.2", "3.18.0"]

PAGES = {
    "Home": "",
    "Experiments": "experiments",
    "Training runs": "experiments/{experiment}/runs",
    "Overview of an experiment": "experiments/{experiment}/overview/usage",
    "Run": "experiments/{experiment}/runs/{run}",
    "Run: artifacts": "experiments/{experiment}/runs/{run}/artifacts",
    "Run: model metrics": "experiments/{experiment}/runs/{run}/model-metrics",
    "Run: traces": "experiments/{experiment}/runs/{run}/traces",
    "Comparison of runs": 'compare-runs?runs=["{run}","{run2}"]&experiments=["{experiment}"]',
    "Models": "models",
    "Model": "models/{model}",
    "Model version": "models/{model}/versions/1",
    "Logged models": "experiments/{experiment}/models",
    "Logged model": "experiments/{experiment}/models/{logged_model}",
    "Prompts": "prompts",
    "Prompt": "prompts/{prompt}",
    "Prompts of an experiment": "experiments/{experiment}/prompts",
    "Traces": "experiments/{experiment}/traces",
    "Sessions": "experiments/{experiment}/chat-sessions",
    "Datasets": "experiments/{experiment}/datasets",
    "Evaluation runs": "experiments/{experiment}/evaluation-runs",
    "Judges": "experiments/{experiment}/judges",
    "Review": "experiments/{experiment}/review-queue",
    "Playground": "experiments/{experiment}/playground",
    "MCP registry": "mcp-registry",
    "Gateway": "gateway",
    "Gateway: API keys": "gateway/api-keys",
    "Gateway: usage": "gateway/usage",
    "Gateway: budgets": "gateway/budgets",
    "Settings": "settings",
    "Settings: LLM connections": "settings/llm-connections",
    "Settings: webhooks": "settings/webhooks",
}
"""The path of each page behind `#/`, by its title. Words in braces are those of `world.make`."""

KEYS = [
    keys.READ,
    keys.REGISTER,
    keys.WRITE,
    keys.PROMOTE,
    keys.DELETE,
    keys.TRACKING,
    keys.key("mlflow_write", ["mlflow:write"]),
    keys.key("mlflow_delete", ["mlflow:delete"]),
    keys.GATEWAY,
    keys.FULL,
]
"""A key for one scope of each row of the default table; the other scopes of a row grant the same."""

SCOPES = [key["scopes"][0] for key in KEYS]
ADMINISTRATOR = "mlflow:admin"

EVERY = "Every page"
"""The requests that all pages send to whoever may do everything."""

Request = tuple[str, str]
"""A method and a target: its path, with its query only where the filter reads that."""

FIXTURES = paths.ROOT / "tests" / "fixtures" / "web_page"


class Seen:
    """What one release's pages sent and showed, as scripts/web-pages wrote it down."""

    def __init__(self, release: str) -> None:
        self.release = release
        said: dict[str, Any] = json.loads((FIXTURES / f"{release}.json").read_text())
        self.requests: list[Request] = [tuple(each.split(" ", 1)) for each in said["requests"]]
        self.cells: dict[tuple[str, str], dict[str, Any]] = {
            (title, scope): cell for title, cells in said["pages"].items() for scope, cell in cells.items()
        }

    def sent(self, title: str, scope: str) -> set[Request]:
        return {self.requests[number] for number in self.cells[title, scope]["sent"]}

    def refused(self, title: str, scope: str) -> set[Request]:
        return {self.requests[number] for number in self.cells[title, scope]["refused"]}

    def is_grey(self, title: str, scope: str) -> bool:
        """Whether grey bars were left standing where content should be."""
        return bool(self.cells[title, scope].get("grey"))

    def of_every_page(self) -> set[Request]:
        return set.intersection(*(self.sent(title, ADMINISTRATOR) for title in PAGES))


def write(release: str, seen: dict[str, dict[str, Any]]) -> None:
    """Writes what `sweep.sweep` saw."""
    cells = [titles[title] for titles in seen.values() for title in PAGES]
    requests = sorted({tuple(each) for cell in cells for each in cell["sent"]})
    number = {request: place for place, request in enumerate(requests)}
    pages: dict[str, Any] = {}
    for title in PAGES:
        pages[title] = {}
        for scope in SCOPES:
            cell = seen[scope][title]
            kept = {what: [number[tuple(each)] for each in cell[what]] for what in ("sent", "refused")}
            kept |= {what: cell[what] for what in ("grey", "notifications") if cell[what]}
            pages[title][scope] = kept
    rows = ",\n".join(
        f"{json.dumps(title)}: {{\n"
        + ",\n".join(f" {json.dumps(scope)}: {json.dumps(cell)}" for scope, cell in cells.items())
        + "}"
        for title, cells in pages.items()
    )
    listed = ",\n".join(f" {json.dumps(' '.join(request))}" for request in requests)
    FIXTURES.mkdir(exist_ok=True)
    (FIXTURES / f"{release}.json").write_text(
        f'{{"requests": [\n{listed}],\n"pages": {{\n{rows}}}}}\n', encoding="utf-8"
    )
