"""A sound's segments: where they start, their levels and vectors, their mean."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from soundkin.audio.decoders.decoder import AudioInfo, Samples
from soundkin.audio_facts import Facts
from soundkin.config import SILENCE_DB, SegmentConfig
from soundkin.index.silence import find_silent
from soundkin.index.unit_vectors import average_vectors
from soundkin.library.records import Recording

MIN_LEVEL_DB = -200.0


@dataclass(frozen=True)
class Embeddings:
    """The segments of one sound.

    `vectors` is float32 `(n_segments, n)` of norm 1, n being the model's embedding size;
    `levels_db` is float32 `(n_segments,)`, each segment's RMS around its mean in dB of full scale,
    all raised by as much where they would be silence and yet something is heard for moments;
    `duration_s` is what was decoded, and `warning` says why where that is less than the file
    promised. `facts` are those of all that was embedded. `sound_s` is where the segments begin and
    end in it; None where they cover all of it. `fingerprint` is what its copies are told by, as
    `soundkin.audio.fingerprint` writes it, measured with the facts.
    """

    vectors: npt.NDArray[np.float32]
    levels_db: npt.NDArray[np.float32]
    duration_s: float
    info: AudioInfo | None = None
    warning: str | None = None
    facts: Facts | None = None
    sound_s: tuple[float, float] | None = None
    fingerprint: bytes | None = None

    @property
    def silent(self) -> npt.NDArray[np.bool_]:
        """Which segments hold nothing to hear: silence, a constant, what the loudest drowns."""
        return find_silent(self.levels_db)

    @property
    def weights(self) -> npt.NDArray[np.float32]:
        """What each segment counts in the sound's mean: its energy, 1 for the loudest.

        0 where it holds nothing to hear.
        """
        energies = 10 ** ((self.levels_db.astype(np.float64) - self.levels_db.max()) / 10)
        return np.where(self.silent, 0, energies).astype(np.float32)


def locate_segments(
    n_segments: int,
    duration_s: float,
    config: SegmentConfig,
    sound_s: tuple[float, float] | None = None,
    slow: float = 1.0,
) -> tuple[npt.NDArray[np.float64], float]:
    """Compute where each segment starts and how long one lasts, in seconds.

    They start every `hop_s` from where the sound begins, the last so that it ends with the sound;
    `sound_s` is where it begins and ends, where that is not all of the recording; before 0 where
    what begins at once has silence before its onset. Of a sound that was heard `slow` times slower
    all are its own seconds.
    """
    first_s, end_s = sound_s or (0.0, duration_s)
    length_s = min(config.segment_s / slow, end_s - max(0.0, first_s))
    starts = first_s + config.hop_s / slow * np.arange(n_segments, dtype=np.float64)
    return np.clip(starts, 0.0, end_s - length_s), length_s


def locate_in_recording(
    recording: Recording, config: SegmentConfig
) -> tuple[npt.NDArray[np.float64], float]:
    """Compute where each segment of a recording starts and how long one lasts, in seconds."""
    return locate_segments(
        recording.n_segments, recording.duration_s, config, recording.sound_s, recording.slow
    )


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


def raise_heard(levels_db: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
    """Bring the levels of what is heard, if only for moments, up to where silence ends, if below.

    A soft stroke and the silence behind it have less than -80 dB over a segment, as a floor has.
    """
    loudest = levels_db.max()
    return levels_db if loudest >= SILENCE_DB else levels_db - loudest + np.float32(SILENCE_DB)


def compute_mean_vector(embeddings: Embeddings) -> npt.NDArray[np.float32] | None:
    """Average a sound's audible segments to one unit vector `(n,)`; None if all are silent.

    Each counts by its energy, so that what stands out decides.
    """
    weights = embeddings.weights
    return average_vectors(embeddings.vectors * weights[:, None]) if weights.any() else None
