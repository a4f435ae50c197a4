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
MOST_WINDOWS = 250  # the loudest 5 s
LEAST_SHARE = 0.5  # of the energy that must lie where both have samples
STEADY = 1e-4
PARTS = np.arange(-4, 5) / 8  # of a sample
LEAST_WINDOWS = 4  # that tell a slope

Samples = npt.NDArray[np.float32]
Array = npt.NDArray[np.floating]
Spectra = npt.NDArray[np.complexfloating]
Lags = npt.NDArray[np.int64]

_TAPER = np.hanning(WINDOW).astype(np.float32)


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
    most and moves by no more than 0.6 %; where that course drifts, also at the speed that it tells,
    as high tones slip within a window.

    Parameters
    ----------
    first, second
        float32 `(n_samples,)` at `RATE`.
    lag_s, stretch
        What is at `t` seconds in the first is about `stretch * t + lag_s` in the second.
    slack_s
        By how much the lag may be wrong.
    """
    slack = round(slack_s * RATE)
    found, slope = _compare(first, second, lag_s, stretch, slack)
    if abs(slope) > STEADY:
        drifting, _ = _compare(first, second, lag_s, stretch * (1 + slope), slack)
        found = max(found, drifting)
    return found


def _compare(
    first: Samples, second: Samples, lag_s: float, stretch: float, slack: int
) -> tuple[float, float]:
    """Measure the coherence at a stretch, and by how much more the lag grows with time."""
    if abs(stretch - 1) > STEADY:
        second = soxr.resample(second, RATE * stretch, RATE)
        lag_s /= stretch
    starts = _choose_windows(first)
    ones, is_inside = _cut(first, starts, WINDOW)
    places = starts + round(lag_s * RATE)
    others, is_there = _cut(second, places - slack, WINDOW + 2 * slack)
    is_both = is_inside & is_there
    ones = (ones - ones.mean(axis=1, keepdims=True)) * _TAPER
    energies = np.vecdot(ones, ones)
    if energies[is_both].sum() >= LEAST_SHARE * energies.sum():
        ones, others, energies = ones[is_both], others[is_both], energies[is_both]
        starts = starts[is_both]
    others = others - others[:, slack:-slack].mean(axis=1, keepdims=True)
    spectra, n_fft = _cross(ones, others)
    n_lags = 2 * slack + 1
    course = _follow(np.fft.irfft(spectra, n_fft)[:, :n_lags])
    products, lags = _interpolate(spectra, n_fft, course)
    powers = _weigh(others, n_fft)[np.arange(len(course)), course]
    most = float(np.sqrt(energies.sum() * powers.sum()))
    found = float(np.clip(abs(products.sum()) / most, 0, 1)) if most > 0 else 0.0
    return found, _fit_slope(starts, lags, energies)


def _choose_windows(waveform: Samples) -> Lags:
    """Choose where windows begin: all over a waveform, or over the loudest stretch of it."""
    n_windows = max(1, -(-len(waveform) // HOP))
    first = 0
    if n_windows > MOST_WINDOWS:
        powers = np.add.reduceat(np.square(waveform), np.arange(0, len(waveform), HOP))
        first = int(np.convolve(powers, np.ones(MOST_WINDOWS), "valid").argmax())
    return (first + np.arange(min(n_windows, MOST_WINDOWS))) * HOP - HOP // 2


def _cut(waveform: Samples, starts: Lags, length: int) -> tuple[Array, npt.NDArray[np.bool_]]:
    """Cut windows `(n_windows, length)`, zeros beside the waveform; and which have all samples.

    Those that reach over an end by half or less count as whole: there is the onset.
    """
    places = starts[:, None] + np.arange(length)
    is_inside = (places >= 0) & (places < len(waveform))
    cut = np.where(is_inside, waveform[np.clip(places, 0, max(0, len(waveform) - 1))], 0)
    return cut.astype(np.float32), is_inside.mean(axis=1) >= LEAST_SHARE


def _cross(ones: Array, others: Array) -> tuple[Spectra, int]:
    """Compute the cross-spectra of windows and what they are looked for in, and their length."""
    n_fft = 1 << (others.shape[1] - 1).bit_length()  # what wraps around lies behind the slack
    return np.conj(np.fft.rfft(ones * _TAPER, n_fft)) * np.fft.rfft(others, n_fft), n_fft


def _weigh(others: Array, n_fft: int) -> Array:
    """Sum up the power below a window at every lag, `(n_windows, n_fft)`."""
    weights = np.conj(np.fft.rfft(np.square(_TAPER), n_fft))
    powers: Array = np.fft.irfft(weights * np.fft.rfft(np.square(others), n_fft), n_fft)
    return np.maximum(powers, 0)


def _follow(products: Array) -> Lags:
    """Find the course of lags, window by window, whose products sum up to most (Viterbi 1967).

    That is, of either polarity: of the products `(n_windows, n_lags)` or of what they lack to 0.
    """
    n_windows, n_lags = products.shape
    sums = np.full((n_windows, 2, n_lags + 2 * DRIFT), -np.inf, products.dtype)
    inner = sums[:, :, DRIFT : DRIFT + n_lags]
    inner[:, 0], inner[:, 1] = products, -products
    reached = np.empty((2, n_lags), products.dtype)
    for before, row in zip(sums[:-1], inner[1:], strict=True):
        reached[:] = before[:, :n_lags]
        for move in range(1, 2 * DRIFT + 1):
            np.maximum(reached, before[:, move : move + n_lags], out=reached)
        row += reached
    polarity, last = np.unravel_index(int(inner[-1].argmax()), (2, n_lags))
    course = [int(last)]
    for row in sums[-2::-1, polarity]:
        lag = course[-1]
        course.append(lag - DRIFT + int(row[lag : lag + 2 * DRIFT + 1].argmax()))
    return np.array(course[::-1])


def _interpolate(spectra: Spectra, n_fft: int, course: Lags) -> tuple[Array, Array]:
    """Find each window's product at the part of a sample next to the course where it is most.

    A codec delays by parts of a sample, and at 4 kHz half of one loses a third of a product. The
    course's products are of one sign, or nearly. Returns products and lags, `(n_windows,)`.
    """
    tones = np.arange(spectra.shape[1])
    turns = np.exp(2j * np.pi / n_fft * np.arange(n_fft)).astype(spectra.dtype)
    turned = spectra * turns[course[:, None] * tones % n_fft]
    parts = np.exp(2j * np.pi / n_fft * tones[:, None] * PARTS) * (2 / n_fft)
    parts[[0, -1]] /= 2  # all others have their like at negative frequencies
    products = (turned @ parts.astype(spectra.dtype)).real
    sign = 1 if products[:, PARTS == 0].sum() >= 0 else -1
    best = (sign * products).argmax(axis=1)
    return products[np.arange(len(course)), best], course + PARTS[best]


def _fit_slope(starts: Lags, lags: Array, energies: Array) -> float:
    """Fit a line to the lags of windows: by how many samples each sample they grow."""
    total = float(energies.sum())
    if len(starts) < LEAST_WINDOWS or not total:
        return 0.0
    weights = energies / total
    away = starts - weights @ starts
    spread = float(weights @ np.square(away))
    return float(weights @ (away * lags)) / spread if spread else 0.0
