"""Random projections: an index of sign bits that tells which vectors may be near a query.

RaBitQ (Gao and Long 2024, SIGMOD, arXiv 2405.12497): after a random rotation only the sign of every
coordinate is kept, 16 bytes for 128 dimensions, and two numbers that make the inner product with a
query an unbiased estimate of the true one. In front of the codes stand inverted lists (Jégou et al.
2011): vectors are filed under the nearest of some centroids, and only the lists nearest to a query
are read. What comes out is ranked by the exact vectors, in `rerank`.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any, Self

import numpy as np
import numpy.typing as npt

from soundkin.index.faiss_library import faiss
from soundkin.system.processors import count_processors

TRAINING_POINTS = 40  # vectors a centroid is fitted on
TRAINING_ROUNDS = 6
SEED = 0
BLOCK_ROWS = 1 << 16
READ_BYTES = 1 << 22
MAX_LISTS = 4096  # fitting more takes many minutes
MIN_IN_LIST = 16
LISTS_PER_ROOT = 4  # times the root of how many vectors there are
PROBES = 64
LISTS_IN_ORDER = 10  # faiss' way of reading the nearest list first: the rest is soon ruled out

Rows = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float32]


@dataclass(frozen=True)
class RaBitQIndex:
    """Codes of numbered vectors in `n_lists` inverted lists; one list is a scan of all codes."""

    n_lists: int
    _index: Any

    @classmethod
    def train(cls, sample: Floats, n_lists: int) -> Self:
        """Fit `n_lists` centroids to some of the vectors `(n, size)`; there are no codes yet."""
        size = sample.shape[1]
        index = faiss.index_factory(
            size, f"RR{size},IVF{n_lists},RaBitQfs", faiss.METRIC_INNER_PRODUCT
        )
        fitting = faiss.try_extract_index_ivf(index).cp
        fitting.niter, fitting.max_points_per_centroid = TRAINING_ROUNDS, TRAINING_POINTS
        fitting.min_points_per_centroid, fitting.seed = 1, 1 + SEED
        _use_cores(count_processors())
        index.train(np.ascontiguousarray(sample))
        return cls._of(index)

    @classmethod
    def load(cls, path: Path) -> Self:
        """Read a file of what `to_buffer` gave; from memory it would take four times as long.

        Raises
        ------
        ValueError, OSError
            It cannot be read.
        """
        try:
            with path.open("rb") as file:  # any name will do, which faiss itself does not say
                return cls._of(faiss.read_index(faiss.PyCallbackIOReader(file.read, READ_BYTES)))
        except RuntimeError as error:
            raise ValueError(str(error)) from error

    @classmethod
    def _of(cls, index: Any) -> Self:
        lists = faiss.downcast_index(faiss.try_extract_index_ivf(index))
        lists.implem = LISTS_IN_ORDER
        return cls(int(lists.nlist), index)

    def to_buffer(self) -> npt.NDArray[np.uint8]:
        """Write the codes and all that is needed to search them."""
        buffer: npt.NDArray[np.uint8] = faiss.serialize_index(self._index)
        return buffer

    def __len__(self) -> int:
        """Vectors in it."""
        return int(self._index.ntotal)

    @property
    def n_bytes(self) -> int:
        """What its codes, numbers and centroids take in memory."""
        lists = faiss.try_extract_index_ivf(self._index)
        per_vector = int(lists.code_size) + 8
        return len(self) * per_vector + 4 * int(self._index.d) * (int(self._index.d) + self.n_lists)

    def add(
        self,
        rows: Rows,
        read: Callable[[Rows], Floats],
        on_progress: Callable[[int, int], None] | None = None,
    ) -> None:
        """Add vectors by their numbers, `read` block by block as `(n, size)`."""
        _use_cores(count_processors())
        for start in range(0, len(rows), BLOCK_ROWS):
            part = rows[start : start + BLOCK_ROWS]
            self._index.add_with_ids(read(part), part)
            if on_progress:
                on_progress(start + len(part), len(rows))

    def find(self, queries: Floats, count: int, reach: float = 1.0) -> tuple[Rows, Floats]:
        """Find the numbers of `count` vectors that seem nearest to each query `(n, size)`.

        `reach` times as many lists are read as usual. Returns numbers and estimates of the inner
        product, `(n, count)` each, best first; -1 where the lists held no more.
        """
        probes = choose_n_probes(self.n_lists) * reach
        parameters = _make_parameters(min(self.n_lists, round(probes)))
        _use_cores(1 if len(queries) == 1 else count_processors())
        estimates, rows = self._index.search(queries, count, params=parameters)
        return rows, estimates


@dataclass(frozen=True)
class Centroids:
    """Centroids `(n_lists, size)` alone, for an index that is kept by others."""

    centroids: Floats

    @classmethod
    def fit(cls, sample: Floats, n_lists: int) -> Self:
        """Fit them to some of the vectors `(n, size)`, as `RaBitQIndex.train` does."""
        fitting = faiss.Kmeans(
            sample.shape[1],
            n_lists,
            niter=TRAINING_ROUNDS,
            max_points_per_centroid=TRAINING_POINTS,
            min_points_per_centroid=1,
            seed=1 + SEED,
        )
        _use_cores(count_processors())
        fitting.train(np.ascontiguousarray(sample))
        return cls(fitting.centroids)

    def assign(self, vectors: Floats) -> Rows:
        """Find the list of each vector `(n, size)`: the one whose centroid is nearest."""
        _use_cores(count_processors())
        _, nearest = faiss.knn(vectors, self.centroids, 1)
        rows: Rows = nearest[:, 0]
        return rows


def choose_n_lists(n_vectors: int) -> int:
    """Choose how many inverted lists so many vectors are best filed in."""
    n_lists = int(2 ** round(np.log2(max(1.0, LISTS_PER_ROOT * np.sqrt(n_vectors)))))
    return max(1, min(n_lists, MAX_LISTS, n_vectors // MIN_IN_LIST))


def choose_n_probes(n_lists: int) -> int:
    """Choose how many lists are read for a query at first."""
    return min(PROBES, n_lists)


@lru_cache
def _make_parameters(n_probes: int) -> Any:
    lists = faiss.SearchParametersIVF(nprobe=n_probes)
    return faiss.SearchParametersPreTransform(index_params=lists)


def _use_cores(count: int) -> None:
    """Threads help many vectors, and cost more than they give with one."""
    faiss.omp_set_num_threads(count)
