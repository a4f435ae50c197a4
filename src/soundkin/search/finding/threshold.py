"""Which scores are too high for chance, and which are of what is sought."""

from __future__ import annotations

from statistics import NormalDist

import numpy as np
import numpy.typing as npt

CHANCE = 0.05  # expected number of segments that reach the bound by chance
LEAST_BOUND, MOST_BOUND = 0.4, 0.55
LEAST_SCORE, MOST_SCORE = 0.55, 0.75
LEAST_OF_VECTORS, MOST_OF_VECTORS = 0.3, 0.5  # where no shape is compared
WIDTH = 0.03  # standard deviation of a score, as two events of the same have
SLOPE = 2.0  # events more at a threshold, for which one lower by 1 is taken

Floats = npt.NDArray[np.floating]


def compute_chance_bound(scores: Floats) -> float:
    """Compute the score that hardly one of so many segments reaches by chance.

    Most segments have nothing of what is sought. Their scores, seen from the middle, lie as those
    of a normal distribution do, whose width is that between the median and the ninetieth
    percentile. The bound is kept within .4 and .55, as there may be few segments, or many
    occurrences.
    """
    if len(scores) < 2:
        return MOST_BOUND
    middle, high = np.quantile(scores, [0.5, 0.9]).tolist()
    width = (high - middle) / NormalDist().inv_cdf(0.9)
    bound = middle + width * NormalDist().inv_cdf(1 - CHANCE / len(scores))
    return float(min(MOST_BOUND, max(LEAST_BOUND, bound)))


def choose_threshold(scores: Floats, *, has_shapes: bool = True) -> float:
    """Choose the least score of an event, from the scores of all events that are not of chance.

    They are those of what is sought and those of sounds that are like it. Between the two there is
    a valley, in which the threshold is put: where the fewest events would be called otherwise if
    it were a little higher or lower. As who looks for a sound expects it to be there, a lower one
    is preferred to one that is hardly emptier. Without `has_shapes`, where what is sought is known
    by vectors alone, scores are lower.
    """
    least, most = LEAST_SCORE, MOST_SCORE
    if not has_shapes:
        least, most = LEAST_OF_VECTORS, MOST_OF_VECTORS
    grid = np.arange(least, most + 1e-9, 0.005)
    near = np.exp(-0.5 * ((grid[:, None] - scores[None]) / WIDTH) ** 2).sum(axis=1)
    return float(grid[np.argmin(near + SLOPE * grid)])
