"""The library: recordings, their segments' vectors, tags and the model's hash, in one SQLite file.

One process writes at a time, readers are never blocked (write-ahead log), and every change is one
transaction.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping, Sequence
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any, Self

import numpy as np

from soundkin.audio_facts import Facts
from soundkin.errors import LibraryError
from soundkin.index.disk import IndexFolder, Snapshot
from soundkin.index.vector_index import INDEX_KINDS
from soundkin.library.connection import Connection
from soundkin.library.database_file import require_folder
from soundkin.library.index_sync import load_snapshot, save_index
from soundkin.library.reader import LibraryReader
from soundkin.library.records import (
    NOT_EMBEDDED,
    REREAD_SIZE,
    Content,
    Filters,
    LibraryModel,
    Recording,
)
from soundkin.library.slowed import check_slow
from soundkin.library.sql import (
    INSERT_FACTS,
    INSERT_FINGERPRINT,
    compile_filters,
    encode_facts,
    encode_path,
)
from soundkin.progress import OnProgress


class Library(LibraryReader):
    """An open library; a context manager. For one thread at a time."""

    is_distributed = False  # whether many machines index into it, and this process alone cannot

    @classmethod
    def open(cls, path: str | os.PathLike[str], *, create: bool = False) -> Self:
        """Open a library file; with `create`, make it where there is none.

        Raises
        ------
        LibraryError
            There is none, nor a folder to make it in, it is no soundkin library, or a newer
            soundkin wrote it.
        """
        path = Path(path).expanduser().absolute()
        if path.exists() and not path.is_file():
            raise LibraryError(f"{path}: not a file; give the library's file")
        if not path.exists():
            if not create:
                raise LibraryError(f"{path}: no library there; make it with: soundkin index FOLDER")
            require_folder(path)
        return cls(Connection.open(path))

    def close(self) -> None:
        """Close the file."""
        self.connection.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def transaction(self) -> AbstractContextManager[None]:
        """Make all writes inside one transaction, or none of them."""
        return self.connection.transaction()

    @property
    def index_kind(self) -> str | None:
        """The kind of vector index that was asked for; None leaves the choice to soundkin."""
        kind = self._read_meta("index_kind")[0]
        return kind if kind in INDEX_KINDS else None

    @index_kind.setter
    def index_kind(self, kind: str | None) -> None:
        self._run("UPDATE meta SET index_kind = ?", [kind])

    def replace_model(self, model: LibraryModel) -> None:
        """Take another model: vectors are dropped, recordings and tags stay to be embedded anew."""
        with self.transaction():
            self._run(
                "UPDATE meta SET model_name = ?, model_hash = ?, model_file = ?, model_config = ?",
                [model.name, model.hash, model.file_name, model.to_json()],
            )
            self._run(
                "UPDATE recordings SET size = ?, content_id = NULL, error = ?",
                [REREAD_SIZE, NOT_EMBEDDED],
            )
            self.drop_orphans()

    # The index

    def open_index(
        self, on_progress: OnProgress | None = None, *, check_all: bool = False
    ) -> Snapshot:
        """Open the index of its vectors, brought in step first; saved where it can be.

        Parameters
        ----------
        on_progress
            Called with what is being done, how many segments are, and how many there are.
        check_all
            See that every vector is whole, for those who read them all; `search` looks at its hits.
        """
        return load_snapshot(self, on_progress, check_all=check_all)

    def renew_index(self, on_progress: OnProgress | None = None) -> None:
        """Bring the saved index in step; nothing where the library is too small for one."""
        save_index(self, on_progress)

    def discard_index(self) -> None:
        """Forget the index beside the file, so that it is built anew."""
        IndexFolder.beside(self.path).discard()

    def measure_index_bytes(self) -> int:
        """Measure what the index takes on disk; 0 where none is saved."""
        return IndexFolder.beside(self.path).measure_bytes()

    # Writing

    def add_folder(self, path: str, slow: float | None = None) -> None:
        """Remember a folder or file as one to be indexed, heard so many times slower.

        Where `slow` is None it stays as it was; a new one is heard as the folder above it.

        Raises
        ------
        QueryError
            It cannot be heard so.
        """
        if slow is not None:
            check_slow(slow)
        self._run(
            "INSERT INTO folders (path, slow) VALUES (?1, ?2) ON CONFLICT (path) DO UPDATE SET"
            " slow = excluded.slow WHERE excluded.slow NOTNULL AND slow IS NOT excluded.slow",
            [encode_path(path), slow],
        )

    def add_content(self, content: Content) -> int:
        """Store what some bytes hold; returns its id."""
        content_id: int = self._fetch_one(
            "UPDATE meta SET generation = generation + 1, next_content_id = next_content_id + 1"
            " RETURNING next_content_id - 1"
        )[0]
        self._run(
            "INSERT INTO contents (id, hash, duration_s, sample_rate, n_channels, format, warning,"
            " n_segments, levels, vectors) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
            [
                content_id,
                content.hash,
                content.duration_s,
                content.sample_rate,
                content.n_channels,
                content.format,
                content.warning,
                len(content.vectors),
                content.levels_db.astype(np.float16).tobytes(),
                content.vectors.astype(np.float16).tobytes(),
            ],
        )
        if content.facts is not None:
            self.save_facts(content_id, content.facts)
        if content.fingerprint is not None:
            self.save_fingerprint(content_id, content.fingerprint)
        return content_id

    def save_facts(self, content_id: int, facts: Facts) -> None:
        """Store the facts of a content, in place of older ones."""
        self._run(INSERT_FACTS, encode_facts(content_id, facts))

    def save_fingerprint(self, content_id: int, fingerprint: bytes) -> None:
        """Store what copies of a content are told by, in place of what was known."""
        self._run(INSERT_FINGERPRINT, [content_id, fingerprint])

    def save_recording(
        self,
        path: str,
        size: int,
        mtime_ns: int,
        *,
        ctime_ns: int | None = None,
        slow: float = 1.0,
        content_id: int | None = None,
        error: str | None = None,
    ) -> None:
        """Add a recording, or renew the one of that path; its tags stay."""
        self._run(
            "INSERT INTO recordings (path, size, mtime_ns, ctime_ns, slow, content_id, error)"
            " VALUES (?, ?, ?, ?, ?, ?, ?) ON CONFLICT (path) DO UPDATE SET size = excluded.size,"
            " mtime_ns = excluded.mtime_ns, ctime_ns = excluded.ctime_ns, slow = excluded.slow,"
            " content_id = excluded.content_id, error = excluded.error",
            [encode_path(path), size, mtime_ns, ctime_ns, slow, content_id, error],
        )

    def save_ctimes(self, ctimes_ns: Mapping[int, int]) -> None:
        """Remember when files that are unchanged were last changed, by the recordings' ids."""
        with self.transaction():
            for recording_id, ctime_ns in ctimes_ns.items():
                self._run(
                    "UPDATE recordings SET ctime_ns = ? WHERE id = ?", [ctime_ns, recording_id]
                )

    def move_recording(self, recording: Recording, path: str) -> None:
        """Give a recording another path, in place of one that has it; vectors and tags stay."""
        self._run("DELETE FROM recordings WHERE path = ?", [encode_path(path)])
        self._run("UPDATE recordings SET path = ? WHERE id = ?", [encode_path(path), recording.id])

    def remove_recordings(self, ids: Iterable[int]) -> None:
        """Forget recordings, and the contents that only they had."""
        with self.transaction():
            for recording_id in ids:
                self._run("DELETE FROM recordings WHERE id = ?", [recording_id])
            self.drop_orphans()

    def remove_folder(self, path: str) -> None:
        """Forget that a folder, or any below it, was to be indexed."""
        where, parameters = compile_filters(Filters(folders=(path,)))
        self._run(f"DELETE FROM folders WHERE {where}", parameters)

    def drop_orphans(self) -> None:
        """Drop contents that no recording has any more."""
        with self.transaction():
            cursor = self._run(
                "DELETE FROM contents WHERE NOT EXISTS"
                " (SELECT 1 FROM recordings WHERE content_id = contents.id)"
            )
            if cursor.rowcount:
                self._run("UPDATE meta SET generation = generation + 1")

    def add_tags(self, recordings: Iterable[Recording], tags: Sequence[str]) -> None:
        """Tag recordings; a tag that one has already is kept."""
        sql = "INSERT OR IGNORE INTO tags (tag, recording_id) VALUES (?, ?)"
        self._edit_tags(sql, recordings, tags)

    def remove_tags(self, recordings: Iterable[Recording], tags: Sequence[str]) -> None:
        """Take tags off recordings; one that has no such tag is left alone."""
        sql = "DELETE FROM tags WHERE tag = ? AND recording_id = ?"
        self._edit_tags(sql, recordings, tags)

    def _edit_tags(self, sql: str, recordings: Iterable[Recording], tags: Sequence[str]) -> None:
        with self.transaction():
            for recording in recordings:
                for tag in tags:
                    self._run(sql, [tag, recording.id])

    def _run(self, sql: str, parameters: Sequence[Any] = ()) -> Any:
        return self.connection.run(sql, parameters)
