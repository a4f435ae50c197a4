"""The SQLite file under a library: opened, recognised, migrated, its errors put into words."""

from __future__ import annotations

import os
import sqlite3
import time
import uuid
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, Self

from soundkin.errors import DamagedLibraryError, LibraryError
from soundkin.library.name_words import FUNCTION, has_word
from soundkin.library.schema import APPLICATION_ID, find_foreign, read_migrations

BUSY_TIMEOUT_S = 30.0
COPIED_PAGES = 4096  # at a time, between two reports of how far a copy is

REPAIR = "run: soundkin verify --repair"
DAMAGED = f"the library is damaged; {REPAIR}"
ADVICE = {
    "is full": "the disk is full; free some space and run again, what is indexed is kept",
    "readonly": "no permission to write it; choose another with --library FILE",
    "unable to open": "it cannot be opened; check the permissions of the file and its folder",
    "not a database": "not a soundkin library; choose another with --library FILE",
    "locked": "another program is writing it; run again when that one is done",
    "disk I/O": "the disk cannot be read or written",
}
DAMAGE = ("malformed", "Could not decode", "integer overflow", "datatype mismatch")

OnCopied = Callable[[int, int], None]


class Connection:
    """An open library file. Every SQLite error comes out as a LibraryError naming the file."""

    def __init__(self, path: Path, sqlite: sqlite3.Connection) -> None:
        self.path = path
        self._sqlite = sqlite
        self._n_folded = 0  # changes of this connection that are in the file itself

    @classmethod
    def open(cls, path: Path) -> Self:
        """Open a file that exists or may be made; bring its tables to the present version."""
        try:
            connection = cls(path, _open_sqlite(path))
        except sqlite3.Error as error:
            raise translate_sqlite_error(error, path) from error
        try:
            connection._prepare()
        except sqlite3.Error as error:
            connection.close()
            raise translate_sqlite_error(error, path) from error
        except BaseException:
            connection.close()
            raise
        return connection

    def close(self) -> None:
        """Close the file; a transaction still open is rolled back."""
        with suppress(sqlite3.Error):
            self.fold_log()
            self._sqlite.close()

    def fold_log(self) -> None:
        """Bring what this connection wrote from the log into the file, as far as others let it.

        So that whoever copies the file alone, while others have it open, has all of it.
        """
        n_changes = self._sqlite.total_changes
        if n_changes != self._n_folded and not self._sqlite.in_transaction:
            with suppress(sqlite3.Error):  # the log stands, and is as good
                self._sqlite.execute("PRAGMA wal_checkpoint(PASSIVE)")
            self._n_folded = n_changes

    def run(self, sql: str, parameters: Sequence[Any] = ()) -> sqlite3.Cursor:
        """Execute one statement."""
        try:
            return self._sqlite.execute(sql, parameters)
        except (sqlite3.Error, OverflowError) as error:
            raise translate_sqlite_error(error, self.path) from error

    def fetch(self, sql: str, parameters: Sequence[Any] = ()) -> Iterator[tuple[Any, ...]]:
        """Yield the rows of one query."""
        try:
            for row in self._sqlite.execute(sql, parameters):  # noqa: UP028 (closes quietly)
                yield row
        except (sqlite3.Error, OverflowError) as error:
            raise translate_sqlite_error(error, self.path) from error

    def fetch_one(self, sql: str, parameters: Sequence[Any] = ()) -> tuple[Any, ...] | None:
        """Give the first row of a query; None where there is none."""
        return next(self.fetch(sql, parameters), None)

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

    @contextmanager
    def relaxed_sync(self) -> Iterator[None]:
        """Commit without waiting for the disk, for what could be made again after a power cut."""
        self.run("PRAGMA synchronous = NORMAL")
        try:
            yield
        finally:
            with suppress(sqlite3.Error):
                self._sqlite.execute("PRAGMA synchronous = FULL")

    def checkpoint_wal(self) -> None:
        """Bring all into the file itself, which is whole without its log from then on.

        Raises
        ------
        LibraryError
            It cannot be done, as on a full disk.
        """
        [(mode,)] = self.fetch("PRAGMA journal_mode = DELETE")
        if mode != "delete":
            raise LibraryError(f"{self.path}: {ADVICE['locked']}")

    def copy_to(self, path: Path, on_copied: OnCopied | None = None) -> None:
        """Copy the whole as it is now into a new file, page by page, while others may write it."""
        try:
            target = sqlite3.connect(path, isolation_level=None)
        except sqlite3.Error as error:
            raise translate_sqlite_error(error, path) from error
        try:
            # A snapshot held open keeps the copy from beginning again with every other's write.
            self._sqlite.execute("BEGIN")
            self._sqlite.execute("SELECT 1 FROM sqlite_master").fetchone()
            copy_pages(self._sqlite, target, on_copied)
            target.execute("PRAGMA journal_mode = DELETE")  # one file, with nothing beside it
        except sqlite3.Error as error:
            raise translate_sqlite_error(error, path) from error
        finally:
            target.close()
            with suppress(sqlite3.Error):
                self._sqlite.execute("ROLLBACK")

    def overwrite_with(self, path: Path, on_copied: OnCopied | None = None) -> None:
        """Take over all that another library's file holds, in one transaction."""
        source = sqlite3.connect(path, isolation_level=None)
        try:
            page_size = self._sqlite.execute("PRAGMA page_size").fetchone()[0]
            if source.execute("PRAGMA page_size").fetchone()[0] != page_size:
                source.execute(f"PRAGMA page_size = {page_size}")
                source.execute("VACUUM")
            copy_pages(source, self._sqlite, on_copied)
        except sqlite3.Error as error:
            raise translate_sqlite_error(error, self.path) from error
        finally:
            source.close()

    def _prepare(self) -> None:
        application_id = self._sqlite.execute("PRAGMA application_id").fetchone()[0]
        version = self._sqlite.execute("PRAGMA user_version").fetchone()[0]
        migrations = read_migrations()
        if application_id != APPLICATION_ID:
            if self._sqlite.execute("SELECT 1 FROM sqlite_master").fetchone():
                raise LibraryError(f"{self.path}: an SQLite file, but not a soundkin library")
            version = 0
        if version > len(migrations):
            raise LibraryError(f"{self.path}: a newer soundkin wrote it; update soundkin to use it")
        foreign = find_foreign(self._sqlite, version) if version > 0 else None
        if foreign or version < 0:
            found = f" ({foreign[:100]})" if foreign else ""
            raise DamagedLibraryError(
                f"{self.path}: another program changed its tables{found}; to take over what is"
                f" soundkin's, {REPAIR}"
            )
        if version < len(migrations):
            self.run("PRAGMA journal_mode = WAL")
            self._migrate(migrations)
        elif self._sqlite.execute("PRAGMA journal_mode").fetchone()[0] != "wal":
            with suppress(sqlite3.Error):  # a copy of a backup; good to read even as it is
                self._sqlite.execute("PRAGMA journal_mode = WAL")

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


def open_to_read(path: Path) -> sqlite3.Connection:
    """Open a file, with its log, to read it only, as wary of what it holds as can be.

    Raises
    ------
    sqlite3.Error
        It cannot be opened.
    """
    options: dict[str, Any] = {"isolation_level": None, "timeout": BUSY_TIMEOUT_S}
    if os.access(path, os.W_OK) and os.access(path.parent, os.W_OK):
        connection: sqlite3.Connection = sqlite3.connect(path, **options)
        connection.execute("PRAGMA query_only = ON")
    else:
        connection = sqlite3.connect(f"{path.as_uri()}?mode=ro&immutable=1", uri=True, **options)
        if Path(f"{path}-wal").exists():
            raise sqlite3.OperationalError("unable to open its log to write")
    harden(connection)
    return connection


def harden(connection: sqlite3.Connection) -> None:
    """Let a file's own schema call no function that could do anything, and check its pages."""
    connection.execute("PRAGMA trusted_schema = OFF")
    connection.execute("PRAGMA cell_size_check = ON")
    connection.create_function(FUNCTION, 3, has_word, deterministic=True)


def copy_pages(
    source: sqlite3.Connection, target: sqlite3.Connection, on_copied: OnCopied | None
) -> None:
    """Copy all pages of a file over those of another, in one transaction.

    Raises
    ------
    sqlite3.Error
        It cannot be done, or the target stays locked.
    """
    waiting_since: float | None = None

    def watch(status: int, n_left: int, n_all: int) -> None:
        nonlocal waiting_since
        if status not in (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED):
            waiting_since = None
            if on_copied is not None:
                on_copied(n_all - n_left, n_all)
            return
        waiting_since = waiting_since or time.monotonic()
        if time.monotonic() - waiting_since > BUSY_TIMEOUT_S:
            raise sqlite3.OperationalError("database is locked")

    source.backup(target, pages=COPIED_PAGES, progress=watch, sleep=0.05)


def translate_sqlite_error(error: Exception, path: Path) -> LibraryError:
    """Put an error of SQLite's into words."""
    text = str(error)
    if isinstance(error, OverflowError) or any(key in text for key in DAMAGE):
        return DamagedLibraryError(f"{path}: {DAMAGED}")
    reason = next((words for key, words in ADVICE.items() if key in text), text)
    return LibraryError(f"{path}: {reason}")


def _open_sqlite(path: Path) -> sqlite3.Connection:
    options: dict[str, Any] = {"isolation_level": None, "check_same_thread": False}
    connection: sqlite3.Connection = sqlite3.connect(path, timeout=BUSY_TIMEOUT_S, **options)
    try:
        connection.execute("PRAGMA foreign_keys = ON")
        harden(connection)
        # What a person did is on disk once it is said to be done, but for `relaxed_sync`.
        connection.execute("PRAGMA synchronous = FULL")
        connection.execute("PRAGMA fullfsync = ON")
        connection.execute("SELECT 1 FROM sqlite_master").fetchone()
    except sqlite3.OperationalError:
        connection.close()
        if os.access(path.parent, os.W_OK) or not os.access(path, os.R_OK):
            raise
        # No write-ahead log can be opened in a folder that is read-only; nor can anyone write.
        address = f"{path.as_uri()}?mode=ro&immutable=1"
        connection = sqlite3.connect(address, uri=True, **options)
        harden(connection)
    return connection
