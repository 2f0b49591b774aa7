"""Envoy's memory: what the filter keeps is bounded by its configuration, and reloads leave nothing behind.

Short versions of `scripts/soak memory` and `scripts/soak reloads`, whose figures are in
docs/benchmarks/soak.md. Every measurement begins after a warm-up: VMs, allocators and Envoy's own caches
grow with the first requests.
"""

import socket
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from harness.checks import READ_RUN
from harness.hot import DRAIN, HotListener
from harness.http import bearer, encode_head
from harness.load import ANY_READER, PREFIX
from harness.load_parts import LoadAuthService, rss_mib
from harness.stack import MOUNT, Stack

WARM_UP = 4_000
KEYS = 16_000
CONNECTIONS = 8
BATCH = 20
"""Requests that are sent on a connection before their answers are read."""

MOST_FOR_KEYS_MIB = 1.5
"""What 16,000 keys may leave behind where 500 are remembered. Where all are, it is more than twice that."""

MOST_FOR_RELOADS_MIB = 2.5
"""What 60 new configurations may leave behind."""

# Makes a configuration large enough to be seen when it is not forgotten.
SCOPES = {f"scope:{number}": ["run:read", "experiment:read", "model_version:read"] for number in range(400)}

# Needs a key, and is for no reader: so that good keys are asked about and no upstream is needed.
DENIED = f"{MOUNT}/api/2.0/mlflow/users/get"


def send_different_keys(stack: Stack, first: int, count: int) -> None:
    """One request with each key, half of them good and half unknown; checks how many were refused how."""

    def key(number: int) -> str:
        return f"{ANY_READER}{number}" if number % 2 else f"{PREFIX}bad_{number}"

    def on_one_connection(numbers: range) -> bytes:
        statuses = b""
        with socket.create_connection((stack.envoy.host, stack.envoy.port), timeout=20) as connection:
            for start in range(0, len(numbers), BATCH):
                batch = numbers[start : start + BATCH]
                heads = (encode_head("GET", DENIED, [("host", "m"), bearer(key(n))]) for n in batch)
                connection.sendall(b"".join(heads))
                received = b""
                # An answer's body ends with a brace, and no body holds the word.
                while received.count(b"HTTP/1.1 ") < len(batch) or not received.endswith(b"}"):
                    block = connection.recv(1 << 18)
                    assert block, "Envoy ended the connection"
                    received += block
                statuses += b"".join(part[:1] + part[2:3] for part in received.split(b"HTTP/1.1 ")[1:])
        return statuses

    with ThreadPoolExecutor(CONNECTIONS) as threads:
        numbers = range(first, first + count)
        parts = [numbers[n::CONNECTIONS] for n in range(CONNECTIONS)]
        # 401 and 403 by their first and last digit.
        statuses = b"".join(threads.map(on_one_connection, parts))
    found = {status: statuses.count(status) for status in (b"41", b"43")}
    assert found == {b"41": count // 2, b"43": count // 2}


def growth_over_keys(folder: Path, cache: dict[str, Any]) -> float:
    """MiB that Envoy has more after the keys than after the warm-up."""
    plugin = {"cache": cache, "audit": {"max_per_second": 1}}
    with (
        LoadAuthService([], folder / "auth") as auth,
        Stack(folder / "envoy", auth=auth, plugin=plugin) as stack,
    ):
        send_different_keys(stack, 0, WARM_UP)
        before = rss_mib(stack.envoy)
        send_different_keys(stack, WARM_UP, KEYS)
        grown = rss_mib(stack.envoy) - before
        stats = auth.stats()
        assert (stats["distinct_keys"], stats["most_per_key"]) == (WARM_UP + KEYS, 1)
    print(f"\n{KEYS} keys, {cache}: {before:.1f} MiB, grown by {grown:.2f} MiB", end="")
    return grown


def test_many_different_keys(tmp_path: Path) -> None:
    assert growth_over_keys(tmp_path, {"capacity": 500, "shared_slots": 256}) < MOST_FOR_KEYS_MIB


def test_the_figure_for_keys_tells_a_bound_from_none(tmp_path: Path) -> None:
    """Otherwise the test before this one says nothing."""
    cache = {"capacity": 100_000, "shared_slots": 65_536}
    assert growth_over_keys(tmp_path, cache) > 2 * MOST_FOR_KEYS_MIB


def test_many_reloads(tmp_path: Path) -> None:
    hot = HotListener(tmp_path)
    with (
        LoadAuthService([], tmp_path / "auth") as auth,
        Stack(tmp_path / "envoy", auth=auth, edit=hot.edit, arguments=DRAIN) as stack,
    ):

        def reload(numbers: range) -> float:
            with stack.client.connect() as connection:
                for number in numbers:
                    assert hot.swap(stack.envoy, {"help_url": f"https://keys.test/{number}", "scopes": SCOPES})
                    # With the old listener's connection, while there is one, and with the new one's.
                    reader = [bearer(f"{ANY_READER}{number % 10}")]
                    assert stack.client.get(READ_RUN, reader).status == 200
                    if number == numbers[0]:
                        assert connection.request("GET", READ_RUN, reader).status == 200
            # What is being drained is not a leak: Envoy keeps an old listener for two seconds.
            time.sleep(2.5)
            return rss_mib(stack.envoy)

        # As many for a warm-up: memory of a VM that was in use once, while old listeners drained, stays.
        before = reload(range(60))
        grown = reload(range(60, 120)) - before
        assert not any(stack.envoy.stats(r"^wasm\..*vm_reload").values())
    print(f"\n60 reloads: {before:.1f} MiB, grown by {grown:.2f} MiB", end="")
    assert grown < MOST_FOR_RELOADS_MIB
