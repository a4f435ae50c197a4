"""Neighbours of a query turned into hits: which recording, where in it, and how good."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from soundkin.embedding.segments import locate_in_recording
from soundkin.index.vector_index import Neighbours
from soundkin.library.library import Library
from soundkin.library.records import Filters, Recording
from soundkin.search.duplicates.differences import Difference
from soundkin.search.duplicates.groups import find_copies
from soundkin.search.duplicates.recognition import HeardSound
from soundkin.search.shared_index import LoadedIndex

RECOGNISED_POOL = 50  # first hits, among which the sound itself is looked for
SCORE_DB = 1.0  # by which a score of 1 counts more than one of 0, of several copies of the sound


@dataclass(frozen=True)
class FoldedCopy:
    """A copy that was left out, and what tells it from the hit that stands for it."""

    recording: Recording
    difference: Difference


@dataclass(frozen=True)
class Hit:
    """A place that sounds like the query, as many segments long as that is.

    `score` is the cosine similarity of the two, each the mean of its segments; `percentile` is the
    share, 0-100, of pairs of sounds of the world that are less alike (of this library's own, where
    its model has no reference sounds; see `soundkin.search.reference`). `rank_score` is what it is
    ranked by where that is not the score: where there was feedback, or facts were weighed. `copies`
    are near-copies of it that were left out, where they are folded. With `same_sound` it is the
    very sound that was searched with, whatever its level, its format and what surrounds it.
    """

    rank: int
    recording: Recording
    start_s: float
    duration_s: float
    score: float
    percentile: float
    rank_score: float | None = None
    copies: tuple[FoldedCopy, ...] = ()
    same_sound: bool = False

    @property
    def n_folded(self) -> int:
        """How many near-copies of it were left out."""
        return len(self.copies)


def describe_neighbours(
    library: Library,
    loaded: LoadedIndex,
    neighbours: Neighbours,
    filters: Filters | None,
    rank_scores: npt.NDArray[np.float32] | None = None,
) -> list[Hit]:
    """Make hits of neighbours, best first, one for each file of the same bytes.

    `rank_scores` `(n_neighbours,)` is what they are ranked by, where that is not their score.
    """
    hits: list[Hit] = []
    segments = loaded.model.segments
    columns = (
        neighbours.content_ids,
        neighbours.segments,
        neighbours.segments + neighbours.counts - 1,
        neighbours.scores,
    )
    ranked_by = [None] * len(neighbours.scores) if rank_scores is None else rank_scores.tolist()
    recordings = library.get_recordings(neighbours.content_ids.tolist(), filters)
    for content_id, first, last, score, rank_score in zip(
        *(column.tolist() for column in columns), ranked_by, strict=True
    ):
        for recording in recordings.get(content_id, ()):
            starts, length_s = locate_in_recording(recording, segments)
            hit = Hit(
                rank=len(hits) + 1,
                recording=recording,
                start_s=float(starts[first]),
                duration_s=float(starts[last] - starts[first]) + length_s,
                score=score,
                percentile=loaded.compute_percentile(score),
                rank_score=rank_score,
            )
            hits.append(hit)
    return hits


def bring_forward(library: Library, sound: HeardSound, hits: Iterable[Hit]) -> list[Hit]:
    """Bring those of the first hits to the front that are the very sound, the nearest first."""
    hits = list(hits)
    places: dict[int, tuple[Recording, float]] = {}
    for hit in hits[:RECOGNISED_POOL]:
        places.setdefault(hit.recording.content_id or 0, (hit.recording, hit.start_s))
    distances = sound.recognise(places, library.read_fingerprints(places))

    def measure(hit: Hit) -> float:
        content_id = hit.recording.content_id or 0
        if content_id not in distances or hit.start_s != places[content_id][1]:
            return math.inf
        return distances[content_id] - SCORE_DB * hit.score

    ordered = sorted(hits, key=measure)
    marked = [dataclasses.replace(one, same_sound=measure(one) < math.inf) for one in ordered]
    return renumber(marked, len(marked))


def fold_copies(library: Library, loaded: LoadedIndex, hits: Iterable[Hit]) -> list[Hit]:
    """Leave out hits whose recordings are near-copies of a better hit's, and name them there.

    Hits of one recording stay.
    """
    hits = list(hits)
    found = find_copies(library, loaded.index, (hit.recording for hit in hits))
    folded: dict[int, dict[int, FoldedCopy]] = {}
    for hit in hits:
        leader, difference = found[hit.recording.id]
        if difference is not None:
            copy = FoldedCopy(hit.recording, difference)
            folded.setdefault(leader.id, {})[hit.recording.id] = copy
    return [
        dataclasses.replace(hit, copies=tuple(folded.get(hit.recording.id, {}).values()))
        for hit in hits
        if found[hit.recording.id][1] is None
    ]


def renumber(hits: Iterable[Hit], top_k: int) -> list[Hit]:
    """Keep the first hits, ranked anew."""
    kept = list(hits)[:top_k]
    return [dataclasses.replace(hit, rank=rank) for rank, hit in enumerate(kept, 1)]
