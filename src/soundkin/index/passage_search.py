"""Where in a library a passage is: single segments propose, windows of as many decide."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from soundkin.index.candidates import CandidateIndex
from soundkin.index.exact import NEVER, Segments, expand, find_owners, score_contents
from soundkin.index.passage import Passage, Windows, lay_over
from soundkin.index.rerank import find_firsts, keep_apart
from soundkin.index.scope import Scope

SPARE_CONTENTS = 16  # proposed beyond those that are wanted
SPARE_WINDOWS = 4  # for each that is wanted of one content

Rows = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float32]


@dataclass(frozen=True)
class PassageSearch:
    """Finds a passage whose mean is `query`, a unit vector `(n,)`, in so many contents."""

    segments: Segments
    query: Floats
    passage: Passage
    n_contents: int

    def propose(
        self, candidates: CandidateIndex, scope: Scope, count: int, reach: float
    ) -> Windows | None:
        """Lay the passage over what an index proposes; None where that is too little."""
        rows = candidates.find(self.query[None], count, reach)[0][0]
        rows = rows[rows >= 0]
        rows = rows[~self.segments.silent[rows]]
        if not scope.is_whole:
            rows = rows[scope.holds(find_owners(self.segments.offsets, rows))]
        chosen = self._choose(rows)
        is_enough = len(chosen) == min(self._n_proposed, scope.count())
        return self._lay(chosen) if is_enough else None

    def choose(self, bests: Floats, places: Rows) -> Windows:
        """Lay the passage over some contents by the best score of each, `(n_places,)`."""
        n_proposed = min(self._n_proposed, len(bests))
        chosen = np.argpartition(-bests, n_proposed - 1)[:n_proposed]
        chosen = np.sort(places[chosen[bests[chosen] > NEVER]])
        rows = expand(self.segments.offsets, chosen)
        return self._lay(self._choose(rows[~self.segments.silent[rows]]))

    def rank(self, found: Windows, per_content: int, min_gap: int) -> Windows:
        """Keep the best windows: of so many contents, so many each that do not overlap."""
        ranked = found.take(np.lexsort((found.rows, -found.scores))[: self.n_contents])
        if per_content <= 1 or not len(ranked.rows):
            return ranked
        gap = len(self.passage) - 1 + min_gap
        windows = self._find_more(np.sort(ranked.owners), per_content, gap)
        columns = windows.scores, windows.rows, windows.owners
        return windows.take(keep_apart(*columns, len(ranked.rows), per_content, gap))

    def _find_more(self, places: Rows, per_content: int, gap: int) -> Windows:
        """Lay the passage over contents wherever their segments are likest to it."""
        rows = expand(self.segments.offsets, places)
        rows = rows[~self.segments.silent[rows]]
        owners = find_owners(self.segments.offsets, rows)
        scores = np.vecdot(self.segments.read(rows), self.query)
        n_kept = SPARE_WINDOWS * per_content
        found = self._lay(rows[keep_apart(scores, rows, owners, len(places), n_kept, gap)])
        return found.take(np.unique(found.rows, return_index=True)[1])

    def _choose(self, rows: Rows) -> Rows:
        """Choose the best row of each of the best contents."""
        scores = np.vecdot(self.segments.read(rows), self.query)
        ranked = rows[np.lexsort((rows, -scores))]
        return ranked[find_firsts(self.segments.offsets, ranked, self._n_proposed)]

    def _lay(self, rows: Rows) -> Windows:
        return lay_over(self.segments, self.query, self.passage, rows)

    @property
    def _n_proposed(self) -> int:
        return self.n_contents + SPARE_CONTENTS


def scan_each(searches: Sequence[PassageSearch], places: Rows) -> Iterator[Windows]:
    """Score every segment of some contents for each of some passages, all at once."""
    if not searches:
        return
    queries = np.stack([one.query for one in searches])
    bests = score_contents(searches[0].segments, queries, places)
    for one, column in zip(searches, bests.T, strict=True):
        yield one.choose(column, places)
