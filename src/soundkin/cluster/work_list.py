"""What a cluster is to do and what is done, kept in temporary tables beside the mirror: on disk."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from soundkin.audio.walk import FoundFile, is_below
from soundkin.cluster.embed_task import FileResult
from soundkin.library.connection import Connection
from soundkin.library.lance.lance_library import LanceLibrary
from soundkin.library.lance.schema import RECORDINGS
from soundkin.library.records import REREAD_SIZE
from soundkin.library.slowed import find_slow
from soundkin.library.sql import encode_path
from soundkin.system.paths import is_listed
from soundkin.system.remote import is_remote, open_filesystem

BLOCK_FILES = 1000
UPSERTED_ROWS = 1 << 14

# The largest first, so that no long recording is left alone on one processor at the end.
WANTED = """
    CREATE TEMP TABLE wanted AS
    SELECT found.path, found.size, found.mtime_ns, found.ctime_ns FROM found
    LEFT JOIN recordings ON recordings.path = found.path
    WHERE recordings.id IS NULL OR recordings.size <> found.size
        OR recordings.mtime_ns <> found.mtime_ns OR recordings.slow <> found.slow
        OR recordings.ctime_ns <> found.ctime_ns  -- not where one is not known
    ORDER BY found.size DESC, found.path
"""
# Files of a size that no other has hold bytes that no other has.
SHARED = """
    INSERT INTO shared
    SELECT size FROM wanted GROUP BY size HAVING COUNT(*) > 1
    UNION SELECT size FROM recordings WHERE content_id IS NOT NULL
"""
SAME = """
    found JOIN recordings ON recordings.path = found.path
    AND recordings.size = found.size AND recordings.mtime_ns = found.mtime_ns
"""
UNCHANGED = f"""
    SELECT COUNT(*) FILTER (WHERE error IS NULL), COUNT(*) FILTER (WHERE error IS NOT NULL)
    FROM {SAME} AND recordings.slow = found.slow
    AND COALESCE(recordings.ctime_ns = found.ctime_ns, 1)
"""
SLOWED = f"SELECT COUNT(*) FROM {SAME} AND recordings.slow <> found.slow"
WITHOUT_CTIME = f"""
    SELECT recordings.path, recordings.size, recordings.mtime_ns, found.ctime_ns, recordings.slow,
        hash, error
    FROM {SAME} AND recordings.slow = found.slow
    AND recordings.ctime_ns IS NULL AND found.ctime_ns NOTNULL
    LEFT JOIN contents ON contents.id = content_id
"""


@dataclass(frozen=True)
class WorkPlan:
    """What is to be done: files, bytes; and what is not: unchanged files, those that failed before.

    `n_slowed` of the files are heard slowed down by another factor than before.
    """

    n_files: int
    n_bytes: int
    n_unchanged: int
    n_failed_before: int
    n_slowed: int


class WorkList:
    """The files of a run; a context manager."""

    def __init__(self, library: LanceLibrary) -> None:
        self._library = library
        self._tables = library.tables
        self._connection = Connection.open(library.path)
        self._run = self._connection.run
        self._noted: list[FoundFile] = []
        self._slow = library.list_slow()
        self._folders = library.list_folders()
        columns = "path ANY PRIMARY KEY, size, mtime_ns, ctime_ns, slow"
        self._run(f"CREATE TEMP TABLE found ({columns}) WITHOUT ROWID")
        self._run("CREATE TEMP TABLE shared (size INTEGER PRIMARY KEY)")

    def __enter__(self) -> WorkList:
        return self

    def __exit__(self, *_: object) -> None:
        self._connection.close()

    def add(self, file: FoundFile) -> None:
        """Add a file that is there."""
        self._noted.append(file)
        if len(self._noted) >= BLOCK_FILES:
            self._flush()

    def plan(self) -> WorkPlan:
        """Tell what is to be done."""
        self._flush()
        self._run(WANTED)
        self._run(SHARED)
        n_files, n_bytes = self._run(
            "SELECT COUNT(*), COALESCE(SUM(size), 0) FROM wanted"
        ).fetchone()
        n_unchanged, n_failed_before = self._run(UNCHANGED).fetchone()
        n_slowed = self._run(SLOWED).fetchone()[0]
        self._complete_ctimes()
        return WorkPlan(n_files, n_bytes, n_unchanged, n_failed_before, n_slowed)

    def _complete_ctimes(self) -> None:
        """Remember when unchanged files were last changed, where that was not known."""
        names = ("path", "size", "mtime_ns", "ctime_ns", "slow", "hash", "error")
        found = self._run(WITHOUT_CTIME)
        while rows := found.fetchmany(UPSERTED_ROWS):
            dicts = [dict(zip(names, row, strict=True)) for row in rows]
            self._tables.upsert(
                RECORDINGS, ["path"], [one | {"path": os.fsencode(one["path"])} for one in dicts]
            )

    def read_rounds(self, n_files: int) -> Iterator[list[tuple[FoundFile, bool]]]:
        """Yield the files to do, the largest first; with each, whether its bytes may be known.

        Rounds have about `n_files` each, and none is left with few.
        """
        sql = (
            "SELECT path, size, mtime_ns, ctime_ns, size IN (SELECT size FROM shared) FROM wanted"
            " WHERE rowid > ? ORDER BY rowid LIMIT ?"
        )
        n_wanted = int(self._run("SELECT COUNT(*) FROM wanted").fetchone()[0])
        size = -(-n_wanted // max(1, round(n_wanted / n_files)))
        n_read = 0
        while True:
            rows = list(self._connection.fetch(sql, [n_read, size]))
            if not rows:
                return
            n_read += len(rows)
            yield [
                (FoundFile(os.fsdecode(path), *values), bool(may_be_known))
                for path, *values, may_be_known in rows
            ]

    def has_content(self, digest: bytes) -> bool:
        """Whether the library, as of its last refresh, has what bytes of this hash hold."""
        return self._run("SELECT 1 FROM contents WHERE hash = ?", [digest]).fetchone() is not None

    def has_recording(self, file: FoundFile) -> bool:
        """Whether the library, as of its last refresh, has a recording of that path."""
        sql = "SELECT 1 FROM recordings WHERE path = ?"
        return self._run(sql, [encode_path(file.path)]).fetchone() is not None

    def record(self, results: Sequence[FileResult]) -> None:
        """Write what came of files into the library."""
        fresh: list[dict[str, Any]] = []
        known: list[dict[str, Any]] = []
        for result in results:
            row = {
                "path": os.fsencode(result.file.path),
                "size": result.file.size if result.kept else REREAD_SIZE,
                "mtime_ns": result.file.mtime_ns,
                "ctime_ns": result.file.ctime_ns,
                "slow": find_slow(result.file.path, self._slow),
                "hash": result.digest,
                "error": result.error,
            }
            (known if self.has_recording(result.file) else fresh).append(row)
        if fresh:
            self._tables.append(RECORDINGS, fresh)
        if known:
            self._tables.upsert(RECORDINGS, ["path"], known)

    def move(self, results: Sequence[FileResult]) -> set[str]:
        """Give recordings whose files are gone the paths of new ones with their bytes.

        Returns those paths; tags stay.
        """
        sql = (
            "SELECT recordings.id, path FROM recordings JOIN contents ON contents.id = content_id"
            " WHERE hash = ? AND path NOT IN (SELECT path FROM found)"
        )
        moved: set[str] = set()
        taken: set[int] = set()
        for result in results:
            if self.has_recording(result.file):
                continue
            for number, path in self._run(sql, [result.digest]).fetchall():
                if number not in taken and not self._exists(os.fsdecode(path)):
                    taken.add(number)
                    moved.add(result.file.path)
                    file = result.file
                    self._tables.move_recording(
                        number - 1, file.path, file.size, file.mtime_ns, file.ctime_ns
                    )
                    break
        return moved

    def drop_vanished(self, folders: Sequence[str], protected: Sequence[str]) -> int:
        """Forget files below folders that are there no more, but none below a protected one."""
        sql = "SELECT id, path FROM recordings WHERE path NOT IN (SELECT path FROM found)"
        vanished = [
            number
            for number, path in self._connection.fetch(sql)
            if _is_below_any(path, folders) and not _is_below_any(path, protected)
        ]
        if vanished:
            self._library.remove_recordings(vanished)
        return len(vanished)

    def _exists(self, path: str) -> bool:
        if not is_remote(path):
            return is_listed(path, self._folders)
        system, within = open_filesystem(path)
        return bool(system.exists(within))

    def _flush(self) -> None:
        self._run("BEGIN")
        for file in self._noted:
            self._run(
                "INSERT OR IGNORE INTO found VALUES (?, ?, ?, ?, ?)",
                [
                    encode_path(file.path),
                    file.size,
                    file.mtime_ns,
                    file.ctime_ns,
                    find_slow(file.path, self._slow),
                ],
            )
        self._run("COMMIT")
        self._noted = []


def _is_below_any(path: str | bytes, folders: Sequence[str]) -> bool:
    name = os.fsdecode(path)
    return any(is_below(name, folder) for folder in folders)
