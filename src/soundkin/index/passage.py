"""Several segments in a row as one query: laid over recordings, window by window.

The mean of one recording's segments may be nearer to a neighbour's single segment than to any of
its own. So a sound of several segments is held against windows of as many, each segment of which is
weighed as its counterpart in the query is.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from soundkin.index.exact import BLOCK_FLOATS, NEVER, Segments, find_owners

LEAST_WEIGHT = 1e-3  # of the loudest segment's, below which one is not heard in the mean
MOST_PLACES = 32  # of a passage at which a row of a recording is tried
LEAST_NORM = 1e-6

Rows = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float32]
Doubles = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Passage:
    """How the segments of a query follow each other.

    `weights` float32 `(length,)` is what each counts in their mean, 0 for silence, from the first
    to the last that is heard.
    """

    weights: Floats

    @classmethod
    def cut(cls, weights: Floats) -> Passage:
        """Make one of what segments count `(m,)`, not all of them nothing."""
        heard = np.flatnonzero(weights >= LEAST_WEIGHT * weights.max())
        kept = np.zeros(len(weights), np.float32)
        kept[heard] = weights[heard]
        return cls(kept[heard[0] : heard[-1] + 1])

    def __len__(self) -> int:
        """Segments from its first to its last."""
        return len(self.weights)

    @property
    def places(self) -> Rows:
        """The segments that are laid on what was proposed: all, or some and the loudest."""
        if len(self) <= MOST_PLACES:
            return np.arange(len(self))
        spread = np.linspace(0, len(self) - 1, MOST_PLACES - 1).astype(np.int64)
        return np.append(spread, self.weights.argmax())


class Windows(NamedTuple):
    """Windows of segments: from `rows` on `counts` of them, all `(n_windows,)`.

    Where a passage begins before a recording, `skipped` of its first segments lie before it.
    `owners` are the places of contents, `scores` float64.
    """

    rows: Rows
    counts: Rows
    skipped: Rows
    owners: Rows
    scores: Doubles

    def take(self, kept: Rows) -> Windows:
        """Keep some of them."""
        return Windows(
            self.rows[kept],
            self.counts[kept],
            self.skipped[kept],
            self.owners[kept],
            self.scores[kept],
        )


def lay_over(segments: Segments, query: Floats, passage: Passage, rows: Rows) -> Windows:
    """Lay a passage over recordings so that each of some rows lies in it: the best for each row.

    A passage may hang over a recording's ends, where there is silence: what is loud in it is laid
    on what is loud there, wherever that is. Scores are the cosine similarity of `query`, a unit
    vector `(n,)`, to the windows' means.
    """
    owners = find_owners(segments.offsets, rows)
    begins, ends = segments.offsets[owners], segments.offsets[owners + 1]
    shifts = np.zeros(len(rows), np.int64)
    n_rows = max(1, BLOCK_FLOATS // (2 * len(passage) * len(query)))
    for start in range(0, len(rows), n_rows):
        part = slice(start, start + n_rows)
        shifts[part] = _find_shifts(segments, query, passage, rows[part], begins[part], ends[part])
    firsts, skipped = begins + np.maximum(shifts, 0), np.maximum(-shifts, 0)
    counts = np.minimum(ends - firsts, len(passage) - skipped)
    found = Windows(firsts, counts, skipped, owners, np.zeros(len(rows)))
    means = average_windows(segments, passage, found)
    scores = np.vecdot(means, query.astype(np.float64))
    return found._replace(scores=np.where(means.any(axis=1), scores, NEVER))


def average_windows(segments: Segments, passage: Passage, windows: Windows) -> Doubles:
    """Average windows, each segment by its counterpart's weight, to unit vectors `(n_windows, n)`.

    Zeros where they are silent. Equal windows have equal means, wherever they lie.
    """
    size = segments.vectors.shape[1]
    means = np.zeros((len(windows.rows), size))
    n_windows = max(1, BLOCK_FLOATS // (2 * len(passage) * size))
    for start in range(0, len(means), n_windows):
        part = slice(start, start + n_windows)
        laid = np.arange(len(passage)) - windows.skipped[part, None]  # on which of its segments
        is_laid = (laid >= 0) & (laid < windows.counts[part, None])
        rows = windows.rows[part, None] + np.where(is_laid, laid, 0)
        vectors = segments.read(rows.ravel()).reshape(*rows.shape, size).astype(np.float64)
        weights = np.where(is_laid & ~segments.silent[rows], passage.weights, 0)
        means[part] = (weights[:, None].astype(np.float64) @ vectors)[:, 0]
    norms = np.linalg.norm(means, axis=1, keepdims=True)
    return np.asarray(means / np.where(norms > LEAST_NORM, norms, np.inf))


def _find_shifts(
    segments: Segments, query: Floats, passage: Passage, rows: Rows, begins: Rows, ends: Rows
) -> Rows:
    """Find where the passage begins when it lies best around rows, counted from `begins`.

    All windows around a row are one matrix of weights, times the vectors around it.
    """
    length = len(passage)
    shifts = (rows - begins)[:, None] - passage.places  # may be negative
    around = rows[:, None] + np.arange(1 - length, length)
    inside = (around >= begins[:, None]) & (around < ends[:, None])
    around = np.where(inside, around, begins[:, None])
    is_heard = inside & ~segments.silent[around]
    vectors = segments.read(around.ravel()).reshape(*around.shape, len(query))
    places = (around - begins[:, None])[:, None] - shifts[:, :, None]
    is_laid = (places >= 0) & (places < length) & is_heard[:, None]
    weights = passage.weights[np.where(is_laid, places, 0)] * is_laid
    means = weights @ vectors
    norms = np.sqrt(np.vecdot(means, means))
    scores = np.where(norms > LEAST_NORM, (means @ query) / np.maximum(norms, LEAST_NORM), NEVER)
    best: Rows = shifts[np.arange(len(rows)), np.argmax(scores, axis=1)]
    return best
