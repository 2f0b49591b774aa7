"""The verdict on each way: what of another workspace a request reads, changes, deletes or adds to."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Any

from .attempts import SERVER_WIDE
from .contents import DEFAULT, IT, ME
from .steps import Attempt, Step
from .world import WITH, WITHOUT, Battery, Outcome, World

FROM = {"workspace": ME, "default": DEFAULT}
"""From where it is asked: another workspace, and the one called `default`."""
ISOLATED, VOID = "isolated", "void"
# What an owner looks at, to see what others may have added to its objects.
_LOOKS = {
    "GetExperiment", "SearchRuns", "GetRun", "SearchDatasets", "GetLoggedModel", "SearchLoggedModels",
    "GetRegisteredModel", "SearchModelVersions", "ListArtifacts", "GetTraceInfo", "GetTrace", "SearchTraces",
    "GetDataset", "SearchEvaluationDatasets", "GetDatasetExperimentIds", "GetDatasetRecords", "ListScorers",
    "SearchIssues", "ListReviewQueues", "ListReviewQueueItems", "SearchJobs", "GetGatewayEndpoint",
    "ListEndpointBindings", "ListEndpointGuardrailConfigs", "GetMcpServer",
}  # fmt: skip


@dataclass
class Verdict:
    attempt: Attempt
    found: dict[str, list[str]] = field(default_factory=dict)
    """By `FROM`: what leaks, nothing if it is isolated."""
    status: dict[str, int] = field(default_factory=dict)
    void: str = ""
    """Why the owner's own request shows nothing, so that the others' prove nothing."""

    def row(self) -> dict[str, Any]:
        row: dict[str, Any] = {"operation": self.attempt.operation, "way": self.attempt.way}
        if self.void:
            return {**row, VOID: self.void}
        for place, leaks in self.found.items():
            row[place] = leaks or ISOLATED
        return {**row, "status": self.status}


def measure(
    world: World,
    attempts: Iterable[Attempt],
    progress: Callable[[str], None] = lambda _: None,
    explain: bool = False,
) -> list[Verdict]:
    verdicts = [Verdict(attempt) for attempt in attempts]
    tried: dict[str, list[dict[str, Outcome]]] = {}
    for state in (WITHOUT, WITH):
        progress(state)
        world.put(state)
        tried[state] = [{} for _ in verdicts]
        for verdict, outcomes in zip(verdicts, tried[state], strict=True):
            outcomes[IT] = world.try_from(IT, verdict.attempt.control or verdict.attempt.steps)
    reads = {v.attempt.operation: _control(v) for v, o in zip(verdicts, tried[WITH], strict=True) if _reads(v, o[IT])}
    battery = Battery(world, list(reads.values()))
    for state in (WITH, WITHOUT):
        progress(state)
        world.put(state)
        for verdict, outcomes in zip(verdicts, tried[state], strict=True):
            for place, workspace in FROM.items():
                if verdict.attempt.only_from in ("", place):
                    watch = battery if state == WITH else None
                    outcomes[workspace] = world.try_from(workspace, verdict.attempt.steps, watch)
    for verdict, without, there in zip(verdicts, tried[WITHOUT], tried[WITH], strict=True):
        _judge(world, verdict, without, there)
        if explain and any(verdict.found.values()):
            progress(
                f"{verdict.attempt.operation}, {verdict.attempt.way}: {without[DEFAULT]}\n  there: {there[DEFAULT]}"
            )
    return verdicts


def _control(verdict: Verdict) -> tuple[Step, ...]:
    return verdict.attempt.control or verdict.attempt.steps


def _reads(verdict: Verdict, control: Outcome) -> bool:
    """A request that only reads."""
    return verdict.attempt.operation in _LOOKS and control.status < 300 and not control.changed_anything


def _judge(world: World, verdict: Verdict, without: dict[str, Outcome], there: dict[str, Outcome]) -> None:
    if verdict.attempt.operation not in SERVER_WIDE:
        verdict.void = _why_void(world, verdict.attempt, without[IT], there[IT])
    for place, workspace in FROM.items():
        if workspace in there:
            verdict.found[place] = leaks(world, without[workspace], there[workspace])
            verdict.status[place] = there[workspace].status
            if there[workspace].status == 0:
                verdict.void = there[workspace].answers[-1][1]


def _why_void(world: World, attempt: Attempt, without: Outcome, there: Outcome) -> str:
    """The owner's request has to be judged as a leak, or the judgement on the others' is worth nothing."""
    if attempt.shows == "none" or (leaks(world, without, there) and (there.status < 300 or attempt.shows == "answer")):
        return ""
    return f"the owner gets {there.status}: {there.answers[-1][1][:200]}"


def leaks(world: World, without: Outcome, there: Outcome) -> list[str]:
    found = set()
    if there.answers != without.answers:
        news = _not_named(world.tokens(str(there.answers)) - world.tokens(str(without.answers)), there)
        found.add("reads" if news else "reveals")
    for row in there.removed & world.rows_of_it:
        found.add("changes" if world.is_still_there(row, there.added) else "deletes")
    if there.files_removed & world.files_of_it:
        found.add("deletes")
    if there.files_changed & world.files_of_it:
        found.add("changes")
    if any(world.is_place_of_it(name) for name in there.files_added):
        found.add("adds")
    if there.seen_by_owner and not found & {"changes", "deletes"}:
        found.add("adds")
    if _not_named({token for row in there.added for token in world.tokens(str(row))}, there):
        found.add("reads")
    return sorted(found)


def _not_named(tokens: set[str], outcome: Outcome) -> set[str]:
    """Those that the request has not said itself."""
    return {token for token in tokens if token not in outcome.sent}
