"""A process that serves one test after another: nothing of one test is there for the next."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from harness import keys
from harness.checks import CREATE_RUN, READ_RUN, unharmed
from harness.http import bearer, encode_head
from harness.many import lookups
from harness.pool import Pool
from harness.processes import NotReady, wait_until
from harness.stack import Stack

READ, WRITE = bearer(keys.READ["key"]), bearer(keys.WRITE["key"])


@pytest.fixture
def pool(tmp_path: Path) -> Iterator[Pool]:
    """One of the test's own, so that the first stack and the second have the same process."""
    with Pool(tmp_path / "pool") as started:
        yield started


def test_the_second_finds_nothing_of_the_first(pool: Pool, tmp_path: Path) -> None:
    plugin = {"audit": {"allows": True}}
    with Stack(tmp_path / "first", pool=pool, plugin=plugin) as first:
        with unharmed(first):
            assert first.client.get(READ_RUN, [READ]).status == 200
            assert first.client.post(CREATE_RUN, [READ]).status == 403
        assert first.auth.validations == 1
        # An upload that is not over when the test ends.
        upload = first.client.connect()
        upload.send(encode_head("POST", CREATE_RUN, [("host", "a"), WRITE, ("content-length", "2")]) + b"{")
        wait_until(lambda: first.envoy.stats("downstream_rq_active")["http.mlflow.downstream_rq_active"], "the upload")
        process, log = first.envoy.process.pid, first.envoy.log()
    with Stack(tmp_path / "second", pool=pool, plugin=plugin) as second:
        envoy = second.envoy
        assert envoy.process.pid == process
        with upload, pytest.raises(ConnectionError):
            upload.read_response()
        counted = {name.split(".")[1] for name, count in envoy.stats("^wasmcustom").items() if count}
        assert counted == {"mlflow_authz_build_info", "mlflow_authz_config_info", "mlflow_authz_enforcing"}
        assert not any(envoy.stats(r"^http\.mlflow\.downstream_rq").values())
        assert not any(envoy.stats(r"^cluster\.(mlflow|auth_service)\.upstream_rq_total$").values())
        assert (envoy.access_log(), envoy.audit()) == ([], [])
        # One VM on the worker and one on the main thread.
        assert envoy.metric("mlflow_authz_build_info") == 2
        assert second.client.get(READ_RUN, [READ]).status == 200
        # The key was cached in the first test's VMs, and in the data that they shared.
        assert second.auth.validations == 1
        assert lookups(second) == {"miss": 1}
        assert len(envoy.access_log()) == len(envoy.audit()) == 1
        assert log not in envoy.log()


def test_each_has_its_own_configuration(pool: Pool, tmp_path: Path) -> None:
    for name, plugin, status in (
        ("enforcing", {}, 403),
        ("shadow", {"mode": "shadow"}, 200),
        ("elsewhere", {"mounts": ["/elsewhere"]}, 403),
        ("enforcing again", {}, 403),
    ):
        with Stack(tmp_path / name, pool=pool, plugin=plugin) as stack:
            assert stack.client.post(CREATE_RUN, [READ]).status == status, name
            assert stack.upstream.count == (status == 200)


def test_two_at_a_time_have_two_processes(pool: Pool, tmp_path: Path) -> None:
    with Stack(tmp_path / "one", pool=pool) as one, Stack(tmp_path / "two", pool=pool) as two:
        assert one.envoy.process.pid != two.envoy.process.pid
        assert [stack.client.get(READ_RUN, [READ]).status for stack in (one, two)] == [200, 200]
        assert [stack.auth.validations for stack in (one, two)] == [1, 1]


def test_after_one_that_envoy_refuses(pool: Pool, tmp_path: Path) -> None:
    with pytest.raises(NotReady, match="configuration refused: mounts: is empty"):
        Stack(tmp_path / "refused", pool=pool, plugin={"mounts": []})
    with Stack(tmp_path / "good", pool=pool) as stack, unharmed(stack):
        assert "refused" not in stack.envoy.log()
        assert stack.envoy.process.err.parent.name == "envoy0"


def test_what_is_no_matter_of_listeners_and_clusters_has_a_process_of_its_own(pool: Pool, tmp_path: Path) -> None:
    for number, options in enumerate(
        (
            {"arguments": ["--drain-time-s", "7"]},
            {"edit": lambda config: config.update(stats_flush_interval="1s")},
        )
    ):
        with Stack(tmp_path / str(number), pool=pool, **options) as stack:
            assert stack.envoy.process.err.parent == tmp_path / str(number)
