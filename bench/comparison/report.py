"""The report of scripts/bench: Markdown, figures of one run only."""

import gzip
import os
import platform
import subprocess
from datetime import UTC, datetime
from pathlib import Path
from statistics import median, quantiles

from bench.comparison import alternatives
from bench.comparison.bars import bars
from bench.comparison.cases import CACHING, COMPARED, DECIDING, PARTS, TITLES, TOKENS, Case, cpu_added, find
from bench.comparison.subjects import MODULES, Subjects, rss_kib
from bench.load import CONNECTIONS
from bench.machine import cpu
from harness import paths


def title_of(subject: str) -> str:
    """As the tables show it."""
    return f"**{TITLES[subject]}**" if subject in ("authz", "cold", "tokens_authz") else TITLES[subject]


def row(*cells: str) -> str:
    return f"| {' | '.join(cells)} |"


def head(first: str, *others: str) -> list[str]:
    return [row(first, *others), row("---", *(["---:"] * len(others)))]


def _bars(cases: list[Case]) -> list[str]:
    lines = head("target", "wanted", "reached", "90 % interval", "verdict")
    for bar in bars(cases):
        interval = f"{bar.low:.2f} to {bar.high:.2f}"
        lines.append(row(bar.title, bar.wanted, f"{bar.value:.2f}", interval, bar.verdict))
    return lines


def added(case: Case, cases: list[Case], baseline: str = "none") -> str:
    return "" if case.subject == baseline else f"{cpu_added(case, cases, baseline):.1f}"


def _lower_quartile(values: list[float]) -> float:
    """What a round costs when nothing else disturbs the machine: disturbance only ever adds."""
    return sorted(values)[len(values) // 4]


def _figures(case: Case) -> list[str]:
    return [
        f"{case.median('cpu_us'):.1f}",
        f"{_lower_quartile(case.cpu_us):.1f}",
        f"{case.median('auth_us'):.1f}",
        f"{case.median('callouts') * 1000:.0f}",
        f"{case.median('rate'):.0f}",
        f"{case.median('busy') * 100:.0f} %",
    ]


_FIGURES = (
    "CPU µs/request, median",
    "lower quartile",
    "auth service, CPU µs/request",
    "callouts per 1,000",
    "requests/s",
    "CPU busy",
)


def _forwarded(cases: list[Case], name: str) -> list[str]:
    lines = head(f"cached {name}", *_FIGURES, "added CPU µs")
    for subject in COMPARED:
        case = find(cases, name, subject)
        lines.append(row(title_of(subject), *_figures(case), added(case, cases)))
    return lines


def _tokens(cases: list[Case]) -> list[str]:
    lines = head("read with a token", *_FIGURES, "added CPU µs")
    for subject in TOKENS:
        case = find(cases, "token-read", subject)
        lines.append(row(title_of(subject), *_figures(case), added(case, cases, "tokens")))
    return [*lines, "", *_alone(cases, "token-denied", "refused, with a token", TOKENS[1:])]


def _parts(cases: list[Case]) -> list[str]:
    none = find(cases, "read", "none")
    lines = head("cached read, by parts", "added CPU µs, median", "of lower quartiles")
    for subject in PARTS:
        case = find(cases, "read", subject)
        quiet = _lower_quartile(case.cpu_us) - _lower_quartile(none.cpu_us)
        lines.append(row(title_of(subject), added(case, cases), f"{quiet:.1f}"))
    return lines


def _alone(cases: list[Case], name: str, title: str, subjects: tuple[str, ...]) -> list[str]:
    lines = head(title, *_FIGURES)
    return lines + [row(title_of(subject), *_figures(find(cases, name, subject))) for subject in subjects]


def _keys(cases: list[Case], key_count: int) -> list[str]:
    lines = head("cached read by", *_FIGURES)
    for title, name in (("one key", "one-key"), (f"{key_count:,} keys at random", "many-keys")):
        lines.append(row(title, *_figures(find(cases, name, "keys"))))
    return lines


def _narrow(cases: list[Case]) -> list[str]:
    """Round by round: what else ran at the time disturbed both."""
    narrow, wide = find(cases, "tag-narrow", "inspect"), find(cases, "tag", "inspect")
    ignoring = find(cases, "tag", "authz")
    lines = head("cached write to a model", *_FIGURES)
    for title, case in (
        ("unrestricted key, bodies ignored", ignoring),
        ("unrestricted key, bodies read", wide),
        ("key limited to names, bodies read", narrow),
    ):
        lines.append(row(title, *_figures(case)))
    lines += ["", *head("write to a model", "ratio of CPU time, median", "quartiles", "added µs, median")]
    for title, ours, other in (
        ("key limited to names / unrestricted key, both with bodies read", narrow, wide),
        ("unrestricted key: bodies read / ignored", wide, ignoring),
        ("key limited to names, bodies read / unrestricted key, ignored", narrow, ignoring),
    ):
        pairs = list(zip(ours.cpu_us, other.cpu_us, strict=True))
        ratios = [a / b for a, b in pairs]
        low, _, high = quantiles(ratios) if len(ratios) > 1 else ratios * 3
        added = median(a - b for a, b in pairs)
        lines.append(row(title, f"{median(ratios):.2f}", f"{low:.2f} to {high:.2f}", f"{added:.1f}"))
    return lines


def latency(case: Case, percentile: str) -> float:
    """Median over the rounds of `p50_us` or `p99_us`."""
    return median(getattr(load, percentile) for load in case.paced)


def _latency(cases: list[Case]) -> list[str]:
    base = find(cases, "read", "none").paced
    lines = head("cached read", "requests/s", "p50 µs", "p99 µs", "added to p50, µs", "added to p99, µs")
    for subject in COMPARED:
        case = find(cases, "read", subject)
        rate = median(load.requests / load.seconds for load in case.paced)
        seen, added = [f"{rate:.0f}"], []
        for percentile in ("p50_us", "p99_us"):
            seen.append(f"{latency(case, percentile):.0f}")
            pairs = zip(case.paced, base, strict=True)
            difference = median(getattr(a, percentile) - getattr(b, percentile) for a, b in pairs)
            added.append("" if subject == "none" else f"{difference:.0f}")
        lines.append(row(title_of(subject), *seen, *added))
    return lines


def _memory(subjects: Subjects) -> list[str]:
    ours = paths.wasm_module()
    modules = MODULES | dict.fromkeys(("authz", "inspect", "keys"), ours)
    lines = head("process", "RSS MiB after start", "after the run", "module KiB", "gzip KiB")
    for name in (*COMPARED, "inspect", "keys"):
        subject = subjects.all[name]
        rss = [f"{kib / 1024:.1f}" for kib in (subject.rss_at_start_kib, rss_kib(subject.process))]
        lines.append(row(title_of(name), *rss, *(_size(modules[name]) if name in modules else ("", ""))))
    return lines


def _size(module: Path) -> tuple[str, str]:
    code = module.read_bytes()
    return f"{len(code) / 1024:.1f}", f"{len(gzip.compress(code)) / 1024:.1f}"


def _machine() -> str:
    toolchain = (paths.ROOT / "rust-toolchain.toml").read_text().partition('channel = "')[2].partition('"')[0]
    python = subprocess.run([alternatives.python(), "-V"], capture_output=True, text=True, check=True).stdout
    # wrk has no option for it: with its version it prints its usage, and fails.
    wrk = subprocess.run(["wrk", "-v"], capture_output=True, text=True, check=False).stdout.split()
    return (
        f"{datetime.now(UTC):%Y-%m-%d %H:%M} UTC; {cpu()}, {os.cpu_count()} CPUs, Linux {platform.release()}; "
        f"Envoy {paths.versions()['ENVOY_VERSION']}, Rust {toolchain}, {' '.join(wrk[:2])}; "
        f"{python.strip()} with {alternatives.versions()}. "
        f"Load average {os.getloadavg()[0]:.1f} at the end."
    )


_TEXT = """\
<!-- Written by scripts/bench. -->
# This filter beside the others

![CPU time, requests per second and latency of a cached read](comparison.svg)

{machine}

{rounds} rounds of {requests} requests per case in turn (the middleware: a tenth), {connections} connections, one
worker. What is measured has one CPU; load generator, upstream and auth service have the rest. What each does is told in
[README.md](README.md). *CPU busy*: the share of its CPU that the measured process used. Below 100 %, load generator,
upstream or auth service were the limit of the requests per second, and a faster process would show no more of them.

## Targets

{bars}

## Cached reads and writes

{read}

{write}

## Where this filter's time goes

*Host calls alone* is a filter that decides nothing (`bench/filters/calls`): it makes the host calls of a cached read that is
allowed, with texts as long, one kind more in each row. That is what any filter pays that tells as much to upstream, to
the metrics and to the access log.

{parts}

## Refused: no right to see accounts

{denied}

A denied write, by this filter from its cache before the body has come: Envoy then ends the connection, so that each
request needs a new one.

{denied_body}

## Another key in each request

{cold}

ext_authz asks anew for each request anyway; RBAC asks nobody.

## Tokens (JWT)

Envoy's `jwt_authn` verifies an RS256 token in each of these. *Added* is the difference to `jwt_authn` alone, which looks at
no scopes.

{tokens}

## Many keys

{keys}

## A key limited to names

{narrow}

## Latency at a moderate rate

{paced} rounds of {paced_requests:.0f} requests, medians.

{latency}

## Memory and size

{memory}"""


def text(cases: list[Case], subjects: Subjects, requests: int, key_count: int) -> str:
    """The whole report; `requests` is per case and round, `key_count` keys were many."""
    base = find(cases, "read", "none")
    sections = {
        "bars": _bars(cases),
        "read": _forwarded(cases, "read"),
        "write": _forwarded(cases, "write"),
        "parts": _parts(cases),
        "denied": _alone(cases, "denied", "refused", DECIDING),
        "denied_body": _alone(cases, "denied-body", "refused write", ("authz",)),
        "cold": _alone(cases, "cold", "read", CACHING),
        "tokens": _tokens(cases),
        "keys": _keys(cases, key_count),
        "narrow": _narrow(cases),
        "latency": _latency(cases),
        "memory": _memory(subjects),
    }
    return _TEXT.format(
        machine=_machine(),
        rounds=len(base.samples),
        requests=f"{requests:,}",
        connections=CONNECTIONS,
        paced=len(base.paced),
        paced_requests=median(load.requests for load in base.paced),
        **{name: "\n".join(lines) for name, lines in sections.items()},
    )
