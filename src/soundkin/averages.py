"""One vector for a whole recording, of what an index holds."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from soundkin.vectors import VectorIndex


def average_content(index: VectorIndex, place: int) -> npt.NDArray[np.float32] | None:
    """Average content number `place`'s audible segments to a unit vector `(n,)`; None if silent.

    Raises
    ------
    DamagedIndexError
        A vector is not the one that was written.
    """
    rows = np.arange(index.offsets[place], index.offsets[place + 1])
    total = index.read(rows[~index.silent[rows]]).sum(axis=0, dtype=np.float64)
    norm = float(np.linalg.norm(total))
    return (total / norm).astype(np.float32) if norm > 1e-9 else None
