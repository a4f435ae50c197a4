"""Every segment of some contents scored, block by block: the exact search."""

from __future__ import annotations

from itertools import pairwise
from typing import Protocol

import numpy as np
import numpy.typing as npt

from soundkin.index.float16 import widen

BLOCK_FLOATS = 1 << 18  # so much of a block stays in the cache of a core
NEVER = -2.0  # below every cosine

Rows = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float32]


class Segments(Protocol):
    """What is scanned; the arrays of `vectors.VectorIndex`."""

    @property
    def vectors(self) -> npt.NDArray[np.float16]:
        """Unit vectors `(n_segments, n)`."""

    @property
    def silent(self) -> npt.NDArray[np.bool_]:
        """Which of them are never found, `(n_segments,)`."""

    @property
    def offsets(self) -> Rows:
        """Where contents begin, and where the last one ends."""


def score_contents(segments: Segments, queries: Floats, places: Rows) -> Floats:
    """Compute the best similarity in each content to unit vectors, `(n_places, n_queries)`."""
    offsets, silent = segments.offsets, segments.silent
    bests = np.empty((len(places), len(queries)), np.float32)
    lengths = offsets[places + 1] - offsets[places]
    block_of = np.cumsum(lengths) // max(1, BLOCK_FLOATS // queries.shape[1])
    cuts = [0, *(np.flatnonzero(np.diff(block_of)) + 1).tolist(), len(places)]
    for first, stop in pairwise(cuts):
        part = places[first:stop]
        if not len(part):
            continue
        side_by_side = slice(int(offsets[part[0]]), int(offsets[part[-1] + 1]))
        is_run = part[-1] - part[0] < len(part)
        rows = side_by_side if is_run else expand(offsets, part)
        scores = widen(segments.vectors[rows]) @ queries.T
        scores[silent[rows]] = NEVER
        starts = np.cumsum(lengths[first:stop]) - lengths[first:stop]
        np.maximum.reduceat(scores, starts, axis=0, out=bests[first:stop])
    return bests


def expand(offsets: Rows, places: Rows) -> Rows:
    """List the rows of some contents, ascending."""
    counts = offsets[places + 1] - offsets[places]
    firsts = np.repeat(offsets[places] - np.concatenate([[0], np.cumsum(counts)[:-1]]), counts)
    return firsts + np.arange(counts.sum())
