"""What docs/benchmarks/README.md begins with: one table, and MLflow's own time beside it."""

import os
from datetime import UTC, datetime

from bench.comparison.cases import CACHING, CHECKING, TOKENS, Case, cpu_added, find
from bench.comparison.report import added, head, row, title_of
from bench.comparison.served import REQUESTS, Served
from harness import paths

_COLUMNS = (
    "added to a cached read",
    "added to a cached write",
    "a denial",
    "a read with a new key",
    "in the auth service",
)


def summary(cases: list[Case], served: Served) -> str:
    return f"{table(cases)}\n\n{told(cases, served)}"


def table(cases: list[Case]) -> str:
    """Everybody who decides."""
    lines = head("CPU time per request, µs", *_COLUMNS)
    for subject in ("authz", "lua", *CHECKING, "rbac", "middleware"):
        forwarded = [added(find(cases, name, subject), cases) for name in ("read", "write")]
        ours = "cold" if subject == "authz" else subject
        cold = _median(cases, "cold", ours) if ours in CACHING else ""
        auth = f"{find(cases, 'read', subject).median('auth_us'):.1f} for each request" if subject in CHECKING else ""
        lines.append(row(title_of(subject), *forwarded, _median(cases, "denied", subject), cold, auth))
    for subject in TOKENS[1:]:
        read = added(find(cases, "token-read", subject), cases, "tokens")
        lines.append(row(title_of(subject), read, "", _median(cases, "token-denied", subject), "", ""))
    return "\n".join(lines)


def _median(cases: list[Case], name: str, subject: str) -> str:
    return f"{find(cases, name, subject).median('cpu_us'):.1f}"


def told(cases: list[Case], served: Served) -> str:
    """In words: what MLflow takes, and what this filter adds to that."""

    def share(name: str, milliseconds: float) -> str:
        return f"{cpu_added(find(cases, name, 'authz'), cases) / 10 / milliseconds:.2f} %"

    return (
        f"Measured on {datetime.now(UTC):%Y-%m-%d} with Envoy {paths.versions()['ENVOY_VERSION']}. In the same run, MLflow\n"
        f"{paths.versions()['MLFLOW_VERSION']} itself (one worker, SQLite, no proxy, medians of {REQUESTS} requests one at a time) took\n"
        f"{served.read_ms:.1f} ms for this read and {served.write_ms:.1f} ms for this write. The filter adds "
        f"{share('read', served.read_ms)} to the one and\n{share('write', served.write_ms)} to the other. The load average of the machine was {os.getloadavg()[0]:.1f} at the end."
    )
