"""Pairs that fingerprints take for copies, held against each other's samples."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import numpy as np

from soundkin.audio.read import read_audio
from soundkin.errors import AudioError, WorkerError
from soundkin.library.records import Recording
from soundkin.search.duplicates.alignment import LONG_FRAME_S, Alignment
from soundkin.search.duplicates.coherence import RATE, SLACK_S, Samples, measure_coherence
from soundkin.search.duplicates.differences import has_8_bits, is_lossy
from soundkin.system.files import is_unchanged
from soundkin.system.remote import is_remote

PART_S = 5.0  # of a longer sound, the loudest
BEYOND_S = 0.2  # read around it of the other
# Copies have 0.99 and more where nothing was lost, 0.9 and more through codecs and at other speeds;
# of other takes and settings that fingerprints take for copies nearly all have less than 0.9.
LEAST_EXACT, LEAST_LOSSY = 0.97, 0.9
STEADY = 1e-3
LEAST_ENERGY, TINY = 0.001, 1e-20  # of the most that a part may lie over
KEPT_PARTS = 16  # of 320 kB each at the most


class WaveformCheck:
    """Holds recordings against each other; keeps what it read of the last few, as copies share it.

    What has many copies is read once for all of them, and of each copy only what is compared.
    """

    def __init__(self) -> None:
        self._read = lru_cache(KEPT_PARTS)(_read)

    def have_same_waveform(
        self,
        first: Recording,
        second: Recording,
        found: Alignment,
        loudest_s: float,
        frame_s: float,
    ) -> bool:
        """Tell whether the samples of two recordings agree, laid over each other as was found.

        `loudest_s` is where in the first its loudest stretch lies, `frame_s` how long the frames
        were that were laid over each other. What cannot be read, is far away or was changed since
        it was indexed is not held against them.
        """
        start_s = max(0.0, loudest_s - PART_S / 2)
        one = self._read(first, start_s, start_s + PART_S)
        if one is None:
            return True
        is_changed = any(is_lossy(one) or has_8_bits(one) for one in (first, second))
        is_changed |= abs(found.stretch - 1) > STEADY
        slack_s = min(BEYOND_S, SLACK_S + frame_s * (frame_s > LONG_FRAME_S))
        lag_s = found.stretch * start_s + found.lead_s
        around = _read_around(second, lag_s, found.stretch * min(PART_S, len(one) / RATE))
        if around is None:
            return True
        other, other_s = around
        coherence = measure_coherence(one, other, lag_s - other_s, found.stretch, slack_s=slack_s)
        return coherence >= (LEAST_LOSSY if is_changed else LEAST_EXACT)


@dataclass(frozen=True)
class Placed:
    """Where in a recording a part of a sound begins, in seconds, and how much of it is there."""

    start_s: float
    coherence: float


def compare_waveform(recording: Recording, part: Samples, lag_s: float) -> Placed | None:
    """Look for a part of a sound in a recording, at about `lag_s`.

    Parameters
    ----------
    part
        float32 `(n_samples,)` at `RATE`.

    Returns
    -------
    Where it fits best; None where the recording cannot be read, or is not as it was indexed.
    """
    around = _read_around(recording, lag_s, len(part) / RATE)
    if around is None:
        return None
    other, other_s = around
    lag = _find_lag(part, other)
    within = np.zeros_like(other)  # an attack that was cut off is held against nobody
    span = slice(max(0, lag), max(0, lag + len(part)))
    within[span] = other[span]
    return Placed(other_s + lag / RATE, measure_coherence(part, within, lag / RATE))


def _find_lag(part: Samples, other: Samples) -> int:
    """Find where a part lies in samples by normalised cross-correlation, of either polarity.

    It may begin before them, or end behind.
    """
    n_part = len(part)
    padded = np.pad(other, n_part).astype(np.float64)
    n_lags = n_part + len(other)
    n_fft = 1 << (len(padded) - 1).bit_length()
    spectra = np.conj(np.fft.rfft(part, n_fft)) * np.fft.rfft(padded, n_fft)
    products = np.fft.irfft(spectra, n_fft)[:n_lags]
    sums = np.cumsum(np.square(padded))
    energies = sums[n_part - 1 :][:n_lags] - np.append(0.0, sums[: n_lags - 1])
    least = LEAST_ENERGY * float(energies.max())  # where little is, all correlates
    return int((np.abs(products) / np.sqrt(np.maximum(energies, least + TINY))).argmax()) - n_part


def _read_around(
    recording: Recording, start_s: float, duration_s: float
) -> tuple[Samples, float] | None:
    """Read a region and what is around it; and where that begins, in seconds."""
    first_s = max(0.0, start_s - BEYOND_S)
    samples = _read(recording, first_s, first_s + duration_s + 2 * BEYOND_S)
    return None if samples is None else (samples, first_s)


def _read(recording: Recording, start_s: float, end_s: float) -> Samples | None:
    """Read a region, `RATE` samples for each second as it is heard.

    None where the file is not the one that was indexed.
    """
    path = recording.path
    if is_remote(path) or not Path(path).is_file():
        return None
    if not is_unchanged(path, recording.size, recording.mtime_ns):
        return None
    slow = recording.slow
    try:
        return read_audio(path, round(slow * RATE), start_s / slow, end_s / slow)
    except (AudioError, WorkerError, OSError):
        return None
