"""How good a ranking is: average precision, precision, recall, reciprocal rank. Pure functions.

All take `relevant`, bool `(n_queries, n_ranks)`: whether what stands at each rank is relevant, best
first, and `n_relevant`, `(n_queries,)`: how many relevant ones there are in all. All give float64
`(n_queries,)` within [0, 1]. A query with nothing relevant has the value 0.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

Relevant = npt.NDArray[np.bool_]
Counts = npt.NDArray[np.int64]
Values = npt.NDArray[np.float64]


def compute_average_precision(relevant: Relevant, n_relevant: Counts) -> Values:
    """Average, over the relevant ones, the precision at the rank of each (TREC's definition)."""
    hits = relevant.cumsum(axis=1)
    ranks = np.arange(1, relevant.shape[1] + 1)
    sums = (hits / ranks * relevant).sum(axis=1)
    averages: Values = sums / np.maximum(n_relevant, 1)
    return averages


def compute_precision_at(relevant: Relevant, k: int) -> Values:
    """Compute the share of relevant ones among the first `k`."""
    precision: Values = relevant[:, :k].sum(axis=1) / k
    return precision


def compute_recall_at(relevant: Relevant, n_relevant: Counts, k: int) -> Values:
    """Compute the share of the relevant ones that stand among the first `k`."""
    recall: Values = relevant[:, :k].sum(axis=1) / np.maximum(n_relevant, 1)
    return recall


def compute_reciprocal_rank(relevant: Relevant) -> Values:
    """Compute one over the rank of the first relevant one."""
    first = relevant.argmax(axis=1)
    ranks: Values = np.where(relevant.any(axis=1), 1.0 / (first + 1), 0.0)
    return ranks
