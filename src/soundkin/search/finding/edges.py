"""Where in the audio an event begins and ends."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from soundkin.audio.mel import compute_log_mel
from soundkin.config import MelConfig

FRAMES_PER_S = 100
FFT_S = 0.032
N_BANDS = 48
F_MIN = 50.0
RANGE_DB = 40.0  # below its loudest 10 ms a sound is heard no more
RISE = 0.25  # of the way from the floor to the loudest, where that is higher
FLOOR_QUANTILE = 0.3
SMOOTHING = 3  # frames
FLOOR_FACTOR = 4.0
BESIDE = 40  # frames before and after an event that tell the floor there
EDGE = 3  # frames next to an event that hold some of it
LEAST_BESIDE = 10
LEAST_POWER = 1e-9
LEAST_EXCESS = 1e-3

Samples = npt.NDArray[np.float32]
Floats = npt.NDArray[np.float64]


def compute_levels_db(waveform: Samples, rate: int) -> Floats:
    """Compute the RMS level of each 10 ms in dB of full scale, `(n_frames,)`."""
    size = rate // FRAMES_PER_S
    n_frames = max(1, len(waveform) // size)
    frames = np.resize(waveform, n_frames * size) if len(waveform) < size else waveform
    power = np.square(frames[: n_frames * size].reshape(n_frames, size), dtype=np.float64)
    return np.asarray(10 * np.log10(power.mean(axis=1) + 1e-14))


def find_active(levels_db: Floats, longest_gap_s: float) -> list[tuple[int, int]]:
    """Find the runs of frames that stand out, joined over gaps up to so long; (first, end) each.

    A frame stands out that is within 40 dB of the loudest, and more than a quarter of the way from
    the floor, which is what three in ten frames are below, to the loudest.
    """
    peak = float(levels_db.max())
    floor = float(np.quantile(levels_db, FLOOR_QUANTILE))
    bound = max(peak - RANGE_DB, floor + RISE * (peak - floor) if peak - floor > 6 else -math.inf)
    active = np.flatnonzero(levels_db >= bound)
    breaks = np.flatnonzero(np.diff(active) > 1 + longest_gap_s * FRAMES_PER_S)
    firsts = active[np.concatenate([[0], breaks + 1])]
    ends = active[np.concatenate([breaks, [len(active) - 1]])] + 1
    return list(zip(firsts.tolist(), ends.tolist(), strict=True))


@dataclass(frozen=True)
class Spectrum:
    """The mean power of a sound in each mel band, `(n_bands,)`."""

    power: Floats

    @classmethod
    def of(cls, waveform: Samples, rate: int) -> Spectrum:
        """Measure it."""
        return cls(compute_mel_power(waveform, rate).mean(axis=1))


def compute_mel_power(waveform: Samples, rate: int) -> Floats:
    """Compute the power in each mel band every 10 ms, `(n_bands, n_frames)`, frames centred."""
    n_fft = round(FFT_S * rate / 2) * 2
    config = MelConfig(n_fft, n_fft, rate // FRAMES_PER_S, N_BANDS, F_MIN, 0.47 * rate)
    padded = np.pad(waveform, (n_fft // 2, n_fft // 2))
    return np.exp(compute_log_mel(padded, config, rate).astype(np.float64))


def estimate_floor(power: Floats, background: Spectrum | None) -> Floats:
    """Estimate what power each band has where nothing stands out, `(n_bands,)`.

    That is what three in ten frames are below; where the background is known and is lower, that.
    """
    own = np.quantile(power, FLOOR_QUANTILE, axis=1)
    level = own if background is None else np.minimum(background.power, FLOOR_FACTOR * own)
    return np.asarray(np.maximum(level, LEAST_POWER), np.float64)


def estimate_floor_beside(power: Floats, first: int, end: int, floor: Floats) -> Floats:
    """Estimate what power each band has beside an event, frames `first` to `end`, `(n_bands,)`.

    Rain swells: its quietest stretches tell nothing about how loud it is here. So that is the mean
    of the frames beside, without those in which something else stands out; `floor`, where the
    recording holds too few.
    """
    before = power[:, max(0, first - BESIDE) : max(0, first - EDGE)]
    beside = np.concatenate([before, power[:, end + EDGE : end + BESIDE]], axis=1)
    if beside.shape[1] < LEAST_BESIDE:
        return floor
    most = FLOOR_FACTOR * np.quantile(beside, FLOOR_QUANTILE, axis=1, keepdims=True)
    level = np.mean(beside, axis=1, where=beside <= most)
    return np.asarray(np.maximum(level, LEAST_POWER), np.float64)


def find_regions(
    power: Floats, floor: Floats, sought: Spectrum, longest_gap_s: float
) -> list[tuple[int, int]]:
    """Find the stretches that stand out in the bands of what is sought, in frames of 10 ms.

    Each band counts by how far the sound that is sought stands out of the floor in it.
    """
    weights = np.sqrt(sought.power / floor)
    excess = np.maximum(power / floor[:, None] - 1, 0)
    envelope = (weights / weights.sum()) @ excess
    smooth = np.convolve(envelope, np.ones(SMOOTHING) / SMOOTHING, mode="same")
    return find_active(10 * np.log10(smooth + LEAST_EXCESS), longest_gap_s)
