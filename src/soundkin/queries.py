"""What a person searches with, brought to vectors: files, regions, recordings, samples, sums."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from soundkin.audio import convert_waveform, read_audio
from soundkin.config import SILENCE_DB, SegmentConfig
from soundkin.embedding import Embedder, Embeddings, compute_mean_vector, compute_starts
from soundkin.errors import AudioError, QueryError
from soundkin.far import bring_near, is_url
from soundkin.holdings import Held, Holdings
from soundkin.library import Library
from soundkin.records import Facts, Recording
from soundkin.walking import hash_file

SAME_TIME_S = 1e-5  # times are given out rounded to 1e-6
FEW_SEGMENTS = 3  # of which no share can be told; pieces are cut instead
N_PIECES = 5
PIECE_SHARE = 0.75
MOST_PIECES = 16

Vectors = npt.NDArray[np.float32]


@dataclass(frozen=True)
class Waveform:
    """Samples as a query: floats `(n_samples,)` or `(n_samples, n_channels)`, at a rate in Hz."""

    samples: npt.NDArray[np.floating[Any]]
    sample_rate: int

    def cut(self, start_s: float, end_s: float | None) -> npt.NDArray[np.floating[Any]]:
        """Take the region from `start_s` to `end_s` seconds."""
        stop = None if end_s is None else round(end_s * self.sample_rate)
        return self.samples[round(start_s * self.sample_rate) : stop]


Source = str | os.PathLike[str] | Waveform | Recording | Vectors


@dataclass(frozen=True)
class Sound:
    """One part of a query: a file, a recording in the library, samples or a vector, and its weight.

    A vector, float32 `(n,)`, is a unit vector of the library's own model.

    A negative weight subtracts it. `start_s` and `end_s` take a region of it, in seconds. Where
    `source` is a decoded copy of a file, `digest` is the SHA-256 of that file's bytes.
    """

    source: Source
    weight: float = 1.0
    start_s: float = 0.0
    end_s: float | None = None
    digest: bytes | None = None


Query = Sound | Source | Sequence[Sound]


@dataclass(frozen=True)
class Part:
    """A part of a query: its segments, and the content of the library that it is from, if any.

    `sound` has the path of a file for its source, or samples; `stored` are the facts of the
    recording that it is all of.
    """

    sound: Sound
    embeddings: Embeddings
    content_id: int | None
    embedder: Callable[[], Embedder]
    stored: Facts | None = None

    @cached_property
    def vector(self) -> Vectors:
        """The mean of its audible segments, a unit vector `(n,)`.

        Raises
        ------
        QueryError
            It is silent.
        """
        vector = compute_mean_vector(self.embeddings)
        if vector is None:
            raise QueryError(
                f"{self._name}: it is silent (below {SILENCE_DB:g} dB), nothing to search for"
            )
        return vector

    @cached_property
    def facts(self) -> Facts:
        """Its facts, measured now where they are not known yet.

        Raises
        ------
        AudioError
            They are not known, and its file cannot be read.
        """
        if self.embeddings.facts is not None:
            return self.embeddings.facts
        if self.stored is not None:
            return self.stored
        return self.embedder().measure_waveform(self._read())

    @cached_property
    def pieces(self) -> Vectors:
        """Unit vectors of parts of it, `(n_pieces, n)`: its segments, or overlapping cuts if few.

        Where its file cannot be read, a short sound has no pieces but its segments.
        """
        audible = self.embeddings.vectors[~self.embeddings.silent]
        if isinstance(self.sound.source, np.ndarray):
            return audible
        if len(audible) >= FEW_SEGMENTS:
            chosen = np.linspace(0, len(audible) - 1, min(len(audible), MOST_PIECES)).round()
            return np.asarray(audible[chosen.astype(int)])
        try:
            samples = self._read()
        except AudioError:
            return audible
        length = max(1, round(PIECE_SHARE * len(samples)))
        starts = np.linspace(0, len(samples) - length, N_PIECES).round().astype(int)
        embed = self.embedder().embed_waveform
        found = [embed(samples[s : s + length], self._sample_rate) for s in starts.tolist()]
        vectors = [compute_mean_vector(piece) for piece in found]
        kept = [vector for vector in vectors if vector is not None]
        return np.stack(kept) if kept else audible

    @property
    def _name(self) -> str:
        source = self.sound.source
        if isinstance(source, Waveform | np.ndarray):
            return "the query"
        return os.fspath(_get_path(source))

    @property
    def _sample_rate(self) -> int:
        return self.embedder().model.segments.sample_rate

    def _read(self) -> Vectors:
        source, start_s, end_s = self.sound.source, self.sound.start_s, self.sound.end_s
        assert not isinstance(source, np.ndarray)  # a vector has neither facts nor pieces to read
        if isinstance(source, Waveform):
            cut = source.cut(start_s, end_s)
            return convert_waveform(cut, source.sample_rate, self._sample_rate)
        return read_audio(_get_path(source), self._sample_rate, start_s, end_s)


@dataclass(frozen=True)
class ReadQuery:
    """A query brought to one unit vector, with its parts."""

    vector: Vectors
    parts: tuple[Part, ...]

    @property
    def content_ids(self) -> list[int]:
        """The contents of the library that it was taken from."""
        return [part.content_id for part in self.parts if part.content_id is not None]

    @property
    def main_part(self) -> Part:
        """The part that counts most, the first of such; its facts stand for the query's."""
        return max(self.parts, key=lambda part: part.sound.weight)

    @cached_property
    def pieces(self) -> Vectors:
        """The query anew from one piece of each part after the other, `(n_pieces, n)`."""
        n_pieces = max(len(part.pieces) for part in self.parts)
        weights = [part.sound.weight for part in self.parts]
        kept = []
        for number in range(n_pieces):
            vectors = [part.pieces[number % len(part.pieces)] for part in self.parts]
            try:
                kept.append(_combine(vectors, weights))
            except QueryError:  # these pieces cancel each other out
                continue
        return np.stack(kept) if kept else self.vector[None]


class QueryReader:
    """Brings queries to vectors: from the library where they are in it, else by its model."""

    def __init__(self, library: Library, holdings: Holdings, held: Held) -> None:
        self._library = library
        self._holdings = holdings
        self._held = held

    def read(self, query: Query) -> ReadQuery:
        """Bring a query to one unit vector.

        Raises
        ------
        SoundkinError
            A sound cannot be read, is silent or is not to be found, or all cancel each other out.
        """
        parts = tuple(self._resolve(sound) for sound in _list_sounds(query))
        vectors = [part.vector for part in parts]
        return ReadQuery(_combine(vectors, [part.sound.weight for part in parts]), parts)

    def read_each(self, queries: Iterable[Query]) -> tuple[Vectors, list[int]]:
        """Bring queries to unit vectors `(n_queries, n)`; and the contents that they are from."""
        read = [self.read(query) for query in queries]
        vectors = [one.vector for one in read]
        size = self._held.model.embedding_size
        stacked = np.stack(vectors) if vectors else np.zeros((0, size), np.float32)
        return stacked, [content_id for one in read for content_id in one.content_ids]

    def _embedder(self) -> Embedder:
        return self._holdings.get_embedder(self._library, self._held.model)

    def _resolve(self, sound: Sound) -> Part:
        """Read one part of a query, from the library where it is there already."""
        if isinstance(sound.source, np.ndarray):
            size = self._held.model.embedding_size
            if sound.source.shape != (size,):
                raise QueryError(f"a vector of this library has {size} numbers")
            embeddings = Embeddings(sound.source[None], np.zeros(1, np.float32), 0.0)
            return Part(sound, embeddings, None, self._embedder, Facts())
        if isinstance(sound.source, Waveform):
            samples = sound.source.cut(sound.start_s, sound.end_s)
            embeddings = self._embedder().embed_waveform(samples, sound.source.sample_rate)
            return Part(sound, embeddings, None, self._embedder)
        path, recording = self._locate(sound.source)
        located = Sound(path, sound.weight, sound.start_s, sound.end_s, sound.digest)
        content_id = recording.content_id if recording else None
        if recording is not None and content_id is not None and _may_be_unchanged(recording):
            stored = self._read_stored(recording, sound)
            if stored is not None:
                is_whole = not sound.start_s and sound.end_s is None
                facts = recording.facts if is_whole else None
                return Part(located, stored, content_id, self._embedder, facts)
        embeddings = self._embedder().embed_file(path, sound.start_s, sound.end_s)
        if content_id is None:
            content_id = self._library.find_content(sound.digest or hash_file(bring_near(path)))
        return Part(located, embeddings, content_id, self._embedder)

    def _locate(self, source: str | os.PathLike[str] | Recording) -> tuple[str, Recording | None]:
        """Find the path of a source, and the recording that it is, if it is one."""
        if isinstance(source, Recording):
            return source.path, source
        name = os.fsdecode(source)
        if is_url(name):
            return name, self._library.find_recording(name)
        path = os.path.abspath(os.path.expanduser(name))  # noqa: PTH100, PTH111 (keeps links)
        if Path(path).is_file():
            return path, self._library.find_recording(path)
        recording = self._library.find_recording(name) or self._find_by_ending(name)
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
            raise QueryError(f"{name}: no such file, nor a recording in {self._library.name}")
        if len({recording.content_id for recording in found}) > 1:
            examples = ", ".join(recording.path for recording in found[:3])
            raise QueryError(
                f"{name}: {len(found)} recordings end so ({examples} …); give more of the path"
            )
        return found[0]


def _get_path(source: str | os.PathLike[str] | Recording) -> str | os.PathLike[str]:
    return source.path if isinstance(source, Recording) else source


def _list_sounds(query: Query) -> list[Sound]:
    if isinstance(query, Sound):
        return [query]
    if isinstance(query, str | os.PathLike | Waveform | Recording | np.ndarray):
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


def _combine(vectors: Sequence[Vectors], weights: Sequence[float]) -> Vectors:
    """Add unit vectors by weight, and bring the sum to unit length."""
    total = np.zeros(len(vectors[0]), np.float64)
    for vector, weight in zip(vectors, weights, strict=True):
        total += weight * vector
    norm = float(np.linalg.norm(total))
    if not norm > 1e-6:  # also where a weight is no number
        raise QueryError("the sounds cancel each other out; change the weights")
    return (total / norm).astype(np.float32)
