"""What a library holds, read from its SQLite file: recordings, vectors, tags, counts, its model."""

from __future__ import annotations

import json
import os
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from soundkin.config import MAX_SLOW
from soundkin.errors import DamagedLibraryError, LibraryError
from soundkin.library.connection import DAMAGED, REPAIR, Connection
from soundkin.library.records import Filters, KnownFile, LibraryCounts, LibraryModel, Recording
from soundkin.library.slowed import identify_content
from soundkin.library.sql import (
    RECORDINGS,
    SELECT_KNOWN,
    SELECT_RECORDINGS,
    compile_filters,
    decode_vectors,
    encode_path,
    read_known,
    read_path,
    read_recording,
)


class LibraryReader:
    """What is read of an open library. For one thread at a time."""

    def __init__(self, connection: Connection) -> None:
        self.connection = connection
        self.path = connection.path

    @property
    def name(self) -> str:
        """What a person calls it: its file, or its address."""
        return str(self.path)

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

    def list_folders(self) -> list[str]:
        """List the folders and files that were asked to be indexed."""
        return sorted(read_path(row[0]) for row in self._fetch("SELECT path FROM folders"))

    def list_slow(self) -> dict[str, float]:
        """List the folders whose recordings are to be heard slowed down, and how many times.

        With 1 too, where it was asked for; see `library.slowed.find_slow`.
        """
        rows = self._fetch("SELECT path, slow FROM folders WHERE slow NOTNULL ORDER BY path")
        found = {read_path(path): slow for path, slow in rows}
        if not all(isinstance(slow, float) and 1 <= slow <= MAX_SLOW for slow in found.values()):
            raise DamagedLibraryError(f"{self.path}: {DAMAGED}")
        return found

    def list_tags(self) -> list[tuple[str, int]]:
        """List every tag with how many recordings carry it, most used first."""
        sql = "SELECT tag, COUNT(*) FROM tags GROUP BY tag ORDER BY 2 DESC, 1"
        return [(tag, n_recordings) for tag, n_recordings in self._fetch(sql)]

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
        return list(map(read_known, self._fetch(f"{SELECT_KNOWN} WHERE {where}", parameters)))

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

    def read_fingerprints(self, content_ids: Iterable[int]) -> dict[int, bytes]:
        """Read what copies of some contents are told by; those that were never measured lack it."""
        sql = (
            "SELECT content, data FROM fingerprints"
            " WHERE content IN (SELECT value FROM json_each(?))"
        )
        return dict(self._fetch(sql, [json.dumps(list(content_ids))]))

    def find_content(self, digest: bytes) -> int | None:
        """Find a content by its hash (`slowed.identify_content`), if it is known."""
        row = self.connection.fetch_one("SELECT id FROM contents WHERE hash = ?", [digest])
        return int(row[0]) if row else None

    def find_bytes(self, digest: bytes) -> int | None:
        """Find what bytes of this hash hold, however slowly they were heard."""
        for slow in sorted({1.0, *self.list_slow().values()}):
            content_id = self.find_content(identify_content(digest, slow))
            if content_id is not None:
                return content_id
        return None

    def select_where(self, condition: str, parameters: Sequence[Any]) -> Iterator[Recording]:
        """Yield the recordings that meet a condition in SQL, for rooms that know the tables."""
        found = self.connection.fetch(f"{SELECT_RECORDINGS} WHERE {condition}", parameters)
        return map(read_recording, found)

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
