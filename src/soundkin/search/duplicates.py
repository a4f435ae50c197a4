"""Near-duplicate recordings: the same sound at another level, in another format, trimmed a bit."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import numpy.typing as npt

from soundkin.index.vector_index import VectorIndex
from soundkin.library.index_sync import project
from soundkin.library.library import Library
from soundkin.library.records import Filters, Recording

THRESHOLD = 0.99
DURATION_TOLERANCE = 0.05
DURATION_SLACK_S = 0.1
CANDIDATE_MARGIN = 0.05  # averages of segments may be less alike than the segments are
BLOCK_LEADERS = 256
MAX_PAIRS = 2_000_000_000  # beyond, averages are found by an index
MAX_FOUND = 20
BLOCK_FLOATS = 1 << 24


@dataclass(frozen=True)
class DuplicateGroup:
    """Recordings that hold the same sound as the first of them, the longest.

    `score` is the least cosine similarity of one of them to the first, segment by segment; 1 where
    all have the same bytes.
    """

    recordings: tuple[Recording, ...]
    score: float


def find_duplicates(
    library: Library, *, threshold: float = THRESHOLD, filters: Filters | None = None
) -> list[DuplicateGroup]:
    """Group recordings whose segments, taken in order, are alike, and whose durations agree.

    Durations agree within 5 % or 0.1 s. Silent recordings are grouped only with files of the same
    bytes.

    Parameters
    ----------
    threshold
        Mean cosine similarity of segments at the same time, from which two sounds are the same.

    Returns
    -------
    Groups of two or more, the surest first.
    """
    members: dict[int, list[Recording]] = {}
    for recording in library.select_recordings(filters):
        assert recording.content_id is not None  # only embedded recordings are selected
        members.setdefault(recording.content_id, []).append(recording)
    durations_s = {content_id: group[0].duration_s for content_id, group in members.items()}
    groups = []
    for content_ids, score in _Contents.collect(
        library.open_index(check_all=True).index, durations_s
    ).group(threshold):
        recordings = [recording for content_id in content_ids for recording in members[content_id]]
        if len(recordings) > 1:
            groups.append(DuplicateGroup(tuple(recordings), score))
    return sorted(groups, key=lambda group: (-group.score, group.recordings[0].path))


def find_leaders(
    index: VectorIndex, durations_s: dict[int, float], threshold: float = THRESHOLD
) -> dict[int, int]:
    """Find for each of a few contents the first of them that it is a near-copy of, or itself.

    Parameters
    ----------
    durations_s
        Contents by their ids, in the order in which they come first.
    """
    contents = _Contents.collect(index, durations_s)
    found_ids = index.content_ids[contents.places].tolist()
    rows = {content_id: row for row, content_id in enumerate(found_ids)}
    leaders: dict[int, int] = {}
    leading: list[int] = []
    for content_id in durations_s:
        row = rows[content_id]
        others = np.array([other for other in leading if contents.agree(row, other)], np.int64)
        scores = contents.compare(row, others)
        same = others[scores >= threshold]
        if len(same):
            leaders[content_id] = found_ids[same[0]]
        else:
            leaders[content_id] = content_id
            leading.append(row)
    return leaders


@dataclass(frozen=True)
class _Contents:
    """Contents to compare, longest first, by where their segments lie."""

    index: VectorIndex
    places: npt.NDArray[np.int64]
    durations_s: npt.NDArray[np.float64]

    @classmethod
    def collect(cls, index: VectorIndex, durations_s: dict[int, float]) -> _Contents:
        """Take the contents of these durations out of the index."""
        wanted = np.sort(np.fromiter(durations_s, np.int64, len(durations_s)))
        places = np.flatnonzero(np.isin(index.content_ids, wanted, assume_unique=True))
        seconds = np.array([durations_s[c] for c in index.content_ids[places].tolist()])
        order = np.argsort(-seconds, kind="stable")
        return cls(index, places[order], seconds[order])

    @cached_property
    def means(self) -> npt.NDArray[np.float32]:
        """The mean of each content's audible segments, unit vectors or zeros `(n_contents, n)`."""
        return self.index.average(self.places)

    def group(self, threshold: float) -> Iterator[tuple[list[int], float]]:
        """Yield (content ids, least score) of each content with those that are like it.

        Every content is in one group: that of the longest one that it is like.
        """
        taken = np.zeros(len(self.places), np.bool_)
        shortest = np.minimum(
            self.durations_s / (1 + DURATION_TOLERANCE), self.durations_s - DURATION_SLACK_S
        )
        stops = np.searchsorted(-self.durations_s, -shortest, side="right")
        n_pairs = int((stops - np.arange(len(stops))).sum())
        least = threshold - CANDIDATE_MARGIN
        propose = self._compare_means if n_pairs <= MAX_PAIRS else self._search_means
        for leader, candidates in enumerate(propose(stops, least)):
            if taken[leader]:
                continue
            candidates = candidates[(candidates > leader) & (candidates < stops[leader])]
            candidates = candidates[~taken[candidates]]
            scores = self.compare(leader, candidates)
            same, scores = candidates[scores >= threshold], scores[scores >= threshold]
            taken[same] = True
            ids = self.index.content_ids[self.places[[leader, *same]]].tolist()
            yield ids, float(scores.min(initial=1.0))

    def agree(self, one: int, other: int) -> bool:
        """Tell whether two contents' durations are near enough for them to be the same."""
        shorter, longer = sorted((float(self.durations_s[one]), float(self.durations_s[other])))
        return longer <= max(shorter * (1 + DURATION_TOLERANCE), shorter + DURATION_SLACK_S)

    def _compare_means(
        self, stops: npt.NDArray[np.int64], least: float
    ) -> Iterator[npt.NDArray[np.int64]]:
        """Yield for each content those whose average is as alike as `least`, comparing all."""
        for start in range(0, len(self.places), BLOCK_LEADERS):
            end = min(start + BLOCK_LEADERS, len(self.places))
            likeness = self.means[start:end] @ self.means[start : stops[end - 1]].T
            for row in likeness:
                yield start + np.flatnonzero(row >= least)

    def _search_means(
        self, stops: npt.NDArray[np.int64], least: float
    ) -> Iterator[npt.NDArray[np.int64]]:
        """Yield the same by an index of the averages; where it finds too many, by comparing."""
        rows = np.arange(len(self.means))
        offsets = np.arange(len(self.means) + 1)
        is_silent = np.asarray(~self.means.any(axis=1))
        index = project(VectorIndex(self.means.astype(np.float16), is_silent, rows, offsets))
        for start in range(0, len(self.places), BLOCK_LEADERS):
            for leader, found in enumerate(
                index.search_many(self.means[start : start + BLOCK_LEADERS], MAX_FOUND), start
            ):
                if len(found.scores) and found.scores[-1] >= least:
                    likeness = self.means[: stops[leader]] @ self.means[leader]
                    yield np.flatnonzero(likeness >= least)
                else:
                    yield np.sort(found.content_ids[found.scores >= least])

    def compare(self, leader: int, others: npt.NDArray[np.int64]) -> npt.NDArray[np.float32]:
        """Average the cosine similarity of segments at the same times, where either is audible."""
        index = self.index
        scores = np.zeros(len(others), np.float32)
        first = int(index.offsets[self.places[leader]])
        starts = index.offsets[self.places[others]]
        counts = index.offsets[self.places[others] + 1] - starts
        counts = np.minimum(counts, index.offsets[self.places[leader] + 1] - first)
        for count in np.unique(counts).tolist():
            own = index.vectors[first : first + count].astype(np.float32)
            chosen = np.flatnonzero(counts == count)
            step = max(1, BLOCK_FLOATS // own.size)
            for part in np.split(chosen, range(step, len(chosen), step)):
                rows = starts[part][:, None] + np.arange(count)
                vectors = index.vectors.take(rows.ravel(), axis=0).reshape(*rows.shape, -1)
                products = np.einsum("ctd,td->ct", vectors.astype(np.float32), own)
                audible = ~(index.silent[rows] & index.silent[first : first + count])
                sums = (products * audible).sum(axis=1)
                scores[part] = sums / np.maximum(audible.sum(axis=1), 1)
        return scores
