"""Picks frames of a sound that comes block by block: many in the beginning, then a few."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float32]


class FramePicker:
    """Copies frames out of a stream, each sample once, and gives them in batches.

    Parameters
    ----------
    length
        Samples of a frame.
    hop, n_dense
        Samples from one frame's start to the next one's, no fewer than its length, for so many
        frames.
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
        self._filled = 0  # samples of the frame that follows those
        self._skipped = 0  # samples before it begins

    def add(self, samples: Floats) -> Iterator[Floats]:
        """Take the next samples `(n_samples,)`; give full batches `(n_batch, length)`.

        A batch is overwritten when the next one is asked for.
        """
        length = self._batch.shape[1]
        while len(samples):
            skipped = min(self._skipped, len(samples))
            self._skipped -= skipped
            piece = samples[skipped : skipped + length - self._filled]
            self._batch[self._n_waiting, self._filled : self._filled + len(piece)] = piece
            self._filled += len(piece)
            samples = samples[skipped + len(piece) :]
            if self._filled == length:
                hop = self._hop if self._n_picked < self._n_dense else self._sparse_hop
                self._skipped = hop - length
                self._end_frame()
                if self._n_waiting == len(self._batch):
                    yield self.take()

    def take(self, *, padded: bool = False) -> Floats:
        """Give the frames that wait; `padded`, a sound too short for any as one, with silence."""
        if padded and not self._n_picked:
            self._batch[0, self._filled :] = 0
            self._end_frame()
        waiting = self._batch[: self._n_waiting]
        self._n_waiting = 0
        return waiting

    def _end_frame(self) -> None:
        self._n_picked += 1
        self._n_waiting += 1
        self._filled = 0
