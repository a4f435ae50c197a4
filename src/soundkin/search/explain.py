"""Why a recording was found: how its facts compare, and whether parts of the query find it too."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from soundkin.audio_facts import Comparison, Facts, compare_facts
from soundkin.index.vector_index import Neighbours
from soundkin.library.records import Recording
from soundkin.search.query import EmbeddedQuery, Vectors

STABLE_FROM = 0.5
MAX_NEAR = 100

SearchPieces = Callable[[Vectors, int], list[Neighbours]]


@dataclass(frozen=True)
class Explanation:
    """Why a recording was found.

    `facts` compares the query's with the recording's. `stability` is the share, 0-1, of the
    query's `n_pieces` that rank the recording among their first `n_near`.
    """

    recording: Recording
    facts: tuple[Comparison, ...]
    stability: float
    n_pieces: int
    n_near: int

    @property
    def is_stable(self) -> bool:
        """Whether at least half of the pieces agree."""
        return self.stability >= STABLE_FROM


def explain_recordings(
    query: EmbeddedQuery, recordings: Sequence[Recording], n_contents: int, search: SearchPieces
) -> list[Explanation]:
    """Explain why a query finds some recordings.

    Pieces are the query's segments, or overlapping cuts of a short sound. A recording is near the
    top of a piece's ranking if it is among the first √n of a library's n different sounds (100 at
    most), those that the query was taken from left out.

    Parameters
    ----------
    n_contents
        How many different sounds the library has.
    search
        Finds the nearest contents of each of some unit vectors `(n_pieces, n)`, so many of each.
    """
    n_near = min(MAX_NEAR, math.ceil(math.sqrt(n_contents)))
    own = set(query.content_ids)
    near = []
    for neighbours in search(query.pieces, n_near + len(own)):
        others = [c for c in neighbours.content_ids.tolist() if c not in own]
        near.append({*others[:n_near], *own})
    return [
        Explanation(
            recording,
            compare_facts(query.main_part.facts, recording.facts or Facts()),
            sum(recording.content_id in found for found in near) / len(near),
            len(near),
            n_near,
        )
        for recording in recordings
    ]
