"""Nearest neighbours among a library's segment vectors: exact, memory-mapped from a cache file.

The cache is derived data beside the library, stamped with the library's generation; one that is
stale or damaged is ignored, and made again.
"""

from __future__ import annotations

import json
import zlib
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from soundkin.files import write_aside

MAGIC = b"soundkin-vectors-2\n"
HEADER_BYTES = 4096
BLOCK_FLOATS = 1 << 21
BACKGROUND_ROWS = 1000


@dataclass(frozen=True)
class Neighbours:
    """Best first: which content, which of its segments, and the cosine similarity to the query."""

    content_ids: npt.NDArray[np.int64]
    segments: npt.NDArray[np.int64]
    scores: npt.NDArray[np.float32]


@dataclass(frozen=True)
class VectorIndex:
    """Every segment of a library, those of one content side by side.

    `vectors` is float16 `(n_segments, n)`; `silent` is bool `(n_segments,)`; content number i,
    known in the library as `content_ids[i]`, has rows `offsets[i]` to `offsets[i + 1]`.
    """

    vectors: npt.NDArray[np.float16]
    silent: npt.NDArray[np.bool_]
    content_ids: npt.NDArray[np.int64]
    offsets: npt.NDArray[np.int64]

    @classmethod
    def build(
        cls,
        contents: Iterable[tuple[int, npt.NDArray[np.float16], npt.NDArray[np.bool_]]],
    ) -> VectorIndex:
        """Put together (content id, vectors, silent) of contents in ascending order of id."""
        ids, blocks, silences = [], [], []
        for content_id, vectors, silent in contents:
            ids.append(content_id)
            blocks.append(vectors)
            silences.append(silent)
        offsets = np.cumsum([0, *map(len, blocks)], dtype=np.int64)
        content_ids = np.array(ids, np.int64)
        if not blocks:
            return cls(np.zeros((0, 0), np.float16), np.zeros(0, np.bool_), content_ids, offsets)
        return cls(np.concatenate(blocks), np.concatenate(silences), content_ids, offsets)

    def __len__(self) -> int:
        """Segments in it, silent ones too."""
        return len(self.vectors)

    def score(self, query: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
        """Compute a unit vector's cosine similarity to every segment `(n,)`; silent ones: -2."""
        scores = np.empty(len(self), np.float32)
        n_rows = max(1, BLOCK_FLOATS // len(query))
        for start in range(0, len(self), n_rows):
            block = self.vectors[start : start + n_rows].astype(np.float32)
            np.matmul(block, query, out=scores[start : start + n_rows])
        scores[self.silent] = -2.0
        return scores

    def search(
        self,
        query: npt.NDArray[np.float32],
        n_contents: int,
        *,
        per_content: int = 1,
        min_gap: int = 1,
        allowed: npt.NDArray[np.int64] | None = None,
    ) -> Neighbours:
        """Find the segments nearest to a query.

        Parameters
        ----------
        query
            Unit vector, float32 `(n,)`.
        n_contents
            How many different contents to find, fewer only where no more are allowed.
        per_content
            How many segments of one content at most.
        min_gap
            Segments of one content lie at least so many segments apart.
        allowed
            Content ids that count, ascending; None means all.
        """
        scores = self.score(query)
        bests = np.maximum.reduceat(scores, self.offsets[:-1]) if len(self) else scores
        if allowed is not None:
            bests = np.where(np.isin(self.content_ids, allowed, assume_unique=True), bests, -2.0)
        n_found = min(n_contents, int(np.count_nonzero(bests > -2.0)))
        rows: list[int] = []
        for content in _take_largest(bests, n_found):
            start, stop = int(self.offsets[content]), int(self.offsets[content + 1])
            rows += [start + s for s in _take_apart(scores[start:stop], per_content, min_gap)]
        chosen = np.array(rows, np.int64)
        chosen = chosen[np.argsort(-scores[chosen], kind="stable")]
        owners = np.searchsorted(self.offsets, chosen, side="right") - 1
        return Neighbours(self.content_ids[owners], chosen - self.offsets[owners], scores[chosen])

    def compute_background(self, generator: np.random.Generator) -> npt.NDArray[np.float32]:
        """Compute the scores that segments of different contents have by chance, ascending.

        What a score means in this library is told by its place among them.
        """
        audible = np.flatnonzero(~self.silent)
        if len(audible) > BACKGROUND_ROWS:
            audible = np.sort(generator.choice(audible, BACKGROUND_ROWS, replace=False))
        owners = np.searchsorted(self.offsets, audible, side="right") - 1
        sample = self.vectors[audible].astype(np.float32)
        upper = np.triu(owners[:, None] != owners[None, :])
        return np.sort((sample @ sample.T)[upper])

    def save(self, path: Path, stamp: tuple[str, int]) -> bool:
        """Write the cache aside, then put it in place; False where it cannot be written."""
        small = [array.tobytes() for array in (self.silent, self.content_ids, self.offsets)]
        header = {
            "stamp": stamp,
            "shape": self.vectors.shape,
            "n_contents": len(self.content_ids),
            "crc": zlib.crc32(b"".join(small)),
        }
        try:
            with write_aside(path) as file:
                file.write((MAGIC + json.dumps(header).encode()).ljust(HEADER_BYTES))
                file.write(np.ascontiguousarray(self.vectors).data)
                for data in small:
                    file.write(data)
        except OSError:
            return False
        return True

    @classmethod
    def load(cls, path: Path, stamp: tuple[str, int]) -> VectorIndex | None:
        """Memory-map a cache; None if there is none, or it is stale or damaged."""
        try:
            with path.open("rb") as file:
                head = file.read(HEADER_BYTES)
                if not head.startswith(MAGIC):
                    return None
                header = json.loads(head[len(MAGIC) :])
                (n, size), m = map(int, header["shape"]), int(header["n_contents"])
                file.seek(HEADER_BYTES + n * size * 2)
                rest = file.read()
            if tuple(header["stamp"]) != stamp or len(rest) != n + 8 * m + 8 * (m + 1):
                return None
            if zlib.crc32(rest) != header["crc"]:
                return None
            vectors: npt.NDArray[np.float16] = (
                np.memmap(path, np.float16, "r", HEADER_BYTES, (n, size))
                if n
                else np.zeros((0, size), np.float16)
            )
            silent = np.frombuffer(rest, np.bool_, n)
            content_ids = np.frombuffer(rest, np.int64, m, n)
            offsets = np.frombuffer(rest, np.int64, m + 1, n + 8 * m)
            return cls(vectors, silent, content_ids, offsets)
        except (OSError, ValueError, KeyError, TypeError):
            return None


def _take_largest(values: npt.NDArray[np.float32], count: int) -> npt.NDArray[np.int64]:
    """Take the places of the `count` largest values, largest first, ties by place."""
    if count == 0:
        return np.zeros(0, np.int64)
    if count < len(values):
        threshold = np.partition(values, -count)[-count]
        places = np.flatnonzero(values >= threshold)
    else:
        places = np.arange(len(values))
    return places[np.argsort(-values[places], kind="stable")][:count]


def _take_apart(scores: npt.NDArray[np.float32], count: int, min_gap: int) -> list[int]:
    """Take up to `count` audible places with the highest scores, at least `min_gap` apart."""
    if count == 1:
        return [int(scores.argmax())]
    taken: list[int] = []
    for place in np.argsort(-scores, kind="stable"):
        if len(taken) == count or scores[place] <= -2.0:
            break
        if all(abs(int(place) - other) >= min_gap for other in taken):
            taken.append(int(place))
    return taken
