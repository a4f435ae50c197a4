"""How like in shape two sounds are: their spectrograms laid over each other.

A model hears kinds of sounds; this tells the same call from another sound of its kind. The log-mel
above the floor of what was found is correlated (Pearson's coefficient, over bands and time) with
that of the example, brought to the same energy above the same floor, at the lag and pitch at which
they agree best.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from soundkin.audio.resample import resample_blocks
from soundkin.search.finding.edges import FRAMES_PER_S, compute_mel_power

PITCHES = (0.94, 0.97, 1.0, 1.03, 1.06)
LONGEST_S = 1.0  # of an example that is compared
MARGIN = 5  # frames of quiet around an example: that it begins and ends counts too
NEAR = 5  # frames around an event's begin in which every lag is tried, elsewhere every third
STEP = 3
MAX_LAGS = 60
RANGE = 1e-4  # of the loudest power, below which nothing is heard

Samples = npt.NDArray[np.float32]
Floats = npt.NDArray[np.float64]


class Shapes:
    """The spectrograms of examples at several pitches."""

    def __init__(self, sounds: Sequence[Samples], rate: int) -> None:
        self._templates = [
            _draw(sound, pitch, rate) for sound in sounds if len(sound) for pitch in PITCHES
        ]

    def __len__(self) -> int:
        """How many there are."""
        return len(self._templates)

    def compare(self, power: Floats, first: int, end: int, floor: Floats) -> float:
        """Compare an event, frames `first` to `end` of mel power `(n_bands, n_frames)`.

        Returns the correlation with the most like of the examples, -1 to 1.
        """
        return max(_compare(power, first, end, floor, one) for one in self._templates)


def _draw(sound: Samples, pitch: float, rate: int) -> Floats:
    kept = sound[: round(LONGEST_S * rate)]
    moved = kept
    if pitch != 1:
        blocks = resample_blocks(iter([kept]), round(rate * pitch / 10) * 10, rate)
        moved = np.concatenate(list(blocks))
    n_margin = MARGIN * rate // FRAMES_PER_S
    return compute_mel_power(np.pad(moved, (n_margin, n_margin)), rate)


def _compare(power: Floats, first: int, end: int, floor: Floats, template: Floats) -> float:
    length = template.shape[1]
    begin = first - MARGIN
    low, high = sorted((begin, end + MARGIN - length))  # one holds the other, wherever it lies
    lags = np.union1d(np.arange(low, high + 1, STEP), np.arange(begin - NEAR, begin + NEAR + 1))
    lags = lags[np.argsort(np.abs(lags - begin), kind="stable")[:MAX_LAGS]]
    frames = lags[:, None] + np.arange(length)
    inside = (frames >= 0) & (frames < power.shape[1])
    level = np.maximum(floor, RANGE * power[:, first:end].max())[:, None]
    excess = np.maximum(power / level - 1, 0)
    found = np.where(inside, excess[:, np.clip(frames, 0, power.shape[1] - 1)], 0)
    sought = template / level
    energies = (found * level[:, :, None]).sum(axis=(0, 2))
    gains = (energies / template.sum())[:, None]
    laid = np.log1p(gains[None] * sought[:, None, :])
    return float(_correlate(np.log1p(found), laid).max())


def _correlate(ones: Floats, others: Floats) -> Floats:
    """Correlate over the first and the last axis, for each lag."""
    ones = ones - ones.mean(axis=(0, 2), keepdims=True)
    others = others - others.mean(axis=(0, 2), keepdims=True)
    norms = np.sqrt((ones**2).sum(axis=(0, 2)) * (others**2).sum(axis=(0, 2)))
    return np.asarray((ones * others).sum(axis=(0, 2)) / np.maximum(norms, 1e-12), np.float64)
