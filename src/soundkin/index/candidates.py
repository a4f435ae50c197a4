"""What an index of segments asks of its vectors, and of whatever proposes neighbours among them."""

from __future__ import annotations

from typing import Protocol

import numpy as np
import numpy.typing as npt

Rows = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float32]


class CandidateIndex(Protocol):
    """Proposes rows that may be near a query; what it proposes is scored exactly afterwards.

    It may leave rows out and propose silent ones or such as count no more, but each row once.
    """

    @property
    def n_lists(self) -> int:
        """Inverted lists that its rows are filed in; 1 where all are read for every query."""

    @property
    def n_bytes(self) -> int:
        """What it takes in memory."""

    def __len__(self) -> int:
        """Rows that it may propose."""

    def find(self, queries: Floats, count: int, reach: float = 1.0) -> tuple[Rows, Floats]:
        """Find `count` rows that seem nearest to each of some unit vectors `(n_queries, n)`.

        `reach` times as much is read as usual. Returns rows and estimates of the cosine similarity,
        `(n_queries, count)` each, best first; -1 where no more were found.
        """


class VectorArray(Protocol):
    """Vectors `(n_segments, n)`, in memory or read as they are asked for: an array to read of."""

    @property
    def shape(self) -> tuple[int, ...]:
        """Segments, and the size of a vector."""

    @property
    def nbytes(self) -> int:
        """What they take in memory."""

    def __len__(self) -> int:
        """Segments."""

    def __getitem__(self, rows: slice | Rows, /) -> npt.NDArray[np.float16]:
        """Read vectors `(n_rows, n)`."""

    def take(self, rows: Rows, /, axis: int) -> npt.NDArray[np.float16]:
        """Read vectors `(n_rows, n)`; `axis` is 0."""
