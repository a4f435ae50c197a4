"""Loudness by ITU-R BS.1770-4, from spectra that are there anyway.

The K-weighting's high-pass filters the sound averaged down to some 650 Hz; its shelf is applied to
the energy above that through each frame's mel bands, which it crosses smoothly. Filtering all
samples would cost more than all other facts together.
"""

from __future__ import annotations

import math
from functools import lru_cache

import numpy as np
import numpy.typing as npt

BLOCK_STEPS = 4  # a gating block of 400 ms, one every 100 ms
STEP_S = 0.1
LOW_RATE = 650  # about
FFT_MULTIPLE = 512
LOW_CUT_S = 0.1  # after which its response has died away
OFFSET_DB = -0.691
ABSOLUTE_GATE = -70.0
RELATIVE_GATE = -10.0
# The analogue prototypes behind the standard's coefficients at 48 kHz: a shelf and a high-pass.
SHELF_HZ, SHELF_Q, SHELF_DB = 1681.974, 0.7071752, 3.999844
LOW_CUT_HZ, LOW_CUT_Q = 38.13547, 0.5003270

Floats = npt.NDArray[np.float64]
Points = npt.NDArray[np.float32]


def compute_shelf_gain(hz: npt.ArrayLike) -> Floats:
    """Compute the power gain of the K-weighting's first stage: 1 for lows, +4 dB for highs."""
    s = 1j * np.asarray(hz, np.float64) / SHELF_HZ
    top = 10 ** (SHELF_DB / 20)
    middle = top**0.4996667741545416
    response = (top * s**2 + middle / SHELF_Q * s + 1) / (s**2 + s / SHELF_Q + 1)
    gain: Floats = np.square(np.abs(response))
    return gain


@lru_cache(maxsize=8)
def compute_low_cut(sample_rate: float) -> Points:
    """Compute the impulse response of the K-weighting's second stage, a high-pass at 38 Hz."""
    k = math.tan(math.pi * LOW_CUT_HZ / sample_rate)
    scale = 1 + k / LOW_CUT_Q + k * k
    a1, a2 = 2 * (k * k - 1) / scale, (1 - k / LOW_CUT_Q + k * k) / scale
    response = [0.0, 0.0]
    for force in [1.0, -2.0, 1.0, *[0.0] * (round(LOW_CUT_S * sample_rate) - 3)]:
        response.append(force / scale - a1 * response[-1] - a2 * response[-2])
    return np.array(response[2:], np.float32)


class LoudnessMeter:
    """Gathers what loudness needs from the frames of a sound, in bounded memory.

    Parameters
    ----------
    band_hz
        Centres of the mel bands.
    frame_length
        Samples from one frame's start to the next one's.
    sample_rate
        In Hz.
    """

    def __init__(self, band_hz: tuple[float, ...], frame_length: int, sample_rate: int) -> None:
        n_points, self._weights = _weigh_bands(band_hz, frame_length, sample_rate)
        self._n_points = n_points
        n_averaged = frame_length // n_points
        self._average = np.full(n_averaged, 1 / n_averaged, np.float32)
        self._low_cut = compute_low_cut(sample_rate / n_averaged)
        self._step = max(1, round(STEP_S * sample_rate / frame_length))
        self._before: Points | None = None  # the last low-rate points
        self._power: list[Points] = []  # weighted, of each frame

    def add(self, frames: npt.NDArray[np.float32], bands: npt.NDArray[np.float32]) -> None:
        """Take frames `(n_frames, frame_length)`, and their power in bands `(n_mels, n_frames)`."""
        energy = np.vecdot(frames, frames) / frames.shape[1]
        points = frames.reshape(-1, frames.shape[1] // self._n_points) @ self._average
        points = points.reshape(len(frames), self._n_points)
        high, weighted = self._weights @ bands
        high_power = (energy - np.square(points).mean(axis=1)) * weighted / np.maximum(high, 1e-12)
        low = self._cut_low(points.ravel()).reshape(points.shape)
        self._power.append(np.maximum(high_power, 0) + np.square(low).mean(axis=1))

    def measure(self, share: float = 1.0) -> float | None:
        """Compute the integrated loudness in LUFS; None for silence.

        A sound shorter than a gating block is one block; `share` of its frames is filled by it.
        """
        if not self._power:
            return None
        power: npt.NDArray[np.floating] = np.concatenate(self._power)
        length = BLOCK_STEPS * self._step
        if len(power) < length:
            power = power.mean(keepdims=True) / share
        else:
            sums = np.concatenate([[0.0], np.cumsum(power, dtype=np.float64)])
            power = (sums[length:] - sums[:-length])[:: self._step] / length
        power = power[_compute_level(power) >= ABSOLUTE_GATE]
        if not len(power):
            return None
        gate = _compute_level(power.mean()) + RELATIVE_GATE
        return float(_compute_level(power[_compute_level(power) >= gate].mean()))

    def _cut_low(self, points: Points) -> Points:
        """Filter low-rate points; the first is held before the sound, so that DC is silent."""
        n_before = len(self._low_cut) - 1
        if self._before is None:
            self._before = np.full(n_before, points[0], np.float32)
        joined = np.concatenate([self._before, points])
        self._before = joined[-n_before:]
        n = -(-len(joined) // FFT_MULTIPLE) * FFT_MULTIPLE
        spectrum = np.fft.rfft(joined, n) * np.fft.rfft(self._low_cut, n)
        return np.fft.irfft(spectrum, n)[n_before : len(joined)].astype(np.float32, copy=False)


@lru_cache(maxsize=8)
def _weigh_bands(
    band_hz: tuple[float, ...], frame_length: int, sample_rate: int
) -> tuple[int, Points]:
    """Choose how many points a frame is averaged to; what of each band is above, and its gain."""
    wanted = max(1, round(frame_length * LOW_RATE / sample_rate))
    n_points = next(n for n in range(wanted, 0, -1) if frame_length % n == 0)
    hz = np.array(band_hz)
    is_high = 1 - np.square(np.sinc(hz * frame_length / n_points / sample_rate))
    return n_points, np.array([is_high, is_high * compute_shelf_gain(hz)], np.float32)


def _compute_level(power: npt.ArrayLike) -> Floats:
    level: Floats = OFFSET_DB + 10 * np.log10(np.maximum(power, 1e-20))
    return level
