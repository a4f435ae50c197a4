"""The vector index brought in step with its library: built, extended, rebuilt where need be."""

from __future__ import annotations

import dataclasses
import time
from collections.abc import Iterator
from typing import TypeGuard
from uuid import uuid4

import numpy as np
import numpy.typing as npt

from soundkin.index.disk import IndexFolder, Manifest, Snapshot
from soundkin.index.float16 import find_unsound
from soundkin.index.silence import find_silent
from soundkin.index.vector_index import VectorIndex, choose_kind
from soundkin.library.store import LibraryStore
from soundkin.progress import OnProgress, ignore

SAVED_ROWS = 20_000  # below, reading the library is as fast as mapping an index
LATE_ROWS = 20_000  # so many may lack in the saved projections; they are added at every start
DEAD_SHARE = 0.25  # of rows that are in the library no more, from which all is built anew
GROWTH = 4  # beyond so many times what the lists were fitted on they are fitted again
SAMPLE_SEED = 0
Block = tuple[int, npt.NDArray[np.float16], npt.NDArray[np.bool_]]


def load_snapshot(
    library: LibraryStore, on_progress: OnProgress | None = None, *, check_all: bool = False
) -> Snapshot:
    """Load the index beside a library's file, brought in step with it first; saved where it can be.

    Parameters
    ----------
    on_progress
        Called with what is being done, how many segments are, and how many there are.
    check_all
        See that every vector is whole.
    """
    upkeep = _Upkeep.of(library, on_progress)
    found = upkeep.collect() if upkeep.is_small() else upkeep.load()
    if check_all and not found.index.is_whole():
        upkeep.folder.discard()
        return upkeep.load()
    return found


def save_index(library: LibraryStore, on_progress: OnProgress | None = None) -> None:
    """Bring the index beside a library's file in step; nothing where it is too small for one."""
    upkeep = _Upkeep.of(library, on_progress)
    if library.model is not None and not upkeep.is_small():
        upkeep.load()


@dataclasses.dataclass(frozen=True)
class _Upkeep:
    """What is known when an index has to be brought in step."""

    library: LibraryStore
    folder: IndexFolder
    stamp: tuple[str, int]
    kind: str | None
    on_progress: OnProgress

    @classmethod
    def of(cls, library: LibraryStore, on_progress: OnProgress | None) -> _Upkeep:
        """See what a library asks for now."""
        folder = IndexFolder.beside(library.path)
        report = on_progress or ignore
        return cls(library, folder, library.stamp, library.index_kind, report)

    def is_small(self) -> bool:
        """Whether none is saved, and a saved one would gain nothing."""
        if self.folder.path.exists() or self.kind not in (None, "exact"):
            return False
        return self.library.count().n_segments < SAVED_ROWS

    def load(self) -> Snapshot:
        """Load what is saved, brought in step first where need be."""
        if self.folder.holds(self.stamp):
            found = self.folder.load()
            if self._is_fresh(found):
                return found
        try:
            with self.folder.lock():
                found = self.folder.load()  # another process may have brought it in step meanwhile
                if self._is_fresh(found):
                    return found
                extended = self.extend(found) if found is not None else None
                return extended or self.build()
        except OSError:
            return self.collect()  # no room, or no permission: good for this process only

    def _is_fresh(self, found: Snapshot | None) -> TypeGuard[Snapshot]:
        if found is None or found.manifest is None:
            return False
        return found.manifest.stamp == self.stamp and self.kind in (None, found.index.kind)

    def collect(self) -> Snapshot:
        """Put an index together in memory."""
        index = VectorIndex.build(self._read(0))
        is_hidden = index.silent | find_unsound(index.vectors[:])  # what is damaged is never found
        index = dataclasses.replace(index, silent=is_hidden)
        return Snapshot(None, project(index, self.kind, self.on_progress))

    def build(self) -> Snapshot:
        """Build the index from the library, on disk."""
        model = self.library.model
        assert model is not None  # a library without one has nothing to index
        self.folder.discard()
        started = time.monotonic()
        name = f"vectors-{uuid4().hex[:12]}.f16"
        manifest = Manifest(self.stamp, 0, model.embedding_size, name)
        empty = VectorIndex.build([])
        empty = dataclasses.replace(empty, sums=np.zeros(0, np.uint16))
        manifest, index = self._append(manifest, empty)
        index = project(index, self.kind, self.on_progress)
        manifest = dataclasses.replace(
            manifest, n_trained=len(index), build_s=time.monotonic() - started
        )
        return Snapshot(self.folder.commit(manifest, index, keep_projections=False), index)

    def extend(self, found: Snapshot) -> Snapshot | None:
        """Append what is new and mask what is gone; None where it is better built anew."""
        manifest, index = found.manifest, found.index
        model = self.library.model
        if manifest is None or manifest.stamp[0] != self.stamp[0] or model is None:
            return None
        known = self.library.list_content_ids()
        is_gone = ~np.isin(index.content_ids, known, assume_unique=True)
        lengths = np.diff(index.offsets)
        n_dead = int(lengths[is_gone].sum())
        if manifest.size != model.embedding_size or n_dead > DEAD_SHARE * len(index):
            return None
        index = dataclasses.replace(index, silent=index.silent | np.repeat(is_gone, lengths))
        manifest, index = self._append(manifest, index)
        kind = self.kind or choose_kind(len(index))
        is_outgrown = index.kind == "lists" and len(index) > GROWTH * manifest.n_trained
        if is_outgrown or (kind != index.kind and (self.kind or kind != "exact")):
            index = project(dataclasses.replace(index, candidates=None), kind, self.on_progress)
            manifest = dataclasses.replace(manifest, n_trained=len(index))
            keep = False
        elif index.candidates is not None:
            from soundkin.index.rabitq import RaBitQIndex

            assert isinstance(index.candidates, RaBitQIndex)  # no others lie in a folder
            fresh = np.arange(len(found.index), len(index))
            index.candidates.add(fresh[~index.silent[fresh]], index.read)
            keep = len(index) - manifest.n_projected <= LATE_ROWS
        else:
            keep = True
        return Snapshot(self.folder.commit(manifest, index, keep_projections=keep), index)

    def _append(self, manifest: Manifest, index: VectorIndex) -> tuple[Manifest, VectorIndex]:
        """Append all contents above the last known id to the file of vectors."""
        last = int(index.content_ids[-1]) if len(index.content_ids) else 0
        ids, counts, silences = [], [], [index.silent]

        def read_blocks() -> Iterator[npt.NDArray[np.float16]]:
            for content_id, vectors, silent in self._read(last):
                ids.append(content_id)
                counts.append(len(vectors))
                silences.append(silent | find_unsound(vectors))
                yield vectors

        new_sums = self.folder.append(manifest, read_blocks())
        assert index.sums is not None  # an index on disk always has them
        manifest = dataclasses.replace(
            manifest, stamp=self.stamp, n_rows=manifest.n_rows + sum(counts)
        )
        grown = dataclasses.replace(
            index,
            vectors=self.folder.map_vectors(manifest),
            silent=np.concatenate(silences),
            content_ids=np.concatenate([index.content_ids, np.array(ids, np.int64)]),
            offsets=np.concatenate(
                [index.offsets, index.offsets[-1] + np.cumsum(counts, dtype=np.int64)]
            ),
            sums=np.concatenate([index.sums, new_sums]),
        )
        return manifest, grown

    def _read(self, last: int) -> Iterator[Block]:
        """Read contents above an id from the library."""
        n_done = 0
        n_all = 0 if last else self.library.count().n_segments  # counting takes its time
        for content_id, vectors, levels_db in self.library.read_vectors_above(last):
            n_done += len(vectors)
            self.on_progress("Reading the library", n_done, max(n_done, n_all))
            yield content_id, vectors, find_silent(levels_db)


def project(
    index: VectorIndex, kind: str | None = None, on_progress: OnProgress | None = None
) -> VectorIndex:
    """Give an index the projections that its size, or a kind, asks for."""
    kind = kind or choose_kind(len(index))
    audible = np.flatnonzero(~index.silent)
    if kind == "exact" or not len(audible):
        return index
    from soundkin.index.rabitq import TRAINING_POINTS, RaBitQIndex, choose_n_lists

    report = on_progress or ignore
    n_lists = 1 if kind == "scan" else choose_n_lists(len(audible))
    n_sampled = min(len(audible), max(n_lists * TRAINING_POINTS, 1000))
    generator = np.random.default_rng(SAMPLE_SEED)
    sample = np.sort(generator.choice(audible, n_sampled, replace=False))
    report("Fitting the lists", 0, len(audible))
    candidates = RaBitQIndex.train(index.read(sample), n_lists)
    candidates.add(audible, index.read, lambda *done: report("Building the index", *done))
    return dataclasses.replace(index, candidates=candidates)
