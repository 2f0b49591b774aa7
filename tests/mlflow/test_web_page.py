"""MLflow's page in a real browser: what each scope sees on it, as docs/web-page.md says.

scripts/web-pages goes to every main page of several releases with every default scope. What it saw is in
fixtures/web_page/, and makes the table of the document. Here what the filter decides is compared with what was seen, and
the browser goes to some of the pages again.
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
from harness.http import bearer
from harness.stack import MOUNT, Stack
from web_page import clicks, sweep, world
from web_page.pages import PAGES, RELEASES, SCOPES, Request, Seen
from web_page.table import DOCUMENT, table


def denied(scope: str, requests: list[Request]) -> set[Request]:
    """Those that the filter refuses to a key with this scope."""
    lines = [json.dumps({"method": method, "target": target, "scopes": [scope]}) for method, target in requests]
    answer = subprocess.run(
        [paths.cli(), "explain", "--stdin"], input="\n".join(lines), capture_output=True, text=True, check=True
    )
    decisions = [json.loads(line)["decision"] for line in answer.stdout.splitlines()]
    assert len(decisions) == len(requests)
    return {request for request, decision in zip(requests, decisions, strict=True) if decision != "allow"}


def test_the_document_has_the_table() -> None:
    """To write it anew: scripts/web-pages, or python -m web_page.table for the table alone."""
    assert table() in DOCUMENT.read_text()


@pytest.mark.parametrize("release", RELEASES)
@pytest.mark.parametrize("scope", SCOPES)
def test_the_filter_refuses_what_was_seen_refused(release: str, scope: str) -> None:
    seen = Seen(release)
    refuses = denied(scope, seen.requests)
    for title in PAGES:
        assert seen.refused(title, scope) == seen.sent(title, scope) & refuses, title
        assert not seen.cells[title, scope].get("notifications"), title


def test_one_scope_of_each_row_of_the_default_table_was_tried() -> None:
    readme = (paths.ROOT / "README.md").read_text()
    rows = readme[readme.index("| scope | permissions |") :].split("\n\n")[0].splitlines()[2:]
    assert len(rows) == len(SCOPES)
    for row, scope in zip(rows, SCOPES, strict=True):
        assert f"`{scope}`" in row.split("|")[1]


# --- the browser ---


@pytest.fixture(scope="module")
def objects(mlflow_stack: Stack, tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """The ids of what the pages show."""
    return world.make(mlflow_stack, tmp_path_factory.mktemp("world"))


@pytest.fixture
def browser(tmp_path: Path) -> Iterator[Browser]:
    with Browser(tmp_path) as started:
        yield started


VISITS: list[tuple[dict[str, Any], dict[str, str]]] = [
    (
        keys.READ,
        {
            "Experiments": "web-page",
            "Training runs": "seen in a browser",
            "Run": "loss",
            "Models": "web-page-model",
            "Model version": "Version 1",
            "Gateway": "AI Gateway",
        },
    ),
    (keys.WRITE, {"Training runs": "seen in a browser", "Run": "loss"}),
    (keys.TRACKING, {"Training runs": "seen in a browser"}),
    (keys.PROMOTE, {"Models": "web-page-model", "Training runs": "Permission denied"}),
]
"""Keys, and what they read on a page."""


@pytest.mark.parametrize(("key", "texts"), VISITS, ids=[key["scopes"][0] for key, _ in VISITS])
def test_pages_in_a_browser(
    browser: Browser, mlflow_stack: Stack, objects: dict[str, str], key: dict[str, Any], texts: dict[str, str]
) -> None:
    (scope,) = key["scopes"]
    sweep.log_in(browser, mlflow_stack, key["key"])
    for title, text in texts.items():
        seen = sweep.visit(browser, mlflow_stack, PAGES[title], objects)
        assert text in seen["text"], title
        assert seen["notifications"] == [], title
        assert set(seen["refused"]) == set(seen["sent"]) & denied(scope, seen["sent"]), title
        # Those of the record may be sent, or not yet.
        assert set(seen["refused"]) <= Seen(RELEASES[0]).refused(title, scope), title


def test_a_refused_click_shows_the_reason(browser: Browser, mlflow_stack: Stack, objects: dict[str, str]) -> None:
    sweep.log_in(browser, mlflow_stack, keys.READ["key"])
    for click, permission in clicks.REFUSED["model:read"]:
        said = clicks.said(browser, mlflow_stack, click)
        assert f"API key {keys.READ['key_id']} may not" in said, said
        assert f"it needs {permission}" in said, said


def test_a_navigation_that_is_refused_is_a_page(browser: Browser, mlflow_stack: Stack) -> None:
    sweep.log_in(browser, mlflow_stack, keys.PROMOTE["key"])
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
