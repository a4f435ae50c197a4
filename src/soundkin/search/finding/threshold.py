"""The least score of an event, chosen from the scores themselves."""

from __future__ import annotations

import math
from statistics import NormalDist

import numpy as np
import numpy.typing as npt

CHANCE = 0.05  # expected number of segments that reach the bound by chance
LEAST, MOST = 0.4, 0.55
VALLEY = 0.2  # how far above the bound a valley may lie
WIDTH = 0.06  # of what counts as near a score

Floats = npt.NDArray[np.floating]


def choose_threshold(scores: Floats, peaks: Floats) -> float:
    """Choose the least score that is not of chance, from the scores of all segments and of peaks.

    Most segments have nothing of what is sought. Their scores, seen from the middle, lie as those
    of a normal distribution do, whose width is that between the median and the ninetieth
    percentile; of as many draws as there are segments, hardly one lies above the bound, which is
    kept within .4 and .55, as there may be few segments, or many occurrences. Other sounds of like
    kind lie above it too. Where there is a valley between them and the occurrences, the threshold
    is in the middle of its emptiest part, up to .2 above the bound.
    """
    bound = compute_chance_bound(scores)
    near = np.sort(peaks[peaks >= bound - WIDTH])
    grid = np.arange(bound, bound + VALLEY + 1e-9, 0.01)
    counts = np.array([np.sum(np.abs(near - value) < WIDTH) for value in grid])
    if not len(near) or near[-1] < grid[-1]:
        return float(bound)
    emptiest = np.flatnonzero(counts == counts.min())
    run = emptiest[: 1 + int(np.argmax(np.append(np.diff(emptiest) > 1, True)))]
    return float(grid[run].mean())


def compute_chance_bound(scores: Floats) -> float:
    """Compute the score that hardly one of so many segments reaches by chance."""
    if len(scores) < 2:
        return MOST
    middle, high = np.quantile(scores, [0.5, 0.9]).tolist()
    width = (high - middle) / NormalDist().inv_cdf(0.9)
    bound = middle + width * NormalDist().inv_cdf(1 - CHANCE / max(len(scores), 2))
    return min(MOST, max(LEAST, bound)) if math.isfinite(bound) else MOST
