"""MLflow's page in a real browser, with keys of one workspace and of two: it lists, enters and switches workspaces, shows
what is in them, and shows nothing of any other."""

import json
import re
from collections.abc import Iterator
from typing import Any

import pytest

from harness import keys
from harness.auth_service import AuthService
from harness.browser import Browser
from harness.explain import explain
from harness.pool import Pool
from harness.stack import Stack
from isolation.contents import DEFAULT, IT, MARKS, ME
from isolation.world import WITH, World
from web_page import sweep

SCOPES = ["model:write", "tracking:write"]
ONE = keys.key("page_one", SCOPES, workspaces=[IT])
PINNED = keys.key("page_pinned", SCOPES, workspace=IT)
TWO = keys.key("page_two", SCOPES, workspaces=[IT, ME])

# What is read on a page of a workspace.
PAGES = {
    "experiments": "{mark}-experiment",
    "experiments/{experiment}/runs": "{mark}-run",
    "experiments/{experiment}/runs/{run}": "{mark}loss",
    "experiments/{experiment}/traces?startTimeLabel=ALL": "{mark}-asked",
    "models/{registered_model}/versions/1": "{mark}-text",
    "prompts": "{mark}-prompt",
}

SCHEMA = ("GET", "/model-versions/get-artifact")
"""What the limit to a workspace takes from the page: the schema on the page of a version."""


@pytest.fixture(scope="module")
def stack(
    world: World, auth_service: AuthService, tmp_path_factory: pytest.TempPathFactory, pool: Pool
) -> Iterator[Stack]:
    auth_service.put_keys(ONE, PINNED, TWO)
    world.put(WITH)
    with Stack(
        tmp_path_factory.mktemp("workspaces-page"),
        auth=auth_service, mlflow=world.server.address, plugin={"workspaces": {"enabled": True}}, pool=pool,
    ) as started:  # fmt: skip
        yield started


@pytest.fixture(scope="module")
def one_browser(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Browser]:
    with Browser(tmp_path_factory.mktemp("workspaces-browser")) as started:
        yield started


@pytest.fixture
def browser(one_browser: Browser) -> Browser:
    """A window for the test alone."""
    one_browser.open_private_window()
    return one_browser


def address(path: str, workspace: str) -> str:
    return f"{path}{'&' if '?' in path else '?'}workspace={workspace}"


def assert_nothing_of(browser: Browser, *workspaces: str) -> None:
    """Neither in what the page shows nor in what it has received; the workspaces' own names do not count."""
    marks = "|".join(rf"(?<!team-){MARKS[name]}" for name in workspaces)
    for where, text in [("the page", browser.evaluate("document.body.innerText")), *browser.received()]:
        assert not re.findall(marks, text), where


def needlessly_refused(seen: dict[str, Any]) -> set[tuple[str, str]]:
    """Refused to the key because it is limited to workspaces: the same scopes without a limit are enough."""
    refused = seen["refused"]
    decisions = explain({"method": method, "target": target, "scopes": SCOPES} for method, target in refused)
    return {tuple(request) for request, said in zip(refused, decisions, strict=True) if said["decision"] == "allow"}


def listed(browser: Browser) -> list[dict[str, str]]:
    (body,) = {body for url, body in browser.received() if url.endswith("/mlflow/workspaces")}
    return json.loads(body)["workspaces"]


def link(text: str) -> str:
    return f"[...document.querySelectorAll('main a')].find(each => each.innerText.trim() === '{text}')"


def option(text: str) -> str:
    return f"[...document.querySelectorAll('[role=option]')].find(each => each.innerText.trim() === '{text}')"


@pytest.mark.parametrize("key", [ONE, PINNED], ids=["limited", "pinned"])
def test_a_key_of_one_workspace_is_offered_it_and_enters(browser: Browser, stack: Stack, key: keys.Key) -> None:
    sweep.log_in(browser, stack, key["key"])
    seen = sweep.visit(browser, stack, "", {})
    assert listed(browser) == [{"name": IT}]
    assert "Select a workspace" in seen["text"] and IT in seen["text"] and ME not in seen["text"]
    browser.click(link(IT))
    browser.wait_for(f"document.body?.innerText.includes('{MARKS[IT]}-experiment')")
    assert browser.evaluate("location.hash").endswith(f"workspace={IT}")
    assert browser.notifications() == []
    assert_nothing_of(browser, ME, DEFAULT)


def test_the_pages_of_the_workspace(browser: Browser, stack: Stack, world: World) -> None:
    sweep.log_in(browser, stack, ONE["key"])
    names = {word: world.names[IT][word] for word in ("experiment", "run", "registered_model", "mark")}
    sent = set[tuple[str, str]]()
    for path, text in PAGES.items():
        seen = sweep.visit(browser, stack, address(path, IT), names)
        assert text.format(**names) in seen["text"], path
        assert seen["notifications"] == [], path
        assert needlessly_refused(seen) <= {SCHEMA}, path
        assert_nothing_of(browser, ME, DEFAULT)
        sent |= {tuple(request) for request in seen["sent"]}
    assert {("POST", "/graphql"), ("POST", "/ajax-api/3.0/mlflow/traces/search"), SCHEMA} <= sent


def test_a_key_of_two_workspaces_chooses_and_switches(browser: Browser, stack: Stack) -> None:
    sweep.log_in(browser, stack, TWO["key"])
    seen = sweep.visit(browser, stack, "", {})
    assert listed(browser) == [{"name": IT}, {"name": ME}]
    browser.click(link(ME))
    browser.wait_for(f"document.body?.innerText.includes('{MARKS[ME]}-experiment')")
    assert_nothing_of(browser, IT, DEFAULT)
    seen = sweep.visit(browser, stack, address("prompts", ME), {})
    assert f"{MARKS[ME]}-prompt" in seen["text"] and needlessly_refused(seen) == set()
    assert_nothing_of(browser, IT, DEFAULT)
    browser.click("document.querySelector('[role=combobox]')")
    browser.wait_for(option(IT))
    assert browser.text("[role=option]") == [IT, ME]
    browser.click(option(IT))
    browser.wait_for(f"document.body?.innerText.includes('{MARKS[IT]}-prompt')")
    assert browser.evaluate("location.hash") == f"#/prompts?workspace={IT}"
    assert f"{MARKS[ME]}-prompt" not in browser.evaluate("document.body.innerText")
    assert browser.notifications() == []


@pytest.mark.parametrize(("key", "workspace"), [(ONE, DEFAULT), (TWO, "team-zqc")], ids=["default", "unknown"])
def test_another_workspace_by_its_address_is_refused_by_name(
    browser: Browser, stack: Stack, key: keys.Key, workspace: str
) -> None:
    sweep.log_in(browser, stack, key["key"])
    for path, action in (("experiments", "search experiments"), ("models", "search registered models")):
        seen = sweep.visit(browser, stack, address(path, workspace), {})
        said = f"API key {key['key_id']} may not {action} in the workspace {workspace}; this key has rights in the"
        assert said in seen["text"], path
        assert_nothing_of(browser, IT, ME, DEFAULT)
