"""A page in a real browser: headless Chromium, spoken to over the pipes of its DevTools protocol."""

import base64
import itertools
import json
import os
import select
import shutil
import time
from pathlib import Path
from typing import Any

from .processes import Process

WATCH_NOTIFICATIONS = """
window.harnessNotifications = new Set();
new MutationObserver(() => {
  for (const each of document.querySelectorAll('[class*="notification-notice"]')) {
    if (each.innerText?.trim()) window.harnessNotifications.add(each.innerText.trim());
  }
}).observe(document, {subtree: true, childList: true, characterData: true});
"""
"""MLflow's notifications leave after some seconds, so they are kept as they come."""


class Browser:
    """One Chromium with one page, until `stop`. It keeps what the page logged and what it asked the network for."""

    def __init__(self, workdir: Path) -> None:
        if not shutil.which("chromium"):
            raise FileNotFoundError("chromium is missing: run scripts/test, which installs it")
        self.requests: list[str] = []
        self.complaints: list[str] = []
        self.answers: list[tuple[int, str, str]] = []
        """Status, method and URL of each answer to the page that is open."""
        self._methods: dict[str, str] = {}
        self._open_requests: dict[str, str] = {}
        self._received: dict[str, str] = {}
        self._session: str | None = None
        self._ids = itertools.count(1)
        self._unread = b""
        pipes = [workdir / "to-browser", workdir / "from-browser"]
        for pipe in pipes:
            os.mkfifo(pipe)
        # Read and write, so that opening waits for nobody.
        self._to, self._from = (os.open(pipe, os.O_RDWR) for pipe in pipes)
        self.process = Process(
            "chromium",
            [
                # Chromium reads commands from descriptor 3 and answers on 4.
                *("/bin/sh", "-c", f'exec "$@" 3<{pipes[0]} 4>{pipes[1]}', "sh"),
                *(
                    "chromium",
                    "--headless",
                    "--remote-debugging-pipe",
                    f"--user-data-dir={workdir / 'profile'}",
                ),
                # Tests run as root in containers, where Chromium's sandbox cannot.
                *("--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--hide-scrollbars"),
                *("--no-first-run", "--disable-background-networking", "--disable-component-update"),
            ],
            workdir,
        )
        try:
            self._attach()
        except BaseException:
            self.stop()
            raise

    def _attach(self, **where: str) -> None:
        self._session = None
        target = self._call("Target.createTarget", url="about:blank", **where)["targetId"]
        self._session = self._call("Target.attachToTarget", targetId=target, flatten=True)["sessionId"]
        for domain in ("Page", "Network", "Runtime", "Log"):
            self._call(f"{domain}.enable")
        self._call("Page.addScriptToEvaluateOnNewDocument", source=WATCH_NOTIFICATIONS)

    def open_private_window(self) -> None:
        """Goes on in a window that knows no login and nothing that pages have stored."""
        self._session = None
        self._attach(browserContextId=self._call("Target.createBrowserContext")["browserContextId"])

    def stop(self) -> None:
        self.process.stop()
        for descriptor in (self._to, self._from):
            os.close(descriptor)

    def __enter__(self) -> "Browser":
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def open(self, file: Path, width: int = 1280, dark: bool = False, medium: str = "") -> None:
        """Shows a file, `width` CSS pixels wide, and waits until it is loaded."""
        self._call("Emulation.setDeviceMetricsOverride", width=width, height=900, deviceScaleFactor=1, mobile=False)
        scheme = {"name": "prefers-color-scheme", "value": "dark" if dark else "light"}
        self._call("Emulation.setEmulatedMedia", media=medium, features=[scheme])
        self.requests.clear()
        self.complaints.clear()
        self._call("Page.navigate", url=file.as_uri())
        deadline = time.monotonic() + 20
        while self.evaluate("document.readyState + location.href") != f"complete{file.as_uri()}":
            if time.monotonic() > deadline:
                raise TimeoutError(f"{file} is not loaded after 20 s")

    def visit(self, url: str, settle: float = 0.4, patience: float = 20) -> None:
        """Goes to a URL as a person who types it does, and waits until the page has asked for all it asks for.

        `settle`: for so many seconds nothing is open on the network. User name and password may stand in the URL.
        """
        # From one `#` to another nothing would be loaded.
        self._call("Page.navigate", url="about:blank")
        self.requests.clear()
        self.complaints.clear()
        self.answers.clear()
        self._received.clear()
        self._open_requests.clear()
        self._methods.clear()
        self._call("Emulation.setDeviceMetricsOverride", width=1280, height=900, deviceScaleFactor=1, mobile=False)
        self._call("Page.navigate", url=url)
        self.wait_quiet(settle, patience)

    def wait_quiet(self, settle: float = 0.4, patience: float = 20) -> None:
        """Waits until the network is quiet."""
        deadline = time.monotonic() + patience
        quiet_since = time.monotonic()
        while time.monotonic() - quiet_since < settle:
            if time.monotonic() > deadline:
                raise TimeoutError(f"open after {patience} s: {sorted(self._open_requests.values())}")
            if self._drain(0.05) or self._open_requests:
                quiet_since = time.monotonic()

    def wait_idle(self, patience: float = 60) -> None:
        """Waits until the page's own thread has had nothing to do for a moment: code that came may yet have to run."""
        deadline = time.monotonic() + patience
        while time.monotonic() < deadline:
            idle = "new Promise(done => requestIdleCallback(at => done(!at.didTimeout), {timeout: 5000}))"
            answer = self._call("Runtime.evaluate", expression=idle, awaitPromise=True, returnByValue=True)
            if answer["result"].get("value"):
                return

    def _drain(self, timeout: float) -> bool:
        """Takes in the events that came; whether there were any of the network."""
        if b"\0" not in self._unread:
            if not select.select([self._from], [], [], timeout)[0]:
                return False
            self._unread += os.read(self._from, 1 << 20)
        noticed = False
        while b"\0" in self._unread:
            event = self._next()
            self._notice(event)
            noticed |= event.get("method", "").startswith("Network.")
        return noticed

    def evaluate(self, expression: str) -> Any:
        """The value of a JavaScript expression: the tests', never the page's own."""
        answer = self._call("Runtime.evaluate", expression=expression, returnByValue=True)
        if "exceptionDetails" in answer:
            raise RuntimeError(answer["exceptionDetails"])
        return answer["result"].get("value")

    def text(self, selector: str) -> list[str]:
        """What a reader sees of each element."""
        return self.evaluate(f"[...document.querySelectorAll({json.dumps(selector)})].map(e => e.innerText.trim())")

    def wait_for(self, condition: str, patience: float = 20) -> None:
        """Waits until a JavaScript expression is true."""
        deadline = time.monotonic() + patience
        while not self.evaluate(f"Boolean({condition})"):
            if time.monotonic() > deadline:
                raise TimeoutError(f"not true after {patience} s: {condition}")
            self._drain(0.1)

    def wait_for_answer(self, status: int, patience: float = 20) -> None:
        """Waits until a request of the page that is open has been answered so."""
        deadline = time.monotonic() + patience
        while not any(answered == status for answered, _, _ in self.answers):
            if time.monotonic() > deadline:
                raise TimeoutError(f"no answer {status} after {patience} s: {self.answers}")
            self._drain(0.1)

    def click(self, element: str, patience: float = 20) -> None:
        """Clicks into the middle of an element, which a JavaScript expression names, as a mouse does.

        Waits until the element stands still and nothing is in front of it: dialogs come sliding.
        """
        script = (
            "(each => { if (!each) return null; each.scrollIntoView({block: 'center'});"
            " const at = each.getBoundingClientRect(); const x = at.x + at.width / 2, y = at.y + at.height / 2;"
            f" return each.contains(document.elementFromPoint(x, y)) ? [x, y] : null; }})({element})"
        )
        deadline = time.monotonic() + patience
        before: object = None
        while (place := self.evaluate(script)) is None or place != before:
            if time.monotonic() > deadline:
                raise TimeoutError(f"cannot be clicked after {patience} s: {element}")
            before = place
            self._drain(0.2)
        for kind, buttons in (("mouseMoved", 0), ("mousePressed", 1), ("mouseReleased", 0)):
            self._call(
                "Input.dispatchMouseEvent",
                type=kind, x=place[0], y=place[1], button="left", buttons=buttons, clickCount=1,
            )  # fmt: skip

    def type(self, text: str) -> None:
        """Types into what has the focus."""
        self._call("Input.insertText", text=text)

    def received(self) -> list[tuple[str, str]]:
        """The JSON that the page that is open has received, each with its URL."""
        bodies = []
        for request, url in self._received.copy().items():
            try:
                bodies.append((url, self._call("Network.getResponseBody", requestId=request)["body"]))
            except RuntimeError as error:
                # The page has not read it, or not yet.
                if "No resource" not in str(error):
                    raise
        return bodies

    def notifications(self) -> list[str]:
        """The texts of all notifications that the page has shown since it was opened, also of those that left."""
        return self.evaluate("[...window.harnessNotifications]")

    def screenshot(self, file: Path, height: int) -> None:
        """The top of the page as a PNG."""
        painted = "new Promise(done => requestAnimationFrame(() => requestAnimationFrame(done)))"
        self._call("Runtime.evaluate", expression=painted, awaitPromise=True)
        clip = {"x": 0, "y": 0, "width": self.evaluate("innerWidth"), "height": height, "scale": 1}
        data = self._call("Page.captureScreenshot", format="png", clip=clip, captureBeyondViewport=True)["data"]
        file.write_bytes(base64.b64decode(data))

    def _call(self, method: str, **params: Any) -> dict[str, Any]:
        number = next(self._ids)
        message: dict[str, Any] = {"id": number, "method": method, "params": params}
        if self._session:
            message["sessionId"] = self._session
        os.write(self._to, json.dumps(message).encode() + b"\0")
        while True:
            answer = self._next()
            if answer.get("id") != number:
                self._notice(answer)
            elif "error" in answer:
                raise RuntimeError(f"{method}: {answer['error']}")
            else:
                return answer["result"]

    def _next(self) -> dict[str, Any]:
        deadline = time.monotonic() + 30
        while b"\0" not in self._unread:
            if not self.process.running() or time.monotonic() > deadline:
                raise RuntimeError(f"chromium does not answer\n{self.process.log_tail()}")
            if select.select([self._from], [], [], 0.2)[0]:
                self._unread += os.read(self._from, 1 << 20)
        message, _, self._unread = self._unread.partition(b"\0")
        return json.loads(message)

    def _notice(self, event: dict[str, Any]) -> None:
        method, params = event.get("method"), event.get("params", {})
        if method == "Network.requestWillBeSent":
            self.requests.append(params["request"]["url"])
            self._methods[params["requestId"]] = params["request"]["method"]
            # The end of a worker's script is told to the worker's own session.
            if not params["request"]["url"].endswith(".worker.js"):
                self._open_requests[params["requestId"]] = params["request"]["url"]
        elif method == "Network.responseReceived":
            answer = params["response"]
            asked_by = self._methods.get(params["requestId"], "GET")
            self.answers.append((answer["status"], asked_by, answer["url"]))
            if answer["mimeType"] == "application/json":
                self._received[params["requestId"]] = answer["url"]
        elif method in ("Network.loadingFinished", "Network.loadingFailed"):
            self._open_requests.pop(params["requestId"], None)
        elif method == "Log.entryAdded":
            self.complaints.append(params["entry"]["text"])
        elif method == "Runtime.consoleAPICalled":
            self.complaints.append(f"console.{params['type']}")
        elif method == "Runtime.exceptionThrown":
            self.complaints.append(params["exceptionDetails"]["text"])
        elif method == "Page.javascriptDialogOpening":
            self.complaints.append(f"dialog: {params['message']}")
