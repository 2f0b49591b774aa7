"""MLflow's page in a real browser: what each scope sees on it, as docs/web-page.md says.

fixtures/web_page/3.17.2.json has the requests that each page sends, as a browser with a key that may do everything sent
them. What the filter decides about them makes the table of the document. Here the browser goes to some of the pages
with some of the scopes, and what it is refused must be what the table says, without a red notification.
"""

import json
import re
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from harness import keys, paths
from harness.browser import Browser
from harness.http import Client, bearer
from harness.stack import MOUNT, Stack

RELEASE = "3.17.2"
RECORDED = paths.ROOT / "tests" / "fixtures" / "web_page" / f"{RELEASE}.json"
DOCUMENT = paths.ROOT / "docs" / "web-page.md"

SCOPES = [
    "model:read",
    "model:register",
    "model:write",
    "model:promote",
    "model:delete",
    "tracking:write",
    "mlflow:write",
    "mlflow:delete",
    "gateway:use",
    "mlflow:admin",
]
"""One of each row of the default table."""

Request = tuple[str, str]


def recorded() -> dict[str, dict[str, Any]]:
    """{title of the page: {path: behind `#/`, requests: [[method, target]]}}"""
    return json.loads(RECORDED.read_text())


def refused(scope: str, requests: list[Request]) -> list[Request]:
    """Those that the filter refuses to a key with this scope."""
    lines = [json.dumps({"method": method, "target": target, "scopes": [scope]}) for method, target in requests]
    answer = subprocess.run(
        [paths.cli(), "explain", "--stdin"], input="\n".join(lines), capture_output=True, text=True, check=True
    )
    decisions = [json.loads(line)["decision"] for line in answer.stdout.splitlines()]
    assert len(decisions) == len(requests)
    return [request for request, decision in zip(requests, decisions, strict=True) if decision != "allow"]


def table() -> str:
    """The table of docs/web-page.md."""
    pages = recorded()
    every = sorted({(m, t) for page in pages.values() for m, t in page["requests"]})
    denied = {scope: set(refused(scope, every)) for scope in SCOPES}
    notes: list[str] = []
    rows = []
    for title, page in pages.items():
        cells = []
        for scope in SCOPES:
            missing = [shown(m, t) for m, t in page["requests"] if (m, t) in denied[scope]]
            if missing and len(missing) == len(page["requests"]):
                cells.append("none")
                continue
            for each in missing:
                if each not in notes:
                    notes.append(each)
            marks = sorted({notes.index(each) + 1 for each in missing})
            cells.append(" ".join(map(str, marks)) or "✓")
        rows.append(f"| {title} | {' | '.join(cells)} |")
    head = f"| page | {' | '.join(f'`{scope}`' for scope in SCOPES)} |"
    rule = "|---" * (len(SCOPES) + 1) + "|"
    listed = [f"{number}. {note}" for number, note in enumerate(notes, 1)]
    return "\n".join([head, rule, *rows, "", "Refused, by number:", "", *listed])


def shown(method: str, target: str) -> str:
    return f"`{method} {target}`"


def test_the_document_has_the_table() -> None:
    """To write it anew: python tests/mlflow/test_web_page.py"""
    assert table() in DOCUMENT.read_text()


# --- the browser ---


def made(client: Client, path: str, **body: Any) -> Any:
    headers = [bearer(keys.FULL["key"]), ("content-type", "application/json")]
    answer = client.post(f"{MOUNT}/api/2.0/mlflow/{path}", headers, json.dumps(body).encode())
    assert answer.status == 200, answer.body
    return answer.json()


@pytest.fixture(scope="module")
def objects(mlflow_stack: Stack) -> dict[str, str]:
    """The ids of what the pages show."""
    client = mlflow_stack.client
    experiment = made(client, "experiments/create", name="web-page")["experiment_id"]
    run = made(client, "runs/create", experiment_id=experiment, run_name="seen in a browser")
    run_id = run["run"]["info"]["run_id"]
    made(client, "runs/log-metric", run_id=run_id, key="loss", value=0.5, timestamp=1, step=0)
    made(client, "registered-models/create", name="web-page-model")
    made(client, "model-versions/create", name="web-page-model", source=f"runs:/{run_id}/model", run_id=run_id)
    return {"experiment": experiment, "run": run_id, "model": "web-page-model"}


@pytest.fixture
def browser(tmp_path: Path) -> Iterator[Browser]:
    with Browser(tmp_path) as started:
        yield started


def log_in(browser: Browser, stack: Stack, key: str) -> None:
    """As a person does, with the key as the password. The browser keeps it and never shows it to the page."""
    browser.visit(stack.url.replace("://", f"://anyone:{key}@") + "/")


def open_page(browser: Browser, stack: Stack, path: str, expected: str) -> str:
    """Goes to a page and waits until it shows a text; all that it shows then."""
    browser.visit(f"{stack.url}/#/{path}")
    for _ in range(100):
        text = browser.evaluate("document.body.innerText")
        if expected in text:
            break
        browser.wait_quiet(0.1)
    assert expected in text, text
    browser.wait_quiet()
    return browser.evaluate("document.body.innerText")


def normalized(target: str, objects: dict[str, str]) -> str:
    """A target as the fixture has it: a path; with its query only where the filter reads that."""
    path, _, query = target.partition("?")
    keeps = path.endswith(("/gateway-proxy", "/bindings/list"))
    return f"{path}?{query}" if keeps and query else path


def refusals(browser: Browser, objects: dict[str, str]) -> set[Request]:
    """What the filter refused to the page that is open."""
    return {
        (method, normalized(url.split(MOUNT, 1)[1], objects))
        for status, method, url in browser.answers
        if status == 403
    }


VISITS: list[tuple[dict[str, Any], list[tuple[str, str, str]]]] = [
    (
        keys.READ,
        [
            ("Experiments", "experiments", "web-page"),
            ("Training runs", "experiments/{experiment}/runs", "seen in a browser"),
            ("Run", "experiments/{experiment}/runs/{run}", "loss"),
            ("Models", "models", "{model}"),
            ("Model version", "models/{model}/versions/1", "Version 1"),
            ("Gateway", "gateway", "AI Gateway"),
        ],
    ),
    (
        keys.WRITE,
        [
            ("Training runs", "experiments/{experiment}/runs", "seen in a browser"),
            ("Run", "experiments/{experiment}/runs/{run}", "loss"),
        ],
    ),
    (keys.TRACKING, [("Training runs", "experiments/{experiment}/runs", "seen in a browser")]),
    (
        keys.PROMOTE,
        [
            ("Models", "models", "{model}"),
            ("Training runs", "experiments/{experiment}/runs", "Permission denied"),
        ],
    ),
]


@pytest.mark.parametrize(("key", "pages"), VISITS, ids=[key["scopes"][0] for key, _ in VISITS])
def test_pages_in_a_browser(
    browser: Browser,
    mlflow_stack: Stack,
    objects: dict[str, str],
    key: dict[str, Any],
    pages: list[tuple[str, str, str]],
) -> None:
    log_in(browser, mlflow_stack, key["key"])
    every = recorded()["Every page"]
    for title, path, expected in pages:
        page = recorded()[title]
        assert page["path"] == path
        open_page(browser, mlflow_stack, path.format(**objects), expected.format(**objects))
        sent = [(method, target) for method, target in [*page["requests"], *every["requests"]]]
        denied = set(refused(key["scopes"][0], sent))
        assert browser.notifications() == [], title
        assert refusals(browser, objects) <= denied, title


def test_a_navigation_that_is_refused_is_a_page(browser: Browser, mlflow_stack: Stack) -> None:
    log_in(browser, mlflow_stack, keys.PROMOTE["key"])
    browser.visit(f"{mlflow_stack.url}/metrics?api_key=hk_live_other")
    status, _, _ = browser.answers[0]
    text = browser.evaluate("document.body.innerText")
    assert status == 403
    for shown_text in (
        "This is not allowed",
        "server:read",
        "model:promote",
        keys.PROMOTE["key_id"],
        f"GET {MOUNT}/metrics",
        "private window",
    ):
        assert shown_text in text, text
    assert "hk_live_other" not in browser.evaluate("document.documentElement.outerHTML")
    # The style sheet passed the policy, and nothing else was asked for or complained about.
    assert browser.evaluate("getComputedStyle(document.querySelector('main')).borderRadius") == "8px"
    assert [url for url in browser.requests if not re.search(r"/metrics|favicon|\.worker\.js", url)] == []
    assert not any("Content Security Policy" in complaint for complaint in browser.complaints)


def test_programs_get_json(mlflow_stack: Stack) -> None:
    target = f"{MOUNT}/metrics"
    for headers in (
        [("accept", "*/*")],
        [],
        [("accept", "text/html"), ("sec-fetch-mode", "cors")],
        [("accept", "application/json, text/html;q=0.9")],
    ):
        answer = mlflow_stack.client.get(target, [bearer(keys.PROMOTE["key"]), *headers])
        assert answer.json()["reason"] == "scope_missing"
        assert answer.header("content-security-policy") is None


def test_the_page_asks_for_a_login(mlflow_stack: Stack) -> None:
    answer = mlflow_stack.client.get(f"{MOUNT}/", [("sec-fetch-mode", "navigate")])
    assert (answer.status, answer.header("content-type")) == (401, "text/html; charset=utf-8")
    assert 'Basic realm="mlflow"' in answer.header_values("www-authenticate")


def write_table() -> None:
    document = DOCUMENT.read_text()
    start, end = document.index("| page |"), document.index("\n\n## ", document.index("| page |"))
    DOCUMENT.write_text(document[:start] + table() + document[end:])


if __name__ == "__main__":
    write_table()
