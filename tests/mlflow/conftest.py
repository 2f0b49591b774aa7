"""What several of these files look at: a server with three filled workspaces, which takes half a minute to start."""

from collections.abc import Iterator

import pytest

from isolation.world import World


@pytest.fixture(scope="session")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    """Put a state before anything else: another file may have left another one."""
    with World(tmp_path_factory.mktemp("isolation")) as started:
        yield started
