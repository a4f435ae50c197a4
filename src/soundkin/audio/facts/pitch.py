"""How high a sound is: YIN on frames, and one pitch of them all.

The method is A. de Cheveigné and H. Kawahara, YIN, a fundamental frequency estimator for speech and
music (2002), without its last step; its difference function is computed by FFT.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from soundkin.audio.facts.frames import FramePicker

FRAME_S = 0.064
MIN_HZ = 32.0  # of C1, 33
MAX_HZ = 4200.0  # a piano's last key
WORKING_RATE = 16_000  # about: frames are averaged down to it
TINY = np.float32(1e-20)
MAX_APERIODICITY = 0.15  # of a dip that is a period (YIN's threshold)
REFINING_LAG = 64  # a short period is measured by the last of several
WITHIN_SEMITONES = 1.0
MIN_CONFIDENCE = 0.3
BATCH_FRAMES = 64
DENSE_S = 1.0  # within which pitch is followed closely
DENSE_HOP_S, SPARSE_HOP_S = 0.1, 1.0

Floats = npt.NDArray[np.float32]


@dataclass(frozen=True)
class PitchTrack:
    """Frames' pitch in Hz, how periodic they are (0-1) and their energy, each `(n_frames,)`."""

    hz: Floats
    periodicity: Floats
    energy: Floats


class PitchFollower:
    """Follows the pitch of a sound that comes block by block.

    Parameters
    ----------
    sample_rate
        In Hz.
    """

    def __init__(self, sample_rate: int) -> None:
        self._sample_rate = sample_rate
        lengths = (round(seconds * sample_rate) for seconds in (FRAME_S, DENSE_HOP_S, SPARSE_HOP_S))
        length, dense, sparse = lengths
        self._picker = FramePicker(
            length, dense, round(DENSE_S / DENSE_HOP_S), sparse, BATCH_FRAMES
        )
        self._tracks: list[PitchTrack] = []

    def add(self, samples: Floats) -> None:
        """Take the next samples `(n_samples,)`."""
        for frames in self._picker.add(samples):
            self._tracks.append(track_pitch(frames, self._sample_rate))

    def finish(self) -> PitchTrack:
        """Give all frames' pitch; a sound too short for a frame is filled up with silence."""
        frames = self._picker.take(padded=True)
        if len(frames):
            self._tracks.append(track_pitch(frames, self._sample_rate))
        columns = ((t.hz, t.periodicity, t.energy) for t in self._tracks)
        return PitchTrack(*map(np.concatenate, zip(*columns, strict=True)))


def track_pitch(frames: Floats, sample_rate: int) -> PitchTrack:
    """Find the pitch of frames of `FRAME_S` seconds, `(n_frames, n_samples)`."""
    factor = max(1, round(sample_rate / WORKING_RATE))
    n_kept = frames.shape[1] // factor
    low = np.zeros((len(frames), n_kept), np.float32)
    for start in range(factor):
        low += frames[:, start : n_kept * factor : factor]
    low -= low.mean(axis=1, keepdims=True)
    rate = sample_rate / factor
    n_lags = min(round(rate / MIN_HZ), n_kept // 2)
    difference = _compute_difference(low, n_lags)
    lags = np.arange(1, n_lags + 1, dtype=np.float32)
    sums = np.cumsum(difference[:, 1:], axis=1)
    aperiodic = np.ones_like(difference)
    aperiodic[:, 1:] = (difference[:, 1:] * lags + TINY) / (sums + TINY)
    chosen = _choose_lags(aperiodic, max(2, int(rate / MAX_HZ)))
    depths = aperiodic[np.arange(len(low)), chosen]
    is_periodic = depths < MAX_APERIODICITY
    hz = rate / chosen
    if is_periodic.any():  # most drums have no such frame
        hz[is_periodic] = rate / _refine(aperiodic[is_periodic], chosen[is_periodic])
    return PitchTrack(
        hz.astype(np.float32),
        np.clip(1 - depths, 0, 1).astype(np.float32),
        np.vecdot(low, low) / np.float32(n_kept),
    )


def summarise_pitch(track: PitchTrack) -> tuple[float | None, float]:
    """Find the one pitch of all frames in Hz, and the share (0-1) of the sound that has it.

    The pitch is the median of the periodic frames', louder ones counting more (by amplitude); the
    share counts those within a semitone of it. None where the share is small.
    """
    weights = np.sqrt(track.energy)
    total = float(weights.sum())
    voiced = (track.periodicity >= 1 - MAX_APERIODICITY) & (weights > 0)
    if not voiced.any():
        return None, 0.0
    octaves, weights = np.log2(track.hz[voiced]), weights[voiced]
    order = np.argsort(octaves, kind="stable")
    middle = int(np.searchsorted(np.cumsum(weights[order]), weights.sum() / 2))
    centre = octaves[order][min(middle, len(order) - 1)]
    near = np.abs(octaves - centre) <= WITHIN_SEMITONES / 12
    share = float((weights * track.periodicity[voiced])[near].sum()) / total
    if share < MIN_CONFIDENCE:
        return None, share
    return float(2 ** np.average(octaves[near], weights=weights[near])), share


def _compute_difference(frames: Floats, n_lags: int) -> Floats:
    """Sum (x[j] - x[j + lag])² over a window that holds for every lag, `(n_frames, n_lags + 1)`."""
    n = frames.shape[1]
    window = n - n_lags
    spectrum = np.fft.rfft(frames, axis=1)
    spectrum *= np.conj(np.fft.rfft(frames[:, :window], n, axis=1))
    products = np.fft.irfft(spectrum, n, axis=1)[:, : n_lags + 1]
    energy = products[:, :1].copy()
    squares = np.square(frames)
    gained = np.cumsum(squares[:, window:] - squares[:, :n_lags], axis=1)
    difference = np.zeros((len(frames), n_lags + 1), np.float32)
    difference[:, 1:] = 2 * (energy - products[:, 1:]) + gained
    return np.maximum(difference, 0, out=difference)


def _choose_lags(aperiodic: Floats, shortest: int) -> npt.NDArray[np.int64]:
    """Choose the first dip that is deep enough, else the deepest."""
    inner = aperiodic[:, 1:-1]
    is_dip = (inner <= aperiodic[:, :-2]) & (inner < aperiodic[:, 2:])
    is_dip[:, : shortest - 1] = False
    is_deep = is_dip & (inner < MAX_APERIODICITY)
    deepest = np.where(is_dip, inner, np.inf).argmin(axis=1)
    chosen: npt.NDArray[np.int64] = np.where(is_deep.any(axis=1), is_deep.argmax(axis=1), deepest)
    return chosen + 1


def _refine(aperiodic: Floats, lags: npt.NDArray[np.int64]) -> npt.NDArray[np.float64]:
    """Measure periods between samples: a parabola through a dip, that of several where short."""
    periods = _fit_parabolas(aperiodic, lags)
    longest = aperiodic.shape[1] - 2
    counts = np.maximum(1, np.minimum(REFINING_LAG, longest) // np.maximum(periods, 1)).astype(int)
    around = np.round(counts * periods).astype(int)
    offsets = np.arange(-1, 2)
    near = np.clip(around[:, None] + offsets, 1, longest)
    values = np.take_along_axis(aperiodic, near, axis=1)
    best = np.take_along_axis(near, values.argmin(axis=1)[:, None], axis=1)[:, 0]
    refined: npt.NDArray[np.float64] = _fit_parabolas(aperiodic, best) / counts
    return np.where(np.abs(refined - periods) < 1, refined, periods)


def _fit_parabolas(curves: Floats, places: npt.NDArray[np.int64]) -> npt.NDArray[np.float64]:
    rows = np.arange(len(curves))
    left, middle, right = (curves[rows, places + step].astype(np.float64) for step in (-1, 0, 1))
    bend = left - 2 * middle + right
    shift = np.divide(0.5 * (left - right), bend, out=np.zeros(len(curves)), where=bend > 0)
    between: npt.NDArray[np.float64] = places + np.clip(shift, -0.5, 0.5)
    return between
