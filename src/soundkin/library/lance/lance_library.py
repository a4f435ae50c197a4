"""A library in Lance tables, used as any other: facts from the mirror, vectors from the tables."""

from __future__ import annotations

import time
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path
from typing import Self

import numpy as np
import numpy.typing as npt

from soundkin.errors import LibraryError
from soundkin.index.disk import Snapshot
from soundkin.index.silence import find_silent
from soundkin.index.vector_index import VectorIndex, choose_kind
from soundkin.library.database_file import require_folder
from soundkin.library.lance.ivf_rq import (
    LanceIvfRq,
    LanceVectors,
    has_index,
    measure_index_bytes,
    renew_index,
)
from soundkin.library.lance.sqlite_cache import synchronise
from soundkin.library.lance.tables import Tables, explain_errors, import_lance
from soundkin.library.lance.write_through import FROM_CLUSTER, WriteThroughConnection
from soundkin.library.library import Library
from soundkin.library.records import Content, LibraryModel
from soundkin.progress import OnProgress, ignore

LAG_S = 1.0  # how old what is known of the tables may be
FAR_LAG_S = 10.0  # where asking takes a while
BLOCK_ROWS = 1 << 13


class LanceLibrary(Library):
    """An open library in Lance tables; what is written goes to them, recordings by the cluster."""

    is_distributed = True

    def __init__(self, connection: WriteThroughConnection, tables: Tables) -> None:
        super().__init__(connection)
        self.tables = tables
        self._lag_s = FAR_LAG_S if "://" in tables.uri else LAG_S
        self._seen_at = time.monotonic()

    @classmethod
    def open_tables(cls, uri: str, *, create: bool = False) -> Self:
        """Open the library at an address; with `create`, make it where there is none.

        Raises
        ------
        LibraryError
            There is none, it cannot be reached, or what that takes is not installed.
        """
        import_lance()
        tables = Tables(uri)
        if not tables.exist():
            if not create:
                raise LibraryError(
                    f"{uri}: no library there; make it with: soundkin index FOLDER --cluster"
                )
            if "://" not in uri:
                require_folder(Path(uri).expanduser().absolute())
            tables.create()
        connection = WriteThroughConnection.open(synchronise(tables))
        connection.tables = tables
        return cls(connection, tables)

    @property
    def name(self) -> str:
        """The address."""
        return self.tables.uri

    def refresh(self) -> None:
        """Take over what others wrote."""
        synchronise(self.tables)
        self._seen_at = time.monotonic()

    @property
    def stamp(self) -> tuple[str, int]:
        """Identity and version of the vectors, no older than a lag."""
        if time.monotonic() - self._seen_at > self._lag_s and not self.connection.in_transaction:
            self.refresh()
        return super().stamp

    def add_content(self, content: Content) -> int:
        """Refuse it: ids are given out by the tables."""
        raise LibraryError(f"{self.name}: {FROM_CLUSTER}")

    def replace_model(self, model: LibraryModel) -> None:
        """Take another model: what is known stays, to be embedded anew."""
        self.tables.replace_model(model)
        self.refresh()

    def measure_bytes(self) -> int:
        """Sum up what the tables take."""
        return self.tables.measure_bytes()

    def measure_index_bytes(self) -> int:
        """Measure what the index takes that lies with the vectors, or else one made here."""
        segments = self.segments
        own = measure_index_bytes(self.tables, segments) if segments else 0
        return own or super().measure_index_bytes()

    @property
    def segments(self) -> str | None:
        """The table that holds the vectors; None before the first model."""
        name: str | None = self.tables.read_library()["segments"]
        return name

    def read_vectors(
        self, content_id: int
    ) -> tuple[npt.NDArray[np.float16], npt.NDArray[np.float16]]:
        """Read one content's vectors `(n_segments, n)` and levels `(n_segments,)`."""
        return next((v, levels) for _, v, levels in self._read([content_id]))

    def read_vectors_above(
        self, last: int
    ) -> Iterator[tuple[int, npt.NDArray[np.float16], npt.NDArray[np.float16]]]:
        """Yield (content id, vectors, levels) of every content of an id above, ascending."""
        ids = self.list_content_ids()
        yield from self._read(ids[ids > last].tolist())

    def _read(
        self, content_ids: list[int]
    ) -> Iterator[tuple[int, npt.NDArray[np.float16], npt.NDArray[np.float16]]]:
        """Read contents, many small ones at once."""
        waiting: list[tuple[int, npt.NDArray[np.float16]]] = []
        n_waiting = 0
        for content_id in content_ids:
            levels = self._fetch_one("SELECT levels FROM contents WHERE id = ?", [content_id])
            waiting.append((content_id, np.frombuffer(levels[0], np.float16)))
            n_waiting += len(waiting[-1][1])
            if n_waiting >= BLOCK_ROWS:
                yield from self._take(waiting)
                waiting, n_waiting = [], 0
        yield from self._take(waiting)

    def _take(
        self, contents: list[tuple[int, npt.NDArray[np.float16]]]
    ) -> Iterator[tuple[int, npt.NDArray[np.float16], npt.NDArray[np.float16]]]:
        model, segments = self.model, self.segments
        if not contents or model is None or segments is None:
            return
        offsets = np.cumsum([0, *(len(levels) for _, levels in contents)])
        ids = np.array([content_id for content_id, _ in contents], np.int64)
        vectors = LanceVectors(self.tables.pin(segments), ids, offsets, model.embedding_size)[:]
        for (content_id, levels), (start, stop) in zip(contents, pairwise(offsets), strict=True):
            yield content_id, vectors[start:stop], levels

    def open_index(
        self, on_progress: OnProgress | None = None, *, check_all: bool = False
    ) -> Snapshot:
        """Open the index that lies with the vectors; where there is none, one put together here."""
        model, segments = self.model, self.segments
        if model is None or segments is None or not has_index(self.tables, segments):
            return super().open_index(on_progress, check_all=check_all)
        sql = "SELECT id, n_segments, levels FROM contents ORDER BY id"
        rows = list(self.connection.fetch(sql))
        ids = np.array([row[0] for row in rows], np.int64)
        offsets = np.cumsum([0, *(row[1] for row in rows)], dtype=np.int64)
        levels = np.frombuffer(b"".join(row[2] for row in rows), np.float16)
        dataset = self.tables.pin(segments)
        vectors = LanceVectors(dataset, ids, offsets, model.embedding_size)
        candidates = LanceIvfRq(dataset, vectors)
        parts = np.split(levels, offsets[1:-1])
        silent = np.concatenate([find_silent(part) for part in parts]) if len(ids) else levels < 0
        return Snapshot(None, VectorIndex(vectors, silent, ids, offsets, candidates=candidates))

    def sweep(self) -> None:
        """Delete segments that count not, since their bytes were written twice."""
        segments = self.segments
        dataset = self.tables.open(segments) if segments else None
        if segments is None or dataset is None or dataset.count_rows() == self.count().n_segments:
            return
        ids = dataset.to_table(columns=[], with_row_id=True)["_rowid"].to_numpy().astype(np.int64)
        known = self.connection.fetch("SELECT id - 1, n_segments FROM contents ORDER BY id")
        firsts, counts = np.array(list(known), np.int64).reshape(-1, 2).T
        ids = ids[ids < (firsts[-1] if len(firsts) else 0)]  # what is new may be another run's
        owners = np.searchsorted(firsts, ids, side="right") - 1
        is_stray = (owners < 0) | (ids >= firsts[owners] + counts[owners])
        strays = ids[is_stray].tolist()
        self.tables.remove_rows(segments, [(stray, stray + 1) for stray in strays])

    def renew_index(self, on_progress: OnProgress | None = None) -> None:
        """Make the index that lies with the vectors, or extend it, where the library needs one."""
        segments, n_segments = self.segments, self.count().n_segments
        if segments is None or not n_segments:
            return
        kind = self.index_kind or choose_kind(n_segments)
        if kind != "exact":
            with explain_errors(self.name):
                renew_index(self.tables, segments, kind, on_progress or ignore)
            self.refresh()
