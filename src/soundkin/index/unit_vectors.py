"""Means of unit vectors, brought back to norm 1."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

LEAST_NORM = 1e-9  # a sum below it points nowhere

Floats = npt.NDArray[np.float32]


def average_vectors(vectors: Floats) -> Floats | None:
    """Average unit vectors `(m, n)` to one `(n,)`; None if there are none, or they cancel."""
    if not len(vectors):
        return None
    mean: Floats = average_runs(vectors, np.zeros(1, np.int64))[0]
    return mean if mean.any() else None


def average_runs(vectors: Floats, starts: npt.NDArray[np.int64]) -> Floats:
    """Average runs of unit vectors `(m, n)` to one each, `(n_runs, n)`; zeros where they cancel.

    Runs begin at `starts`, ascending, the first of them 0, and none is empty.
    """
    sums = np.add.reduceat(vectors, starts, axis=0, dtype=np.float64)
    norms = np.linalg.norm(sums, axis=1, keepdims=True)
    return (sums / np.where(norms > LEAST_NORM, norms, np.inf)).astype(np.float32)
