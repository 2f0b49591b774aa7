"""What each source of identities costs a request whose caller is known, and writes a report; see scripts/bench-identities.

Runs in the tests' environment. Every source has an Envoy with this filter, and a twin that does all else: verifies the
token, ends TLS. Both get the same requests in turn, and the difference of their CPU time is the filter's.
"""

import argparse
import hashlib
import http.client
import os
import tempfile
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from statistics import median
from typing import Any

from bench.comparison.report import head, row
from bench.comparison.subjects import cpu_seconds, discard_access_log
from bench.machine import cpu
from bench.start_report import spread
from bench.upstream import Upstream
from harness import keys, paths
from harness.auth_service import AuthService
from harness.certificates import Authority, client_context, tls_listener
from harness.checks import READ_RUN
from harness.envoy import Envoy
from harness.envoy_config import Config, EnvoyOptions, connection_manager
from harness.http import bearer
from harness.jwt_authn import provider, verified_by
from harness.progress import run_to_its_end, step
from harness.tokens import Issuer

REPORT = paths.ROOT / "docs" / "benchmarks" / "identities.md"
LISTED = "mk_listed_in_the_configuration_0123456789"
"""A key of the configuration."""

Edit = Callable[[Config], None]


@dataclass
class Source:
    """A way to say who the caller is."""

    title: str
    headers: list[tuple[str, str]]
    plugin: dict[str, Any]
    edit: Edit = lambda _: None
    tls: Any = None
    added_us: list[float] = field(default_factory=list)
    """CPU time that the filter added to a request, by round."""


def entry(key: str, number: int) -> Config:
    digest = hashlib.sha256(key.encode()).hexdigest()
    return {"sha256": digest, "key_id": f"k{number}", "user_id": f"u{number}", "scopes": ["model:read"]}


def sources(folder: Path) -> list[Source]:
    """Those of docs/identity.md. Introspected tokens are cached like the keys of an auth service."""
    issuer, authority = Issuer(), Authority(folder / "certificates")
    token = issuer.token(scope="model:read", exp=4_102_444_800)
    name = "spiffe://cluster.local/ns/ml/sa/trainer"
    principals = {name: {"scopes": ["model:read"]}}
    others = [entry(f"{LISTED}-{number}", number) for number in range(1, 1000)]
    alone = {"auth_service": None, "key_pattern": None}
    listed = [bearer(LISTED)]
    return [
        Source("`auth_service`, cached for an hour", [bearer(keys.READ["key"])], {"cache": {"ttl": "1h"}}),
        Source("`keys`, one entry", listed, {"keys": [entry(LISTED, 0)], **alone}),
        Source("`keys`, a thousand entries", listed, {"keys": [entry(LISTED, 0), *others], **alone}),
        Source("`jwt` (RS256)", [bearer(token)], {"jwt": {}, **alone}, verified_by({"issuer": provider(issuer)})),
        Source(
            "`mtls`",
            [],
            {"mtls": {"by": "uri_san", "principals": principals}, **alone},
            tls_listener(authority),
            client_context(authority, authority.client(uris=(name,))),
        ),
    ]


def without_filter(config: Config) -> None:
    chain = connection_manager(config)["http_filters"]
    chain[:] = [each for each in chain if each["name"] != "mlflow_authz"]


def requests(envoy: Envoy, source: Source, count: int) -> float:
    """CPU time of Envoy per request, in µs, over one kept-alive connection. Raises RuntimeError at any other answer than 200."""
    made = http.client.HTTPSConnection if source.tls else http.client.HTTPConnection
    options = {"context": source.tls} if source.tls else {}
    connection = made(envoy.host, envoy.port, timeout=10, **options)
    try:
        ask(connection, source)
        before = cpu_seconds(envoy.process)
        for _ in range(count):
            ask(connection, source)
        return (cpu_seconds(envoy.process) - before) * 1e6 / count
    finally:
        connection.close()


def ask(connection: http.client.HTTPConnection, source: Source) -> None:
    connection.request("GET", READ_RUN, headers=dict(source.headers))
    answer = connection.getresponse()
    body = answer.read()
    if answer.status != 200:
        raise RuntimeError(f"{source.title}: {answer.status} {body[:200]!r}")


def measure(all_sources: list[Source], folder: Path, rounds: int, count: int) -> None:
    with ExitStack() as started:
        upstream = Upstream(folder / "upstream")
        started.callback(upstream.process.stop)
        auth = started.enter_context(AuthService(keys.STANDARD, folder))

        def envoy(source: Source, name: str, last: Edit) -> Envoy:
            def edit(config: Config) -> None:
                for each in (discard_access_log, source.edit, last):
                    each(config)

            options = {"mlflow": upstream.address, "auth": auth.address, "plugin": source.plugin, "edit": edit}
            place = folder / name
            place.mkdir()
            return started.enter_context(Envoy(EnvoyOptions(**options), place))

        pairs = []
        for number, source in enumerate(all_sources):
            filtered = envoy(source, f"filter{number}", lambda _: None)
            pairs.append((source, filtered, envoy(source, f"twin{number}", without_filter)))
        for round_ in range(-1, rounds):
            step(f"round {round_ + 1} of {rounds}")
            for source, filtered, twin in pairs:
                with_filter, without = requests(filtered, source, count), requests(twin, source, count)
                # One round for nothing: code is compiled and caches fill.
                if round_ >= 0:
                    source.added_us.append(with_filter - without)


def report(all_sources: list[Source], rounds: int, count: int) -> str:
    first = all_sources[0]
    lines = head("the caller is known by", "added CPU µs, median (quartiles)", "against the first row")
    for source in all_sources:
        ratios = [one / other for one, other in zip(source.added_us, first.added_us, strict=True)]
        lines.append(row(source.title, spread(source.added_us, 1), f"{median(ratios):.2f}"))
    return "\n".join(
        [
            "<!-- Written by scripts/bench-identities. -->",
            "# What each source of identities costs",
            "",
            f"{datetime.now(UTC):%Y-%m-%d %H:%M} UTC; {cpu()}, {os.cpu_count()} CPUs; "
            f"Envoy {paths.versions()['ENVOY_VERSION']}. Load average {os.getloadavg()[0]:.1f} at the end.",
            "",
            f"{rounds} rounds of {count:,} requests `GET runs/get` to each Envoy, one at a time over one kept-alive connection: the",
            "processor is woken for each, so a request costs more than under the load of [comparison.md](comparison.md).",
            "*Added*: CPU time per request of an Envoy with this filter, without that of its twin in the same round. The twin does",
            "all else: it verifies the token (`jwt_authn`, at every request) or ends TLS. No request asks the auth service.",
            "",
            *lines,
            "",
        ]
    )


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=15)
    parser.add_argument("--requests", type=int, default=1_000, help="per Envoy and round")
    parser.add_argument("--print", action="store_true", help="print the report, write no file")
    wanted = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        measured = sources(Path(folder))
        measure(measured, Path(folder), wanted.rounds, wanted.requests)
    text = report(measured, wanted.rounds, wanted.requests)
    if wanted.print:
        print(text)
    else:
        REPORT.write_text(text)
    return 0


if __name__ == "__main__":
    run_to_its_end(main)
