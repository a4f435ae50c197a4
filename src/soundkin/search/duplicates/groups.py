"""Near-duplicate recordings: the same sound at another level, in another format, trimmed a bit."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from soundkin.index.vector_index import VectorIndex
from soundkin.library.library import Library
from soundkin.library.records import Filters, Recording
from soundkin.search.duplicates.copies import LIKENESS, Copies
from soundkin.search.duplicates.differences import Difference, describe_difference, rank_quality


@dataclass(frozen=True)
class DuplicateGroup:
    """Recordings that hold the same sound as the first of them, the best (see `rank_quality`).

    `differences` says of each what tells it from the first; that of the first itself is None.
    `score` is the least cosine similarity of the vectors of one of them to the first's, of averages
    or of first segments, whichever is more; 1 where all have the same bytes.
    """

    recordings: tuple[Recording, ...]
    differences: tuple[Difference | None, ...]
    score: float


def find_duplicates(
    library: Library, *, threshold: float = LIKENESS, filters: Filters | None = None
) -> list[DuplicateGroup]:
    """Group recordings that are copies of one sound, whatever surrounds it there.

    Pairs whose vectors are alike are laid over each other by their fingerprints, which tell a copy
    from another take (`alignment`). What was indexed before there were fingerprints
    is told by vectors alone. Silent recordings are grouped only with files of the same bytes.

    Parameters
    ----------
    threshold
        Cosine similarity of the averages of two recordings' vectors, from which they are looked at.

    Returns
    -------
    Groups of two or more, the surest first.
    """
    members: dict[int, list[Recording]] = {}
    for recording in library.select_recordings(filters):
        assert recording.content_id is not None  # only embedded recordings are selected
        members.setdefault(recording.content_id, []).append(recording)
    firsts = {content_id: group[0] for content_id, group in members.items()}
    index = library.open_index(check_all=True).index
    copies = Copies(index, firsts, library.read_fingerprints)
    groups = []
    for content_ids in copies.group(threshold):
        recordings = [recording for content_id in content_ids for recording in members[content_id]]
        recordings.sort(key=rank_quality)
        if len(recordings) > 1:
            score = copies.measure_likeness(content_ids)
            groups.append(DuplicateGroup(tuple(recordings), _tell(copies, recordings), score))
    return sorted(groups, key=lambda group: (-group.score, group.recordings[0].path))


def find_copies(
    library: Library, index: VectorIndex, recordings: Iterable[Recording]
) -> dict[int, tuple[Recording, Difference | None]]:
    """Find for each of a few recordings the first of them that it is a copy of, or itself.

    Returns
    -------
    By the recordings' ids: that first one, and what tells it from that.
    """
    recordings = list({one.id: one for one in recordings}.values())
    firsts: dict[int, Recording] = {}
    for one in recordings:
        firsts.setdefault(one.content_id or 0, one)
    copies = Copies(index, firsts, library.read_fingerprints)
    groups = {c: number for number, group in enumerate(copies.group()) for c in group}
    leaders: dict[int, Recording] = {}
    found: dict[int, tuple[Recording, Difference | None]] = {}
    for one in recordings:
        leader = leaders.setdefault(groups[one.content_id or 0], one)
        found[one.id] = (leader, _tell(copies, [leader, one])[1] if leader != one else None)
    return found


def _tell(copies: Copies, recordings: list[Recording]) -> tuple[Difference | None, ...]:
    """Say of each recording what tells it from the first."""
    first, *others = recordings
    told: list[Difference | None] = [None]
    for other in others:
        alignment = None
        if first.content_id != other.content_id:
            alignment = copies.align(first.content_id or 0, other.content_id or 0)
        told.append(describe_difference(first, other, alignment))
    return tuple(told)
