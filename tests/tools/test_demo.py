"""scripts/demo: its story comes out as told, and it leaves nothing behind."""

import os
import signal
import subprocess
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from harness import paths, watchdog
from harness.processes import wait_until

# Inherited by all that the demo starts; the harness inside the demo has marks of its own.
VARIABLE = "MLFLOW_AUTHZ_TEST_DEMO"


class Demo:
    """tools/demo, started as scripts/demo does once everything is built."""

    def __init__(self, tmp_path: Path, *arguments: str) -> None:
        self.mark = uuid.uuid4().hex
        self.temp = tmp_path / "temp"
        self.temp.mkdir()
        self._output = tmp_path / "demo.out"
        with self._output.open("w") as output:
            self.popen = subprocess.Popen(
                [paths.mlflow_python(), paths.ROOT / "tools" / "demo", *arguments],
                env={
                    **os.environ,
                    VARIABLE: self.mark,
                    "PYTHONPATH": str(paths.ROOT / "tests"),
                    "TMPDIR": str(self.temp),
                },
                stdout=output,
                stderr=output,
                start_new_session=True,
            )

    @property
    def output(self) -> str:
        return self._output.read_text()

    def left_behind(self) -> list[object]:
        """Processes and temporary files."""
        return [*watchdog.living(self.mark, set(), VARIABLE), *self.temp.iterdir()]

    def end(self) -> None:
        """For the test's own end, whatever happened in it."""
        self.popen.kill()
        self.popen.wait()
        watchdog.end(self.mark, set(), grace=5, variable=VARIABLE)


@pytest.fixture
def start_demo(tmp_path: Path) -> Iterator[Callable[..., Demo]]:
    """Call it with the demo's arguments, once."""
    started: list[Demo] = []

    def start(*arguments: str) -> Demo:
        started.append(Demo(tmp_path, *arguments))
        return started[0]

    yield start
    for demo in started:
        demo.end()


@pytest.mark.parametrize("identity", ["auth_service", "keys", "introspection", "jwt", "mtls"])
def test_story(start_demo: Callable[..., Demo], identity: str) -> None:
    """The same for every source of identity."""
    demo = start_demo("--identity", identity)
    assert demo.popen.wait(timeout=180) == 0, demo.output
    assert "17 rows, 0 not as expected" in demo.output
    wait_until(lambda: not demo.left_behind(), "the demo left nothing behind")


def test_interrupt_leaves_nothing(start_demo: Callable[..., Demo]) -> None:
    demo = start_demo("--keep")
    wait_until(lambda: "Press Ctrl-C" in demo.output or demo.popen.poll() is not None, "the demo waits", timeout=180)
    assert demo.popen.poll() is None, demo.output
    assert len(demo.left_behind()) > 3
    demo.popen.send_signal(signal.SIGINT)
    assert demo.popen.wait(timeout=30) == 0, demo.output
    wait_until(lambda: not demo.left_behind(), "the demo left nothing behind")


def test_kill_leaves_no_process(start_demo: Callable[..., Demo]) -> None:
    demo = start_demo("--keep")
    wait_until(lambda: "loading MLflow" in demo.output, "all parts run", timeout=180)
    demo.popen.kill()
    wait_until(lambda: not watchdog.living(demo.mark, set(), VARIABLE), "the watchdog ended the rest", timeout=20)
