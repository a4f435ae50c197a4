"""How far random sounds are from one: what a distance must be held against to mean anything."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from soundkin.audio.decoders.decoder import Samples
from soundkin.audio.deformations import draw_noise
from soundkin.embedding.embedder import Embedder
from soundkin.embedding.segments import compute_mean_vector
from soundkin.index.silence import find_silent
from soundkin.index.unit_vectors import average_vectors
from soundkin.library.library import Library
from soundkin.system.files import hash_file

N_SYNTHESISED = 64
MIN_RANDOM, MAX_RANDOM = 20, 1000

Vector = npt.NDArray[np.float32]


@dataclass(frozen=True)
class RandomDistances:
    """Cosine distances, ascending, of a sound from sounds that have nothing to do with it.

    They are recordings of a library, or synthesised where there is none to compare with, for the
    `reason` given.
    """

    distances: npt.NDArray[np.float64]
    reason: str | None = None

    @property
    def median(self) -> float:
        """The distance that half of them have at most."""
        return float(np.median(self.distances))

    @property
    def nearest(self) -> float:
        """The distance that one in twenty of them has at most."""
        return float(np.quantile(self.distances, 0.05))

    def compute_percentile(self, distance: float) -> float:
        """Compute the share of them, 0-100, that is further away."""
        nearer = int(np.searchsorted(self.distances, distance, side="right"))
        return 100.0 * (1 - nearer / len(self.distances))


def measure_random(
    vector: Vector,
    own_path: str,
    embedder: Embedder,
    model_hash: str,
    library: Library | None,
    generator: np.random.Generator,
) -> RandomDistances:
    """Measure how far up to 1000 random recordings of a library are from a sound.

    Where the library cannot be compared with (there is none, another model made it, or fewer than
    20 other recordings are in it) sounds are synthesised, of random pitch, colour and decay.

    Parameters
    ----------
    vector
        The sound's embedding, `(128,)`.
    own_path
        Its file, whose bytes do not count where the library has them.
    embedder, model_hash
        What embedded it.
    """
    if library is None or library.model is None:
        reason = "there is no library yet"
    elif library.model.hash != model_hash:
        reason = "another model made the library"
    else:
        vectors = list(_draw_vectors(library, library.find_bytes(hash_file(own_path)), generator))
        if len(vectors) >= MIN_RANDOM:
            return _measure(vectors, vector, None)
        reason = f"the library has fewer than {MIN_RANDOM} other recordings"
    rate = embedder.model.segments.sample_rate
    made = (_synthesise(rate, generator) for _ in range(N_SYNTHESISED))
    found = (compute_mean_vector(embedder.embed_waveform(waveform, rate)) for waveform in made)
    return _measure([other for other in found if other is not None], vector, reason)


def _measure(others: Sequence[Vector], vector: Vector, reason: str | None) -> RandomDistances:
    return RandomDistances(np.sort(1 - np.array(others, np.float64) @ vector), reason)


def _draw_vectors(
    library: Library, own: int | None, generator: np.random.Generator
) -> Iterator[Vector]:
    """Draw some of a library's contents, and yield the mean vector of each that can be heard."""
    ids = library.list_content_ids()
    ids = ids if own is None else ids[ids != own]
    for content_id in generator.permutation(ids)[:MAX_RANDOM].tolist():
        vectors, levels_db = library.read_vectors(content_id)
        vector = average_vectors(vectors[~find_silent(levels_db)].astype(np.float32))
        if vector is not None:
            yield vector


def _synthesise(sample_rate: int, generator: np.random.Generator) -> Samples:
    """Make a second of sound: partials and noise in any proportion, that decay at any pace."""
    t = np.arange(sample_rate) / sample_rate
    hz = 55 * 2 ** generator.uniform(0, 6)
    numbers = np.arange(1, 1 + min(6, int(0.45 * sample_rate / hz)))[:, None]
    falloff = numbers ** -generator.uniform(0.5, 3)
    tone = (falloff * np.sin(2 * np.pi * hz * numbers * t)).sum(axis=0)
    noise = draw_noise(sample_rate, sample_rate, generator.uniform(-3, 1), generator)
    noisiness = generator.uniform(0, 1) ** 2
    decay = np.exp(-t * 10 ** generator.uniform(-1, 1.5))
    sound = decay * ((1 - noisiness) * tone / tone.std() + noisiness * noise)
    return np.asarray(0.1 * sound, np.float32)
