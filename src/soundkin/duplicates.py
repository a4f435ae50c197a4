"""Near-duplicate recordings: the same sound at another level, in another format, trimmed a bit."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import chain

import numpy as np
import numpy.typing as npt

from soundkin.embedding import SILENCE_DB
from soundkin.library import Library
from soundkin.records import Filters, Recording

BLOCK_ROWS = 512
DURATION_TOLERANCE = 0.05
DURATION_SLACK_S = 0.1
CANDIDATE_MARGIN = 0.05


@dataclass(frozen=True)
class DuplicateGroup:
    """Recordings that hold the same sound, longest first.

    `score` is the least cosine similarity that joined one of them to another, segment by segment;
    1 where all have the same bytes.
    """

    recordings: tuple[Recording, ...]
    score: float


@dataclass(frozen=True)
class _Summary:
    content_ids: npt.NDArray[np.int64]
    means: npt.NDArray[np.float32]
    durations_s: npt.NDArray[np.float64]


def find_duplicates(
    library: Library, *, threshold: float = 0.99, filters: Filters | None = None
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
    durations = {content_id: group[0].duration_s for content_id, group in members.items()}
    summary = _summarise(library, durations)
    joined = _Joined(members)
    for first, second in _list_candidates(summary, threshold - CANDIDATE_MARGIN):
        score = _compare(library, first, second)
        if score >= threshold:
            joined.join(first, second, score)
    groups = [
        DuplicateGroup(
            tuple(
                sorted(
                    chain.from_iterable(members[content_id] for content_id in ids),
                    key=lambda recording: (-recording.duration_s, recording.path),
                )
            ),
            score,
        )
        for ids, score in joined.list_groups()
    ]
    kept = [group for group in groups if len(group.recordings) > 1]
    return sorted(kept, key=lambda group: (-group.score, group.recordings[0].path))


def _summarise(library: Library, durations: dict[int, float]) -> _Summary:
    """Average each content's audible segments; contents wholly silent are left out."""
    ids, means = [], []
    for content_id, vectors, levels_db in library.read_all_vectors():
        audible = vectors[levels_db >= SILENCE_DB]
        if content_id in durations and len(audible):
            mean = audible.mean(axis=0, dtype=np.float32)
            ids.append(content_id)
            means.append(mean / max(float(np.linalg.norm(mean)), 1e-9))
    order = np.argsort([durations[content_id] for content_id in ids], kind="stable")
    content_ids = np.array(ids, np.int64)[order]
    seconds = np.array([durations[content_id] for content_id in content_ids.tolist()])
    stacked = np.array(means, np.float32).reshape(len(ids), -1)[order]
    return _Summary(content_ids, stacked, seconds)


def _list_candidates(summary: _Summary, threshold: float) -> Iterator[tuple[int, int]]:
    """Yield pairs of contents whose durations agree and whose means are alike.

    Contents are in order of duration, so those that agree with a block lie in one stretch.
    """
    seconds = summary.durations_s
    longest = np.maximum(seconds * (1 + DURATION_TOLERANCE), seconds + DURATION_SLACK_S)
    stops = np.searchsorted(seconds, longest, side="right")
    for start in range(0, len(seconds), BLOCK_ROWS):
        end = min(start + BLOCK_ROWS, len(seconds))
        stop = int(stops[end - 1])
        scores = summary.means[start:end] @ summary.means[start:stop].T
        rows, columns = np.nonzero(scores >= threshold)
        first, second = rows + start, columns + start
        agree = (second > first) & (second < stops[first])
        yield from zip(
            summary.content_ids[first[agree]].tolist(),
            summary.content_ids[second[agree]].tolist(),
            strict=True,
        )


def _compare(library: Library, first: int, second: int) -> float:
    """Average the cosine similarity of two contents' segments at the same times."""
    left, left_db = library.read_vectors(first)
    right, right_db = library.read_vectors(second)
    n_shared = min(len(left), len(right))
    audible = (left_db[:n_shared] >= SILENCE_DB) | (right_db[:n_shared] >= SILENCE_DB)
    if not audible.any():
        return 0.0
    products = left[:n_shared].astype(np.float32) * right[:n_shared].astype(np.float32)
    return float(products.sum(axis=1)[audible].mean())


class _Joined:
    """Contents joined into groups (a union-find forest), with the least score in each."""

    def __init__(self, content_ids: Sequence[int] | dict[int, list[Recording]]) -> None:
        self._parents = {content_id: content_id for content_id in content_ids}
        self._scores = dict.fromkeys(content_ids, 1.0)

    def _find(self, content_id: int) -> int:
        while self._parents[content_id] != content_id:
            self._parents[content_id] = self._parents[self._parents[content_id]]
            content_id = self._parents[content_id]
        return content_id

    def join(self, first: int, second: int, score: float) -> None:
        """Put two contents into one group."""
        left, right = self._find(first), self._find(second)
        self._parents[right] = left
        self._scores[left] = min(self._scores[left], self._scores[right], score)

    def list_groups(self) -> list[tuple[list[int], float]]:
        """List every group with its score."""
        groups: dict[int, list[int]] = {}
        for content_id in self._parents:
            groups.setdefault(self._find(content_id), []).append(content_id)
        return [(ids, self._scores[root]) for root, ids in groups.items()]
