"""A short rollout, as scripts/rollout plays it: shadow, 10 %, 100 % and back, under load, with real parts."""

from pathlib import Path

import pytest

from bench.rollout.run import complaints
from bench.rollout.story import WAYS, play
from harness.mlflow_server import MlflowServer

SECONDS = 4


@pytest.mark.parametrize("way", WAYS)
def test_rollout(mlflow_server: MlflowServer, tmp_path: Path, way: str) -> None:
    story = play(tmp_path, mlflow_server.address, way, SECONDS)
    assert complaints(story) == []
    shadow, ten, hundred, rollback = story.counts
    for count in story.counts:
        assert count.sent and not count.failed
        assert count.allowed, "good keys come through in every step"
    for off in (shadow, rollback):
        assert not off.refused_callers
        assert {"scope_missing", "key_invalid"} <= off.would_deny.keys()
    assert not shadow.denied
    # Some, but few: of a hundred readers about ten.
    assert 0 < len(ten.refused_callers) < 30
    assert ten.denied.keys() == {"scope_missing"}
    assert ten.let_through_callers and not ten.refused_callers & ten.let_through_callers
    assert not hundred.let_through_callers
    assert {"scope_missing", "key_invalid"} <= hundred.denied.keys()
    assert sum(count.callouts for count in story.counts[1:]) < 2 * shadow.callouts
    assert story.metrics["would_deny"] == story.shadow_denials > 0
