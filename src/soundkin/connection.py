"""The SQLite file under a library: opened, recognised, migrated, its errors put into words."""

from __future__ import annotations

import os
import sqlite3
import uuid
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager, suppress
from importlib import resources
from pathlib import Path
from typing import Any, Self

from soundkin.errors import LibraryError

APPLICATION_ID = 0x534B494E  # "SKIN"
BUSY_TIMEOUT_S = 30.0

ADVICE = {
    "is full": "the disk is full; free some space and run again, what is indexed is kept",
    "readonly": "no permission to write it; choose another with --library FILE",
    "unable to open": "it cannot be opened; check the permissions of the file and its folder",
    "not a database": "not a soundkin library; choose another with --library FILE",
    "malformed": "the library is damaged; restore it from a copy, or index into a new one",
    "locked": "another program is writing it; run again when that one is done",
    "disk I/O": "the disk cannot be read or written",
}


class Connection:
    """An open library file. Every SQLite error comes out as a LibraryError naming the file."""

    def __init__(self, path: Path, sqlite: sqlite3.Connection) -> None:
        self.path = path
        self._sqlite = sqlite

    @classmethod
    def open(cls, path: Path) -> Self:
        """Open a file that exists or may be made; bring its tables to the present version."""
        try:
            connection = cls(path, _open_sqlite(path))
        except sqlite3.Error as error:
            raise _explain(error, path) from error
        try:
            connection._prepare()
        except BaseException:
            connection.close()
            raise
        return connection

    def close(self) -> None:
        """Close the file; a transaction still open is rolled back."""
        with suppress(sqlite3.Error):
            self._sqlite.close()

    def copy_to(self, path: Path) -> None:
        """Copy all of it, as it stands, to a file that may be made."""
        try:
            with closing(sqlite3.connect(path)) as target:
                self._sqlite.backup(target)
        except sqlite3.Error as error:
            raise _explain(error, path) from error

    def run(self, sql: str, parameters: Sequence[Any] = ()) -> sqlite3.Cursor:
        """Execute one statement."""
        try:
            return self._sqlite.execute(sql, parameters)
        except sqlite3.Error as error:
            raise _explain(error, self.path) from error

    def fetch(self, sql: str, parameters: Sequence[Any] = ()) -> Iterator[tuple[Any, ...]]:
        """Yield the rows of one query."""
        try:
            for row in self._sqlite.execute(sql, parameters):  # noqa: UP028 (closes quietly)
                yield row
        except sqlite3.Error as error:
            raise _explain(error, self.path) from error

    @property
    def in_transaction(self) -> bool:
        """Whether a transaction is open."""
        return self._sqlite.in_transaction

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """Make all writes inside one transaction, or none of them; nested ones join the outer."""
        if self.in_transaction:
            yield
            return
        self.run("BEGIN IMMEDIATE")
        try:
            yield
            self.run("COMMIT")
        except BaseException:
            with suppress(sqlite3.Error):
                self._sqlite.execute("ROLLBACK")
            raise

    def _prepare(self) -> None:
        application_id = self.run("PRAGMA application_id").fetchone()[0]
        version = self.run("PRAGMA user_version").fetchone()[0]
        migrations = _read_migrations()
        if application_id != APPLICATION_ID:
            if self.run("SELECT 1 FROM sqlite_master").fetchone():
                raise LibraryError(f"{self.path}: an SQLite file, but not a soundkin library")
            version = 0
        if version > len(migrations):
            raise LibraryError(f"{self.path}: a newer soundkin wrote it; update soundkin to use it")
        if version < len(migrations):
            self.run("PRAGMA journal_mode = WAL")
            self._migrate(migrations)

    def _migrate(self, migrations: Sequence[str]) -> None:
        with self.transaction():
            version = self.run("PRAGMA user_version").fetchone()[0]  # another may have been first
            for migration in migrations[version:]:
                for statement in migration.split(";\n"):
                    self.run(statement)
            if version == 0:
                self.run("INSERT INTO meta (id, identity) VALUES (1, ?)", [uuid.uuid4().hex])
                self.run(f"PRAGMA application_id = {APPLICATION_ID}")
            self.run(f"PRAGMA user_version = {len(migrations)}")


def _open_sqlite(path: Path) -> sqlite3.Connection:
    options: dict[str, Any] = {"isolation_level": None, "check_same_thread": False}
    connection: sqlite3.Connection = sqlite3.connect(path, timeout=BUSY_TIMEOUT_S, **options)
    try:
        connection.execute("PRAGMA foreign_keys = ON")
        connection.execute("PRAGMA trusted_schema = OFF")
        connection.execute("PRAGMA synchronous = NORMAL")
        connection.execute("SELECT 1 FROM sqlite_master").fetchone()
    except sqlite3.OperationalError:
        connection.close()
        if os.access(path.parent, os.W_OK) or not os.access(path, os.R_OK):
            raise
        # No write-ahead log can be opened in a folder that is read-only; nor can anyone write.
        address = f"{path.as_uri()}?mode=ro&immutable=1"
        connection = sqlite3.connect(address, uri=True, **options)
    return connection


def _read_migrations() -> list[str]:
    folder = resources.files("soundkin") / "migrations"
    files = sorted((item for item in folder.iterdir() if item.name.endswith(".sql")), key=str)
    return [file.read_text("utf-8") for file in files]


def _explain(error: sqlite3.Error, path: Path) -> LibraryError:
    text = str(error)
    reason = next((words for key, words in ADVICE.items() if key in text), text)
    return LibraryError(f"{path}: {reason}")
