"""Tags that untagged recordings might have, voted for by their tagged neighbours.

What a vote is worth is asked of the tagged recordings themselves: each is voted on by the others,
its own tags hidden.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from soundkin.index.vector_index import VectorIndex
from soundkin.library.library import Library
from soundkin.library.records import FAVOURITE, Filters, Recording

N_VOTERS = 5
BLOCK = 1024
DOUBT = 1.28  # standard errors that a share is taken lower by: nine times in ten it is no lower
DIGITS = 6  # so that votes of all are equal

Vectors = npt.NDArray[np.float32]
Votes = dict[str, tuple[float, int]]  # tags with their share, and the nearest voter for them


@dataclass(frozen=True)
class Suggestion:
    """A tag that an untagged recording might have.

    `vote` is the share, 0-1, of its nearest tagged recordings with that tag, nearer ones counting
    more; `precision` is how many of the votes at least as clear were right, 0-1, among the
    recordings that have tags, at a cautious estimate; `because` is the nearest with it.
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
        How many of so clear votes, 0-1, must have been right.
    filters
        For which recordings; all tagged ones vote.
    """
    index = library.open_index(check_all=True).index
    voters = _Voters.collect(index, filter(list_tags, library.select_recordings()))
    if len(voters.recordings) < 2:
        return []
    bar = _Bar.measure(voters)
    untagged = [r for r in library.select_recordings(filters) if not list_tags(r)]
    found = []
    for start in range(0, len(untagged), BLOCK):
        part = untagged[start : start + BLOCK]
        kept, vectors = _average(index, part)
        for place, votes in zip(kept, voters.vote(vectors), strict=True):
            for tag, (vote, voter) in votes.items():
                precision = bar.promise(vote)
                if precision >= least_precision:
                    because = voters.recordings[voter]
                    found.append(Suggestion(part[place], tag, vote, precision, because))
    return sorted(found, key=lambda s: (-s.precision, -s.vote, s.recording.path, s.tag))


def list_tags(recording: Recording) -> list[str]:
    """List the tags that say something of a recording's sound."""
    return [tag for tag in recording.tags if tag != FAVOURITE]


@dataclass(frozen=True)
class _Voters:
    """Tagged recordings with their unit vectors `(n_voters, n)`."""

    recordings: tuple[Recording, ...]
    vectors: Vectors

    @classmethod
    def collect(cls, index: VectorIndex, recordings: Iterable[Recording]) -> _Voters:
        """Take one recording of each content."""
        firsts: dict[int | None, Recording] = {}
        for recording in recordings:
            firsts.setdefault(recording.content_id, recording)
        tagged = list(firsts.values())
        kept, vectors = _average(index, tagged)
        return cls(tuple(tagged[place] for place in kept), vectors)

    def vote(self, vectors: Vectors, own: int | None = None) -> list[Votes]:
        """Let the nearest vote on each of some sounds, `(n_sounds, n)`.

        With `own`, these are the voters from that one on, who have no vote on themselves.
        """
        scores = vectors @ self.vectors.T
        n_voters = min(N_VOTERS, len(self.recordings))
        if own is not None:
            rows = np.arange(len(vectors))
            scores[rows, own + rows] = -np.inf
            n_voters = min(N_VOTERS, len(self.recordings) - 1)
        nearest = np.argsort(-scores, axis=1, kind="stable")[:, :n_voters]
        return [
            self._count(voters, np.maximum(scores[row, voters], 0))
            for row, voters in enumerate(nearest)
        ]

    def _count(self, voters: npt.NDArray[np.int64], weights: Vectors) -> Votes:
        total = max(float(weights.sum()), 1e-9)
        votes: Votes = {}
        for voter, weight in zip(voters.tolist(), weights.tolist(), strict=True):
            for tag in list_tags(self.recordings[voter]):
                share, nearest = votes.get(tag, (0.0, voter))
                votes[tag] = share + weight / total, nearest
        return {tag: (round(share, DIGITS), nearest) for tag, (share, nearest) in votes.items()}


@dataclass(frozen=True)
class _Bar:
    """Votes whose outcome is known, ascending, and the precision of each and all above it."""

    votes: npt.NDArray[np.float64]
    precisions: npt.NDArray[np.float64]

    @classmethod
    def measure(cls, voters: _Voters) -> _Bar:
        """Vote on every tagged recording as if it had no tags."""
        outcomes = []
        for start in range(0, len(voters.recordings), BLOCK):
            part = slice(start, start + BLOCK)
            ballots = voters.vote(voters.vectors[part], start)
            for recording, votes in zip(voters.recordings[part], ballots, strict=True):
                known = set(list_tags(recording))
                outcomes += [(vote, tag in known) for tag, (vote, _) in votes.items()]
        outcomes.sort()
        values = np.array([vote for vote, _ in outcomes])
        right = np.array([is_right for _, is_right in outcomes], np.float64)
        n_above = np.arange(len(right), 0, -1)
        return cls(values, _bound_below(right[::-1].cumsum()[::-1] / n_above, n_above))

    def promise(self, vote: float) -> float:
        """Tell how many of the known votes at least so clear were right, 0-1."""
        place = int(np.searchsorted(self.votes, vote))
        return float(self.precisions[place]) if place < len(self.precisions) else 0.0


def _bound_below(
    shares: npt.NDArray[np.float64], counts: npt.NDArray[np.int64]
) -> npt.NDArray[np.float64]:
    """Compute what observed shares are at least, by E. B. Wilson's interval (1927)."""
    z = DOUBT**2 / counts
    spread = np.sqrt(z * shares * (1 - shares) + z**2 / 4)
    bound: npt.NDArray[np.float64] = (shares + z / 2 - spread) / (1 + z)
    return bound


def _average(index: VectorIndex, recordings: Sequence[Recording]) -> tuple[list[int], Vectors]:
    """Average each recording's audible segments to a unit vector; which ones have any."""
    ids = np.array([recording.content_id or 0 for recording in recordings], np.int64)
    known = np.flatnonzero(np.isin(ids, index.content_ids))
    means = index.average(np.searchsorted(index.content_ids, ids[known]))
    is_audible = means.any(axis=1)
    return known[is_audible].tolist(), means[is_audible]


def list_rejected(library: Library) -> set[tuple[int, str]]:
    """List them as (id of a recording, tag)."""
    sql = "SELECT recording_id, tag FROM rejected_tags"
    return {(recording_id, tag) for recording_id, tag in library.connection.fetch(sql)}


def reject_tag(library: Library, recording: Recording, tag: str) -> None:
    """Never want this tag for this recording."""
    library.connection.run(
        "INSERT OR IGNORE INTO rejected_tags (recording_id, tag) VALUES (?, ?)", [recording.id, tag]
    )
