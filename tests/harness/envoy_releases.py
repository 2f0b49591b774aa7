"""Runs the tests that go through Envoy against releases of it; see scripts/test-envoys."""

import argparse
import os
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path
from xml.etree import ElementTree

from . import paths
from .progress import run_to_its_end, step

REPORT = paths.ROOT / "docs" / "hosts.md"

# All others are run, new ones too.
LEFT_OUT = {
    "deploy/test_alerts.py": "Prometheus, no Envoy",
    "deploy/test_dashboard.py": "Prometheus and Grafana, with one Envoy's metrics",
    "deploy/test_manifests.py": "mostly the schemas of Istio and Envoy Gateway",
    "envoy/test_check.py": "mostly the command line",
    "envoy/test_memory.py": "Envoy's memory, whose limits are those of the newest release",
    "envoy/test_negative_entries.py": "what the filter's engine caches; test_cache.py has the part that depends on Envoy",
    "envoy/test_replay.py": "the command line and its report",
    "envoy/test_stale.py": "what the filter's engine caches in an outage; test_auth_service_trouble.py has the outages",
    "envoy/test_under_fault.py": "faults under load; test_auth_service_trouble.py has each of them without load",
    "mlflow/test_advisories.py": "vulnerabilities of old MLflow releases, which only the filter's catalog prevents",
    "mlflow/test_catalog.py": "no Envoy",
    "mlflow/test_deployments.py": "mostly real MLflow servers, in several configurations",
    "mlflow/test_differential.py": "compares with MLflow's router, no Envoy",
    "mlflow/test_differential_bodies.py": "compares with MLflow's handlers, no Envoy",
    "mlflow/test_graphql.py": "no Envoy",
    "mlflow/test_manage.py": "no Envoy",
    "mlflow/test_narrow_client.py": "MLflow's client, for minutes; test_narrow_bodies.py has the part that depends on Envoy",
    "mlflow/test_workspace_clients.py": "MLflow's clients, for minutes; test_workspace_header.py has the part that depends on Envoy",
    "mlflow/test_workspaces.py": "how MLflow itself handles workspaces and paths of artifacts",
    "mlflow/test_workspaces_page.py": "MLflow's page; test_workspace_header.py has the part that depends on Envoy",
    "module": "`check` and `explain` by themselves, no Envoy",
    "tools": "the repository's own tools: measurements, the demo, packing, the tests' harness",
}


@dataclass
class Outcome:
    """What the tests said of one release."""

    version: str
    passed: int
    failed: list[str]
    skipped: list[tuple[str, str]]
    """Tests, with the reason."""


def run(version: str, envoy: str, arguments: list[str], folder: Path) -> Outcome:
    """pytest against this Envoy, its output on this one's."""
    said = subprocess.run([envoy, "--version"], capture_output=True, text=True, check=True).stdout
    if f"/{version}/" not in said:
        raise SystemExit(f"error: {envoy} is not Envoy {version}: {said.strip()}")
    results = folder / f"{version}.xml"
    ignored = [f"--ignore={paths.ROOT / 'tests' / name}" for name in LEFT_OUT]
    command = [sys.executable, "-m", "pytest", "tests", *ignored, f"--junit-xml={results}", *arguments]
    step(f"tests through Envoy {version}")
    subprocess.run(command, cwd=paths.ROOT, env={**os.environ, "ENVOY": envoy}, check=False)
    return read(version, results)


def read(version: str, results: Path) -> Outcome:
    """What pytest's JUnit file says."""
    outcome = Outcome(version, 0, [], [])
    for case in ElementTree.parse(results).iter("testcase"):
        name = f"{case.get('classname', '').removeprefix('tests.')}::{case.get('name')}"
        skipped = case.find("skipped")
        if skipped is not None and skipped.get("type") == "pytest.xfail":
            continue  # It says what MLflow does, to whatever Envoy.
        if skipped is not None:
            outcome.skipped.append((name, skipped.get("message") or ""))
        elif case.find("failure") is not None or case.find("error") is not None:
            outcome.failed.append(name)
        else:
            outcome.passed += 1
    return outcome


def table(outcomes: list[Outcome]) -> str:
    lines = ["| Envoy | passed | failed | skipped |", "| --- | ---: | ---: | ---: |"]
    for o in outcomes:
        lines.append(f"| {o.version} | {o.passed} | {len(o.failed)} | {len(o.skipped)} |")
    return "\n".join(lines)


def notes(outcomes: list[Outcome]) -> list[str]:
    """Which tests were skipped or failed, by their reasons."""
    said = [f"- {o.version}: `{name}` failed" for o in outcomes for name in o.failed]
    return said + [f"- {o.version}: `{name}` skipped: {why}" for o in outcomes for name, why in o.skipped]


def write(outcomes: list[Outcome]) -> None:
    """Puts table and notes in the place of the last ones."""
    block = "\n".join([table(outcomes), "", *(notes(outcomes) or ["None was skipped."])])
    left_out = "\n".join(f"- `{name}`: {why}" for name, why in LEFT_OUT.items())
    text = REPORT.read_text()
    for name, new in (("table", block), ("left out", left_out)):
        begin, end = f"<!-- {name} -->\n", f"\n<!-- end of {name} -->"
        head, rest = text.split(begin, 1)
        text = head + begin + new + end + rest.split(end.lstrip(), 1)[1]
    REPORT.write_text(text)
    step(f"wrote {REPORT.relative_to(paths.ROOT)}")


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--print", action="store_true", help="do not touch the report")
    parser.add_argument("envoys", nargs="+", metavar="VERSION=PATH")
    # What follows is pytest's.
    split = sys.argv.index("--")
    wanted = parser.parse_args(sys.argv[1:split])
    outcomes = []
    with tempfile.TemporaryDirectory(prefix="mlflow-authz-envoys-") as folder:
        for given in wanted.envoys:
            version, _, envoy = given.partition("=")
            outcomes.append(run(version, envoy, sys.argv[split + 1 :], Path(folder)))
    print("\n".join([table(outcomes), *notes(outcomes)]), flush=True)
    failed = any(o.failed or not o.passed for o in outcomes)
    if not (failed or wanted.print):
        write(outcomes)
    return 1 if failed else 0


if __name__ == "__main__":
    run_to_its_end(main)
