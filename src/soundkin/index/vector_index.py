"""Nearest neighbours among a library's segment vectors: exact, or by random projections.

However they are found, hits are ranked by the same exact scores (`rerank`), and ties come in the
order of the library. What `candidates` describes only proposes which segments to score; where those
are too few, or might leave a hit out, more are asked for, and in the end every segment is scored.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from soundkin.index.candidates import CandidateIndex, VectorArray
from soundkin.index.exact import BLOCK_FLOATS, cut_blocks, find_owners, score_contents
from soundkin.index.float16 import compute_sums, widen
from soundkin.index.kinds import INDEX_KINDS as INDEX_KINDS
from soundkin.index.passage import Passage, Windows
from soundkin.index.passage_search import PassageSearch, scan_each
from soundkin.index.rerank import Reranker, Scored
from soundkin.index.scope import Scope
from soundkin.index.unit_vectors import average_runs

EXACT_ROWS = 50_000  # up to so many segments every one is scored
BATCH_QUERIES = 64
BACKGROUND_ROWS = 1000
FIRST_CANDIDATES = 224
FIRST_OF_SCAN = 1024  # codes around one centroid are coarser
CANDIDATES_PER_CONTENT = 16
STEPS = (1, 4, 32)  # times as many candidates, until they are enough
MARGIN = 1.25  # typical errors between the last candidate's estimate and the last hit's score

Rows = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float32]


class DamagedIndexError(Exception):
    """Vectors read from a file are not those that were written; never shown to a person."""


@dataclass(frozen=True)
class Neighbours:
    """Best first: which content, which of its segments, and the cosine similarity to the query.

    Hits are `counts` segments long, `segments` the first of them; `skipped` is as in
    `soundkin.index.passage.Windows`.
    """

    content_ids: Rows
    segments: Rows
    counts: Rows
    skipped: Rows
    scores: Floats


@dataclass(frozen=True)
class VectorIndex:
    """Every segment of a library, those of one content side by side.

    `vectors` is float16 `(n_segments, n)`, unit vectors, often a file mapped into memory; `sums`
    uint16 `(n_segments,)` tells whether a row of it is whole. `silent` is bool `(n_segments,)`:
    what is never found, be it silent or gone from the library. Content number i, known in the
    library as `content_ids[i]`, ascending, has rows `offsets[i]` to `offsets[i + 1]`. Without
    `candidates` every segment is scored.
    """

    vectors: VectorArray
    silent: npt.NDArray[np.bool_]
    content_ids: npt.NDArray[np.int64]
    offsets: npt.NDArray[np.int64]
    sums: npt.NDArray[np.uint16] | None = None
    candidates: CandidateIndex | None = field(default=None, compare=False)

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
        if self.candidates is None:
            return "exact"
        return "scan" if self.candidates.n_lists == 1 else "lists"

    def search(
        self,
        query: Floats,
        n_contents: int,
        *,
        passage: Passage | None = None,
        per_content: int = 1,
        min_gap: int = 1,
        allowed: npt.NDArray[np.int64] | None = None,
        excluded: Sequence[int] = (),
        exact: bool = False,
    ) -> Neighbours:
        """Find the segments nearest to a query, or the windows nearest to one of several segments.

        Parameters
        ----------
        query
            Unit vector, float32 `(n,)`.
        n_contents
            How many different contents to find, fewer only where no more are allowed.
        passage
            The segments of which the query is the mean; None where it is a single one. Windows are
            looked at in what the mean or a loud segment proposes.
        per_content
            How many segments of one content at most.
        min_gap
            Segments of one content lie at least so many segments apart, windows from the last
            segment of one to the first of the next.
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
        n_contents = min(n_contents, scope.count())
        is_proposed = self.candidates is not None and n_contents > 0 and not exact and not is_few
        if passage is not None and n_contents:
            search = PassageSearch(self, query, passage, n_contents)
            windows = self._find_windows(search, scope) if is_proposed else None
            if windows is None:
                windows = next(scan_each([search], scope.list_places()))
            return self.describe(search.rank(windows, per_content, min_gap))
        found = None
        reranker = Reranker(self, query, n_contents)
        if is_proposed:
            found = self._find_candidates(reranker, scope, STEPS)
        if found is None:
            found = self._scan(reranker, scope.list_places())
        return self.describe(self._as_windows(*reranker.rank(found, per_content, min_gap)))

    def search_many(
        self,
        queries: Floats,
        n_contents: int,
        *,
        passages: Sequence[Passage | None] | None = None,
        exact: bool = False,
        on_progress: Callable[[int, int], None] | None = None,
    ) -> list[Neighbours]:
        """Find the contents nearest to each of many queries `(n_queries, n)`, on all cores.

        `passages` are the segments of those queries that have several, as for `search`.
        """
        found: dict[int, Neighbours] = {}
        n_contents = min(n_contents, len(self.content_ids))
        is_scan = self.candidates is None or exact or not n_contents
        for start in range(0, len(queries), BATCH_QUERIES):
            numbers = range(start, min(start + BATCH_QUERIES, len(queries)))
            laid = {n: p for n in numbers if passages and n_contents and (p := passages[n])}
            single = [number for number in numbers if number not in laid]
            rerankers = [Reranker(self, queries[number], n_contents) for number in single]
            score = self._scan_each if is_scan else self._find_each
            for number, reranker, scored in zip(
                single, rerankers, score(queries[single], rerankers), strict=True
            ):
                found[number] = self.describe(self._as_windows(*reranker.rank(scored, 1, 1)))
            searches = [PassageSearch(self, queries[n], p, n_contents) for n, p in laid.items()]
            for number, search, windows in zip(
                laid, searches, self._lay_each(searches, is_scan), strict=True
            ):
                found[number] = self.describe(search.rank(windows, 1, 1))
            if on_progress:
                on_progress(len(found), len(queries))
        return [found[number] for number in range(len(queries))]

    def compute_background(self, generator: np.random.Generator) -> Floats:
        """Compute the scores that segments of different contents have by chance, ascending.

        What a score means in this library is told by its place among them.
        """
        audible = np.flatnonzero(~self.silent)
        if len(audible) > BACKGROUND_ROWS:
            audible = np.sort(generator.choice(audible, BACKGROUND_ROWS, replace=False))
        owners = find_owners(self.offsets, audible)
        sample = widen(self.vectors[audible])
        upper = np.triu(owners[:, None] != owners[None, :])
        return np.sort((sample @ sample.T)[upper])

    def average(self, places: Rows) -> Floats:
        """Average the audible segments of each of some contents, by their numbers.

        Returns unit vectors float32 `(n_places, n)`, zeros where all segments are silent.

        Raises
        ------
        DamagedIndexError
            A vector that was read is not the one that was written.
        """
        size = self.vectors.shape[1]
        means = np.zeros((len(places), size), np.float32)
        for part, rows, starts in cut_blocks(self.offsets, places, size):
            vectors = self.read(rows)
            vectors[self.silent[rows]] = 0
            means[part] = average_runs(vectors, starts)
        return means

    def read(self, rows: Rows | slice) -> Floats:
        """Read vectors `(n_rows, n)` as float32, and see that they are whole.

        Raises
        ------
        DamagedIndexError
            One of them is not what was written.
        """
        # By a list of rows, `take` is faster than brackets.
        vectors = self.vectors[rows] if isinstance(rows, slice) else self.vectors.take(rows, axis=0)
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

    def _scan_each(self, queries: Floats, rerankers: Sequence[Reranker]) -> Iterator[Scored]:
        """Score every segment for each of some queries."""
        places = np.arange(len(self.content_ids))
        bests = score_contents(self, queries, places)
        for reranker, column in zip(rerankers, bests.T, strict=True):
            yield reranker.choose(column, places)

    def _find_each(self, queries: Floats, rerankers: Sequence[Reranker]) -> Iterator[Scored]:
        """Find for each of some queries the rows that may be among its best."""
        assert self.candidates is not None  # asked only where there are some
        scope = Scope.select(self.content_ids)
        count = self._count_candidates(rerankers[0].n_contents)
        found = self.candidates.find(queries, count)
        for reranker, proposed, estimates in zip(rerankers, *found, strict=True):
            scored = reranker.accept(proposed, estimates, scope, MARGIN)
            scored = scored or self._find_candidates(reranker, scope, STEPS[1:])
            yield scored or self._scan(reranker, scope.list_places())

    def _find_candidates(
        self, reranker: Reranker, scope: Scope, steps: Sequence[int]
    ) -> Scored | None:
        """Have rows proposed, ever more until they are enough; None where they never are."""
        assert self.candidates is not None  # asked only where there are some
        for step in steps:
            count = step * self._count_candidates(reranker.n_contents)
            if count >= len(self.candidates):
                return None
            proposed, estimates = self.candidates.find(reranker.query[None], count, step**0.5)
            margin = -np.inf if step == STEPS[-1] else MARGIN
            scored = reranker.accept(proposed[0], estimates[0], scope, margin)
            if scored is not None:
                return scored
        return None

    def _lay_each(self, searches: list[PassageSearch], is_scan: bool) -> Iterator[Windows]:
        """Find for each of some passages the windows that may be among the best."""
        scope = Scope.select(self.content_ids)
        if is_scan:
            yield from scan_each(searches, scope.list_places())
            return
        for search in searches:
            windows = self._find_windows(search, scope)
            yield windows or next(scan_each([search], scope.list_places()))

    def _find_windows(self, search: PassageSearch, scope: Scope) -> Windows | None:
        """Have windows proposed, ever more until they are enough; None where they never are."""
        assert self.candidates is not None  # asked only where there are some
        for step in STEPS:
            count = step * self._count_candidates(search.n_contents)
            if count >= len(self.candidates):
                return None
            windows = search.propose(self.candidates, scope, count, step**0.5)
            if windows is not None:
                return windows
        return None

    def _scan(self, reranker: Reranker, places: Rows) -> Scored:
        """Score every segment of some contents; the rows that may be among the best."""
        bests = score_contents(self, reranker.query[None], places)[:, 0]
        return reranker.choose(bests, places)

    def _count_rows(self, is_open: npt.NDArray[np.bool_]) -> int:
        return int(np.diff(self.offsets)[is_open].sum())

    def _count_candidates(self, n_contents: int) -> int:
        first = FIRST_CANDIDATES if self.kind == "lists" else FIRST_OF_SCAN
        return max(first, CANDIDATES_PER_CONTENT * n_contents)

    def _as_windows(self, rows: Rows, scores: npt.NDArray[np.float64]) -> Windows:
        """Take single rows for windows."""
        owners = find_owners(self.offsets, rows)
        return Windows(rows, np.ones_like(rows), np.zeros_like(rows), owners, scores)

    def describe(self, found: Windows) -> Neighbours:
        """Say of windows whose they are, and where in them."""
        return Neighbours(
            self.content_ids[found.owners],
            found.rows - self.offsets[found.owners],
            found.counts,
            found.skipped,
            found.scores.astype(np.float32),
        )


def choose_kind(n_segments: int) -> str:
    """Choose the kind of index that answers soonest for so many segments."""
    return "exact" if n_segments <= EXACT_ROWS else "lists"
