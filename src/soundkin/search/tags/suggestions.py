"""Tags that untagged recordings might have, voted for by their tagged neighbours, or none.

What a vote is worth is asked of the tagged recordings themselves and of sounds of the world; see
`precision`.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np

from soundkin.index.vector_index import VectorIndex
from soundkin.library.library import Library
from soundkin.library.records import Filters, Recording
from soundkin.search.reference import Vectors, find_reference
from soundkin.search.tags.precision import TagPrecision
from soundkin.search.tags.votes import Vote, Voters, average_recordings, list_tags

BLOCK = 1024
MOST_UNTAGGED = 4096  # that tagged ones are looked for among


@dataclass(frozen=True)
class Suggestion:
    """A tag that an untagged recording might have.

    `vote` is the share, 0-1, of its nearest tagged recordings with that tag, nearer ones counting
    more; `precision` is how likely it is right, 0-1, among recordings like the library's untagged
    ones, which may be of no tagged kind; `because` is the nearest with it.
    """

    recording: Recording
    tag: str
    vote: float
    precision: float
    because: Recording


def suggest_tags(
    library: Library, *, least_precision: float = 0.8, filters: Filters | None = None
) -> list[Suggestion]:
    """Suggest tags for recordings that have none, the surest first.

    Parameters
    ----------
    least_precision
        How likely each must be right, 0-1.
    filters
        For which recordings; all tagged ones vote.
    """
    index = library.open_index(check_all=True).index
    recordings = list(library.select_recordings())
    untagged = [recording for recording in recordings if not list_tags(recording)]
    drawn = np.random.default_rng(0).permutation(len(untagged))[:MOST_UNTAGGED]
    _, sample = average_recordings(index, [untagged[place] for place in np.sort(drawn)])
    tagged = filter(list_tags, recordings)
    voters = Voters.collect(index, tagged, sample, _take_reference(library))
    if len(voters.recordings) < 2:
        return []
    votes = list(_vote_on(index, untagged, voters))
    if not votes:
        return []
    wanted = {recording.id for recording in library.select_recordings(filters)}
    precisions = TagPrecision.measure(voters, votes).estimate(votes)
    found = [
        Suggestion(
            untagged[vote.sound], vote.tag, vote.share, precision, voters.recordings[vote.voter]
        )
        for vote, precision in zip(votes, precisions.tolist(), strict=True)
        if precision >= least_precision and untagged[vote.sound].id in wanted
    ]
    return sorted(found, key=lambda s: (-s.precision, -s.vote, s.recording.path, s.tag))


def _take_reference(library: Library) -> Vectors:
    model = library.model
    reference = find_reference(model.hash) if model else None
    size = model.embedding_size if model else 0
    return np.zeros((0, size), np.float32) if reference is None else reference.vectors


def _vote_on(index: VectorIndex, untagged: Sequence[Recording], voters: Voters) -> Iterator[Vote]:
    """Vote on recordings; the votes know them by their places."""
    for start in range(0, len(untagged), BLOCK):
        kept, vectors = average_recordings(index, untagged[start : start + BLOCK])
        for vote in voters.vote(vectors):
            yield replace(vote, sound=start + kept[vote.sound])


def list_rejected(library: Library) -> set[tuple[int, str]]:
    """List them as (id of a recording, tag)."""
    sql = "SELECT recording_id, tag FROM rejected_tags"
    return {(recording_id, tag) for recording_id, tag in library.connection.fetch(sql)}


def reject_tag(library: Library, recording: Recording, tag: str) -> None:
    """Never want this tag for this recording."""
    library.connection.run(
        "INSERT OR IGNORE INTO rejected_tags (recording_id, tag) VALUES (?, ?)", [recording.id, tag]
    )
