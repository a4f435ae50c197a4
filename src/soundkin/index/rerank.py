"""What was proposed for a query scored exactly, accepted or not, kept apart, and ranked."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from soundkin.index.exact import BLOCK_FLOATS, NEVER, Segments, expand, find_owners
from soundkin.index.scope import Scope

ROUNDING = 1e-5  # scores of float32 are this exact

Rows = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float32]
Scored = tuple[Rows, npt.NDArray[np.float64]]  # rows and their exact scores


@dataclass(frozen=True)
class Reranker:
    """Ranks segments for a query, a unit vector float32 `(n,)`, that wants so many contents."""

    segments: Segments
    query: Floats
    n_contents: int

    def accept(self, rows: Rows, estimates: Floats, scope: Scope, margin: float) -> Scored | None:
        """Take the proposed rows that may be hits; None where others may be.

        There may be others if the candidates have too few contents, if the last hit scores less
        than `margin` typical errors above what the last candidate was estimated, or if something
        equal to a hit may have been cut off.
        """
        offsets = self.segments.offsets
        last = float(estimates[-1]) if rows[-1] >= 0 else -np.inf
        is_known = (rows >= 0) & ~self.segments.silent[rows]
        if not scope.is_whole:
            is_known &= scope.holds(find_owners(offsets, rows))
        if not is_known.all():
            rows, estimates = rows[is_known], estimates[is_known]
        vectors = self.segments.read(rows)
        scores = np.vecdot(vectors, self.query)  # a matrix product would ask a second core to help
        order = np.argsort(-scores)
        firsts = find_firsts(offsets, rows[order], self.n_contents)
        if len(firsts) < self.n_contents:
            return None
        least = scores[order[firsts[-1]]]
        errors = scores - estimates
        error = float(np.sqrt(errors @ errors / len(errors))) + ROUNDING
        is_hit = scores >= least - ROUNDING
        is_tied = np.count_nonzero(is_hit) > firsts[-1] + 1
        if least < last + margin * error or estimates[is_hit].min() <= last + error * is_tied:
            return None
        return rows[is_hit], _score(vectors[is_hit], self.query)

    def choose(self, bests: Floats, places: Rows) -> Scored:
        """Choose the rows of the contents that may be hits by the best score of each."""
        least = NEVER
        if self.n_contents < len(bests):
            least = np.partition(bests, -self.n_contents)[-self.n_contents]
        near = places[bests >= max(least - ROUNDING, NEVER + ROUNDING)]
        return self._rescore(near)

    def rank(self, found: Scored, per_content: int, min_gap: int) -> Scored:
        """Rank rows by exact score, the best contents with so many segments of each."""
        rows, scores = found
        order = np.lexsort((rows, -scores))
        firsts = order[find_firsts(self.segments.offsets, rows[order], self.n_contents)]
        if per_content <= 1 or not len(firsts):
            return rows[firsts], scores[firsts]
        places = np.sort(find_owners(self.segments.offsets, rows[firsts]))
        rows, scores = self._rescore(places)
        owners = find_owners(self.segments.offsets, rows)
        kept = keep_apart(scores, rows, owners, len(places), per_content, min_gap)
        return rows[kept], scores[kept]

    def _rescore(self, places: Rows) -> Scored:
        """Score the audible rows of some contents exactly, block by block."""
        rows = expand(self.segments.offsets, places)
        rows = rows[~self.segments.silent[rows]]
        n_rows = max(1, BLOCK_FLOATS // len(self.query))
        parts = [rows[start : start + n_rows] for start in range(0, len(rows), n_rows)]
        scores = [_score(self.segments.read(part), self.query) for part in parts]
        return rows, np.concatenate(scores) if scores else np.zeros(0)


def find_firsts(offsets: Rows, rows: Rows, count: int) -> list[int]:
    """Find where the first rows of `count` contents, or of all there are, stand in `rows`."""
    firsts: dict[int, int] = {}
    for stop in (4 * count, len(rows)):  # mostly the first few rows are enough
        for place, owner in enumerate(find_owners(offsets, rows[:stop]).tolist()):
            firsts.setdefault(owner, place)
        if len(firsts) >= count:
            break
    return list(firsts.values())[:count]


def keep_apart(
    scores: npt.NDArray[np.floating],
    rows: Rows,
    owners: Rows,
    n_owners: int,
    per_owner: int,
    min_gap: int,
) -> Rows:
    """Choose the best rows of so many owners, a few of each that lie `min_gap` rows apart.

    Returns places in `rows`, best first; equal scores in the order that they have there.
    """
    order = np.argsort(-scores, kind="stable")
    taken: dict[int, list[int]] = {}
    kept: list[int] = []
    columns = (order.tolist(), owners[order].tolist(), rows[order].tolist())
    for place, owner, row in zip(*columns, strict=True):
        if len(kept) == n_owners * per_owner:
            break
        if owner not in taken and len(taken) == n_owners:
            continue
        others = taken.setdefault(owner, [])
        if len(others) < per_owner and all(abs(row - other) >= min_gap for other in others):
            others.append(row)
            kept.append(place)
    return np.array(kept, np.int64)


def _score(vectors: Floats, query: Floats) -> npt.NDArray[np.float64]:
    """Score vectors so that equal ones have equal scores, wherever they lie."""
    scores: npt.NDArray[np.float64]
    scores = np.vecdot(vectors.astype(np.float64), query.astype(np.float64))
    return scores
