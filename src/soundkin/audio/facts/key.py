"""Which key a recording is in, and how sure that is.

The pitch classes that sound are those of spectral peaks, each tone's own place between bins found
by a parabola (E. Gómez, Tonal description of polyphonic audio for music content processing, 2006):
a drum has power everywhere and few peaks. How far all are out of tune is taken off first. What is
found is correlated with profiles of the 24 keys (C. L. Krumhansl, Cognitive foundations of musical
pitch, 1990), and a key is told only of what fits one well, and better than the next.
"""

from __future__ import annotations

import math
from functools import lru_cache

import numpy as np
import numpy.typing as npt

from soundkin.audio.facts.frames import FramePicker

MIN_S = 2.0
WORKING_RATE = 3_000  # about: twice that by averages, then by a filter
FRAME_POINTS = 1536  # of them: half a second, which tells semitones apart from 65 Hz on
N_TAPS = 6  # of the filter, for each sample that is left
DENSE_S, SPARSE_S = 10.0, 1.0  # frames follow each other so long, then one in so many seconds
BATCH_FRAMES = 16
LOWEST_HZ, HIGHEST_HZ = 65.0, 1200.0
PEAK_DB = -35.0  # below a frame's loudest peak, what counts
SILENT = np.float32(1e-5)
FINE = 10  # steps of a semitone, in which peaks are gathered
A4_HZ = 440.0
A = 9  # semitones above C
# How much each step above the tonic belongs to a key: the notes of its chord most, those of its
# scale by how often music rests on them, all others nothing.
MAJOR = (1.0, 0, 0.5, 0, 0.7, 0.4, 0, 0.8, 0, 0.5, 0, 0.35)
MINOR = (1.0, 0, 0.5, 0.7, 0, 0.45, 0, 0.8, 0.4, 0, 0.35, 0.2)
# What makes a key sure, as a logistic regression on the development music of benchmarks/facts has
# it: the correlation, how far the next key's lies below, and octaves of seconds.
PER_FIT, PER_LEAD, PER_OCTAVE, OFFSET = 10.0, 8.2, 0.75, -11.5
LONGEST_S = 32.0
MIN_CONFIDENCE = 0.45

Floats = npt.NDArray[np.float32]
Curve = npt.NDArray[np.float64]


class KeyFollower:
    """Gathers the pitch classes of a sound that comes block by block, in bounded memory.

    Parameters
    ----------
    sample_rate
        In Hz.
    """

    def __init__(self, sample_rate: int) -> None:
        self._averaged = max(1, round(sample_rate / (2 * WORKING_RATE)))
        factor = 2 * self._averaged
        self._rate = sample_rate / factor
        length = (FRAME_POINTS + N_TAPS - 1) * factor
        n_dense, sparse = round(DENSE_S * sample_rate / length), round(SPARSE_S * sample_rate)
        self._picker = FramePicker(length, length, n_dense, sparse, BATCH_FRAMES)
        self._classes: Curve = np.zeros(12 * FINE)

    def add(self, samples: Floats) -> None:
        """Take the next samples `(n_samples,)`."""
        for frames in self._picker.add(samples):
            self._gather(frames)

    def finish(self, duration_s: float) -> tuple[int | None, float]:
        """Tell the key, 0-11 major from C on, 12-23 minor, and how sure it is, 0-1.

        None where it is not sure, and of what is too short for a key.
        """
        if duration_s < MIN_S:
            return None, 0.0
        return find_key(self.gather_chroma(), duration_s)

    def gather_chroma(self) -> Curve:
        """Give how much of each pitch class there was, from C on, `(12,)`."""
        self._gather(self._picker.take())
        return fold_classes(self._classes)

    def _gather(self, frames: Floats) -> None:
        if len(frames):
            self._classes += gather_classes(_decimate(frames, self._averaged), self._rate)


def gather_classes(frames: Floats, rate: float) -> Curve:
    """Add up the amplitudes of peaks by their pitch above C, in tenths of a semitone, `(120,)`.

    Frames `(n_frames, n_points)` count by the root of their loudest peak, so that a loud stroke
    does not outvote the rest.
    """
    n_points = frames.shape[1]
    first, stop = (round(hz * n_points / rate) for hz in (LOWEST_HZ, HIGHEST_HZ))
    spectrum = np.fft.rfft(frames * _compute_window(n_points), axis=1)[:, first - 1 : stop + 1]
    levels = np.abs(spectrum)
    inner = levels[:, 1:-1]
    loudest = inner.max(axis=1, keepdims=True)
    is_peak = inner > np.maximum(loudest * np.float32(10 ** (PEAK_DB / 20)), SILENT)
    is_peak &= (inner > levels[:, :-2]) & (inner >= levels[:, 2:])
    rows, bins = np.nonzero(is_peak)
    before, peaks, after = (np.log(levels[rows, bins + step] + 1e-12) for step in range(3))
    places = bins + first + 0.5 * (before - after) / np.minimum(before - 2 * peaks + after, -1e-6)
    octaves = np.log2(places * (rate / n_points / A4_HZ))
    steps = np.round((12 * octaves + A) * FINE).astype(np.int64) % (12 * FINE)
    weights = inner[rows, bins] / np.sqrt(loudest[rows, 0])
    return np.asarray(np.bincount(steps, weights, 12 * FINE), np.float64)


def find_key(chroma: Curve, duration_s: float) -> tuple[int | None, float]:
    """Tell the key that pitch classes `(12,)` from C on fit, and how sure it is."""
    chroma = np.sqrt(chroma)
    chroma -= chroma.mean()
    length = float(np.linalg.norm(chroma))
    if length == 0:
        return None, 0.0
    fits = compute_profiles() @ (chroma / length)
    next_best, best = np.partition(fits, -2)[-2:].tolist()
    octaves = math.log2(min(duration_s, LONGEST_S))
    evidence = PER_FIT * best + PER_LEAD * (best - next_best) + PER_OCTAVE * octaves + OFFSET
    confidence = 1 / (1 + math.exp(-evidence))
    return (int(fits.argmax()) if confidence >= MIN_CONFIDENCE else None), confidence


def fold_classes(classes: Curve) -> Curve:
    """Fold fine steps into the twelve classes nearest to them, once all are put in tune."""
    places = np.arange(12 * FINE) / FINE
    detuned = float(np.angle(classes @ np.exp(2j * np.pi * places))) / (2 * np.pi)
    tuned = places - detuned
    nearest = np.round(tuned)
    nearness = 1 - np.square(2 * (tuned - nearest))
    chroma = np.bincount(nearest.astype(np.int64) % 12, classes * nearness, 12)
    return np.asarray(chroma, np.float64)


@lru_cache(maxsize=1)
def compute_profiles() -> Curve:
    """Compute all keys' profiles of mean 0 and length 1, `(24, 12)`."""
    profiles = np.array([np.roll(mode, tonic) for mode in (MAJOR, MINOR) for tonic in range(12)])
    profiles -= profiles.mean(axis=1, keepdims=True)
    return np.asarray(profiles / np.linalg.norm(profiles, axis=1, keepdims=True))


@lru_cache(maxsize=8)
def _compute_window(n_points: int) -> Floats:
    """Periodic Hann window, by which a full-scale sine has amplitude 1."""
    window = 0.5 - 0.5 * np.cos(2 * np.pi * np.arange(n_points) / n_points)
    return np.asarray(window * (2 / window.sum()), np.float32)


@lru_cache(maxsize=1)
def _compute_taps() -> Floats:
    """Compute the taps of a low-pass for halving the rate, `(N_TAPS, 2)`: a sinc by Kaiser's."""
    n_taps = 2 * N_TAPS
    times = (np.arange(n_taps) - (n_taps - 1) / 2) / 2
    taps = np.sinc(0.9 * times) * np.kaiser(n_taps, 4)
    return np.asarray((taps / taps.sum()).reshape(N_TAPS, 2), np.float32)


@lru_cache(maxsize=8)
def _compute_averaging(averaged: int) -> Floats:
    """Compute what averages two neighbouring runs at once, `(2 * averaged, 2)`."""
    return np.kron(np.eye(2), np.full((averaged, 1), 1 / averaged)).astype(np.float32)


def _decimate(frames: Floats, averaged: int) -> Floats:
    """Bring frames to half the rate that averages over `averaged` samples have.

    They shrink by `N_TAPS - 1` more.
    """
    pairs = frames.reshape(-1, 2 * averaged) @ _compute_averaging(averaged)
    parts = (_compute_taps() @ pairs.T).reshape(N_TAPS, len(frames), -1)
    n_points = parts.shape[2] - (N_TAPS - 1)
    low = parts[0, :, :n_points].copy()
    for tap in range(1, N_TAPS):
        low += parts[tap, :, tap : tap + n_points]
    return low
