"""A library's rows read from a file whose pages are damaged, and written into a new one.

Whatever cannot be read by one way is looked for by another: rows by ranges of ids that close in on
what is damaged, paths and tags from the indices too. What is lost is what no way leads to.
"""

from __future__ import annotations

import sqlite3
import uuid
from collections.abc import Iterator, Sequence
from contextlib import closing, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from soundkin.errors import LibraryError
from soundkin.integrity.damaged_file import NOTHING, open_damaged
from soundkin.library.connection import Connection
from soundkin.library.database_file import make_temporary
from soundkin.library.library import Library
from soundkin.library.records import NOT_EMBEDDED, REREAD_SIZE
from soundkin.library.schema import list_own_tables
from soundkin.library.sql import encode_path, read_path

MAX_FAILURES = 1_000_000  # of look-ups in one table, before the rest of it is given up
MAX_ID = (1 << 62) - 1
GREATEST = {  # where a bound of ids may stand, since a table may not be readable to its end
    "recordings": (
        "SELECT MAX(id) FROM recordings",
        "SELECT MAX(id) FROM recordings INDEXED BY sqlite_autoindex_recordings_1 WHERE path > ''",
        "SELECT MAX(recording_id) FROM tags INDEXED BY tags_by_recording",
    ),
    "contents": (
        "SELECT MAX(id) FROM contents",
        "SELECT next_content_id FROM meta",
        "SELECT MAX(content_id) FROM recordings INDEXED BY recordings_by_content",
    ),
    "facts": ("SELECT MAX(content) FROM facts", "SELECT next_content_id FROM meta"),
    "fingerprints": (
        "SELECT MAX(content) FROM fingerprints",
        "SELECT next_content_id FROM meta",
    ),
    "concepts": (
        "SELECT MAX(id) FROM concepts",
        "SELECT seq FROM sqlite_sequence WHERE name = 'concepts'",
    ),
}

Row = tuple[Any, ...]


@dataclass(frozen=True)
class Rescued:
    """How many rows were taken over; `n_refused` were read and made no sense."""

    n_recordings: int
    n_contents: int
    n_tags: int
    n_refused: int


def rescue_rows(path: Path, target: Path) -> Rescued:
    """Write all that can be read of a damaged library into a new file.

    Recordings whose vectors are lost are to be embedded again; recordings whose path is lost, but
    not their tags, get a path that says so.

    Raises
    ------
    LibraryError
        None of it can be read.
    """
    with (
        make_temporary(path, ".page") as with_page,
        closing(open_damaged(path, with_page)) as source,
        Library.open(target, create=True) as library,
    ):
        rescued = _Rescue(source, library.connection).run()
        library.connection.checkpoint_wal()  # the file alone takes the old one's place
    if not rescued.n_recordings and not rescued.n_contents:
        raise LibraryError(f"{path}: {NOTHING}")
    return rescued


class _Rescue:
    """Reads one damaged file into one new library."""

    def __init__(self, source: sqlite3.Connection, target: Connection) -> None:
        source.text_factory = lambda data: data.decode("utf-8", "surrogateescape")
        self._source = source
        self._target = target
        self._tables = list_own_tables(source)
        self._recordings: dict[int, int] = {}  # ids there, and here
        self._n_refused = 0

    def run(self) -> Rescued:
        """Read everything."""
        with self._target.relaxed_sync(), self._target.transaction():
            has_model = self._copy_meta()
            for row in self._read_keyed("folders", ("path", self._name_slow("folders", "NULL"))):
                self._insert("folders", ("path", "slow"), row)
            n_contents = self._copy_by_id("contents", "id") if has_model else 0
            n_recordings = self._copy_recordings()
            if n_contents:
                self._copy_by_id("facts", "content")
                self._copy_by_id("fingerprints", "content")
            self._copy_by_id("concepts", "id")
            n_tags = self._copy_tags("tags", "INDEXED BY tags_by_recording")
            self._copy_tags("rejected_tags", "")
            self._copy_crates()
            self._settle()
        return Rescued(n_recordings, n_contents, n_tags, self._n_refused)

    def _copy_meta(self) -> bool:
        """Copy what the library says of itself, but its identity; whether there is a model."""
        columns = self._list_columns("meta")
        wanted = [name for name in columns if name not in ("id", "identity")]
        row = next(self._select(f"SELECT {', '.join(wanted)} FROM meta"), None)
        for name, value in zip(wanted, row or (), strict=False):
            with suppress(LibraryError):
                self._target.run(f"UPDATE meta SET {name} = ?", [value])
        known = self._target.fetch_one("SELECT model_name FROM meta")
        return known is not None and known[0] is not None

    def _copy_by_id(self, table: str, key: str) -> int:
        columns = self._list_columns(table)
        n_rows = 0
        contents = self._list_contents() if key == "content" else None
        for row in self._read_by_id(table, key, columns):
            if contents is not None and row[0] not in contents:
                continue  # of a sound that is measured again when it is embedded again
            n_rows += self._insert(table, columns, row)
        return n_rows

    def _copy_recordings(self) -> int:
        """Copy recordings; one whose content is lost is to be embedded again."""
        slow = self._name_slow("recordings", "1.0")
        columns = ("id", "path", "size", "mtime_ns", slow, "content_id", "error")
        contents = self._list_contents()
        for recording_id, path, *values in self._read_by_id("recordings", "id", columns):
            _, _, _, content_id, error = values
            if content_id in contents or (content_id is None and isinstance(error, str)):
                self._take(recording_id, path, *values)
            else:
                self._take(recording_id, path)
        index = "recordings INDEXED BY sqlite_autoindex_recordings_1"
        for path, recording_id in self._read_keyed(index, ("path", "id")):
            if recording_id not in self._recordings:
                self._take(recording_id, path)
        return len(self._recordings)

    def _take(
        self,
        recording_id: int,
        path: Any,
        size: Any = REREAD_SIZE,
        mtime_ns: Any = 0,
        slow: Any = 1.0,
        content_id: int | None = None,
        error: str | None = NOT_EMBEDDED,
    ) -> None:
        """Add a recording, or find the one that has its path already."""
        try:
            path = encode_path(read_path(path))
        except LibraryError:
            path, content_id, error = f"/path lost/{recording_id}", None, "its path is lost"
        error = None if content_id is not None else error
        columns = ("id", "path", "size", "mtime_ns", "slow", "content_id", "error")
        row = (recording_id, path, size, mtime_ns, slow, content_id, error)
        there = self._target.fetch_one("SELECT id FROM recordings WHERE path = ?", [path])
        if there is not None:
            self._recordings[recording_id] = there[0]
        elif self._insert("recordings", columns, row):
            self._recordings[recording_id] = recording_id
        elif size != REREAD_SIZE:
            self._take(recording_id, path)

    def _copy_tags(self, table: str, by_recording: str) -> int:
        """Copy tags by both ways that lead to them."""
        if table not in self._tables:
            return 0
        for tag, recording_id in self._read_keyed(table, ("tag", "recording_id")):
            self._add_tag(table, tag, recording_id)
        sql = f"SELECT tag FROM {table} {by_recording} WHERE recording_id = ?"
        for recording_id in list(self._recordings):
            with suppress(sqlite3.Error):
                for (tag,) in self._source.execute(sql, [recording_id]):
                    self._add_tag(table, tag, recording_id)
        [(n_tags,)] = self._target.fetch(f"SELECT COUNT(*) FROM {table}")
        return int(n_tags)

    def _copy_crates(self) -> None:
        """Copy what crates have of the recordings that are there."""
        if "crates" not in self._tables:
            return
        columns = ("crate", "recording_id", "start_s", "end_s", "position")
        for row in self._read_keyed("crates", columns):
            known = self._recordings.get(row[1])
            if known is not None:
                self._insert("crates", columns, (row[0], known, *row[2:]))

    def _add_tag(self, table: str, tag: Any, recording_id: Any) -> None:
        if not isinstance(recording_id, int) or not isinstance(tag, str) or not tag:
            self._n_refused += 1
            return
        if recording_id not in self._recordings:
            self._take(recording_id, None)
        known = self._recordings.get(recording_id)
        if known is not None:
            self._insert(table, ("tag", "recording_id"), (tag, known))

    def _settle(self) -> None:
        """Leave nothing that refers to nothing, and an identity that no index was made for."""
        for table in ("facts", "fingerprints"):
            self._target.run(f"DELETE FROM {table} WHERE content NOT IN (SELECT id FROM contents)")
        self._target.run(
            "UPDATE meta SET identity = ?, generation = MAX(generation, 0) + 1, next_content_id ="
            " MAX(next_content_id, (SELECT COALESCE(MAX(id), 0) + 1 FROM contents))",
            [uuid.uuid4().hex],
        )

    def _list_contents(self) -> set[int]:
        return {row[0] for row in self._target.fetch("SELECT id FROM contents")}

    def _insert(self, table: str, columns: Sequence[str], row: Row) -> bool:
        """Add a row that the new library's own checks let pass."""
        values = ", ".join("?" * len(row))
        sql = f"INSERT OR IGNORE INTO {table} ({', '.join(columns)}) VALUES ({values})"
        try:
            return bool(self._target.run(sql, row).rowcount)
        except (LibraryError, UnicodeEncodeError):
            self._n_refused += 1
            return False

    def _list_columns(self, table: str) -> tuple[str, ...]:
        sql = "SELECT name FROM pragma_table_info(?)"
        return tuple(name for (name,) in self._source.execute(sql, [table]))

    def _name_slow(self, table: str, instead: str) -> str:
        """Name the column of how slowly sounds are heard, or what was true before there was one."""
        return "slow" if "slow" in self._list_columns(table) else instead

    def _select(self, sql: str, parameters: Sequence[Any] = ()) -> Iterator[Row]:
        """Yield rows up to the first that cannot be read."""
        with suppress(sqlite3.Error):
            yield from self._source.execute(sql, parameters)

    def _read_keyed(self, table: str, columns: Sequence[str]) -> Iterator[Row]:
        """Read a table from both ends, each up to what is damaged."""
        if table.split()[0] not in self._tables:
            return
        for direction in ("ASC", "DESC"):
            order = ", ".join(f"{name} {direction}" for name in columns)
            yield from self._select(f"SELECT {', '.join(columns)} FROM {table} ORDER BY {order}")

    def _read_by_id(self, table: str, key: str, columns: Sequence[str]) -> Iterator[Row]:
        """Read a table by ranges of its ids, halved until what is damaged stands alone."""
        if table not in self._tables:
            return
        listed = ", ".join(columns)
        place = columns.index(key)
        sql = f"SELECT {listed} FROM {table} WHERE {key} > ? AND {key} <= ? ORDER BY {key}"
        ranges = [(-1, self._find_greatest(table))]
        n_failures = 0
        while ranges and n_failures < MAX_FAILURES:
            low, high = ranges.pop()
            try:
                for row in self._source.execute(sql, [low, high]):
                    yield row
                    low = row[place]
            except sqlite3.Error:
                n_failures += 1
                if high - low > 1:
                    middle = (low + high) // 2
                    ranges += [(middle, high), (low, middle)]

    def _find_greatest(self, table: str) -> int:
        """Find a bound of a table's ids, wherever it can be read."""
        found = [0]
        for sql in GREATEST[table]:
            with suppress(sqlite3.Error):
                for (value,) in self._source.execute(sql):
                    found.append(value if isinstance(value, int) else 0)
        return min(max(found), MAX_ID)
