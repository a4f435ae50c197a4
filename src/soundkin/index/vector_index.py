"""Nearest neighbours among a library's segment vectors: exact, or by random projections.

However they are found, hits are ranked by the same exact scores, and ties come in the order of the
library. Random projections (`rabitq`) only propose which segments to score; where those are
too few, or might leave a hit out, more are asked for, and in the end every segment is scored.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from soundkin.index.exact import BLOCK_FLOATS, NEVER, expand, score_contents
from soundkin.index.float16 import compute_sums, widen
from soundkin.index.scope import Scope

if TYPE_CHECKING:
    from soundkin.index.rabitq import RaBitQIndex

INDEX_KINDS = ("exact", "scan", "lists")
EXACT_ROWS = 50_000  # up to so many segments every one is scored
BATCH_QUERIES = 64
BACKGROUND_ROWS = 1000
FIRST_CANDIDATES = 224
FIRST_OF_SCAN = 1024  # codes around one centroid are coarser
CANDIDATES_PER_CONTENT = 16
STEPS = (1, 4, 32)  # times as many candidates, until they are enough
MARGIN = 1.25  # typical errors between the last candidate's estimate and the last hit's score
ROUNDING = 1e-5  # scores of float32 are this exact

Rows = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float32]
Scored = tuple[Rows, npt.NDArray[np.float64]]  # rows that may be hits, and their exact scores


class DamagedIndexError(Exception):
    """Vectors read from a file are not those that were written; never shown to a person."""


@dataclass(frozen=True)
class Neighbours:
    """Best first: which content, which of its segments, and the cosine similarity to the query."""

    content_ids: npt.NDArray[np.int64]
    segments: npt.NDArray[np.int64]
    scores: npt.NDArray[np.float32]


@dataclass(frozen=True)
class VectorIndex:
    """Every segment of a library, those of one content side by side.

    `vectors` is float16 `(n_segments, n)`, unit vectors, often a file mapped into memory; `sums`
    uint16 `(n_segments,)` tells whether a row of it is whole. `silent` is bool `(n_segments,)`:
    what is never found, be it silent or gone from the library. Content number i, known in the
    library as `content_ids[i]`, ascending, has rows `offsets[i]` to `offsets[i + 1]`. Without
    `projections` every segment is scored.
    """

    vectors: npt.NDArray[np.float16]
    silent: npt.NDArray[np.bool_]
    content_ids: npt.NDArray[np.int64]
    offsets: npt.NDArray[np.int64]
    sums: npt.NDArray[np.uint16] | None = None
    projections: RaBitQIndex | None = field(default=None, compare=False)

    @classmethod
    def build(
        cls,
        contents: Iterable[tuple[int, npt.NDArray[np.float16], npt.NDArray[np.bool_]]],
    ) -> VectorIndex:
        """Put together (content id, vectors, silent) of contents in ascending order of id."""
        ids, blocks, silences = [], [], []
        for content_id, vectors, silent in contents:
            ids.append(content_id)
            blocks.append(vectors)
            silences.append(silent)
        offsets = np.cumsum([0, *map(len, blocks)], dtype=np.int64)
        content_ids = np.array(ids, np.int64)
        if not blocks:
            return cls(np.zeros((0, 0), np.float16), np.zeros(0, np.bool_), content_ids, offsets)
        return cls(np.concatenate(blocks), np.concatenate(silences), content_ids, offsets)

    def __len__(self) -> int:
        """Segments in it, silent ones too."""
        return len(self.vectors)

    @property
    def kind(self) -> str:
        """`exact`, `scan` (of all codes) or `lists` (codes in inverted lists)."""
        if self.projections is None:
            return "exact"
        return "scan" if self.projections.n_lists == 1 else "lists"

    def search(
        self,
        query: Floats,
        n_contents: int,
        *,
        per_content: int = 1,
        min_gap: int = 1,
        allowed: npt.NDArray[np.int64] | None = None,
        excluded: Sequence[int] = (),
        exact: bool = False,
    ) -> Neighbours:
        """Find the segments nearest to a query.

        Parameters
        ----------
        query
            Unit vector, float32 `(n,)`.
        n_contents
            How many different contents to find, fewer only where no more are allowed.
        per_content
            How many segments of one content at most.
        min_gap
            Segments of one content lie at least so many segments apart.
        allowed
            Content ids that count, ascending; None means all.
        excluded
            Content ids that do not.
        exact
            Score every segment, however many there are.

        Raises
        ------
        DamagedIndexError
            A vector that was read is not the one that was written.
        """
        scope = Scope.select(self.content_ids, allowed, excluded)
        is_few = scope.open is not None and self._count_rows(scope.open) <= EXACT_ROWS
        found = None
        n_contents = min(n_contents, scope.count())
        if self.projections is not None and n_contents and not exact and not is_few:
            found = self._find_candidates(query, n_contents, scope, STEPS)
        if found is None:
            found = self._scan(query, n_contents, scope.list_places())
        return self._rank(query, found, n_contents, per_content, min_gap)

    def search_many(
        self,
        queries: Floats,
        n_contents: int,
        *,
        exact: bool = False,
        on_progress: Callable[[int, int], None] | None = None,
    ) -> list[Neighbours]:
        """Find the contents nearest to each of many queries `(n_queries, n)`, on all cores."""
        found: list[Neighbours] = []
        n_contents = min(n_contents, len(self.content_ids))
        for start in range(0, len(queries), BATCH_QUERIES):
            part = queries[start : start + BATCH_QUERIES]
            for query, scored in zip(part, self._propose(part, n_contents, exact), strict=True):
                found.append(self._rank(query, scored, n_contents, 1, 1))
            if on_progress:
                on_progress(len(found), len(queries))
        return found

    def compute_background(self, generator: np.random.Generator) -> Floats:
        """Compute the scores that segments of different contents have by chance, ascending.

        What a score means in this library is told by its place among them.
        """
        audible = np.flatnonzero(~self.silent)
        if len(audible) > BACKGROUND_ROWS:
            audible = np.sort(generator.choice(audible, BACKGROUND_ROWS, replace=False))
        owners = self._find_owners(audible)
        sample = widen(self.vectors[audible])
        upper = np.triu(owners[:, None] != owners[None, :])
        return np.sort((sample @ sample.T)[upper])

    def read(self, rows: Rows) -> Floats:
        """Read vectors `(n_rows, n)` as float32, and see that they are whole.

        Raises
        ------
        DamagedIndexError
            One of them is not what was written.
        """
        vectors = self.vectors.take(rows, axis=0)  # faster than by brackets
        if self.sums is not None and (compute_sums(vectors) != self.sums[rows]).any():
            raise DamagedIndexError
        return widen(vectors)

    def is_whole(self) -> bool:
        """Whether every vector is what was written."""
        blocks = range(0, len(self), BLOCK_FLOATS)
        parts = [slice(start, start + BLOCK_FLOATS) for start in blocks]
        return self.sums is None or all(
            np.array_equal(compute_sums(self.vectors[part]), self.sums[part]) for part in parts
        )

    def _propose(self, queries: Floats, n_contents: int, exact: bool) -> Iterator[Scored]:
        """Find for each of some queries the rows that may be among its best."""
        places = np.arange(len(self.content_ids))
        if self.projections is None or exact or not n_contents:
            bests = score_contents(self, queries, places)
            for query, column in zip(queries, bests.T, strict=True):
                yield self._choose(query, column, n_contents, places)
            return
        scope = Scope.select(self.content_ids)
        found = self.projections.find(queries, self._count_candidates(n_contents))
        for query, proposed, estimates in zip(queries, *found, strict=True):
            scored = self._accept(query, proposed, estimates, n_contents, scope, MARGIN)
            scored = scored or self._find_candidates(query, n_contents, scope, STEPS[1:])
            yield scored or self._scan(query, n_contents, places)

    def _find_owners(self, rows: Rows) -> Rows:
        return np.searchsorted(self.offsets, rows, side="right") - 1

    def _find_firsts(self, rows: Rows, count: int) -> list[int]:
        """Find where the first rows of `count` contents, or of all there are, stand in `rows`."""
        firsts: dict[int, int] = {}
        for stop in (4 * count, len(rows)):  # mostly the first few rows are enough
            for place, owner in enumerate(self._find_owners(rows[:stop]).tolist()):
                firsts.setdefault(owner, place)
            if len(firsts) >= count:
                break
        return list(firsts.values())[:count]

    def _count_rows(self, is_open: npt.NDArray[np.bool_]) -> int:
        return int(np.diff(self.offsets)[is_open].sum())

    def _count_candidates(self, n_contents: int) -> int:
        first = FIRST_CANDIDATES if self.kind == "lists" else FIRST_OF_SCAN
        return max(first, CANDIDATES_PER_CONTENT * n_contents)

    def _find_candidates(
        self, query: Floats, n_contents: int, scope: Scope, steps: Sequence[int]
    ) -> Scored | None:
        """Have rows proposed, ever more until they are enough; None where they never are."""
        assert self.projections is not None  # asked only where there are some
        for step in steps:
            count = step * self._count_candidates(n_contents)
            if count >= len(self.projections):
                return None
            proposed, estimates = self.projections.find(query[None], count, step**0.5)
            margin = -np.inf if step == STEPS[-1] else MARGIN
            scored = self._accept(query, proposed[0], estimates[0], n_contents, scope, margin)
            if scored is not None:
                return scored
        return None

    def _accept(
        self,
        query: Floats,
        rows: Rows,
        estimates: Floats,
        n_contents: int,
        scope: Scope,
        margin: float,
    ) -> Scored | None:
        """Take the proposed rows that may be hits; None where others may be.

        There may be others if the candidates have too few contents, if the last hit scores less
        than `margin` typical errors above what the last candidate was estimated, or if something
        equal to a hit may have been cut off.
        """
        last = float(estimates[-1]) if rows[-1] >= 0 else -np.inf
        is_known = (rows >= 0) & ~self.silent[rows]
        if not scope.is_whole:
            is_known &= scope.holds(self._find_owners(rows))
        if not is_known.all():
            rows, estimates = rows[is_known], estimates[is_known]
        vectors = self.read(rows)
        scores = np.vecdot(vectors, query)  # a matrix product would ask a second core to help
        order = np.argsort(-scores)
        firsts = self._find_firsts(rows[order], n_contents)
        if len(firsts) < n_contents:
            return None
        least = scores[order[firsts[-1]]]
        errors = scores - estimates
        error = float(np.sqrt(errors @ errors / len(errors))) + ROUNDING
        is_hit = scores >= least - ROUNDING
        is_tied = np.count_nonzero(is_hit) > firsts[-1] + 1
        if least < last + margin * error or estimates[is_hit].min() <= last + error * is_tied:
            return None
        return rows[is_hit], _score(vectors[is_hit], query)

    def _scan(self, query: Floats, n_contents: int, places: Rows) -> Scored:
        """Score every segment of some contents; the rows that may be among the best."""
        bests = score_contents(self, query[None], places)[:, 0]
        return self._choose(query, bests, n_contents, places)

    def _choose(self, query: Floats, bests: Floats, n_contents: int, places: Rows) -> Scored:
        """Choose the rows of the contents that may be among the best so many."""
        least = np.partition(bests, -n_contents)[-n_contents] if n_contents < len(bests) else NEVER
        near = places[bests >= max(least - ROUNDING, NEVER + ROUNDING)]
        rows = expand(self.offsets, near)
        return self._rescore(query, rows[~self.silent[rows]])

    def _rescore(self, query: Floats, rows: Rows) -> Scored:
        """Score rows exactly, block by block."""
        n_rows = max(1, BLOCK_FLOATS // len(query))
        parts = [rows[start : start + n_rows] for start in range(0, len(rows), n_rows)]
        scores = [_score(self.read(part), query) for part in parts]
        return rows, np.concatenate(scores) if scores else np.zeros(0)

    def _rank(
        self, query: Floats, found: Scored, n_contents: int, per_content: int, min_gap: int
    ) -> Neighbours:
        """Rank candidates by exact score, the best contents with so many segments of each."""
        rows, scores = found
        order = np.lexsort((rows, -scores))
        rows, scores = rows[order], scores[order]
        firsts = self._find_firsts(rows, n_contents)
        rows, scores = rows[firsts], scores[firsts]
        owners = self._find_owners(rows)
        if per_content > 1 and len(rows):
            chosen = [self._take_apart(query, o, per_content, min_gap) for o in owners]
            rows = np.concatenate([pair[0] for pair in chosen])
            scores = np.concatenate([pair[1] for pair in chosen])
            order = np.lexsort((rows, -scores))
            rows, scores = rows[order], scores[order]
            owners = self._find_owners(rows)
        segments = rows - self.offsets[owners]
        return Neighbours(self.content_ids[owners], segments, scores.astype(np.float32))

    def _take_apart(self, query: Floats, owner: int, count: int, min_gap: int) -> Scored:
        """Take up to `count` audible rows of a content with high scores, `min_gap` apart."""
        rows = np.arange(self.offsets[owner], self.offsets[owner + 1])
        rows, scores = self._rescore(query, rows[~self.silent[rows]])
        taken: list[int] = []
        for place in np.argsort(-scores, kind="stable").tolist():
            if len(taken) == count:
                break
            if all(abs(int(rows[place] - rows[other])) >= min_gap for other in taken):
                taken.append(place)
        return rows[taken], scores[taken]


def choose_kind(n_segments: int) -> str:
    """Choose the kind of index that answers soonest for so many segments."""
    return "exact" if n_segments <= EXACT_ROWS else "lists"


def _score(vectors: Floats, query: Floats) -> npt.NDArray[np.float64]:
    """Score vectors so that equal ones have equal scores, wherever they lie."""
    scores: npt.NDArray[np.float64]
    scores = np.vecdot(vectors.astype(np.float64), query.astype(np.float64))
    return scores


def average_content(index: VectorIndex, place: int) -> npt.NDArray[np.float32] | None:
    """Average content number `place`'s audible segments to a unit vector `(n,)`; None if silent.

    Raises
    ------
    DamagedIndexError
        A vector is not the one that was written.
    """
    rows = np.arange(index.offsets[place], index.offsets[place + 1])
    total = index.read(rows[~index.silent[rows]]).sum(axis=0, dtype=np.float64)
    norm = float(np.linalg.norm(total))
    return (total / norm).astype(np.float32) if norm > 1e-9 else None
