"""Tagged recordings vote on others: which tags, and by how much evidence."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from soundkin.index.vector_index import VectorIndex
from soundkin.library.records import FAVOURITE, Recording

N_VOTERS = 5
N_OF_TAG = 3
N_REFERENCE = 10
N_COMPANY = 10
SAME = 0.9999  # a sound, or a copy of it
SAME_CODED = 0.999  # where the one was rounded to a byte a number
DIGITS = 6  # so that votes of all are equal
NOBODY = -2.0  # the score of a voter that has no say
N_EVIDENCE = 6  # numbers, of a vote
FAR = -0.2  # hardly any sounds are less alike; the score of those that are not there

Vectors = npt.NDArray[np.float32]
Floats = npt.NDArray[np.float64]
Mask = npt.NDArray[np.bool_]


@dataclass(frozen=True)
class Vote:
    """A tag that the nearest voters have, for sound number `sound` of those voted on.

    `share` of them, 0-1, have it, nearer ones counting more, `voter` the nearest. `nearest` and
    `near` are the sound's score with the nearest recording of the tag and the mean of the nearest
    three, `other` that with the nearest without it, `unrelated` the mean of the nearest ten
    reference sounds. `company` is the share, 0-1, with the tag of the ten nearest of all, tagged or
    not: where a kind has no tag, its sounds are among their own, who have none.
    """

    sound: int
    tag: str
    voter: int
    share: float
    nearest: float
    near: float
    other: float
    unrelated: float
    company: float

    @property
    def evidence(self) -> tuple[float, ...]:
        """What tells whether the tag is right."""
        scores = (self.nearest, self.near, self.other, self.unrelated)
        return self.share, *scores, self.company


@dataclass(frozen=True)
class Voters:
    """Tagged recordings, their unit vectors `(n_voters, n)`, and who has which tag.

    `has_tag` is `(n_voters, n_tags)`; `untagged` are unit vectors of recordings without tags, and
    `reference` of sounds of the world, `(n_sounds, n)`, maybe none.
    """

    recordings: tuple[Recording, ...]
    vectors: Vectors
    tags: tuple[str, ...]
    has_tag: Mask
    untagged: Vectors
    reference: Vectors

    @classmethod
    def collect(
        cls,
        index: VectorIndex,
        recordings: Iterable[Recording],
        untagged: Vectors,
        reference: Vectors,
    ) -> Voters:
        """Take one recording of each content."""
        firsts: dict[int | None, Recording] = {}
        for recording in recordings:
            firsts.setdefault(recording.content_id, recording)
        tagged = list(firsts.values())
        kept, vectors = average_recordings(index, tagged)
        voters = tuple(tagged[place] for place in kept)
        tags = tuple(sorted({tag for recording in voters for tag in list_tags(recording)}))
        has_tag = np.array([[tag in recording.tags for tag in tags] for recording in voters])
        return cls(
            voters, vectors, tags, has_tag.reshape(len(voters), len(tags)), untagged, reference
        )

    def vote(self, vectors: Vectors, shunned: Mask | None = None) -> list[Vote]:
        """Let the nearest vote on each of some sounds, `(n_sounds, n)`.

        `shunned`, `(n_sounds, n_voters)`, are those who are taken to have no tag for a sound; what
        is the same as it has no vote either.
        """
        scores = vectors @ self.vectors.T
        scores[scores > SAME] = NOBODY
        company = self._find_company(vectors, scores)
        if shunned is not None:
            scores[shunned] = NOBODY
        unrelated = self._measure_unrelated(vectors)
        nearest = np.argsort(-scores, axis=1, kind="stable")[:, :N_VOTERS]
        found = []
        for sound, voters in enumerate(nearest):
            having_say = voters[scores[sound, voters] > NOBODY]
            near = company[sound][scores[sound, company[sound]] > NOBODY]
            found += self._count(sound, having_say, near, scores[sound], float(unrelated[sound]))
        return found

    def _find_company(self, vectors: Vectors, scores: Vectors) -> list[npt.NDArray[np.int64]]:
        """Find which voters are among the ten nearest of all recordings, for each sound."""
        others = vectors @ self.untagged.T
        others[others > SAME] = NOBODY
        everyone = np.hstack([scores, others])
        n_near = min(N_COMPANY, everyone.shape[1])
        nearest = np.argpartition(-everyone, n_near - 1, axis=1)[:, :n_near]
        return [row[row < len(self.recordings)] for row in nearest]

    def find_kin(self, part: slice) -> Mask:
        """Tell for some voters which share a tag with them, `(n_some, n_voters)`; they do too."""
        counts = self.has_tag[part].astype(np.float32) @ self.has_tag.T.astype(np.float32)
        return np.asarray(counts > 0)

    def _count(
        self,
        sound: int,
        voters: npt.NDArray[np.int64],
        near: npt.NDArray[np.int64],
        scores: Vectors,
        unrelated: float,
    ) -> list[Vote]:
        weights = np.maximum(scores[voters], 0)
        total = max(float(weights.sum()), 1e-9)
        has_say = scores > NOBODY
        found = []
        for column in np.flatnonzero(self.has_tag[voters].any(axis=0)).tolist():
            has = self.has_tag[:, column]
            own = np.sort(scores[has & has_say])[::-1]
            others = scores[~has & has_say]
            found.append(
                Vote(
                    sound,
                    self.tags[column],
                    int(voters[has[voters]][0]),
                    round(float(weights[has[voters]].sum()) / total, DIGITS),
                    float(own[0]),
                    float(own[:N_OF_TAG].mean()),
                    max(FAR, float(others.max())) if len(others) else FAR,
                    unrelated,
                    float(has[near].sum()) / N_COMPANY,
                )
            )
        return found

    def _measure_unrelated(self, vectors: Vectors) -> Floats:
        """Average the scores of the nearest reference sounds, a sound's own copy left out."""
        n_nearest = min(N_REFERENCE, len(self.reference) - 1)
        if n_nearest < 1:
            return np.zeros(len(vectors))
        scores = vectors @ self.reference.T
        nearest = -np.sort(-np.partition(scores, -n_nearest - 1, axis=1)[:, -n_nearest - 1 :])
        is_same = nearest[:, :1] > SAME_CODED
        chosen = np.where(is_same, nearest[:, 1:], nearest[:, :-1])
        return np.asarray(chosen.mean(axis=1), np.float64)


def list_tags(recording: Recording) -> list[str]:
    """List the tags that say something of a recording's sound."""
    return [tag for tag in recording.tags if tag != FAVOURITE]


def average_recordings(
    index: VectorIndex, recordings: Sequence[Recording]
) -> tuple[list[int], Vectors]:
    """Average each recording's audible segments to a unit vector; which ones have any."""
    ids = np.array([recording.content_id or 0 for recording in recordings], np.int64)
    known = np.flatnonzero(np.isin(ids, index.content_ids))
    means = index.average(np.searchsorted(index.content_ids, ids[known]))
    is_audible = means.any(axis=1)
    return known[is_audible].tolist(), means[is_audible]
