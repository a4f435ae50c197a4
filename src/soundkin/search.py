"""Query by example: sounds, added and subtracted, in; the places that sound alike out."""

from __future__ import annotations

import math
import os
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
import numpy.typing as npt

from soundkin.config import SILENCE_DB, SegmentConfig
from soundkin.embedding import (
    Embedder,
    Embeddings,
    compute_mean_vector,
    compute_starts,
)
from soundkin.errors import QueryError
from soundkin.holdings import Holdings
from soundkin.library import Library
from soundkin.records import Filters, Recording
from soundkin.upkeep import OnProgress
from soundkin.vectors import DamagedIndexError, Neighbours, VectorIndex
from soundkin.walking import hash_file

SAME_TIME_S = 1e-5  # times are given out rounded to 1e-6


@dataclass(frozen=True)
class Waveform:
    """Samples as a query: floats `(n_samples,)` or `(n_samples, n_channels)`, at a rate in Hz."""

    samples: npt.NDArray[np.floating[Any]]
    sample_rate: int

    def cut(self, start_s: float, end_s: float | None) -> npt.NDArray[np.floating[Any]]:
        """Take the region from `start_s` to `end_s` seconds."""
        stop = None if end_s is None else round(end_s * self.sample_rate)
        return self.samples[round(start_s * self.sample_rate) : stop]


Source = str | os.PathLike[str] | Waveform | Recording


@dataclass(frozen=True)
class Sound:
    """One part of a query: a file, a recording in the library or samples, and its weight.

    A negative weight subtracts it. `start_s` and `end_s` take a region of it, in seconds. Where
    `source` is a decoded copy of a file, `digest` is the SHA-256 of that file's bytes.
    """

    source: Source
    weight: float = 1.0
    start_s: float = 0.0
    end_s: float | None = None
    digest: bytes | None = None


Query = Sound | Source | Sequence[Sound]
Answer = TypeVar("Answer")


@dataclass(frozen=True)
class Hit:
    """A place that sounds like the query.

    `score` is the cosine similarity; `percentile` is the share, 0-100, of pairs of sounds in this
    library that are less alike.
    """

    rank: int
    recording: Recording
    start_s: float
    duration_s: float
    score: float
    percentile: float


@dataclass(frozen=True)
class _Part:
    """A part of a query brought to its vector; `content_id` where the library has those bytes."""

    vector: npt.NDArray[np.float32]
    content_id: int | None


class Searcher:
    """Answers queries over one library; holds its vectors, and its model once one is needed."""

    def __init__(
        self,
        library: Library,
        on_progress: OnProgress | None = None,
        *,
        holdings: Holdings | None = None,
    ) -> None:
        """Prepare to search; `on_progress` hears of the index, where it must be built first.

        `holdings` are shared by the searchers of several threads, each with a `Library` of its own.

        Raises
        ------
        LibraryError
            Nothing is indexed in it.
        """
        self._library = library
        self._holdings = holdings or Holdings(on_progress)
        self._held = self._holdings.take(library)

    def search(
        self,
        query: Query,
        top_k: int = 10,
        *,
        per_recording: int = 1,
        exclude_self: bool = False,
        filters: Filters | None = None,
        exact: bool = False,
    ) -> list[Hit]:
        """Find the places that sound most like a query, best first.

        Parameters
        ----------
        query
            A file, a recording of the library by path or the end of it, samples, or several
            `Sound` with weights.
        top_k
            How many hits.
        per_recording
            How many hits of one recording at most; they do not overlap.
        exclude_self
            Leave out the recordings that the query was taken from, and files of the same bytes.
        filters
            Which recordings count.
        exact
            Score every segment, even where the index need not.

        Raises
        ------
        SoundkinError
            A sound cannot be read, is silent or is not to be found, or no recording passes.
        """
        if top_k < 1 or per_recording < 1:
            raise QueryError("top_k and per_recording must be at least 1")
        self._held = self._holdings.take(self._library)
        vector, own = self._read_query(query)
        segments = self._held.model.segments
        options: dict[str, Any] = {
            "per_content": per_recording,
            "min_gap": math.ceil(segments.segment_length / segments.segment_hop),
            "allowed": self._select_allowed(filters),
            "excluded": own if exclude_self else [],
            "exact": exact,
        }
        neighbours = self._ask(lambda index: index.search(vector, top_k, **options))
        return self._describe(neighbours, filters)[:top_k]

    def search_many(
        self,
        queries: Iterable[Query],
        top_k: int = 10,
        *,
        exact: bool = False,
        on_progress: Callable[[int, int], None] | None = None,
    ) -> list[list[Hit]]:
        """Search for many things at once, on all cores; the hits of each, as `search` gives them.

        Parameters
        ----------
        queries
            Each as for `search`.
        on_progress
            Called with how many queries are done, and how many there are.

        Raises
        ------
        SoundkinError
            As from `search`; nothing is searched for where one query is wrong.
        """
        if top_k < 1:
            raise QueryError("top_k must be at least 1")
        self._held = self._holdings.take(self._library)
        vectors = [self._read_query(query)[0] for query in queries]
        if not vectors:
            return []
        found = self._ask(
            lambda index: index.search_many(
                np.stack(vectors), top_k, exact=exact, on_progress=on_progress
            )
        )
        return [self._describe(neighbours, None)[:top_k] for neighbours in found]

    def _read_query(self, query: Query) -> tuple[npt.NDArray[np.float32], list[int]]:
        """Bring a query to one unit vector; and the contents that it was taken from."""
        sounds = _list_sounds(query)
        parts = [self._resolve(sound) for sound in sounds]
        vector = _combine(parts, [sound.weight for sound in sounds])
        return vector, [part.content_id for part in parts if part.content_id is not None]

    def _ask(self, question: Callable[[VectorIndex], Answer]) -> Answer:
        """Ask the index; one that turns out to be damaged is built anew first."""
        try:
            return question(self._held.index)
        except DamagedIndexError:
            self._held = self._holdings.renew(self._library, damaged=True)
            return question(self._held.index)

    @property
    def _embedder(self) -> Embedder:
        return self._holdings.get_embedder(self._library, self._held.model)

    def _resolve(self, sound: Sound) -> _Part:
        """Bring one part of a query to its vector, from the library where it is there already."""
        if isinstance(sound.source, Waveform):
            samples = sound.source.cut(sound.start_s, sound.end_s)
            embeddings = self._embedder.embed_waveform(samples, sound.source.sample_rate)
            return _Part(_average(embeddings, "the query"), None)
        path, recording = self._locate(sound.source)
        content_id = recording.content_id if recording else None
        if recording is not None and content_id is not None and _may_be_unchanged(recording):
            stored = self._read_stored(recording, sound)
            if stored is not None:
                return _Part(_average(stored, path), content_id)
        embeddings = self._embedder.embed_file(path, sound.start_s, sound.end_s)
        if content_id is None:
            content_id = self._library.find_content(sound.digest or hash_file(path))
        return _Part(_average(embeddings, path), content_id)

    def _locate(self, source: str | os.PathLike[str] | Recording) -> tuple[str, Recording | None]:
        """Find the path of a source, and the recording that it is, if it is one."""
        if isinstance(source, Recording):
            return source.path, source
        name = os.fsdecode(source)
        path = os.path.abspath(os.path.expanduser(name))  # noqa: PTH100, PTH111 (keeps links)
        if Path(path).is_file():
            return path, self._library.find_recording(path)
        recording = self._find_by_ending(name)
        return recording.path, recording

    def _read_stored(self, recording: Recording, sound: Sound) -> Embeddings | None:
        """Read what the library has of a recording, or of a region that is one of its segments."""
        segment: int | None = None
        if sound.start_s or sound.end_s is not None:
            segment = _find_segment(recording, self._held.model.segments, sound)
            if segment is None:
                return None
        assert recording.content_id is not None  # only embedded recordings come here
        vectors, levels_db = self._library.read_vectors(recording.content_id)
        part = slice(segment, None if segment is None else segment + 1)
        return Embeddings(
            vectors[part].astype(np.float32),
            levels_db[part].astype(np.float32),
            recording.duration_s,
        )

    def _find_by_ending(self, name: str) -> Recording:
        found = self._library.find_by_ending(name)
        if not found:
            raise QueryError(f"{name}: no such file, nor a recording in {self._library.path}")
        if len({recording.content_id for recording in found}) > 1:
            examples = ", ".join(recording.path for recording in found[:3])
            raise QueryError(
                f"{name}: {len(found)} recordings end so ({examples} …); give more of the path"
            )
        return found[0]

    def _select_allowed(self, filters: Filters | None) -> npt.NDArray[np.int64] | None:
        if not filters:
            return None
        ids = self._library.select_content_ids(filters)
        if not len(ids):
            raise QueryError("no recording passes the filters")
        return ids

    def _describe(self, neighbours: Neighbours, filters: Filters | None) -> list[Hit]:
        hits: list[Hit] = []
        segments = self._held.model.segments
        columns = (neighbours.content_ids, neighbours.segments, neighbours.scores)
        recordings = self._library.get_recordings(neighbours.content_ids.tolist(), filters)
        for content_id, segment, score in zip(*(c.tolist() for c in columns), strict=True):
            for recording in recordings.get(content_id, ()):
                starts = compute_starts(recording.n_segments, recording.duration_s, segments)
                hit = Hit(
                    rank=len(hits) + 1,
                    recording=recording,
                    start_s=float(starts[segment]),
                    duration_s=min(segments.segment_s, recording.duration_s),
                    score=score,
                    percentile=self._held.compute_percentile(score),
                )
                hits.append(hit)
        return hits


def _list_sounds(query: Query) -> list[Sound]:
    if isinstance(query, Sound):
        return [query]
    if isinstance(query, str | os.PathLike | Waveform | Recording):
        return [Sound(query)]
    if not query:
        raise QueryError("a query needs at least one sound")
    return list(query)


def _may_be_unchanged(recording: Recording) -> bool:
    """Tell whether a recording's file, if it is there, is still the one that was embedded."""
    path = Path(recording.path)
    if not path.is_file():
        return True
    status = path.stat()
    return (status.st_size, status.st_mtime_ns) == (recording.size, recording.mtime_ns)


def _find_segment(recording: Recording, segments: SegmentConfig, sound: Sound) -> int | None:
    """Tell which segment of a recording a region is, if it is one."""
    end_s = min(sound.end_s or recording.duration_s, recording.duration_s)
    length_s = min(segments.segment_s, recording.duration_s)
    if abs(end_s - sound.start_s - length_s) > SAME_TIME_S:
        return None
    starts = compute_starts(recording.n_segments, recording.duration_s, segments)
    nearest = int(np.abs(starts - sound.start_s).argmin())
    return nearest if abs(starts[nearest] - sound.start_s) <= SAME_TIME_S else None


def _average(embeddings: Embeddings, name: str) -> npt.NDArray[np.float32]:
    vector = compute_mean_vector(embeddings)
    if vector is None:
        raise QueryError(f"{name}: it is silent (below {SILENCE_DB:g} dB), nothing to search for")
    return vector


def _combine(parts: Sequence[_Part], weights: Sequence[float]) -> npt.NDArray[np.float32]:
    """Add the parts' unit vectors by weight, and bring the sum to unit length."""
    total = np.zeros(len(parts[0].vector), np.float64)
    for part, weight in zip(parts, weights, strict=True):
        total += weight * part.vector
    norm = float(np.linalg.norm(total))
    if not norm > 1e-6:  # also where a weight is no number
        raise QueryError("the sounds cancel each other out; change the weights")
    return (total / norm).astype(np.float32)
