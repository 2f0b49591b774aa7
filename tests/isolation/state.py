"""All that a server keeps, as rows and files: to compare before and after a request, and to put back."""

import os
import shutil
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

Row = tuple[str, tuple[object, ...]]
"""A table's name and the values of one row."""


class Store:
    """The database and the artifacts of a running `MlflowServer`, and copies of both by name."""

    def __init__(self, workdir: Path) -> None:
        self.artifacts = workdir / "artifacts"
        self._database = workdir / "mlflow.db"
        self._copies = workdir / "copies"
        self._watch = sqlite3.connect(self._database, timeout=30, isolation_level=None)
        # Losing a copy to a power cut costs nothing here, and waiting for the disk costs most of the time.
        self._watch.execute("PRAGMA synchronous = OFF")
        self._tables = [
            name
            for (name,) in self._watch.execute("SELECT name FROM sqlite_master WHERE type = 'table'")
            if not name.startswith("sqlite_")
        ]

    def close(self) -> None:
        self._watch.close()

    def columns(self, table: str) -> list[str]:
        return [column[0] for column in self._watch.execute(f'SELECT * FROM "{table}" LIMIT 0').description]

    def primary_key(self, table: str) -> list[int]:
        """Where in a row its primary key stands."""
        keys = {row[1] for row in self._watch.execute(f'PRAGMA table_info("{table}")') if row[5]}
        return [index for index, name in enumerate(self.columns(table)) if name in keys]

    def mark(self) -> tuple[object, ...]:
        """Differs after anything has changed."""
        version = self._watch.execute("PRAGMA data_version").fetchone()[0]
        stats = ((path, os.stat(path)) for path in self._walk())
        return (version, *((path, stat.st_mtime_ns, stat.st_size) for path, stat in stats))

    def rows(self) -> set[Row]:
        return {(table, row) for table in self._tables for row in self._watch.execute(f'SELECT * FROM "{table}"')}

    def files(self) -> dict[str, bytes]:
        return {os.path.relpath(path, self.artifacts): Path(path).read_bytes() for path in self._walk()}

    def _walk(self) -> Iterator[str]:
        for folder, _, names in os.walk(self.artifacts):
            for name in names:
                yield os.path.join(folder, name)

    def execute(self, statement: str, values: tuple[object, ...] = ()) -> None:
        self._watch.execute(statement, values)

    def save(self, name: str) -> None:
        copy = self._copies / name
        shutil.rmtree(copy, ignore_errors=True)
        copy.mkdir(parents=True)
        if self.artifacts.exists():
            shutil.copytree(self.artifacts, copy / "artifacts")
        with closing(sqlite3.connect(copy / "mlflow.db")) as database:
            self._watch.backup(database)

    def restore(self, name: str) -> None:
        """Puts a copy back below the running server: its next query reads it."""
        copy = self._copies / name
        shutil.rmtree(self.artifacts, ignore_errors=True)
        if (copy / "artifacts").exists():
            shutil.copytree(copy / "artifacts", self.artifacts)
        with closing(sqlite3.connect(copy / "mlflow.db")) as database:
            database.backup(self._watch)
