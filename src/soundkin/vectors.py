"""Nearest neighbours among a library's segment vectors: exact, or by random projections.

However they are found, hits are ranked by the same exact scores, and ties come in the order of the
library. Random projections (`projections`) only propose which segments to score; where those are
too few, or might hide a tie, more are asked for, and in the end every segment is scored.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from soundkin.halves import compute_sums, widen
from soundkin.scopes import Scope

if TYPE_CHECKING:
    from soundkin.projections import Projections

EXACT_ROWS = 50_000  # up to so many segments every one is scored
BLOCK_FLOATS = 1 << 18  # so much of a block stays in the cache of a core
BATCH_QUERIES = 64
BACKGROUND_ROWS = 1000
FIRST_CANDIDATES = 224
FIRST_OF_SCAN = 1024  # codes around one centroid are coarser
CANDIDATES_PER_CONTENT = 16
WIDER = 8
DEPTH = 14  # candidates for each place down to the last hit's
ROUNDING = 1e-5  # scores of float32 are this exact
NEVER = -2.0  # below every cosine

Rows = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float32]


class DamagedIndexError(Exception):
    """Vectors read from a file are not those that were written; for `upkeep`, never a person."""


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
    projections: Projections | None = field(default=None, compare=False)

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
        rows = None
        if self.projections is not None and not exact and not is_few:
            n_contents = min(n_contents, scope.count())
            rows = self._find_candidates(query, n_contents, scope)
        if rows is None:
            rows = self._scan(query, n_contents, scope.list_places())
        return self._rank(query, rows, n_contents, per_content, min_gap)

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
        for start in range(0, len(queries), BATCH_QUERIES):
            part = queries[start : start + BATCH_QUERIES]
            for query, rows in zip(part, self._propose(part, n_contents, exact), strict=True):
                found.append(
                    self.search(query, n_contents)
                    if rows is None
                    else self._rank(query, rows, n_contents, 1, 1)
                )
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
        vectors = self.vectors[rows]
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

    def _propose(self, queries: Floats, n_contents: int, exact: bool) -> Iterator[Rows | None]:
        """Find for each of some queries the rows that may be among its best; None: too few."""
        if self.projections is None or exact:
            places = np.arange(len(self.content_ids))
            for bests in self._score_contents(queries, places).T:
                yield self._choose(bests, n_contents, places)
        else:
            scope = Scope.select(self.content_ids)
            found = self.projections.find(queries, self._count_candidates(n_contents))
            for query, rows, estimates in zip(queries, *found, strict=True):
                hits, depth = self._accept(query, rows, estimates, n_contents, scope)
                yield hits if len(rows) >= DEPTH * depth else None

    def _find_owners(self, rows: Rows) -> Rows:
        return np.searchsorted(self.offsets, rows, side="right") - 1

    def _count_rows(self, is_open: npt.NDArray[np.bool_]) -> int:
        return int(np.diff(self.offsets)[is_open].sum())

    def _count_candidates(self, n_contents: int) -> int:
        first = FIRST_CANDIDATES if self.kind == "lists" else FIRST_OF_SCAN
        return max(first, CANDIDATES_PER_CONTENT * n_contents)

    def _find_candidates(self, query: Floats, n_contents: int, scope: Scope) -> Rows | None:
        """Have rows proposed, ever more until they are enough; None where they never are."""
        assert self.projections is not None  # asked only where there are some
        first = count = self._count_candidates(n_contents)
        for is_last in (False, False, True):
            if count >= len(self.projections):
                return None
            rows, estimates = self.projections.find(query[None], count, (count / first) ** 0.5)
            hits, depth = self._accept(query, rows[0], estimates[0], n_contents, scope)
            if hits is not None and (is_last or count >= DEPTH * depth):
                return hits
            count = max(2 * count, 2 * DEPTH * depth) if depth else WIDER * count
        return None

    def _accept(
        self,
        query: Floats,
        rows: Rows,
        estimates: Floats,
        n_contents: int,
        scope: Scope,
    ) -> tuple[Rows | None, int]:
        """Take the best proposed row of each content, and how deep the last of them lay.

        The depth is its rank among all proposed, by score, 0 where there are too few contents. The
        rows are None where one of them may be tied with what was not proposed.
        """
        last = float(estimates[-1]) if rows[-1] >= 0 else -np.inf
        owners = self._find_owners(rows)
        counts = (rows >= 0) & ~self.silent[rows] & scope.holds(owners)
        rows, estimates, owners = rows[counts], estimates[counts], owners[counts]
        scores = self._rescore(query, rows)
        order = np.lexsort((rows, -scores))
        firsts = np.sort(np.unique(owners[order], return_index=True)[1])
        if len(firsts) < n_contents:
            return None, 0
        hits = order[firsts[:n_contents]]
        depth = int(firsts[n_contents - 1]) + 1
        no_worse = scores >= scores[hits[-1]] - ROUNDING
        error = float(np.sqrt(np.square(scores - estimates).mean())) + ROUNDING
        is_tied = np.count_nonzero(no_worse) > depth and estimates[no_worse].min() <= last + error
        return (None if is_tied else rows[hits]), depth

    def _scan(self, query: Floats, n_contents: int, places: Rows) -> Rows:
        """Score every segment of some contents; the rows that may be among the best."""
        return self._choose(self._score_contents(query[None], places)[:, 0], n_contents, places)

    def _score_contents(self, queries: Floats, places: Rows) -> Floats:
        """Compute the best similarity in each content to unit vectors, `(n_places, n_queries)`."""
        bests = np.empty((len(places), len(queries)), np.float32)
        lengths = self.offsets[places + 1] - self.offsets[places]
        block_of = np.cumsum(lengths) // max(1, BLOCK_FLOATS // queries.shape[1])
        cuts = [0, *(np.flatnonzero(np.diff(block_of)) + 1).tolist(), len(places)]
        for first, stop in pairwise(cuts):
            part = places[first:stop]
            if not len(part):
                continue
            side_by_side = slice(int(self.offsets[part[0]]), int(self.offsets[part[-1] + 1]))
            is_run = part[-1] - part[0] < len(part)
            rows = side_by_side if is_run else _expand(self.offsets, part)
            scores = widen(self.vectors[rows]) @ queries.T
            scores[self.silent[rows]] = NEVER
            starts = np.cumsum(lengths[first:stop]) - lengths[first:stop]
            np.maximum.reduceat(scores, starts, axis=0, out=bests[first:stop])
        return bests

    def _choose(self, bests: Floats, n_contents: int, places: Rows) -> Rows:
        """Choose the rows of the contents that may be among the best so many."""
        least = np.partition(bests, -n_contents)[-n_contents] if n_contents < len(bests) else NEVER
        near = places[bests >= max(least - ROUNDING, NEVER + ROUNDING)]
        rows = _expand(self.offsets, near)
        return rows[~self.silent[rows]]

    def _rescore(self, query: Floats, rows: Rows) -> npt.NDArray[np.float64]:
        """Score rows so that equal vectors have equal scores, wherever they lie."""
        wide = query.astype(np.float64)
        n_rows = max(1, BLOCK_FLOATS // len(query))
        parts = [rows[start : start + n_rows] for start in range(0, len(rows), n_rows)]
        sums = [np.vecdot(self.read(part).astype(np.float64), wide) for part in parts]
        return np.concatenate(sums) if sums else np.zeros(0)

    def _rank(
        self, query: Floats, rows: Rows, n_contents: int, per_content: int, min_gap: int
    ) -> Neighbours:
        """Rank candidates by exact score, the best contents with so many segments of each."""
        scores = self._rescore(query, rows)
        order = np.lexsort((rows, -scores))
        rows, scores = rows[order], scores[order]
        owners = self._find_owners(rows)
        firsts = np.sort(np.unique(owners, return_index=True)[1])[:n_contents]
        if per_content == 1:
            rows, scores, owners = rows[firsts], scores[firsts], owners[firsts]
        else:
            chosen = [self._take_apart(query, o, per_content, min_gap) for o in owners[firsts]]
            rows = np.concatenate([pair[0] for pair in chosen]) if chosen else rows
            scores = np.concatenate([pair[1] for pair in chosen]) if chosen else scores
            order = np.lexsort((rows, -scores))
            rows, scores = rows[order], scores[order]
            owners = self._find_owners(rows)
        segments = rows - self.offsets[owners]
        return Neighbours(self.content_ids[owners], segments, scores.astype(np.float32))

    def _take_apart(
        self, query: Floats, owner: int, count: int, min_gap: int
    ) -> tuple[Rows, npt.NDArray[np.float64]]:
        """Take up to `count` audible rows of a content with high scores, `min_gap` apart."""
        rows = np.arange(self.offsets[owner], self.offsets[owner + 1])
        rows = rows[~self.silent[rows]]
        scores = self._rescore(query, rows)
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


def _expand(offsets: Rows, places: Rows) -> Rows:
    """List the rows of some contents, ascending."""
    counts = offsets[places + 1] - offsets[places]
    firsts = np.repeat(offsets[places] - np.concatenate([[0], np.cumsum(counts)[:-1]]), counts)
    return firsts + np.arange(counts.sum())
