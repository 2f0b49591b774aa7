"""Real processes: started with their output in files, awaited until ready, and always ended."""

import atexit
import os
import subprocess
import sys
import time
import uuid
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TypeVar

from . import watchdog

T = TypeVar("T")

# Where SIGINT is ignored (`nohup scripts/test &`, some CI runners) a program would inherit that, and bash cannot undo it.
INTERRUPTIBLE = ("env", "--default-signal=INT")
"""Before a command: SIGINT ends it, unless it decides otherwise itself."""

_HARNESS = uuid.uuid4().hex
_running: dict[int, "Process"] = {}
_watchdog: subprocess.Popen[str] | None = None


class NotReady(RuntimeError):
    """A process ended early or did not get ready in time; the text has the end of its log."""


def wait_until(check: Callable[[], T | None], what: str, timeout: float = 10, every: float = 0.02) -> T:
    """Calls `check` until it returns something true, and returns that."""
    deadline = time.monotonic() + timeout
    while not (value := check()):
        if time.monotonic() > deadline:
            raise TimeoutError(f"still waiting after {timeout:g} s: {what}")
        time.sleep(every)
    return value


class Process:
    """One program in a session of its own, so that a Ctrl-C in the terminal reaches only the harness.

    Standard output goes to `<name>.out`, standard error to `<name>.err`, both in `workdir`.
    """

    def __init__(
        self,
        name: str,
        command: Sequence[str | Path],
        workdir: Path,
        env: Mapping[str, str] | None = None,
        grace: float = 5,
    ) -> None:
        """`env` is added to this process's own environment; `grace` is for `stop`, in seconds."""
        self.name = name
        self.out = workdir / f"{name}.out"
        self.err = workdir / f"{name}.err"
        self._grace = grace
        self._mark = f"{_HARNESS}/{uuid.uuid4().hex}"
        _start_watchdog()
        with self.out.open("ab") as out, self.err.open("ab") as err:
            self._popen = subprocess.Popen(
                [*INTERRUPTIBLE, *(str(word) for word in command)],
                stdin=subprocess.DEVNULL,
                stdout=out,
                stderr=err,
                cwd=workdir,
                env={**os.environ, **(env or {}), watchdog.MARK: self._mark},
                start_new_session=True,
            )
        _tell_watchdog(f"+{self.pid}")
        _running[self.pid] = self

    @property
    def pid(self) -> int:
        return self._popen.pid

    def running(self) -> bool:
        return self._popen.poll() is None

    def log_tail(self, lines: int = 30) -> str:
        """The last lines of both output files."""
        tails = []
        for path in (self.out, self.err):
            text = path.read_text(errors="replace").splitlines()[-lines:] if path.exists() else []
            if text:
                tails.append(f"--- {path} ---\n" + "\n".join(text))
        return "\n".join(tails) or "(it printed nothing)"

    def wait_ready(self, check: Callable[[], T | None], timeout: float) -> T:
        """Waits until `check` returns something true; OSError from it means "not yet"."""
        last: OSError | None = None

        def attempt() -> T | None:
            nonlocal last
            if not self.running():
                status = self._popen.returncode
                raise NotReady(f"{self.name} ended with status {status}:\n{self.log_tail()}")
            try:
                return check()
            except OSError as error:
                last = error
                return None

        try:
            return wait_until(attempt, self.name, timeout, every=0.05)
        except TimeoutError:
            raise NotReady(f"{self.name} is not ready after {timeout:g} s ({last}):\n{self.log_tail()}") from last

    def stop(self) -> None:
        """Ends the program and all its descendants, and waits for them; harmless when repeated."""
        if _running.pop(self.pid, None) is None:
            return
        # Until it is waited for, the program's process id cannot become somebody else's.
        watchdog.end(self._mark, {self.pid}, self._grace)
        self._popen.wait(timeout=5)
        _tell_watchdog(f"-{self.pid}")


def stop_all() -> None:
    """Ends everything that is still running, newest first."""
    for process in reversed(list(_running.values())):
        process.stop()


# After an exception or a SystemExit (which a signal handler may raise) nothing may be left either.
atexit.register(stop_all)


def _start_watchdog() -> None:
    global _watchdog
    if _watchdog is None:
        # -I: its own folder must not come before the standard library (there is an http.py in it).
        _watchdog = subprocess.Popen(
            [sys.executable, "-I", "-S", watchdog.__file__, _HARNESS],
            stdin=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )


def _tell_watchdog(line: str) -> None:
    assert _watchdog is not None and _watchdog.stdin is not None
    _watchdog.stdin.write(line + "\n")
    _watchdog.stdin.flush()
