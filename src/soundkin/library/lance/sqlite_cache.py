"""A Lance library's facts in an SQLite file of this machine, to be searched as any other library.

The mirror has all but the vectors. It is a cache: brought in step by what changed in the tables
since it last saw them, made anew where it is damaged, and never the only place of anything.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np

from soundkin.audio_facts import FACT_COLUMNS
from soundkin.errors import LibraryError, naming
from soundkin.library.connection import Connection
from soundkin.library.database_file import delete_database
from soundkin.library.lance.schema import (
    CONCEPTS,
    CRATES,
    FOLDERS,
    LIBRARY,
    RECORDINGS,
    REJECTED,
    TAGS,
)
from soundkin.library.lance.tables import Tables, explain_errors
from soundkin.library.records import NOT_EMBEDDED, REREAD_SIZE
from soundkin.library.schema import MIRROR
from soundkin.library.sql import INSERT_FACTS, INSERT_FINGERPRINT, encode_path

FILE = "library.sqlite"
EVERYTHING = (
    *("tags", "rejected_tags", "folders", "concepts", "crates", "recordings"),
    *("facts", "fingerprints", "contents"),
)
INSERT_RECORDING = (
    "INSERT INTO recordings (id, path, size, mtime_ns, ctime_ns, slow, content_id, error)"
    " VALUES (?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT (id) DO UPDATE SET path = excluded.path,"
    " size = excluded.size, mtime_ns = excluded.mtime_ns, ctime_ns = excluded.ctime_ns,"
    " slow = excluded.slow, content_id = excluded.content_id, error = excluded.error"
)
MODEL = ("model_name", "model_hash", "model_file", "model_config", "index_kind")


def find_mirror(uri: str) -> Path:
    """Name the mirror of the library at an address, in the user's cache folder."""
    import platformdirs

    name = hashlib.sha256(uri.encode("utf-8", "surrogateescape")).hexdigest()[:16]
    return platformdirs.user_cache_path("soundkin") / "lance" / name / FILE


def synchronise(tables: Tables) -> Path:
    """Bring the mirror of some tables in step with them; returns its file.

    Raises
    ------
    LibraryError
        There are no such tables, or the cache folder cannot be written.
    """
    path = find_mirror(tables.uri)
    row = tables.read_library()
    with naming(path.parent, LibraryError):
        path.parent.mkdir(parents=True, exist_ok=True)
    try:
        _synchronise(tables, row, path)
    except LibraryError as error:
        if not str(error).startswith(str(path)):
            raise
        delete_database(path)  # damaged, or too new
        _synchronise(tables, row, path)
    return path


def _synchronise(tables: Tables, row: dict[str, Any], path: Path) -> None:
    connection = Connection.open(path)
    try:
        connection.run(MIRROR.replace("TABLE", "TABLE IF NOT EXISTS", 1))
        known = dict(connection.fetch("SELECT name, version FROM mirror"))
        if known != read_versions(tables, row):
            with explain_errors(tables.uri), connection.transaction():
                _Update(connection, tables, row).run()
    finally:
        connection.close()


def read_versions(tables: Tables, row: dict[str, Any]) -> dict[str, int]:
    """Read the latest version of each table; recordings before the segments they refer to."""
    names = [LIBRARY, RECORDINGS, TAGS, REJECTED, FOLDERS, CONCEPTS]
    names += filter(tables.has, [CRATES])
    names += filter(None, [row["segments"]])
    return {name: int(tables.open(name).version) for name in names}


class _Update:
    """One update of a mirror, within a transaction."""

    def __init__(self, connection: Connection, tables: Tables, row: dict[str, Any]) -> None:
        self._connection = connection
        self._run = connection.run
        self._tables = tables
        self._row = row

    def run(self) -> None:
        """Take over all that changed."""
        segments = self._row["segments"]
        known = dict(self._connection.fetch("SELECT name, version FROM mirror"))
        identity = self._run("SELECT identity FROM meta").fetchone()[0]
        if identity != self._row["identity"] or (segments or LIBRARY) not in known:
            for table in EVERYTHING:
                self._run(f"DELETE FROM {table}")
            known = {}
        present = read_versions(self._tables, self._row)
        if segments and present[segments] != known.get(segments):
            self._take_contents(segments)
        if present[RECORDINGS] != known.get(RECORDINGS):
            self._take_recordings(known.get(RECORDINGS, 0))
        takers: dict[str, Callable[[], None]] = {
            TAGS: lambda: self._take_tags(TAGS, "tags"),
            REJECTED: lambda: self._take_tags(REJECTED, "rejected_tags"),
            FOLDERS: self._take_folders,
            CONCEPTS: self._take_concepts,
            CRATES: self._take_crates,
        }
        for name, take in takers.items():
            if present.get(name) != known.get(name):
                take()
        values = [self._row[name] for name in MODEL]
        columns = ", ".join(f"{name} = ?" for name in MODEL)
        self._run(
            f"UPDATE meta SET identity = ?, generation = ?, {columns}",
            [self._row["identity"], present.get(segments, 0), *values],
        )
        self._run("DELETE FROM mirror")
        for name, version in present.items():
            self._run("INSERT INTO mirror VALUES (?, ?)", [name, version])

    def _take_contents(self, name: str) -> None:
        """Take what is new above the last known content, and drop what is gone."""
        dataset = self._tables.open(name)
        last = self._run("SELECT MAX(id + n_segments - 1) FROM contents").fetchone()[0] or 0
        above = f"_rowid >= {last}"
        rows = dataset.to_table(columns=["level_db"], filter=above, with_row_id=True)
        ids = rows["_rowid"].to_numpy().astype(np.int64)
        order = np.argsort(ids, kind="stable")
        ids, levels = ids[order], rows["level_db"].to_numpy()[order]
        for row in self._scan(name, ["hash", "content"], f"number = 0 AND {above}"):
            start = int(np.searchsorted(ids, row["_rowid"]))
            n_segments = row["content"]["n_segments"]
            self._add_content(row, levels[start : start + n_segments])
        n_known = self._run("SELECT COALESCE(SUM(n_segments), 0) FROM contents").fetchone()[0]
        if n_known != dataset.count_rows():
            self._drop_gone("contents", name, "number = 0")

    def _add_content(self, row: dict[str, Any], levels: Any) -> None:
        """Store a content without its vectors; one whose bytes are known already counts not."""
        content, content_id = row["content"], row["_rowid"] + 1
        known = self._run("SELECT 1 FROM contents WHERE hash = ?", [row["hash"]]).fetchone()
        if known:
            return
        self._run(
            "INSERT INTO contents VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, X'')",
            [
                content_id,
                row["hash"],
                content["duration_s"],
                content["sample_rate"],
                content["n_channels"],
                content["format"],
                content["warning"],
                content["n_segments"],
                levels.astype(np.float16).tobytes(),
            ],
        )
        if content["facts"] is not None:
            facts = map(content["facts"].get, FACT_COLUMNS)  # an older table has not all of them
            self._run(INSERT_FACTS, [content_id, *facts])
        fingerprint = content.get("fingerprint")
        if fingerprint is not None:
            self._run(INSERT_FINGERPRINT, [content_id, fingerprint])

    def _take_recordings(self, version: int) -> None:
        """Take recordings that are new or changed since a version, and drop those that are gone."""
        dataset = self._tables.open(RECORDINGS)
        columns = list(dataset.schema.names)
        changed = f"_row_last_updated_at_version > {version}"
        for row in self._scan(RECORDINGS, columns, changed):
            path = encode_path(os.fsdecode(row["path"]))
            found = self._run("SELECT id FROM contents WHERE hash = ?", [row["hash"]]).fetchone()
            error, size = row["error"], row["size"]
            if found is None and error is None:  # its vectors are of another model, or to come
                error, size = NOT_EMBEDDED, REREAD_SIZE
            recording_id = row["_rowid"] + 1
            self._run("DELETE FROM recordings WHERE path = ? AND id <> ?", [path, recording_id])
            self._run(
                INSERT_RECORDING,
                [
                    recording_id,
                    path,
                    size,
                    row["mtime_ns"],
                    row.get("ctime_ns"),  # an older table has not these two
                    row.get("slow") or 1.0,
                    found and found[0],
                    error,
                ],
            )
        n_known = self._run("SELECT COUNT(*) FROM recordings").fetchone()[0]
        if n_known != dataset.count_rows():
            self._drop_gone("recordings", RECORDINGS, None)

    def _drop_gone(self, table: str, name: str, which: str | None) -> None:
        """Drop what a table of Lance has no more."""
        rows = self._tables.open(name).to_table(columns=[], filter=which, with_row_id=True)
        present = rows["_rowid"].to_numpy().astype(np.int64) + 1
        known = np.fromiter((row[0] for row in self._run(f"SELECT id FROM {table}")), np.int64)
        for gone in np.setdiff1d(known, present).tolist():
            if table == "contents":
                self._run(
                    "UPDATE recordings SET content_id = NULL, error = ?, size = ?"
                    " WHERE content_id = ?",
                    [NOT_EMBEDDED, REREAD_SIZE, gone],
                )
            self._run(f"DELETE FROM {table} WHERE id = ?", [gone])

    def _take_tags(self, name: str, table: str) -> None:
        self._run(f"DELETE FROM {table}")
        for row in self._scan(name, ["tag", "recording"]):
            self._run(
                f"INSERT OR IGNORE INTO {table} (tag, recording_id)"
                " SELECT ?, id FROM recordings WHERE id = ?",
                [row["tag"], row["recording"]],
            )

    def _take_folders(self) -> None:
        self._run("DELETE FROM folders")
        for row in self._scan(FOLDERS, list(self._tables.open(FOLDERS).schema.names)):
            self._run(
                "INSERT OR IGNORE INTO folders (path, slow) VALUES (?, ?)",
                [encode_path(os.fsdecode(row["path"])), row.get("slow")],
            )

    def _take_concepts(self) -> None:
        self._run("DELETE FROM concepts")
        columns = ["name", "model_hash", "definition", "vectors"]
        for row in self._scan(CONCEPTS, columns):
            self._run(
                "INSERT OR IGNORE INTO concepts VALUES (?, ?, ?, ?, ?)",
                [row["_rowid"] + 1, *(row[column] for column in columns)],
            )

    def _take_crates(self) -> None:
        self._run("DELETE FROM crates")
        columns = ["crate", "recording", "start_s", "end_s", "position"]
        for row in self._scan(CRATES, columns):
            self._run(
                "INSERT OR IGNORE INTO crates SELECT ?, id, ?, ?, ? FROM recordings WHERE id = ?",
                [row["crate"], row["start_s"], row["end_s"], row["position"], row["recording"]],
            )

    def _scan(
        self, name: str, columns: list[str], which: str | None = None
    ) -> Iterator[dict[str, Any]]:
        dataset = self._tables.open(name)
        for batch in dataset.to_batches(columns=columns, filter=which, with_row_id=True):
            yield from batch.to_pylist()
