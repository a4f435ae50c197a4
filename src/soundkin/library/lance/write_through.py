"""What is written to a mirror goes to the Lance tables too, within the same transaction."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from soundkin.errors import LibraryError
from soundkin.library.connection import Connection
from soundkin.library.lance.schema import (
    CONCEPTS,
    CRATES,
    FOLDERS,
    RECORDINGS,
    REJECTED,
    SCHEMAS,
    TAGS,
)
from soundkin.library.lance.tables import Tables

WRITES = ("INSERT", "UPDATE", "DELETE")
# Tables of the mirror, the column that names a row, and a second one.
NOTED = {
    "tags": ("recording_id", "tag"),
    "rejected_tags": ("recording_id", "tag"),
    "folders": ("path", None),
    "concepts": ("name", None),
    "crates": ("crate", "recording_id"),
    "recordings": ("id", None),
    "contents": ("id", "n_segments"),
    "facts": ("content", None),
    "fingerprints": ("content", None),
    "meta": ("id", None),
}
BY_CLUSTER = ("recordings", "contents", "facts", "fingerprints")  # from here rows of these only go
FROM_CLUSTER = "its recordings come by: soundkin index --cluster"
EVENTS = {"DELETE": ("OLD", 1), "INSERT": ("NEW", 0), "UPDATE": ("NEW", 0)}


class WriteThroughConnection(Connection):
    """A mirror, open for a process; what is written is noted by triggers and pushed."""

    tables: Tables

    def run(self, sql: str, parameters: Sequence[Any] = ()) -> Any:
        """Execute one statement; a write alone is a transaction."""
        if sql.lstrip().upper().startswith(WRITES) and not self.in_transaction:
            with self.transaction():
                return super().run(sql, parameters)
        return super().run(sql, parameters)

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """Make all writes inside one transaction, here and in the tables, or none of them."""
        if self.in_transaction:
            yield
            return
        self._begin_notes()
        with super().transaction():
            yield
            self._push()

    def _begin_notes(self) -> None:
        """Have what changes noted from now on, by this connection alone."""
        if super().run("SELECT 1 FROM temp.sqlite_master WHERE name = 'changes'").fetchone():
            return
        super().run("CREATE TEMP TABLE changes (name TEXT, key ANY, extra ANY, is_gone INTEGER)")
        for name, (key, extra) in NOTED.items():
            for event, (row, is_gone) in EVENTS.items():
                super().run(
                    f"CREATE TEMP TRIGGER {name}_{event} AFTER {event} ON main.{name} BEGIN"
                    f" INSERT INTO changes VALUES ('{name}', {row}.{key},"
                    f" {f'{row}.{extra}' if extra else 'NULL'}, {is_gone}); END"
                )

    def _push(self) -> None:
        """Write to the tables what this transaction changed: what refers to others goes first."""
        changes: dict[str, dict[tuple[Any, Any], bool]] = {}
        for name, key, extra, is_gone in list(super().fetch("SELECT * FROM changes")):
            changes.setdefault(name, {})[key, extra] = bool(is_gone)
        super().run("DELETE FROM changes")
        if not all(is_gone for name in BY_CLUSTER for is_gone in changes.get(name, {}).values()):
            raise LibraryError(f"{self.tables.uri}: {FROM_CLUSTER}")
        for name, table in (("tags", TAGS), ("rejected_tags", REJECTED)):
            self._push_tags(table, changes.get(name, {}))
        self._push_folders(changes.get("folders", {}))
        self._push_concepts(changes.get("concepts", {}))
        self._push_crates(list(changes.get("crates", {})))
        gone = [key for key, _ in changes.get("recordings", {})]
        with self._in_step(RECORDINGS, bool(gone)):
            self.tables.remove_rows(RECORDINGS, [(key - 1, key) for key in gone])
        segments = self.tables.read_library()["segments"]
        contents = list(changes.get("contents", {}))
        with self._in_step(segments, bool(contents)):
            self.tables.remove_rows(segments, [(key - 1, key - 1 + n) for key, n in contents])
        if "meta" in changes:
            self._push_index_kind()

    def _push_tags(self, table: str, changes: dict[tuple[Any, Any], bool]) -> None:
        keys = ["tag", "recording"]
        with self._in_step(table, bool(changes)):
            rows = {
                is_gone: [
                    {"tag": tag, "recording": recording_id}
                    for (recording_id, tag), gone in changes.items()
                    if gone is is_gone
                ]
                for is_gone in (False, True)
            }
            if rows[False]:
                self.tables.upsert(table, keys, rows[False])
            if rows[True]:
                self.tables.remove(table, keys, rows[True])

    def _push_folders(self, changes: dict[tuple[Any, Any], bool]) -> None:
        with self._in_step(FOLDERS, bool(changes)):
            for is_gone, push in ((False, self.tables.upsert), (True, self.tables.remove)):
                paths = [path for (path, _), gone in changes.items() if gone is is_gone]
                sql = "SELECT slow FROM folders WHERE path = ?"
                rows = [
                    {"path": os.fsencode(path), "slow": (self.fetch_one(sql, [path]) or [None])[0]}
                    for path in paths
                ]
                if rows:
                    push(FOLDERS, ["path"], rows)

    def _push_concepts(self, changes: dict[tuple[Any, Any], bool]) -> None:
        """Push named sounds, and take their ids from the table, which gives them out."""
        gone = [{"name": name} for (name, _), is_gone in changes.items() if is_gone]
        if gone:
            self.tables.remove(CONCEPTS, ["name"], gone)
        columns = ("name", "model_hash", "definition", "vectors")
        for (name, _), is_gone in changes.items():
            if is_gone:
                continue
            sql = f"SELECT {', '.join(columns)} FROM concepts WHERE name = ?"
            row = dict(zip(columns, super().run(sql, [name]).fetchone(), strict=True))
            self.tables.upsert(CONCEPTS, ["name"], [row])
            found = self.tables.open(CONCEPTS).to_table(columns=["name"], with_row_id=True)
            ids = dict(zip(found["name"].to_pylist(), found["_rowid"].to_pylist(), strict=True))
            super().run("UPDATE concepts SET id = ? WHERE name = ?", [ids[name] + 1, name])
        super().run("DELETE FROM changes")

    def _push_crates(self, changed: list[tuple[str, int]]) -> None:
        """Push what crates have of some recordings, in place of what they had."""
        if not changed:
            return
        if not self.tables.has(CRATES):
            self.tables.write(CRATES, [], SCHEMAS[CRATES])
        keys = ["crate", "recording"]
        pairs = [dict(zip(keys, pair, strict=True)) for pair in changed]
        self.tables.remove(CRATES, keys, pairs)
        sql = "SELECT start_s, end_s, position FROM crates WHERE crate = ? AND recording_id = ?"
        rows = [
            pair | {"start_s": start_s, "end_s": end_s, "position": position}
            for pair in pairs
            for start_s, end_s, position in super(WriteThroughConnection, self).fetch(
                sql, list(pair.values())
            )
        ]
        if rows:
            self.tables.append(CRATES, rows)

    def _push_index_kind(self) -> None:
        kind = super().run("SELECT index_kind FROM meta").fetchone()[0]
        row = self.tables.read_library()
        if row["index_kind"] != kind:
            self.tables.write_library(row | {"index_kind": kind})

    @contextmanager
    def _in_step(self, table: str, is_changed: bool) -> Iterator[None]:
        """Note the version that a push makes as known, if nobody else wrote in between."""
        if not is_changed:
            yield
            return
        known = super().run("SELECT version FROM mirror WHERE name = ?", [table]).fetchone()[0]
        before = self.tables.open(table).version
        yield
        after = self.tables.open(table).version
        if before == known and after == before + 1:
            super().run("UPDATE mirror SET version = ? WHERE name = ?", [after, table])
