"""Fixtures: stacks for the session that most tests share, and a factory for stacks of their own.

Tests share the session's stacks in any order, so they compare counts before and after, and take keys from
`fresh_read` or `fresh_write` where it matters that no worker has them cached.
"""

import signal
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

from harness import keys
from harness.auth_service import AuthService
from harness.bodies import PLUGIN as INSPECT_BODIES
from harness.http import Client
from harness.mlflow_server import MlflowServer
from harness.pool import Pool
from harness.stack import Stack
from harness.upstream import EchoUpstream

_FRESH_READ = keys.FreshKeys(["model:read"])
_FRESH_WRITE = keys.FreshKeys(["model:write"])

# A plain SIGTERM would end pytest without running the fixtures' ends.
signal.signal(signal.SIGTERM, signal.default_int_handler)


@pytest.fixture(scope="session")
def session_dir(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Logs and files of the session's processes."""
    return tmp_path_factory.mktemp("session")


@pytest.fixture(scope="session")
def echo() -> Iterator[EchoUpstream]:
    """The session's echo upstream."""
    with EchoUpstream() as upstream:
        yield upstream


@pytest.fixture(scope="session")
def auth_service(session_dir: Path) -> Iterator[AuthService]:
    """The session's auth service, with `keys.STANDARD` and the fresh keys."""
    entries = keys.STANDARD + _FRESH_READ.entries + _FRESH_WRITE.entries
    with AuthService(entries, session_dir) as service:
        yield service


@pytest.fixture(scope="session")
def stack(session_dir: Path, auth_service: AuthService, echo: EchoUpstream) -> Iterator[Stack]:
    """Envoy with the filter and envoy.yaml's own settings, one worker, the echo upstream behind it.

    Unlike in the sample, the audit log has every decision, with no limit per second to speak of.
    """
    plugin = {"audit": {"allows": True, "max_per_second": 100_000}}
    with Stack(session_dir / "envoy", auth=auth_service, upstream=echo, plugin=plugin) as started:
        yield started


@pytest.fixture(scope="session")
def inspecting_stack(session_dir: Path, auth_service: AuthService, echo: EchoUpstream) -> Iterator[Stack]:
    """Envoy as `stack` has it, with the filter reading bodies and the field that this needs."""
    with Stack(
        session_dir / "inspecting",
        auth=auth_service, upstream=echo, plugin=INSPECT_BODIES, allow_on_headers_stop_iteration=True,
    ) as started:  # fmt: skip
        yield started


@pytest.fixture
def client(stack: Stack) -> Client:
    """Requests to the session's Envoy."""
    return stack.client


@pytest.fixture
def fresh_read() -> Callable[[], str]:
    """Call it for a key with model:read that nobody has used; the session's auth service knows it."""
    return _FRESH_READ.take


@pytest.fixture
def fresh_write() -> Callable[[], str]:
    """Call it for a key with model:write that nobody has used; the session's auth service knows it."""
    return _FRESH_WRITE.take


@pytest.fixture(scope="session")
def pool(session_dir: Path) -> Iterator[Pool]:
    """Envoy processes that stacks take one after another."""
    with Pool(session_dir / "pool") as started:
        yield started


@pytest.fixture
def start_stack(tmp_path: Path, pool: Pool) -> Iterator[Callable[..., Stack]]:
    """Call it, with the arguments of `Stack`, for a stack of the test's own; with `pool=None` Envoy's process is, too."""
    with ExitStack() as started:
        count = 0

        def start(**options: Any) -> Stack:
            nonlocal count
            count += 1
            return started.enter_context(Stack(tmp_path / f"stack{count}", **{"pool": pool, **options}))

        yield start


@pytest.fixture(scope="session")
def mlflow_server(session_dir: Path) -> Iterator[MlflowServer]:
    """A real MLflow server, not behind Envoy."""
    workdir = session_dir / "mlflow"
    workdir.mkdir()
    with MlflowServer(workdir) as server:
        yield server


@pytest.fixture(scope="session")
def mlflow_stack(session_dir: Path, auth_service: AuthService, mlflow_server: MlflowServer) -> Iterator[Stack]:
    """Envoy with the filter in front of the real MLflow server."""
    workdir = session_dir / "mlflow-envoy"
    with Stack(workdir, auth=auth_service, mlflow=mlflow_server.address) as started:
        yield started
