"""A server with three filled workspaces, in two states: with the objects that are asked for, and without them."""

import json
import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path

from harness.http import Client
from harness.mlflow_server import MlflowServer

from . import contents
from .contents import DEFAULT, IT, MARKS, ME, Api
from .state import Row, Store
from .steps import Names, Raw, Step, encode

WITHOUT, WITH = "without", "with"
# No request goes further than this machine; a gateway's provider is asked at a port where nobody listens.
ENVIRONMENT = {
    "DO_NOT_TRACK": "true",
    "OPENAI_API_KEY": "zq",
    "MLFLOW_WEBHOOK_ALLOWED_SCHEMES": "http,https",
    "MLFLOW_WEBHOOK_ALLOW_PRIVATE_IPS": "true",
    "MLFLOW_GATEWAY_API_BASE_ALLOWED_SCHEMES": "http,https",
    "MLFLOW_GATEWAY_API_BASE_ALLOW_PRIVATE_IPS": "true",
}
# What MLflow makes up: ids of several kinds, times, and digests of times.
_MADE_UP = re.compile(
    r"[0-9a-f]{32}|[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}|\b7[7-9]\d{6}\b"
    r"|\b1[6-9]\d{11,17}\b|\b20\d\d-\d\d-\d\dT[\d:.]+Z?|(?<=\"digest\": \")[0-9a-f]{8}\b"
)
_TIME = re.compile(r"1[6-9]\d{11,17}|20\d\d-.*")
# Columns whose text nobody follows as an id.
_TEXT = {"value", "params", "content", "source", "tags", "inputs", "storage_location", "run_link", "request_preview"}


@dataclass
class Outcome:
    """What a request was answered, and what it changed."""

    answers: list[tuple[int, str]] = field(default_factory=list)
    sent: str = ""
    added: set[Row] = field(default_factory=set)
    removed: set[Row] = field(default_factory=set)
    files_added: set[str] = field(default_factory=set)
    files_changed: set[str] = field(default_factory=set)
    files_removed: set[str] = field(default_factory=set)
    seen_by_owner: bool = False

    @property
    def status(self) -> int:
        return self.answers[-1][0]

    @property
    def changed_anything(self) -> bool:
        return bool(self.added or self.removed or self.files_added or self.files_changed or self.files_removed)


class Filled:
    """A workspace filled after all others, so that there is a state without it."""

    def __init__(self, names: Names, rows: dict[str, set[Row]], files: dict[str, dict[str, bytes]]) -> None:
        self.names, self.rows, self.files = names, rows, files
        self.rows_of_it = rows[WITH] - rows[WITHOUT]
        self.files_of_it = files[WITH].keys() - files[WITHOUT].keys()
        self.known = set(_found(rows[WITH]))
        ids = {found for found in _found(self.rows_of_it) if not _TIME.fullmatch(found)}
        self.ids_of_it = ids - set(_found(rows[WITHOUT]))


class World:
    def __init__(self, workdir: Path) -> None:
        # A release just installed compiles itself first.
        self.server = MlflowServer(workdir, env=ENVIRONMENT, options=("--enable-workspaces",), patience=400)
        try:
            self._fill(workdir)
        except BaseException:
            self.server.stop()
            raise

    def _fill(self, workdir: Path) -> None:
        self.store = Store(workdir)
        self.release = Client(*self.server.address).get("/version").body.decode()
        client = Client(*self.server.address, timeout=60)
        self.api = {name: Api(client, name, self.store) for name in (IT, ME, DEFAULT)}
        for name in (IT, ME):
            self.api[DEFAULT].post("/api/3.0/mlflow/workspaces", {"name": name})
        self._number_experiments_from(77_000_000, ME)
        names = {ME: contents.make(self.api[ME])}
        self.store.save("base")
        self._filled = {DEFAULT: self._filled_at_last(DEFAULT, IT, names)}
        self.missing = dict(self.api[IT].missing)
        self.store.restore("base")
        self._filled[IT] = self._filled_at_last(IT, DEFAULT, names)
        self.callers = dict(self.api)
        """Who sends what is tried; a test puts keys and Envoy here."""
        self.put(WITH)

    def _filled_at_last(self, it: str, before: str, names: dict[str, dict[str, str]]) -> "Filled":
        """The states without and with the objects of `it`."""
        rows, files, names = {}, {}, dict(names)
        for first, workspace, state in ((78_000_000, before, WITHOUT), (79_000_000, it, WITH)):
            self._number_experiments_from(first, workspace)
            api = self.api[workspace] = Api(self.api[workspace].client, workspace, self.store)
            names[workspace] = contents.make(api)
            rows[state], files[state] = self.store.rows(), self.store.files()
            self.store.save(f"{it}-{state}")
        return Filled(names, rows, files)

    def _number_experiments_from(self, first: int, workspace: str) -> None:
        """Ids of experiments are small numbers: these are told from other numbers."""
        columns = self.store.columns("experiments")
        values = {"experiment_id": first, "name": f"{first}", "workspace": workspace, "lifecycle_stage": "deleted"}
        places = ", ".join("?" if column in values else f'"{column}"' for column in columns)
        self.store.execute(
            f"INSERT INTO experiments SELECT {places} FROM experiments WHERE experiment_id = 0",
            tuple(values[column] for column in columns if column in values),
        )

    def close(self) -> None:
        self.store.close()
        self.server.stop()

    def __enter__(self) -> "World":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def put(self, state: str, it: str = IT) -> None:
        """The state with or without the objects of `it`, which are what is asked for from now on."""
        self.store.restore(f"{it}-{state}")
        self.state, self.it = state, it

    @property
    def names(self) -> Names:
        return self._filled[self.it].names

    @property
    def rows_of_it(self) -> set[Row]:
        return self._filled[self.it].rows_of_it

    @property
    def files_of_it(self) -> set[str]:
        return self._filled[self.it].files_of_it

    def is_place_of_it(self, file: str) -> bool:
        return file.startswith(f"workspaces/{self.it}/") or (self.it == DEFAULT and not file.startswith("workspaces/"))

    def tokens(self, text: str) -> set[str]:
        """What in this text belongs to the workspace that is asked for."""
        marks = set(re.findall(MARKS[self.it] + r"[\w-]*", text))
        return marks | (self._filled[self.it].ids_of_it & set(_MADE_UP.findall(text)))

    def try_from(self, workspace: str, steps: Iterable[Step], watch: "Battery | None" = None) -> Outcome:
        """Sends the steps in this workspace, sees what changed, and puts the state back."""
        before = self.store.mark()
        outcome = Outcome()
        try:
            self.send(self.callers[workspace], steps, outcome)
            if self.store.mark() != before:
                self._compare(outcome)
                if watch and self._names_its_ids(outcome):
                    outcome.seen_by_owner = watch.differs()
        finally:
            if self.store.mark() != before:
                self.put(self.state, self.it)
        return outcome

    def send(self, caller: Api, steps: Iterable[Step], outcome: Outcome) -> None:
        got: dict[str, str] = {}
        names = {"it": self.names[self.it], "me": self.names[caller.workspace], "got": got}
        for step in steps:
            try:
                target, headers, body = encode(step, names)
            except KeyError as error:
                outcome.answers.append((0, f"no {error} in this release"))
                return
            # Protobuf has ids as bytes.
            hexadecimal = body.hex() if isinstance(step.body, Raw) and body else ""
            outcome.sent += f"{target} {headers} {body!r} {hexadecimal} "
            try:
                answer = caller.send(step.method, target, body, headers)
            except TimeoutError:
                outcome.answers.append((0, "no answer in time"))
                return
            outcome.answers.append((answer.status, self._plain(answer.body.decode("latin-1"))))
            for name, path in step.keep.items():
                try:
                    value = json.loads(answer.body)
                    for word in path.split("."):
                        value = value[word]
                    got[name] = str(value)
                except (ValueError, KeyError, TypeError):
                    got[name] = "none"

    def _plain(self, text: str) -> str:
        """Without what the server made up for this answer alone."""
        known = self._filled[self.it].known
        return _MADE_UP.sub(lambda found: found[0] if found[0] in known else "<new>", text)

    def _compare(self, outcome: Outcome) -> None:
        rows, files = self.store.rows(), self.store.files()
        filled = self._filled[self.it]
        old_rows, old_files = filled.rows[self.state], filled.files[self.state]
        outcome.added, outcome.removed = rows - old_rows, old_rows - rows
        outcome.files_added = files.keys() - old_files.keys()
        outcome.files_removed = old_files.keys() - files.keys()
        outcome.files_changed = {name for name in files.keys() & old_files.keys() if files[name] != old_files[name]}

    def _names_its_ids(self, outcome: Outcome) -> bool:
        """A new row has one of its ids where ids stand, or anything of it has changed."""
        ids_of_it = self._filled[self.it].ids_of_it
        if outcome.removed & self.rows_of_it:
            return True
        for table, row in outcome.added:
            for column, value in zip(self.store.columns(table), row, strict=True):
                if column not in _TEXT and str(value) in ids_of_it:
                    return True
                if column not in _TEXT and str(value).removeprefix("tr-").removeprefix("m-") in ids_of_it:
                    return True
        return False

    def plain_rows(self, rows: Iterable[Row]) -> list[str]:
        return sorted(self._plain(f"{table} {row}") for table, row in rows)

    def is_still_there(self, row: Row, among: set[Row]) -> bool:
        """A row of the same primary key is among these."""
        key = self.store.primary_key(row[0])
        return any(other[0] == row[0] and all(other[1][index] == row[1][index] for index in key) for other in among)


class Battery:
    """All that the owner can read, to see whether somebody else's request has changed any of it."""

    def __init__(self, world: World, reads: list[tuple[Step, ...]]) -> None:
        self._world, self._reads = world, reads
        self._before = self._answers()

    def differs(self) -> bool:
        return self._answers() != self._before

    def _answers(self) -> list[list[tuple[int, str]]]:
        found = []
        for steps in self._reads:
            outcome = Outcome()
            self._world.send(self._world.api[self._world.it], steps, outcome)
            found.append(outcome.answers)
        return found


def _found(rows: Iterable[Row]) -> Iterable[str]:
    for _, row in rows:
        for value in row:
            if value is not None and not isinstance(value, (float, bytes)):
                yield from _MADE_UP.findall(str(value))
