"""Plays the demo's story on a stack of real parts and prints what came of it; see scripts/demo.

Runs in MLflow's environment. Exits with status 1 if any row is not as expected.
"""

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

from harness import keys
from harness.auth_service import AuthService
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


def print_hints(stack: Stack, workdir: Path) -> None:
    """Prints commands to try on the running stack."""
    api = f"{stack.url}/api/2.0/mlflow"
    python = Path(sys.executable)
    names = (keys.READ, keys.REGISTER, keys.WRITE, keys.PROMOTE, keys.DELETE, keys.NO_SCOPES, keys.ADMIN)
    print("\nKeys to try:")
    for entry in names:
        grants = ", ".join(entry["scopes"]) or ("is_admin" if entry.get("is_admin") else "(no scopes)")
        print(f"  {entry['key']:20} {grants}")
    reader, registrar = keys.READ["key"], keys.REGISTER["key"]
    create = 'import mlflow; mlflow.MlflowClient().create_registered_model("mine")'
    print(
        f"""
With curl:
  curl -s -H 'Authorization: Bearer {reader}' '{api}/registered-models/search'
  curl -s -H 'Authorization: Bearer {reader}' -H 'Content-Type: application/json' \\
    -d '{{"name": "mine"}}' {api}/registered-models/create

With Python:
  export MLFLOW_TRACKING_URI={stack.url}
  MLFLOW_TRACKING_TOKEN={reader} {python} -c 'import mlflow; print(mlflow.search_registered_models())'
  MLFLOW_TRACKING_TOKEN={reader} {python} -c '{create}'
  MLFLOW_TRACKING_TOKEN={registrar} {python} -c '{create}'

What the filter records:
  tail -f {stack.envoy.process.err}   # audit records
  tail -f {stack.envoy.process.out}   # access log
  curl -s http://{stack.envoy.admin_address}/stats/prometheus | grep ^mlflow_authz   # metrics
  curl -s {stack.auth.url}/stats   # what the auth service counted

Press Ctrl-C to end everything; {workdir} is then removed.""",
        flush=True,
    )


def prepare_client(stack: Stack) -> None:
    """Points MLflow's client at Envoy, and keeps it from printing between the rows."""
    os.environ.update(
        MLFLOW_TRACKING_URI=stack.url,
        MLFLOW_SUPPRESS_PRINTING_URL_TO_STDOUT="true",
        MLFLOW_ENABLE_ARTIFACTS_PROGRESS_BAR="false",
        MLFLOW_DISABLE_TELEMETRY="true",
        MLFLOW_LOGGING_LEVEL="ERROR",
    )
    # An identity of the user's own would be a second credential.
    for name in ("MLFLOW_TRACKING_USERNAME", "MLFLOW_TRACKING_PASSWORD", "MLFLOW_TRACKING_AUTH"):
        os.environ.pop(name, None)


def play(started: ExitStack, workdir: Path) -> tuple[Stack, list[Row]]:
    """Starts everything and performs the story."""
    step("starting the auth service")
    auth = started.enter_context(AuthService(keys.STANDARD, workdir))
    step("starting the MLflow server (some ten seconds)")
    server = started.enter_context(MlflowServer(workdir))
    step("starting Envoy with the filter")
    stack = started.enter_context(Stack(workdir, auth=auth, mlflow=server.address))
    prepare_client(stack)
    step("loading MLflow's client")
    # Only now: MLflow takes seconds to import, and reads its environment.
    from story import Story

    step(f"MLflow is at {stack.url}; trying things")
    return stack, [perform(trial, stack) for trial in Story(workdir).trials()]


def report(stack: Stack, rows: list[Row]) -> None:
    """Prints table, messages and audit records."""
    requests = len(stack.envoy.access_log())
    print()
    print_table(rows)
    print_messages(rows)
    print("\nThe audit records of the filter, one for each denial:")
    for record in stack.envoy.audit():
        if record["decision"] == "deny":
            print("  " + json.dumps(record))
    print(f"\n{requests} requests, {stack.auth.validations} lookups at the auth service.", flush=True)


def main() -> int:
    keep = "--keep" in sys.argv[1:]
    with ExitStack() as started:
        workdir = Path(started.enter_context(tempfile.TemporaryDirectory(prefix="mlflow-authz-demo-")))
        stack, rows = play(started, workdir)
        report(stack, rows)
        wrong = sum(not row.as_expected for row in rows)
        if keep:
            print_hints(stack, workdir)
            wait_for_interrupt(stack)
        step("ending everything")
    print(f"{len(rows)} rows, {wrong} not as expected", flush=True)
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
