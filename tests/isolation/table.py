"""The tables of docs/mlflow/workspaces.md, made of what was measured."""

from collections.abc import Iterable
from typing import Any

from harness import paths
from harness.releases import order

from . import fixtures
from .attempts import NOT_TRIED, SERVER_WIDE
from .measure import FROM, ISOLATED, VOID

DOCUMENT = paths.ROOT / "docs" / "mlflow" / "workspaces.md"
BY_PATH = (
    "DownloadArtifact", "UploadArtifact", "DeleteArtifact", "ListArtifactsMlflowArtifacts", "CreateMultipartUpload",
    "CompleteMultipartUpload", "AbortMultipartUpload", "GetPresignedDownloadUrl",
)  # fmt: skip
"""What the filter keeps apart by the artifact's path."""
NOT_RELIED_ON = {
    "CreateWebhook": "a webhook receives the events of every workspace: the list that is called is cached for the whole server",
    "UpdateWebhook": "as CreateWebhook",
    "TestWebhook": "as CreateWebhook",
    "UpdateBudgetPolicy": "an own budget can be made one for calls from every workspace",
    "CreateGatewaySecret": "up to 3.13 its api_base may be the server itself, where the gateway's calls pass no filter",
    "UpdateGatewaySecret": "as CreateGatewaySecret",
    "SubmitJob": "a job runs on the server with parameters of the caller",
    "CreatePromptOptimizationJob": "as SubmitJob",
    "InvokeGenaiEvaluate": "as SubmitJob",
    "UpsertOnlineScoringConfig": "as SubmitJob",
    "InvokeIssueDetection": "as SubmitJob",
    "SyncIssueDetectionScheduleState": "it begins a schedule of jobs, see SubmitJob",
}
"""Isolated as far as it was measured, and still not for a key that is limited to a workspace."""
WITH_OBJECT_STORES = {
    "ServeModelVersionArtifact": "a version's source s3://… is followed into another workspace's files",
}
"""Isolated with artifacts in local files, and not with S3: measured once, see the document. Not for a limited key either."""
COVERED_FROM = "3.12"
"""3.10 and 3.11 show versions of other workspaces in a search for models: neither is relied on."""
OPEN = {
    ("LogMetric", "model_id on an own run"),
    ("LogBatch", "model_id on an own run"),
    ("StartTrace", "an assessment of its id"),
    ("StartTrace", "an assessment of its id, on an own trace that exists"),
    ("GetTrace", "an archive's location, stored by StartTrace"),
    ("GetTrace", "an archive's location, stored by ExportTraces"),
    ("BatchGetTraces", "an archive's location, stored by StartTrace"),
}
"""What the filter leaves open to those who know an id of 128 random bits, and why: see the document."""
TELLS = {
    ("StartTrace", "the id of a trace there"),
    ("StartTrace", "the id of a trace there, its spans in the database"),
    ("ExportTraces", "the id of a trace there"),
    ("ExportTraces", "the id of a trace there, without spans"),
    ("CreateAssessment", "an assessment id that exists there"),
    ("CreateIssue", "source_run_id"),
    ("CreateGatewayEndpoint", "another's experiment"),
    ("UpdateGatewayEndpoint", "an own endpoint, another's experiment"),
}
"""What tells no more than that an id exists, which the request has to know."""

Way = tuple[str, str]


class Measured:
    """All releases' fixtures together."""

    def __init__(self) -> None:
        self.releases = fixtures.releases()
        self.rows = {release: {way_of(row): row for row in fixtures.read(release)} for release in self.releases}
        self.operations = {release: set(fixtures.operations_of(release)) for release in self.releases}

    def every_operation(self) -> list[str]:
        newest_first = [name for release in reversed(self.releases) for name in fixtures.operations_of(release)]
        return list(dict.fromkeys(newest_first))

    def ways(self) -> list[Way]:
        return list(dict.fromkeys(way for release in reversed(self.releases) for way in self.rows[release]))

    def leaks(self, way: Way, place: str) -> dict[str, str]:
        """{release: what leaks}"""
        found = {}
        for release in self.releases:
            said = self.rows[release].get(way, {}).get(place, ISOLATED)
            if said != ISOLATED:
                found[release] = ", ".join(said)
        return found

    def serving(self, operation: str) -> list[str]:
        return [release for release in self.releases if operation in self.operations[release]]

    def covered(self, operation: str) -> list[str]:
        """Likewise, without the releases that are measured and published, but not relied on."""
        return [release for release in self.serving(operation) if order(release) >= order(COVERED_FROM)]

    def proved(self, operation: str) -> bool:
        """In every release that serves it, some way shows something."""
        return all(
            any(way[0] == operation and VOID not in row for way, row in self.rows[release].items())
            for release in self.covered(operation)
        )

    def leaking(self, operation: str) -> set[Way]:
        """In any covered release; without what tells only that an id exists."""
        return {
            way
            for release in self.covered(operation)
            for way, row in self.rows[release].items()
            for place in FROM
            if way[0] == operation and not is_told(way, row.get(place, ISOLATED))
        }

    def isolated(self, operation: str) -> bool:
        """In every release that serves it, in every way that was tried, and some way shows something."""
        if operation in SERVER_WIDE or operation in NOT_TRIED or not self.covered(operation):
            return False
        return self.proved(operation) and not self.leaking(operation)

    def reachable(self, operation: str) -> bool:
        """By a key that is limited to a workspace: MLflow isolates it, or the filter does, or what is left is named."""
        if operation in BY_PATH:
            return True
        if operation in NOT_RELIED_ON or operation in WITH_OBJECT_STORES:
            return False
        if operation in SERVER_WIDE or operation in NOT_TRIED or not self.covered(operation):
            return False
        return self.proved(operation) and self.leaking(operation) <= OPEN


def is_told(way: Way, said: str | list[str]) -> bool:
    """Isolated, or no more than that an id exists."""
    return said == ISOLATED or (way in TELLS and said == ["reveals"])


def way_of(row: dict[str, Any]) -> Way:
    return row["operation"], row["way"]


def minor(release: str) -> str:
    return release.rpartition(".")[0]


def spans(releases: Iterable[str], all_releases: list[str]) -> str:
    """`3.10 to 3.12, 3.14`."""
    chosen, runs = set(releases), list[list[str]]()
    for before, release in zip(["", *all_releases], all_releases, strict=False):
        if release in chosen:
            if before in chosen:
                runs[-1][1:] = [minor(release)]
            else:
                runs.append([minor(release)])
    return ", ".join(" to ".join(run) for run in runs)


def leak_table(measured: Measured) -> list[str]:
    lines = ["| operation | what the request names | asked from | what happens | releases |", "|---|---|---|---|---|"]
    for way in measured.ways():
        if way[0] in SERVER_WIDE:
            continue
        by_what: dict[tuple[str, str], list[str]] = {}
        for place in FROM:
            for release, what in measured.leaks(way, place).items():
                if way in TELLS and what == "reveals":
                    continue
                by_what.setdefault((place, what), []).append(release)
        for (place, what), releases in by_what.items():
            if releases == by_what.get(("workspace", what)) == by_what.get(("default", what)):
                asked = "any workspace"
                if place == "default":
                    continue
            else:
                asked = {"workspace": "a named workspace", "default": "`default`"}[place]
            lines.append(f"| {way[0]} | {way[1]} | {asked} | {what} | {spans(releases, measured.releases)} |")
    return lines


def operation_table(measured: Measured) -> list[str]:
    lines = ["| operation | releases | ways tried | MLflow keeps workspaces apart |", "|---|---|---|---|"]
    for operation in sorted(measured.every_operation()):
        releases = measured.serving(operation)
        ways = {way for release in releases for way in measured.rows[release] if way[0] == operation}
        proved = {way for release in releases for way in ways if VOID not in measured.rows[release].get(way, {VOID: 1})}
        if operation in SERVER_WIDE:
            said = f"no: {SERVER_WIDE[operation]}"
        elif operation in NOT_TRIED:
            said = f"not tried: {NOT_TRIED[operation]}"
        elif operation in NOT_RELIED_ON:
            said = f"yes, but not relied on: {NOT_RELIED_ON[operation]}"
        elif operation in WITH_OBJECT_STORES:
            said = f"yes with local files; with an object store no: {WITH_OBJECT_STORES[operation]}"
        elif measured.isolated(operation):
            before = {
                r
                for way in measured.ways()
                if way[0] == operation
                for place in FROM
                for r, what in measured.leaks(way, place).items()
                if not (way in TELLS and what == "reveals")
            }
            said = f"yes, but not in {spans(before, measured.releases)}" if before else "yes"
        else:
            leaking = measured.leaking(operation)
            where = [r for r in releases if any(r in measured.leaks(way, place) for way in leaking for place in FROM)]
            said = (
                f"no, in {spans(where, measured.releases)}"
                if leaking
                else "not shown: local files have none; the filter judges the path"
                if operation in BY_PATH
                else "not shown: no attempt worked for the workspace itself"
            )
        lines.append(f"| {operation} | {spans(releases, measured.releases)} | {len(proved) or '–'} | {said} |")
    return lines


def replaced(document: str, measured: Measured) -> str:
    """The document with its tables as measured."""
    for name, lines in (("leaks", leak_table(measured)), ("operations", operation_table(measured))):
        begin, end = f"<!-- {name} -->", f"<!-- end of {name} -->"
        start = document.index(begin) + len(begin)
        document = document[:start] + "\n" + "\n".join(lines) + "\n" + document[document.index(end) :]
    return document


if __name__ == "__main__":
    DOCUMENT.write_text(replaced(DOCUMENT.read_text(), Measured()))
