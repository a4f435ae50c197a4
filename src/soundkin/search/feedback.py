"""What a person likes and dislikes among hits, made into one score."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Self

import numpy as np
import numpy.typing as npt

from soundkin.index.exact import find_owners
from soundkin.index.passage import Passage, Windows, average_windows
from soundkin.index.rerank import keep_apart
from soundkin.index.vector_index import Neighbours, VectorIndex
from soundkin.search.logistic import fit_logistic

N_RANDOM = 200
DISLIKED_SHARE = 0.5
MAX_PROPOSING = 16
MIN_PROPOSED = 200

Vectors = npt.NDArray[np.float32]


@dataclass(frozen=True)
class RelevanceFeedback:
    """What is wanted: along `direction` `(n,)`, near one of `wanted`, far from all `unwanted`.

    The score of a unit vector is the mean of its product with the direction and its cosine
    similarity to the nearest that is wanted, less a quarter of that to the nearest unwanted one,
    where that is alike at all: at most 1, which is what is wanted, as without feedback. The
    direction tells kinds apart, the nearest ones hold where what is wanted is of several
    kinds.
    """

    direction: Vectors
    wanted: Vectors
    unwanted: Vectors

    @classmethod
    def fit(cls, query: Vectors, liked: Vectors, disliked: Vectors, random: Vectors) -> Self:
        """Fit to a query `(n,)`, what was liked and disliked, and sounds drawn at random.

        All are unit vectors; any but the query may be none, `(0, n)`. For the direction, the query
        and what is liked stand against the disliked and the random ones in a logistic regression
        with a unit L2 penalty, both sides weighing the same, as do the disliked and the random.
        """
        wanted = np.vstack([query[None], liked])
        direction = _tell_apart(wanted, disliked, random)
        return cls(query if direction is None else direction, wanted, disliked)

    def score(self, vectors: Vectors) -> Vectors:
        """Score unit vectors `(n_vectors, n)`."""
        scores = vectors @ self.direction + (vectors @ self.wanted.T).max(axis=1)
        if len(self.unwanted):
            unwanted = (vectors @ self.unwanted.T).max(axis=1)
            scores -= DISLIKED_SHARE * np.maximum(unwanted, 0)  # what is unlike it is no better
        return np.asarray(scores / 2, np.float32)

    def search(
        self,
        index: VectorIndex,
        n_contents: int,
        *,
        passage: Passage | None,
        min_gap: int,
        per_content: int,
        **options: Any,
    ) -> tuple[Neighbours, Vectors]:
        """Find what scores best; as `VectorIndex.search`, beside it the scores, 0 to 1.

        The direction, the query and what was liked last propose the nearest of each, which are
        scored; all by windows as long as the query, where that has several segments.
        """
        proposing = [self.direction, self.wanted[0], *self.wanted[1:][-MAX_PROPOSING:]]
        n_proposed = max(n_contents, MIN_PROPOSED)
        options |= {"min_gap": min_gap, "per_content": per_content}
        options["passage"] = passage
        found = [index.search(vector, n_proposed, **options) for vector in proposing]
        ids, segments, counts, skipped = (
            np.concatenate([getattr(neighbours, name) for neighbours in found])
            for name in ("content_ids", "segments", "counts", "skipped")
        )
        rows = index.offsets[np.searchsorted(index.content_ids, ids)] + segments
        rows, kept = np.unique(rows, return_index=True)
        owners = find_owners(index.offsets, rows)
        windows = Windows(rows, counts[kept], skipped[kept], owners, np.zeros(len(rows)))
        if passage is None:
            vectors = index.read(rows)
        else:
            vectors = average_windows(index, passage, windows).astype(np.float32)
            min_gap += len(passage) - 1
        scores = self.score(vectors)
        kept = keep_apart(scores, rows, owners, n_contents, per_content, min_gap)
        windows = windows._replace(scores=np.vecdot(vectors, self.wanted[0]))
        return index.describe(windows.take(kept)), np.clip(scores[kept], 0, 1)


def _tell_apart(wanted: Vectors, disliked: Vectors, random: Vectors) -> Vectors | None:
    """Find the direction that tells what is wanted from the rest; None where nothing does."""
    examples = np.vstack([wanted, disliked, random]).astype(np.float64)
    examples = np.hstack([examples, np.ones((len(examples), 1))])
    is_wanted = np.arange(len(examples)) < len(wanted)
    share = 0.5 if len(disliked) and len(random) else 1.0
    weights = np.concatenate(
        [
            np.full(len(part), weight / max(1, len(part)))
            for part, weight in ((wanted, 1.0), (disliked, share), (random, share))
        ]
    )
    direction = fit_logistic(examples, is_wanted, weights * len(examples) / weights.sum())[:-1]
    norm = float(np.linalg.norm(direction))
    return (direction / norm).astype(np.float32) if norm > 1e-9 else None
