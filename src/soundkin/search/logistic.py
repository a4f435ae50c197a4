"""Logistic regression with a penalty, for a few numbers or a few hundred."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

MAX_LOGIT = 30.0
CONSTANT_PENALTY = 1e-6

Floats = npt.NDArray[np.float64]


def fit_logistic(
    examples: Floats,
    targets: npt.NDArray[np.bool_],
    weights: Floats,
    *,
    penalty: float = 1.0,
    n_steps: int = 8,
) -> Floats:
    """Fit by Newton's method with an L2 penalty; the last column of the examples is a constant."""
    penalties = penalty * np.eye(examples.shape[1])
    penalties[-1, -1] = CONSTANT_PENALTY
    fitted = np.zeros(examples.shape[1])
    for _ in range(n_steps):
        share = compute_share(examples @ fitted)
        gradient = examples.T @ (weights * (share - targets)) + penalties @ fitted
        curvature = (examples.T * (weights * share * (1 - share))) @ examples + penalties
        fitted = fitted - np.linalg.solve(curvature, gradient)
    return fitted


def compute_share(logits: Floats) -> Floats:
    """Turn logits into shares, 0-1."""
    share: Floats = 1 / (1 + np.exp(-np.clip(logits, -MAX_LOGIT, MAX_LOGIT)))
    return share
