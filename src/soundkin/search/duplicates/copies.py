"""Copies among contents: proposed by the likeness of their vectors, told by their fingerprints."""

from __future__ import annotations

import math
from collections import OrderedDict
from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import cached_property

import numpy as np
import numpy.typing as npt

from soundkin.index.vector_index import VectorIndex
from soundkin.library.index_sync import project
from soundkin.library.records import Recording
from soundkin.search.duplicates.alignment import Alignment, align
from soundkin.search.duplicates.differences import has_8_bits
from soundkin.search.duplicates.outline import GIST_SIZE, Outline
from soundkin.search.duplicates.waveform_check import WaveformCheck

LIKENESS = 0.8  # of averages or first segments, by which a pair is looked at
ALONE = 0.99  # of segments at the same time, by which a pair is told that has no fingerprints
DURATION_TOLERANCE = 0.05
DURATION_SLACK_S = 0.1
PROFILE_DB = 2.0  # by which the loudest moments of bands differ, on average
EXTENT_RATIO = 1.6  # by which there is more of a sound, in dB over the floor and seconds
APART_DB = 3.0  # between one of each, by which all copies of two sounds are told apart
CHAINED_DB = 2.0  # between the firsts of groups that are joined by a copy of both
KEPT_OUTLINES = 2048
BLOCK_LEADERS = 256
MAX_PAIRS = 2_000_000_000  # beyond, averages are found by an index
MAX_FOUND = 20

Rows = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float32]
ReadPrints = Callable[[Iterable[int]], dict[int, bytes]]


class Copies:
    """Some contents, longest first, and which of them are copies of each other.

    Parameters
    ----------
    index
        Of their vectors.
    recordings
        One recording of each content, by the content's id.
    read
        Reads the fingerprints of some contents; those that have none are told by vectors alone.
    """

    def __init__(
        self, index: VectorIndex, recordings: dict[int, Recording], read: ReadPrints
    ) -> None:
        wanted = np.sort(np.fromiter(recordings, np.int64, len(recordings)))
        places = np.flatnonzero(np.isin(index.content_ids, wanted, assume_unique=True))
        owners = [recordings[c] for c in index.content_ids[places].tolist()]
        order = np.argsort([-one.duration_s for one in owners], kind="stable")
        self._index = index
        self._places = places[order]
        self._recordings: list[Recording] = [owners[place] for place in order.tolist()]
        self._ids: list[int] = index.content_ids[self._places].tolist()
        self._rows = {content_id: row for row, content_id in enumerate(self._ids)}
        self._read = read
        self._waveforms = WaveformCheck()
        self._outlines: OrderedDict[int, Outline | None] = OrderedDict()
        self._gists = np.full((len(self._ids), GIST_SIZE), np.nan, np.float32)
        self._has_gist = np.zeros(len(self._ids), np.bool_)

    @cached_property
    def means(self) -> Floats:
        """The mean of each content's audible segments, unit vectors or zeros `(n_contents, n)`."""
        return self._index.average(self._places)

    @cached_property
    def heads(self) -> Floats:
        """The vector of each content's first segment, where it begins to sound `(n_contents, n)`.

        However long a decay is followed, that is the same; zeros where it is silent.
        """
        rows = self._index.offsets[self._places]
        heads = self._index.read(rows)
        heads[self._index.silent[rows]] = 0
        return heads

    def group(self, likeness: float = LIKENESS) -> list[list[int]]:
        """Group the contents' ids by the sound that they hold, each group's longest first.

        Every content is in one group; `likeness` is the cosine similarity of averages, or of first
        segments, from which a pair is looked at.
        """
        groups = _Groups(len(self._ids))
        for row, others, scores in self._propose(likeness):
            is_apart = groups.find_apart(row, others)
            others, scores = others[is_apart], scores[is_apart]
            is_near = self._compare_gists(row, others)
            for other in others[is_near][np.argsort(-scores[is_near], kind="stable")].tolist():
                if groups.are_settled(row, other):
                    continue
                is_copy, distance_db = self._judge(row, other)
                firsts = groups.find(row), groups.find(other)
                if is_copy and (firsts == (row, other) or self._fit(*firsts, distance_db)):
                    groups.join(row, other)
                elif distance_db > APART_DB:
                    groups.part(row, other)
        return [[self._ids[row] for row in rows] for rows in groups.list()]

    def align(self, one: int, other: int) -> Alignment | None:
        """Lay a content over another, by their ids; None where one has no fingerprint."""
        first, second = self._get(self._rows[one]), self._get(self._rows[other])
        if first is None or second is None:
            return None
        return align(first, second, most_db=math.inf)

    def measure_likeness(self, content_ids: Sequence[int]) -> float:
        """Measure how alike the vectors of some contents are to the first's, at the least."""
        rows = [self._rows[content_id] for content_id in content_ids]
        if len(rows) < 2:
            return 1.0
        return min(1.0, float(self._score(rows[0], np.array(rows[1:])).min()))  # float16 rounds up

    def _fit(self, first: int, second: int, distance_db: float) -> bool:
        """Tell whether the firsts of two groups with a copy in common are near enough.

        Else takes each a bit different from the next, as a drum machine's settings, make a chain.
        """
        return self._judge(first, second)[1] <= CHAINED_DB if distance_db else True

    def _judge(self, row: int, other: int) -> tuple[bool, float]:
        """Tell whether two contents are copies, and how far their spectra differ, if known."""
        first, second = self._get(row), self._get(other)
        if first is None or second is None:
            is_same = self._agree(row, other) and self._compare_segments(row, other) >= ALONE
            return is_same, 0.0
        found = align(first, second)
        if found is None:
            return False, math.inf
        recordings = self._recordings[row], self._recordings[other]
        frame_s = max(first.hop_s, second.hop_s)
        is_copy = found.is_copy and self._waveforms.have_same_waveform(
            *recordings, found, first.loudest_s, frame_s
        )
        return is_copy, found.distance_db

    def _propose(self, likeness: float) -> Iterator[tuple[int, Rows, Floats]]:
        """Yield for each content those behind it whose average is so much alike, and how much."""
        n_pairs = len(self._ids) * (len(self._ids) - 1) // 2
        propose = self._compare_means if n_pairs <= MAX_PAIRS else self._search_means
        for row, others in enumerate(propose(likeness)):
            yield row, others, self._score(row, others)

    def _score(self, row: int, others: Rows) -> Floats:
        """Score how alike the vectors of contents are: their averages, or how they begin."""
        means = self.means[others] @ self.means[row]
        scores: Floats = np.maximum(means, self.heads[others] @ self.heads[row])
        return scores

    def _compare_means(self, likeness: float) -> Iterator[Rows]:
        """Propose by comparing all."""
        for start in range(0, len(self._ids), BLOCK_LEADERS):
            end = start + BLOCK_LEADERS
            found = self.means[start:end] @ self.means[start:].T >= likeness
            found |= self.heads[start:end] @ self.heads[start:].T >= likeness
            for row in range(len(found)):
                yield start + row + 1 + np.flatnonzero(found[row, row + 1 :])

    def _search_means(self, likeness: float) -> Iterator[Rows]:
        """Propose by an index of the averages; where it finds too many, by comparing."""
        rows = np.arange(len(self.means))
        is_silent = np.asarray(~self.means.any(axis=1))
        offsets = np.arange(len(self.means) + 1)
        index = project(VectorIndex(self.means.astype(np.float16), is_silent, rows, offsets))
        for start in range(0, len(rows), BLOCK_LEADERS):
            for row, found in enumerate(
                index.search_many(self.means[start : start + BLOCK_LEADERS], MAX_FOUND), start
            ):
                if len(found.scores) and found.scores[-1] >= likeness:
                    scores = self.means[row + 1 :] @ self.means[row]
                    others = row + 1 + np.flatnonzero(scores >= likeness)
                else:
                    others = np.sort(found.content_ids[found.scores >= likeness])
                yield others[others > row]

    def _compare_gists(self, row: int, others: Rows) -> npt.NDArray[np.bool_]:
        """Tell which of some contents are near enough to be looked at closer, at little cost."""
        if not len(others):
            return np.zeros(0, np.bool_)
        wanted = np.append(others, row)
        self._load_gists(wanted[~self._has_gist[wanted]])
        own, theirs = self._gists[row], self._gists[others]
        is_unknown = np.isnan(theirs).any(axis=1) | np.isnan(own).any()
        profile = np.abs(theirs[:, :-1] - own[:-1]).mean(axis=1)
        extent = np.abs(theirs[:, -1] - own[-1])
        is_near: npt.NDArray[np.bool_] = is_unknown | (
            (profile <= PROFILE_DB) & (extent <= np.log(EXTENT_RATIO))
        )
        return is_near

    def _load_gists(self, rows: Rows) -> None:
        if not len(rows):
            return
        prints = self._read([self._ids[row] for row in rows.tolist()])
        for row in rows.tolist():
            outline = self._parse(row, prints.get(self._ids[row]))
            if outline is not None:
                self._gists[row] = outline.gist
        self._has_gist[rows] = True

    def _get(self, row: int) -> Outline | None:
        """Get a content's outline, kept for a while."""
        if row not in self._outlines:
            data = self._read([self._ids[row]]).get(self._ids[row])
            self._outlines[row] = self._parse(row, data)
            if len(self._outlines) > KEPT_OUTLINES:
                self._outlines.popitem(last=False)
        self._outlines.move_to_end(row)
        return self._outlines[row]

    def _parse(self, row: int, data: bytes | None) -> Outline | None:
        try:
            is_8_bit = has_8_bits(self._recordings[row])
            return None if data is None else Outline.read(data, is_8_bit=is_8_bit)
        except ValueError:  # damaged: as if it had none
            return None

    def _agree(self, row: int, other: int) -> bool:
        """Tell whether two contents' durations are near enough for them to be the same."""
        durations = self._recordings[row].duration_s, self._recordings[other].duration_s
        shorter = min(durations)
        most = shorter + max(shorter * DURATION_TOLERANCE, DURATION_SLACK_S)
        return max(durations) <= most

    def _compare_segments(self, row: int, other: int) -> float:
        """Average the cosine similarity of segments at the same times, where either is audible."""
        offsets = self._index.offsets
        starts = offsets[self._places[[row, other]]]
        count = int((offsets[self._places[[row, other]] + 1] - starts).min())
        parts = [slice(start, start + count) for start in starts.tolist()]
        one, two = (self._index.vectors[part].astype(np.float32) for part in parts)
        is_audible = ~(self._index.silent[parts[0]] & self._index.silent[parts[1]])
        products = np.einsum("td,td->t", one, two)
        return float((products * is_audible).sum() / max(1, int(is_audible.sum())))


class _Groups:
    """Which rows belong together: a forest, each tree's root its least row."""

    def __init__(self, n_rows: int) -> None:
        self._parents = np.arange(n_rows)
        self._apart: dict[int, set[int]] = {}  # roots of trees that are no copies of each other

    def find(self, row: int) -> int:
        while self._parents[row] != row:
            self._parents[row] = self._parents[self._parents[row]]
            row = int(self._parents[row])
        return row

    def find_apart(self, row: int, others: Rows) -> npt.NDArray[np.bool_]:
        """Tell which of some rows are not known to belong to a row."""
        is_apart: npt.NDArray[np.bool_] = self._parents[others] != self.find(row)
        return is_apart

    def are_settled(self, one: int, other: int) -> bool:
        """Tell whether two rows are known to belong together, or not to."""
        first, second = self.find(one), self.find(other)
        return first == second or second in self._apart.get(first, ())

    def part(self, one: int, other: int) -> None:
        """Note that two rows, and all that belongs to either, are no copies of each other."""
        first, second = self.find(one), self.find(other)
        self._apart.setdefault(first, set()).add(second)
        self._apart.setdefault(second, set()).add(first)

    def join(self, one: int, other: int) -> None:
        """Note that two rows belong together."""
        first, second = sorted((self.find(one), self.find(other)))
        self._parents[second] = first
        for third in self._apart.pop(second, ()):
            self._apart[third].discard(second)
            self.part(first, third)

    def list(self) -> Iterator[list[int]]:
        """Yield all groups, rows ascending."""
        members: dict[int, list[int]] = {}
        for row in range(len(self._parents)):
            members.setdefault(self.find(row), []).append(row)
        yield from members.values()
