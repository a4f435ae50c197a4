"""The library: recordings, their segments' vectors, tags and the model's hash, in one SQLite file.

One process writes at a time, readers are never blocked (write-ahead log), and every change is one
transaction.
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import AbstractContextManager
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

import numpy as np
import numpy.typing as npt

from soundkin.audio_facts import Facts
from soundkin.errors import DamagedLibraryError, LibraryError
from soundkin.index.vector_index import INDEX_KINDS
from soundkin.library.connection import DAMAGED, REPAIR, Connection
from soundkin.library.records import (
    Content,
    Filters,
    KnownFile,
    LibraryCounts,
    LibraryModel,
    Recording,
)
from soundkin.library.sql import (
    INSERT_FACTS,
    RECORDINGS,
    SELECT_RECORDINGS,
    compile_filters,
    decode_vectors,
    encode_facts,
    encode_path,
    read_path,
    read_recording,
)

if TYPE_CHECKING:
    from soundkin.index.vector_index import VectorIndex


class Library:
    """An open library; a context manager. For one thread at a time."""

    is_distributed = False  # whether many machines index into it, and this process alone cannot

    def __init__(self, connection: Connection) -> None:
        self.connection = connection
        self.path = connection.path

    @property
    def name(self) -> str:
        """What a person calls it: its file, or its address."""
        return str(self.path)

    @classmethod
    def open(cls, path: str | os.PathLike[str], *, create: bool = False) -> Self:
        """Open a library file; with `create`, make it where there is none.

        Raises
        ------
        LibraryError
            There is none, it is no soundkin library, or a newer soundkin wrote it.
        """
        path = Path(path).expanduser().absolute()
        if path.exists() and not path.is_file():
            raise LibraryError(f"{path}: not a file; give the library's file")
        if not path.exists():
            if not create:
                raise LibraryError(f"{path}: no library there; make it with: soundkin index FOLDER")
            try:
                path.parent.mkdir(parents=True, exist_ok=True)
            except OSError as error:
                raise LibraryError(f"{path.parent}: {error.strerror or error}") from error
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
    def stamp(self) -> tuple[str, int]:
        """Identity and generation: equal stamps, equal vectors."""
        identity, generation = self._read_meta("identity, generation")
        return identity, generation

    @property
    def model(self) -> LibraryModel | None:
        """The model the library was made with; None before the first index run."""
        columns = "model_name, model_hash, model_file, model_config"
        name, digest, file_name, config = self._read_meta(columns)
        if name is None:
            return None
        try:
            return LibraryModel.from_json(name, digest, file_name, config)
        except ValueError as error:
            raise DamagedLibraryError(
                f"{self.path}: what it says of its model is damaged ({error}); {REPAIR}"
            ) from error

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
                "UPDATE recordings SET size = -1, content_id = NULL, error = 'not embedded yet'"
            )
            self.drop_orphans()

    def check_model(self, name: str, digest: str) -> None:
        """Refuse a model other than the library's own: their vectors cannot be compared.

        Raises
        ------
        LibraryError
            It is another one; the message has the command that embeds everything again.
        """
        known = self.model
        if known is not None and known.hash != digest:
            raise LibraryError(
                f"{self.name}: made with another model ({known.name} {known.hash[:8]}, not"
                f" {digest[:8]}); to embed all of it again with this one:"
                f" soundkin index --rebuild --model {name}"
            )

    def count(self) -> LibraryCounts:
        """Count recordings, failures, segments and seconds."""
        n_all, n_failed, duration_s = self._fetch_one(
            "SELECT COUNT(*), COUNT(*) FILTER (WHERE content_id IS NULL),"
            " TOTAL(duration_s) FROM recordings"
            " LEFT JOIN contents ON contents.id = content_id"
        )
        n_contents, n_segments = self._fetch_one(
            "SELECT COUNT(*), COALESCE(SUM(n_segments), 0) FROM contents"
        )
        return LibraryCounts(n_all - n_failed, n_failed, n_contents, n_segments, duration_s)

    def measure_bytes(self) -> int:
        """Measure what it takes on disk, without an index."""
        return self.path.stat().st_size

    def measure_index_bytes(self) -> int:
        """Measure what an index takes that lies with its vectors."""
        return 0

    def open_index(self) -> VectorIndex | None:
        """Open the index that lies with its vectors; None where it has none of its own."""
        return None

    def renew_index(self, on_progress: Callable[[str, int, int], None]) -> bool:
        """Bring the index that lies with its vectors in step; False where there is no such."""
        return False

    def list_folders(self) -> list[str]:
        """List the folders and files that were asked to be indexed."""
        return sorted(read_path(row[0]) for row in self._fetch("SELECT path FROM folders"))

    def list_tags(self) -> list[tuple[str, int]]:
        """List every tag with how many recordings carry it, most used first."""
        sql = "SELECT tag, COUNT(*) FROM tags GROUP BY tag ORDER BY 2 DESC, 1"
        return [(tag, n_recordings) for tag, n_recordings in self._fetch(sql)]

    # Reading recordings

    def select_recordings(
        self, filters: Filters | None = None, *, failed: bool = False
    ) -> Iterator[Recording]:
        """Yield the recordings that pass the filters, in order of path: embedded ones or failed."""
        where, parameters = compile_filters(filters or Filters())
        state = "NULL" if failed else "NOT NULL"
        return self.select_where(f"content_id IS {state} AND {where} ORDER BY path", parameters)

    def select_content_ids(self, filters: Filters) -> npt.NDArray[np.int64]:
        """List the contents of the recordings that pass the filters, ascending."""
        where, parameters = compile_filters(filters)
        sql = (
            f"SELECT DISTINCT content_id FROM {RECORDINGS}"
            f" WHERE content_id IS NOT NULL AND {where} ORDER BY content_id"
        )
        return np.fromiter((row[0] for row in self._fetch(sql, parameters)), np.int64)

    def get_recordings(
        self, content_ids: Iterable[int], filters: Filters | None = None
    ) -> dict[int, list[Recording]]:
        """List the recordings of some contents: files with the same bytes, in order of path."""
        where, parameters = compile_filters(filters or Filters())
        condition = f"content_id IN (SELECT value FROM json_each(?)) AND {where} ORDER BY path"
        found: dict[int, list[Recording]] = {}
        for recording in self.select_where(condition, [json.dumps(list(content_ids)), *parameters]):
            found.setdefault(recording.content_id or 0, []).append(recording)
        return found

    def get_recording(self, recording_id: int) -> Recording | None:
        """Find a recording by its id, an embedded one or one that failed."""
        return next(self.select_where("recordings.id = ?", [recording_id]), None)

    def find_recording(self, path: str) -> Recording | None:
        """Find a recording by its absolute path."""
        return next(self.select_where("path = ?", [encode_path(path)]), None)

    def find_by_ending(self, name: str) -> list[Recording]:
        """Find embedded recordings whose path ends with the parts of `name`: `drums/kick.wav`."""
        ending = os.fsencode(os.sep + name)
        condition = "content_id IS NOT NULL AND substr(CAST(path AS BLOB), -?) = ? ORDER BY path"
        return list(self.select_where(condition, [len(ending), ending]))

    def list_files_below(self, folder: str) -> list[KnownFile]:
        """List every recording that is `folder` or lies below it, failed ones too."""
        where, parameters = compile_filters(Filters(folders=(folder,)))
        sql = f"SELECT id, path, size, mtime_ns, error IS NOT NULL FROM recordings WHERE {where}"
        return [
            KnownFile(id_, read_path(path), size, mtime_ns, bool(failed))
            for id_, path, size, mtime_ns, failed in self._fetch(sql, parameters)
        ]

    def read_vectors(
        self, content_id: int
    ) -> tuple[npt.NDArray[np.float16], npt.NDArray[np.float16]]:
        """Read one content's vectors `(n_segments, n)` and levels `(n_segments,)`.

        Raises
        ------
        LibraryError
            They are damaged.
        """
        sql = "SELECT vectors, levels FROM contents WHERE id = ?"
        try:
            vectors, levels = self._fetch_one(sql, [content_id])
            return decode_vectors(vectors, levels, self._find_size())
        except ValueError as error:
            raise DamagedLibraryError(f"{self.path}: vectors are damaged; {REPAIR}") from error

    def list_content_ids(self) -> npt.NDArray[np.int64]:
        """List the ids of all contents, ascending; none is ever given out twice."""
        ids = np.fromiter((row[0] for row in self._fetch("SELECT id FROM contents")), np.int64)
        return np.sort(ids)  # SQLite reads them from the index of hashes, far smaller

    def list_recording_ids(self) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
        """List the ids of all embedded recordings, and those of their contents, which ascend."""
        sql = "SELECT id, content_id FROM recordings WHERE content_id NOT NULL ORDER BY content_id"
        pairs = np.array(list(self._fetch(sql)), np.int64).reshape(-1, 2)
        return pairs[:, 0], pairs[:, 1]

    def read_vectors_above(
        self, last: int
    ) -> Iterator[tuple[int, npt.NDArray[np.float16], npt.NDArray[np.float16]]]:
        """Yield (content id, vectors, levels) of every content of an id above, ascending.

        What is of another shape than it should be comes as one silent segment.
        """
        size = self._find_size()
        sql = "SELECT id, vectors, levels FROM contents WHERE id > ? ORDER BY id"
        for content_id, vectors, levels in self._fetch(sql, [last]):
            try:
                yield content_id, *decode_vectors(vectors, levels, size)
            except ValueError:
                yield content_id, np.zeros((1, size), np.float16), np.full(1, -np.inf, np.float16)

    # Writing

    def add_folder(self, path: str) -> None:
        """Remember a folder or file as one to be indexed."""
        self._run("INSERT OR IGNORE INTO folders VALUES (?)", [encode_path(path)])

    def find_content(self, digest: bytes) -> int | None:
        """Find what bytes of this hash hold, if it is known."""
        row = self.connection.fetch_one("SELECT id FROM contents WHERE hash = ?", [digest])
        return int(row[0]) if row else None

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
        return content_id

    def save_facts(self, content_id: int, facts: Facts) -> None:
        """Store the facts of a content, in place of older ones."""
        self._run(INSERT_FACTS, encode_facts(content_id, facts))

    def save_recording(
        self,
        path: str,
        size: int,
        mtime_ns: int,
        *,
        content_id: int | None = None,
        error: str | None = None,
    ) -> None:
        """Add a recording, or renew the one of that path; its tags stay."""
        self._run(
            "INSERT INTO recordings (path, size, mtime_ns, content_id, error)"
            " VALUES (?, ?, ?, ?, ?) ON CONFLICT (path) DO UPDATE SET size = excluded.size,"
            " mtime_ns = excluded.mtime_ns, content_id = excluded.content_id,"
            " error = excluded.error",
            [encode_path(path), size, mtime_ns, content_id, error],
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

    def _fetch(self, sql: str, parameters: Sequence[Any] = ()) -> Iterator[tuple[Any, ...]]:
        return self.connection.fetch(sql, parameters)

    def _fetch_one(self, sql: str, parameters: Sequence[Any] = ()) -> tuple[Any, ...]:
        row = self.connection.fetch_one(sql, parameters)
        if row is None:
            raise DamagedLibraryError(f"{self.path}: {DAMAGED}")
        return row

    def _read_meta(self, columns: str) -> tuple[Any, ...]:
        return self._fetch_one(f"SELECT {columns} FROM meta")

    def _find_size(self) -> int:
        """Find how long vectors are; 0 where there can be none yet."""
        model = self.model
        return 0 if model is None else model.embedding_size

    def select_where(self, condition: str, parameters: Sequence[Any]) -> Iterator[Recording]:
        """Yield the recordings that meet a condition in SQL, for rooms that know the tables."""
        found = self.connection.fetch(f"{SELECT_RECORDINGS} WHERE {condition}", parameters)
        return map(read_recording, found)
