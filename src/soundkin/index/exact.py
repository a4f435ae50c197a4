"""Every segment of some contents scored, block by block: the exact search."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise
from typing import NamedTuple, Protocol

import numpy as np
import numpy.typing as npt

from soundkin.index.candidates import VectorArray
from soundkin.index.float16 import widen

BLOCK_FLOATS = 1 << 18  # so much of a block stays in the cache of a core
NEVER = -2.0  # below every cosine

Rows = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float32]


class Segments(Protocol):
    """What is scanned and ranked; the arrays of `vector_index.VectorIndex`."""

    @property
    def vectors(self) -> VectorArray:
        """Unit vectors `(n_segments, n)`."""

    @property
    def silent(self) -> npt.NDArray[np.bool_]:
        """Which of them are never found, `(n_segments,)`."""

    @property
    def offsets(self) -> Rows:
        """Where contents begin, and where the last one ends."""

    def read(self, rows: Rows | slice) -> Floats:
        """Read vectors `(n_rows, n)`, and see that they are whole."""


class Block(NamedTuple):
    """Some of the contents that are gone through: `part` of them, their rows, where each begins."""

    part: slice
    rows: Rows | slice
    starts: Rows


def score_contents(segments: Segments, queries: Floats, places: Rows) -> Floats:
    """Compute the best similarity in each content to unit vectors, `(n_places, n_queries)`."""
    bests = np.empty((len(places), len(queries)), np.float32)
    for part, rows, starts in cut_blocks(segments.offsets, places, queries.shape[1]):
        scores = widen(segments.vectors[rows]) @ queries.T
        scores[segments.silent[rows]] = NEVER
        np.maximum.reduceat(scores, starts, axis=0, out=bests[part])
    return bests


def cut_blocks(offsets: Rows, places: Rows, size: int) -> Iterator[Block]:
    """Cut contents into blocks whose vectors, of `size` numbers, stay in the cache of a core."""
    lengths = offsets[places + 1] - offsets[places]
    ends = np.cumsum(lengths)
    starts = ends - lengths
    block_of = ends // max(1, BLOCK_FLOATS // max(1, size))
    run_of = np.cumsum(np.diff(places, prepend=places[:1]) != 1)  # places side by side
    cuts = [0, *(np.flatnonzero(np.diff(block_of)) + 1).tolist(), len(places)]
    for first, stop in pairwise(cuts):
        if first == stop:
            continue
        rows: Rows | slice
        if run_of[first] == run_of[stop - 1]:
            rows = slice(int(offsets[places[first]]), int(offsets[places[stop - 1] + 1]))
        else:
            rows = expand(offsets, places[first:stop])
        yield Block(slice(first, stop), rows, starts[first:stop] - starts[first])


def expand(offsets: Rows, places: Rows) -> Rows:
    """List the rows of some contents, one content after the other."""
    counts = offsets[places + 1] - offsets[places]
    firsts = np.repeat(offsets[places] - np.concatenate([[0], np.cumsum(counts)[:-1]]), counts)
    return firsts + np.arange(counts.sum())


def find_owners(offsets: Rows, rows: Rows) -> Rows:
    """Find the place of the content that each row belongs to."""
    return np.searchsorted(offsets, rows, side="right") - 1
