"""The report of scripts/bench-scale: Markdown, figures of one run only."""

import os
import platform
from datetime import UTC, datetime
from statistics import median
from typing import Protocol

from bench.comparison.report import head, row
from bench.machine import cpu
from bench.start_report import spread
from harness import paths


class Setting(Protocol):
    """See bench/scale.py; read only."""

    @property
    def title(self) -> str: ...
    @property
    def keys(self) -> int | None: ...
    @property
    def capacity(self) -> int: ...


class Measured(Protocol):
    """See bench/scale.py."""

    @property
    def setting(self) -> Setting: ...
    @property
    def added_us(self) -> list[float]: ...

    cached: int
    cold_callouts: int
    without_us: list[float]
    callouts: list[float]
    rss_mib: float
    twin_rss_mib: float


TEXTS = {
    "workers": (
        "Workers",
        "workers",
        """\
1,000 keys, unless the line says another number; 16 connections for each worker. All workers run on all CPUs, so here the
Envoys share them with the load.

- **Cached keys**: each worker's VM has a cache of its own, and a request whose key is in it reads nothing that the VMs
  share.
- **More keys than `cache.shared_slots`**: a VM takes a key that it does not have from the slots that the VMs share. A
  lookup whose slot another key has taken is made again, by each VM once per `cache.ttl`: up to as many callouts per key as
  there are workers. These are the callouts that cost time here. `cache.shared_slots` well above the number of active keys
  prevents it ([capacity](../operating.md#capacity)).
- **Memory**: one VM more for each worker.""",
    ),
    "keys": (
        "Keys",
        "keys",
        """\
Each request has one of the keys, at random. The cache is filled first, for a limited time (`--fill-seconds`); a line says
so where that was not enough.

- **As many keys as `cache.capacity` or fewer**: no callout. An entry is found by one hash lookup, however many there are.
- **More keys than `cache.capacity`, or not all filled in**: the callouts are the misses of the cache, and a miss costs a
  callout and its reply. The share of misses is 1 − cached keys ÷ active keys. Set `cache.capacity` to the number of
  active keys.
- **Memory**: that of the principals, in each worker's VM ([capacity](../operating.md#capacity)).""",
    ),
    "connections": (
        "Connections",
        "connections",
        """\
One key, which nobody has sent before; each connection sends its next request after an answer. Envoy opens at most 1,024
connections to the upstream (its default); the other requests wait for one of them.

- **One connection** costs Envoy itself more than many do, because the worker sleeps and is woken for each request.
- **Thousands of requests under way**: what Envoy and the filter keep of a request has probably left the processor's
  caches when its answer comes. This was not taken apart.
- **Callouts**: all connections begin with the same new key, which is looked up once.
- **Memory**: most of it is Envoy's own for a connection. The filter adds a context for each request under way.""",
    ),
    "http2": (
        "HTTP/1.1 and HTTP/2",
        "protocol",
        """\
16 connections without TLS. The filter is given the same headers in either protocol. With 100 streams per connection a
worker handles many requests each time it wakes, with its code and data in the processor's caches.""",
    ),
}
"""By what is varied: the heading, the head of the first column, and what there is to say."""


def title(measured: Measured) -> str:
    """Of its line, with the keys that there was no time for."""
    setting = measured.setting
    wanted = min(setting.keys or 1, setting.capacity)
    return setting.title if measured.cached == wanted else f"{setting.title}, {measured.cached:,} filled in"


def table(first_column: str, all_measured: list[Measured]) -> list[str]:
    lines = head(
        first_column,
        "without the filter, CPU µs",
        "added CPU µs",
        "ratio",
        "callouts per 1,000",
        "callouts per new key",
        "RSS, MiB",
        "without the filter",
    )
    first = median(all_measured[0].added_us)
    for each in all_measured:
        lines.append(
            row(
                title(each),
                f"{median(each.without_us):.1f}",
                spread(each.added_us, 1),
                f"{median(each.added_us) / first:.2f}",
                f"{median(each.callouts) * 1000:.0f}",
                f"{each.cold_callouts / each.cached:.3f}",
                f"{each.rss_mib:.0f}",
                f"{each.twin_rss_mib:.0f}",
            )
        )
    return lines


_TEXT = """\
<!-- Written by scripts/bench-scale. -->
# Scale

{when:%Y-%m-%d %H:%M} UTC; {cpu}, {cpus} CPUs, Linux {linux}; Envoy {envoy}. Load average {load:.1f} at the end.

For those who ask whether the cost of a request changes with more workers, keys or connections, or over HTTP/2. Compare the
lines of one table, not absolute figures: load generator, upstream and auth service share the CPUs.{busy}

{rounds} rounds of {requests:,} requests `GET runs/get` (at least two per connection) to each Envoy in turn: one with this
filter, and its twin without it. Every answer is checked. Where not said otherwise, there is one worker with a CPU of its
own, 16 connections, HTTP/1.1 and one key.

- **Added CPU**: CPU time per request of the Envoy with this filter, without that of its twin in the same round; median,
  quartiles in brackets. **Ratio**: its median, to that of the first line. A difference within the quartiles is noise.
- **Callouts per 1,000**: lookups at the auth service per 1,000 of the measured requests, median.
- **Callouts per new key**: before the first round, while the cache is filled.
- **RSS**: resident memory of the process after the last round.

{sections}"""


def text(measured: dict[str, list[Measured]], rounds: int, requests: int) -> str:
    """The whole report."""
    sections = []
    busy = os.getloadavg()[0] > 2 * (os.cpu_count() or 1)
    for kind, each in measured.items():
        heading, first_column, words = TEXTS[kind]
        sections += [f"## {heading}", "\n".join(table(first_column, each)), words]
    return _TEXT.format(
        when=datetime.now(UTC),
        cpu=cpu(),
        cpus=os.cpu_count(),
        linux=platform.release(),
        envoy=paths.versions()["ENVOY_VERSION"],
        load=os.getloadavg()[0],
        busy=" Other\nprograms kept the machine busy meanwhile, so all times are too long." if busy else "",
        rounds=rounds,
        requests=requests,
        sections="\n\n".join(sections),
    )
