"""Whether two sounds are one waveform, once they are laid over each other.

Levels in bands (`alignment`) cannot tell two strokes of one drum machine, two
noises of one hiss or two tones a few per cent apart; the waveform can: a copy follows its original
swing by swing, whatever its level and polarity, and what a codec adds is small beside that.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import soxr

RATE = 16_000  # of the samples compared: codecs draw anew what is above 8 kHz
WINDOW, HOP = 640, 320  # 40 ms, one every 20 ms
SLACK_S = 0.008  # by which a window may lie elsewhere than told
DRIFT = 2  # samples by which one may lie elsewhere than the one before: 0.6 %
MOST_WINDOWS = 500  # the loudest 10 s
LEAST_SHARE = 0.5  # of the energy that must lie where both have samples
STEADY = 1e-4

Samples = npt.NDArray[np.float32]
Array = npt.NDArray[np.float64]

_TAPER = np.hanning(WINDOW)


def measure_coherence(
    first: Samples,
    second: Samples,
    lag_s: float = 0.0,
    stretch: float = 1.0,
    *,
    slack_s: float = SLACK_S,
) -> float:
    """Measure how much of a sound is in another, swing by swing, 0 to 1.

    The normalised cross-correlation of windows, all together, along the course of lags that gives
    most and moves by no more than 0.6 %.

    Parameters
    ----------
    first, second
        float32 `(n_samples,)` at `RATE`.
    lag_s, stretch
        What is at `t` seconds in the first is about `stretch * t + lag_s` in the second.
    slack_s
        By how much the lag may be wrong.
    """
    if abs(stretch - 1) > STEADY:
        second = soxr.resample(second, RATE * stretch, RATE)
        lag_s /= stretch
    starts = _choose_windows(first)
    ones, is_inside = _cut(first, starts, WINDOW)
    slack = round(slack_s * RATE)
    places = starts + round(lag_s * RATE)
    others, is_there = _cut(second, places - slack, WINDOW + 2 * slack)
    is_both = is_inside & is_there
    ones = (ones - ones.mean(axis=1, keepdims=True)) * _TAPER
    energies = np.vecdot(ones, ones)
    if energies[is_both].sum() >= LEAST_SHARE * energies.sum():
        ones, others, energies = ones[is_both], others[is_both], energies[is_both]
    others = others - others[:, slack:-slack].mean(axis=1, keepdims=True)
    products, powers = _correlate(ones, others)
    courses = [_follow(signed) for signed in (products, -products)]
    found, course = max(courses, key=lambda one: one[0])
    power = powers[np.arange(len(course)), course].sum()
    most = np.sqrt(energies.sum() * power)
    return float(np.clip(found / most, 0, 1)) if most > 0 else 0.0


def _choose_windows(waveform: Samples) -> npt.NDArray[np.int64]:
    """Choose where windows begin: all over a waveform, or over the loudest stretch of it."""
    n_windows = max(1, -(-len(waveform) // HOP))
    first = 0
    if n_windows > MOST_WINDOWS:
        powers = np.add.reduceat(np.square(waveform), np.arange(0, len(waveform), HOP))
        first = int(np.convolve(powers, np.ones(MOST_WINDOWS), "valid").argmax())
    return (first + np.arange(min(n_windows, MOST_WINDOWS))) * HOP - HOP // 2


def _cut(
    waveform: Samples, starts: npt.NDArray[np.int64], length: int
) -> tuple[Array, npt.NDArray[np.bool_]]:
    """Cut windows `(n_windows, length)`, zeros beside the waveform; and which have all samples.

    Those that reach over an end by half or less count as whole: there is the onset.
    """
    places = starts[:, None] + np.arange(length)
    is_inside = (places >= 0) & (places < len(waveform))
    cut = np.where(is_inside, waveform[np.clip(places, 0, max(0, len(waveform) - 1))], 0)
    return cut.astype(np.float64), is_inside.mean(axis=1) >= LEAST_SHARE


def _correlate(ones: Array, others: Array) -> tuple[Array, Array]:
    """Correlate windows with others at every lag within the slack, and weigh the others there.

    Returns products and powers, `(n_windows, n_lags)`.
    """
    n_fft = 1 << (others.shape[1] + WINDOW).bit_length()
    kept = slice(0, others.shape[1] - WINDOW + 1)
    spectra = np.conj(np.fft.rfft(ones * _TAPER, n_fft)) * np.fft.rfft(others, n_fft)
    weights = np.conj(np.fft.rfft(np.square(_TAPER), n_fft))
    powers = np.fft.irfft(weights * np.fft.rfft(np.square(others), n_fft), n_fft)[:, kept]
    return np.fft.irfft(spectra, n_fft)[:, kept], np.maximum(powers, 0)


def _follow(products: Array) -> tuple[float, npt.NDArray[np.int64]]:
    """Find the course of lags, window by window, whose products sum up to most (Viterbi 1967)."""
    best, moves = products[0], []
    for row in products[1:]:
        padded = np.pad(best, DRIFT, constant_values=-np.inf)
        reached = np.lib.stride_tricks.sliding_window_view(padded, 2 * DRIFT + 1)
        moves.append(reached.argmax(axis=1) - DRIFT)
        best = row + reached.max(axis=1)
    course = [int(best.argmax())]
    for move in reversed(moves):
        course.append(course[-1] + int(move[course[-1]]))
    return float(best.max()), np.array(course[::-1])
