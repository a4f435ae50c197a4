"""Who is near whom among many vectors, and how much each neighbour counts."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from soundkin.system.processors import count_processors

EXACT_ROWS = 20_000  # up to so many vectors all pairs are compared
BLOCK_ROWS = 1024
LISTS_PER_ROOT = 3  # inverted lists, times the root of how many vectors there are
TRAINING_POINTS = 64
TRAINING_ROUNDS = 8
PROBES = 24
HALVINGS = 40

Floats = npt.NDArray[np.float32]
Rows = npt.NDArray[np.int64]
OnCount = Callable[[int, int], None]


@dataclass(frozen=True)
class Graph:
    """The neighbours of some points, nearest first, and their weights, 1 in sum: `(n, k)` both."""

    neighbours: Rows
    weights: Floats


def find_neighbours(
    vectors: Floats, queries: Floats, k: int, on_count: OnCount, *, own: Rows | None = None
) -> tuple[Rows, Floats]:
    """Find the `k` nearest of unit vectors `(n, size)` to each of some others.

    Parameters
    ----------
    own
        The row among `vectors` that each query is, which is no neighbour of itself.
    on_count
        Called with how many are done and how many there are.

    Returns
    -------
    Rows and cosine similarities, `(n_queries, k)` each, nearest first. Where fewer are found, at a
    similarity of -1, a query's own row stands, or row 0.
    """
    ask = _compare_all(vectors) if len(vectors) <= EXACT_ROWS else _build_lists(vectors)
    rows = np.zeros((len(queries), k), np.int64)
    scores = np.full((len(queries), k), -1, np.float32)
    n_asked = min(len(vectors), k + (own is not None))
    n_block = BLOCK_ROWS if len(vectors) <= EXACT_ROWS else 8 * BLOCK_ROWS
    for start in range(0, len(queries), n_block):
        part = slice(start, start + n_block)
        found, likeness = ask(queries[part], n_asked)
        if own is not None:
            likeness = np.where(found == own[part, None], -2, likeness)
        order = np.argsort(-likeness, axis=1, kind="stable")[:, :k]
        n_found = order.shape[1]
        rows[part, :n_found] = np.take_along_axis(found, order, axis=1)
        scores[part, :n_found] = np.take_along_axis(likeness, order, axis=1)
        on_count(min(start + n_block, len(queries)), len(queries))
    is_missing = (rows < 0) | (scores < -1)
    rows = np.where(is_missing, 0 if own is None else own[:, None], rows)
    return rows, np.where(is_missing, np.float32(-1), scores)


def weigh(neighbours: Rows, scores: Floats, perplexity: float) -> Graph:
    """Weigh neighbours by a Gaussian of their distance, as wide for each point as its crowd asks.

    The weights of a point have the entropy of `perplexity` equal ones (van der Maaten and Hinton
    2008), found by halving.
    """
    squares = 2 - 2 * scores.astype(np.float64)
    squares -= squares[:, :1]
    wanted = np.log(min(perplexity, neighbours.shape[1]))
    low, high = np.full((2, len(squares), 1), [[[-10.0]], [[20.0]]])  # of the precision's logarithm
    for _ in range(HALVINGS):
        middle = (low + high) / 2
        weights = _normalise(squares, middle)
        entropy = -(weights * np.log(np.maximum(weights, 1e-300))).sum(axis=1, keepdims=True)
        is_wide = entropy > wanted
        low, high = np.where(is_wide, middle, low), np.where(is_wide, high, middle)
    return Graph(neighbours, _normalise(squares, high).astype(np.float32))


def _normalise(
    squares: npt.NDArray[np.float64], precision: npt.NDArray[np.float64]
) -> npt.NDArray[np.float64]:
    weights = np.exp(-squares * np.exp(precision))
    normalised: npt.NDArray[np.float64] = weights / weights.sum(axis=1, keepdims=True)
    return normalised


Ask = Callable[[Floats, int], tuple[Rows, Floats]]


def _compare_all(vectors: Floats) -> Ask:
    def ask(queries: Floats, count: int) -> tuple[Rows, Floats]:
        scores = queries @ vectors.T
        rows = np.argpartition(-scores, count - 1, axis=1)[:, :count]
        rows.sort(axis=1)  # so that ties come in the order of the library
        return rows, np.take_along_axis(scores, rows, axis=1)

    return ask


def _build_lists(vectors: Floats) -> Ask:
    """File the vectors in inverted lists, exact within the lists nearest to a query."""
    from soundkin.index.faiss_library import faiss

    faiss.omp_set_num_threads(count_processors())
    n_lists = int(LISTS_PER_ROOT * np.sqrt(len(vectors)))
    index = faiss.index_factory(vectors.shape[1], f"IVF{n_lists},Flat", faiss.METRIC_INNER_PRODUCT)
    fitting = index.cp
    fitting.niter, fitting.max_points_per_centroid = TRAINING_ROUNDS, TRAINING_POINTS
    fitting.min_points_per_centroid = 1
    index.train(vectors)
    index.add(vectors)
    index.nprobe = PROBES

    def ask(queries: Floats, count: int) -> tuple[Rows, Floats]:
        scores, rows = index.search(np.ascontiguousarray(queries), count)
        return rows, scores

    return ask
