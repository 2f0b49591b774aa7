"""A click on a button whose request is refused: the page must say why, in the filter's words."""

import json
from collections.abc import Callable

from harness.browser import Browser
from harness.stack import Stack

FIELD = "document.querySelector('[role=dialog] input')"
FIRST_ROW = "document.querySelectorAll('main input[type=checkbox]')[1]"


def button(text: str) -> str:
    """The topmost button with this text, as JavaScript."""
    return (
        "[...document.querySelectorAll('button')]"
        f".findLast(each => each.innerText.trim() === {json.dumps(text)} && each.getClientRects().length)"
    )


def create_experiment(browser: Browser) -> None:
    browser.click(button("Create"))
    browser.wait_for(FIELD)
    browser.click(FIELD)
    browser.type("made by a click")
    browser.click(button("Create"))


def delete_experiment(browser: Browser) -> None:
    browser.click(FIRST_ROW)
    browser.wait_for(f"{button('Delete')} && !{button('Delete')}.disabled")
    browser.click(button("Delete"))
    browser.wait_for("document.querySelector('[role=dialog]')")
    browser.click(button("Delete"))


REFUSED: dict[str, list[tuple[Callable[[Browser], None], str]]] = {
    "model:read": [(create_experiment, "experiment:write"), (delete_experiment, "experiment:delete")],
    "model:register": [(delete_experiment, "experiment:delete")],
    "model:write": [(delete_experiment, "experiment:delete")],
    "model:delete": [(create_experiment, "experiment:write")],
    "tracking:write": [(delete_experiment, "experiment:delete")],
    "mlflow:write": [(delete_experiment, "experiment:delete")],
    "mlflow:delete": [(create_experiment, "experiment:write")],
}
"""By scope, what it may not do on the page of experiments, and the permission that is missing.

A key that reads no experiments is not here: the page asks first whether the name is free, and says of the refusal only
that it could not be validated."""


def said(browser: Browser, stack: Stack, click: Callable[[Browser], None]) -> str:
    """All that the page shows after the click, notifications among it."""
    browser.visit(f"{stack.url}/#/experiments", patience=90)
    browser.wait_for(button("Create"))
    browser.wait_quiet(0.4, 90)
    browser.wait_idle()
    browser.answers.clear()
    click(browser)
    browser.wait_for_answer(403)
    browser.wait_quiet(0.4, 90)
    browser.wait_idle()
    return "\n".join([browser.evaluate("document.body.innerText"), *browser.notifications()])
