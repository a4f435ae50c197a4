"""What a person searches with, brought to vectors: files, regions, recordings, samples, sums."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import numpy.typing as npt

from soundkin.audio.read import convert_waveform, read_audio
from soundkin.audio_facts import Facts, undo_slowing
from soundkin.config import SILENCE_DB
from soundkin.embedding.embedder import Embedder
from soundkin.embedding.segments import Embeddings, compute_mean_vector
from soundkin.embedding.sound_stream import TAKE_S
from soundkin.errors import AudioError, QueryError, WorkerError
from soundkin.index.passage import Passage
from soundkin.library.records import Recording
from soundkin.search.duplicates.recognition import HeardSound
from soundkin.search.takes import Take

FEW_SEGMENTS = 3  # of which no share can be told; pieces are cut instead
N_PIECES = 5
PIECE_SHARE = 0.75
MAX_PIECES = 16
ROOM_S = 0.35  # around a stroke, by which it is told from the room

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
    `source` is a decoded copy of a file, `digest` is the SHA-256 of that file's bytes. A file that
    the library has not is heard `slow` times slower, as ultrasound; None: as its folder says.

    Of a sound of up to 20 s that the library has not, and of which no region is given, the loudest
    stroke is taken, strokes having half a second of silence or noise between them; with `whole`,
    all of them.
    """

    source: Source
    weight: float = 1.0
    start_s: float = 0.0
    end_s: float | None = None
    digest: bytes | None = None
    slow: float | None = None
    whole: bool = False


Query = Sound | Source | Sequence[Sound]


@dataclass(frozen=True)
class EmbeddedSound:
    """A part of a query: its segments, and the content of the library that it is from, if any.

    `sound` has the path of a file for its source, or samples; `stored` are the facts of the
    recording that it is all of; `take` is what was heard in it, where something was chosen.
    """

    sound: Sound
    embeddings: Embeddings
    content_id: int | None
    embedder: Callable[[], Embedder]
    stored: Facts | None = None
    take: Take | None = None

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
                f"{self.name}: it is silent (below {SILENCE_DB:g} dB, as far as the model hears),"
                " nothing to search for"
            )
        return vector

    @cached_property
    def passage(self) -> Passage | None:
        """Its segments, each as it counts in their mean; None where one alone is heard.

        It must not be silent.
        """
        passage = Passage.cut(self.embeddings.weights)
        return passage if len(passage) > 1 else None

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
        samples, slow = self.read_waveform(), self._slow
        duration_s = len(samples) / self._sample_rate / slow
        return undo_slowing(self.embedder().measure_waveform(samples), slow, duration_s)

    @cached_property
    def pieces(self) -> Vectors:
        """Unit vectors of parts of it, `(n_pieces, n)`: its segments, or overlapping cuts if few.

        Where its file cannot be read, a short sound has no pieces but its segments.
        """
        audible = self.embeddings.vectors[~self.embeddings.silent]
        if isinstance(self.sound.source, np.ndarray):
            return audible
        if len(audible) >= FEW_SEGMENTS:
            chosen = np.linspace(0, len(audible) - 1, min(len(audible), MAX_PIECES)).round()
            return np.asarray(audible[chosen.astype(int)])
        try:
            samples = self.read_waveform()
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
    def name(self) -> str:
        """What messages call it."""
        source = self.sound.source
        if isinstance(source, Waveform | np.ndarray):
            return "the query"
        return os.fspath(get_path(source))

    @property
    def _sample_rate(self) -> int:
        return self.embedder().model.segments.sample_rate

    @property
    def _slow(self) -> float:
        return self.sound.slow or 1.0

    def hear(self) -> HeardSound | None:
        """Prepare it to be recognised in recordings.

        None of what is not wanted, is from the library itself, is long, or cannot be read.
        """
        sound = self.sound
        if (
            sound.weight <= 0
            or self.content_id is not None
            or isinstance(sound.source, np.ndarray)
            or self.embeddings.duration_s > TAKE_S
        ):
            return None
        is_chosen = self.take is not None and sound.end_s is not None
        try:
            waveform = self.read_waveform(ROOM_S if is_chosen else 0.0)
        except (AudioError, WorkerError):
            return None
        start_s, end_s = 0.0, len(waveform) / self._sample_rate
        if is_chosen and sound.end_s is not None:
            start_s = min(ROOM_S, sound.start_s) * self._slow
            end_s = start_s + (sound.end_s - sound.start_s) * self._slow
        return HeardSound(waveform, self._sample_rate, (start_s, end_s))

    def read_waveform(self, beside_s: float = 0.0) -> Vectors:
        """Read its samples at the model's rate, as it is heard, `(n_samples,)`; a vector has none.

        Of a region also what lies up to `beside_s` seconds before and behind it.

        Raises
        ------
        AudioError
            Its file cannot be read.
        """
        source, end_s = self.sound.source, self.sound.end_s
        start_s = max(0.0, self.sound.start_s - beside_s)
        end_s = None if end_s is None else end_s + beside_s
        assert not isinstance(source, np.ndarray)  # a vector has neither facts nor pieces to read
        if isinstance(source, Waveform):
            cut = source.cut(start_s, end_s)
            return convert_waveform(cut, source.sample_rate, self._sample_rate)
        return read_audio(get_path(source), round(self._slow * self._sample_rate), start_s, end_s)


@dataclass(frozen=True)
class EmbeddedQuery:
    """A query brought to one unit vector, with its parts."""

    vector: Vectors
    parts: tuple[EmbeddedSound, ...]

    @cached_property
    def heard(self) -> HeardSound | None:
        """What is to be recognised in recordings; None where sounds are added up."""
        return self.parts[0].hear() if len(self.parts) == 1 else None

    @property
    def content_ids(self) -> list[int]:
        """The contents of the library that it was taken from."""
        return [part.content_id for part in self.parts if part.content_id is not None]

    @property
    def main_part(self) -> EmbeddedSound:
        """The part that counts most, the first of such; its facts stand for the query's."""
        return max(self.parts, key=lambda part: part.sound.weight)

    @property
    def passage(self) -> Passage | None:
        """The segments that it is laid over recordings by: those of the part that counts most."""
        return self.main_part.passage

    @cached_property
    def pieces(self) -> Vectors:
        """The query anew from one piece of each part after the other, `(n_pieces, n)`."""
        n_pieces = max(len(part.pieces) for part in self.parts)
        weights = [part.sound.weight for part in self.parts]
        kept = []
        for number in range(n_pieces):
            vectors = [part.pieces[number % len(part.pieces)] for part in self.parts]
            try:
                kept.append(combine_vectors(vectors, weights))
            except QueryError:  # these pieces cancel each other out
                continue
        return np.stack(kept) if kept else self.vector[None]


def get_path(source: str | os.PathLike[str] | Recording) -> str | os.PathLike[str]:
    return source.path if isinstance(source, Recording) else source


def combine_vectors(vectors: Sequence[Vectors], weights: Sequence[float]) -> Vectors:
    """Add unit vectors by weight, and bring the sum to unit length."""
    total = np.zeros(len(vectors[0]), np.float64)
    for vector, weight in zip(vectors, weights, strict=True):
        total += weight * vector
    norm = float(np.linalg.norm(total))
    if not norm > 1e-6:  # also where a weight is no number
        raise QueryError("the sounds cancel each other out; change the weights")
    return (total / norm).astype(np.float32)
