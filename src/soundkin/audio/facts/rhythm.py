"""Where sounds begin, and whether they begin to a beat.

Onsets are peaks of the spectral flux of a log-mel, compared with the loudest of neighbouring bands
before (S. Böck and G. Widmer, Maximum filter vibrato suppression for onset detection, 2013). The
tempo is the period at which the flux is most like itself, nearer to 120 beats a minute where in
doubt (D. Ellis, Beat tracking by dynamic programming, 2007).
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

FLOOR_DB = -70.0
MIN_RISE_DB = 3.0  # of the mean over all bands above the flux around it
AROUND_S = 0.5
APART_S = 0.05
MIN_BPM, MAX_BPM = 50.0, 210.0
LIKELY_BPM = 120.0
SPREAD_OCTAVES = 1.0
N_PERIODS = 6
N_TEMPI = 250
WHOLE_BARS = 1.3  # a tempo is so much likelier where the sound is whole bars of it, as loops are
BAR_BEATS, BAR_TOLERANCE = 4, 0.02
MIN_ONSETS = 4
MIN_CONFIDENCE = 0.3
TEMPO_S = 120.0  # what a tempo is looked for in

Floats = npt.NDArray[np.float32]


def compute_flux(log_mel: Floats, before: Floats | None) -> tuple[Floats, Floats]:
    """Compute how much louder bands become from frame to frame, in dB, mean over bands.

    Parameters
    ----------
    log_mel
        Natural logarithm of mel-band power, `(n_mels, n_frames)`.
    before
        The levels of the frame before, as returned; None where silence was.

    Returns
    -------
    Flux `(n_frames,)`, and the levels of the last frame.
    """
    levels = np.maximum(log_mel * np.float32(10 / np.log(10)), np.float32(FLOOR_DB))
    first = np.full(len(levels), FLOOR_DB, np.float32) if before is None else before
    earlier = np.concatenate([first[:, None], levels[:, :-1]], axis=1)
    widened = earlier.copy()
    np.maximum(widened[1:], earlier[:-1], out=widened[1:])
    np.maximum(widened[:-1], earlier[1:], out=widened[:-1])
    flux: Floats = np.maximum(levels - widened, 0).mean(axis=0)
    return flux, levels[:, -1].copy()


def find_onsets(flux: Floats, frame_s: float) -> npt.NDArray[np.int64]:
    """Find the frames where something begins, ascending."""
    apart, around = max(1, round(APART_S / frame_s)), max(1, round(AROUND_S / frame_s))
    risen = flux - _average_around(flux, around)
    is_peak = risen >= MIN_RISE_DB
    for step in range(1, apart + 1):
        is_peak[step:] &= flux[step:] > flux[:-step]
        is_peak[:-step] &= flux[:-step] >= flux[step:]
    return np.flatnonzero(is_peak)


def find_tempo(
    flux: Floats, frame_s: float, onsets: npt.NDArray[np.int64]
) -> tuple[float | None, float]:
    """Find the tempo in beats a minute, if there is a beat, and how regular it is, 0-1.

    The beat's regularity is the correlation of the flux with itself a beat later, the mean over up
    to six beats.
    """
    longest = round(TEMPO_S / frame_s)
    onsets = onsets[onsets < longest]
    if len(onsets) < MIN_ONSETS:
        return None, 0.0
    rises = np.maximum(flux[:longest] - _average_around(flux[:longest], round(1 / frame_s)), 0)
    rises = np.convolve(rises, [0.25, 0.5, 0.25], mode="same")  # beats fall between frames
    rises -= rises.mean()
    likeness = _correlate(rises)
    octaves = np.linspace(np.log2(MIN_BPM), np.log2(MAX_BPM), N_TEMPI)
    periods = 60 / 2**octaves / frame_s
    lags = periods[:, None] * np.arange(1, N_PERIODS + 1)
    is_held = lags <= 0.75 * len(rises)
    values = np.interp(lags, np.arange(len(likeness)), likeness) * is_held
    scores = values.sum(axis=1) / np.maximum(is_held.sum(axis=1), 1)
    scores[~is_held[:, 0]] = 0
    likely = np.exp(-0.5 * ((octaves - np.log2(LIKELY_BPM)) / SPREAD_OCTAVES) ** 2)
    bars = len(flux) / periods / BAR_BEATS
    n_bars = np.maximum(1, np.round(bars))
    is_whole = np.abs(bars / n_bars - 1) <= BAR_TOLERANCE
    likely *= np.where(is_whole, WHOLE_BARS, 1.0)
    best = int((scores * likely).argmax())
    confidence = float(np.clip(scores[best], 0, 1))
    if confidence < MIN_CONFIDENCE:
        return None, confidence
    return float(2 ** octaves[best]), confidence


def _correlate(values: npt.NDArray[np.floating]) -> npt.NDArray[np.float64]:
    """Correlate a curve with itself at each lag; 1 at none."""
    n = len(values)
    spectrum = np.fft.rfft(values, 2 * n)
    products = np.fft.irfft(np.square(np.abs(spectrum)))[:n]
    products /= np.maximum(n - np.arange(n), 1)  # the mean over what overlaps
    return products / max(float(products[0]), 1e-12)


def _average_around(values: Floats, reach: int) -> Floats:
    """Average each value with up to `reach` before and after it."""
    sums = np.concatenate([[0.0], np.cumsum(values, dtype=np.float64)])
    places = np.arange(len(values))
    first, stop = np.maximum(places - reach, 0), np.minimum(places + reach + 1, len(values))
    means: Floats = ((sums[stop] - sums[first]) / (stop - first)).astype(np.float32)
    return means
