"""Queries bent by what was liked and disliked: a small classifier, fitted anew for each search."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

N_RANDOM = 200
PENALTY = 1.0
N_STEPS = 8
LARGEST_LOGIT = 30.0

Vectors = npt.NDArray[np.float32]
Floats = npt.NDArray[np.float64]


def refine(query: Vectors, liked: Vectors, disliked: Vectors, random: Vectors) -> Vectors:
    """Find the direction that tells what is wanted from what is not, a unit vector `(n,)`.

    The query and what is liked stand against what is disliked and sounds drawn at random, by
    logistic regression with a unit L2 penalty, both sides weighing the same, as do the disliked and
    the random: active learning on top of a fixed embedding. It is linear, so that an index can
    look along it.

    Parameters
    ----------
    query
        Unit vector `(n,)`.
    liked, disliked
        Unit vectors `(n_liked, n)` and `(n_disliked, n)`; either may be empty.
    random
        Unit vectors of some `N_RANDOM` sounds of the library.
    """
    wanted, unwanted = np.vstack([query[None], liked]), np.vstack([disliked, random])
    examples = np.vstack([wanted, unwanted]).astype(np.float64)
    examples = np.hstack([examples, np.ones((len(examples), 1))])
    is_wanted = np.arange(len(examples)) < len(wanted)
    share = 0.5 if len(disliked) and len(random) else 1.0
    weights = np.concatenate(
        [
            np.full(len(part), weight / max(1, len(part)))
            for part, weight in ((wanted, 1.0), (disliked, share), (random, share))
        ]
    )
    direction = _fit(examples, is_wanted, weights * len(examples) / weights.sum())[:-1]
    norm = float(np.linalg.norm(direction))
    if not norm > 1e-9:  # the same sound is liked and disliked, and nothing else is there
        return query
    return (direction / norm).astype(np.float32)


def _fit(examples: Floats, is_wanted: npt.NDArray[np.bool_], weights: Floats) -> Floats:
    """Fit a logistic regression by Newton's method; the last column is a constant."""
    penalty = PENALTY * np.eye(examples.shape[1])
    penalty[-1, -1] = 1e-6
    fitted = np.zeros(examples.shape[1])
    for _ in range(N_STEPS):
        logits = np.clip(examples @ fitted, -LARGEST_LOGIT, LARGEST_LOGIT)
        share = 1 / (1 + np.exp(-logits))
        gradient = examples.T @ (weights * (share - is_wanted)) + penalty @ fitted
        curvature = (examples.T * (weights * share * (1 - share))) @ examples + penalty
        fitted = fitted - np.linalg.solve(curvature, gradient)
    return fitted
