"""Plays the demo's story on a stack of real parts and prints what came of it; see scripts/demo.

Runs in MLflow's environment. Exits with status 1 if any row is not as expected.
"""

import argparse
import json
import os
import sys
import tempfile
import textwrap
import time
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sources import SOURCES, Source

from harness.mlflow_server import MlflowServer
from harness.progress import run_to_its_end, step
from harness.stack import Stack

if TYPE_CHECKING:
    from story import Trial


@dataclass
class Row:
    """One trial and what came of it."""

    what: str
    scopes: str
    answer: str
    who: str
    as_expected: bool
    said: str | None
    """What MLflow's client printed, if it raised."""


def who_answered(entry: dict[str, Any]) -> str:
    """Who gave an answer, from Envoy's access log."""
    details = entry["response_code_details"] or ""
    if details == "via_upstream":
        return "MLflow"
    if details.startswith("mlflow_authz_"):
        return "filter"
    return f"Envoy ({details or entry['response_flags']})"


def perform(trial: "Trial", stack: Stack) -> Row:
    """Performs one trial and reads from the access log what was answered, and by whom."""
    before = len(stack.envoy.access_log())
    said = None
    try:
        trial.perform()
    except Exception as error:  # Whatever the client raises is what its user sees.
        said = f"{type(error).__name__}: {error}"
    entries = stack.envoy.access_log()[before:]
    if not entries:
        return Row(trial.what, trial.caller.scopes, "no request reached Envoy", "nobody", False, said)
    refusals = [entry for entry in entries if entry["status"] >= 400]
    decisive = (refusals or entries)[-1]
    who = who_answered(decisive)
    reason = (decisive["authz"] or {}).get("reason") if who == "filter" else None
    answer = f"{decisive['status']} {reason or ''}".strip()
    as_expected = (
        decisive["status"] == trial.status
        and reason == trial.reason
        and who == ("filter" if trial.reason else "MLflow")
        # The client raises when it is refused, and only then; an action also raises on a wrong answer.
        and (said is not None) == (trial.status >= 400)
    )
    return Row(trial.what, trial.caller.scopes, answer, who, as_expected, said)


def print_table(rows: list[Row]) -> None:
    """Prints the rows in aligned columns."""
    cells = [("", "tried through MLflow's client", "scopes of the key", "answer", "answered by", "")]
    for number, row in enumerate(rows, 1):
        verdict = "as expected" if row.as_expected else "NOT AS EXPECTED"
        cells.append((str(number), row.what, row.scopes, row.answer, row.who, verdict))
    widths = [max(len(line[column]) for line in cells) for column in range(len(cells[0]))]
    for index, line in enumerate(cells):
        print("  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)).rstrip())
        if index == 0:
            print("  ".join("-" * width for width in widths))


def print_messages(rows: list[Row]) -> None:
    """Prints what the client's user reads, once for each different text."""
    print("\nWhat MLflow's client printed:")
    seen = set()
    for number, row in enumerate(rows, 1):
        if row.said and row.said not in seen:
            seen.add(row.said)
            indents = {"initial_indent": f"{number:3}  ", "subsequent_indent": " " * 5}
            print(textwrap.fill(row.said, 115, break_long_words=False, break_on_hyphens=False, **indents))


def print_hints(stack: Stack, source: Source, url: str, workdir: Path) -> None:
    """Prints commands to try on the running stack."""
    api = f"{url}/api/2.0/mlflow"
    python = Path(sys.executable)
    print("\nCallers to try:")
    for caller in source.callers.values():
        if caller.curl:
            print(f"  {caller.scopes:20} {caller.curl}")
    reader, writer = source.callers["reader"], source.callers["writer"]
    as_reader, as_writer = (
        " ".join(f"{name}={value}" for name, value in caller.environment.items()) for caller in (reader, writer)
    )
    create = 'import mlflow; mlflow.MlflowClient().create_registered_model("mine")'
    print(
        f"""
With curl:
  curl -s {reader.curl} '{api}/registered-models/search'
  curl -s {reader.curl} -H 'Content-Type: application/json' \\
    -d '{{"name": "mine"}}' {api}/registered-models/create

With Python:
  export MLFLOW_TRACKING_URI={url}
  {as_reader} {python} -c 'import mlflow; print(mlflow.search_registered_models())'
  {as_reader} {python} -c '{create}'
  {as_writer} {python} -c '{create}'

What the filter records:
  tail -f {stack.envoy.process.err}   # audit records
  tail -f {stack.envoy.process.out}   # access log
  curl -s http://{stack.envoy.admin_address}/stats/prometheus | grep ^mlflow_authz   # metrics

Press Ctrl-C to end everything; {workdir} is then removed.""",
        flush=True,
    )


def prepare_client(url: str) -> None:
    """Points MLflow's client at Envoy, and keeps it from printing between the rows."""
    os.environ.update(
        MLFLOW_TRACKING_URI=url,
        MLFLOW_SUPPRESS_PRINTING_URL_TO_STDOUT="true",
        MLFLOW_ENABLE_ARTIFACTS_PROGRESS_BAR="false",
        MLFLOW_DISABLE_TELEMETRY="true",
        MLFLOW_LOGGING_LEVEL="ERROR",
    )
    # An identity of the user's own would be a second credential.
    for name in ("MLFLOW_TRACKING_USERNAME", "MLFLOW_TRACKING_PASSWORD", "MLFLOW_TRACKING_AUTH"):
        os.environ.pop(name, None)


@dataclass
class Played:
    """What runs, and what came of the story."""

    stack: Stack
    source: Source
    url: str
    rows: list[Row]


def play(started: ExitStack, identity: str, workdir: Path) -> Played:
    """Starts everything and performs the story."""
    step(f"setting up who says who callers are: {identity}")
    source = SOURCES[identity](started, workdir)
    step("starting the MLflow server (some ten seconds)")
    server = started.enter_context(MlflowServer(workdir))
    step("starting Envoy with the filter")
    stack = started.enter_context(
        Stack(workdir, auth=source.auth, mlflow=server.address, plugin=source.plugin, edit=source.edit)
    )
    url = stack.url.replace("http:", f"{source.scheme}:", 1)
    prepare_client(url)
    step("loading MLflow's client")
    # Only now: MLflow takes seconds to import, and reads its environment.
    from story import Story

    step(f"MLflow is at {url}; trying things")
    return Played(stack, source, url, [perform(trial, stack) for trial in Story(workdir, source.callers).trials()])


def report(played: Played) -> None:
    """Prints table, messages and audit records."""
    stack, rows = played.stack, played.rows
    requests = len(stack.envoy.access_log())
    print()
    print_table(rows)
    print_messages(rows)
    print("\nThe audit records of the filter, one for each denial:")
    for record in stack.envoy.audit():
        if record["decision"] == "deny":
            print("  " + json.dumps(record))
    print(f"\n{requests} requests, {played.source.lookups()}.", flush=True)


def main() -> int:
    parser = argparse.ArgumentParser(prog="scripts/demo")
    parser.add_argument("--keep", action="store_true")
    parser.add_argument("--identity", choices=SOURCES, default="auth_service")
    wanted = parser.parse_args()
    with ExitStack() as started:
        workdir = Path(started.enter_context(tempfile.TemporaryDirectory(prefix="mlflow-authz-demo-")))
        played = play(started, wanted.identity, workdir)
        report(played)
        wrong = sum(not row.as_expected for row in played.rows)
        if wanted.keep:
            print_hints(played.stack, played.source, played.url, workdir)
            wait_for_interrupt(played.stack)
        step("ending everything")
    print(f"{len(played.rows)} rows, {wrong} not as expected", flush=True)
    return 1 if wrong else 0


def wait_for_interrupt(stack: Stack) -> None:
    """Returns at Ctrl-C, or if Envoy ends."""
    try:
        while stack.envoy.process.running():
            time.sleep(0.5)
    except KeyboardInterrupt:
        return
    print(f"Envoy has ended:\n{stack.envoy.process.log_tail()}")


if __name__ == "__main__":
    run_to_its_end(main)
