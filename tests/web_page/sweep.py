"""Goes to every page with every default scope and writes down what was seen: scripts/web-pages.

A visit is a load of the page as a person does it who types its address. What is kept of it: each request that it sent
and whether it was refused, each notification, and how much of the page is grey where its content should be.
"""

import json
import re
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from harness.browser import Browser
from harness.stack import MOUNT, Stack

from . import clicks
from .pages import KEYS, PAGES, Request

GREY = """
[...document.querySelectorAll('main [aria-hidden="true"]')].filter(each => {
    const style = getComputedStyle(each);
    return each.getClientRects().length && style.animationName !== 'none'
        && style.backgroundImage.startsWith('linear-gradient');
}).length
"""
"""How many grey bars stand where content has not come."""

CLICKS = "refused clicks"
BROKEN = re.compile("Something went wrong|Page Not Found|Oops")
TEXT = "(document.querySelector('main') ?? document.body).innerText"
LOADING = f"""
(() => {{
    const main = document.querySelector('main') ?? document.body;
    const spins = [...main.querySelectorAll('[class*="spin"], [aria-label*="oading"], [data-testid*="oading"]')]
        .some(each => each.getClientRects().length);
    return spins || {TEXT}.trim() === '' || /Loading/.test({TEXT}) || ({GREY.strip()}) > 0;
}})()
"""


def normalized(target: str, objects: dict[str, str]) -> str:
    """A target with names for what differs between runs; with its query only where the filter reads that."""
    path, _, query = target.partition("?")
    for name, value in objects.items():
        path = re.sub(rf"(?<=/){re.escape(value)}(?=/|$)", f"{{{name}}}", path) if len(value) > 2 else path
    path = re.sub(r"^/static-files/.*", "/static-files/{file}", path)
    path = re.sub(r"(?<=/)tr-[0-9a-f]+", "{trace}", path)
    keeps = path.endswith(("/gateway-proxy", "/bindings/list"))
    return f"{path}?{query}" if keeps and query else path


def log_in(browser: Browser, stack: Stack, key: str) -> None:
    """As a person does, with the key as the password. The browser keeps it and never shows it to the page."""
    browser.visit(stack.url.replace("://", f"://anyone:{key}@") + "/", patience=60)


def visit(browser: Browser, stack: Stack, path: str, objects: dict[str, str]) -> dict[str, Any]:
    """One page until it has come to rest, and what was seen of it."""
    filled = path
    for name, value in objects.items():
        filled = filled.replace(f"{{{name}}}", value)
    browser.visit(f"{stack.url}/#/{filled}", settle=0.3, patience=90)
    come_to_rest(browser)
    sent: dict[Request, bool] = {}
    for status, method, url in browser.answers:
        if MOUNT not in url:
            continue
        request = (method, normalized(url.split(MOUNT, 1)[1] or "/", objects))
        sent[request] = sent.get(request, False) or status == 403
    text = browser.evaluate(TEXT)
    return {
        "sent": sorted(sent),
        "refused": sorted(request for request, is_refused in sent.items() if is_refused),
        "notifications": browser.notifications(),
        "grey": browser.evaluate(GREY),
        "text": re.sub(r"\s+", " ", text).strip(),
        "crashes": [c for c in browser.complaints if "Uncaught" in c],
    }


def come_to_rest(browser: Browser, patience: float = 12) -> None:
    """Until nothing is sent, nothing runs, and nothing is loading: or that has gone on for `patience` seconds.

    A refused request may be sent again after a second, and what is grey may stay so.
    """
    deadline = time.monotonic() + patience
    quiet = 0
    while quiet < 2:
        seen = len(browser.answers)
        browser.wait_quiet(0.4, 90)
        browser.wait_idle()
        unfinished = len(browser.answers) != seen or browser.evaluate(LOADING)
        quiet = 0 if unfinished and time.monotonic() < deadline else quiet + 1


def sweep(
    stack: Stack, objects: dict[str, str], titles: list[str], workdir: Path, pictures: Path, resume: bool
) -> dict[str, dict[str, Any]]:
    """{scope: {title: what was seen}}, with two browsers at a time. `resume`: what another run saw is not seen again."""

    def of(key: dict[str, Any]) -> tuple[str, dict[str, Any]]:
        (scope,) = key["scopes"]
        kept = pictures / f"{named(scope)}.json"
        if resume and kept.exists():
            return scope, json.loads(kept.read_text())
        began = time.monotonic()
        seen = with_one_key(stack, key, objects, titles, workdir, pictures)
        print(f"{scope}: {len(titles)} pages in {time.monotonic() - began:.0f} s", file=sys.stderr, flush=True)
        kept.write_text(json.dumps(seen, indent=1))
        return scope, seen

    with ThreadPoolExecutor(2) as browsers:
        return dict(browsers.map(of, KEYS))


def with_one_key(
    stack: Stack,
    key: dict[str, Any],
    objects: dict[str, str],
    titles: list[str],
    workdir: Path,
    pictures: Path,
) -> dict[str, Any]:
    (scope,) = key["scopes"]
    profile = workdir / named(scope)
    profile.mkdir()
    seen: dict[str, Any] = {}
    with Browser(profile) as browser:
        log_in(browser, stack, key["key"])
        for title in titles:
            seen[title] = visit(browser, stack, PAGES[title], objects)
            browser.screenshot(pictures / f"{named(scope)}_{named(title)}.png", 900)
        seen[CLICKS] = clicked(browser, stack, scope, pictures)
    return seen


def named(text: str) -> str:
    """As a part of a file's name."""
    return re.sub(r"[^\w]+", "-", text)


def clicked(browser: Browser, stack: Stack, scope: str, pictures: Path) -> list[dict[str, str]]:
    """What the page says to each click that is refused."""
    found = []
    for number, (click, permission) in enumerate(clicks.REFUSED.get(scope, [])):
        try:
            said = clicks.said(browser, stack, click)
        except TimeoutError as error:
            said = str(error)
        browser.screenshot(pictures / f"{named(scope)}_click-{number}.png", 900)
        found.append({"click": click.__name__, "permission": permission, "said": said})
    return found


def faults(seen: dict[str, dict[str, Any]]) -> list[str]:
    """What no page may do, whatever the key."""
    found = []
    for scope, titles in seen.items():
        everywhere = set.intersection(*(set(cell["refused"]) for title, cell in titles.items() if title != CLICKS))
        for click in titles[CLICKS]:
            if f"it needs {click['permission']}" not in click["said"]:
                found.append(f"{click['click']}, {scope}: no reason is shown: {click['said']}")
        for title, cell in titles.items():
            if title == CLICKS:
                continue
            for text in cell["notifications"]:
                found.append(f"{title}, {scope}: a notification: {text}")
            if not cell["text"] and not cell["grey"]:
                found.append(f"{title}, {scope}: nothing is shown")
            # MLflow's own words for an object that the key may not read, with the promises it leaves unhandled.
            own = set(cell["refused"]) - everywhere
            if (BROKEN.search(cell["text"]) or cell["crashes"]) and not own:
                found.append(f"{title}, {scope}: broken: {cell['text'][:200]} {cell['crashes']}")
    return found
