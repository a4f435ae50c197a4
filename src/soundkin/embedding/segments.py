"""A sound's segments: where they start, their levels and vectors, their mean."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from soundkin.audio.decoders.decoder import AudioInfo, Samples
from soundkin.audio_facts import Facts
from soundkin.config import SILENCE_DB, SegmentConfig
from soundkin.index.unit_vectors import average_vectors

MIN_LEVEL_DB = -200.0


@dataclass(frozen=True)
class Embeddings:
    """The segments of one sound.

    `vectors` is float32 `(n_segments, n)` of norm 1, n being the model's embedding size;
    `levels_db` is float32 `(n_segments,)`, each segment's RMS around its mean in dB of full scale;
    `duration_s` is what was decoded, and `warning` says why where that is less than the file
    promised. `facts` are those of all that was embedded.
    """

    vectors: npt.NDArray[np.float32]
    levels_db: npt.NDArray[np.float32]
    duration_s: float
    info: AudioInfo | None = None
    warning: str | None = None
    facts: Facts | None = None

    @property
    def silent(self) -> npt.NDArray[np.bool_]:
        """Which segments hold nothing to hear: silence, or a constant."""
        return self.levels_db < SILENCE_DB


def compute_starts(
    n_segments: int, duration_s: float, config: SegmentConfig, slow: float = 1.0
) -> npt.NDArray[np.float64]:
    """Compute each segment's start in seconds: one every `hop_s`, the last at the sound's end.

    Of a sound that was heard `slow` times slower they are its own seconds, as `duration_s` is.
    """
    starts = config.hop_s / slow * np.arange(n_segments, dtype=np.float64)
    return np.minimum(starts, max(0.0, duration_s - config.segment_s / slow))


def fill_segment(waveform: Samples, length: int) -> Samples:
    """Repeat a sound shorter than a segment until it fills one."""
    return np.resize(waveform, length)


def compute_levels(
    stretch: Samples, length: int, hop: int, n_segments: int
) -> npt.NDArray[np.float32]:
    """Compute each segment's level from blocks that they share; a constant has none."""
    unit = math.gcd(length, hop)
    blocks = stretch[: (n_segments - 1) * hop + length].reshape(-1, unit)
    means = blocks.mean(axis=1)
    rest = blocks - means[:, None]
    powers = np.einsum("ij,ij->i", rest, rest) / unit
    within, between = (
        np.lib.stride_tricks.sliding_window_view(values.astype(np.float64), length // unit)
        for values in (powers, means)
    )
    step = hop // unit
    power = within[::step].mean(axis=1) + between[::step].var(axis=1)
    lowest = 10 ** (MIN_LEVEL_DB / 10)
    levels: npt.NDArray[np.float32] = (10 * np.log10(np.maximum(power, lowest))).astype(np.float32)
    return levels


def compute_mean_vector(embeddings: Embeddings) -> npt.NDArray[np.float32] | None:
    """Average a sound's audible segments to one unit vector `(n,)`; None if all are silent."""
    return average_vectors(embeddings.vectors[~embeddings.silent])
