"""A large library made from a real one, to see what an index does with millions of segments.

    python -m benchmarks.harness.synthetic_library LIBRARY N_SEGMENTS OUTPUT.sqlite [--seed 0]

Random vectors would be a poor test: they lie equally far from each other, as sounds never do. So
the audible segments of LIBRARY are used again and again, as runs of neighbouring segments (going on
into the next recording where one ends), each run moved a little. How much, and where to, is
measured in LIBRARY itself:

- A segment is moved in proportion to how far its nearest neighbour in another recording is, so that
  dense places stay dense. A copy lies from its original at three quarters of that cosine distance
  on average. With the whole of it, the nearest neighbours among 100,000 segments were farther than
  in the library of 15,000 that this was tried on, though they can only come nearer as a library
  grows; with half, they stood out from all others as they do in no library, which is easy for any
  index. With three quarters, what makes a search hard is as in that library: the hundredth
  neighbour is 1.75 times as far away as the first (1.67 there; medians, at a million segments), and
  distances grow with rank as in 19.5 dimensions (19.6).
- The direction is drawn from the normal distribution that has the covariance of the differences
  between such neighbours. Equal noise in all dimensions would be easier to draw, and would make
  neighbourhoods of 128 dimensions, where real ones have few.
- All segments of a run are moved in one direction, so that neighbours in time stay as alike as
  they are in life.

Of a library of more than 50,000 audible segments only the first so many are used.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from soundkin.index.vector_index import VectorIndex
from soundkin.library.library import Library
from soundkin.library.records import Content

RUN = 20  # segments of a recording: ten seconds
SHARE = 0.75  # of the distance to the nearest neighbour that a copy is moved
MAX_SOURCES = 50_000
BLOCK_RUNS = 2000
LEVEL_DB = -20.0
SAMPLE_RATE = 44_100

Floats = npt.NDArray[np.float32]
Halves = npt.NDArray[np.float16]


@dataclass(frozen=True)
class Spread:
    """How far segments are moved, `sizes` `(n,)`, and where to, `directions` `(size, size)`.

    `directions` makes a vector of mean square length 1 of one of independent normal numbers.
    """

    sizes: Floats
    directions: Floats


def read_audible(index: VectorIndex) -> tuple[Floats, npt.NDArray[np.int64]]:
    """Read the audible segments of an index and where the recordings begin among them."""
    rows = np.flatnonzero(~index.silent)[:MAX_SOURCES]
    offsets = np.searchsorted(rows, index.offsets)
    return index.vectors[rows].astype(np.float32), np.unique(offsets)


def measure_spread(vectors: Floats, offsets: npt.NDArray[np.int64]) -> Spread:
    """Measure how segments differ from their nearest neighbours in other recordings."""
    owners = np.searchsorted(offsets, np.arange(len(vectors)), side="right")
    nearest = np.empty(len(vectors), np.int64)
    for start in range(0, len(vectors), 1000):
        scores = vectors[start : start + 1000] @ vectors.T
        scores[owners[start : start + 1000, None] == owners] = -2
        nearest[start : start + 1000] = scores.argmax(axis=1)
    differences = vectors - vectors[nearest]
    squares = np.square(differences).sum(axis=1)  # of unit vectors: twice the cosine distance
    covariance = (differences.T @ differences).astype(np.float64) / squares.sum()
    values, axes = np.linalg.eigh(covariance)
    directions = axes * np.sqrt(np.maximum(values, 0))
    return Spread(np.sqrt(SHARE * squares), directions.astype(np.float32))


def resample(
    vectors: Floats,
    offsets: npt.NDArray[np.int64],
    n: int,
    generator: np.random.Generator,
    *,
    run: int = RUN,
) -> Iterator[Halves]:
    """Yield `n` unit vectors like those of a library, in blocks of whole runs but for the last."""
    spread = measure_spread(vectors, offsets)
    while n > 0:
        n_runs = min(BLOCK_RUNS, -(-n // run))
        starts = generator.integers(len(vectors), size=n_runs)
        rows = (starts[:, None] + np.arange(run)) % len(vectors)
        normal = generator.standard_normal((n_runs, vectors.shape[1]), np.float32)
        moves = (normal @ spread.directions.T)[:, None] * spread.sizes[rows][:, :, None]
        moved = (vectors[rows] + moves).reshape(-1, vectors.shape[1])[:n]
        moved /= np.linalg.norm(moved, axis=1, keepdims=True)
        yield moved.astype(np.float16)
        n -= len(moved)


def add_recordings(
    library: Library,
    vectors: Halves,
    first: int,
    generator: np.random.Generator,
    *,
    run: int = RUN,
    folder: str = "/synthetic",
) -> int:
    """Add recordings of so many segments each, numbered from `first`; returns the next number."""
    levels_db = np.full(run, LEVEL_DB, np.float16)
    with library.transaction():
        for start in range(0, len(vectors), run):
            part = vectors[start : start + run]
            content = Content(
                hash=generator.bytes(32),
                duration_s=(len(part) + 1) / 2,
                sample_rate=SAMPLE_RATE,
                n_channels=2,
                format="WAV PCM_16",
                warning=None,
                vectors=part,
                levels_db=levels_db[: len(part)],
            )
            content_id = library.add_content(content)
            library.save_recording(f"{folder}/{first:06}.wav", 1, 1, content_id=content_id)
            first += 1
    return first


def make_library(source: Path, n_segments: int, output: Path, seed: int, run: int) -> int:
    """Write a synthetic library; returns how many recordings it has."""
    with Library.open(source) as library:
        model = library.model
        vectors, offsets = read_audible(library.open_index().index)
    if model is None or not len(vectors):
        raise SystemExit(f"{source}: nothing audible in it")
    generator = np.random.default_rng(seed)
    n_recordings = 0
    with Library.open(output, create=True) as library:
        if library.model is not None:
            raise SystemExit(f"{output}: it is there already")
        library.replace_model(model)
        for block in resample(vectors, offsets, n_segments, generator, run=run):
            n_recordings = add_recordings(library, block, n_recordings, generator, run=run)
    return n_recordings


def main() -> None:
    """Make one and tell how long it took."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("library", type=Path, metavar="LIBRARY")
    parser.add_argument("n_segments", type=int, metavar="N_SEGMENTS")
    parser.add_argument("output", type=Path, metavar="OUTPUT")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--segments-per-recording", type=int, default=RUN)
    given = parser.parse_args()
    started = time.perf_counter()
    n_recordings = make_library(
        given.library, given.n_segments, given.output, given.seed, given.segments_per_recording
    )
    seconds = time.perf_counter() - started
    rate = given.n_segments / seconds
    print(
        f"{given.output}: {n_recordings:,} recordings, {given.n_segments:,} segments in"
        f" {seconds:.0f} s ({rate:,.0f} segments/s)"
    )


if __name__ == "__main__":
    main()
