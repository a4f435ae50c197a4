"""How like in shape two sounds are: their spectrograms laid over each other.

A model hears kinds of sounds; this tells the same call from another sound of its kind. The log-mel
above the floor of what was found is correlated (Pearson's coefficient, over bands and time) with
that of the example, brought to the same energy above the same floor, at the lag and pitch at which
they agree best. Only cells of twice the floor are above it, as noise is by chance.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

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
ABOVE = 2.0  # times the floor, from which on a cell counts

Samples = npt.NDArray[np.float32]
Floats = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Match:
    """Where an example lies over a sound best, frames `first` to `end`, and their correlation."""

    likeness: float
    first: int
    end: int


class Shapes:
    """The spectrograms of examples at several pitches."""

    def __init__(self, sounds: Sequence[Samples], rate: int) -> None:
        self._templates = [
            _draw(sound, pitch, rate) for sound in sounds if len(sound) for pitch in PITCHES
        ]

    def __len__(self) -> int:
        """How many there are."""
        return len(self._templates)

    def compare(self, power: Floats, first: int, end: int, floor: Floats) -> Match:
        """Compare an event, frames `first` to `end` of mel power `(n_bands, n_frames)`.

        `floor` `(n_bands,)` is the power beside it. Returns how the most like of the examples lies
        over it.
        """
        matches = [_compare(power, first, end, floor, one) for one in self._templates]
        return max(matches, key=lambda match: match.likeness)


def _draw(sound: Samples, pitch: float, rate: int) -> Floats:
    kept = sound[: round(LONGEST_S * rate)]
    moved = kept
    if pitch != 1:
        blocks = resample_blocks(iter([kept]), round(rate * pitch / 10) * 10, rate)
        moved = np.concatenate(list(blocks))
    n_margin = MARGIN * rate // FRAMES_PER_S
    return compute_mel_power(np.pad(moved, (n_margin, n_margin)), rate)


def _compare(power: Floats, first: int, end: int, floor: Floats, template: Floats) -> Match:
    length = template.shape[1]
    begin = first - MARGIN
    low, high = sorted((begin, end + MARGIN - length))  # one holds the other, wherever it lies
    lags = np.union1d(np.arange(low, high + 1, STEP), np.arange(begin - NEAR, begin + NEAR + 1))
    lags = lags[np.argsort(np.abs(lags - begin), kind="stable")[:MAX_LAGS]]
    frames = lags[:, None] + np.arange(length)
    inside = (frames >= 0) & (frames < power.shape[1])
    level = np.maximum(floor, RANGE * power[:, first:end].max())[:, None]
    relative = np.where(inside, (power / level)[:, np.clip(frames, 0, power.shape[1] - 1)], 0)
    energies = (np.maximum(relative - 1, 0) * level[:, :, None]).sum(axis=(0, 2))
    gains = (energies / template.sum())[:, None]
    laid = 1 + gains[None] * (template / level)[:, None, :]
    likeness = _correlate(*(np.log(np.maximum(one / ABOVE, 1)) for one in (relative, laid)))
    best = int(likeness.argmax())
    start = int(lags[best]) + MARGIN
    return Match(float(likeness[best]), start, start + length - 2 * MARGIN)


def _correlate(ones: Floats, others: Floats) -> Floats:
    """Correlate over the first and the last axis, for each lag."""
    ones = ones - ones.mean(axis=(0, 2), keepdims=True)
    others = others - others.mean(axis=(0, 2), keepdims=True)
    norms = np.sqrt((ones**2).sum(axis=(0, 2)) * (others**2).sum(axis=(0, 2)))
    return np.asarray((ones * others).sum(axis=(0, 2)) / np.maximum(norms, 1e-12), np.float64)
