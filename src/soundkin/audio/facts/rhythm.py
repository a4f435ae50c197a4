"""Where sounds begin, and whether they begin to a beat.

Onsets are peaks of the spectral flux of a log-mel, compared with the loudest of neighbouring bands
before (S. Böck and G. Widmer, Maximum filter vibrato suppression for onset detection, 2013).

The tempo is that whose metre the flux repeats by: half a beat, a beat, two, four and eight later
(as in P. Grosche, M. Müller and F. Kurth, Cyclic tempogram, 2010, levels of a metre are taken
together). What decides between them is where music mostly lies (D. Moelants, Preferred tempo
reconsidered, 2002), and that loops are cut to 1, 2, 4 … bars.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

FLOOR_DB = -70.0
MIN_RISE_DB = 3.0  # of the mean over all bands above the flux around it
AROUND_S = 0.5
APART_S = 0.05
SOUND_DB = 1.0  # of flux, with which a sound begins after silence
TEMPO_S = 120.0  # what a tempo is looked for in
MIN_BPM, MAX_BPM = 60.0, 200.0
TEMPI_BPM = np.geomspace(MIN_BPM, MAX_BPM, 210)
LEVELS = np.array([0.5, 1, 2, 4, 8])  # beats after which a sound is like itself
LEVEL_WEIGHTS = np.array([0.3, 1, 1, 1, 1])  # not all music divides its beats
OVERLAP = 0.25  # of a sound with itself, below which likeness is chance
# What likeness, 1 at most, is weighed against; fitted to loops of the development styles of
# benchmarks/facts. Octaves from the likely tempo count squared.
LIKELY_BPM = 125.0
FAR_COSTS = 0.3
UNLIKELINESS = FAR_COSTS * np.square(np.log2(TEMPI_BPM / LIKELY_BPM))
BAR_BEATS = 4
WHOLE_GAINS = 0.22
CUT_EARLY_S, CUT_LATE_S = 0.02, 0.05  # how far a loop's end lies from its last bar's, encoders' too
SAME = 0.004  # share by which a beat's measure is off
# What is asked of a beat: by chance a likeness shrinks as the root of the beats grows.
MIN_EVIDENCE = 0.75
WHOLE_EVIDENCE = 0.4
MIN_BEATS = 2.9

Floats = npt.NDArray[np.float32]
Curve = npt.NDArray[np.float64]


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


def find_tempo(flux: Floats, frame_s: float, duration_s: float) -> tuple[float | None, float]:
    """Find the tempo in beats a minute, if there is a beat, and how regular it is, 0-1.

    Parameters
    ----------
    flux
        As `compute_flux` gives it, `(n_frames,)`.
    frame_s
        Seconds from frame to frame.
    duration_s
        Of the sound, which may end within a frame: loops are told by it.

    Returns
    -------
    The tempo, None where there is none; and the mean correlation of the flux with itself half a
    beat, one, two, four and eight beats later.
    """
    begin = int(np.argmax(flux >= SOUND_DB)) if len(flux) else 0  # encoders put silence before
    flux = flux[begin : begin + round(TEMPO_S / frame_s)]
    n_frames = duration_s / frame_s - begin
    if len(flux) * frame_s < MIN_BEATS * 60 / MAX_BPM:
        return None, 0.0
    periods = 60 / TEMPI_BPM / frame_s
    longest = min((1 - OVERLAP) * len(flux), 1.02 * LEVELS[-1] * periods[0])
    likeness = _correlate(_even_out(flux, frame_s), int(longest))
    regularity = _average_levels(likeness, periods)
    wholeness = _weigh_wholeness(n_frames * frame_s, periods * frame_s)
    best = int((regularity + WHOLE_GAINS * wholeness - UNLIKELINESS).argmax())
    confidence = float(np.clip(regularity[best], 0, 1))
    n_beats = len(flux) / periods[best]
    evidence = regularity[best] * np.sqrt(n_beats) + WHOLE_EVIDENCE * wholeness[best]
    if n_beats < MIN_BEATS or evidence < MIN_EVIDENCE:
        return None, confidence
    period = _refine(likeness, periods[best])
    return float(60 / _snap(n_frames * frame_s, period * frame_s)), confidence


def _even_out(flux: Floats, frame_s: float) -> Curve:
    """Take the root of what rises above the flux around it: soft hits count beside loud ones."""
    rises = np.sqrt(np.maximum(flux - _average_around(flux, round(1 / frame_s)), 0))
    rises = np.convolve(rises, [0.25, 0.5, 0.25], mode="same")  # beats fall between frames
    return np.asarray(rises - rises.mean())


def _average_levels(likeness: Curve, periods: Curve) -> Curve:
    """Average the likeness at the levels of each beat's metre that the sound is long enough for."""
    lags = periods[:, None] * LEVELS
    weights = (lags < len(likeness)) * LEVEL_WEIGHTS
    values = np.interp(lags, np.arange(len(likeness)), likeness)
    return np.asarray((values * weights).sum(axis=1) / np.maximum(weights.sum(axis=1), 1e-9))


def _weigh_wholeness(duration_s: float, beats_s: Curve) -> Curve:
    """Weigh, 0-1, how near a duration is to 1, 2, 4, 8 … bars of each beat."""
    n_bars = np.maximum(1, np.round(duration_s / beats_s / BAR_BEATS))
    late_s = duration_s - n_bars * BAR_BEATS * beats_s
    near = np.exp(-0.5 * np.square(late_s / np.where(late_s > 0, CUT_LATE_S, CUT_EARLY_S)))
    return np.asarray(near * (np.log2(n_bars) % 1 == 0))


def _refine(likeness: Curve, period: float) -> float:
    """Measure a period, known to 1 %, by the likeness after most beats."""
    levels = LEVELS[LEVELS * period < len(likeness)]
    lag, reach = levels[-1] * period, max(1.5, 0.01 * levels[-1] * period)
    first = max(1, int(np.ceil(lag - reach)))
    near = likeness[first : int(lag + reach) + 1]
    peak = first + int(near.argmax())
    if not 0 < peak < len(likeness) - 1:
        return period
    left, middle, right = likeness[peak - 1 : peak + 2]
    bend = left - 2 * middle + right
    if bend >= 0 or middle < max(left, right):  # no peak is here
        return period
    return float((peak + 0.5 * (left - right) / bend) / levels[-1])


def _snap(duration_s: float, beat_s: float) -> float:
    """Measure a beat by the duration where that is a whole number of beats, as near as it is."""
    n_beats = max(1, round(duration_s / beat_s))
    off_s = abs(duration_s - n_beats * beat_s)
    return duration_s / n_beats if off_s <= min(CUT_LATE_S, SAME * duration_s) else beat_s


def _correlate(values: Curve, n_lags: int) -> Curve:
    """Correlate a curve with itself at lags from 0, where it is 1, to `n_lags`."""
    n = len(values)
    size = -(-(n + n_lags + 1) // 64) * 64  # no great prime, which an FFT takes long for
    products = np.fft.irfft(np.square(np.abs(np.fft.rfft(values, size))), size)[: n_lags + 1]
    products /= n - np.arange(n_lags + 1)  # the mean over what overlaps
    return np.asarray(products / max(float(products[0]), 1e-12))


def _average_around(values: Floats, reach: int) -> Floats:
    """Average each value with up to `reach` before and after it."""
    sums = np.concatenate([[0.0], np.cumsum(values, dtype=np.float64)])
    places = np.arange(len(values))
    first, stop = np.maximum(places - reach, 0), np.minimum(places + reach + 1, len(values))
    means: Floats = ((sums[stop] - sums[first]) / (stop - first)).astype(np.float32)
    return means
