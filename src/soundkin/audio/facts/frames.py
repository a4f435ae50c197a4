"""Picks frames of a sound that comes block by block: many in the beginning, then a few."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float32]


class FramePicker:
    """Copies frames out of a stream until somebody takes them.

    Parameters
    ----------
    length
        Samples of a frame.
    hop, n_dense
        Samples from one frame's start to the next one's, for so many frames.
    sparse_hop
        The same after those.
    n_batch
        How many frames are given at once.
    """

    def __init__(self, length: int, hop: int, n_dense: int, sparse_hop: int, n_batch: int) -> None:
        self._hop, self._n_dense, self._sparse_hop = hop, n_dense, sparse_hop
        self._batch = np.empty((n_batch, length), np.float32)
        self._n_picked = 0
        self._n_waiting = 0
        self._rest = np.zeros(0, np.float32)
        self._next = 0  # where the next frame begins in the rest

    def add(self, samples: Floats) -> list[Floats]:
        """Take the next samples `(n_samples,)`; give batches that are full, `(n_batch, length)`."""
        self._rest = np.concatenate([self._rest, samples]) if len(self._rest) else samples
        length, full = self._batch.shape[1], []
        while self._next + length <= len(self._rest):
            self._batch[self._n_waiting] = self._rest[self._next : self._next + length]
            self._next += self._hop if self._n_picked < self._n_dense else self._sparse_hop
            self._n_picked += 1
            self._n_waiting += 1
            if self._n_waiting == len(self._batch):
                full.append(self.take())
        dropped = min(self._next, len(self._rest))
        self._rest = self._rest[dropped:]
        self._next -= dropped
        return full

    def take(self, *, padded: bool = False) -> Floats:
        """Give the frames that wait; one of the rest and silence where there was none at all."""
        if padded and not self._n_picked:
            self._batch[0] = 0
            self._batch[0, : len(self._rest)] = self._rest
            self._n_waiting = 1
        waiting = self._batch[: self._n_waiting].copy()
        self._n_waiting = 0
        return waiting
